"""Checks of what recordings do to a spotting method that are short, hold no face, or were hardly coded.

Each raises `AmissError` for what it finds; what one check presumes stands in the table of
`conformance_spotting`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mien.evaluation.conformance_bench import AmissError, NotOfferedError, one_line
from mien.evaluation.conformance_spotting_answers import check_curves, check_finite, check_proposals
from mien.evaluation.conformance_spotting_bench import (
    Curves,
    References,
    SpottingBench,
    copied,
    other_curve,
)
from mien.evaluation.conformance_spotting_edits import shortened, without_face
from mien.evaluation.spotting_task import Proposed

SHORT_FRAMES = (1, 2, 10)
"""Frames of the short films."""
_EDGE_S = 0.1  # a frame at the edge of what is judged may be told as its neighbour


def short_film(bench: SpottingBench) -> None:
    """A film that is shorter than any window is scored as any other."""
    whole = bench.measured(bench.held[0])
    for n in SHORT_FRAMES:
        told = f"a film of {n} frame{'s' if n > 1 else ''}"
        _scored(bench, shortened(whole, n), told, "answer NaN where no window fits")


def no_face(bench: SpottingBench) -> None:
    """Where nothing could be judged, every curve is NaN and nothing is proposed."""
    film = without_face(bench.measured(bench.held[0]))
    found, proposals = _scored(bench, film, "a film without a face", "answer NaN where there is none")
    numbers = [kind for kind in bench.method.kinds if np.isfinite(found[kind]).any()]
    if numbers or proposals:
        raise AmissError(
            wanted="NaN alone, and no proposal, where no face was measured",
            got=f"numbers in {numbers[0]}" if numbers else f"{len(proposals)} proposals",
            remedy="leave NaN as it is: what is missing must not look measured",
        )


def lost_face(bench: SpottingBench) -> None:
    """A film whose face is lost for a while is scored, and nothing is proposed in between."""
    row = bench.held[0]
    recording = bench.task.recordings[row]
    third = recording.duration_s / 3
    gone_s = (recording.start_s + third, recording.end_s - third)
    film = without_face(bench.measured(row), *gone_s)
    told = "a film in which the face is lost for a while"
    for one in _scored(bench, film, told, "judge each stretch with a face by itself")[1]:
        if one.onset_s > gone_s[0] + _EDGE_S and one.offset_s < gone_s[1] - _EDGE_S:
            raise AmissError(
                wanted=f"no proposal from {gone_s[0]:g} to {gone_s[1]:g} s, where there was no face",
                got=f"{one.kind} {one.onset_s:g} to {one.offset_s:g} s",
                remedy="leave NaN as it is, and propose nothing there",
            )


def fields(bench: SpottingBench) -> None:
    """A method that does not ask for fields answers the same without them."""
    if bench.method.needs_fields:
        raise NotOfferedError
    rows = [*bench.train, *bench.held]
    bare = {row: replace(bench.measured(row), fields=None) for row in rows}
    told, remedy = "a fit and a score without fields", "say needs_fields=True of the SpottingMethod"
    one = _asked(partial(bench.fitted, [bare[row] for row in bench.train]), told, remedy)
    for row, before in bench.curves.items():
        found = _asked(partial(one.score, bare[row]), told, remedy)
        check_curves(bench, found)
        apart = other_curve(before, copied(found))
        if apart is not None:
            raise AmissError(
                wanted="the same curves without fields, which are not measured unless a method asks",
                got=f"another {apart}",
                remedy=remedy,
            )


def nothing_coded(bench: SpottingBench) -> None:
    """A training set in which nothing is coded, or that is empty, is no error."""
    for videos, told in ((bench.videos(bench.train), "in which nothing is coded"), ([], "of no recording")):
        _check_trained(bench, videos, [()] * len(videos), f"a fit to training recordings {told}")


def missing_kind(bench: SpottingBench) -> None:
    """A kind that nobody coded in training is no error."""
    if len(bench.method.kinds) < 2:
        raise NotOfferedError
    for kind in bench.method.kinds:
        rest = [tuple(one for one in own if one.kind != kind) for own in bench.references]
        _check_trained(bench, bench.videos(bench.train), rest, f"a fit where no {kind}-expression is coded")


def odd_training(bench: SpottingBench) -> None:
    """Training recordings without a face, or of one frame, spoil nothing that is learned from the others."""
    whole = bench.measured(bench.held[0])
    videos = [*bench.videos(bench.train), without_face(whole), shortened(whole, 1)]
    coded = [*bench.references, bench.task.recordings[bench.held[0]].references, ()]
    found = _check_trained(
        bench, videos, coded, "a fit with a film of no face and one of a frame among others"
    )
    for row, before in bench.curves.items():
        for kind in bench.method.kinds:
            if np.isfinite(before[kind]).any() and not np.isfinite(found[row][kind]).any():
                raise AmissError(
                    wanted=f"{kind} judged in the same film as before",
                    got="NaN alone once a film without a face was among those of training",
                    remedy="leave out of training what is NaN",
                )


def _check_trained(
    bench: SpottingBench, videos: Sequence[Any], references: References, told: str
) -> dict[int, Curves]:
    """The curves of held recordings after another fit; raises AmissError for any that break a rule."""
    remedy = "let fit keep what it has where there is nothing to learn, and score answer NaN"
    one = _asked(partial(bench.fitted, videos, references), told, remedy)
    found = {}
    for row in bench.held:
        recording = bench.task.recordings[row]
        score = partial(one.score, bench.video(row))
        found[row] = _asked(score, f"a score after {told}", remedy)
        _check(bench, found[row], (recording.start_s, recording.end_s), one)
    return found


def _scored(bench: SpottingBench, film: Any, told: str, remedy: str) -> tuple[Curves, list[Proposed]]:
    """The curves of a film and all that is proposed in it, which keep the rules."""
    found = _asked(partial(bench.first.score, film), f"a score of {told}", remedy)
    return found, _check(bench, found, (film.motion.start_s, film.motion.end_s), bench.first)


def _check(bench: SpottingBench, found: Curves, film_s: tuple[float, float], spotter: Any) -> list[Proposed]:
    check_curves(bench, found)
    check_finite(bench, found)
    return check_proposals(bench, found, film_s, spotter)


def _asked(ask: Callable[[], Any], wanted: str, remedy: str) -> Any:
    """What is answered; raises AmissError in place of an error."""
    try:
        return ask()
    except Exception as error:
        raise AmissError(wanted=wanted, got=one_line(error), remedy=remedy) from error
