cp "$CASES"/../files/* .
winnow run tiny.yaml && [ -s winnow-runs/tiny/report.html ]
