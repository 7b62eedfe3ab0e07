cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet && winnow prune winnow-train/final.safetensors --sparsity 10x --set model.arch=net.yaml --out pruned.safetensors && winnow eval pruned.safetensors --set model.arch=net.yaml --set data.test=64 &&
    winnow inspect pruned.safetensors
