"""The clips of a study as coders see them: which videos there are, when their frames were, what was shown.

A clip is the video of one run of one participant. Its times are the camera's own, fitted where that is
possible, from the clip's first frame on; the trial's number is the run's, as in every coding table.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError, MienError
from mien.core.time import FloatArray
from mien.dataset import Study, VideoRun, layout, may_leave, tables
from mien.dataset.expressions import frame_seconds

CLIP_ID = re.compile(r"(sub-[0-9A-Za-z]+)_run-([0-9]{2,})")
_KEPT = 32
_Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Clip:
    """One run's video; `problem` says why it cannot be looked at (None: it can, as far as is known)."""

    participant: str
    run: int
    video: Path | None
    problem: str | None = None

    @property
    def id(self) -> str:
        """As in sub-001_run-01."""
        return clip_id(self.participant, self.run)

    @property
    def trial(self) -> int:
        """The trial's number."""
        return self.run


def clip_id(participant: str, run: int) -> str:
    """The name of a clip, as in sub-001_run-01."""
    return f"{participant}_run-{run:02d}"


def parse_clip_id(text: str) -> tuple[str, int] | None:
    """Participant and run of a clip's name; None for another text."""
    found = CLIP_ID.fullmatch(text)
    return (found[1], int(found[2])) if found and clip_id(found[1], int(found[2])) == text else None


class StudyClips:
    """Every clip of a study; what costs time is read when it is asked for, and kept for a while."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._lock = threading.Lock()
        self._times: OrderedDict[str, tuple[_Stamp, FloatArray]] = OrderedDict()
        self._clips = {clip.id: clip for name in study.participants for clip in self._of(name)}
        self._n_frames = _counted(study)
        self._durations: dict[str, float | None] = {}

    def _of(self, name: str) -> list[Clip]:
        person = self.study.participants[name]
        if not may_leave("face", person.consent_level, audience="analysis"):
            return []
        return [_clip(name, run, video) for run, video in self.study.session(name).videos().items()]

    def __iter__(self) -> Any:
        return iter(self._clips.values())

    def __len__(self) -> int:
        return len(self._clips)

    def get(self, name: str) -> Clip | None:
        """The clip of a name; None where there is none."""
        return self._clips.get(name)

    def n_frames(self, clip: Clip) -> int | None:
        """Number of frames by the manifest; None where it says nothing."""
        return self._n_frames.get(clip.id)

    def duration_s(self, clip: Clip) -> float | None:
        """Seconds from the first to the last frame by the stamps as recorded; None where there are none.

        Reads two lines of the table and no more, since lists show it for thousands of clips.
        """
        if clip.id not in self._durations:
            path = layout.frame_times(self.study.folder, clip.participant, clip.run)
            self._durations[clip.id] = _between_first_and_last(path)
        return self._durations[clip.id]

    def times_s(self, clip: Clip) -> FloatArray:
        """Seconds of every frame from the first one on, (n_frames,), increasing.

        Raises
        ------
        DataError
            If the frames have no times, or times that stand still.
        """
        stamp = _stamp(layout.frame_times(self.study.folder, clip.participant, clip.run))
        with self._lock:
            known = self._times.get(clip.id)
            if known is not None and known[0] == stamp:
                self._times.move_to_end(clip.id)
                return known[1]
        times = _times(self.study.session(clip.participant).videos().get(clip.run), clip)
        with self._lock:
            self._times[clip.id] = stamp, times
            while len(self._times) > _KEPT:
                self._times.popitem(last=False)
        return times

    def context(self, clip: Clip) -> dict[str, Any]:
        """What was shown and what the participant reported; revealed after the action units are coded."""
        table = self.study.session(clip.participant).trials()
        empty: dict[str, Any] = dict.fromkeys(("clip_emotion", "self_report", "valence", "arousal"))
        for row in [] if table is None else tables.rows(table):
            if row["trial"] == clip.trial:
                return {
                    "clip_emotion": row["emotion"],
                    "self_report": row["self_report"],
                    "valence": row["valence"],
                    "arousal": row["arousal"],
                }
        return empty


def _stamp(path: Path) -> _Stamp:
    """What changes when a table is mended while the bench is open."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _clip(name: str, run: int, video: VideoRun) -> Clip:
    problem = None
    if video.path is None:
        problem = "There is no video of this run: it was withheld or never recorded."
    elif video.frame_times_path is None:
        problem = "The video has no table of frame times, so no frame has a time: add _frametimes.tsv."
    return Clip(name, run, video.path, problem)


def _times(video: VideoRun | None, clip: Clip) -> FloatArray:
    seconds = frame_seconds(video, clip.run, None)
    if isinstance(seconds, str) or not seconds.size or not (np.diff(seconds) > 0).all():
        got = seconds if isinstance(seconds, str) else "none, or times that stand still"
        raise DataError(
            clip.id,
            wanted="a growing time for every frame",
            got=got,
            remedy="mend the table of frame times beside the video",
        )
    return np.asarray(seconds - seconds[0], dtype=np.float64)


def _counted(study: Study) -> Mapping[str, int]:
    """Frames of every video, by the manifest."""
    found: dict[str, int] = {}
    path = layout.manifest(study.folder)
    try:
        table = tables.read_table(path, columns=layout.MANIFEST_COLUMNS, integers=["n_frames"])
    except (MienError, OSError):
        return found
    for row in tables.rows(table):
        place = Path(str(row["path"]))
        run = layout.run_of(place)
        if run is not None and layout.is_video(place) and row["n_frames"] is not None:
            found[clip_id(place.parts[0], run)] = int(row["n_frames"])
    return found


def _between_first_and_last(path: Path) -> float | None:
    try:
        with open(path, "rb") as file:
            at = file.readline().decode().rstrip("\n").split("\t").index("host_time_s")
            first = file.readline()
            file.seek(max(file.tell() - len(first), path.stat().st_size - 4096))
            last = file.read().rstrip().rsplit(b"\n", 1)[-1]
        return round(float(last.split(b"\t")[at]) - float(first.split(b"\t")[at]), 2)
    except (OSError, ValueError, IndexError):
        return None
