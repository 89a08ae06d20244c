"""A study as a source of fusion: its coded expressions as one task, every modality as a member of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import Json, canonical_json, digest_arrays, to_json
from mien.dataset import Study
from mien.evaluation.members import Member
from mien.evaluation.method import Method
from mien.evaluation.task import Task, Unmeasured
from mien.experiments.study_source import CLASSES, Sample, find_samples, measure_samples
from mien.features.around_apexes import RECORDERS, ApexSettings, Moment, measure_around_apexes
from mien.features.clip_features import FEATURES, MAP_SIZE
from mien.features.measuring import MeasureSettings
from mien.jobs import Executor, Store

FACE = "me"
PERIPHERAL = ("ecg", "eda", "ppg", "rsp", "skt")
MODALITIES: Mapping[str, str] = {
    FACE: "micro-expression: the face from onset to offset",
    "eeg": "brain, 10 s around the apex",
    "ecg": "heart",
    "eda": "skin conductance",
    "ppg": "pulse",
    "rsp": "breathing",
    "skt": "skin temperature",
    "speech": "voice around the apex",
}

Progress = Callable[[str], AbstractContextManager[Callable[[int, int, str], None]]]


@dataclass(frozen=True, slots=True, eq=False)
class StudyMembers:
    """The task of a fusion and its members.

    Parameters
    ----------
    task
        Every expression of the classes; its X numbers them, since each member has an input of its own.
    members
        One for each modality that anybody has.
    missing
        Modality -> sample -> why it has none.
    about
        Modality -> participant -> what the measurement says of the session.
    """

    task: Task
    members: tuple[Member, ...]
    missing: Mapping[str, Mapping[str, str]]
    about: Mapping[str, Mapping[str, Json]]

    def coverage(self) -> dict[str, Json]:
        """Of each modality how many samples and subjects have it, and why others do not."""
        told: dict[str, Json] = {}
        n = len(self.task)
        rows = {member.name: member.rows for member in self.members}
        for name, reasons in self.missing.items():
            own = rows.get(name, np.empty(0, dtype=np.int64))
            told[name] = {
                "n_samples": len(own),
                "share": len(own) / n,
                "n_subjects": len({self.task.subjects[row] for row in own}),
                "missing": to_json(dict(sorted(Counter(reasons.values()).items()))),
            }
        return told


def read_study_members(
    study: Study,
    methods: Mapping[str, Method],
    *,
    n_classes: int,
    kinds: Sequence[str],
    face: MeasureSettings,
    around: ApexSettings,
    store: Store,
    executor: Executor,
    progress: Progress,
    keep_silent: bool = False,
) -> StudyMembers:
    """Measure every modality of a study's coded expressions; what the store holds is not measured again.

    Parameters
    ----------
    methods
        Modality (a key of `MODALITIES`) -> the method that reads it.
    keep_silent
        Whether sound without speech counts as a voice. A method that reads face and voice at once can be
        given silence; a member of its own has nothing to say about it.

    Raises
    ------
    DataError
        If no expression of the classes is coded, or no modality could be measured.
    """
    samples, unplaced, left_out = find_samples(study, n_classes, kinds)
    if not samples:
        raise DataError(
            study.folder,
            wanted="an expression whose place in a video is known",
            got=f"none of {len(unplaced)}: {Counter(one.reason for one in unplaced).most_common(1)[0][0]}",
            remedy="look at mien validate",
        )
    found: dict[str, tuple[dict[str, NDArray[Any]], dict[str, str]]] = {}
    about: dict[str, Mapping[str, Json]] = {}
    if FACE in methods:
        with progress("faces and their motion") as show:
            measured = measure_samples(study, samples, face, store=store, executor=executor, progress=show)
        needs = str(getattr(methods[FACE], "needs", None))
        if needs not in FEATURES:  # takes any input, or reads the map beside a voice
            needs = "motion-map"
        refused = {name: str(one.refused) for name, one in measured.items() if one.refused is not None}
        values = {name: one.features[needs] for name, one in measured.items() if name not in refused}
        found[FACE] = (values, refused)
    others = [name for name in methods if name in RECORDERS]
    if others:
        moments: dict[str, list[Moment]] = {}
        for one in samples:
            moments.setdefault(one.participant, []).append(Moment(one.name, one.run, one.clip.apex))
        with progress("around the apexes") as show:
            readings = measure_around_apexes(
                study, moments, others, around, store=store, executor=executor, progress=show
            )
        for name, reading in readings.items():
            found[name] = (dict(reading.values), dict(reading.reasons))
            about[name] = reading.about
    if "speech" in found:
        found["speech"] = _spoken(*found["speech"], keep_silent=keep_silent)
    task = _task(study, samples, unplaced, left_out, n_classes, kinds)
    members = [_member(name, methods[name], task, found[name][0]) for name in methods if found[name][0]]
    if not members:
        reasons = Counter(reason for _, why in found.values() for reason in why.values())
        raise DataError(
            study.folder,
            wanted=f"{', '.join(methods)} of one expression or more",
            got=f"none of {len(samples)}: {', '.join(f'{why} ({n})' for why, n in reasons.most_common(3))}",
            remedy="look at mien describe and mien sync",
        )
    return StudyMembers(task, tuple(members), {name: found[name][1] for name in methods}, about)


def _spoken(
    values: Mapping[str, NDArray[Any]], reasons: Mapping[str, str], *, keep_silent: bool
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Speech as audio-visual samples without a face; without those in which nobody speaks."""
    from mien.recognition.audio_visual_input import audio_visual_dtype

    kept: dict[str, NDArray[Any]] = {}
    silent = {}
    for name, one in values.items():
        if not keep_silent and not one["voiced"].any():
            silent[name] = "no-speech"
            continue
        sample = np.zeros((), dtype=audio_visual_dtype(MAP_SIZE, MAP_SIZE, *one["audio"].shape))
        for word in ("audio", "heard", "voiced"):
            sample[word] = one[word]
        sample["audio"][~one["heard"]] = 0.0  # what was not heard has no level
        kept[name] = sample
    return kept, {**reasons, **silent}


