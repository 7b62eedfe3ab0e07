cp "$CASES"/../files/swept.yaml .
winnow sweep swept.yaml --set sweep.objective=test_accuracy
