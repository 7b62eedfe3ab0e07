# "bytes" is what ls says of a file, and commands say how to get a dense one unless they are to be quiet.
cp "$CASES"/../files/* .
same() { # what a command printed, the file
    [ "$(sed -n 's/^bytes  *//p' "$1" | tr -d ,)" = "$(stat -c %s "$2")" ] || { cat "$1" && stat -c %s "$2"; exit 1; }
}
winnow train tiny.yaml 2>/dev/null >said || exit 1
same said winnow-train/final.safetensors
tail -1 said
winnow prune winnow-train/final.safetensors --sparsity 90% --out p.safetensors >said || exit 1
same said p.safetensors
tail -1 said
winnow prune winnow-train/final.safetensors --sparsity 90% --out p.safetensors --quiet | tail -1
winnow prune winnow-train/final.safetensors --sparsity 90% --out d.safetensors --dense | tail -1
winnow export p.safetensors --to onnx --out p.onnx >said || exit 1
same said p.onnx
winnow run tiny.yaml --out s 2>/dev/null | tail -1
winnow run tiny.yaml --out s --quiet | tail -1
for file in s/stages/*/final.safetensors; do
    grep -q "\"file_bytes\": $(stat -c %s "$file")[,}]" s/tiny/results.json || { echo "no size of $file"; exit 1; }
done
winnow report s/tiny | grep -c 'parameters *bytes '
