cat >r.yaml <<'END'
data: {set: shapes, train: 64, test: 32, validation: none}
model: {arch: resnet8, width: 0.25}
train: {epochs: 1, batch: 32, lr: 0.01}
backend: ref
compare: {methods: [big-sparse], sparsity: 90%, seeds: 0}
END
winnow run r.yaml --quiet --out store | tr '\n' ' ' | tr -s ' ' | grep -o 'big-sparse at 90%: a sparse network of .* times the widths, with .* times the dense one.s parameters'
grep -oE '"(wanted|match)": [^,]*' store/r/results.json | sort -u
winnow eval store/stages/*/final.safetensors | head -1 | cut -d' ' -f1
