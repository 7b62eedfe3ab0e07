#!/usr/bin/python3
"""Inference on one image: sparse networks on Winnow's sparse backend beside dense ones of PyTorch and of oneDNN, in turn, and a table.

    bench/compare_latency.py                                   # every network, sparsity and number of threads; minutes
    bench/compare_latency.py --models resnet20 --sparsity 90% --threads 1
    bench/compare_latency.py --batch 4                         # on a few images
    bench/compare_latency.py --json > latency.json

A round runs PyTorch in float32 (evaluation mode, no gradients, the faster of its two memory formats), our dense onednn backend, and the sparse
backend at each sparsity. The table has the median of medians over rounds; ratios are of these, in brackets of the least times: under load,
trust those. "floor" is the time over what `winnow bench step` says that the machine's measured rates allow. Needs python3-torch and
libopenblas0-openmp (see compare_torch.py).
"""

import argparse
import json
import os
import statistics
import sys

from compare_torch import HERE, SAME_NETWORK, least, median, run

RUNS = {"resnet50": 60, "vgg16": 100}
FILE = {"mlp-1024": os.path.join(HERE, "mlp-1024.yaml")}


def common(options, model, threads):
    runs = str(options.runs or RUNS.get(model, 300))
    return ["--inference", "--batch", str(options.batch), "--threads", str(threads), "--runs", runs]


def winnow(options, model, threads, *arguments):
    return run([options.winnow, "bench", "step", FILE.get(model, model), "--json", *SAME_NETWORK.get(model, []),
                *common(options, model, threads), *arguments])


def torch(options, model, threads):
    formats = run([options.python, options.torch, "--model", model, *common(options, model, threads)])
    return [min(formats, key=lambda record: record["ms_median"])]


def measure(options, model, threads):
    found = {}
    for _ in range(options.rounds):
        found.setdefault("torch", []).extend(torch(options, model, threads))
        found.setdefault("onednn", []).extend(winnow(options, model, threads, "--backend", "onednn"))
        for sparsity in options.sparsity:
            found.setdefault(sparsity, []).extend(winnow(options, model, threads, "--backend", "sparse", "--sparsity", sparsity))
    return found


def ratio(found, peer, row):
    return f"{median(found[peer]) / median(found[row]):.2f} ({least(found[peer]) / least(found[row]):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet50"])
    parser.add_argument("--sparsity", nargs="+", default=["90%"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, help="timed passes of a round (default: as long as a second or so)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--winnow", default=os.path.join(HERE, "..", "build", "winnow"))
    parser.add_argument("--torch", default=os.path.join(HERE, "torch_step.py"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has PyTorch")
    parser.add_argument("--json", action="store_true", help="every record, and no table")
    options = parser.parse_args()
    if not options.json:
        print("| network | zeros | threads | ms | least | floor | PyTorch ms | onednn ms | PyTorch / ours | onednn / ours |")
        print("|---|---|---|---|---|---|---|---|---|---|")
    for model in options.models:
        for threads in options.threads:
            found = measure(options, model, threads)
            if options.json:
                for name, records in found.items():
                    for record in records:
                        print(json.dumps({"network": model, "row": name, **record}), flush=True)
                continue
            for name in options.sparsity:
                rows = found[name]
                floor = statistics.median(r["ms_median"] / r["floor_ms"] for r in rows)
                print(f"| {model} | {name} | {threads} | {median(rows):.3f} | {least(rows):.3f} | {floor:.2f} | {median(found['torch']):.2f} "
                      f"| {median(found['onednn']):.2f} | {ratio(found, 'torch', name)} | {ratio(found, 'onednn', name)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
