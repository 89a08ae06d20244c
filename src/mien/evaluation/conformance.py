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
from dataclasses import dataclass
from typing import Literal

from threadpoolctl import threadpool_limits

from mien.core.errors import OptionError
from mien.evaluation import conformance_answers as answers
from mien.evaluation import conformance_repeats as repeats
from mien.evaluation import conformance_runs as runs
from mien.evaluation.conformance_bench import AmissError, Bench, Check, NotOfferedError, one_line
from mien.evaluation.conformance_samples import sample_task
from mien.evaluation.method import Method
from mien.evaluation.task import Task

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: of which method, what was wanted, what came, and what to do.

    A warning is about a method that keeps the rules and may be meant to be so.
    """

    check: str
    severity: Severity
    method: str
    wanted: str
    got: str
    remedy: str

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        return f"{self.method}, {self.check}: wanted {self.wanted}, got {self.got}; {self.remedy}."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check, with its finding, or the reason why it was left out."""

    check: str
    words: str
    state: Literal["passed", "found", "skipped"]
    finding: Finding | None = None
    reason: str = ""


_ALL: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
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

CHECKS: dict[str, str] = {name: str(check.__doc__).strip().rstrip(".") for name, check, _ in _ALL}
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
    unknown = sorted(set(skip) - set(CHECKS))
    if unknown:
        raise OptionError("skip", wanted=f"names of {', '.join(CHECKS)}", got=unknown[0], remedy="correct it")
    given = sample_task(method.needs, seed=seed) if task is None else task
    bench = Bench(method, given, seed, own_task=task is not None)
    outcomes: dict[str, Outcome] = {}
    # One thread, as wherever methods are evaluated: sums in another order would be other bits.
    with threadpool_limits(limits=1):
        for name, check, presumed in _ALL:
            absent = next((one for one in presumed if _is_open(outcomes[one])), None)
            if name in skip:
                outcomes[name] = Outcome(name, CHECKS[name], "skipped", reason="as asked")
            elif absent is not None:
                outcomes[name] = Outcome(name, CHECKS[name], "skipped", reason=f"presumes {absent}")
            else:
                outcomes[name] = _outcome(name, check, bench)
    return list(outcomes.values())


def check_method(
    method: Method, *, task: Task | None = None, seed: int = 0, skip: Collection[str] = ()
) -> list[Finding]:
    """What is wrong with a method; empty if nothing is. Parameters and errors as of `run_checks`."""
    outcomes = run_checks(method, task=task, seed=seed, skip=skip)
    return [one.finding for one in outcomes if one.finding is not None]


def assert_conforms(
    method: Method, *, task: Task | None = None, seed: int = 0, skip: Collection[str] = ()
) -> None:
    """Raise AssertionError with a sentence for everything that is wrong; warnings pass."""
    found = check_method(method, task=task, seed=seed, skip=skip)
    wrong = [one.sentence for one in found if one.severity == "error"]
    if wrong:
        raise AssertionError("\n".join(wrong))


def _is_open(outcome: Outcome) -> bool:
    """Whether others cannot presume it: something was found, or it presumed something of that kind itself."""
    return outcome.state == "found" or outcome.reason.startswith("presumes")


def _outcome(name: str, check: Check, bench: Bench) -> Outcome:
    try:
        check(bench)
    except AmissError as amiss:
        wanted, got, remedy = amiss.wanted, amiss.got, amiss.remedy
    except NotOfferedError:
        return Outcome(name, CHECKS[name], "skipped", reason="not offered")
    except Exception as error:  # whatever a stranger's method does is a finding, not the end of the walk
        wanted, got, remedy = CHECKS[name], one_line(error), "mend the method"
    else:
        return Outcome(name, CHECKS[name], "passed")
    severity: Severity = "warning" if name in WARNINGS else "error"
    finding = Finding(name, severity, bench.method.name, wanted, got, remedy)
    return Outcome(name, CHECKS[name], "found", finding)
