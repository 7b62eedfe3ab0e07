# --data PATH of train, prune and eval: pictures of one's own from folder to score.
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
cp "$CASES"/../files/* "$CASES"/../pictures/* .
for part in train val; do
    mkdir -p photos/$part/ants photos/$part/bees
    for i in 1 2 3 4 5 6 7 8; do
        cp red.png photos/$part/ants/$i.png
        cp blue.png photos/$part/bees/$i.png
    done
done
for i in 1 2 3 4; do printf 'val/ants/%s.png ants\nval/bees/%s.png bees\n' $i $i; done >photos/other.txt
winnow train --data photos --set data.size=16 --set model.arch=net.yaml --set data.validation=4 --set train.epochs=8 --set train.batch=6 --quiet |
    grep accuracy
winnow inspect winnow-train/final.safetensors | grep -E '^ *(classes|data|input)'
winnow prune winnow-train/final.safetensors --sparsity 80% --out pruned.safetensors --quiet >pruned.txt || cat pruned.txt
winnow eval pruned.safetensors --quiet | head -n 1
winnow eval pruned.safetensors --data photos/val --quiet | head -n 1
winnow eval pruned.safetensors --data photos/other.txt --set data.test_share=4 --quiet | head -n 1
winnow train --data nowhere --set model.arch=net.yaml --quiet
echo "$?"
winnow eval pruned.safetensors --data photos/train/ants --quiet
echo "$?"
winnow run tiny.yaml --dry-run --set "data={set: folder, path: photos, size: 16, validation: 4, cache: 0.5, cache_form: decoded}" 2>&1 |
    grep -o 'memory: .*cache' | sed -E 's/[0-9.]+/N/g'
