# stopped_equals_undisturbed SIGNAL CODE: a run that got the signal after its first epochs ends with CODE, and the same command then ends in
# the bytes of a run that nobody disturbed.
stopped_equals_undisturbed() {
    cp "$CASES"/../files/* .
    sed -i 's/epochs: 2/epochs: 30/' tiny.yaml
    winnow run tiny.yaml --quiet --out whole >table || return 1
    env --default-signal="${1/KILL/TERM}" winnow run tiny.yaml --out cut >table 2>said & # shells ignore INT of jobs in the background
    local run=$!
    until grep -qs '"epoch": *[1-9]' cut/stages/*/metrics.jsonl; do
        kill -0 $run || { echo "ended before it could be stopped" >&2; return 1; }
        sleep 0.01
    done
    kill -"$1" $run
    wait $run
    local code=$?
    [ "$1" = KILL ] || [ "$(grep -c 'Kept in cut: ' said)" = 1 ] || { cat said >&2; return 1; }
    [ $code = "$2" ] || { echo "exit code $code, wanted $2" >&2; return 1; }
    winnow run tiny.yaml --quiet --out cut >table || return 1
    local file
    for file in whole/stages/*/{final.safetensors,metrics.jsonl}; do
        cmp "$file" "cut/${file#*/}" || return 1
    done
}
