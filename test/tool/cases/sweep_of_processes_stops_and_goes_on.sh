# SIGTERM to the sweep alone: its processes save and end, and the same command ends in the same trials.
cp "$CASES"/../files/swept.yaml .
sed -i 's/epochs: 4/epochs: 60/; s/first: 1ep/first: 20ep/' swept.yaml
winnow sweep swept.yaml --quiet --csv --out whole >whole.csv || exit 1
winnow sweep swept.yaml --quiet --csv --jobs 2 --force --out cut >cut.csv &
sweep=$!
until grep -qs '"epoch":2' cut/stages/*/metrics.jsonl; do
    kill -0 $sweep || { echo "ended before it could be stopped"; exit 1; }
    sleep 0.01
done
kill -TERM $sweep
wait $sweep
code=$?
[ $code = 75 ] || { echo "exit code $code, wanted 75"; exit 1; }
winnow sweep swept.yaml --quiet --csv --jobs 2 --force --out cut >cut.csv || exit 1
cmp whole.csv cut.csv
