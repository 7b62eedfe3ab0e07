# winnow predict: pictures, folders, archives and lists; what cannot be read is told and the others go on.
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
cp "$CASES"/../files/* "$CASES"/../pictures/* .
for class in ants bees; do mkdir -p photos/train/$class photos/val/$class; done
for i in 1 2 3 4 5 6 7 8; do
    for part in train val; do
        cp red.png photos/$part/ants/$i.png
        cp blue.png photos/$part/bees/$i.png
    done
done
winnow train --data photos --set data.size=16 --set model.arch=net.yaml --set data.validation=4 --set train.epochs=8 --set train.batch=6 --quiet >/dev/null
winnow prune winnow-train/final.safetensors --sparsity 80% --out net.safetensors --quiet >/dev/null
rm -r photos/train # the file says how pictures become inputs
printf 'GIF89a\1\0\1\0\0\0\0' >moving.jpg
cp red.png 'red, really.png'
winnow predict net.safetensors red.png moving.jpg none.png blue.png 2>&1 | sed 's/0\.[0-9]*/P/'
echo "exit code ${PIPESTATUS[0]}"
winnow predict net.safetensors 'red, really.png' --csv --top 1 | sed 's/0\.[0-9]*/P/'
winnow predict net.safetensors red.png --json | sed 's/0\.[0-9]*/P/g'
winnow predict net.safetensors photos/val/bees/1.png --csv >alone.txt
winnow predict net.safetensors photos --csv --batch 3 >folder.txt
tail -n 2 alone.txt | cmp - <(tail -n 2 folder.txt | sed 's/8.png/1.png/') || exit 1 # the same numbers among others
ls photos/val/*/*.png | winnow predict net.safetensors - --csv | cmp - folder.txt || exit 1
tar -cf photos.tar --sort=name photos
winnow predict net.safetensors photos.tar --csv | sed s,photos.tar/,, | cmp - folder.txt || exit 1
tar -cf shard-0.tar --sort=name photos/val/ants; tar -cf shard-1.tar --sort=name photos/val/bees
winnow predict net.safetensors 'shard-{0..1}.tar' --csv | sed 's,shard-.[.]tar/,,' | cmp - folder.txt || exit 1
(cd photos && ls val/ants/* | sed 's/$/ ants/' && ls val/bees/*) >photos/list.txt # with labels and without
winnow predict net.safetensors photos/list.txt --csv | cmp - folder.txt || exit 1
winnow predict net.safetensors net.safetensors
echo "exit code $?"
winnow predict net.safetensors red.png --kernels own | head -n 1
winnow predict net.safetensors red.png --kernels fast 2>&1
echo "exit code $?"
# As many are right as `winnow eval` counts.
winnow eval net.safetensors --data photos/val --set data.test_share=8 --quiet | grep accuracy | head -n 1
winnow predict net.safetensors photos --csv --top 1 | awk -F, '$1 ~ $4 { right++ } END { print right " right" }'
