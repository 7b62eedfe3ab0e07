cp "$CASES"/../files/* .
sed -i 's/80%/1.5/' tiny.yaml
winnow run tiny.yaml
