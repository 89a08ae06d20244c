"""A study as something to be searched: its videos become recordings, its coding their references.

Times are seconds from a video's first frame on the clock that stamped its frames, so that a camera's true
rate counts and not the one it was set to. Rows of several coders that mean one expression are merged first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.expression import Expression, Kind, is_micro
from mien.core.records import Json, digest, to_json
from mien.core.time import FloatArray
from mien.dataset import Study, read_expressions
from mien.dataset.expressions import MergedExpression, coded_runs, frame_seconds, merge_expressions
from mien.evaluation.spotting_task import Recording, SpottingTask, UnsearchedRecording
from mien.experiments.study_source import UNUSED
from mien.features.face_pass import Film, MeasuredFace, PassSettings, measure_faces
from mien.jobs import Executor, Store, silent
from mien.spotting.spotter import FaceVideo

MissingOffset = Literal["leave-out", "apex", "mirrored"]
MISSING_OFFSETS: Mapping[str, str] = {
    "leave-out": "not scored; proposals on it that match nothing else do not count",
    "apex": "the apex stands for the offset, as in most published scripts",
    "mirrored": "as long after the apex as the onset is before it",
}
_BATCH = 64  # videos planned at once: a large study's frame times stay small


@dataclass(frozen=True, slots=True)
class StudyVideo:
    """A video of a study: whose it is, which run, where it lies, and when its frames were taken.

    `clock_s` (n_frames,) are seconds of the camera's clock.
    """

    name: str
    participant: str
    run: int
    path: Path
    clock_s: FloatArray

    @property
    def since_first_s(self) -> FloatArray:
        """Seconds of every frame from the first one."""
        return self.clock_s - self.clock_s[0]


class FaceVideos(Sequence[FaceVideo]):
    """The measured faces of a study's videos, each read from the store when it is asked for."""

    def __init__(self, names: Sequence[str], faces: Sequence[MeasuredFace]) -> None:
        self._names, self._faces = tuple(names), tuple(faces)

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return FaceVideos(self._names[index], self._faces[index])
        return FaceVideo(self._names[index], *self._faces[index].read())


@dataclass(frozen=True, slots=True, eq=False)
class SpottingStudy:
    """A study's task of spotting, and the videos behind its recordings by name."""

    study: Study
    task: SpottingTask
    videos: Mapping[str, StudyVideo]


