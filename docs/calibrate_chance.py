"""How often "the face, brain or body tells the emotion" comes out of nothing, and what p must be multiplied by.

`python docs/calibrate_chance.py` simulates reports in which nothing is to be found and prints the tables behind
`mien.reproduce.verdicts.CHANCE_FACTOR`. A report: 6, 8, 12 or 20 people with 6 to 10 expressions each, 1 to 3 of
them a trial; a trial has one emotion, as frequent as in MMME; six methods, each with features of its own that are
noise, drawn anew for every expression or shared to four fifths within a trial (windows that overlap). Every method
is trained leave-one-subject-out and tested as in a report: whole trials exchanged within people, the smallest of six
p times six; --single exchanges expressions instead. --check shows that the short loop here answers as `mien.evaluation` does.

Equal time goes to every setting, so that small studies are simulated more often than large ones; the same number
of a report gives the same report. How many there are depends on the machine. Networks are not among the methods: a linear discriminant stands for them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mien.core.labels import THREE_CLASS_OF
from mien.evaluation import Method, Settings, Task, evaluate_method, leave_one_subject_out
from mien.evaluation.chance import chance_test
from mien.jobs import Store
from mien.recognition.peripheral_svm import PeripheralSVMRecogniser
from mien.reproduce.item import smallest_p
from mien.simulate.maps import EMOTION_SHARES

PEOPLE, CLASSES, LEVEL = (6, 8, 12, 20), (3, 7), 0.05
SHOWN = (0.05, 0.01, 0.005, 0.002, 0.001)
SHARED, N_FEATURES = 0.8, 12
N_FIRST, FIRST_BELOW, N_PERMUTATIONS = 200, 0.06, 20000
"""Permutations of every method's test, and of those whose first p is below: others do not change a report."""
SEED = 20190519


def _svm(kernel: Any) -> Callable[[], Any]:
    return partial(PeripheralSVMRecogniser, kernel=kernel)


MEMBERS: Sequence[Callable[[], Any]] = (
    *(_svm("rbf"),) * 3,
    _svm("linear"),
    _svm("poly"),
    partial(LinearDiscriminantAnalysis, solver="lsqr", shrinkage=0.3),
)


@dataclass(frozen=True)
class Null:
    """A setting: how many people, classes, and whether features are shared within a trial."""

    people: int
    n_classes: int
    shared: bool


SETTINGS = tuple(Null(n, k, shared) for n, k, shared in product(PEOPLE, CLASSES, (False, True)))


@dataclass(frozen=True, eq=False)
class Report:
    """Labels (n,), whose they are and of which trial; features (6, n, 12) that have nothing to do with them."""

    y: NDArray[np.int64]
    subjects: tuple[str, ...]
    trials: tuple[str, ...]
    classes: tuple[str, ...]
    features: NDArray[np.float64]

    def samples(self, estimate: NDArray[np.int64]) -> dict[str, list[Any]]:
        """Columns as in a record."""
        return {
            "reference": [self.classes[code] for code in self.y],
            "estimate": [self.classes[code] for code in estimate],
            "subject_id": list(self.subjects),
        }


def null_report(setting: Null, number: int) -> Report:
    """One report's labels and features; equal numbers give equal reports."""
    rng = np.random.default_rng([SEED, SETTINGS.index(setting), number])
    shares = np.array(list(EMOTION_SHARES.values())) / sum(EMOTION_SHARES.values())
    names: list[str] = []
    subjects: list[str] = []
    trials: list[int] = []
    trial = 0
    for person in range(setting.people):
        left = int(rng.integers(6, 11))
        while left:
            size = min(left, int(rng.integers(1, 4)))
            emotion = str(rng.choice(list(EMOTION_SHARES), p=shares))
            names += [emotion if setting.n_classes == 7 else THREE_CLASS_OF[emotion]] * size
            subjects += [f"sub-{person:03d}"] * size
            trials += [trial] * size
            left, trial = left - size, trial + 1
    classes, y = np.unique(names, return_inverse=True)
    own = rng.standard_normal((len(MEMBERS), len(y), N_FEATURES))
    of_trial = rng.standard_normal((len(MEMBERS), trial, N_FEATURES))[:, trials]
    features = np.sqrt(SHARED) * of_trial + np.sqrt(1 - SHARED) * own if setting.shared else own
    return Report(
        y, tuple(subjects), tuple(f"run-{one}" for one in trials), tuple(map(str, classes)), features
    )


