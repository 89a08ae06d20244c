"""What `mien spot VIDEO` composes: a video file, the motion of its face, a method's proposals, files.

Methods that learn have nobody to learn from here: they are for studies (`spot_study`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.expression import Kind
from mien.core.records import Json
from mien.core.time import Interval
from mien.evaluation.spotting_task import SpottingMethod
from mien.experiments.sources import is_study, owner_of_film
from mien.experiments.spot_exports import write_video_exports
from mien.experiments.spotting_methods import SPOTTING_METHODS, find_spotter, relative_curve
from mien.features.face_pass import Film, PassSettings, measure_faces
from mien.jobs import Store, executor_for, silent
from mien.recording.formats.video_parts import FrameTimes
from mien.spotting import Spotted, Unjudged, spot_by_optical_flow
from mien.spotting.frames import runs
from mien.spotting.optical_flow import prepare
from mien.spotting.spotter import FaceVideo, Scores

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class SpotRequest:
    """Which video, by which method, and where results and measured parts are kept.

    Parameters
    ----------
    source
        A video file.
    method
        A name of `SPOTTING_METHODS` that learns nothing from people.
    out
        Folder; made where it is absent.
    finder, finder_model
        As `signals.face.face_finder`.
    workers
        Processes of one thread each.

    Raises
    ------
    OptionError
        If there is no such method, it has to be trained, or there is fewer than one worker.
    """

    source: Path
    method: str = "optical-flow"
    out: Path = Path("mien-results")
    finder: str = "haar"
    finder_model: Path | None = None
    workers: int = 1
    dask: str | None = None

    def __post_init__(self) -> None:
        if find_spotter(self.method).learns == "network":
            free = [name for name, one in SPOTTING_METHODS.items() if one.learns != "network"]
            raise OptionError(
                f"method {self.method} on a video",
                wanted=f"one that needs no training: {', '.join(free)}",
                got="a network, which learns from the coded expressions of a study",
                remedy="choose another, or give a STUDY",
            )
        if self.workers < 1:
            raise OptionError("workers", wanted="1 or more", got=self.workers, remedy="give another number")


@dataclass(frozen=True, slots=True, eq=False)
class SpotResult:
    """What a method said of one video, and the files that hold it.

    `participant` and `level` (of consent) are those of a video that lies in a study; else None.
    """

    request: SpotRequest
    spotted: Spotted
    files: dict[str, Path]
    frames: FrameTimes
    level: int | None
    participant: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Everything but the curve."""
        return {
            "method": self.request.method,
            "source": str(self.request.source),
            **self.spotted.as_json(),
            "files": {name: str(path) for name, path in self.files.items()},
        }


def spot(
    request: SpotRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> SpotResult:
    """Where in a video there are expressions; writes the files of `EXPORTS` into the request's folder.

    Finished parts of a video are kept in `store`: the same request goes on where it stopped.

    Raises
    ------
    DataError
        If the source is absent or no video.
    OptionError
        If the source is a study, or the face finder cannot be.
    """
    if is_study(request.source):
        raise OptionError(
            "source", wanted="a video file", got="a study", remedy="use experiments.spot_study for it"
        )
    method = find_spotter(request.method)
    executor = executor_for(request.workers, dask=request.dask)
    measuring = PassSettings(fields=method.needs_fields, finder=request.finder, model=request.finder_model)
    films = {"video": Film(request.source)}
    with progress("the face's motion") as show:
        store = Store(request.out / "store")
        face = measure_faces(films, store, measuring, executor=executor, progress=show)["video"]
    if isinstance(face, DataError):
        raise face
    video = FaceVideo(request.source.name, *face.read())
    spotted = spot_by_optical_flow(video.motion) if method.name == "optical-flow" else _spotted(method, video)
    files = write_video_exports(
        request.out, request.source, spotted.proposals, frames=face.clock, method=method.name
    )
    owner = owner_of_film(request.source)
    if owner is None:
        return SpotResult(request, spotted, files, face.clock, None)
    return SpotResult(request, spotted, files, face.clock, owner.level, owner.participant)


def _spotted(method: SpottingMethod, video: FaceVideo) -> Spotted:
    """What a method says at its published thresholds, with what could not be judged as in `optical-flow`.

    Proposals whose apex lies where nothing could be judged are left out and noted.
    """
    spotter = method.build(**method.parameters)
    scores = spotter.score(video)
    ready = prepare(video.motion)
    notes = list(ready.notes)
    kept = []
    for one in spotter.propose(scores, method.published):
        if one.kind not in ready.kinds:
            continue
        if any(one.apex_s in inside.span for inside in ready.not_judged):
            notes.append(f"{one.onset_s:.2f} to {one.offset_s:.2f} s: left out, its apex could not be judged")
        else:
            kept.append(one)
    motion = video.motion
    more, told = _outside_window(scores, ready.kinds, method, ready.not_judged)
    notes += told
    return Spotted(
        tuple(kept),  # type: ignore[arg-type]
        tuple(sorted([*ready.not_judged, *more], key=lambda one: one.span)),
        tuple(notes),
        motion.rate_hz,
        motion.end_s - motion.start_s,
        np.asarray(scores["times_s"], dtype=np.float64),
        relative_curve(method, scores, method.published),
    )


def _outside_window(
    scores: Scores, kinds: Sequence[Kind], method: SpottingMethod, known: Sequence[Unjudged]
) -> tuple[list[Unjudged], list[str]]:
    """Spans with a face in which a method's window does not fit: of no kind, and notes on single kinds.

    A method that compares a frame with others before and after it says nothing near a beginning, an end or a
    gap.
    """
    times = np.asarray(scores["times_s"], dtype=np.float64)
    told = np.zeros(len(times), dtype=bool)
    for one in known:
        told |= (times >= one.span.start_s) & (times < one.span.end_s)
    blind = {kind: np.isnan(np.asarray(scores[kind])) & ~told for kind in method.kinds if kind in kinds}
    if not blind or not len(times):
        return [], []
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    every = np.logical_and.reduce(list(blind.values()))
    reason = f"too near a beginning, an end or a gap for {method.name}"
    spans = [
        Unjudged(Interval(float(times[first]), float(times[stop - 1]) + step), reason)
        for first, stop in runs(every)
    ]
    notes = [
        f"{times[first]:.2f} to {times[stop - 1] + step:.2f} s: no {kind}-expression could be seen, {reason}"
        for kind, one in blind.items()
        for first, stop in runs(one & ~every)
    ]
    return spans, notes
