"""A study as a source of recognition: its coded expressions become samples, its videos their input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import SEVEN_EMOTIONS, THREE_CLASS_OF, THREE_CLASSES, emotion
from mien.core.records import Json, canonical_json, digest_arrays, to_json
from mien.dataset import Study, read_expressions
from mien.dataset.expressions import CodedExpression, MergedExpression, merge_expressions
from mien.dataset.manifest import file_digest
from mien.evaluation.task import Task, Unmeasured
from mien.features.clip_features import FEATURES
from mien.features.measuring import ClipSpan, Measurement, MeasureSettings, RunClips, measure_runs
from mien.jobs import Executor, Store, silent

CLASSES: Mapping[int, tuple[str, ...]] = {3: THREE_CLASSES, 7: SEVEN_EMOTIONS}
UNUSED = {
    "no-frame-times": "the video has no table of frame times",
    "clip-not-finished": "the clip is being coded anew",
    "outside-recording": "a coded frame lies outside the video",
    "no-onset": "no onset was coded",
    "order": "the apex lies outside onset and offset, or they are in another order",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One expression of a known class and where it is."""

    name: str
    participant: str
    run: int
    label: str
    clip: ClipSpan


@dataclass(frozen=True)
class StudySource:
    """The expressions of a study, measured once for all methods; made by `read_study_source`."""

    study: Study
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    measured: Mapping[str, Measurement]
    unmeasured: tuple[Unmeasured, ...]
    about: Mapping[str, Json] = field(default_factory=dict)

    @property
    def gives(self) -> frozenset[str]:
        """The kinds of input that it has for methods."""
        return frozenset(FEATURES)

    def task(self, needs: str | None) -> Task:
        """The task for methods that need this kind of input; None takes the smallest."""
        chosen = needs or "motion-map"
        X = np.stack([self.measured[sample.name].features[chosen] for sample in self.samples])
        codes = {name: code for code, name in enumerate(self.classes)}
        y = np.array([codes[sample.label] for sample in self.samples], dtype=np.int64)
        told = [chosen, list(self.classes), [[s.name, s.participant] for s in self.samples]]
        name = self.study.folder.resolve().name
        people = self.study.participants
        return Task(
            name=name,
            digest=digest_arrays(X, y, np.frombuffer(canonical_json(told), dtype=np.uint8)),
            X=X,
            y=y,
            classes=self.classes,
            sample_ids=tuple(sample.name for sample in self.samples),
            subjects=tuple(sample.participant for sample in self.samples),
            datasets=(name,) * len(self.samples),
            consent={who: people[who].consent_level for who in {s.participant for s in self.samples}},
            unmeasured=self.unmeasured,
            about={**self.about, "input": chosen},
        )


