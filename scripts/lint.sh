#!/bin/bash
# lint.sh BUILD [FILE...]: clang-tidy over the library and the tool (or the files named), with the checks of .clang-tidy; every warning
# is an error.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
[ $# -gt 0 ] || set -- $(find src tool -name '*.c' -not -name '*_neon.c')
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet --warnings-as-errors='*' 2>/dev/null
