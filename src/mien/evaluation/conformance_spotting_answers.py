"""Checks of what a spotting method is and answers; each raises `AmissError` for what it finds.

What one check presumes stands in the table of `conformance_spotting`.
"""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np

from mien.core.expression import Kind
from mien.core.records import to_json
from mien.evaluation.conformance_bench import AmissError, check_json, one_line
from mien.evaluation.conformance_spotting_bench import Curves, SpottingBench
from mien.evaluation.spotting_task import Learns, Proposed

_SLACK_S = 1e-6


def parameters(bench: SpottingBench) -> None:
    """Parameters are JSON."""
    check_json(bench.method.parameters.items())


def thresholds(bench: SpottingBench) -> None:
    """A published threshold of every kind, and candidates of those kinds in ascending order."""
    method = bench.method
    kinds, learns = get_args(Kind), get_args(Learns)
    unknown = [kind for kind in (*method.published, *method.candidates) if kind not in kinds]
    lacking = [kind for kind in method.candidates if kind not in method.published]
    if unknown or lacking or not method.published:
        raise AmissError(
            wanted=f"`published` to hold a threshold for {' or '.join(kinds)}, `candidates` no other kinds",
            got=f"published {dict(method.published)}, candidates of {', '.join(method.candidates) or 'none'}",
            remedy="name the kinds in `published`",
        )
    for kind in method.kinds:
        levels = [*method.candidates.get(kind, ())]
        if levels != sorted(set(levels)) or not all(map(math.isfinite, (*levels, method.published[kind]))):
            raise AmissError(
                wanted="finite thresholds, candidates in ascending order",
                got=f"{kind}: published {method.published[kind]}, candidates {levels}",
                remedy="sort them: of equally good ones the nearest to the published is taken",
            )
    if method.learns not in learns:
        raise AmissError(
            wanted=f"learns to be one of {', '.join(learns)}", got=method.learns, remedy="correct it"
        )


def builds(bench: SpottingBench) -> None:
    """build(**parameters), of a network with seed=, returns a spotter."""
    network = bench.method.learns == "network"
    try:
        one = bench.build()
    except Exception as error:
        raise AmissError(
            wanted=f"build({'seed=..., ' if network else ''}**parameters) to return a spotter",
            got=one_line(error),
            remedy="take every parameter as keyword" + (", and the seed" if network else ""),
        ) from error
    wanted = ["fit", "score", "propose", *(["learned"] if bench.method.learns == "lengths" else [])]
    lacking = [name for name in wanted if not callable(getattr(one, name, None))]
    if lacking:
        raise AmissError(
            wanted=f"a spotter with {', '.join(wanted)}",
            got=f"a {type(one).__name__} without {' and '.join(lacking)}",
            remedy="add it",
        )


def fits(bench: SpottingBench) -> None:
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


def curves(bench: SpottingBench) -> None:
    """Curves of every kind, as long as times_s, as plain arrays that can be stored."""
    for found in bench.curves.values():
        check_curves(bench, found)


def check_curves(bench: SpottingBench, found: Curves) -> None:
    """Raise AmissError unless curves can be stored."""
    names = ("times_s", *bench.method.kinds)
    lacking = [name for name in names if name not in found]
    objects = [name for name, one in found.items() if np.asarray(one).dtype.kind not in "biuf"]
    flat = all(np.ndim(found[name]) == 1 for name in names if name in found)
    lengths = {np.shape(found[name]) for name in names if name in found}
    if lacking or objects or len(lengths) > 1 or not flat:
        raise AmissError(
            wanted=f"arrays of numbers named times_s, {', '.join(bench.method.kinds)}, of one length",
            got=", ".join(f"{name} {np.asarray(one).dtype} {np.shape(one)}" for name, one in found.items()),
            remedy="return one curve for each kind of `published`",
        )


def finite(bench: SpottingBench) -> None:
    """Curves of numbers, NaN where nothing could be judged."""
    for found in bench.curves.values():
        check_finite(bench, found)


def check_finite(bench: SpottingBench, found: Curves) -> None:
    """Raise AmissError if a curve has an infinity, or a time is no number."""
    infinite = [kind for kind in bench.method.kinds if np.isinf(found[kind]).any()]
    if infinite or not np.isfinite(found["times_s"]).all():
        raise AmissError(
            wanted="finite scores at finite times, NaN where nothing could be judged",
            got=f"infinity in {infinite[0]}" if infinite else "infinity or NaN in times_s",
            remedy="look for a division by zero",
        )


def proposals(bench: SpottingBench) -> None:
    """Proposals within the film, of the kinds asked for, onset before apex before offset."""
    for row, found in bench.curves.items():
        recording = bench.task.recordings[row]
        check_proposals(bench, found, (recording.start_s, recording.end_s), bench.first)


def check_proposals(
    bench: SpottingBench, found: Curves, film_s: tuple[float, float], spotter: Any
) -> list[Proposed]:
    """All that is proposed at any threshold; raises AmissError for what cannot be counted."""
    start_s, end_s = film_s
    every: list[Proposed] = []
    for asked in bench.thresholds():
        for one in bench.proposed(spotter, found, asked):
            inside = start_s - _SLACK_S <= one.onset_s <= one.apex_s <= one.offset_s <= end_s + _SLACK_S
            if one.kind not in asked or not inside:
                raise AmissError(
                    wanted=f"{' and '.join(asked)} proposals, onset <= apex <= offset, within "
                    f"{start_s:g} to {end_s:g} s",
                    got=f"{one.kind} {one.onset_s:g}, {one.apex_s:g}, {one.offset_s:g} s",
                    remedy="cut them to the film, and look only for kinds that have a threshold",
                )
            if not np.isfinite(one.score):
                raise AmissError(
                    wanted="finite scores of proposals", got=one.score, remedy="divide by the threshold"
                )
            every.append(one)
    return every


def in_order(bench: SpottingBench) -> None:
    """Proposals in order of time."""
    for found in bench.curves.values():
        for asked in bench.thresholds():
            onsets = [one.onset_s for one in bench.proposed(bench.first, found, asked)]
            if onsets != sorted(onsets):
                raise AmissError(
                    wanted="proposals in order of time, of all kinds together",
                    got=f"onsets {', '.join(f'{at:g}' for at in onsets[:6])} s",
                    remedy="sort them by onset",
                )