def read_study_source(
    study: Study,
    *,
    n_classes: int,
    kinds: Sequence[str],
    settings: MeasureSettings,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> StudySource:
    """Find the coded expressions of a study and measure all of them.

    Rows of several coders that mean one expression are merged first. Expressions of no class of the scheme
    are left out and counted; those that cannot be measured are told one by one.

    Parameters
    ----------
    n_classes
        3: negative, positive, surprise; 7: the basic emotions.
    kinds
        "micro", "macro" or both.

    Raises
    ------
    DataError
        If no expression of the classes is coded, or none can be measured.
    """
    samples, unmeasured, left_out = find_samples(study, n_classes, kinds)
    found = measure_samples(study, samples, settings, store=store, executor=executor, progress=progress)
    unmeasured += [
        Unmeasured(s.name, s.participant, s.label, str(found[s.name].refused))
        for s in samples
        if found[s.name].refused is not None
    ]
    usable = [sample for sample in samples if found[sample.name].refused is None]
    if not usable:
        raise DataError(
            study.folder,
            wanted="an expression that can be measured",
            got=f"{len(unmeasured)} that cannot, the first: {unmeasured[0].reason}" if unmeasured else "none",
            remedy="look at mien describe and mien validate",
        )
    present = {sample.label for sample in usable}
    notes = Counter(note for sample in usable for note in found[sample.name].notes)
    about: dict[str, Json] = {
        "measured": settings.as_json(),
        "kinds": list(kinds),
        "left_out": to_json(dict(sorted(left_out.items()))),
        "absent_classes": [name for name in CLASSES[n_classes] if name not in present],
        "notes": to_json(dict(sorted(notes.items()))),
    }
    classes = tuple(name for name in CLASSES[n_classes] if name in present)
    return StudySource(study, classes, tuple(usable), found, tuple(unmeasured), about)


def measure_samples(
    study: Study,
    samples: Sequence[Sample],
    settings: MeasureSettings,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> dict[str, Measurement]:
    """The faces of samples by their names, one pass over each video; without one they are refused."""
    runs = _runs(study, samples)
    found = measure_runs(runs, settings, store=store, executor=executor, progress=progress)
    return {s.name: found.get(s.name, Measurement(refused="the run has no video")) for s in samples}


def find_samples(
    study: Study, n_classes: int, kinds: Sequence[str]
) -> tuple[list[Sample], list[Unmeasured], Counter[str]]:
    """The expressions of the classes, those without a place in a video, and how many others are left out.

    Raises DataError if no expression of the classes is coded.
    """
    samples: list[Sample] = []
    unmeasured: list[Unmeasured] = []
    left_out: Counter[str] = Counter()
    n_rows, names = 0, Counter[str]()
    for who in study.participants:
        session = study.session(who)
        rows = read_expressions(session)
        n_rows += len(rows)
        for row in rows:
            label = label_of(row.emotion, n_classes)
            if row.times is None and _is_wanted(row, kinds) and label is not None:
                reason = UNUSED.get(str(row.unused), str(row.unused))
                name = f"{who}_run-{row.run:02d}_{row.coder}-row-{row.row}"
                unmeasured.append(Unmeasured(name, who, label, reason))
        for one in merge_expressions(rows):
            label = label_of(one.emotion, n_classes)
            if not _is_wanted(one, kinds):
                left_out[f"{one.kind or 'unknown kind'}"] += 1
            elif label is None:
                left_out[one.emotion or "no emotion"] += 1
            else:
                first, apex, last = one.frames
                name = f"{who}_run-{one.run:02d}_frame-{first:06d}"
                names[name] += 1
                if names[name] > 1:
                    name += f"-{names[name]}"
                end = last if last is not None else apex
                clip = ClipSpan(name, first, apex, first if end is None else end)
                samples.append(Sample(name, who, one.run, label, clip))
    if not samples and not unmeasured:
        raise DataError(
            study.folder,
            wanted=f"coded {' or '.join(kinds)}-expressions of {', '.join(CLASSES[n_classes])}",
            got=f"none among {n_rows} rows" if n_rows else "no coding table",
            remedy="code or import them first; mien describe counts what is there",
        )
    return samples, unmeasured, left_out


_TRIAL = re.compile(r"(.+_run-[0-9]+)_")


def trial_of(sample: str) -> str:
    """The trial in which an expression was shown, from its name: "sub-001_run-02"; else the name itself.

    >>> trial_of("sub-001_run-02_frame-000310"), trial_of("casme2/sub01/EP02_01f")
    ('sub-001_run-02', 'casme2/sub01/EP02_01f')
    """
    found = _TRIAL.match(sample)
    return found[1] if found else sample


def _is_wanted(row: CodedExpression | MergedExpression, kinds: Sequence[str]) -> bool:
    return row.kind in kinds


def label_of(word: str | None, n_classes: int) -> str | None:
    """The class of an emotion's word under a scheme; None where it has none."""
    if word is None:
        return None
    try:
        standard = emotion(word)
    except DataError:
        return None  # a word of the study's own: left out by its name
    if n_classes == 3:
        return THREE_CLASS_OF.get(standard)
    return standard if standard in SEVEN_EMOTIONS else None


def _runs(study: Study, samples: Sequence[Sample]) -> list[RunClips]:
    """Every run of samples that has a video, with its digest: of the file itself, not the manifest's."""
    runs = []
    for who, run in dict.fromkeys((sample.participant, sample.run) for sample in samples):
        video = study.session(who).videos().get(run)
        path = None if video is None else video.path
        if path is None:
            continue
        clips = tuple(s.clip for s in samples if (s.participant, s.run) == (who, run))
        runs.append(RunClips(who, run, Path(path), file_digest(path), clips))
    return runs
