# Each warning stands once, in the dry run and in the run; what cannot be is refused.
cp "$CASES"/../files/* .
told() { # what, then a command
    local what=$1
    shift
    winnow run tiny.yaml --dry-run "$@" >out 2>&1
    echo "$?: $(grep -c "$what" out)"
}
told "train.batch: 200 is more than the 128 training samples" --set train.batch=200
told "about 0 of 480 weights are left for 2 layers" --set compare.sparsity=[99.99%] --set compare.methods=[lottery-ticket]
told "weights are left" --set compare.sparsity=[99.99%] --set mask.empty=keep-one
told "batch norm over one value" --set model.arch=flat.yaml --set data.train=161
told "batch norm over one value" --set model.arch=flat.yaml --set data.train=161 --set data.last_batch=drop
told "batch norm over one value" --set model.arch=flat.yaml --set train.micro_batch=1
told "its mask changes once in 8 steps" --set compare.methods=[set] --set methods.set.topology.interval=1000it
told "soft labels weigh 2.25 beside 0.1" --set train.epochs=2
told "soft labels weigh 14.4 beside 0.1" --set "labels={soft: {T: 4, kl: batchmean}}"
told "kl: mean averages over classes" --set "labels={soft: {T: 4}}"
told "kl: mean averages over classes" --set "labels={soft: {T: 4, kl: mean}}"
told "rigl is not among compare.methods" --set "report.claims=[kd-ticket better than rigl at 80%]"
told "has 7 outputs, the data set has 10 classes" --set model.arch=seven.yaml
told "with jobs side by side" --jobs 2 --threads 1
winnow run tiny.yaml --quiet --out empty --set compare.sparsity=[99.99%] --set compare.methods=[lottery-ticket] >out 2>message
echo "$?: $(grep -c "no path of weights" message)"
