cp "$CASES"/../files/* .
study() { winnow lab study tiny.yaml --set 'lab={compare: [dense, lottery-ticket], flow: [lottery-ticket], at: [0it, 100%], images: 20}' --quiet "$@"; }
study 2>early && exit 1
grep -q 'dense seed 0: is waiting, not done\|lottery-ticket 80% seed 0: is waiting, not done' early || { cat early; exit 1; }
winnow run tiny.yaml --quiet >/dev/null || exit 1
study --set 'report.claims=["distance(dense, lottery-ticket) above 0", "disagreement(dense, lottery-ticket) same as 50 within 100"]' >printed || exit 1
grep -q 'distance(dense, lottery-ticket) above 0 .* undecided' printed || { cat printed; exit 1; }
# The head, three measurements of the flow in two states, four of the pair.
[ "$(grep -c '^' winnow-runs/tiny/study.csv)" = 11 ] || { cat winnow-runs/tiny/study.csv; exit 1; }
grep -q 'id="study"' winnow-runs/tiny/report.html || exit 1
study --set 'report.claims=["distance(dense, lottery-tickt) above 0"]'
winnow lab study tiny.yaml --quiet
