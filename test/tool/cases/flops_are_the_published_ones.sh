for model in wrn-22-2 resnet50; do
    for sparsity in 0.8 0.9; do
        for distribution in erk uniform; do
            echo "$model $sparsity $distribution"
            winnow flops $model --sparsity $sparsity --distribution $distribution --json |
                grep -oE '"(dense_params|dense_flops|flops_ratio|erk_eps)": ([0-9.]{1,10}|null)' | head -4
        done
    done
done
echo "mobilenet-v1 0.9 uniform, first and depthwise layers left out"
winnow flops mobilenet-v1 --sparsity 0.9 --layers all --layers '!depthwise' --layers '!first' --json | grep -oE '"(dense_params|dense_flops|flops_ratio)": ([0-9.]{1,10}|null)' | head -3
