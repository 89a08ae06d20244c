"""What is written of one clip of a recording: its files, where it was cut from, its coded expression."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.expression import Kind, is_micro
from mien.core.time import FloatArray
from mien.dataset import layout, tables
from mien.dataset.catalog.judging import flag_marks
from mien.dataset.catalog.recordings import ClipRow
from mien.dataset.clip_marks import RunMarks, write_marks
from mien.dataset.importing import CODER
from mien.dataset.write import ParticipantWriter

PROVENANCE = (
    "run", "recording", "file", "sha256", "start_s", "end_s", "first_frame_s", "last_frame_s", "n_frames",
    "rate_hz", "sound", "source", "url", "date", "licence", "permission", "emotion", "valence", "source_row",
)  # fmt: skip
STAMPS_FROM = "presentation times of the recording"
_SLOW_HZ = 19.5
_EVEN = 1.02  # longest over shortest time between frames of an even film


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A clip as it was cut: its files, its frames' times (n,) in the recording, and what its sound is."""

    row: ClipRow
    video: Path
    audio: Path
    times_s: FloatArray
    sound: str
    late_s: float

    @property
    def heard(self) -> Path | None:
        """The sound's file, where there is one."""
        return self.audio if self.audio.is_file() else None

    @property
    def rate_hz(self) -> float | None:
        """Frames per second; None of a single frame."""
        return None if self.times_s.size < 2 else 1 / float(np.median(np.diff(self.times_s)))

    @property
    def uneven(self) -> bool:
        """Whether frames come at different distances."""
        steps = np.diff(self.times_s)
        return steps.size > 1 and float(steps.max()) > _EVEN * float(steps.min()) + 1e-3


@dataclass(frozen=True, slots=True)
class CodedClip:
    """The expression that a row codes: frames from 0 in its run, None where it has none, and flags."""

    frames: tuple[int | None, int | None, int | None]
    kind: Kind | None
    flags: tuple[str, ...]


def coded_clip(piece: Piece, marks: RunMarks | None) -> CodedClip | None:
    """The coded expression of a clip; None where its row names no mark."""
    if not any(mark is not None for mark in piece.row.marks_s):
        return None
    onset, apex, offset = (_frame(piece.times_s, mark) for mark in piece.row.marks_s)
    counted = tuple(None if frame is None else frame + 1 for frame in (onset, apex, offset))
    stated = tuple(mark is not None for mark in piece.row.marks_s)
    flags = list(
        flag_marks(
            (counted[0], counted[1], counted[2]),
            rate_hz=piece.rate_hz or 1.0,
            kind=None,
            coded=(True, stated[1], stated[2]),
        )
    )
    if any(a and frame is None for a, frame in zip(stated, (onset, apex, offset), strict=True)):
        flags = [flag for flag in flags if flag != "mark-missing"] + ["frames-missing"]
    named = [frame for frame in (onset, apex, offset) if frame is not None]
    cuts = () if marks is None else marks.cuts
    if named and any(cut.first_frame <= max(named) and cut.last_frame > min(named) for cut in cuts):
        flags.append("cut-inside")
    kind: Kind | None = None
    if piece.row.marks_s[0] is not None and not {"order", "frames-missing"} & set(flags):
        observed = None if "offset-unobserved" in flags else piece.row.marks_s[2]
        micro = is_micro(piece.row.marks_s[0], piece.row.marks_s[1], observed)
        kind = None if micro is None else "micro" if micro else "macro"
    return CodedClip((onset, apex, offset), kind, tuple(flags))


def _frame(times_s: FloatArray, at_s: float | None) -> int | None:
    """The frame shown nearest to a time; None where the clip has none within half a frame's time."""
    if at_s is None:
        return None
    nearest = int(np.abs(times_s - at_s).argmin())
    step_s = float(np.median(np.diff(times_s))) if times_s.size > 1 else 0.0
    return nearest if abs(float(times_s[nearest]) - at_s) <= step_s / 2 + 1e-3 else None


def spelled_marks(row: ClipRow) -> str:
    """The marks as the table has them, as in 12.4/12.6/."""
    return "/".join("" if mark is None else f"{mark:g}" for mark in row.marks_s)


