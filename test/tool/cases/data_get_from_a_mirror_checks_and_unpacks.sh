[ -d "$REAL_DATA/fashion-mnist" ] || { echo "skipped: WINNOW_DATA has no fashion-mnist to serve as a mirror"; exit 77; }
winnow data get fashion-mnist --from "$REAL_DATA/fashion-mnist" --data-dir here && winnow data verify fashion-mnist --data-dir here
