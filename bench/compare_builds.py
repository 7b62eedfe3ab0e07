#!/usr/bin/env python3
"""Training steps of two builds in turns, and the ratio of their times.

    bench/compare_builds.py OLD/winnow build/winnow
    bench/compare_builds.py OLD/winnow build/winnow --rounds 20 --models resnet20 --sparsities 90%

A build is slower only where the median and the least time both are: the exit code is 1 if both ratios pass --most anywhere. Wants a quiet machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {"mlp-1024": os.path.join(HERE, "mlp-1024.yaml")}


def step(program, model, sparsity, options):
    """Median and least milliseconds of a few steps."""
    zeros = ["--sparsity", sparsity, "--backend", "sparse"] if sparsity != "0%" else []
    command = [program, "bench", "step", FILES.get(model, model), "--json", "--quiet", "--runs", str(options.runs), "--threads", str(options.threads)]
    done = subprocess.run(command + zeros, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    record = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return record["ms_median"], record["ms_min"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--models", nargs="+", default=["resnet20", "wrn-22-2", "vgg16", "mlp-1024"])
    parser.add_argument("--sparsities", nargs="+", default=["0%", "90%"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=5, help="timed steps of a round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--most", type=float, default=1.03, help="ratio that is still no slowdown")
    options = parser.parse_args()
    slower = False
    print(f"{'network':10} {'zeros':>6} {'old ms':>17} {'new ms':>17} {'new / old':>13}")
    print(f"{'':17} {'median':>8} {'min':>8} {'median':>8} {'min':>8} {'median':>6} {'min':>6}")
    for model in options.models:
        for sparsity in options.sparsities:
            times = [[], []]
            for turn in range(options.rounds):
                for which in ((0, 1), (1, 0))[turn % 2]:
                    times[which].append(step((options.old, options.new)[which], model, sparsity, options))
            median = [statistics.median(t[0] for t in side) for side in times]
            least = [min(t[1] for t in side) for side in times]
            ratios = median[1] / median[0], least[1] / least[0]
            slower |= min(ratios) > options.most
            print(f"{model:10} {sparsity:>6} {median[0]:8.2f} {least[0]:8.2f} {median[1]:8.2f} {least[1]:8.2f} {ratios[0]:6.3f} {ratios[1]:6.3f}", flush=True)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
