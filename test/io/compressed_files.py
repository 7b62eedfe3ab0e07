"""The reader of docs/format.md, run as it stands there, on compressed files of Winnow against their dense forms.

    compressed_files.py DOCS/format.md WINNOW

Needs the packages numpy and safetensors."""
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import safetensors.numpy
except ImportError as e:
    print(e)
    sys.exit(77)

page, winnow = (str(pathlib.Path(a).resolve()) for a in sys.argv[1:])
code = re.search(r"```python\n(import json.*?)```", pathlib.Path(page).read_text(), re.S).group(1)
scope = {}
exec(code, scope)
failed = 0
RECIPE = "{data: {set: shapes, train: 160, test: 64, validation: last-32}, model: {arch: resnet8}, train: {epochs: 1, batch: 32}}"
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    run = lambda *words: subprocess.run([winnow, *map(str, words)], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    (folder / "r.yaml").write_text(RECIPE)
    run("train", "r.yaml", "--quiet")
    for sparsity in "50%", "90%", "99.5%":
        run("prune", "winnow-train/final.safetensors", "--sparsity", sparsity, "--out", "p.safetensors")
        run("export", "p.safetensors", "--to", "dense", "--out", "d.safetensors")
        got, want = scope["read"](folder / "p.safetensors"), safetensors.numpy.load_file(folder / "d.safetensors")
        same = got.keys() == want.keys() and all(np.array_equal(got[k], want[k]) for k in want)
        print(f"{sparsity:6} {(folder / 'p.safetensors').stat().st_size:8} of {(folder / 'd.safetensors').stat().st_size} bytes{'' if same else '  FAILED'}")
        failed += not same
sys.exit(failed > 0)
