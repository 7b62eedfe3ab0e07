cp "$CASES"/../files/* .
sed -i 's/80%/100%/' tiny.yaml
winnow run tiny.yaml
