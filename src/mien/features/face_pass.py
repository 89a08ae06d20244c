"""One pass over a video of any length and rate: how the parts of the face move, kept in a store.

A video is planned as parts of `PART_S`, each a job: its address names the file's content, the part and every
setting, so that a killed run repeats one part at most. A part decodes a little more than itself; where parts
begin changes no number. Frames are measured at most `MOST_HZ` times a second: ten times what skin does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, JobError, OptionError
from mien.core.records import Json, digest, digest_arrays
from mien.core.time import FloatArray
from mien.dataset.manifest import file_digest
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, FaceFields
from mien.features.face_following import FIND_S, Followed, follow
from mien.features.face_motion import FaceMotion, join_motion
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
class Film:
    """A video to be measured; `clock_s` (n_frames,) are measured seconds that stand for the file's own."""

    path: Path
    clock_s: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class PassSettings:
    """How faces are measured.

    Parameters
    ----------
    fields
        Whether displacement and texture of all places are measured too: 35 kB a frame at `FIELD_HZ`.
    finder, model
        As `face_finder`; it must give eyes.
    part_s
        Seconds of video in a job, a multiple of `FIND_S`; results do not depend on it, but for texture,
        which is aligned anew in each part.

    Raises
    ------
    OptionError
        If the finder or the part's length cannot be.
    """

    fields: bool = False
    finder: str = "haar"
    model: Path | None = None
    part_s: float = PART_S

    def __post_init__(self) -> None:
        if self.part_s < FIND_S or abs(self.part_s / FIND_S - round(self.part_s / FIND_S)) > 1e-9:
            raise OptionError(
                "length of a part",
                wanted=f"a multiple of {FIND_S:g} s",
                got=self.part_s,
                remedy="give another length",
            )
        face_finder(self.finder, self.model)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFace:
    """A video whose parts are in a store; read when it is needed.

    `content` is the SHA-256 of the file and of the clock that stands for its own.
    """

    store: Store
    clock: FrameTimes
    keys: tuple[str, ...]
    fields: bool
    content: str

    def read(self) -> tuple[FaceMotion, FaceFields | None]:
        """The motion of its face and, where they were measured, the fields.

        Raises JobError if the store has lost a part.
        """
        outputs = []
        for number, key in enumerate(self.keys, start=1):
            output = self.store.read(key, without=LARGE)
            if output is None:
                raise JobError(
                    f"part {number} of the video",
                    wanted="its motion in the store",
                    got="nothing readable",
                    remedy="run the same command again",
                )
            outputs.append(output)
        motion = join_motion(self.clock, np.flatnonzero(_taken(self.clock.times_s)), outputs)
        if not self.fields:
            return motion, None
        return motion, join_fields(self.store, self.keys, outputs, self.clock.times_s)


