cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >/dev/null || exit 1
winnow prune winnow-train/final.safetensors --sparsity 90% --out pruned.safetensors >/dev/null || exit 1
winnow export pruned.safetensors --to c --out net.c | grep -v ^bytes
grep -c 'void net_predict' net.h net.c
winnow export pruned.safetensors --to c --out other.c --name tiny_net --target small >/dev/null || exit 1
grep -c 'tiny_net_predict' other.h
winnow export pruned.safetensors --to c --out net.c --opset 17 2>&1
winnow export pruned.safetensors --to tflite --out net.tflite 2>&1 | sed 's/there are .*/there are .../'
winnow export pruned.safetensors --out net.c 2>&1 | head -1
winnow prune winnow-train/final.safetensors --sparsity 90% --dense --out dense.safetensors >/dev/null || exit 1
winnow export pruned.safetensors --to dense --masks --out back.safetensors >/dev/null && cmp dense.safetensors back.safetensors || exit 1
winnow export back.safetensors --to compressed --out forth.safetensors >/dev/null && cmp pruned.safetensors forth.safetensors || exit 1
winnow export pruned.safetensors --to dense --out strict.safetensors >/dev/null && winnow inspect strict.safetensors | grep -c mask
:
