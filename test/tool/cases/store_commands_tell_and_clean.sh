cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >table && sed 's/name: tiny/name: other/' tiny.yaml >other.yaml && winnow run other.yaml --quiet --seeds 1 >table || exit 1
winnow status tiny && winnow diff tiny other && rm -r winnow-runs/other && winnow gc --dry-run && winnow gc && winnow gc
