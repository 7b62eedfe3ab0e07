cp "$CASES"/../files/swept.yaml .
winnow sweep swept.yaml --quiet --shard 1/2 >table
code=$?
[ $code = 76 ] || { echo "exit code $code, wanted 76"; exit 1; }
winnow sweep swept.yaml --quiet --shard 2/2 --wait >table &
winnow sweep swept.yaml --quiet --shard 1/2 --wait --json >trials.json || exit 1
wait $! || exit 1
winnow sweep swept.yaml --quiet --json | cmp - trials.json
