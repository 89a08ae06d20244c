"""A small study of blank videos with the tables of its coders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mien.dataset import StudyWriter

RATE_HZ, N_FRAMES = 50, 100
COLUMNS = ["trial", "run", "onset_frame", "apex_frame", "offset_frame", "kind", "action_units", "emotion"]

Rows = list[tuple[object, ...]]
Coding = Mapping[str, Mapping[str, Rows]]

USUAL: Coding = {
    "sub-001": {
        "A": [
            (1, 1, 10, 15, 20, "micro", "AU4, LAU12", "anger"),
            (2, 2, 30, 40, 60, "macro", "AU12", "happiness"),
            (2, 2, 70, 75, 80, "micro", "AU1", "fear"),
        ],
        "B": [
            (1, 1, 11, 15, 20, "micro", "AU4", "anger"),
            (2, 2, 30, 40, 62, "macro", "AU6, AU12", "happiness"),
        ],
    },
    "sub-002": {
        "A": [(1, 1, 50, 55, 60, "micro", "AU4", "disgust")],
        "B": [(1, 1, 50, 55, 55, "micro", "AU4", "disgust"), (2, 2, 5, 8, 12, "micro", "AU2", "fear")],
    },
}
"""Three matched pairs; A missed one expression, B one."""


def table(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[:5], "Int64"))


def write_coded_study(folder: Path, coding: Coding = USUAL, *, runs: int = 2, stamps: bool = True) -> Path:
    """Every participant has `runs` videos of two seconds; without `stamps` no frame has a time."""
    writer = StudyWriter(folder)
    for name, tables in coding.items():
        with writer.participant(name) as person:
            for run in range(1, runs + 1):
                with person.write_video(run, width=32, height=32, rate_hz=RATE_HZ) as video:
                    for _ in range(N_FRAMES):
                        video.write(np.zeros((32, 32, 3), dtype=np.uint8))
                if stamps:
                    person.write_frame_times(run, 5.0 + np.arange(N_FRAMES) / RATE_HZ)
            for coder, rows in tables.items():
                person.write_coding(coder, table(rows))
    writer.finish(pd.DataFrame({"participant_id": list(coding), "consent_level": [1] * len(coding)}))
    return folder
