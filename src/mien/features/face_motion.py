"""One pass over a video of any length and rate: how the parts of the face move, kept in a store.

The video is planned as parts of `PART_S`, each a job: its address names the file's content, the part and
every setting, so that a killed run repeats one part at most. A part decodes a little more than itself; where
parts begin changes no number. Frames are measured at most `MOST_HZ` times a second: ten times what skin does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.records import Json
from mien.core.time import FloatArray, Interval
from mien.dataset.manifest import file_digest
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, FaceFields
from mien.features.face_following import DAMAGED, FIND_S, JUDGED, REASONS, Followed, follow
from mien.features.field_rows import FieldRows
from mien.features.region_motion import CHANNELS, HEAD, REGIONS
from mien.features.stored_fields import LARGE, join_fields
from mien.jobs import Executor, Job, Plan, Store, run_plan, silent
from mien.jobs.plan import Output
from mien.recording.formats.video_parts import FrameTimes, frame_times, read_luma_part
from mien.signals.face import face_finder

VERSION = 1
"""Raised whenever a number may change."""
FIELDS_VERSION = 1
"""The same of displacement and texture."""
PART_S = 20.0
MOST_HZ = 50.0
"""Of measured frames: the methods look below 5 Hz, and published ones at 28 to 30 frames a second."""
_TRIES_S = 2 * FIND_S  # beyond a part's end: longer no reference serves


@dataclass(frozen=True, slots=True, eq=False)
class FaceMotion:
    """The motion of one face over a video.

    Parameters
    ----------
    times_s
        Shape (n,): of the measured frames, seconds of the file.
    motion
        Shape (n, n_regions, n_channels) float16: `REGIONS` by `CHANNELS`, pixels of a face 128 px wide
        against the frame's reference; NaN where there is no face.
    head
        Shape (n, 5) float32: `HEAD` since the reference.
    state
        Shape (n,): `JUDGED`, or a key of `REASONS`.
    reference
        Shape (n,): number of the measured frame that it is measured against, -1 for none.
    joins
        Reference -> (motion of regions, head) of that frame against the reference before.
    cuts_s
        Times of the first frames after a cut.
    rate_hz
        Frames per second of the file, from the median step; NaN for one frame.
    start_s, end_s
        Where the video begins and ends.
    damage
        Why the file ends too early, or None.
    """

    times_s: FloatArray
    motion: NDArray[np.float16]
    head: NDArray[np.float32]
    state: NDArray[np.int8]
    reference: NDArray[np.int64]
    joins: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]
    cuts_s: FloatArray
    rate_hz: float
    start_s: float
    end_s: float
    damage: str | None

    def unjudged(self) -> list[tuple[Interval, str]]:
        """The spans in which no face could be measured, each with its reason, in order."""
        spans: list[tuple[Interval, str]] = []
        edges = np.flatnonzero(np.diff(self.state, prepend=-1, append=-1))
        for first, stop in pairwise(edges):
            state = int(self.state[first])
            if state != JUDGED:
                end_s = self.times_s[stop] if stop < len(self.times_s) else self._last_end_s
                spans.append((Interval(float(self.times_s[first]), float(end_s)), REASONS[state]))
        if self.damage and self.end_s > self._last_end_s:
            spans.append((Interval(self._last_end_s, self.end_s), self.damage))
        return spans

    @property
    def _last_end_s(self) -> float:
        step = 1 / self.rate_hz if self.rate_hz > 0 else 0.0
        return float(self.times_s[-1]) + step


def measure_face_motion(
    path: Path,
    store: Store,
    *,
    finder: str = "haar",
    model: Path | None = None,
    part_s: float = PART_S,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> FaceMotion:
    """The motion of the largest face in a video, as `measure_face` gives it, without fields."""
    return measure_face(
        path, store, finder=finder, model=model, part_s=part_s, executor=executor, progress=progress
    )[0]


def measure_face(
    path: Path,
    store: Store,
    *,
    fields: bool = False,
    finder: str = "haar",
    model: Path | None = None,
    part_s: float = PART_S,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> tuple[FaceMotion, FaceFields | None]:
    """The motion of the largest face in a video; what the store holds is not measured again.

    With `fields` displacement and texture of all places come from the same pass (35 kB a frame at
    `FIELD_HZ` in the store) and are read from there piece by piece.

    Parameters
    ----------
    fields
        Whether fields are measured too.
    finder, model
        As `face_finder`; it must give eyes.
    part_s
        Seconds of video in a job, a multiple of `FIND_S`; results do not depend on it, but for texture,
        which is aligned anew in each part.

    Raises
    ------
    DataError
        If the file is absent, empty or no video.
    OptionError
        If the finder or the part's length cannot be.
    """
    if part_s < FIND_S or abs(part_s / FIND_S - round(part_s / FIND_S)) > 1e-9:
        raise OptionError(
            "length of a part", wanted=f"a multiple of {FIND_S:g} s", got=part_s, remedy="give another length"
        )
    face_finder(finder, model)
    frames = frame_times(path)
    taken = _taken(frames.times_s)
    first, last = (int(np.floor(frames.times_s[i] / part_s)) for i in (0, -1))
    content = file_digest(path)
    parts = [(k * part_s, (k + 1) * part_s) for k in range(max(first, 0), max(last, 0) + 1)]
    parts[0] = (min(parts[0][0], float(frames.times_s[0])), parts[0][1])  # a file may begin before 0
    jobs = [
        Job(
            f"{path.name}, {start:g} to {min(end, frames.end_s):.4g} s",
            _address(content, start, end, finder, model, fields),
            {"start_s": start, "end_s": end},
        )
        for start, end in parts
    ]
    every = _every(frames.times_s[taken]) if fields else 0
    plan = Plan(_measure_part, (path, frames, taken, finder, model, every), jobs, preload=("cv2", "av"))
    outputs = run_plan(plan, store, executor=executor, progress=progress, without=LARGE)
    motion = _joined(frames, np.flatnonzero(taken), outputs)
    if not fields:
        return motion, None
    return motion, join_fields(store, [job.key for job in jobs], outputs, frames.times_s)


def _every(times_s: FloatArray) -> int:
    """Which of the measured frames have fields: as many as come close to `FIELD_HZ`."""
    if len(times_s) < 2:
        return 1
    return max(1, round((len(times_s) - 1) / float(times_s[-1] - times_s[0]) / FIELD_HZ))


def _taken(times_s: FloatArray) -> NDArray[np.bool_]:
    """Which frames are measured: the first in each span of 1 / `MOST_HZ`."""
    number = np.floor(times_s * MOST_HZ + 1e-3).astype(np.int64)
    return np.diff(number, prepend=number[0] - 1) != 0


def _address(
    content: str, start: float, end: float, finder: str, model: Path | None, fields: bool
) -> dict[str, Json]:
    more: dict[str, Json] = {"fields_version": FIELDS_VERSION} if fields else {}
    return {
        **more,
        "function": "features.face_motion",
        "function_version": VERSION,
        "libraries": {name: version(name) for name in ("numpy", "opencv-contrib-python-headless", "av")},
        "video": content,
        "part_s": [start, end],
        "most_hz": MOST_HZ,
        "finder": finder,
        "model": None if model is None else file_digest(model),
    }


def _measure_part(
    context: tuple[Path, FrameTimes, NDArray[np.bool_], str, Path | None, int],
    *,
    start_s: float,
    end_s: float,
) -> Output:
    path, frames, taken, finder, model, every = context
    wanted = np.flatnonzero(taken)
    with_fields = set(wanted[::every].tolist()).__contains__ if every else None
    before = wanted[: int(np.searchsorted(frames.times_s[wanted], start_s - 1e-9))]
    first = int(before[-1]) if len(before) else 0

    def pictures() -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
        for index, picture in read_luma_part(path, frames, first, only=lambda i: bool(taken[i])):
            at_s = float(frames.times_s[index])
            if at_s >= end_s + _TRIES_S:
                return
            yield index, at_s, picture

    return _as_output(
        follow(pictures(), face_finder(finder, model), start_s=start_s, end_s=end_s, fields=with_fields)
    )


def _as_output(found: Followed) -> Output:
    shape = (len(found.frames), len(REGIONS), len(CHANNELS))
    n_joins = len(found.joins)
    joined = [one.regions for one in found.joins.values()]
    heads = [one.head for one in found.joins.values()]
    return {
        **({} if found.fields is None else _field_rows(found.fields)),
        "frames": np.array(found.frames, dtype=np.int64),
        "states": np.array(found.states, dtype=np.int8),
        "references": np.array(found.references, dtype=np.int64),
        "regions": np.array(found.regions, dtype=np.float16).reshape(shape),
        "heads": np.array(found.heads, dtype=np.float32).reshape(shape[0], len(HEAD)),
        "joined": np.array(list(found.joins), dtype=np.int64),
        "join_regions": np.array(joined, dtype=np.float32).reshape(n_joins, *shape[1:]),
        "join_heads": np.array(heads, dtype=np.float32).reshape(n_joins, len(HEAD)),
        "cuts": np.array(found.cuts, dtype=np.int64),
    }


def _field_rows(rows: FieldRows) -> Output:
    n, n_joins = len(rows.frames), len(rows.joins)
    place = (2, FIELD_SIZE, FIELD_SIZE)
    joined = list(rows.joins.values())
    return {
        "field_frames": np.array(rows.frames, dtype=np.int64),
        "field_references": np.array(rows.references, dtype=np.int64),
        "anchors": np.array(rows.anchors, dtype=np.int64),
        "displacement": np.array(rows.displacements, dtype=np.float16).reshape(n, *place),
        "texture": np.array(rows.textures, dtype=np.uint16).reshape(n, BLOCKS**2, PATTERNS),
        "field_joined": np.array(list(rows.joins), dtype=np.int64),
        "field_joins": np.array(joined, dtype=np.float16).reshape(n_joins, *place),
    }


def _joined(frames: FrameTimes, taken: NDArray[np.int64], outputs: list[Output]) -> FaceMotion:
    """Parts put together, each up to the next one's first reference; frames without a row are damaged."""
    n = len(taken)
    motion = np.full((n, len(REGIONS), len(CHANNELS)), np.nan, dtype=np.float16)
    head = np.full((n, len(HEAD)), np.nan, dtype=np.float32)
    state = np.full(n, DAMAGED, dtype=np.int8)
    reference = np.full(n, -1, dtype=np.int64)
    joins: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    cuts: set[int] = set()
    served = -1  # the last row that an earlier part has decided
    for output in outputs:
        part: dict[str, Any] = dict(output)
        rows = np.searchsorted(taken, part["frames"])
        ours = rows > served
        # The last row of the part before may be the new reference itself, which both parts have: equal.
        state[rows[ours]] = part["states"][ours]
        motion[rows[ours]] = part["regions"][ours]
        head[rows[ours]] = part["heads"][ours]
        against = part["references"][ours]
        reference[rows[ours]] = np.where(against < 0, -1, np.searchsorted(taken, against))
        for frame, regions, moved in zip(
            part["joined"], part["join_regions"], part["join_heads"], strict=True
        ):
            joins.setdefault(int(np.searchsorted(taken, frame)), (regions, moved))
        cuts.update(part["cuts"].tolist())
        served = max(served, int(rows[-1])) if len(rows) else served
    times = frames.times_s
    step = float(np.median(np.diff(times))) if len(times) > 1 else float("nan")
    return FaceMotion(
        times_s=times[taken],
        motion=motion,
        head=head,
        state=state,
        reference=reference,
        joins=joins,
        cuts_s=times[np.array(sorted(cuts), dtype=np.int64)],
        rate_hz=1 / step,
        start_s=float(times[0]),
        end_s=frames.end_s,
        damage=frames.damage,
    )
