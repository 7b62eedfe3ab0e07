cp "$CASES"/../files/* .
command -v script >/dev/null || { echo "skipped: no program 'script' to make a terminal"; exit 77; }
sed -i 's/epochs: 2/epochs: 100/' tiny.yaml
TERM=xterm NO_COLOR=1 script -qec 'stty cols 100; winnow run tiny.yaml' /dev/null