def write_clips(
    files: ParticipantWriter,
    runs: Mapping[int, Piece],
    marks: Mapping[int, RunMarks],
    films: Mapping[Path, tuple[int, str]],
    names: Mapping[str, str],
) -> None:
    """Write all clips of one participant.

    Parameters
    ----------
    films
        Number and SHA-256 of each recording.
    names
        The participant of every label: labels do not stand in the study.
    """
    import pandas as pd

    folder, who = files.folder, files.participant_id
    trials, coded, origin = [], [], []
    for run, piece in runs.items():
        for made, target in (
            (piece.video, layout.video(folder, who, run)),
            (piece.audio, layout.audio(folder, who, run)),
        ):
            if made.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(made, target)
        files.write_frame_times(run, piece.times_s, stated=STAMPS_FROM)
        number, sha256 = films[piece.row.recording]
        trials.append(
            {
                "trial": run, "code": None, "stimulus": None, "emotion": piece.row.emotion,
                "self_report": None, "valence": None, "arousal": None, "source": f"recording {number}",
            }
        )  # fmt: skip
        origin.append(_origin(run, piece, number, sha256, names))
        found = coded_clip(piece, marks.get(run))
        if found is not None:
            coded.append(_coded(run, piece, found))
    files.write_trials(pd.DataFrame(trials).astype({"code": "Int64"}))
    path = layout.provenance(folder, who)
    tables.write_table(path, pd.DataFrame(origin, columns=list(PROVENANCE)), columns=PROVENANCE)
    if coded:
        columns = [*layout.CODING_COLUMNS, *layout.CODING_NOTES]
        frame = pd.DataFrame(coded, columns=columns)
        files.write_coding(CODER, frame.astype(dict.fromkeys(layout.CODING_COLUMNS[2:5], "Int64")))
    write_marks(folder, who, marks)


def _origin(run: int, piece: Piece, number: int, sha256: str, names: Mapping[str, str]) -> dict[str, Any]:
    row = piece.row
    told = {role: None if cell is None else without_labels(cell, names) for role, cell in row.told.items()}
    return {
        "run": run,
        "recording": number,
        "file": without_labels(row.recording.name, names),
        "sha256": sha256,
        "start_s": f"{row.span.start_s:.6f}",
        "end_s": f"{row.span.end_s:.6f}",
        "first_frame_s": f"{piece.times_s[0]:.6f}",
        "last_frame_s": f"{piece.times_s[-1]:.6f}",
        "n_frames": piece.times_s.size,
        "rate_hz": None if piece.rate_hz is None else f"{piece.rate_hz:.3f}",
        "sound": piece.sound,
        "emotion": row.emotion,
        "source_row": row.source_row,
        **told,
    }


def _coded(run: int, piece: Piece, found: CodedClip) -> dict[str, Any]:
    onset, apex, offset = found.frames
    return {
        "trial": run,
        "run": run,
        "onset_frame": onset,
        "apex_frame": apex,
        "offset_frame": offset,
        "kind": found.kind,
        "action_units": tables.spell_action_units(piece.row.action_units),
        "emotion": piece.row.emotion,
        "three_class": piece.row.three_class,
        "flags": " ".join(found.flags) or None,
        "source_row": piece.row.source_row,
        "source_marks": spelled_marks(piece.row),
    }


def without_labels(text: str, names: Mapping[str, str]) -> str:
    """A text with every participant's label replaced by the participant's id.

    Examples
    --------
    >>> without_labels("anna_final.mp4", {"Anna": "sub-001"})
    'sub-001_final.mp4'
    """
    for label in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(label)}(?![0-9A-Za-z])", names[label], text, flags=re.I)
    return " ".join(text.split())


def remarks_on_clips(pieces: Sequence[Piece], coded: Sequence[CodedClip]) -> list[str]:
    """What there is to say of the clips themselves: sound, rates, cuts in expressions."""
    n = len(pieces)
    counts = (
        (sum(p.sound.startswith("none") for p in pieces), "have no sound"),
        (
            sum(p.late_s > 0.005 for p in pieces),
            "have sound that begins after the picture: silence before it",
        ),
        (sum("by default" in p.sound for p in pieces), "have several channels of sound: the first was taken"),
        (sum("missing within" in p.sound for p in pieces), "have gaps in their sound: silence stands there"),
        (sum(p.uneven for p in pieces), "have frames that come unevenly: their times are in the table"),
        (sum((p.rate_hz or 0) < _SLOW_HZ for p in pieces), "have fewer than 20 frames a second"),
    )
    remarks = [f"{count} of {n} clips {what}." for count, what in counts if count]
    cut = sum("cut-inside" in one.flags for one in coded)
    if cut:
        remarks.append(f"{cut} of {len(coded)} coded expressions have a cut inside.")
    return remarks
