cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >table && winnow report winnow-runs/tiny --csv && winnow report winnow-runs/tiny --latex
