#!/usr/bin/env python3
"""Optuna chooses, Winnow trains: a search over the `sweep` section of a recipe through `winnow sweep --ask-tell`.

    pip install optuna
    python3 examples/sweep_optuna.py examples/fashion-rigl-sweep.yaml

As it stands: TPE over RigL's alpha and its steps between updates, 15 trials, validation accuracy. The same command goes on where it was stopped:
the sampler's seed asks for the same trials again, and those that are done are answered from the store at once. With --prune Optuna decides after
each rung whether a trial goes on.
"""
import argparse
import json
import subprocess
import sys

try:
    import optuna
except ImportError:
    sys.exit("sweep_optuna.py: needs Optuna: pip install optuna")


class Sweep:
    """A running `winnow sweep --ask-tell`."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hello = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:  # it has said why on standard error
            sys.exit(self.process.wait() or 1)
        return json.loads(line)

    def ask(self, trial, params, rung):
        """Train up to a rung; gives the result, after it has told Optuna of each report."""
        question = {"trial": trial.number, "params": params, "until": rung}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.read()
            if answer["event"] == "report":
                trial.report(answer["value"], answer["rung"])
            elif answer["event"] == "error":
                raise ValueError(answer["message"])
            elif answer["event"] == "result":
                return answer

    def end(self):
        self.process.stdin.close()
        last = self.read()
        self.process.wait()
        return last


def suggest(trial, name, values):
    """A value for a key, as the recipe's space describes it."""
    if "list" in values:
        items = values["list"]
        if any(isinstance(item, (dict, list)) for item in items):  # Optuna takes plain values alone
            return items[trial.suggest_categorical(name, list(range(len(items))))]
        return trial.suggest_categorical(name, items)
    kind = next(k for k in ("uniform", "log", "int", "log_int") if k in values)
    low, high = values[kind]
    step = values.get("step")
    if kind == "uniform":
        return trial.suggest_float(name, low, high, step=step)
    if kind == "log":
        return trial.suggest_float(name, low, high, log=True)
    if kind == "int":
        return trial.suggest_int(name, low, high, step=int(step or 1))
    return trial.suggest_int(name, low, high, log=True)


def run(sweep, trial, prune):
    params = {name: suggest(trial, name, values) for name, values in sweep.hello["space"].items()}
    last = len(sweep.hello["rungs"]) - 1
    for rung in range(0 if prune else last, last + 1):
        result = sweep.ask(trial, params, rung)
        if result["state"] == "failed":
            trial.set_user_attr("reason", result["reason"])
            raise optuna.TrialPruned()
        if prune and rung < last and trial.should_prune():
            raise optuna.TrialPruned()
    return result["value"]


def main():
    parser = argparse.ArgumentParser(description="A search by Optuna's TPE over the `sweep` section of a recipe. Further options go to winnow sweep.")
    parser.add_argument("recipe")
    parser.add_argument("--winnow", default="winnow", help="the program (default: winnow)")
    parser.add_argument("--trials", type=int, help="(default: the recipe's)")
    parser.add_argument("--prune", action="store_true", help="stop trials early, by the median of the others on each rung")
    own, others = parser.parse_known_args()

    sweep = Sweep([own.winnow, "sweep", own.recipe, "--ask-tell", *others])
    study = optuna.create_study(
        direction=sweep.hello["direction"],
        sampler=optuna.samplers.TPESampler(seed=sweep.hello["seed"]),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4) if own.prune else optuna.pruners.NopPruner(),
    )
    study.optimize(lambda trial: run(sweep, trial, own.prune), n_trials=own.trials or sweep.hello["trials"])
    best = sweep.end()["best"]
    if best is None:
        sys.exit("sweep_optuna.py: no trial was trained to its end")
    test = next(key for key in best if key.startswith("test_") and not key.endswith("_sd"))
    print(f"best: trial {best['trial']} {best['params']}: {sweep.hello['objective']} {best['value']:.4g}; "
          f"{test.replace('_', ' ')} {best[test]:.4g}")


if __name__ == "__main__":
    main()
