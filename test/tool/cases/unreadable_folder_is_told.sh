mkdir closed && touch closed/mnist && chmod 000 closed && chmod 755 .. ../bin .
as_user=()
if [ "$(id -u)" = 0 ]; then # root may read everything
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as_user[@]}" winnow --version >/dev/null 2>&1 || { echo "skipped: cannot run the program as another user"; exit 77; }
fi
"${as_user[@]}" winnow data verify mnist --data-dir closed
