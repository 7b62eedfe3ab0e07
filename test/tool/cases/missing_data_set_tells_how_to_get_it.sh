cp "$CASES"/../files/* .
winnow run tiny.yaml --set data='{set: mnist}' --set model.arch=lenet5 --data-dir .
