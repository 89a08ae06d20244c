"""Whether a spotting method keeps the manners that evaluation relies on: a suite for anybody's own method.

In a test of your own package it is one line:

    from mien.evaluation.conformance_spotting import assert_spotting_conforms

    def test_it_conforms(): assert_spotting_conforms(method)

The last subject's recordings are searched, the others' are training. A check that presumes another is left
out where that one found something.
"""

from __future__ import annotations

from collections.abc import Collection

from mien.evaluation import conformance_spotting_answers as answers
from mien.evaluation import conformance_spotting_films as films
from mien.evaluation import conformance_spotting_repeats as repeats
from mien.evaluation.conformance_spotting_bench import SpottingBench
from mien.evaluation.conformance_spotting_samples import sample_spotting_task
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
from mien.evaluation.spotting_task import SpottingMethod, SpottingTask

_ALL: tuple[Row[SpottingBench], ...] = (
    ("parameters", answers.parameters, ()),
    ("thresholds", answers.thresholds, ()),
    ("builds", answers.builds, ("parameters", "thresholds")),
    ("fits", answers.fits, ("builds",)),
    ("curves", answers.curves, ("fits",)),
    ("finite", answers.finite, ("curves",)),
    ("proposals", answers.proposals, ("finite",)),
    ("in-order", answers.in_order, ("proposals",)),
    ("short-film", films.short_film, ("proposals",)),
    ("no-face", films.no_face, ("proposals",)),
    ("lost-face", films.lost_face, ("no-face",)),
    ("nothing-coded", films.nothing_coded, ("proposals",)),
    ("missing-kind", films.missing_kind, ("nothing-coded",)),
    ("odd-training", films.odd_training, ("no-face", "short-film")),
    ("input-unchanged", repeats.input_unchanged, ("finite",)),
    ("curves-unchanged", repeats.curves_unchanged, ("proposals",)),
    ("stored-curves", repeats.stored_curves, ("curves-unchanged",)),
    ("score-learns", repeats.score_learns, ("input-unchanged",)),
    ("repeatable", repeats.repeatable, ("score-learns",)),
    ("fields", films.fields, ("repeatable",)),
    ("other-process", repeats.other_process, ("repeatable",)),
    ("learns-as-told", repeats.learns_as_told, ("fields", "nothing-coded")),
    ("record", repeats.record, ("fields", "stored-curves", "learns-as-told")),
    ("finds", repeats.finds, ("record",)),
)
"""Name, function, and the checks that it presumes."""

SPOTTING_CHECKS: dict[str, str] = words_of(_ALL)
"""Every check by name, with what it makes sure of."""
SPOTTING_WARNINGS = frozenset({"finds"})


def run_spotting_checks(
    method: SpottingMethod, *, task: SpottingTask | None = None, seed: int = 0, skip: Collection[str] = ()
) -> list[Outcome]:
    """What became of every check, in order.

    Fits the method about fifteen times, to three recordings at most, in this process and once in another.

    Parameters
    ----------
    method
        As it would be evaluated; give a network few epochs, and skip "finds".
    task
        Recordings of two subjects or more, in which something is coded; default: simulated ones.
    seed
        Of a network; equal seeds give equal recordings as well.
    skip
        Names of `SPOTTING_CHECKS` to leave out.

    Raises
    ------
    OptionError
        If a name of `skip` is no check.
    """
    refuse_unknown_checks(skip, SPOTTING_CHECKS)
    given = sample_spotting_task(seed=seed) if task is None else task
    bench = SpottingBench(method, given, seed)
    return walk(_ALL, bench, method=method.name, skip=skip, warnings=SPOTTING_WARNINGS)


def check_spotting_method(
    method: SpottingMethod,
    task: SpottingTask | None = None,
    *,
    seed: int = 0,
    skip: Collection[str] = (),
) -> list[Finding]:
    """What is wrong with a method; empty if nothing is. Parameters and errors as of `run_spotting_checks`."""
    return findings(run_spotting_checks(method, task=task, seed=seed, skip=skip))


def assert_spotting_conforms(
    method: SpottingMethod, *, task: SpottingTask | None = None, seed: int = 0, skip: Collection[str] = ()
) -> None:
    """Raise AssertionError with a sentence for everything that is wrong; warnings pass."""
    raise_errors(check_spotting_method(method, task, seed=seed, skip=skip))