def read_spotting_study(
    study: Study,
    *,
    settings: PassSettings,
    missing_offset: MissingOffset,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> SpottingStudy:
    """Measure every video of a study and put its coded expressions beside them.

    Parameters
    ----------
    missing_offset
        What an expression counts as whose offset was not observed: a name of `MISSING_OFFSETS`.

    Raises
    ------
    DataError
        If no video can be searched, or they are all of one participant.
    OptionError
        If there is no such rule for missing offsets.
    """
    if missing_offset not in MISSING_OFFSETS:
        raise OptionError(
            "--missing-offset",
            wanted=f"one of {', '.join(MISSING_OFFSETS)}",
            got=missing_offset,
            remedy="choose one of them",
        )
    counts: Counter[str] = Counter()
    videos, refused, coded, coders = _videos(study, counts)
    references = {
        one.name: _references(one, coded.get(one.name, []), missing_offset, counts) for one in videos
    }
    faces: dict[str, MeasuredFace] = {}
    for first in range(0, len(videos), _BATCH):
        films = {one.name: Film(one.path, one.since_first_s) for one in videos[first : first + _BATCH]}

        def show(done: int, total: int, name: str, first: int = first) -> None:
            before = len(videos) - len(videos[first:])
            progress(before + done, max(len(videos), before + total), name)

        measured = measure_faces(films, store, settings, executor=executor, progress=show)
        for name, found in measured.items():
            if isinstance(found, DataError):
                refused[name] = f"{found.subject.rsplit('/', 1)[-1]}: wanted {found.wanted}, got {found.got}"
            else:
                faces[name] = found
    searched = [one for one in videos if one.name in faces]
    runs = {who: coded_runs(study.session(who)) for who in coders}
    recordings = tuple(
        _recording(study, one, references[one.name], one.run in runs.get(one.participant, ()))
        for one in searched
    )
    unsearched = tuple(
        UnsearchedRecording(name, name.rsplit("_run-", 1)[0], _n_by_kind(coders, name), reason)
        for name, reason in sorted(refused.items())
    )
    people = study.participants
    names = [one.name for one in searched]
    kept = [faces[name] for name in names]
    about: dict[str, Json] = {
        "missing_offset": missing_offset,
        "finder": settings.finder,
        "coding": to_json(dict(sorted(counts.items()))),
    }
    task = SpottingTask(
        name=study.folder.resolve().name,
        digest=_digest(recordings, kept, about),
        recordings=recordings,
        videos=FaceVideos(names, kept),
        consent={who: people[who].consent_level for who in {one.participant for one in searched}},
        unsearched=unsearched,
        about=about,
        notes=tuple(
            f"{n} coded rows are not used: {why}" for why, n in sorted(counts.items()) if why in _UNUSED
        ),
        inputs=_inputs(recordings, kept),
    )
    return SpottingStudy(study, task, {one.name: one for one in searched})


_UNUSED = frozenset(UNUSED.values())
Coded = dict[str, Counter[tuple[str, str, str]]]
"""By participant who was coded: rows by recording, coder and kind."""


def _videos(
    study: Study, counts: Counter[str]
) -> tuple[list[StudyVideo], dict[str, str], dict[str, list[MergedExpression]], Coded]:
    """Videos that can be read, the others with a reason, expressions by recording, and who was coded."""
    videos: list[StudyVideo] = []
    refused: dict[str, str] = {}
    expressions: dict[str, list[MergedExpression]] = {}
    coded: Coded = {}
    for who in study.participants:
        session = study.session(who)
        for run, video in session.videos().items():
            name = f"{who}_run-{run:02d}"
            clock = frame_seconds(video, run, None)
            if video.path is None:
                refused[name] = "the video is not in the study"
            elif isinstance(clock, str):
                refused[name] = UNUSED["no-frame-times"]
            elif not clock.size or not (np.diff(clock) > 0).all():
                refused[name] = "the frame times stand still or go backwards"
            else:
                videos.append(StudyVideo(name, who, run, Path(video.path), clock))
        if not session.coding():
            continue
        rows = read_expressions(session)
        coded[who] = Counter((f"{who}_run-{r.run:02d}", r.coder, r.kind or "") for r in rows)
        known = {one.name for one in videos} | set(refused)
        refused |= {name: "the run has no video" for name, _, _ in coded[who] if name not in known}
        for row in rows:
            if row.unused is not None and f"{who}_run-{row.run:02d}" not in refused:
                counts[UNUSED.get(row.unused, row.unused)] += 1
        for one in merge_expressions(rows):
            expressions.setdefault(f"{who}_run-{one.run:02d}", []).append(one)
    return videos, refused, expressions, coded


def _references(
    video: StudyVideo, rows: Sequence[MergedExpression], rule: str, counts: Counter[str]
) -> tuple[list[Expression], list[Expression]]:
    """Expressions that can be scored, and those that cannot, in seconds from the first frame."""
    scored: list[Expression] = []
    unscored: list[Expression] = []
    for row in rows:
        start = float(video.clock_s[0])
        onset, apex, offset = (
            None if at is None else at - start
            for at in (row.times.onset_s, row.times.apex_s, row.times.offset_s)
        )
        assert onset is not None
        if offset is None:
            counts["without an offset"] += 1
            if apex is not None and rule == "apex":
                offset = apex
            elif apex is not None and rule == "mirrored":
                offset = min(apex + (apex - onset), float(video.since_first_s[-1]))
        kind: Kind | None = row.kind
        if kind is None:
            micro = is_micro(onset, apex, offset)
            kind = None if micro is None else "micro" if micro else "macro"
            counts["kind by the rule of 0.5 s"] += kind is not None
        one = Expression(onset, apex, offset, kind, row.action_units, row.emotion)
        if offset is None or kind is None:
            unscored.append(one)
            counts["not scored"] += 1
        else:
            scored.append(one)
    return scored, unscored


def _recording(
    study: Study, video: StudyVideo, references: tuple[list[Expression], list[Expression]], coded: bool
) -> Recording:
    times = video.since_first_s
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return Recording(
        video.name,
        video.participant,
        study.folder.resolve().name,
        0.0,
        float(times[-1]) + step,
        tuple(references[0]),
        tuple(references[1]),
        coded,
    )


def _n_by_kind(coded: Coded, name: str) -> dict[Kind, int]:
    """How many expressions were coded in a recording without times: as many as the coder who saw most."""
    rows = coded.get(name.rsplit("_run-", 1)[0], Counter())
    kinds: tuple[Kind, ...] = ("micro", "macro")
    return {
        kind: max((n for (where, _, what), n in rows.items() if (where, what) == (name, kind)), default=0)
        for kind in kinds
    }


def _digest(recordings: Sequence[Recording], faces: Sequence[MeasuredFace], about: Mapping[str, Json]) -> str:
    """Everything that scores depend on, whatever was measured of the videos."""
    told: list[Json] = [
        [
            one.name,
            one.subject,
            one.end_s,
            one.coded,
            face.content,
            _told(one.references),
            _told(one.unscored),
        ]
        for one, face in zip(recordings, faces, strict=True)
    ]
    return digest([told, dict(about)])


def _told(expressions: Sequence[Expression]) -> list[Json]:
    return [[e.onset_s, e.apex_s, e.offset_s, e.kind, e.emotion] for e in expressions]


def _inputs(recordings: Sequence[Recording], faces: Sequence[MeasuredFace]) -> str:
    """What a search can see: measured parts and references."""
    told: list[Json] = [
        [
            one.name,
            one.subject,
            list(face.keys),
            [[e.onset_s, e.apex_s, e.offset_s, e.kind] for e in one.references],
        ]
        for one, face in zip(recordings, faces, strict=True)
    ]
    return digest(told)
