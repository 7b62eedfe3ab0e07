# A file system of 48 kB where that may be made; elsewhere a limit of the size of files stands for it.
cp "$CASES"/../files/* .
mkdir small
if mount -t tmpfs -o size=48k none small 2>/dev/null; then
    trap 'umount small' EXIT
    winnow run tiny.yaml --out small/store 2>message
    [ $? = 1 ] && grep -q 'No space left' message || { cat message; exit 1; }
    mount -o remount,size=4m small
else
    (trap '' XFSZ; ulimit -f 1; winnow run tiny.yaml --out small/store 2>message)
    [ $? = 1 ] && grep -q 'File too large' message || { cat message; exit 1; }
fi
winnow run tiny.yaml --quiet --out small/store >table && winnow run tiny.yaml --quiet >table || exit 1
for file in winnow-runs/stages/*/final.safetensors; do cmp "$file" "small/store/${file#*/}" || exit 1; done
