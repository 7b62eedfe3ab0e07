#!/bin/bash
# Compares every C file with what clang-format 14 makes of it; --fix rewrites them.
set -eu
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
find include src tool test bench fuzz -name '*.[ch]' -print0 | xargs -0 clang-format-14 "${mode[@]}"
