"""What `mien spot` composes: a video file -> the motion of its face -> a method's proposals, kept on disk.

A study is the other kind of source; where it comes in stands at `spot`: its videos are measured by the same
jobs in the same store, and methods that learn are handed to `evaluation` beside the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mien.core.errors import OptionError
from mien.core.records import Json, write_atomically
from mien.experiments.sources import is_study
from mien.features.face_motion import FaceMotion
from mien.features.face_pass import PassSettings, measure_face_motion
from mien.jobs import Executor, ProcessPool, Store, silent
from mien.spotting import Spotted, spot_by_optical_flow

SPOTTERS: Mapping[str, Callable[[FaceMotion], Spotted]] = MappingProxyType(
    {"optical-flow": spot_by_optical_flow}
)
"""Methods by name that need no training: what they say of one video's motion."""

COLUMNS = ("onset_s", "apex_s", "offset_s", "kind", "score", "regions")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class SpotRequest:
    """Which video, by which method, and where results and measured parts are kept.

    Parameters
    ----------
    source
        A video file.
    method
        A name of `SPOTTERS`.
    out
        Folder; made where it is absent.
    finder, finder_model
        As `signals.face.face_finder`.
    workers
        Processes of one thread each.

    Raises
    ------
    OptionError
        If there is no such method, or fewer than one worker.
    """

    source: Path
    method: str = "optical-flow"
    out: Path = Path("mien-results")
    finder: str = "haar"
    finder_model: Path | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.method not in SPOTTERS:
            raise OptionError(
                "spotting method",
                wanted=f"one of {', '.join(SPOTTERS)}",
                got=self.method,
                remedy="choose one of them",
            )
        if self.workers < 1:
            raise OptionError("workers", wanted="1 or more", got=self.workers, remedy="give another number")


@dataclass(frozen=True, slots=True, eq=False)
class SpotResult:
    """What a method said of one video, and where its table lies."""

    request: SpotRequest
    spotted: Spotted
    table: Path

    def as_json(self) -> dict[str, Json]:
        """Everything but the curve."""
        return {
            "method": self.request.method,
            "source": str(self.request.source),
            **self.spotted.as_json(),
            "table": str(self.table),
        }


def spot(
    request: SpotRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> SpotResult:
    """Where in a video there are expressions; writes `expressions.csv` into the request's folder.

    Finished parts of a video are kept in `store`: the same request goes on where it stopped.

    Raises
    ------
    DataError
        If the source is absent or no video.
    OptionError
        If the source is a study, or the face finder cannot be.
    """
    if is_study(request.source):  # the extension point: one FaceMotion for each of the study's videos
        raise OptionError(
            "source",
            wanted="a video file",
            got="a study",
            remedy="give one of its videos by path",
        )
    executor: Executor | None = ProcessPool(request.workers) if request.workers > 1 else None
    with progress("the face's motion") as show:
        motion = measure_face_motion(
            request.source,
            Store(request.out / "store"),
            PassSettings(finder=request.finder, model=request.finder_model),
            executor=executor,
            progress=show,
        )
    spotted = SPOTTERS[request.method](motion)
    table = request.out / "expressions.csv"
    write_atomically(table, _csv(spotted).encode())
    return SpotResult(request, spotted, table)


def _csv(spotted: Spotted) -> str:
    """One row for each proposal; times in seconds of the file, regions with spaces between."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in spotted.proposals:
        times = [f"{at:.3f}" for at in (one.onset_s, one.apex_s, one.offset_s)]
        writer.writerow([*times, one.kind, f"{one.score:.3f}", " ".join(one.regions)])
    return text.getvalue()
