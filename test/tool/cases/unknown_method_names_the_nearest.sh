cp "$CASES"/../files/* .
winnow run tiny.yaml --set 'compare.methods=[dense, kd-tiket]'
