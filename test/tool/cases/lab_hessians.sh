winnow doctor | grep -q 'LAPACK *not in this build' && { echo "no LAPACK"; exit 77; }
cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >/dev/null && winnow prune winnow-train/final.safetensors --sparsity 80% --out pruned.safetensors >/dev/null || exit 1
winnow lab hessian pruned.safetensors --exact --to exact --quiet >/dev/null || exit 1
winnow lab hessian pruned.safetensors --lanczos --steps 60 --probes 1 --to part --quiet >/dev/null || exit 1
# Lanczos' extremes are those of the whole spectrum.
value() { awk -F, -v column="$2" 'NR == 2 { print $column }' "$1"/hessian.csv; }
awk -v a="$(value exact 5)" -v b="$(value part 5)" -v c="$(value exact 6)" -v d="$(value part 6)" \
    'BEGIN { exit !(a < c && (a - b) ^ 2 < 1e-6 && (c - d) ^ 2 < 1e-6) }' || { cat exact/hessian.csv part/hessian.csv; exit 1; }
winnow lab hessian pruned.safetensors --exact --lanczos
winnow train --set data.set=shapes --set data.train=64 --set data.test=32 --set data.validation=none --set train.epochs=1 --set model.arch=lenet5 --set backend=ref --quiet --out large >/dev/null || exit 1
winnow lab hessian large --exact --images 8 --quiet
