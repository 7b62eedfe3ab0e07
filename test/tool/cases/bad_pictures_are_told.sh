# Pictures of one's own that cannot be: each error names the file or folder, and what would be valid. The exit code is in front.
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
cp "$CASES"/../files/* "$CASES"/../pictures/* .
refuse() {
    winnow "$@" --quiet >out 2>&1
    echo "$?: $(cat out)"
}
fill() { # FOLDER: class folders of two pictures
    mkdir -p "$1/a" "$1/b"
    for i in 1 2; do
        cp red.png "$1/a/$i.png"
        cp blue.png "$1/b/$i.png"
    done
}
echo "-- folders"
mkdir -p nothing
refuse data list nothing
mkdir -p texts/a texts/b
touch texts/a/notes.txt
refuse data list texts
fill empty/train
mkdir empty/train/c
refuse data list empty
fill flat/train
mkdir flat/val
cp red.png flat/val/1.png
refuse data list flat
refuse train --data flat --set model.arch=net.yaml
fill other/train
fill other/val
mv other/val/a other/val/c
refuse data list other
fill few
refuse data list few
refuse train --data few --set data.test_share=4 --set model.arch=net.yaml
echo "-- pictures"
fill damaged
head -c 60 red.png >damaged/a/1.png
printf 'GIF89a............' >damaged/a/2.png
printf '<html><body>404</body></html>' >damaged/b/1.png
: >damaged/b/2.png
refuse data verify damaged --set test_share=1
fill large
cp huge.png large/a/1.png
cp huge.jpg large/b/1.jpg
(ulimit -v 4000000 && refuse data verify large)
refuse train --data damaged --set data.size=16 --set data.validation=none --set data.test_share=1 --set model.arch=net.yaml --set train.epochs=1 --set train.batch=2
echo "-- lists"
fill listed
list() {
    printf '%s\n' "$@" >listed/list.txt
    refuse data list listed/list.txt --set test_share=1
}
list "a/1.png 0" "a/9.png 1" "b/9.png 1"
list "a/1.png 0" "b/1.png"
list "a/1.png 0" "b/1.png 1,0"
list "a/1.png 0" "/etc/passwd 1"
list ""
printf 'x\ny\n' >names.txt
printf 'a/1.png x\nb/1.png 2\n' >listed/list.txt
refuse data list listed/list.txt --set classes=names.txt
printf 'a/1.png x\nb/1.png z\n' >listed/list.txt
refuse data list listed/list.txt --set classes=names.txt
echo "-- shards and arrays"
tar -cf - -C listed a >cut.tar && truncate -s 1000 cut.tar
refuse data list cut.tar
echo "no tar, but a text that is longer than a header would be" >text.tar
refuse data list text.tar
refuse data list "shards-{0..3}.tar"
echo "no arrays" >arrays.npz
refuse data list arrays.npz
echo "-- classes"
fill two
fill three
mkdir three/c && cp red.png three/c
winnow train --data two --set data.size=16 --set data.validation=none --set data.test_share=2 --set model.arch=net.yaml --set train.epochs=1 --set train.batch=2 --quiet >/dev/null
refuse eval winnow-train/final.safetensors --data three --set data.test_share=2
refuse prune winnow-train/final.safetensors --data three --set data.test_share=2 --sparsity 80% --out pruned.safetensors
printf 'a/1.png 0\na/2.png -1\n' >two/list.txt
refuse data list two/list.txt
echo "-- pickles"
mkdir cifar-10-batches-py
for part in data_batch_{1..5} test_batch; do printf '\x80\x02}q\x01(U\x04datacos\nsystem\nq\x02U\x0atouch here\x85Ru.' >cifar-10-batches-py/$part; done
refuse train --data-dir . --set data.set=cifar10 --set model.arch=net.yaml --set train.epochs=1
[ ! -e here ] || echo "the pickle was run"
