"""Whether a spotting method keeps the manners that evaluation relies on.

It is checked on recordings that are given: the last subject's are searched, the others' are training. A check
that presumes another is left out where that one found something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mien.core.records import to_json
from mien.evaluation.conformance import Finding
from mien.evaluation.conformance_bench import AmissError, one_line
from mien.evaluation.spotting_task import SpottingMethod, SpottingTask

_SLACK_S = 1e-6
Curves = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class _Bench:
    method: SpottingMethod
    task: SpottingTask
    seed: int

    @property
    def rows(self) -> tuple[list[int], list[int]]:
        """Recordings of training subjects and of the one that is searched."""
        last = self.task.subjects[-1]
        held = [row for row, one in enumerate(self.task.subjects) if one == last]
        return [row for row in range(len(self.task.recordings)) if row not in held], held

    def fitted(self) -> Any:
        """A fresh spotter that has learned from training subjects."""
        seeded = {"seed": self.seed} if self.method.learns == "network" else {}
        train = self.rows[0]
        spotter = self.method.build(**self.method.parameters, **seeded)
        references = [self.task.recordings[row].references for row in train]
        return spotter.fit([self.task.videos[row] for row in train], references)

    @cached_property
    def first(self) -> Any:
        return self.fitted()

    @cached_property
    def curves(self) -> dict[int, Curves]:
        """Its curves of every held recording."""
        return {row: self.first.score(self.task.videos[row]) for row in self.rows[1]}


def check_spotting_method(method: SpottingMethod, task: SpottingTask, *, seed: int = 0) -> list[Finding]:
    """What is wrong with a spotting method on some recordings; empty if nothing is.

    Parameters
    ----------
    method
        As it would be evaluated; give a network few epochs.
    task
        Recordings of two subjects or more, in which something is coded.
    """
    bench, found = _Bench(method, task, seed), list[Finding]()
    with threadpool_limits(limits=1):
        for name, check in _ALL.items():
            try:
                check(bench)
            except AmissError as one:
                found.append(Finding(name, "error", method.name, one.wanted, one.got, one.remedy))
            except Exception as error:  # whatever a stranger's method does is a finding
                told = str(check.__doc__).rstrip(".")
                found.append(Finding(name, "error", method.name, told, one_line(error), "mend the method"))
            if found and name in _PRESUMED:
                break
    return found


def _parameters(bench: _Bench) -> None:
    """Parameters that are JSON."""
    to_json(bench.method.parameters)


def _fits(bench: _Bench) -> None:
    """A fit(videos, references) that returns the spotter, and a score of a video."""
    if not hasattr(bench.first, "score"):
        raise AmissError(
            wanted="fit to return the spotter",
            got=type(bench.first).__name__,
            remedy="end it with return self",
        )
    if bench.method.learns == "lengths":
        to_json(bench.first.learned())
    _ = bench.curves


def _curves(bench: _Bench) -> None:
    """Curves of every kind, as long as times_s, as plain arrays that can be stored."""
    for curves in bench.curves.values():
        lacking = [name for name in ("times_s", *bench.method.kinds) if name not in curves]
        objects = [name for name, one in curves.items() if np.asarray(one).dtype.kind not in "biuf"]
        lengths = {len(curves[name]) for name in ("times_s", *bench.method.kinds) if name in curves}
        if lacking or objects or len(lengths) > 1:
            raise AmissError(
                wanted=f"arrays of numbers named times_s, {', '.join(bench.method.kinds)}, of one length",
                got=", ".join(
                    f"{name} {np.asarray(one).dtype} {np.shape(one)}" for name, one in curves.items()
                ),
                remedy="return one curve for each kind of `published`",
            )


def _infinite(bench: _Bench) -> None:
    """Curves of numbers, NaN where nothing could be judged."""
    for curves in bench.curves.values():
        for kind in bench.method.kinds:
            if np.isinf(curves[kind]).any() or not np.isfinite(curves["times_s"]).all():
                raise AmissError(
                    wanted="finite scores at finite times, NaN where nothing could be judged",
                    got=f"infinity in {kind} or in times_s",
                    remedy="look for a division by zero",
                )


def _proposals(bench: _Bench) -> None:
    """Proposals within the film, of the kinds asked for, onset before apex before offset."""
    for row, curves in bench.curves.items():
        recording = bench.task.recordings[row]
        for kind in bench.method.kinds:
            levels = {*bench.method.candidates.get(kind, ()), bench.method.published[kind]}
            for one in [p for level in sorted(levels) for p in bench.first.propose(curves, {kind: level})]:
                inside = recording.start_s - _SLACK_S <= one.onset_s <= one.apex_s <= one.offset_s
                if one.kind != kind or not inside or not one.offset_s <= recording.end_s + _SLACK_S:
                    raise AmissError(
                        wanted=f"{kind} proposals, onset <= apex <= offset, within "
                        f"{recording.start_s:g} to {recording.end_s:g} s",
                        got=f"{one.kind} {one.onset_s:g}, {one.apex_s:g}, {one.offset_s:g} s",
                        remedy="cut them to the film, and look only for kinds that have a threshold",
                    )
                if not np.isfinite(one.score):
                    raise AmissError(
                        wanted="finite scores of proposals", got=one.score, remedy="divide by the threshold"
                    )


def _repeatable(bench: _Bench) -> None:
    """The same curves to the bit from the same seed."""
    again = bench.fitted()
    for row, curves in bench.curves.items():
        _same(
            curves, again.score(bench.task.videos[row]), "a second fit", "draw from a generator of the seed"
        )


def _score_learns(bench: _Bench) -> None:
    """The same curves after other videos were searched."""
    for row in bench.rows[0]:
        bench.first.score(bench.task.videos[row])
    for row, curves in bench.curves.items():
        again = bench.first.score(bench.task.videos[row])
        _same(curves, again, "other videos were searched", "learn in fit alone: test videos leak")


def _same(a: Curves, b: Curves, when: str, remedy: str) -> None:
    apart = [name for name in a if name not in b or not np.array_equal(a[name], b[name], equal_nan=True)]
    if apart:
        raise AmissError(wanted=f"the same curves after {when}", got=f"another {apart[0]}", remedy=remedy)


_ALL: dict[str, Callable[[_Bench], None]] = {
    "parameters": _parameters,
    "fits": _fits,
    "curves": _curves,
    "finite": _infinite,
    "proposals": _proposals,
    "score-learns": _score_learns,
    "repeatable": _repeatable,
}
_PRESUMED = frozenset({"parameters", "fits", "curves", "finite", "score-learns"})
