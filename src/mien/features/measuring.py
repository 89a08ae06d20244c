"""One pass over each recording: the faces of its clips, and every feature of each.

A run is a job: its address names the recording's content, the clips and every setting, so that a second
analysis measures nothing again. A clip that cannot be measured is told with its reason, never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json, to_json
from mien.dataset.manifest import file_digest
from mien.features.clip_features import FEATURES, FaceClip, find_apex
from mien.jobs import Executor, Job, Plan, Store, run_plan, silent
from mien.jobs.plan import Output
from mien.recording.formats.openface import read_openface
from mien.recording.formats.video import read_frames
from mien.signals.face import FaceSettings, prepare_faces
from mien.signals.face.finding import FaceFinder, LandmarkFinder

OPENFACE = "openface"
VERSION = 1
"""Raised whenever a clip's faces may become others."""


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """Where a clip is in its video: first (onset), apex and last (offset) frame; apex None: to be found."""

    name: str
    first: int
    apex: int | None
    last: int


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """How clips are measured.

    Parameters
    ----------
    face
        How faces are found and aligned; the finder "openface" reads OpenFace's table of each video.
    flow
        Optical flow engine; None: each feature's own ("dis", but "tv-l1" for Bi-WOOF).
    steady
        Whether motion of the whole head is taken out of flow fields.
    """

    face: FaceSettings = field(default_factory=FaceSettings)
    flow: str | None = None
    steady: bool = True

    def as_json(self) -> Json:
        """Everything that decides over numbers; a model file by its name."""
        face = {**asdict(self.face), "model": self.face.model.name if self.face.model else None}
        return to_json({"face": face, "flow": self.flow, "steady": self.steady})


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """One clip's features by name; or why there are none, in `refused`.

    `apex` is the apex's index in the clip, `notes` what happened on the way: words of
    `signals.face.preparing`, and "apex-found" where none was coded.
    """

    features: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    apex: int | None = None
    notes: tuple[str, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class RunClips:
    """The clips of one video: whose it is, the digest of its content, and where clips are."""

    participant: str
    run: int
    path: Path
    digest: str
    clips: tuple[ClipSpan, ...]


def measure_clips(
    path: Path, clips: Sequence[ClipSpan], names: Sequence[str], settings: MeasureSettings
) -> dict[str, Measurement]:
    """Measure the clips of one video, decoding it once (again only for clips that overlap).

    Parameters
    ----------
    names
        Features, of `FEATURES`.

    A clip that has no face, no two frames, or an apex that is not within it, is refused in its measurement;
    so are all clips that a damaged video does not reach.
    """
    found: dict[str, Measurement] = {}
    for lane in _lanes(clips):
        pictures = _pictures(path, lane)
        for clip in lane:
            try:
                found[clip.name] = _measure(
                    clip, pictures, names, settings, _finder(path, clip, settings.face)
                )
            except DataError as error:
                found[clip.name] = Measurement(refused=str(error))
        pictures.close()
    return {clip.name: found[clip.name] for clip in clips}


Pictures = Iterator[tuple[int, float, NDArray[np.uint8]]]


def _lanes(clips: Sequence[ClipSpan]) -> list[list[ClipSpan]]:
    """Clips in lanes without overlap, in order of time."""
    lanes: list[list[ClipSpan]] = []
    for clip in sorted(clips, key=lambda one: (one.first, one.last)):
        free = next((lane for lane in lanes if lane[-1].last < clip.first), None)
        if free is None:
            lanes.append([clip])
        else:
            free.append(clip)
    return lanes


def _pictures(path: Path, lane: Sequence[ClipSpan]) -> Any:
    inside = {frame for clip in lane for frame in range(clip.first, clip.last + 1)}
    end = max(inside, default=-1)
    for index, at, picture in read_frames(path, only=inside.__contains__, upright=True):
        yield index, at, picture
        if index == end:
            return


def landmark_table(video: Path, face: FaceSettings) -> Path | None:
    """OpenFace's table of a video: its name with .csv, beside it or in the folder `face.model`; else None."""
    if face.finder != OPENFACE:
        return None
    return (face.model or video.parent) / f"{video.stem}.csv"


def _finder(path: Path, clip: ClipSpan, face: FaceSettings) -> FaceFinder | None:
    """The face of the clip's first frame in OpenFace's table, where that is the finder."""
    table = landmark_table(path, face)
    if table is None:
        return None
    known = read_openface(table)
    return LandmarkFinder(known, frame=clip.first + 1)  # OpenFace counts frames from 1


def _measure(
    clip: ClipSpan,
    pictures: Pictures,
    names: Sequence[str],
    settings: MeasureSettings,
    finder: FaceFinder | None = None,
) -> Measurement:
    where = f"clip {clip.name}"
    if clip.last <= clip.first:
        raise DataError(
            where,
            wanted="two frames or more, from onset to offset",
            got=f"frames {clip.first} to {clip.last}",
            remedy="check its coding",
        )
    if clip.apex is not None and not clip.first < clip.apex <= clip.last:
        raise DataError(
            where,
            wanted=f"an apex after frame {clip.first} and up to frame {clip.last}",
            got=f"frame {clip.apex}",
            remedy="check its coding",
        )
    faces = prepare_faces(_of_clip(clip, pictures), settings.face, finder=finder)
    expected = clip.last - clip.first + 1
    if len(faces.grey) != expected:
        raise DataError(
            where,
            wanted=f"frames {clip.first} to {clip.last}",
            got=f"a video that ends after frame {clip.first + len(faces.grey) - 1}",
            remedy="check its coding, or give the whole video",
        )
    notes = faces.notes
    if clip.apex is None:
        apex, notes = find_apex(faces.grey, faces.seen), (*notes, "apex-found")
    else:
        apex = clip.apex - clip.first
    prepared = FaceClip(
        faces.grey, faces.colour, apex, faces.landmarks, settings.flow, settings.steady, faces.seen
    )
    features = {name: FEATURES[name].measure(prepared) for name in names}
    return Measurement(features, apex, tuple(notes))


def _of_clip(clip: ClipSpan, pictures: Pictures) -> Iterator[NDArray[np.uint8]]:
    for index, _, picture in pictures:
        if index >= clip.first:  # an earlier clip may have been refused before its end
            yield picture
        if index == clip.last:
            return


def measure_runs(
    runs: Sequence[RunClips],
    settings: MeasureSettings,
    *,
    store: Store,
    names: Sequence[str] = tuple(FEATURES),
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> dict[str, Measurement]:
    """Measurements of all clips by name; what the store holds is not measured again.

    Clips need names of their own over all runs. By default every feature is measured: the video is decoded
    once, and any method finds its input afterwards.
    """
    jobs = [
        Job(f"{run.participant}, run {run.run}", _address(run, settings, names), {"run": run}) for run in runs
    ]
    plan = Plan(_measure_run, (tuple(names), settings), jobs, preload=("cv2", "mien.features.measuring"))
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    return {
        clip.name: _read(output, number, names)
        for run, output in zip(runs, outputs, strict=True)
        for number, clip in enumerate(run.clips)
    }


def _address(run: RunClips, settings: MeasureSettings, names: Sequence[str]) -> dict[str, Json]:
    return {
        "function": "features.measure_run",
        "function_version": VERSION,
        "features": {name: FEATURES[name].version for name in names},
        "libraries": {name: version(name) for name in ("numpy", "opencv-contrib-python-headless")},
        "settings": settings.as_json(),
        "participant": run.participant,
        "run": run.run,
        "video": run.digest,
        **_found_with(run.path, settings.face),
        "clips": [to_json(asdict(clip)) for clip in run.clips],
    }


def _found_with(video: Path, face: FaceSettings) -> dict[str, Json]:
    """The content of the file that faces are found with, if there is one."""
    table = landmark_table(video, face) or face.model
    return {"found_with": file_digest(table)} if table is not None and table.is_file() else {}


def _measure_run(context: tuple[tuple[str, ...], MeasureSettings], *, run: RunClips) -> Output:
    names, settings = context
    found = measure_clips(run.path, run.clips, names, settings)
    told: list[Json] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, clip in enumerate(run.clips):
        one = found[clip.name]
        told.append({"refused": one.refused, "apex": one.apex, "notes": list(one.notes)})
        arrays |= {f"{number}.{name}": array for name, array in one.features.items()}
    return {"clips": told, **arrays}


def _read(output: Output, number: int, names: Sequence[str]) -> Measurement:
    told: Any = output["clips"]
    one = told[number]
    if one["refused"] is not None:
        return Measurement(refused=one["refused"])
    arrays = {name: np.asarray(output[f"{number}.{name}"]) for name in names}
    return Measurement(arrays, one["apex"], tuple(one["notes"]))
