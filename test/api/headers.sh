#!/bin/bash
# headers.sh CC INCLUDE: each public header compiles alone, as C99, C17 and C++, without a warning. C++ compilers that are absent are skipped.
set -u
cc=$1 include=$2 bad=0 skipped=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compiles() { # COMPILER LANGUAGE STANDARD HEADER
    printf '#include "winnow/%s"\nint nothing;\n' "$4" >"$work/one"
    "$1" -x "$2" -std="$3" -Wall -Wextra -pedantic -Werror -I "$include" -c -o "$work/one.o" "$work/one" && return
    echo "$4 does not compile alone: $1 -std=$3"
    bad=1
}

for path in "$include"/winnow/*.h; do
    for standard in c99 c17; do compiles "$cc" c $standard "$(basename "$path")"; done
done
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || { skipped="$skipped $cxx"; continue; }
    for path in "$include"/winnow/*.h; do
        for standard in c++11 c++20; do compiles $cxx c++ $standard "$(basename "$path")"; done
    done
done
[ -z "$skipped" ] || echo "skipped, not found:$skipped"
[ $bad = 0 ] || exit 1
[ "$skipped" != " g++ clang++" ] || exit 77
