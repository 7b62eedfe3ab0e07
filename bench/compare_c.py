#!/usr/bin/env python3
"""C source of Winnow beside that of another compiler from ONNX to C, emx-onnx-cgen (pip install emx-onnx-cgen), of the very same network: bytes and times.

    bench/compare_c.py build/winnow --emx ~/venv/bin/emx-onnx-cgen
    bench/compare_c.py build/winnow --emx ~/venv/bin/emx-onnx-cgen --networks resnet20 --sparsity 90% 95% --json

Networks have random weights; zeros are as many in each layer but the first. Both sources are compiled by gcc -O3 -march=native (--flags) and called in turn, one input on one
thread. "bytes" are code and tables as `size` counts them; "distance" is the largest between outputs, by the largest. onnx2c, which pip does not install, is not run."""

import argparse
import ctypes
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time


def run(*words, cwd=None):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{words[0]} {words[1]}: {done.stderr.strip()[-400:]}")
    return done.stdout


def floats(count, values=None):
    return (ctypes.c_float * count)(*(values or []))


class Source:
    """A compiled one; subclasses call it."""

    def __init__(self, path, flags):
        self.library = path.with_suffix(".so")
        run("gcc", "-std=c99", *flags, "-shared", "-fPIC", "-o", self.library, path, "-lm", cwd=path.parent)
        text, data = run("size", self.library).splitlines()[1].split()[:2]
        self.bytes = int(text) + int(data)
        self.lib = ctypes.CDLL(str(self.library))


class Winnow(Source):
    def __init__(self, winnow, weights, flags):
        path = weights.parent / "net.c"
        run(winnow, "export", weights, "--to", "c", "--out", path, "--quiet")
        super().__init__(path, flags)
        sizes = dict(line.split()[1:3] for line in path.with_suffix(".h").read_text().splitlines() if line.startswith("#define NET_") and len(line.split()) == 3)
        number = lambda name: int(sizes[name].rstrip("L"))
        self.inputs, self.outputs = number("NET_INPUTS"), number("NET_OUTPUTS")
        self.memory = floats(number("NET_SCRATCH") // 4)

    def predict(self, x, y):
        self.lib.net_predict(x, y, self.memory)


class Emx(Source):
    def __init__(self, winnow, emx, weights, flags):
        model, path = weights.parent / "net.onnx", weights.parent / "other.c"
        run(winnow, "export", weights, "--to", "onnx", "--out", model, "--quiet")
        run(emx, "compile", model, path, "--large-weight-threshold", "0", "--input-dim", "batch=1", "--model-name", "other_predict")
        super().__init__(path, flags)

    def predict(self, x, y):
        self.lib.other_predict(x, y)


def time_in_turn(sources, x, outputs, seconds):
    taken, y = [[] for _ in sources], [floats(outputs) for _ in sources]
    for source, out in zip(sources, y):
        source.predict(x, out)
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(taken[0]) < 5:
        for source, out, times in zip(sources, y, taken):
            start = time.perf_counter()
            source.predict(x, out)
            times.append(time.perf_counter() - start)
    largest = max(map(abs, y[0]))
    return [1e3 * statistics.median(t) for t in taken], max(abs(a - b) for a, b in zip(*y)) / largest


def compare(options, name, sparsity, folder):
    weights = folder / "net.safetensors"
    run(options.winnow, "bench", "infer", name, "--sparsity", sparsity, "--runs", 1, "--threads", 1, "--out", weights, "--json")
    ours = Winnow(options.winnow, weights, options.flags.split())
    other = Emx(options.winnow, options.emx, weights, options.flags.split())
    draw = random.Random(0)
    x = floats(ours.inputs, [draw.gauss(0, 1) for _ in range(ours.inputs)])
    ms, distance = time_in_turn([ours, other], x, ours.outputs, options.seconds)
    return {"network": name, "sparsity": sparsity, "ms_winnow": ms[0], "ms_emx": ms[1], "bytes_winnow": ours.bytes, "bytes_emx": other.bytes,
            "distance": distance}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winnow", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--emx", required=True, type=os.path.abspath, help="the program emx-onnx-cgen")
    parser.add_argument("--networks", nargs="+", default=["lenet5", "resnet8", "resnet20"])
    parser.add_argument("--sparsity", nargs="+", default=["90%", "95%"])
    parser.add_argument("--flags", default="-O3 -march=native")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.json:
        print("| network | ms, Winnow | ms, emx | code and tables, Winnow | emx |\n|---|---|---|---|---|")
    for name in options.networks:
        for sparsity in options.sparsity:
            with tempfile.TemporaryDirectory() as folder:
                r = compare(options, name, sparsity, pathlib.Path(folder))
            if r["distance"] > 1e-4:
                sys.exit(f"{name} at {sparsity}: outputs differ by {r['distance']:.1e}")
            print(json.dumps(r) if options.json else
                  f"| {name}, {sparsity.replace('%', ' %')} | {r['ms_winnow']:.3g} | {r['ms_emx']:.3g} | {r['bytes_winnow']:,} | {r['bytes_emx']:,} |", flush=True)


if __name__ == "__main__":
    main()
