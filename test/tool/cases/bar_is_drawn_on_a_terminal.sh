cp "$CASES"/../files/* .
script -qec true /dev/null >/dev/null 2>&1 || { echo "skipped: no program 'script', or no terminal for it"; exit 77; }
sed -i 's/epochs: 2/epochs: 100/' tiny.yaml
TERM=xterm NO_COLOR=1 script -qec 'stty cols 100; winnow run tiny.yaml' /dev/null
