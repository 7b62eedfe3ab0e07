[ -w /dev/full ] || { echo "skipped: no /dev/full"; exit 77; }
winnow doctor >/dev/full
