cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet --seeds 0,1 --out one >table && winnow run tiny.yaml --quiet --seeds 0,1 --jobs 2 --force --out two >table || exit 1
for file in one/stages/*/{final.safetensors,metrics.jsonl}; do cmp "$file" "two/${file#*/}" || exit 1; done
