"""A session's films and frame stamps as the study's videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.dataset import ParticipantWriter, tables
from mien.elicitation.journal import Row
from mien.elicitation.session_work import SessionWork, counts
from mien.recording.formats import count_frames

if TYPE_CHECKING:
    import pandas as pd


def write_videos(work: SessionWork, files: ParticipantWriter, trials: set[int]) -> dict[int, FloatArray]:
    """The stamps of every run that could be written, on the session's clock."""
    kept: dict[int, Row] = {}
    part_of: dict[int, int] = {}
    part = 1
    for row in work.rows:
        if row["what"] == "opened":
            part = int(row["part"])
        elif row["what"] == "recorded" and int(row["trial"]) in trials and counts(work, row):
            kept[int(row["trial"])], part_of[int(row["trial"])] = row, part
    written: dict[int, FloatArray] = {}
    for run, row in sorted(kept.items()):
        if row["trouble"]:
            work.left_out.append(f"video of trial {run}: {row['trouble']}")
        try:
            written[run] = _write_video(work, files, run, work.shifts.get(part_of[run], 0.0))
        except DataError as error:
            work.left_out.append(f"video of trial {run}: {error}")
    return written


def _write_video(work: SessionWork, files: ParticipantWriter, run: int, shift_s: float) -> FloatArray:
    camera = work.folder / "camera"
    film, table = camera / f"run-{run:02d}.mkv", camera / f"run-{run:02d}_frames.tsv"
    rows = tables.read_table(
        table,
        columns=("frame", "counter", "host_time_s", "trigger"),
        integers=["frame", "counter", "trigger"],
        numbers=["host_time_s"],
    )
    n_frames = count_frames(film) if film.is_file() else len(rows)
    if n_frames != len(rows) or not n_frames:
        raise DataError(
            film,
            wanted=f"{len(rows)} frames, as many as rows",
            got=n_frames,
            remedy="see what its recorder said",
        )
    if film.is_file():
        files.copy_video(run, film)
    else:
        _film_of_images(camera / f"run-{run:02d}", rows, files, run)
    stamps = rows["host_time_s"].to_numpy(dtype=np.float64) + shift_s
    files.write_frame_times(run, stamps - work.zero_s, counter=rows["counter"].to_numpy(dtype=np.int64))
    return stamps


def _film_of_images(folder: Path, rows: pd.DataFrame, files: ParticipantWriter, run: int) -> None:
    """A run that was kept as pictures, made a film; the pictures stay where they are."""
    from fractions import Fraction

    import cv2

    from mien.recording.formats import read_image_folder

    found = read_image_folder(folder)
    if len(found.paths) != len(rows):
        got = f"{len(found.paths)} of {len(rows)}"
        raise DataError(folder, wanted="every frame's picture", got=got, remedy="restore them from a copy")
    stamps = rows["host_time_s"].to_numpy(dtype=np.float64)
    rate = Fraction(round(max(1.0, (stamps.size - 1) / max(1e-3, float(np.ptp(stamps))))))
    with files.write_video(run, width=found.width, height=found.height, rate_hz=rate) as film:
        for path in found.paths:
            image = cv2.imread(str(path))
            if image is None:
                raise DataError(
                    path, wanted="a picture", got="a damaged one", remedy="restore it from a copy"
                )
            film.write(np.asarray(image[:, :, ::-1], dtype=np.uint8))
