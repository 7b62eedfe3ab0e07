cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >/dev/null || exit 1
winnow lab flow "dense seed 0" "lottery-ticket 80% seed 0" "kd-ticket 80% seed 0" --steps 0,3,8 --to first --quiet >printed || exit 1
[ "$(grep -c '^' first/flow.csv)" = 10 ] || { cat first/flow.csv; exit 1; }
# Without a mask both norms are one; a ticket has more gradient than it uses.
awk -F, '$1 == "dense seed 0" { name = "dense" } $1 ~ /ticket/ { name = "ticket" } NR > 1 && (name == "dense") != ($4 == $5) { print; exit 1 }' first/flow.csv || exit 1
# The end is the trained network, the start is not.
awk -F, 'NR > 1 && ($2 == 0) != ($11 == 0) { print; exit 1 }' first/flow.csv || exit 1
winnow lab flow "dense seed 0" --steps 0,9
winnow lab flow "dense seed 0" --part all
winnow lab flow "dense seed 0" --rate -1
