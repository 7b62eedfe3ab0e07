# Results of an older program lack keys that came later.
old=$CASES/../../../docs/results/cifar10-resnet20-block/seed-0
mkdir new
sed 's/"seed": 0/"seed": 1/' "$old"/results.json >new/results.json
winnow run "$old"/recipe.yaml --seeds 1 --resolve >new/resolved.yaml
cp "$old"/recipe.yaml new
winnow merge "$old" new --out both && winnow report both --csv | cut -d, -f1-3 | head -n 3
winnow run "$old"/recipe.yaml --seeds 1 --set train.lr.step.base=0.2 --resolve >new/resolved.yaml
winnow merge new "$old" --out both