def answers(report: Report, member: int) -> NDArray[np.int64]:
    """Codes (n,) that one method answers, leave-one-subject-out."""
    found = np.empty_like(report.y)
    X = report.features[member]
    with warnings.catch_warnings():
        # A class of which the others have shown one expression has no covariance of its own to add.
        warnings.filterwarnings("ignore", "Only one sample available")
        for fold in leave_one_subject_out(report.subjects):
            if (
                len(set(report.y[fold.train])) == 1
            ):  # nothing to learn: the discriminant has no answer of its own
                found[fold.test] = report.y[fold.train][0]
                continue
            machine = MEMBERS[member]().fit(X[fold.train], report.y[fold.train])
            found[fold.test] = machine.predict(X[fold.test])
    return found


def smallest(report: Report, *, single: bool = False) -> float:
    """What the report holds of its six methods: the smallest p, times their number."""
    return smallest_p([_p(report, answers(report, k), single) for k in range(len(MEMBERS))]) or 1.0


def _p(report: Report, estimate: NDArray[np.int64], single: bool) -> float:
    trials = None if single else report.trials
    test = partial(chance_test, report.samples(estimate), classes=report.classes, trials=trials)
    first = test(n_permutations=N_FIRST)["uf1"]
    return test(n_permutations=N_PERMUTATIONS)["uf1"] if first < FIRST_BELOW else first


def as_evaluated(report: Report, member: int) -> list[Any]:
    """The answers of the same machine by `mien.evaluation`."""

    def build(*, seed: int, **parameters: Any) -> Any:
        return MEMBERS[member](**parameters)

    task = Task(
        "null", f"null {member}", report.features[member], report.y, report.classes,
        tuple(f"s{row}" for row in range(len(report.y))), report.subjects, ("null",) * len(report.y),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Only one sample available")
        record = evaluate_method(task, Method("null", 1, build), Settings(), store=Store(Path(folder)))
    return list(record.samples["estimate"])


def check() -> None:
    """Exits with an error where the loop here answers otherwise than the product."""
    for setting in (Null(6, 3, False), Null(6, 7, True)):
        report = null_report(setting, 0)
        for member in range(len(MEMBERS)):
            here = report.samples(answers(report, member))["estimate"]
            if here != as_evaluated(report, member):
                raise SystemExit(f"{setting}, method {member}: other answers than mien.evaluation")
    print("The loop here answers as mien.evaluation does.")


def simulate(seconds: float, single: bool, setting: Null) -> list[float]:
    """The p of as many reports of a setting as the time allows, at least one."""
    end, found = time.monotonic() + seconds, []
    while not found or time.monotonic() < end:
        found.append(smallest(null_report(setting, len(found)), single=single))
    return found


def row(name: str, p_values: Sequence[float]) -> str:
    """Shares of reports below levels; the p that 5 % of them fall below, with its interval; the factor."""
    p = np.sort(p_values)
    shares = " | ".join(f"{100 * np.mean(p < level):.1f} %" for level in SHOWN)
    # Order statistics: their ranks are binomial, whatever the distribution of p.
    rng = np.random.default_rng(SEED)
    draws = np.quantile(rng.choice(p, (2000, len(p))), LEVEL, axis=1, method="lower")
    at, low, high = np.quantile(p, LEVEL, method="lower"), *np.quantile(draws, (0.025, 0.975))
    return f"| {name} | {len(p)} | {shares} | {at:.4f} [{low:.4f}, {high:.4f}] | {LEVEL / at:.1f} |"


def corrected(name: str, p_values: Sequence[float], factor: float) -> str:
    """How many reports are still below the level when p is multiplied, with its exact interval."""
    n_found = sum(min(1.0, factor * p) < LEVEL for p in p_values)
    interval = binomtest(n_found, len(p_values)).proportion_ci()
    share = 100 * n_found / len(p_values)
    return f"| {name} | {n_found} of {len(p_values)} | {share:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}] |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=480.0, help="of one core, for all settings")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--factor", type=float, default=None, help="shown in the second table")
    parser.add_argument("--single", action="store_true", help="exchange expressions, not whole trials")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.check:
        return check()
    with ProcessPoolExecutor(asked.processes) as pool:
        found = list(pool.map(partial(simulate, asked.seconds / len(SETTINGS), asked.single), SETTINGS))
    factor = asked.factor
    if factor is None:
        from mien.reproduce.verdicts import CHANCE_FACTOR as factor  # noqa: N811
    names = [
        f"{s.people} people, {s.n_classes} classes, {'shared in a trial' if s.shared else 'independent'}"
        for s in SETTINGS
    ]
    every = [p for one in found for p in one]
    print(f"| setting | reports | {' | '.join(f'p < {level}' for level in SHOWN)} | 5 % below | factor |")
    print(f"|---|---|{'---|' * len(SHOWN)}---|---|")
    for name, one in (*zip(names, found, strict=True), ("all", every)):
        print(row(name, one))
    print(f"\n| setting, p times {factor:g} | p < .05 | share |\n|---|---|---|")
    for name, one in (*zip(names, found, strict=True), ("all", every)):
        print(corrected(name, one, factor))


if __name__ == "__main__":
    main()
