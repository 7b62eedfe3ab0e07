cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >/dev/null || exit 1
winnow lab interpolate "dense seed 0" "lottery-ticket 80% seed 0" --interpolate-norms --points 8 --to first --quiet >printed || exit 1
grep -q '^results: first$' printed || exit 1
# The ends are the networks: the same losses as evaluating them.
final=$(winnow status tiny | sed -nE 's/^([0-9a-f]{12}) .* train .*dense seed 0$/\1/p')
loss=$(winnow eval winnow-runs/stages/"$final"*/final.safetensors | sed -nE 's/^loss +//p')
awk -F, -v loss="$loss" '$1 == 0 && NR > 1 { found = ($4 - loss) ^ 2 < 1e-8 } END { exit !found }' first/curve.csv || { echo "not $loss:"; cat first/curve.csv; exit 1; }
# Asked again, it is answered from the folder; cut off, it goes on to the same bytes.
winnow lab interpolate "dense seed 0" "lottery-ticket 80% seed 0" --interpolate-norms --points 8 --to first >again 2>said || exit 1
cmp printed again || exit 1
cp -r first second && rm second/result.json && head -n 4 first/journal.jsonl >second/journal.jsonl && printf '{"unit":"3","val' >>second/journal.jsonl
winnow lab interpolate "dense seed 0" "lottery-ticket 80% seed 0" --interpolate-norms --points 8 --to second --quiet >/dev/null || exit 1
cmp first/result.json second/result.json && cmp first/journal.jsonl second/journal.jsonl || exit 1
# A state before a step is made again by replaying.
winnow lab interpolate "dense seed 0@3" "dense seed 0@final" --points 2 --from 0 --upto 1 --quiet >/dev/null || exit 1
# What is wrong is told.
winnow train tiny.yaml --set model.arch=lenet5 --quiet --out other >/dev/null || exit 1
for wrong in other "dense sead 0" "mask 80% seed 0" net.yaml "dense seed 0@99" "dense seed 0@x"; do
    winnow lab interpolate "dense seed 0" "$wrong"
    [ $? -le 2 ] || exit 1
done
winnow lab interpolate "dense seed 0" "dense seed 0" --points 4
