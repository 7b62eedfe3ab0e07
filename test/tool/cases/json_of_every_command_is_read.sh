# Each command that prints results prints them as JSON, which a reader without mercy reads, and its tables as CSV of equal rows.
command -v python3 >/dev/null || { echo "no python3 to read JSON with"; exit 77; }
cp "$CASES"/../files/* "$CASES"/../pictures/red.png .
cat >read.py <<'END'
import csv, io, json, subprocess, sys

def fault(text): raise ValueError(text + " is no JSON")
def once(pairs):
    assert len(dict(pairs)) == len(pairs), "a key twice: %s" % [k for k, _ in pairs]
    return dict(pairs)
def winnow(*words): return subprocess.run(["winnow", *words], stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")
def command_of(words, names): return next(n for n in names if words[:len(n)] == n)

names = sorted((line[2:18].split() for line in winnow("--help").split("Commands:\n")[1].split("\n\n")[0].split("\n")), key=len, reverse=True)
seen = []
for line in sys.stdin:
    words = line.split()
    name = command_of(words, names)
    options = winnow(*name, "--help")
    for text in winnow(*words, "--quiet", "--json").splitlines() if words[0] in ("bench", "predict") else [winnow(*words, "--quiet", "--json")]:
        json.loads(text, parse_constant=fault, object_pairs_hook=once)
    if "--csv" in options:
        rows = list(csv.reader(io.StringIO(winnow(*words, "--quiet", "--csv"), newline="")))
        assert len({len(row) for row in rows}) == 1 and len(set(rows[0])) == len(rows[0]), "%s: %s" % (words, rows)
    seen.append(name)
print("without:", *sorted(" ".join(n) for n in names if n not in seen and n[0] != "lab"))
END
python3 read.py <<'END'
run tiny.yaml --dry-run
run tiny.yaml
sweep swept.yaml --dry-run
report winnow-runs/tiny
time winnow-runs/tiny --rounds 1 --threads 1
train tiny.yaml --out trained
prune trained/final.safetensors --sparsity 10x --out pruned.safetensors
shrink trained/final.safetensors --hold 0.01 --by nothing
eval pruned.safetensors
export pruned.safetensors --to dense --out dense.safetensors
inspect pruned.safetensors
lab compare trained/final.safetensors pruned.safetensors
predict trained red.png
methods
methods rigl
models
models lenet5
datasets
datasets shapes
settings sections
settings optimizers sgd
data list
status
status tiny
diff tiny tiny
gc --dry-run
flops lenet5 --sparsity 90%
bench plan lenet-300-100
bench kernels lenet-300-100 --runs 1 --batch 8
doctor
version
END
