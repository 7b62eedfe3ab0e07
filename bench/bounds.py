#!/usr/bin/env python3
"""Inference of one input beside what the machine allows: multiply-adds of active weights, bytes that are moved, and the time of each.

    bench/bounds.py build/winnow                                   # ResNet-50, ResNet-20 and MobileNet-v1 at 90 %, one thread, then two
    bench/bounds.py build/winnow --fill docs/performance.md        # the table into its section "Bounds"
    bench/bounds.py build/winnow --count                           # no times: what is counted alone

Networks are those of bench/inference.py. Multiply-adds are counted from the weights file's masks. Bytes: what every operation reads and writes of activations
(`winnow bench step --inference`), and of weights a value each, of sparse layers with a place of four bytes. Peaks are measured here by `winnow doctor` on as many CPUs: multiply-adds with
operands in registers, and copies of arrays beyond all caches. What stays in caches moves faster than that."""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

HEAD = [
    "| network | threads | multiply-adds | at the register peak | activations and weights moved | at memory's rate | measured | over the larger |",
    "|---|---|---|---|---|---|---|---|",
]


COUNTS = ["| network | multiply-adds | activations and weights moved |", "|---|---|---|"]


def run(*words, cpus=None):
    limit = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    done = subprocess.run([str(w) for w in words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, preexec_fn=limit)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def peaks(winnow, cpus):
    """Multiply-adds and bytes a second."""
    facts = run(winnow, "doctor", "--json", cpus=cpus)[0]["rates"]
    return 1e9 * float(facts["operands in registers"].split()[0]) / 2, 1e9 * float(facts["memory, read and written"].split()[0])


class Network:
    def __init__(self, winnow, name, sparsity, folder):
        self.winnow, self.name, self.sparsity = winnow, name, sparsity
        self.file = folder / "net.safetensors"
        layers = '[all, "!depthwise"]' if name.startswith("mobilenet") else "all"
        made = run(winnow, "bench", "infer", name, "--sparsity", sparsity, "--layers", layers, "--runs", 1, "--threads", 1, "--out", self.file, "--json")[0]
        step = run(winnow, "bench", "step", name, "--inference", "--batch", 1, "--runs", 1, "--threads", 1, "--sparsity", sparsity, "--backend", "sparse", "--json")[0]
        dense = sum(t["values"] for t in self.weights() if t["nonzero"] == t["values"])
        self.products = made["flops"] // 2
        self.activations = step["traffic"]
        self.weight_bytes = 8 * (made["weights_active"] - dense) + 4 * dense

    def weights(self):
        """Of convolutions and linear layers."""
        return [t for t in run(self.winnow, "inspect", self.file, "--json")[0]["tensors"] if len(t["shape"]) > 1]

    def time(self, threads):
        return run(self.winnow, "bench", "infer", self.file, "--threads", threads, "--json")[0]["ms_median"]

    def counts(self):
        return [f"{self.name}, {self.sparsity.replace('%', ' %')}", f"{1e-6 * self.products:,.1f} M", f"{1e-6 * self.activations:.1f} + {1e-6 * self.weight_bytes:.1f} MB"]

    def row(self, threads, rates):
        name, products, moved = self.counts()
        computing, moving = 1e3 * self.products / rates[0], 1e3 * (self.activations + self.weight_bytes) / rates[1]
        measured = self.time(threads)
        return [name, str(threads), products, f"{computing:.3g} ms", moved, f"{moving:.3g} ms", f"{measured:.3g} ms", f"{measured / max(computing, moving):.2f}"]


def fill(page, lines):
    """In place of the first table behind the heading "Bounds"."""
    old = page.read_text().splitlines()
    begin = next(i for i, line in enumerate(old) if line.startswith("#") and line.endswith(" Bounds"))
    row = next(i for i in range(begin, len(old)) if old[i].startswith("|"))
    end = next(i for i in range(row, len(old)) if not old[i].startswith("|"))
    page.write_text("\n".join(old[:row] + lines + old[end:]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winnow", type=pathlib.Path)
    parser.add_argument("--networks", nargs="+", default=["resnet50", "resnet20", "mobilenet-v1"])
    parser.add_argument("--sparsity", default="90%")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--count", action="store_true", help="no times")
    parser.add_argument("--fill", type=pathlib.Path, help="a page whose table is replaced")
    options = parser.parse_args()
    winnow = options.winnow.resolve()
    cpus = sorted(os.sched_getaffinity(0))
    rates = {} if options.count else {threads: peaks(winnow, cpus[:threads]) for threads in options.threads}
    for threads, (products, memory) in rates.items():
        print(f"{threads} thread{'s' if threads > 1 else ''}: {1e-9 * products:.0f} G multiply-adds/s, {1e-9 * memory:.1f} GB/s")
    lines = list(COUNTS if options.count else HEAD)
    for name in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            network = Network(winnow, name, options.sparsity, pathlib.Path(folder))
            rows = [network.counts()] if options.count else [network.row(threads, rates[threads]) for threads in options.threads]
            lines += [f"| {' | '.join(row)} |" for row in rows]
    print("\n".join(lines))
    if options.fill:
        fill(options.fill, lines)


if __name__ == "__main__":
    main()
