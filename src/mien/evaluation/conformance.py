"""Whether a method keeps the manners that evaluation relies on: a suite for anybody's own method.

In a test of your own package it is one line:

    from mien.evaluation.conformance import assert_conforms

    def test_it_conforms(): assert_conforms(method)

A method that breaks one of these rules may still print a score, but one that cannot be repeated, or that was
helped by the test samples. A check that presumes another is left out where that one found something, so that
a finding names the cause and not what follows from it.
"""

from __future__ import annotations

from collections.abc import Collection

from mien.evaluation import conformance_answers as answers
from mien.evaluation import conformance_repeats as repeats
from mien.evaluation import conformance_runs as runs
from mien.evaluation.conformance_bench import Bench
from mien.evaluation.conformance_samples import sample_task
from mien.evaluation.conformance_walk import (
    Finding,
    Outcome,
    Row,
    findings,
    raise_errors,
    refuse_unknown_checks,
    walk,
    words_of,
)
from mien.evaluation.method import Method
from mien.evaluation.task import Task

__all__ = ["CHECKS", "WARNINGS", "Finding", "Outcome", "assert_conforms", "check_method", "run_checks"]

_ALL: tuple[Row[Bench], ...] = (
    ("parameters", answers.parameters, ()),
    ("builds", answers.builds, ("parameters",)),
    ("groups", answers.groups, ("builds",)),
    ("fits", answers.fits, ("groups",)),
    ("classes", answers.classes, ("fits",)),
    ("shape", answers.shape, ("classes",)),
    ("finite", answers.finite, ("shape",)),
    ("sums", answers.sums, ("finite",)),
    ("missing-class", answers.missing_class, ("sums",)),
    ("unseen-class", answers.unseen_class, ("missing-class",)),
    ("two-samples", answers.two_samples, ("sums",)),
    ("input-unchanged", repeats.input_unchanged, ("sums",)),
    ("predict-learns", repeats.predict_learns, ("sums",)),
    ("repeatable", repeats.repeatable, ("predict-learns",)),
    ("other-process", repeats.other_process, ("repeatable",)),
    ("row-order", repeats.row_order, ("predict-learns",)),
    ("row-alone", repeats.row_alone, ("row-order",)),
    ("refit", repeats.refit, ("repeatable",)),
    ("stages", runs.stages, ("repeatable",)),
    ("save", runs.save, ("predict-learns",)),
    ("shuffled", runs.shuffled, ("sums",)),
    ("record", runs.record, ("sums",)),
    ("learns", runs.learns, ("record", "row-alone")),
)
"""Name, function, and the checks that it presumes."""

CHECKS: dict[str, str] = words_of(_ALL)
"""Every check by name, with what it makes sure of."""
WARNINGS = frozenset({"learns"})


def run_checks(
    method: Method, *, task: Task | None = None, seed: int = 0, skip: Collection[str] = ()
) -> list[Outcome]:
    """What became of every check, in order.

    Fits the method about twenty times, to 48 samples at most, in this process and once in another.

    Parameters
    ----------
    method
        As it would be evaluated; give one that learns in epochs few of them, and skip "learns".
    task
        Samples to check it on, of four subjects or more and two classes or more; default: simulated ones of
        the kind that it `needs`.
    seed
        Given to `build`; equal seeds give equal samples as well.
    skip
        Names of `CHECKS` to leave out.

    Raises
    ------
    OptionError
        If there are no samples of the kind that it needs, or a name of `skip` is no check.
    """
    refuse_unknown_checks(skip, CHECKS)
    given = sample_task(method.needs, seed=seed) if task is None else task
    bench = Bench(method, given, seed, own_task=task is not None)
    return walk(_ALL, bench, method=method.name, skip=skip, warnings=WARNINGS)


def check_method(
    method: Method, *, task: Task | None = None, seed: int = 0, skip: Collection[str] = ()
) -> list[Finding]:
    """What is wrong with a method; empty if nothing is. Parameters and errors as of `run_checks`."""
    return findings(run_checks(method, task=task, seed=seed, skip=skip))


def assert_conforms(
    method: Method, *, task: Task | None = None, seed: int = 0, skip: Collection[str] = ()
) -> None:
    """Raise AssertionError with a sentence for everything that is wrong; warnings pass."""
    raise_errors(check_method(method, task=task, seed=seed, skip=skip))
