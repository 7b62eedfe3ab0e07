cp "$CASES"/../files/swept.yaml .
winnow sweep swept.yaml --quiet --write best.yaml || exit 1
winnow sweep swept.yaml --quiet --csv >first.csv && winnow sweep swept.yaml --quiet --csv --jobs 2 --force --out other >second.csv || exit 1
cmp first.csv second.csv || exit 1
winnow run best.yaml --quiet --set 'compare.methods=[rigl]' --dry-run | grep -c ' done '
