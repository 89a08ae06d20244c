"""How a list of checks is walked through, and what becomes of each: the same for every kind of method.

A check is a function of a bench: it returns, or raises `AmissError` for what it found. Its docstring says in
one line what it makes sure of. One that presumes another is left out where that one found something, so that
a finding names the cause and not what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from threadpoolctl import threadpool_limits

from mien.core.errors import OptionError
from mien.evaluation.conformance_bench import AmissError, NotOfferedError, one_line

Severity = Literal["error", "warning"]
AnyBench = TypeVar("AnyBench")
Row = tuple[str, Callable[[AnyBench], None], tuple[str, ...]]
"""A check's name, its function, and the checks before it that it presumes."""


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


def words_of(rows: Sequence[Row[AnyBench]]) -> dict[str, str]:
    """Every check by name, with what it makes sure of."""
    return {name: str(check.__doc__).strip().rstrip(".") for name, check, _ in rows}


def walk(
    rows: Sequence[Row[AnyBench]],
    bench: AnyBench,
    *,
    method: str,
    skip: Collection[str] = (),
    warnings: Collection[str] = (),
) -> list[Outcome]:
    """What became of every check, in order.

    Parameters
    ----------
    rows
        The checks; each presumes only such as stand before it.
    bench
        What they are given.
    method
        The method's name, for sentences.
    skip, warnings
        Names of checks to leave out, and of those whose findings are warnings.
    """
    words, outcomes = words_of(rows), dict[str, Outcome]()
    # One thread, as wherever methods are evaluated: sums in another order would be other bits.
    with threadpool_limits(limits=1):
        for name, check, presumed in rows:
            absent = next((one for one in presumed if _is_open(outcomes[one])), None)
            if name in skip:
                outcomes[name] = Outcome(name, words[name], "skipped", reason="as asked")
            elif absent is not None:
                outcomes[name] = Outcome(name, words[name], "skipped", reason=f"presumes {absent}")
            else:
                severity: Severity = "warning" if name in warnings else "error"
                outcomes[name] = _outcome(name, words[name], check, bench, method, severity)
    return list(outcomes.values())


def refuse_unknown_checks(skip: Collection[str], known: Collection[str]) -> None:
    """Raise OptionError if a name of `skip` is no check."""
    unknown = sorted(set(skip) - set(known))
    if unknown:
        raise OptionError("skip", wanted=f"names of {', '.join(known)}", got=unknown[0], remedy="correct it")


def findings(outcomes: Sequence[Outcome]) -> list[Finding]:
    """What was found, in order."""
    return [one.finding for one in outcomes if one.finding is not None]


def raise_errors(found: Sequence[Finding]) -> None:
    """Raise AssertionError with a sentence for every error; warnings pass."""
    wrong = [one.sentence for one in found if one.severity == "error"]
    if wrong:
        raise AssertionError("\n".join(wrong))


def _is_open(outcome: Outcome) -> bool:
    """Whether others cannot presume it: something was found, or it presumed something of that kind itself."""
    return outcome.state == "found" or outcome.reason.startswith("presumes")


def _outcome(
    name: str,
    words: str,
    check: Callable[[AnyBench], None],
    bench: AnyBench,
    method: str,
    severity: Severity,
) -> Outcome:
    try:
        check(bench)
    except AmissError as amiss:
        wanted, got, remedy = amiss.wanted, amiss.got, amiss.remedy
    except NotOfferedError as absent:
        return Outcome(name, words, "skipped", reason=str(absent) or "not offered")
    except Exception as error:  # whatever a stranger's method does is a finding, not the end of the walk
        wanted, got, remedy = words, one_line(error), "mend the method"
    else:
        return Outcome(name, words, "passed")
    return Outcome(name, words, "found", Finding(name, severity, method, wanted, got, remedy))
