"""What was spotted, for other programs: tables, ELAN, BORIS, Label Studio, and suggestions for coders.

Annotation programs count a file's own seconds. What was measured on the clock that stamped a study's frames
is brought back to them frame by frame.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.coding import Mark, Sheet, label_studio_config, to_boris, to_elan, to_label_studio
from mien.core.expression import Expression
from mien.core.records import ResultRecord, write_atomically
from mien.core.time import FloatArray, FrameGrid
from mien.dataset import layout, tables
from mien.recording.formats.video_parts import FrameTimes, frame_times
from mien.spotting import Proposal

if TYPE_CHECKING:
    from mien.experiments.spotting_study import StudyVideo

COLUMNS = ("onset_s", "apex_s", "offset_s", "kind", "score", "regions", "video")
EXPORTS = {
    "table": "expressions.csv",
    "elan": "expressions.eaf",
    "boris": "expressions.boris",
    "label-studio": "label-studio.json",
    "label-studio-config": "label-studio-config.xml",
}


def write_video_exports(
    out: Path, video: Path, proposals: Sequence[Proposal], *, frames: FrameTimes, method: str
) -> dict[str, Path]:
    """Write every file of `EXPORTS` for one video into a folder; returns where they are."""
    seen = os.path.relpath(video.resolve(), out.resolve()).replace(os.sep, "/")
    sheet = _sheet(seen, proposals, frames)
    made = datetime.now()
    content = {
        "table": proposal_table(proposals, seen),
        "elan": to_elan(sheet, author=f"mien {method}", made=made),
        "boris": to_boris([sheet], name=f"mien {method}", made=made),
        "label-studio": to_label_studio([sheet], model=f"mien {method}"),
        "label-studio-config": label_studio_config(),
    }
    for name, text in content.items():
        write_atomically(out / EXPORTS[name], text.encode())
    return {name: out / EXPORTS[name] for name in content}


def proposal_table(proposals: Sequence[Proposal], video: str) -> str:
    """One row for each proposal; times in seconds, regions with semicolons between.

    Every row names the video: a withdrawal finds it by that.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in proposals:
        times = [f"{at:.3f}" for at in (one.onset_s, one.apex_s, one.offset_s)]
        writer.writerow([*times, one.kind, f"{one.score:.3f}", "; ".join(one.regions), video])
    return text.getvalue()


STUDY_COLUMNS = (
    "recording_id", "subject_id", "role", "kind", "onset_s", "apex_s", "offset_s", "score", "regions", "fold",
)  # fmt: skip


def expression_rows(record: ResultRecord) -> str:
    """Everything coded and proposed, as a table; seconds from each video's first frame."""
    more = [name for name in ("verdict", "emotion") if name in record.samples]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", delimiter="\t")
    writer.writerow([*STUDY_COLUMNS, *more])
    columns = [record.samples[name] for name in (*STUDY_COLUMNS, *more)]
    for row in zip(*columns, strict=True):
        writer.writerow(["n/a" if cell is None or cell == "" else cell for cell in row])
    return text.getvalue()


def _sheet(seen: str, proposals: Sequence[Proposal], frames: FrameTimes) -> Sheet:
    marks = tuple(
        Mark(Expression(p.onset_s, p.apex_s, p.offset_s, p.kind), p.score, ", ".join(p.regions))
        for p in proposals
    )
    return Sheet(seen, max(frames.end_s, 1e-3), FrameGrid(frames.times_s), marks)


def proposals_of(record: ResultRecord, name: str) -> list[Proposal]:
    """What a record proposes in one recording, in order of time."""
    found = []
    columns = ("recording_id", "role", "onset_s", "apex_s", "offset_s", "kind", "score", "regions")
    for where, role, onset, apex, offset, kind, score, regions in zip(
        *(record.samples[column] for column in columns), strict=True
    ):
        if where == name and role == "estimate":
            words = tuple(filter(None, str(regions or "").split("; ")))
            row: Any = (onset, apex, offset, kind, score, words)
            found.append(Proposal(*row))
    return sorted(found)


