#!/usr/bin/python3
"""Killed and started again, a run ends in the same bytes: kill-runs.py [--program build/winnow] [--kills 200].

Runs the short recipes of test/golden to their end, once. Then, in new stores, the same are killed (SIGKILL) at moments drawn at random and started again by
the same command until they end. Compared: every network, mask, kept step, cached label and metric, and results.json but for its seconds. Recipes cover every
method family, cached soft labels, the ideal world, every backend and a sweep; some trials run with --jobs 2. A difference ends with status 1."""
import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = ["methods", "kd", "ideal", "real", "linear", "bases", "sparse", "onednn", "bfloat16", "sweep"]
KEPT = ("final.safetensors", "mask.safetensors", "metrics.jsonl", "topology.jsonl", "labels.cache", "trials.csv")


def without_seconds(value):
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if not k.startswith("seconds")}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def contents(store):
    """What a store holds of results: {path: bytes, or the parsed results}."""
    found = {}
    for path in sorted(store.rglob("*")):
        name = str(path.relative_to(store))
        if path.name in KEPT or path.name.startswith("step-"):
            found[name] = path.read_bytes()
        elif path.name == "results.json":
            found[name] = without_seconds(json.loads(path.read_text()))
    return found


def command(o, recipe, jobs):
    verb = "sweep" if recipe == "sweep" else "run"
    return [o.program, verb, ROOT / "test/golden" / (recipe + ".yaml"), "--out", "store", "--quiet", "--jobs", str(jobs)]


def start(o, recipe, jobs, folder):
    return subprocess.Popen(command(o, recipe, jobs), cwd=folder, stdout=subprocess.DEVNULL)


def whole(o, recipe, folder):
    """Seconds of a run that nothing disturbs, and what it leaves."""
    begin = time.monotonic()
    if start(o, recipe, 1, folder).wait() != 0:
        sys.exit("%s failed without a kill" % recipe)
    return time.monotonic() - begin, contents(folder / "store")


def killed(o, recipe, jobs, seconds, folder, draw):
    """Kills of a run that goes on until its end; at most o.most of them."""
    kills = 0
    while True:
        process = start(o, recipe, jobs, folder)
        try:
            code = process.wait(draw.uniform(0, 0.6 * seconds) if kills < o.most else None)
            return (kills, code)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1


def differing(expected, found):
    return sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/winnow")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--most", type=int, default=4, help="kills of one run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    o = parser.parse_args()
    o.program = o.program.resolve()
    draw, total, ends, wrong, expected = random.Random(o.seed), 0, 0, 0, {}
    with tempfile.TemporaryDirectory(prefix="winnow-kills-") as scratch:
        folder = pathlib.Path(scratch) / "run"
        while total < o.kills:
            recipe, jobs = o.recipes[ends % len(o.recipes)], 1 + (ends // len(o.recipes)) % 2
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "examples").symlink_to(ROOT / "examples")
            if recipe not in expected:
                expected[recipe] = whole(o, recipe, folder)
                shutil.rmtree(folder / "store")
            kills, code = killed(o, recipe, jobs, expected[recipe][0], folder, draw)
            differ = differing(expected[recipe][1], contents(folder / "store"))
            total, ends, wrong = total + kills, ends + 1, wrong + (code != 0 or bool(differ))
            print("%-10s jobs %d: %d kills (%d in all), %d files%s" % (recipe, jobs, kills, total, len(expected[recipe][1]), "" if code == 0 and not differ else
                  ", status %d, DIFFER: %s" % (code, ", ".join(differ[:5]))), flush=True)
    print("%d kills, %d ends, %d of them other than without a kill" % (total, ends, wrong))
    return wrong > 0


sys.exit(main())
