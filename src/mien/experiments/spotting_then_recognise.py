"""Spotting followed by recognition: the emotion of what was proposed, named by a recogniser of one's choice.

In every fold the recogniser learns from coded expressions of training subjects and names the proposals in the
test subject's videos. Expressions of no class of the scheme count in spotting and not in the analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, ResultRecord, digest, digest_arrays, to_json
from mien.dataset.manifest import file_digest
from mien.evaluation import Method, Settings
from mien.evaluation.method import class_scores, fit_recogniser
from mien.evaluation.task import Task
from mien.experiments.methods import check_needs, find_method
from mien.experiments.spotting_study import SpottingStudy, StudyVideo
from mien.experiments.study_source import CLASSES, label_of, read_study_source
from mien.features.clip_features import FEATURES
from mien.features.measuring import ClipSpan, MeasureSettings, RunClips, measure_runs
from mien.jobs import Executor, Job, Output, Plan, Store, run_plan, silent
from mien.metrics import spot_then_recognise

NAMING_VERSION = 1
OTHER, UNMEASURED = "other", "not measured"


@dataclass(frozen=True, slots=True)
class RecogniserRequest:
    """Which recogniser names emotions: its name, 3 or 7 classes, epochs, and how faces are measured."""

    name: str
    n_classes: int = 3
    epochs: int | None = None
    measure: MeasureSettings = field(default_factory=MeasureSettings)

    def method(self) -> Method:
        """The recogniser; raises OptionError if there is none of this name, or it needs more than a face."""
        if self.n_classes not in CLASSES:
            raise OptionError(
                "--classes",
                wanted=f"one of {', '.join(map(str, CLASSES))}",
                got=self.n_classes,
                remedy="choose one of them",
            )
        found = find_method(self.name, epochs=self.epochs)
        check_needs(found, given=frozenset(FEATURES))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class SpottedThenRecognised:
    """The record with the emotions of its proposals, and the scores of both steps together."""

    record: ResultRecord
    score: spot_then_recognise.SpotThenRecogniseScore
    recogniser: str
    n_unmeasured: int

    def as_json(self) -> dict[str, Json]:
        """Everything by name."""
        return {
            **self.score.as_json(),
            "recogniser": self.recogniser,
            "n_unmeasured": self.n_unmeasured,
        }


def recognise_spotted(
    source: SpottingStudy,
    record: ResultRecord,
    request: RecogniserRequest,
    settings: Settings,
    *,
    kind: str = "micro",
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> SpottedThenRecognised:
    """Name the emotion of every proposal of a kind, and score spotting and naming together.

    Parameters
    ----------
    record
        Of a run of spotting on the study.
    settings
        Those of the run: the same people test.

    Raises
    ------
    DataError
        If no coded expression of the classes can be measured.
    OptionError
        If the recogniser cannot be.
    """
    method = request.method()
    coded = read_study_source(
        source.study,
        n_classes=request.n_classes,
        kinds=(kind,),
        settings=request.measure,
        store=store,
        executor=executor,
        progress=progress,
    )
    task = coded.task(method.needs if hasattr(method, "needs") else None)
    rows = [
        row
        for row, (role, what) in enumerate(zip(record.samples["role"], record.samples["kind"], strict=True))
        if role == "estimate" and what == kind
    ]
    wanted = str(task.about["input"])
    inputs = _inputs(source, record, rows, wanted, request.measure, store, executor, progress)
    named = _named(source, record, task, method, settings, rows, inputs, store, executor, progress)
    emotions = list(record.samples["emotion"])
    for row in rows:
        emotions[row] = named.get(row, UNMEASURED)
    told = replace(record, samples={**record.samples, "emotion": emotions})
    score = _score(told, kind, request.n_classes)
    method_block: dict[str, Json] = {
        "name": method.name,
        "version": method.version,
        "parameters": to_json(method.parameters),
        "n_classes": request.n_classes,
    }
    told = replace(
        told,
        method={**told.method, "recogniser": method_block},
        scores={**told.scores, "strs": score.as_json()},
    )
    return SpottedThenRecognised(told, score, method.name, len(rows) - len(named))


def _inputs(
    source: SpottingStudy,
    record: ResultRecord,
    rows: Sequence[int],
    wanted: str,
    measure: MeasureSettings,
    store: Store,
    executor: Executor | None,
    progress: Callable[[int, int, str], None],
) -> dict[int, NDArray[Any]]:
    """The recogniser's input of each proposal by its row; those without a face are not there."""
    clips: dict[str, list[ClipSpan]] = {}
    for row in rows:
        video = source.videos[str(record.samples["recording_id"][row])]
        clips.setdefault(video.name, []).append(_clip(record, row, video))
    runs = [
        RunClips(
            source.videos[name].participant,
            source.videos[name].run,
            source.videos[name].path,
            file_digest(source.videos[name].path),
            tuple(own),
        )
        for name, own in clips.items()
    ]
    found = measure_runs(runs, measure, store=store, names=(wanted,), executor=executor, progress=progress)
    measured = {row: found[f"row-{row:06d}"] for row in rows}
    return {row: one.features[wanted] for row, one in measured.items() if one.refused is None}


