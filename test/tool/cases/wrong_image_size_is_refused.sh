cp "$CASES"/../files/* .
sed -i 's/kernel: 4, stride: 4/kernel: 40/' net.yaml
winnow run tiny.yaml
