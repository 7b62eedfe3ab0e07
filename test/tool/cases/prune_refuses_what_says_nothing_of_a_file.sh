cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >/dev/null || exit 1
winnow prune winnow-train/final.safetensors --sparsity 90% --out a.safetensors --set mask.scope=distribution >/dev/null || exit 1
winnow prune winnow-train/final.safetensors --sparsity 90% --out b.safetensors --set mask.score=synflow >/dev/null || exit 1
winnow prune winnow-train/final.safetensors --sparsity 90% --out c.safetensors >/dev/null || exit 1
cmp -s a.safetensors c.safetensors && exit 1
cmp -s b.safetensors c.safetensors && exit 1
winnow prune winnow-train/final.safetensors --sparsity 90% --out d.safetensors --set mask.rounds=5
