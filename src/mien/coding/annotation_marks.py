"""Annotations as marks for other programs' files, and marks as annotations: frames become times and return.

Conventions: a mark's times are those at which the video file shows its frames; whether something is a
micro-expression follows from the measured times of the same frames. A mark's kind is the one that was stated,
else the one by the rule. Coming back, a kind that the times contradict is a statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.coding.annotation import Annotation, annotation_from_json, derived_kind, kind_by_rule
from mien.coding.exchange import Mark, Sheet
from mien.coding.stated import Stated, can_stand
from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Expression
from mien.core.time import FrameGrid

IN_THE_FILE = "as in the file"
"""The reason of a kind that a file states against the times, and gives no reason for."""

_PRECISION_S = 0.0005  # of programs' whole milliseconds


def can_be_marked(said: Annotation) -> bool:
    """Whether an annotation has an onset and its times are in order: programs mark nothing else."""
    known = [frame for frame in (said.onset, said.apex, said.offset) if frame is not None]
    return said.onset is not None and known == sorted(known)


def mark_of(said: Annotation, file_s: Sequence[float], times_s: Sequence[float]) -> Mark:
    """An annotation as a mark.

    Parameters
    ----------
    file_s
        When the file shows each frame, seconds.
    times_s
        The measured time of every frame, seconds.

    Raises
    ------
    DataError
        If it has no onset or frames out of order, a frame is not in the video, or would not be found again
        because another is shown within the same millisecond.
    """
    if not can_be_marked(said):
        raise DataError(
            "expression",
            wanted="an onset, and onset <= apex <= offset",
            got=f"frames {said.onset}, {said.apex}, {said.offset}",
            remedy="correct it, or export a table",
        )
    if not can_stand(said.emotion or ""):
        raise DataError(
            "emotion", wanted="signs that XML holds", got=ascii(said.emotion), remedy="correct it"
        )
    onset, apex, offset = (
        None if frame is None else _shown_s(frame, file_s) for frame in (said.onset, said.apex, said.offset)
    )
    assert onset is not None
    kind = derived_kind(said, times_s)
    at = Expression(onset, apex, offset, kind, said.action_units, said.emotion)
    return Mark(at, comment=said.comment, stated=_stated(said))


def _stated(said: Annotation) -> Stated:
    return Stated(
        no_action_unit=said.no_action_unit,
        basis=said.basis,
        valence=said.valence,
        arousal=said.arousal,
        certainty=said.certainty,
        kind_reason=said.kind_reason,
        suggestion=said.suggestion,
        verbatim=True,
    )


def _shown_s(frame: int, file_s: Sequence[float]) -> float:
    if frame >= len(file_s):
        raise DataError(
            f"frame {frame}", wanted=f"one of {len(file_s)}", got=frame, remedy="correct the expression"
        )
    at = float(file_s[frame])
    near = file_s[max(frame - 1, 0) : frame + 2]
    if sum(abs(at - other) <= 2 * _PRECISION_S for other in near) > 1:
        raise DataError(
            f"frame {frame}",
            wanted="frames more than a millisecond apart, as programs count time",
            got="another frame within one",
            remedy="export a table, which names frames",
        )
    return at


def annotation_of(
    mark: Mark, sheet: Sheet, times_s: Sequence[float], *, emotions: Mapping[str, str] | None = None
) -> tuple[Annotation, list[str]]:
    """A mark of a file as an annotation, and what was taken otherwise than it stands there.

    Parameters
    ----------
    sheet
        The video: its frames' times in the file.
    times_s
        The measured time of every frame, seconds.
    emotions
        How the study spells what files may write: its own words, and others in small letters.

    Raises
    ------
    DataError
        If a time lies outside the video, or it states what cannot be.
    """
    at = mark.expression
    frames = [None if time is None else sheet.frame(time) for time in (at.onset_s, at.apex_s, at.offset_s)]
    stated = mark.stated
    said, remarks = stated_annotation(
        dict(zip(("onset", "apex", "offset"), frames, strict=True)),
        units=at.action_units,
        emotion=at.emotion,
        comment=mark.comment,
        stated=stated,
        emotions=emotions or {},
    )
    said = with_kind(said, at.kind, stated.kind_reason, times_s)
    if mark.score is not None:
        remarks.append(f"A method's score ({mark.score:g}) was left out.")
    return said, remarks


def stated_annotation(
    frames: Mapping[str, int | None],
    *,
    units: Sequence[ActionUnit],
    emotion: str | None,
    comment: str,
    stated: Stated,
    emotions: Mapping[str, str],
) -> tuple[Annotation, list[str]]:
    """An annotation of what a file says but for its kind, and remarks.

    An emotion without action units goes into the comment: the bench takes emotions only after units. A unit
    that stands twice is taken once. Raises DataError where it states what cannot be.
    """
    remarks = []
    each = tuple({(unit.number, unit.side): unit for unit in reversed(units)}.values())
    emotion = None if emotion is None else emotions.get(emotion) or emotions.get(emotion.lower(), emotion)
    basis = stated.basis
    if emotion is not None and not units and not stated.no_action_unit:
        remarks.append(f"Its emotion ({emotion[:60]}) stands in the comment, since it has no action units.")
        comment = " ".join(filter(None, [comment, f"(emotion in the file: {emotion})"]))
        emotion, basis = None, ()
    said = Annotation(
        onset=frames["onset"],
        apex=frames["apex"],
        offset=frames["offset"],
        action_units=each,
        no_action_unit=stated.no_action_unit,
        emotion=emotion,
        basis=basis,
        valence=stated.valence,
        arousal=stated.arousal,
        certainty=stated.certainty,
        comment=comment,
        suggestion=stated.suggestion,
    )
    return said, remarks


def sheet_of(video: str, file_s: Sequence[float], end_s: float, marks: Sequence[Mark] = ()) -> Sheet:
    """A sheet of a video whose frames are shown at times of the file, seconds, up to its end."""
    return Sheet(video, max(end_s, 1e-3), FrameGrid(np.asarray(file_s)), tuple(marks))


def with_kind(said: Annotation, kind: str | None, reason: str, times_s: Sequence[float]) -> Annotation:
    """The annotation with a kind that a table names: stated where there is a reason, or the times say other.

    Raises DataError if the kind is none, or a reason stands without a kind.
    """
    if not reason and (kind is None or kind == kind_by_rule(said, times_s)):
        return said
    plain: dict[str, Any] = {"kind": kind, "kind_reason": reason or IN_THE_FILE}
    return annotation_from_json(said.as_json() | plain)
