cp "$CASES"/../files/* .
sed -i 's/80%/1.0/' tiny.yaml
winnow run tiny.yaml
