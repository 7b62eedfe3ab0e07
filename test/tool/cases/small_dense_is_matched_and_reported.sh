cat >r.yaml <<'END'
data: {set: shapes, train: 64, test: 32, validation: none}
model: {arch: resnet8}
train: {epochs: 1, batch: 32, lr: 0.01}
backend: ref
compare: {methods: [small-dense], sparsity: 90%, seeds: 0}
END
winnow run r.yaml --quiet --out store | tr '\n' ' ' | tr -s ' ' | grep -o 'small-dense at 90%: a dense network of 0.3203 times the widths, with 1.007 times the sparse one.s parameters'
grep -oE '"(wanted|match)": [^,]*' store/r/results.json | sort -u
winnow eval store/stages/*/final.safetensors | head -1 | cut -d' ' -f1