def measure_face_motion(
    path: Path,
    store: Store,
    settings: PassSettings | None = None,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> FaceMotion:
    """The motion of the largest face in one video; what the store holds is not measured again.

    Raises
    ------
    DataError
        If the file is absent, empty or no video.
    """
    films = {path.name: Film(path)}
    found = measure_faces(films, store, settings, executor=executor, progress=progress)[path.name]
    if isinstance(found, DataError):
        raise found
    return found.read()[0]


def measure_faces(
    films: Mapping[str, Film],
    store: Store,
    settings: PassSettings | None = None,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> dict[str, MeasuredFace | DataError]:
    """The faces of videos by name; those that cannot be measured are answered with the reason.

    What the store holds is not measured again. A DataError stands for a file that is absent, empty or no
    video, and for a clock that has not one growing time for each of its frames.
    """
    settings = settings or PassSettings()
    found: dict[str, MeasuredFace | DataError] = {}
    planned: list[_Parts] = []
    jobs: list[Job] = []
    for name, film in films.items():
        try:
            parts = _parts(film, settings)
        except DataError as error:
            found[name] = error
            continue
        mine = _jobs(film, parts, settings, number=len(planned))
        if not settings.fields:  # a pass with fields has measured all of it too
            richer = _jobs(film, parts, replace(settings, fields=True), number=len(planned))
            if all(store.wall_s(job.key) is not None for job in richer):
                mine = richer
        clock = None if film.clock_s is None else digest_arrays(film.clock_s)
        content = digest([mine[0].address["video"], clock])
        keys = tuple(job.key for job in mine)
        found[name] = MeasuredFace(store, parts.clock, keys, settings.fields, content)
        planned.append(parts)
        jobs += mine
    jobs = list({job.key: job for job in jobs}.values())  # one file may be there twice
    plan = Plan(_measure_part, (tuple(planned), settings), jobs, preload=("cv2", "av"))
    run_plan(plan, store, executor=executor, progress=progress, keep=False)
    return {name: found[name] for name in films}


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What workers need of one video: its frames, their times, and which of them are measured."""

    path: Path
    frames: FrameTimes
    clock: FrameTimes
    taken: NDArray[np.bool_]
    every: int


def _parts(film: Film, settings: PassSettings) -> _Parts:
    frames = frame_times(film.path)
    clock = frames if film.clock_s is None else _on_clock(film.path, frames, film.clock_s)
    taken = _taken(clock.times_s)
    every = _every(clock.times_s[taken]) if settings.fields else 0
    return _Parts(film.path, frames, clock, taken, every)


def _jobs(film: Film, video: _Parts, settings: PassSettings, *, number: int) -> list[Job]:
    content, part_s, times = file_digest(film.path), settings.part_s, video.clock.times_s
    number_of = np.maximum(np.floor(times[video.taken] / part_s), 0).astype(np.int64)
    parts = [(k * part_s, (k + 1) * part_s) for k in np.unique(number_of).tolist()]  # none without a frame
    parts[0] = (min(parts[0][0], float(times[0])), parts[0][1])  # a file may begin before 0
    return [
        Job(
            f"{film.path.name}, {start:g} to {min(end, video.clock.end_s):.4g} s",
            _address(content, start, end, settings, film.clock_s),
            {"number": number, "start_s": start, "end_s": end},
        )
        for start, end in parts
    ]


def _on_clock(path: Path, frames: FrameTimes, clock_s: FloatArray) -> FrameTimes:
    """The frames' times as a clock measured them."""
    if len(clock_s) != len(frames.times_s) or not (np.diff(clock_s) > 0).all():
        raise DataError(
            path,
            wanted=f"a growing time for each of its {len(frames.times_s)} frames",
            got="times that stand still" if len(clock_s) == len(frames.times_s) else f"{len(clock_s)} times",
            remedy="mend the table of frame times beside the video",
        )
    step = float(np.median(np.diff(clock_s))) if len(clock_s) > 1 else 0.0
    return replace(frames, times_s=clock_s, end_s=float(clock_s[-1]) + step)


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
    content: str, start: float, end: float, settings: PassSettings, clock_s: FloatArray | None
) -> dict[str, Json]:
    more: dict[str, Json] = {"fields_version": FIELDS_VERSION} if settings.fields else {}
    if clock_s is not None:
        more["clock"] = digest_arrays(clock_s)
    return {
        **more,
        "function": "features.face_motion",
        "function_version": VERSION,
        "libraries": dict(_libraries()),
        "video": content,
        "part_s": [start, end],
        "most_hz": MOST_HZ,
        "finder": settings.finder,
        "model": None if settings.model is None else file_digest(settings.model),
    }


@lru_cache(maxsize=1)
def _libraries() -> Mapping[str, str]:
    """Looked up once: a package's version is read from its files, and ten hours are 1,800 parts."""
    return {name: version(name) for name in ("numpy", "opencv-contrib-python-headless", "av")}


def _measure_part(
    context: tuple[tuple[_Parts, ...], PassSettings], *, number: int, start_s: float, end_s: float
) -> Output:
    video, settings = context[0][number], context[1]
    frames, times_s, taken = video.frames, video.clock.times_s, video.taken
    wanted = np.flatnonzero(taken)
    with_fields = set(wanted[:: video.every].tolist()).__contains__ if video.every else None
    before = wanted[: int(np.searchsorted(times_s[wanted], start_s - 1e-9))]
    first = int(before[-1]) if len(before) else 0

    def pictures() -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
        for index, picture in read_luma_part(video.path, frames, first, only=lambda i: bool(taken[i])):
            at_s = float(times_s[index])
            if at_s >= end_s + _TRIES_S:
                return
            yield index, at_s, picture

    return _as_output(
        follow(
            pictures(),
            face_finder(settings.finder, settings.model),
            start_s=start_s,
            end_s=end_s,
            fields=with_fields,
        )
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
