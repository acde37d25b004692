"""Optuna's side of the search benchmark; the functions of bench/hpo/problems.ts.

Reads one JSON request a line from standard input, answers one JSON object a line:
  {"do": "suggest", "trials", "size", "asks"} -> {"values": [ms of each ask, suggestions and tell]}
  {"do": "journal", "trials", "path"} -> {"values": [seconds]}
  {"do": "best", "problem", "trials", "seed"} -> {"values": [best]}
"""

import json
import math
import random
import sys
import time
import warnings

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import create_trial

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def suggest(trials, size, asks):
    draw = random.Random(1)
    space = {f"x{axis}": FloatDistribution(0, 1) for axis in range(size)}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    for _ in range(trials):
        params = {name: draw.random() for name in space}
        study.add_trial(create_trial(value=draw.random(), params=params, distributions=space))
    times = []
    for _ in range(asks):
        start = time.perf_counter()
        trial = study.ask()
        for name in space:
            trial.suggest_float(name, 0, 1)
        study.tell(trial, draw.random())
        times.append(1000 * (time.perf_counter() - start))
    return times


def journal(trials, path):
    storage = optuna.storages.JournalStorage(JournalFileBackend(path))
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.TPESampler(seed=0))

    def objective(trial):
        point = [trial.suggest_float(f"x{axis}", 0, 1) for axis in range(5)]
        time.sleep(0.001)
        return sum((value - 0.3) ** 2 for value in point)

    start = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return [time.perf_counter() - start]


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    inner = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
     [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]


def hartmann6(trial):
    x = [trial.suggest_float(f"x{axis}", 0, 1) for axis in range(6)]
    return -sum(
        weight * math.exp(-sum(a * (v - p / 10000) ** 2 for a, v, p in zip(row, x, place)))
        for weight, row, place in zip([1, 1.2, 3, 3.2], A, P)
    )


def rosenbrock4(trial):
    x = [trial.suggest_float(f"x{axis}", -5, 10) for axis in range(4)]
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def mixed(trial):
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 8)
    drop = trial.suggest_float("drop", 0, 0.5, step=0.05)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    units = trial.suggest_int("units", 8, 512, log=True)
    return ((math.log10(rate) + 3) ** 2 / 4 + ((layers - 4) / 8) ** 2 + (drop - 0.15) ** 2
            + {"a": 0.3, "b": 0, "c": 0.15}[kind] + (math.log2(units) - 6.5) ** 2 / 36)


PROBLEMS = {"branin": branin, "hartmann6": hartmann6, "rosenbrock4": rosenbrock4, "mixed": mixed}


def best(problem, trials, seed):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(PROBLEMS[problem], n_trials=trials)
    return [study.best_value]


for line in sys.stdin:
    request = json.loads(line)
    action = {"suggest": suggest, "journal": journal, "best": best}[request.pop("do")]
    try:
        print(json.dumps({"ms": action(**request)}), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
