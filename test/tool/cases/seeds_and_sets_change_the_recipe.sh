cp "$CASES"/../files/* .
winnow run tiny.yaml --resolve --seeds 3-4 --set compare.sparsity=10x --set train.epochs=1
