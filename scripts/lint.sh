#!/bin/bash
# lint.sh BUILD: clang-tidy over the library and the tool, with the checks of .clang-tidy; every warning is an error.
set -eu
cd "$(dirname "$0")/.."
find src tool -name '*.c' -not -name '*_neon.c' -print0 |
    xargs -0 -P "$(nproc)" -n 4 clang-tidy-14 -p "$1" --quiet --warnings-as-errors='*'
