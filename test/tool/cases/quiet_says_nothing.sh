cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >table
