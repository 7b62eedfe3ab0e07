"""Networks exported by Winnow, run by onnxruntime and as compiled C, against Winnow's outputs in double sums.

    export_outputs.py EXPORT_DUMP [--table] [--fill PAGE] [ARCH ...]

Each network dense and with 90 % of its weights zero; needs the packages numpy, onnx and onnxruntime, and a C compiler. One line for each file: the
largest difference of a logit by the largest logit. More than 1e-5 fails.

--table: one line of docs/export.md for each network, against the same network in float64 throughout, which PyTorch calculates. onnxruntime's own distance
from that is the one of the file that keeps batch norms. More than both 1e-5 and that distance fails, as does more than four times that distance.
ARCH@SET, as in resnet50@cifar10, is the network for the pictures of that set.
--fill FILE: the lines that are made replace those of the same networks in that page, or stand behind the last line of its table."""
import argparse
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
TIMES = 4  # the peer's own distance
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


def distance(got, want):
    return abs(got - want).max() / abs(want).max()


def compare(what, got, want):
    difference = distance(got, want)
    print(f"{what:50} {difference:.1e}{'' if difference <= BOUND else '  FAILED'}", flush=True)
    return not difference <= BOUND  # NaN, too


def run_double(path, x):
    """A model of ours, node by node in float64."""
    import torch
    import torch.nn.functional as f

    graph = onnx.load(str(path)).graph
    value = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in graph.initializer}
    value = {name: v.double() if v.is_floating_point() else v for name, v in value.items()}
    value[graph.input[0].name] = torch.from_numpy(x).double()
    for node in graph.node:
        of = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        v = [value[name] for name in node.input if name]
        pads, strides, groups = of.get("pads", [0] * 4), of.get("strides", [1, 1]), of.get("group", 1)
        spread = lambda t, fill: f.pad(t, (pads[1], pads[3], pads[0], pads[2]), value=fill)
        ops = {
            "Conv": lambda: f.conv2d(spread(v[0], 0), v[1], v[2] if len(v) > 2 else None, strides, 0, 1, groups),
            "Gemm": lambda: v[0] @ (v[1].T if of.get("transB") else v[1]) + (v[2] if len(v) > 2 else 0),
            "MatMul": lambda: v[0] @ v[1],
            "BatchNormalization": lambda: f.batch_norm(v[0], v[3], v[4], v[1], v[2], False, 0, of.get("epsilon", 1e-5)),
            "Relu": lambda: f.relu(v[0]),
            "Clip": lambda: v[0].clamp(v[1], v[2]),
            "Add": lambda: v[0] + v[1],
            "Mul": lambda: v[0] * v[1],
            "MaxPool": lambda: f.max_pool2d(spread(v[0], -np.inf), of["kernel_shape"], strides),
            "AveragePool": lambda: f.avg_pool2d(v[0], of["kernel_shape"], strides, pads[:2], count_include_pad=of.get("count_include_pad", 0) > 0),
            "GlobalAveragePool": lambda: v[0].mean((2, 3), keepdim=True),
            "Flatten": lambda: v[0].flatten(1),
            "Reshape": lambda: v[0].reshape(*v[1]),
            "Identity": lambda: v[0],
        }
        value[node.output[0]] = ops[node.op_type]()
    return value[graph.output[0].name].numpy()


def tabulate(arch, sparsity, folder, x, y, page):
    """One row: ref, onnxruntime's own distance, ONNX, C; and the folded weights alone, as if onnxruntime calculated in float64."""
    want = run_double(folder / "norms.onnx", x)
    own = distance(run_onnx(folder / "norms.onnx", x), want)
    onnx_ = distance(run_onnx(folder / "plain.onnx", x), want)
    rounding = distance(run_double(folder / "plain.onnx", x), want)
    c = [distance(run_c(folder / name, x, y.shape[1], "gcc", FLAGS), want) for name in ("net.c", "small.c")]
    failed = bool(max(onnx_, *c) > min(max(BOUND, own), TIMES * own))
    cells = [distance(y, want), own, onnx_, rounding, *c]
    name = f"{arch.split('@')[0]}{'' if sparsity == '0' else ', ' + sparsity.replace('%', ' %')}"
    line = f"| {name} | " + " | ".join(f"{d:.1e}" if d else "0" for d in cells) + " |"
    print(line + (" FAILED" if failed else ""), flush=True)
    if page:
        fill(page, name, line)
    return failed


def fill(page, name, line):
    """Into the table of the page's section "Outputs"."""
    lines = page.read_text().splitlines()
    begin = lines.index("## Outputs")
    row = next(i for i in range(begin, len(lines)) if lines[i].startswith("|"))
    end = next(i for i in range(row, len(lines)) if not lines[i].startswith("|"))
    old = [i for i in range(row, end) if lines[i].startswith(f"| {name} |")]
    lines[old[0] if old else end : old[0] + 1 if old else end] = [line]
    page.write_text("\n".join(lines) + "\n")


def check(dump, arch, sparsity, passes, table, page):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([dump, arch, sparsity, str(passes), folder], check=True)
        c, h, w, outputs, n = map(int, (folder / "about.txt").read_text().split())
        x = np.fromfile(folder / "x.bin", np.float32).reshape(n, c, h, w)
        y = np.fromfile(folder / "y.bin", np.float32).reshape(n, outputs)
        if table:
            return tabulate(arch, sparsity, folder, x, y, page)
        for path in sorted(folder.glob("*.onnx")):
            failed += int(compare(f"{arch} {sparsity} {path.name}", run_onnx(path, x), y))
        for name in "net.c", "small.c":
            failed += int(compare(f"{arch} {sparsity} {name}", run_c(folder / name, x, outputs, "gcc", FLAGS), y))
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dump", type=pathlib.Path)
    parser.add_argument("archs", nargs="*", default=["odd", "lenet5", "resnet8"])
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--fill", type=pathlib.Path)
    parser.add_argument("--passes", type=int, default=40)
    o = parser.parse_intermixed_args()
    dump = str(o.dump.resolve())
    failed = sum(check(dump, arch, s, o.passes, o.table or o.fill, o.fill) for arch in o.archs for s in ("0", "90%")[: 1 if arch == "odd" else 2])
    print(f"{failed} failed")
    sys.exit(int(failed > 0))


main()
