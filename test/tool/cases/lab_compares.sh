cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >/dev/null || exit 1
winnow lab compare "dense seed 0" "lottery-ticket 80% seed 0" "kd-ticket 80% seed 0" --to first --quiet >printed || exit 1
cat first/pairs.csv
# A ticket's mask is the pruned network's: tickets of one seed share it.
grep -qE '^2,3,.*,1\.0,0\.' first/pairs.csv || exit 1
# Files have all digits.
grep -qE '^1,2,[0-9]+\.[0-9]{8}' first/pairs.csv || exit 1
winnow lab compare "dense seed 0"
