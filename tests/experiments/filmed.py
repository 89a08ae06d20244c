"""A small study whose expressions can be measured: rendered faces, a few frames each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mien.dataset import StudyWriter
from mien.simulate.faces import FaceRenderer, Pose, UnitPose
from mien.simulate.identities import Identity

UNITS = {"happiness": (6, 12), "disgust": (4, 9), "surprise": (1, 2, 5)}
RATE_HZ, PX = 30, 160
ONSETS = {"happiness": 2, "disgust": 14, "surprise": 26}
N_FRAMES = 40


def film(identity: int) -> np.ndarray:
    """Three expressions of one person, ten frames each, (40, 160, 160, 3)."""
    person = FaceRenderer(Identity.draw(np.random.default_rng(identity)), frame_px=PX, face_px=112)
    frames = [person.frame(Pose())] * N_FRAMES
    for name, onset in ONSETS.items():
        for step in range(1, 9):
            px = 2.0 * np.sin(np.pi * step / 10)
            frames[onset + step] = person.frame(Pose(units=tuple(UnitPose(u, px) for u in UNITS[name])))
    return np.stack(frames)


def coding() -> pd.DataFrame:
    rows = [(1, 1, onset, onset + 5, onset + 10, "micro", None, name) for name, onset in ONSETS.items()]
    columns = ["trial", "run", "onset_frame", "apex_frame", "offset_frame", "kind", "action_units", "emotion"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(columns[:5], "Int64"))


def write_study(folder: Path, *, people: int = 3, change=None, pictures=None, levels=None) -> Path:
    """`change(who, coding)` and `pictures(who, film)` may spoil a person's coding and film."""
    writer = StudyWriter(folder)
    for number in range(1, people + 1):
        name = f"sub-{number:03d}"
        with writer.participant(name) as person:
            frames = film(number)
            if pictures is not None:
                frames = pictures(name, frames)
            high, wide = frames.shape[1:3]
            with person.write_video(1, width=wide, height=high, rate_hz=RATE_HZ) as video:
                for frame in frames:
                    video.write(np.ascontiguousarray(frame))
            person.write_frame_times(1, np.arange(len(frames)) / RATE_HZ)
            table = coding() if change is None else change(name, coding())
            person.write_coding("a", table)
    ids = [f"sub-{n:03d}" for n in range(1, people + 1)]
    levels = levels or [2 if n % 2 else 1 for n in range(people)]
    writer.finish(pd.DataFrame({"participant_id": ids, "consent_level": levels}))
    return folder
