#!/bin/bash
# Builds every preset of CMakePresets.json, or those named, each in its folder with warnings as errors, and says which failed:
# build-all.sh [PRESET...]
set -u
cd "$(dirname "$0")/.."
scripts/install-deps.sh build && scripts/install-deps.sh clang || exit 1
[ $# -gt 0 ] || set -- $(cmake --list-presets=build | sed -n 's/^ *"\(.*\)".*/\1/p')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=
for preset; do
    SECONDS=0
    if { cmake --preset "$preset" -DWINNOW_DEVELOPER=ON && cmake --build --preset "$preset" --parallel "$(nproc)"; } >"$log" 2>&1; then
        echo "$preset: built in $SECONDS s"
    else
        failed="$failed $preset"
        grep -E -A3 'error|warning' "$log" || tail -n 20 "$log"
        echo "$preset: FAILED after $SECONDS s"
    fi
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
echo "all built: $*"