def _task(
    study: Study,
    samples: Sequence[Sample],
    unplaced: Sequence[Unmeasured],
    left_out: Mapping[str, int],
    n_classes: int,
    kinds: Sequence[str],
) -> Task:
    present = {sample.label for sample in samples}
    classes = tuple(name for name in CLASSES[n_classes] if name in present)
    codes = {name: code for code, name in enumerate(classes)}
    told = [list(classes), [[s.name, s.participant, s.label] for s in samples]]
    people = study.participants
    name = study.folder.resolve().name
    return Task(
        name=name,
        digest=digest_arrays(np.frombuffer(canonical_json(told), dtype=np.uint8)),
        X=np.arange(len(samples)),
        y=np.array([codes[sample.label] for sample in samples], dtype=np.int64),
        classes=classes,
        sample_ids=tuple(sample.name for sample in samples),
        subjects=tuple(sample.participant for sample in samples),
        datasets=(name,) * len(samples),
        consent={who: people[who].consent_level for who in {s.participant for s in samples}},
        unmeasured=tuple(unplaced),
        about={
            "kinds": list(kinds),
            "left_out": to_json(dict(sorted(left_out.items()))),
            "absent_classes": [word for word in CLASSES[n_classes] if word not in present],
        },
    )


def _member(name: str, method: Method, task: Task, values: Mapping[str, NDArray[Any]]) -> Member:
    rows = np.array([row for row, sample in enumerate(task.sample_ids) if sample in values], dtype=np.int64)
    X = np.stack([values[task.sample_ids[row]] for row in rows])
    return Member(name, method, X, rows, digest_arrays(X, rows))
