cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >/dev/null || exit 1
from="lottery-ticket 80% seed 0" to="kd-ticket 80% seed 0"
winnow lab path "$from" "$to" --points 3 --epochs 3 --to path --quiet >/dev/null || exit 1
winnow lab path "$from" "$to" --points 3 --epochs 1 --order 3 --full --to full --quiet >/dev/null || exit 1
# Curve and line have the same ends; they differ between.
awk -F, '/^straight line/ { line = $3 " " $4 } /^trained curve/ { curve = $3 " " $4 } END { exit !(line != "" && line == curve) }' path/barrier.csv || exit 1
# Cut off behind the training, it goes on to the same bytes.
cp -r path again && rm again/result.json && sed -n '1p;/"epoch /p' path/journal.jsonl >again/journal.jsonl
winnow lab path "$from" "$to" --points 3 --epochs 3 --to again --quiet >/dev/null || exit 1
cmp path/result.json again/result.json && cmp path/journal.jsonl again/journal.jsonl || exit 1
winnow lab connect "$to" --from 0,5 --points 3 --to connect --quiet >/dev/null || exit 1
[ "$(grep -c '^from' connect/instability.csv)" = 2 ] || { cat connect/instability.csv; exit 1; }
winnow lab connect "$to" --from 8
winnow lab connect net.yaml
winnow lab path "$from" "$to" --order 4