def write_study_exports(
    out: Path, record: ResultRecord, videos: Sequence[StudyVideo], *, method: str
) -> dict[str, Path]:
    """Write what a record proposes in a study's videos: for ELAN one file a video, else one for all.

    `suggestions` holds tables as coders write them, of a coder named after the method: to be confirmed or
    rejected, never to be taken for coding; they lie in the results and not in the study.
    """
    made = datetime.now()
    for old in (*out.glob("elan/*.eaf"), *out.glob("suggestions/*/*.tsv")):
        old.unlink()  # of another run: nothing may stay that this one does not say
    write_atomically(out / "expressions.tsv", expression_rows(record).encode())
    sheets = []
    rows: dict[str, list[dict[str, object]]] = {}
    for video in videos:
        proposals = proposals_of(record, video.name)
        frames = frame_times(video.path)
        seen = os.path.relpath(video.path.resolve(), out.resolve()).replace(os.sep, "/")
        own = [_on_file(one, video.since_first_s, frames.times_s) for one in proposals]
        sheet = _sheet(seen, own, frames)
        sheets.append(sheet)
        inside = os.path.relpath(video.path.resolve(), (out / "elan").resolve()).replace(os.sep, "/")
        beside = Sheet(inside, sheet.duration_s, sheet.frames, sheet.marks)
        text = to_elan(beside, author=f"mien {method}", made=made)
        write_atomically(out / "elan" / f"{video.name}.eaf", text.encode())
        rows.setdefault(video.participant, []).extend(_coding_rows(video, proposals))
    write_atomically(out / EXPORTS["boris"], to_boris(sheets, name=f"mien {method}", made=made).encode())
    label_studio = to_label_studio(sheets, model=f"mien {method}")
    write_atomically(out / EXPORTS["label-studio"], label_studio.encode())
    write_atomically(out / EXPORTS["label-studio-config"], label_studio_config().encode())
    _write_suggestions(out / "suggestions", rows, method)
    return {
        "table": out / "expressions.tsv",
        "elan": out / "elan",
        **{name: out / EXPORTS[name] for name in ("boris", "label-studio", "label-studio-config")},
        "suggestions": out / "suggestions",
    }


def _on_file(one: Proposal, since_first_s: FloatArray, file_s: FloatArray) -> Proposal:
    onset, apex, offset = np.interp([one.onset_s, one.apex_s, one.offset_s], since_first_s, file_s)
    return Proposal(float(onset), float(apex), float(offset), one.kind, one.score, one.regions)


def _coding_rows(video: StudyVideo, proposals: Sequence[Proposal]) -> list[dict[str, object]]:
    """Rows of a coding table: frames from 0, the trial's number is the run's."""
    found: list[dict[str, object]] = []
    for one in proposals:
        at = [
            int(np.argmin(np.abs(video.since_first_s - t))) for t in (one.onset_s, one.apex_s, one.offset_s)
        ]
        found.append(
            {
                "trial": video.run,
                "run": video.run,
                "onset_frame": at[0],
                "apex_frame": at[1],
                "offset_frame": at[2],
                "kind": one.kind,
                "action_units": None,
                "emotion": None,
                "score": round(one.score, 3),
                "regions": "; ".join(one.regions) or None,
            }
        )
    return found


def _write_suggestions(folder: Path, rows: dict[str, list[dict[str, object]]], method: str) -> None:
    import pandas as pd

    coder = "".join(letter for letter in method if letter.isalnum())
    columns = [*layout.CODING_COLUMNS, "score", "regions"]
    for who, own in rows.items():
        name = f"{who}_task-{layout.TASK}_coder-{coder}_expressions.tsv"
        table = pd.DataFrame(own, columns=columns)
        tables.write_table(folder / who / name, table, columns=layout.CODING_COLUMNS)
