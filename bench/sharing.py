#!/usr/bin/python3
"""How long a training step takes beside another busy program, over its undisturbed time.

    bench/sharing.py                        # resnet20: sparse at 90 %, and dense on onednn
    bench/sharing.py --torch                # PyTorch's step as well (see compare_torch.py)

The other program is as many threads that never wait as the step has. A round runs each step alone, then beside it; the table has medians
over all rounds' medians. On as many CPUs as there are threads, fair sharing alone makes the ratio 2; what is beyond it is time in which
threads wait for one that has been put to sleep.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys

from compare_torch import HERE, run


class Busy:
    """Processes that spin, one for each thread, ended together."""

    def __init__(self, threads):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(threads)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def programs(options):
    step = [options.winnow, "bench", "step", "resnet20", "--json", "--quiet", "--threads", str(options.threads), "--runs", str(options.runs)]
    rows = {"sparse at 90 %": step + ["--backend", "sparse", "--sparsity", "90%"], "onednn, dense": step + ["--backend", "onednn"]}
    if options.torch:
        rows["PyTorch, dense"] = [options.python, os.path.join(HERE, "torch_step.py"), "--model", "resnet20", "--threads",
                                  str(options.threads), "--runs", str(options.runs)]
    return rows


def time(command):
    return min(record["ms_median"] for record in run(command))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", default=os.path.join(HERE, "..", "build", "winnow"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the one that has torch")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one object a row")
    options = parser.parse_args()
    alone, shared = {}, {}
    for _ in range(options.rounds):
        for name, command in programs(options).items():
            alone.setdefault(name, []).append(time(command))
            with Busy(options.threads):
                shared.setdefault(name, []).append(time(command))
    if not options.json:
        print("| step | alone, ms | beside a busy program, ms | ratio |\n|---|---|---|---|")
    for name in alone:
        a, b = statistics.median(alone[name]), statistics.median(shared[name])
        if options.json:
            print(json.dumps({"step": name, "threads": options.threads, "ms_alone": a, "ms_shared": b, "ratio": b / a}))
        else:
            print(f"| {name} | {a:.1f} | {b:.1f} | {b / a:.2f} |")


if __name__ == "__main__":
    main()
