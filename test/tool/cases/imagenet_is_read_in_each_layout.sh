# ImageNet in each layout that scripts/made-imagenet.py makes: the same classes, and the same validation pictures under the same labels for one network.
command -v python3 >/dev/null || { echo "python3 makes the set, and is not here"; exit 77; }
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
cp "$CASES"/../files/* .
mkdir pictures
python3 - <<'END'
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
for i in range(7):
    rows = b"".join(b"\0" + bytes((i * 37 + x * 9 * (c + 1) + y * (i + 3)) % 256 for x in range(16) for c in range(3)) for y in range(16))
    with open("pictures/%d.png" % i, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END
for layout in folders named kaggle devkit archives hugging-face webdataset; do
    python3 "$CASES/../../../scripts/made-imagenet.py" pictures $layout --layout $layout --classes 3 --train 5 --val 3 >/dev/null || exit 99
done
winnow train --data folders --set data.size=16 --set data.validation=none --set model.arch=net.yaml --set train.epochs=2 --set train.batch=5 --quiet >trained || cat trained
same() { # NAME PATH SETTING...
    local name=$1 path=$2
    shift 2
    winnow data list "$path" "${@/data./}" --quiet >listed 2>&1 || { cat listed; return; }
    winnow eval winnow-train/final.safetensors --data "$path" "$@" --quiet >scores 2>&1 || { cat scores; return; }
    echo "$name: $(sed -n 's/.*: set \(.*\)/\1/p' listed); $(awk '/^ *[0-9]/ {printf "%s/%s ", $(NF - 1), $NF}' listed)"
    head -n 2 scores >"$name.scores"
    cmp -s folders.scores "$name.scores" || { cat folders.scores "$name.scores"; }
}
for layout in folders named kaggle devkit archives hugging-face; do same $layout $layout; done
same webdataset "webdataset/imagenet1k-train-{0000..0001}.tar" --set data.test=webdataset/imagenet1k-validation-00.tar
refuse() {
    winnow "$@" --quiet >out 2>&1
    echo "$?: $(cat out)"
}
echo "-- what cannot be"
sed -i 's/^3$/4/' devkit/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt
refuse data list devkit
head -c 300 devkit/ILSVRC2012_devkit_t12/data/meta.mat >cut && cat cut >devkit/ILSVRC2012_devkit_t12/data/meta.mat
refuse data list devkit
rm devkit/ILSVRC2012_devkit_t12/data/meta.mat
refuse data list devkit
rm archives/ILSVRC2012_devkit_t12.tar.gz
refuse data list archives
gzip hugging-face/*.tar
refuse data list hugging-face
