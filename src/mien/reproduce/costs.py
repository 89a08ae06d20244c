"""What a study costs to work through, from its tables alone: counts, and seconds measured on one core.

Constants come from `python docs/measure_costs.py`, which runs every item on a simulated study and divides; a
faster or slower machine shifts all alike, and progress corrects them as items finish.
"""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import DataError
from mien.dataset.manifest import read_manifest
from mien.reproduce.item import Setting

_UNKNOWN_FRAMES = 60 * 150

FACE_S = 0.45
"""Faces and motion of one coded expression, 192 x 192 pixels."""


def n_expressions(setting: Setting, kind: str) -> int:
    """Rows of a kind, of the coder of each participant with most of them: about as many as expressions."""
    study = setting.opened()
    sessions = [study.session(name) for name in study.participants]
    counts = [[int((t["kind"] == kind).sum()) for t in one.coding().values()] for one in sessions]
    return sum(max(of_coders, default=0) for of_coders in counts)


def n_frames(study: Path) -> int:
    """Frames of all videos, by the manifest; where it does not say, a minute at 150 Hz stands for each."""
    try:
        rows = read_manifest(study)
    except DataError:
        rows = {}
    known = {place: row.n_frames for place, row in rows.items()}
    films = [path.relative_to(study).as_posix() for path in study.glob("sub-*/**/*_video.*")]
    return sum(known.get(place) or _UNKNOWN_FRAMES for place in films if not place.endswith(".tsv"))
