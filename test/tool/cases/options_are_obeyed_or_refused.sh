# What cannot be obeyed is refused with exit code 2, before anything is read or written.
cp "$CASES"/../files/* .
refuse() {
    winnow "$@" >out 2>&1
    echo "$?: $(tail -n 1 out)"
}
echo "-- threads and jobs"
for command in "run tiny.yaml" "sweep swept.yaml" "train tiny.yaml" "eval x" "time x" "shrink x --hold 1%" "bench step lenet5" "lab flow x" "lab study tiny.yaml"; do
    # shellcheck disable=SC2086 # words are meant
    refuse $command --threads 1000
done
refuse run tiny.yaml --jobs 1000
refuse run tiny.yaml --jobs 1000 --threads 2
echo "-- numbers and texts"
for number in 0 -1 1.5 " 1" 4294967297 x; do refuse run tiny.yaml --threads="$number"; done
refuse bench step lenet5 --runs 0
refuse train tiny.yaml --seed 9223372036854775808
refuse run tiny.yaml --out ""
refuse run tiny.yaml --set ""
echo "-- twice"
refuse run tiny.yaml --out a --out b
refuse run tiny.yaml --set train.epochs=1 --set train.epochs=2
refuse run tiny.yaml --seeds 0 --set compare.seeds=1
refuse sweep swept.yaml --set train.lr.cosine.base=1
echo "-- together"
refuse run tiny.yaml --quiet --verbose
refuse run tiny.yaml --dry-run --resolve
refuse run tiny.yaml --dry-run --redo train
refuse report x --csv --latex
refuse sweep swept.yaml --json --csv
refuse sweep swept.yaml --wait
refuse sweep swept.yaml --ask-tell --dry-run
refuse bench step lenet5 --method set
refuse bench plan lenet5 --runs 3
refuse bench step lenet5 --dense-first
refuse bench step lenet5 --kernels dense
refuse bench step lenet5 --kernels dense --sparsity 90% --backend ref
refuse bench step lenet5 --mask x --sparsity 90%
refuse data list --from x
refuse lab hessian x --exact --steps 3
refuse lab hessian x --length 1
refuse lab interpolate x y --interpolate-norms --batches 3
refuse flops lenet5 --dense-first
refuse flops lenet5 --sparsity 90% --flops-budget 0.1x
refuse flops lenet5 --sparsity 90% --distribution er --power 2
refuse flops lenet5 --sparsity 90% --seed 3
echo "-- arguments"
refuse report x y
refuse help run x
refuse --version x
echo "-- environment"
WINNOW_ISA=vax refuse methods
WINNOW_KERNELS=fast refuse methods
ls
