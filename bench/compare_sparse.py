#!/usr/bin/python3
"""Sparse training steps of Winnow beside dense ones of PyTorch and of oneDNN, in turn, and a table of the speed-ups.

    bench/compare_sparse.py                                    # every network and sparsity; minutes
    bench/compare_sparse.py --models resnet20 --sparsity 90% 98%
    bench/compare_sparse.py --mask resnet20=a.safetensors resnet20=b.safetensors     # masks of trained networks (winnow prune) instead of
                                                               # random ones
    bench/compare_sparse.py --json > sparse.json

A round runs, for each network, PyTorch in float32 and bfloat16 (each in the faster of its two memory formats), our dense onednn backend, and
the sparse backend at each sparsity. The table has the median of medians over rounds, and in brackets the ratio of the least times: under
load, trust those. "floor" is the step's time over what `winnow bench step` says that the machine's measured rates allow. Needs
python3-torch and libopenblas0-openmp (see compare_torch.py).
"""

import argparse
import json
import os
import statistics
import sys

from compare_torch import HERE, SAME_NETWORK, least, median, run

BATCH = {"mlp-1024": 100}
FILE = {"mlp-1024": os.path.join(HERE, "mlp-1024.yaml")}


def winnow(options, model, *arguments):
    batch = str(BATCH.get(model, 128))
    return run([options.winnow, "bench", "step", FILE.get(model, model), "--json", "--quiet", "--batch", batch, "--threads", str(options.threads),
                "--runs", str(options.runs), *SAME_NETWORK.get(model, []), *arguments])


def torch(options, model, dtype):
    batch = str(BATCH.get(model, 128))
    formats = run([options.python, options.torch, "--model", model, "--dtype", dtype, "--batch", batch, "--threads", str(options.threads),
                   "--runs", str(options.runs)])
    return [min(formats, key=lambda record: record["ms_median"])]


def measure(options, model, masks):
    found = {}
    for _ in range(options.rounds):
        for dtype in options.dtypes:
            found.setdefault("torch " + dtype, []).extend(torch(options, model, dtype))
        found.setdefault("onednn f32", []).extend(winnow(options, model, "--backend", "onednn", "--dtype", "f32"))
        for name, arguments in masks:
            found.setdefault(name, []).extend(winnow(options, model, "--backend", "sparse", *arguments))
    return found


def speed_up(found, peer, row):
    if peer not in found:
        return "-"
    return f"{median(found[peer]) / median(found[row]):.2f} ({least(found[peer]) / least(found[row]):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["resnet20", "wrn-22-2", "vgg16", "mlp-1024"])
    parser.add_argument("--sparsity", nargs="+", default=["80%", "90%", "95%", "98%"])
    parser.add_argument("--distribution", default="uniform")
    parser.add_argument("--mask", nargs="*", default=[], metavar="MODEL=FILE")
    parser.add_argument("--dtypes", nargs="*", default=["f32", "bf16"], help="of PyTorch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9, help="timed steps of a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--winnow", default=os.path.join(HERE, "..", "build", "winnow"))
    parser.add_argument("--torch", default=os.path.join(HERE, "torch_step.py"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has PyTorch")
    parser.add_argument("--json", action="store_true", help="every record, and no table")
    options = parser.parse_args()
    random = [(s, ["--sparsity", s, "--distribution", options.distribution]) for s in options.sparsity]
    files = {}
    for pair in options.mask:
        model, file = pair.split("=", 1)
        files.setdefault(model, []).append((os.path.basename(file), ["--mask", file]))
    jobs = list(files.items()) or [(m, random) for m in options.models]
    if not options.json:
        print("| network | zeros | FLOPs x | ms | floor | over PyTorch float32 | over PyTorch bfloat16 | over onednn float32 |")
        print("|---|---|---|---|---|---|---|---|")
    for model, masks in jobs:
        found = measure(options, model, masks)
        if options.json:
            for name, records in found.items():
                for record in records:
                    print(json.dumps({"network": model, "row": name, **record}), flush=True)
            continue
        for name, _ in masks:
            rows = found[name]
            floor = statistics.median(r["ms_median"] / r["floor_ms"] for r in rows)
            print(f"| {model} | {name} | {rows[0]['flops_ratio']:.3f} | {median(rows):.2f} | {floor:.2f} | {speed_up(found, 'torch f32', name)} "
                  f"| {speed_up(found, 'torch bf16', name)} | {speed_up(found, 'onednn f32', name)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