def _clip(record: ResultRecord, row: int, video: StudyVideo) -> ClipSpan:
    """A proposal in frames of its video: the nearest ones, at least two."""
    times = video.since_first_s
    at: list[Any] = [record.samples[name][row] for name in ("onset_s", "apex_s", "offset_s")]
    first, apex, last = (int(np.argmin(np.abs(times - moment))) for moment in at)
    last = min(max(last, first + 1), len(times) - 1)
    first = min(first, last - 1)
    return ClipSpan(f"row-{row:06d}", first, min(max(apex, first + 1), last), last)


def _named(
    source: SpottingStudy,
    record: ResultRecord,
    task: Task,
    method: Method,
    settings: Settings,
    rows: Sequence[int],
    inputs: Mapping[int, NDArray[Any]],
    store: Store,
    executor: Executor | None,
    progress: Callable[[int, int, str], None],
) -> dict[int, str]:
    """The emotion of each proposal by a recogniser that has not seen its subject."""
    known = [row for row in rows if row in inputs]
    if not known:
        return {}
    X = np.stack([inputs[row] for row in known])
    owner = np.array([record.samples["subject_id"][row] for row in known], dtype=np.str_)
    coded = np.array(task.subjects, dtype=np.str_)
    jobs = []
    for fold in settings.folds(source.task):
        testing = sorted({source.task.subjects[i] for i in fold.test})
        train, test = np.flatnonzero(~np.isin(coded, testing)), np.flatnonzero(np.isin(owner, testing))
        if len(test) and len(set(task.y[train].tolist())) > 1:
            address: dict[str, Json] = {
                "function": "experiments.name_emotions",
                "function_version": NAMING_VERSION,
                "method": method.name,
                "method_version": method.version,
                "parameters": to_json(method.parameters),
                "libraries": to_json(method.library_versions()),
                "seed": settings.seed,
                "coded": task.digest,
                "proposals": digest_arrays(X),
                "train": digest(train.tolist()),
                "test": digest(test.tolist()),
            }
            jobs.append(Job(f"{method.name}, {fold.name}", address, {"train": train, "test": test}))
    plan = Plan(_name, (task, method, X, settings.seed), jobs, preload=method.imports)
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    found: dict[int, str] = {}
    for job, output in zip(jobs, outputs, strict=True):
        codes = np.asarray(output["scores"], dtype=np.float64).argmax(axis=1)
        for place, label in zip(job.arguments["test"], task.labels(codes), strict=True):
            found[known[int(place)]] = label
    return found


def _name(
    context: tuple[Task, Method, NDArray[Any], int], *, train: NDArray[np.int64], test: NDArray[np.int64]
) -> Output:
    task, method, X, seed = context
    groups = np.array(task.subjects, dtype=np.str_)
    recogniser = method.build(seed=seed, **method.parameters)
    fit_recogniser(recogniser, task.X[train], task.y[train], groups[train])
    return {"scores": class_scores(recogniser, X[test], n_classes=len(task.classes))}


def _score(record: ResultRecord, kind: str, n_classes: int) -> spot_then_recognise.SpotThenRecogniseScore:
    tables = {}
    for role in ("reference", "estimate"):
        rows = [
            (name, onset, offset, _word(emotion, role, n_classes))
            for name, what, one, onset, offset, emotion in zip(
                *(
                    record.samples[c]
                    for c in ("recording_id", "kind", "role", "onset_s", "offset_s", "emotion")
                ),
                strict=True,
            )
            if one == role and what == kind
        ]
        table = pd.DataFrame(rows, columns=["recording_id", "onset", "offset", "emotion"])
        tables[role] = table.astype({"onset": "float64", "offset": "float64"})
    if not len(tables["reference"]):
        raise DataError(
            str(record.dataset["name"]),
            wanted=f"coded {kind}-expressions",
            got="none",
            remedy="code or import them first",
        )
    others = [OTHER] if (tables["reference"]["emotion"] == OTHER).any() else []
    return spot_then_recognise.evaluate(tables["reference"], tables["estimate"], unit="s", leave_out=others)


def _word(emotion: Json, role: str, n_classes: int) -> str:
    if role == "estimate":
        return str(emotion)
    label = label_of(None if emotion is None else str(emotion), n_classes)
    return label if label in CLASSES[n_classes] else OTHER
