# Numbers of the moving average of weights stand apart from those of the weights: in results, tables and CSV, and only where there is one.
cp "$CASES"/../files/* .
for ema in 0 0.5; do
    winnow run tiny.yaml --quiet --set train.ema=$ema --set name=ema-$ema --set "compare.methods=[dense]" >table || exit 99
    sed -nE 's/^(method .*)/\1/p' table
    winnow report winnow-runs/ema-$ema --csv | head -n 1 | grep -o "average_[a-z_]*"
    grep -o '"average_[a-z_]*"' winnow-runs/ema-$ema/results.json
done
stage=$(grep -lE '"split":"test-average"' winnow-runs/stages/*/metrics.jsonl)
last=$(grep '"split":"test-average"' "$stage" | tail -n 1 | sed -E 's/.*"accuracy":([^,]*),.*/\1/')
grep -q "\"average_test_accuracy\": $last," winnow-runs/ema-0.5/results.json && echo "the last evaluation's"
