"""Checks that a spotting method can be asked again, learns where it may alone, and what a whole run tells.

Each raises `AmissError` for what it finds; what one check presumes stands in the table of
`conformance_spotting`.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from mien.core.records import digest_arrays, to_json
from mien.evaluation.conformance_bench import (
    AmissError,
    NotOfferedError,
    answered_elsewhere,
    check_recorded,
    one_line,
)
from mien.evaluation.conformance_spotting_bench import FRAMES, Curves, SpottingBench, copied, other_curve
from mien.evaluation.spotting_run import search
from mien.jobs import Job, Plan

FINDS_P = 0.05
"""How sure a test of hits at random times must be before easy expressions count as found."""


def score_learns(bench: SpottingBench) -> None:
    """The same curves after other videos were searched."""
    _ = bench.curves
    for row in bench.train:
        bench.first.score(bench.video(row))
    for row, found in bench.curves.items():
        again = bench.first.score(bench.video(row))
        _same(found, again, "after other videos were searched", "learn in fit alone: test videos leak")


def repeatable(bench: SpottingBench) -> None:
    """The same seed gives the same bits."""
    again = bench.fitted()
    for row, found in bench.curves.items():
        curves = again.score(bench.video(row))
        _same(found, curves, "after a second fit", "draw from a generator of the seed")


def other_process(bench: SpottingBench) -> None:
    """Another process gives the same bits."""
    try:
        pickle.dumps(bench.task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotOfferedError("these recordings cannot be sent to another process") from error
    arguments = {"train": bench.train, "test": bench.held}
    job = Job("the same search elsewhere", {"function": "conformance of spotting"}, arguments)
    plan = Plan(search, (bench.task, bench.method, bench.seed), [job], preload=bench.method.imports)
    output = answered_elsewhere(plan)
    for number, found in enumerate(bench.curves.values()):
        start = f"{number}."
        there: dict[str, Any] = {k[len(start) :]: v for k, v in output.items() if k.startswith(start)}
        remedy = "let nothing but seed, parameters and videos decide: no clock, process id or hash()"
        _same(found, there, "in another process", remedy)


def input_unchanged(bench: SpottingBench) -> None:
    """Neither videos nor references are changed in place."""
    rows = [*bench.train, bench.held[0]]
    videos, references = [bench.measured(row) for row in rows], list(bench.references)
    before = [_content(one) for one in videos]
    bench.build().fit(videos[:-1], references).score(videos[-1])
    changed = [
        bench.task.recordings[r].name
        for r, a, b in zip(rows, before, videos, strict=True)
        if a != _content(b)
    ]
    if references != bench.references:
        changed.append("references")
    if changed:
        raise AmissError(
            wanted="videos and references as they were",
            got=f"{changed[0]} changed in place",
            remedy="work on a copy: other methods are given the same recordings",
        )


def _content(video: Any) -> str:
    """What a measured video holds, as a digest."""
    motion = video.motion
    return digest_arrays(*(getattr(motion, name) for name in FRAMES))


def curves_unchanged(bench: SpottingBench) -> None:
    """Proposing changes nothing: neither the curves nor what is proposed next."""
    for found in bench.curves.values():
        for asked in bench.thresholds():
            given = copied(found)
            first = list(bench.first.propose(given, dict(asked)))
            changed = other_curve(found, given)
            second = list(bench.first.propose(copied(found), dict(asked)))
            if changed is not None or _told(first) != _told(second):
                raise AmissError(
                    wanted="propose to leave curves as they are, and to answer the same again",
                    got="other proposals" if changed is None else f"{changed} changed in place",
                    remedy="work on a copy: the same curves are cut at many thresholds",
                )


def stored_curves(bench: SpottingBench) -> None:
    """A fresh spotter proposes the same from curves that were stored."""
    for found in bench.curves.values():
        for asked in bench.thresholds():
            wanted = _told(bench.proposed(bench.first, found, asked))
            try:
                got = _told(bench.proposed(bench.build(), found, asked))
                said = None if got == wanted else f"{len(got)} proposals, not the same {len(wanted)}"
            except Exception as error:  # whatever a stranger's method raises
                said = one_line(error)
            if said is not None:
                raise AmissError(
                    wanted="propose to need nothing but curves, thresholds and parameters",
                    got=f"{said} from a spotter that was not fitted",
                    remedy="put what it needs of fit among the arrays that score returns",
                )


def _told(proposals: Any) -> list[tuple[Any, ...]]:
    return [(one.onset_s, one.apex_s, one.offset_s, one.kind, one.score) for one in proposals]


def learns_as_told(bench: SpottingBench) -> None:
    """A method that learns nothing, or lengths alone, looks at nothing else in training."""
    learns = bench.method.learns
    if learns == "network":
        raise NotOfferedError
    if learns == "nothing":
        other = bench.fitted([], [])
    else:  # the same lengths in the same order, coded in other films
        n = len(bench.task.recordings)
        other = bench.fitted(bench.videos([(row + 1) % n for row in bench.train]), bench.references)
        if to_json(other.learned()) != to_json(bench.first.learned()):
            raise AmissError(
                wanted="learned() to tell the same of the same lengths",
                got=f"{other.learned()} and {bench.first.learned()}",
                remedy='say learns="network", or look at lengths alone',
            )
    when = "without training" if learns == "nothing" else "where learned() tells the same"
    for row, found in bench.curves.items():
        remedy = (
            "say what it learns: finished searches are kept under that, and another fold would be given them"
        )
        _same(found, other.score(bench.video(row)), when, remedy)


def record(bench: SpottingBench) -> None:
    """The record of a run that leaves one subject out tells the parameters, and is the same twice."""
    check_recorded(bench.run.record, bench.told, bench.method.parameters)
    first, second = bench.run.record.content(), bench.evaluated().record.content()
    apart = [name for name in first if first[name] != second[name]]
    if apart:
        raise AmissError(
            wanted="the same record from the same run",
            got=f"other {' and '.join(apart)}",
            remedy="look for what outlives a fit: a cache, a class attribute, a file",
        )


def finds(bench: SpottingBench) -> None:
    """Expressions that are easy to see are found, more than by chance."""
    score = bench.run.scores["overall"]
    if not (score.counts.tp and score.p_random <= FINDS_P):
        raise AmissError(
            wanted="more hits than random times would have where expressions are easy to see",
            got=f"{score.counts.tp} hits, {score.counts.fp} false alarms, {score.counts.fn} missed",
            remedy="look at its input and thresholds, or give it more epochs",
        )


def _same(a: Curves, b: Curves, when: str, remedy: str) -> None:
    apart = other_curve(a, {name: np.asarray(one) for name, one in b.items()})
    if apart is not None:
        raise AmissError(wanted=f"the same curves {when}", got=f"another {apart}", remedy=remedy)
