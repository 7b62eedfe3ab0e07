"""Networks exported by Winnow, run by onnxruntime and as compiled C, against Winnow's outputs in double sums.

    export_outputs.py EXPORT_DUMP [ARCH ...]

Each network dense and with 90 % of its weights zero; needs the packages numpy, onnx and onnxruntime, and a C compiler. One line for each file: the
largest difference of a logit by the largest logit. More than 1e-5 fails."""
import ctypes
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(e)
    sys.exit(77)

BOUND = 1e-5
FLAGS = ["-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]


def run_onnx(path, x):
    onnx.checker.check_model(str(path), full_check=not path.name.startswith("sparse"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    together = session.run(None, {session.get_inputs()[0].name: x})[0]
    alone = session.run(None, {session.get_inputs()[0].name: x[:1]})[0]
    assert np.allclose(together[:1], alone, rtol=1e-3, atol=1e-4 * abs(together).max())
    return together


def value_of(header, name):
    for line in header.read_text().splitlines():
        if line.startswith(f"#define {name} "):
            return int(line.split()[2].rstrip("L"))
    return None


def run_c(path, x, outputs, compiler, flags):
    library = path.with_suffix(f".{compiler}.so")
    sources = [path] + [s for s in [path.with_suffix(".S")] if s.exists()]
    subprocess.run([compiler, *flags, "-o", library, *sources], check=True, cwd=path.parent)
    lib = ctypes.CDLL(str(library))
    header, name = path.with_suffix(".h"), path.stem
    scratch = np.full(value_of(header, f"{name.upper()}_SCRATCH") // 4, np.nan, np.float32)
    y = np.zeros((len(x), outputs), np.float32)
    pointer = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    more = [ctypes.byref(ctypes.c_ubyte.in_dll(lib, f"{name}_weights"))] if value_of(header, f"{name.upper()}_WEIGHTS") else []
    for one, out in zip(x, y):
        getattr(lib, f"{name}_predict")(pointer(np.ascontiguousarray(one)), pointer(out), pointer(scratch), *more)
    return y


def compare(what, got, want):
    difference = abs(got - want).max() / abs(want).max()
    print(f"{what:50} {difference:.1e}{'' if difference <= BOUND else '  FAILED'}", flush=True)
    return not difference <= BOUND  # NaN, too


def check(dump, arch, sparsity, passes):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([dump, arch, sparsity, str(passes), folder], check=True)
        c, h, w, outputs, n = map(int, (folder / "about.txt").read_text().split())
        x = np.fromfile(folder / "x.bin", np.float32).reshape(n, c, h, w)
        y = np.fromfile(folder / "y.bin", np.float32).reshape(n, outputs)
        for path in sorted(folder.glob("*.onnx")):
            failed += compare(f"{arch} {sparsity} {path.name}", run_onnx(path, x), y)
        for name in "net.c", "small.c":
            failed += compare(f"{arch} {sparsity} {name}", run_c(folder / name, x, outputs, "gcc", FLAGS), y)
    return failed


def main():
    archs = sys.argv[2:] or ["odd", "lenet5", "resnet8"]
    failed = sum(check(str(pathlib.Path(sys.argv[1]).resolve()), arch, sparsity, 40) for arch in archs for sparsity in ("0", "90%"))
    print(f"{failed} failed")
    sys.exit(failed > 0)


main()
