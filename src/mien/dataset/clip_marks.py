"""Marks on the runs of a study: where the picture is cut, and in which stretches of voice the face in view
speaks. They are made from the study's own files and can be made anew; a person decides what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.dataset import layout, tables
from mien.recording.formats import read_audio, read_frames
from mien.signals.face.mouth_motion import MouthMotion, measure_mouth
from mien.signals.face.shot_cuts import ShotCut, Thumb, cuts_of_thumbnails, thumbnail
from mien.signals.speech.active_speaker import VoiceSpan, active_speaker, speaking_s

if TYPE_CHECKING:
    from mien.dataset.study import Study

CUT_COLUMNS = ("run", "frame", "at_s", "kind", "strength", "first_frame", "last_frame")
VOICE_COLUMNS = ("run", "start_s", "end_s", "speaks", "score", "lag_s", "reason")
NO_SOUND = "no sound"


@dataclass(frozen=True, slots=True)
class RunMarks:
    """Cuts and stretches of voice of one run, in seconds of its frame times.

    `unheard` says why there are no stretches of voice at all; "" where voices were looked for.
    """

    cuts: tuple[ShotCut, ...]
    voices: tuple[VoiceSpan, ...]
    unheard: str


@dataclass(frozen=True, slots=True)
class MarkCounts:
    """Of a study: runs, those with a cut, cuts by kind, seconds of voice by verdict, runs without sound."""

    n_runs: int
    n_runs_with_cut: int
    n_cuts: Mapping[str, int]
    voice_s: Mapping[str, float]
    n_without_sound: int


def mark_run(video: Path, audio: Path | None, times_s: FloatArray) -> RunMarks:
    """Cuts and voices of one run.

    Parameters
    ----------
    video
        Decoded twice, in flat memory: for the cuts, and for the face between them.
    audio
        Its sound, which begins with the first frame; None where there is none.
    times_s
        When each frame is shown, (n_frames,).

    Raises
    ------
    DataError
        If video or sound cannot be read, or frames and times differ in number.
    """
    thumbs: list[Thumb] = [thumbnail(picture) for _, _, picture in read_frames(video)]
    cuts = cuts_of_thumbnails(thumbs, times_s)
    if audio is None:
        return RunMarks(tuple(cuts), (), NO_SOUND)
    heard = read_audio(audio)
    sound = Signal(heard.values, heard.rate_hz, heard.unit, heard.name, float(times_s[0]))
    firsts = [frame for cut in cuts for frame in {cut.first_frame, cut.last_frame}]
    mouth = _mouth(video, times_s, sorted(firsts))
    try:
        voices = active_speaker(
            sound, times_s, mouth.opening_px_s, mouth.reasons, cuts_s=[float(times_s[f]) for f in firsts]
        )
    except DataError as error:
        return RunMarks(tuple(cuts), (), f"unfit sound: {error.got}")
    return RunMarks(tuple(cuts), tuple(voices), "")


def _mouth(video: Path, times_s: FloatArray, firsts: Sequence[int]) -> MouthMotion:
    pictures = (picture for _, _, picture in read_frames(video, luma=True))
    return measure_mouth(pictures, times_s, cuts=firsts)


def write_marks(root: Path, participant: str, runs: Mapping[int, RunMarks]) -> None:
    """Write a participant's cuts and voices; `root` is a study or one in the making."""
    import pandas as pd

    cuts = [
        (run, c.frame, f"{c.at_s:.6f}", c.kind, f"{c.strength:.3f}", c.first_frame, c.last_frame)
        for run, marks in runs.items()
        for c in marks.cuts
    ]
    voices: list[tuple[Any, ...]] = []
    for run, marks in runs.items():
        if marks.unheard:
            voices.append((run, None, None, "not-judged", None, None, marks.unheard))
        voices += [(run, *_voice_cells(span)) for span in marks.voices]
    for path, rows, columns in (
        (layout.shot_cuts(root, participant), cuts, CUT_COLUMNS),
        (layout.voice_spans(root, participant), voices, VOICE_COLUMNS),
    ):
        tables.write_table(path, pd.DataFrame(rows, columns=list(columns)), columns=columns)


def _voice_cells(span: VoiceSpan) -> tuple[str | None, ...]:
    score, lag = (None if v is None else f"{v:.3f}" for v in (span.score, span.lag_s))
    return f"{span.start_s:.3f}", f"{span.end_s:.3f}", span.speaks, score, lag, span.reason or None


def count_marks(study: Study) -> MarkCounts | None:
    """How many cuts a study's runs hold and for how long who speaks; None where nobody has marked them.

    Raises DataError if a table of marks is damaged.
    """
    n_runs, with_cut, without_sound, marked = 0, set(), set(), False
    n_cuts: dict[str, int] = {}
    voice_s = {"in-view": 0.0, "off-screen": 0.0, "not-judged": 0.0}
    for name in study.participants:
        path = layout.shot_cuts(study.folder, name)
        if not path.is_file():
            continue
        marked = True
        n_runs += len(study.session(name).videos())
        whole = ("run", "frame", "first_frame", "last_frame")
        for row in tables.rows(tables.read_table(path, columns=CUT_COLUMNS, integers=whole)):
            with_cut.add((name, row["run"]))
            n_cuts[row["kind"]] = n_cuts.get(row["kind"], 0) + 1
        table = tables.read_table(
            layout.voice_spans(study.folder, name),
            columns=VOICE_COLUMNS,
            integers=["run"],
            numbers=["start_s", "end_s", "score", "lag_s"],
        )
        for row in tables.rows(table):
            if row["start_s"] is None:
                without_sound.add((name, row["run"]))
            else:
                voice_s[row["speaks"]] = voice_s.get(row["speaks"], 0.0) + row["end_s"] - row["start_s"]
    if not marked:
        return None
    rounded = {kind: float(np.round(seconds, 3)) for kind, seconds in voice_s.items()}
    return MarkCounts(n_runs, len(with_cut), dict(sorted(n_cuts.items())), rounded, len(without_sound))


def told_marks(runs: Sequence[RunMarks]) -> str:
    """One sentence on the marks of several runs."""
    cuts = [cut for marks in runs for cut in marks.cuts]
    having = sum(bool(marks.cuts) for marks in runs)
    seconds = [
        sum(speaking_s(marks.voices, kind) for marks in runs)
        for kind in ("in-view", "off-screen", "not-judged")
    ]
    return (
        f"{having} of {len(runs)} clips hold a cut ({len(cuts)} in all); the face in view speaks for "
        f"{seconds[0]:.1f} s, others for {seconds[1]:.1f} s, {seconds[2]:.1f} s of voice were not judged."
    )
