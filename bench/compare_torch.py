#!/usr/bin/python3
"""Training steps of Winnow and of PyTorch side by side, in turn, and a table of both.

    bench/compare_torch.py                                # all four networks, float32 and bfloat16
    bench/compare_torch.py --models resnet20 --rounds 5
    bench/compare_torch.py --torch other/torch_step.py    # another program with the same options and output

Needs python3-torch, and with Debian's also libopenblas0-openmp: the default OpenBLAS fights PyTorch's threads and makes linear layers
several times slower. PyTorch counts in the faster of its two memory formats. Both sides run `rounds` times in turn; the table has the median
of medians and the least of the minima: under load, trust the minima.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# PyTorch's side has no biases before batch norms, where they are idle, and no dropout.
SAME_NETWORK = {"vgg16": ["--set", "bias=no"], "wrn-22-2": ["--set", "dropout=0"]}


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measure_both(options, model, dtype):
    common = ["--dtype", dtype, "--batch", str(options.batch), "--threads", str(options.threads), "--runs", str(options.runs)]
    winnow = [options.winnow, "bench", "step", model, "--json", "--quiet", *SAME_NETWORK.get(model, []), *common]
    torch = [options.python, options.torch, "--model", model, *common]
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours += run(winnow)
        theirs.append(min(run(torch), key=lambda record: record["ms_median"]))
    return ours, theirs


def median(records):
    return statistics.median(record["ms_median"] for record in records)


def least(records):
    return min(record["ms_min"] for record in records)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet56", "vgg16", "lenet-300-100"])
    parser.add_argument("--dtypes", nargs="+", default=["f32", "bf16"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=15, help="timed steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--winnow", default=os.path.join(HERE, "..", "build", "winnow"))
    parser.add_argument("--torch", default=os.path.join(HERE, "torch_step.py"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has PyTorch")
    options = parser.parse_args()
    print(f"{'network':14} {'dtype':5} {'Winnow ms':>17} {'PyTorch ms':>17} {'format':6} {'PyTorch / Winnow':>17}")
    print(f"{'':20} {'median':>8} {'min':>8} {'median':>8} {'min':>8} {'':6} {'median':>8} {'min':>8}")
    slower = False
    for model in options.models:
        for dtype in options.dtypes:
            ours, theirs = measure_both(options, model, dtype)
            ratio = median(theirs) / median(ours)
            slower |= ratio < 1
            print(f"{model:14} {dtype:5} {median(ours):8.2f} {least(ours):8.2f} {median(theirs):8.2f} {least(theirs):8.2f} "
                  f"{theirs[0]['format']:6} {ratio:8.2f} {least(theirs) / least(ours):8.2f}", flush=True)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
