cp "$CASES"/../files/* .
winnow run tiny.yaml --dry-run && [ ! -e winnow-runs ] || exit 1
winnow run tiny.yaml --quiet >table && winnow run tiny.yaml --dry-run
