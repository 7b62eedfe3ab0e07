cp "$CASES"/../files/* .
winnow run tiny.yaml --set train.lr.constant.base=1e6 --set data.validation=none
