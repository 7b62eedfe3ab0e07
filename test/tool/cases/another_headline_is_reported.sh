cp "$CASES"/../files/swept.yaml .
winnow run swept.yaml --quiet --set 'train.metrics=[loss, top-5]' --set 'compare.methods=[dense, rigl]' --set 'report.claims=["rigl better than dense in top-5"]' | head -6
winnow report winnow-runs/swept --metric top-5 | head -1
winnow report winnow-runs/swept --metric mse 2>&1
winnow sweep swept.yaml --quiet --set 'train.metrics=[loss]' | grep '^test '
