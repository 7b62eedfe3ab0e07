"""Bytes of networks in files of several kinds: the table of docs/export.md.

    sizes.py WINNOW EXPORT_DUMP [--mnn] [ARCH ...]

ResNet-20 and ResNet-50 with random weights, pruned to 80, 90 and 95 % of all weights together. --mnn converts the ONNX file with the converter of the Python package
MNN, as usual and with its detection of sparse weights. The converter's command is not run: it also installs packages and reports what it does to its makers."""
import gzip
import pathlib
import subprocess
import sys
import tempfile


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True)


def export(winnow, pruned, to, *options):
    path = pruned.parent / f"out.{to}"
    run(winnow, "export", pruned, "--to", to, *options, "--out", path, "--quiet")
    return path


def mnn(model, *options):
    path = model.with_suffix(".mnn")
    code = "import sys, MNN, _tools; _tools.mnnconvert(['mnnconvert'] + sys.argv[1:])"
    run(sys.executable, "-c", code, "-f", "ONNX", "--modelFile", model, "--MNNModel", path, "--bizCode", "x", *options)
    return path.stat().st_size


def sizes(winnow, pruned, with_mnn):
    dense = export(winnow, pruned, "dense")
    yield pruned.stat().st_size
    yield export(winnow, pruned, "compressed", "--values", "f16").stat().st_size
    yield dense.stat().st_size
    yield len(gzip.compress(dense.read_bytes(), 9, mtime=0))
    model = export(winnow, pruned, "onnx")
    yield model.stat().st_size
    yield mnn(model) if with_mnn else None
    yield mnn(model, "--detectSparseSpeedUp") if with_mnn else None
    yield export(winnow, pruned, "onnx", "--sparse-initializers").stat().st_size


def main():
    winnow, dump = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    with_mnn = "--mnn" in sys.argv
    archs = [a for a in sys.argv[3:] if a != "--mnn"] or ["resnet20", "resnet50"]
    print("| network | compressed | compressed, f16 | dense | dense, gzip -9 | ONNX | MNN | MNN, sparse | ONNX, sparse |")
    print("|---|---|---|---|---|---|---|---|---|")
    for arch in archs:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            run(dump, arch, "0", "1", folder)
            for sparsity in "80%", "90%", "95%":
                pruned = folder / "pruned.safetensors"
                run(winnow, "prune", folder / "net.safetensors", "--sparsity", sparsity, "--out", pruned)
                cells = ["–" if size is None else f"{size:,}" for size in sizes(winnow, pruned, with_mnn)]
                print(f"| {arch}, {sparsity.replace('%', ' %')} | {' | '.join(cells)} |", flush=True)


main()
