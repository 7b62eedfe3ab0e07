#!/usr/bin/python3
"""Every write of every command fails once: failing-writes.py [--program build/winnow] [COMMAND]...

Each command runs under strace, which makes its N-th call of a kind (write, pwrite64, fsync, ftruncate, rename, mkdir, ...) fail with "no space left", for each N
until the command makes no such call any more. Then: the command said so (status not 0, or a line on standard error) or all files are as they should be, an older file
of the same name is whole, old or new, and the same command without a failure ends as if none had been. A finding is printed; any ends with status 1. A block that
gnuplot alone loses, and then writes on, is beyond us; pictures that a full disk cuts off are not. Needs strace (Debian: strace)."""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CALLS = ["write", "writev", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "renameat", "mkdir", "link", "linkat", "unlink"]
RECIPE = """name: small
data:   {set: shapes, train: 96, test: 32, validation: last-32}
model:  {arch: lenet5}
train:  {epochs: 2, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: 0.03}
threads: 1
compare: {methods: [dense, lottery-ticket, kd-ticket, rigl], sparsity: [80%], seeds: 0}
methods: {rigl: {topology: {interval: 2it}}}
sweep: {method: rigl, search: random, trials: 2, space: {topology.alpha: {uniform: [0.1, 0.6]}}, objective: validation_accuracy}
lab: {flow: [lottery-ticket], at: [0it, 2it], compare: [dense, lottery-ticket]}
"""
# name: (arguments, files and folders that it writes)
COMMANDS = {
    "run": (["run", "small.yaml", "--out", "store"], ["store"]),
    "sweep": (["sweep", "small.yaml", "--out", "store"], ["store"]),
    "train": (["train", "small.yaml", "--out", "trained"], ["trained"]),
    "report": (["report", "done/small"], ["done/small"]),
    "study": (["lab", "study", "small.yaml", "--out", "done"], ["done/small"]),
    "prune": (["prune", "dense.safetensors", "--sparsity", "80%", "--out", "out.safetensors"], ["out.safetensors"]),
    "export-dense": (["export", "dense.safetensors", "--to", "dense", "--out", "out.safetensors"], ["out.safetensors"]),
    "export-onnx": (["export", "dense.safetensors", "--to", "onnx", "--out", "out.onnx"], ["out.onnx"]),
    "export-c": (["export", "dense.safetensors", "--to", "c", "--out", "out.c"], ["out.c", "out.h"]),
    "eval": (["eval", "dense.safetensors"], []),
    "inspect": (["inspect", "dense.safetensors"], []),
    "methods": (["methods"], []),
    "diff": (["diff", "done/small", "done/small"], []),
}
KEPT = re.compile(r"(final|mask|out|step-\d+)\.safetensors|metrics\.jsonl|topology\.jsonl|labels\.cache|results\.json|out\.|.*\.(csv|svg|pdf)")


def without_seconds(value):
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if not k.startswith("seconds")}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def contents(folder, written):
    found = {}
    for top in written:
        for path in [folder / top, *sorted((folder / top).rglob("*"))]:
            if path.is_file() and KEPT.match(path.name):
                data = path.read_bytes()
                found[str(path.relative_to(folder))] = without_seconds(json.loads(data)) if path.name == "results.json" else data
    return found


class Trial:
    """One command, in a folder whose inputs are made once."""

    def __init__(self, o, inputs, scratch, name):
        self.o, self.inputs, self.folder, self.name = o, inputs, scratch / "trial", name
        self.arguments, self.written = COMMANDS[name]

    def fresh(self, old=None):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.inputs, self.folder)
        for name, data in (old or {}).items():
            (self.folder / name).write_bytes(data)

    def run(self, inject=None):
        trace = self.folder.parent / "trace"
        tool = ["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", "trace=%s,execve" % inject[0], "-e", "inject=%s:error=ENOSPC:when=%d" % inject] if inject else []
        done = subprocess.run([*tool, self.o.program, *self.arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
        lines = trace.read_text().splitlines() if inject else []
        drawing = {line.split()[0] for line in lines if "execve(" in line and "gnuplot" in line}
        hits = [line for line in lines if "INJECTED" in line]
        return done, hits, all(hit.split()[0] in drawing for hit in hits)

    def check(self, call, n, old, expected):
        """Whether there was such a call; findings are printed."""
        self.fresh(old)
        done, hits, gnuplots = self.run((call, n))
        if not hits:
            return False, 0
        faults = []
        if done.returncode < 0 or done.returncode >= 128:
            faults.append("status %d" % done.returncode)
        elif done.returncode == 0 and not done.stderr and not gnuplots and not all("write(2" in h for h in hits) \
                and (any("write(1" in h for h in hits) or contents(self.folder, self.written) != expected):
            faults.append("nothing was said")
        for name, data in old.items():
            if (self.folder / name).read_bytes() not in (data, expected[name]):
                faults.append("%s is neither old nor new" % name)
        again, *_ = self.run()
        if again.returncode != 0:
            faults.append("then status %d: %s" % (again.returncode, again.stderr.decode(errors="replace").strip()[-200:]))
        else:
            found = contents(self.folder, self.written)
            differ = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
            if differ:
                faults.append("then other: " + ", ".join(differ[:4]))
        for fault in faults:
            print("%s, %s %d: %s\n    %s" % (self.name, call, n, fault, hits[0][:160]), flush=True)
        return True, len(faults)

    def all(self):
        self.fresh()
        done, *_ = self.run()
        if done.returncode != 0:
            sys.exit("%s fails by itself: %s" % (self.name, done.stderr.decode()))
        expected = contents(self.folder, self.written)
        old = {k: b"an older file" for k in expected} if len(self.written) and "." in self.written[0] else {}
        tried = found = 0
        for call in self.o.calls:
            n = 1
            while n <= self.o.most:
                hit, faults = self.check(call, n, old, expected)
                tried, found, n = tried + hit, found + faults, n + 1 + (n > 40) * (n // 10)
                if not hit:
                    break
        print("%-12s %d failures, %d findings" % (self.name, tried, found), flush=True)
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help="default: all: " + ", ".join(COMMANDS))
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/winnow")
    parser.add_argument("--calls", nargs="+", default=CALLS)
    parser.add_argument("--most", type=int, default=1 << 30, help="last N of a kind (beyond 40, every tenth of N so far is left out)")
    o = parser.parse_args()
    o.program = o.program.resolve()
    if not shutil.which("strace"):
        sys.exit("no strace: skipped")
    with tempfile.TemporaryDirectory(prefix="winnow-writes-") as name:
        scratch = pathlib.Path(name)
        inputs = scratch / "inputs"
        inputs.mkdir()
        (inputs / "small.yaml").write_text(RECIPE)
        subprocess.run([o.program, "run", "small.yaml", "--out", "done", "--quiet"], cwd=inputs, check=True, stdout=subprocess.DEVNULL)
        dense = next(r["stage"] for r in json.loads((inputs / "done/small/results.json").read_text())["rows"] if r["method"] == "dense")
        shutil.copy(inputs / "done/stages" / dense[:16] / "final.safetensors", inputs / "dense.safetensors")
        found = sum(Trial(o, inputs, scratch, name).all() for name in o.commands or COMMANDS)
    print("%d findings" % found)
    return found > 0


sys.exit(main())
