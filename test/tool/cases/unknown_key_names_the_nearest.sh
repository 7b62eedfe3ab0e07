cp "$CASES"/../files/* .
sed -i 's/epochs/epocs/' tiny.yaml
winnow run tiny.yaml
