#!/bin/bash
# fuzz.sh [SECONDS] [TARGET]...: each fuzz target for SECONDS (60) by libFuzzer under sanitizers, on a copy of its corpus in build-fuzz/corpus, which is kept and
# grows from run to run. What crashes, hangs for 20 s or takes 2 GiB is kept in build-fuzz/found, and the status is 1.
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift
scripts/install-deps.sh clang && cmake --preset fuzz >/dev/null && cmake --build --preset fuzz --parallel "$(nproc)" >build-fuzz/build.log || exit 2
[ $# -gt 0 ] || set -- $(sed -n 's/^winnow_fuzz(fuzz_\([a-z0-9]*\).*/\1/p' fuzz/CMakeLists.txt)
mkdir -p build-fuzz/found
bad=0
for name; do
    corpus=build-fuzz/corpus/$name log=build-fuzz/$name.log
    mkdir -p "$corpus"
    before=$(find "$corpus" -type f | wc -l)
    build-fuzz/fuzz/fuzz_"$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=2048 -artifact_prefix="build-fuzz/found/$name-" \
        -print_final_stats=1 "$corpus" "fuzz/corpus/$name" >"$log" 2>&1
    code=$?
    edges=$(grep -oE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$name: ${runs:-?} runs, ${edges:-?} edges, $(($(find "$corpus" -type f | wc -l) - before)) files more, $([ $code = 0 ] && echo ok || echo "FAILED: $log")"
    [ $code = 0 ] || bad=1
done
exit $bad
