cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet && winnow prune winnow-train/final.safetensors --sparsity 10x --out pruned.safetensors && winnow eval pruned.safetensors &&
    winnow inspect pruned.safetensors
