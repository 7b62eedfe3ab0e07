# A signal that is ignored when the program starts stays ignored: what nohup does.
cp "$CASES"/../files/* .
sed -i 's/epochs: 2/epochs: 30/' tiny.yaml
(trap '' HUP USR2 && exec winnow run tiny.yaml --quiet >table) &
run=$!
until grep -qs '"epoch": *[1-9]' winnow-runs/stages/*/metrics.jsonl; do
    kill -0 $run || { echo "ended before a signal came" >&2; exit 1; }
    sleep 0.01
done
kill -HUP $run
kill -USR2 $run
wait $run
