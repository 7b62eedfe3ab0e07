cp "$CASES"/../files/* .
run() { winnow run tiny.yaml --quiet --set name="$1" --seeds "$2" "${@:3}" >/dev/null; }
merge() {
    winnow merge winnow-runs/a winnow-runs/"$1" --out merged 2>&1
    echo "$1: exit $?"
}
run a 0
run seed 1 --threads 1
run rate 1 --set train.lr=0.1
run adam 1 --set 'train.optimizer=adam' --set train.lr=1
run row 1 --set 'methods.kd-ticket={labels: {soft: {T: 3}}}'
run again 0 --set 'compare.methods=[dense, random-ticket]'
sed -i '0,/- relu/s//- relu: {max: 6}/' net.yaml # as many parameters and FLOPs
run network 1
for name in seed rate adam row network again; do merge $name; done
sed -i '0,/"test_accuracy": .*/s//"test_accuracy": 0.99,/' winnow-runs/again/results.json
merge again
winnow merge winnow-runs/a --out ./winnow-runs/a/
echo "exit $?"
