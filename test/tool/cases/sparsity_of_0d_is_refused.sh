cp "$CASES"/../files/* .
sed -i 's/80%/0d/' tiny.yaml
winnow run tiny.yaml
