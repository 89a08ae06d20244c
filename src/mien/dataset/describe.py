"""What a study holds: the row that it has in a table of datasets, its action units, emotions and durations.

The quantities of MMME's Table 1, Table 2 and Figure 5 for any study. Expressions are counted after rows of
several coders were merged (`dataset.expressions`); both counts are given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev
from types import MappingProxyType
from typing import Any

from mien.core.errors import DataError
from mien.core.labels import ACTION_UNITS, SEVEN_EMOTIONS, THREE_CLASS_OF, THREE_CLASSES
from mien.dataset import layout, tables
from mien.dataset.clip_marks import MarkCounts, count_marks
from mien.dataset.expressions import CodedExpression, MergedExpression, merge_expressions, read_expressions
from mien.dataset.reminders import Reminders, study_reminders
from mien.dataset.study import Study, StudySession
from mien.recording.formats import probe, read_brainvision_header, read_physio_header

_FROM_TABLE = "its coding table, by mien import and mien describe (docs/results/datasets.md)"
DURATIONS_MS: Mapping[str, tuple[float, float, str]] = MappingProxyType(
    {
        "MMME, as published": (381.7, 100.5, "MMME, section 3.5"),
        "CASME II": (333.0, 112.8, _FROM_TABLE),
        "SAMM": (366.6, 95.1, _FROM_TABLE),
        "SMIC HS": (330.1, 91.5, _FROM_TABLE),
        "CAS(ME)^2": (419.3, 66.4, _FROM_TABLE),
        "SAMM Long Videos": (366.6, 95.1, _FROM_TABLE),
    }
)
"""Mean and SD of the durations of micro-expressions in other datasets, ms, and where they are from."""


MODALITIES = ("video", "frame times", "sound", "EEG", "peripheral signals", "self-report", "coding")


@dataclass(frozen=True, slots=True)
class Spread:
    """Number, mean, SD (n - 1) and median of a quantity; NaN where there is too little.

    Durations are skewed: who reaches the apex within 250 ms has shown a micro-expression, however long the
    face then takes to be neutral again.
    """

    n: int
    mean: float
    sd: float
    median: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of finite values.

        Examples
        --------
        >>> Spread.of([1.0, 3.0, 11.0])
        Spread(n=3, mean=5.0, sd=5.291502622129181, median=3.0)
        """
        return cls(
            len(values),
            mean(values) if values else math.nan,
            stdev(values) if len(values) > 1 else math.nan,
            median(values) if values else math.nan,
        )


@dataclass(frozen=True, slots=True)
class Description:
    """Counts of a study; emotion counts are {emotion: {"micro": n, "macro": n}}, None as "n/a".

    `completeness` says per participant in how many trials each of `MODALITIES` is there, `trials` per trial.
    """

    title: str
    n_participants: int
    n_trials: int
    n_rows: int
    n_unused: int
    n_expressions: int
    n_micro: int
    n_macro: int
    n_undecided: int
    emotions: Mapping[str, Mapping[str, int]]
    three_classes: Mapping[str, Mapping[str, int]]
    action_units: Mapping[str, Mapping[str, Any]]
    regions: Mapping[str, int]
    duration_ms: Mapping[str, Spread]
    n_without_offset: Mapping[str, int]
    other_duration_ms: Mapping[str, tuple[float, float, str]]
    consent: Mapping[str, int]
    sex: Mapping[str, int]
    age: Spread
    valence: Mapping[str, Spread]
    arousal: Mapping[str, Spread]
    completeness: Mapping[str, Mapping[str, int]]
    trials: tuple[Mapping[str, Any], ...]
    recordings: Mapping[str, str]
    flags: Mapping[str, int]
    shown_ms: Mapping[str, Spread]
    reminders: Reminders | None
    marks: MarkCounts | None


def describe(study: Study) -> Description:
    """Count everything; nothing is decoded but headers and tables. Raises DataError for a damaged table."""
    rows: list[CodedExpression] = []
    trials: list[Mapping[str, Any]] = []
    modalities: list[dict[str, Any]] = []
    completeness: dict[str, dict[str, int]] = {}
    recordings: dict[str, set[str]] = {}
    for name in study.participants:
        session = study.session(name)
        rows += read_expressions(session)
        table = session.trials()
        own = [] if table is None else list(tables.rows(table))
        trials += own
        modalities += (present := _modalities(session, own))
        completeness[name] = _completeness(present)
        for kind, words in _recordings(session).items():
            recordings.setdefault(kind, set()).add(words)
    merged = merge_expressions(rows)
    kinds = Counter(m.kind for m in merged)
    return Description(
        title=_title(study),
        n_participants=len(study.participants),
        n_trials=len(trials),
        n_rows=len(rows),
        n_unused=sum(row.times is None for row in rows),
        n_expressions=len(merged),
        n_micro=kinds["micro"],
        n_macro=kinds["macro"],
        n_undecided=kinds[None],
        emotions=_by_emotion(merged),
        three_classes=_by_class(merged),
        action_units=_units(merged),
        regions=_regions(merged),
        duration_ms={kind: Spread.of(_durations_ms(merged, kind)) for kind in ("micro", "macro")},
        n_without_offset={
            kind: sum(m.kind == kind and m.duration_s is None for m in merged) for kind in ("micro", "macro")
        },
        other_duration_ms=dict(DURATIONS_MS),
        consent=_consent(study),
        sex=dict(sorted(Counter(_column(study, "sex")).items())),
        age=Spread.of(_ages(study)),
        valence=_ratings(trials, "valence"),
        arousal=_ratings(trials, "arousal"),
        completeness=completeness,
        trials=tuple(modalities),
        recordings={kind: "; ".join(sorted(words)) for kind, words in sorted(recordings.items())},
        flags=dict(sorted(Counter(flag for row in rows for flag in row.flags).items())),
        shown_ms=_lateness(trials),
        reminders=study_reminders(study),
        marks=count_marks(study),
    )


def _title(study: Study) -> str:
    import json

    try:
        fields = json.loads(layout.description(study.folder).read_bytes())
    except ValueError as error:
        raise DataError(
            layout.description(study.folder), wanted="JSON", got=str(error), remedy="correct it"
        ) from error
    return str(fields.get("Name") or study.folder.name) if isinstance(fields, dict) else study.folder.name


# --- expressions


def _by_emotion(merged: Sequence[MergedExpression]) -> dict[str, dict[str, int]]:
    """The seven emotions first, then others that occur, then those on which there is no majority."""
    words = [m.emotion for m in merged]
    named = sorted({word for word in words if word is not None} - set(SEVEN_EMOTIONS))
    order: list[str | None] = [*SEVEN_EMOTIONS, *named, *([None] if None in words else [])]
    return {word or "n/a": _kinds([m for m in merged if m.emotion == word]) for word in order}


def _by_class(merged: Sequence[MergedExpression]) -> dict[str, dict[str, int]]:
    found = {word: _kinds([m for m in merged if _three_class(m) == word]) for word in THREE_CLASSES}
    found["outside"] = _kinds([m for m in merged if _three_class(m) is None])
    return found


def _three_class(merged: MergedExpression) -> str | None:
    word = merged.emotion
    if word is None or word in THREE_CLASSES:
        return word  # SMIC and MMED are labelled in the three classes themselves
    return THREE_CLASS_OF.get(word)


def _kinds(merged: Sequence[MergedExpression]) -> dict[str, int]:
    return {kind: sum(m.kind == kind for m in merged) for kind in ("micro", "macro")}


def _units(merged: Sequence[MergedExpression]) -> dict[str, dict[str, Any]]:
    """Action units by number: description, region and counts; a unit of both sides counts once."""
    numbers = sorted({unit.number for m in merged for unit in m.action_units})
    found: dict[str, dict[str, Any]] = {}
    for number in numbers:
        words, region = ACTION_UNITS.get(number, ("", "n/a"))
        having = [m for m in merged if any(unit.number == number for unit in m.action_units)]
        found[f"AU{number}"] = {"description": words, "region": region, **_kinds(having)}
    return found


def _regions(merged: Sequence[MergedExpression]) -> dict[str, int]:
    """How many action units of micro-expressions lie in each region of MMME's Table 2."""
    found = Counter(
        ACTION_UNITS.get(number, ("", "n/a"))[1]
        for m in merged
        if m.kind == "micro"
        for number in {unit.number for unit in m.action_units}
    )
    return {region: found[region] for region in ("upper", "mid", "lower", "n/a") if found[region]}


def _durations_ms(merged: Sequence[MergedExpression], kind: str) -> list[float]:
    return [1e3 * m.duration_s for m in merged if m.kind == kind and m.duration_s is not None]


# --- people and trials


def _consent(study: Study) -> dict[str, int]:
    levels = Counter(person.consent_level for person in study.participants.values())
    return {"level 1": levels[1], "level 2": levels[2], "not known": levels[None]}


def _column(study: Study, name: str) -> list[str]:
    return [str(person.columns.get(name) or "n/a") for person in study.participants.values()]


def _ages(study: Study) -> list[float]:
    found = []
    for cell in _column(study, "age"):
        try:
            found.append(float(cell))
        except ValueError:
            continue
    return [age for age in found if math.isfinite(age)]


def _ratings(trials: Sequence[Mapping[str, Any]], name: str) -> dict[str, Spread]:
    """Spread of a rating by the emotion that the clip aims at."""
    words = sorted({str(row["emotion"]) for row in trials if row["emotion"] is not None})
    return {
        word: Spread.of([row[name] for row in trials if row["emotion"] == word and row[name] is not None])
        for word in words
    }


LATENESS = {"shown_after_ms": "first frame after the key", "code_after_ms": "code after the first frame"}
"""Columns of the trials that `mien present` writes, and what they say, ms."""


def _lateness(trials: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    """How late clips and codes came, of trials that were shown by `mien present`."""
    found = {}
    for column, words in LATENESS.items():
        values = [float(row[column]) for row in trials if row.get(column) is not None]
        if values:
            found[words] = Spread.of(values)
    return found


def _modalities(session: StudySession, trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which modalities each trial has; EEG by its trigger code, peripheral signals by their recording.

    Which codes of the polygraph are missing is a matter of `mien sync`.
    """
    videos = session.videos()
    events = session.events()
    seen = set() if events is None else {int(code) for code in events["value"].dropna()}
    coded = {int(row) for table in session.coding().values() for row in table["trial"].dropna()}
    physio = layout.physio(session.study, session.participant_id).is_file()
    found = []
    for row in trials:
        video = videos.get(int(row["trial"]))
        found.append(
            {
                "participant_id": session.participant_id,
                "trial": int(row["trial"]),
                "video": video is not None and video.path is not None,
                "frame times": video is not None and video.frame_times_path is not None,
                "sound": video is not None and video.audio_path is not None,
                "EEG": row["code"] is not None and int(row["code"]) in seen,
                "peripheral signals": physio,
                "self-report": row["self_report"] is not None,
                "coding": int(row["trial"]) in coded,
            }
        )
    return found


def _completeness(trials: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """In how many trials each modality is there."""
    return {"trials": len(trials), **{name: sum(t[name] for t in trials) for name in MODALITIES}}


def _recordings(session: StudySession) -> dict[str, str]:
    """Rate and size of each kind of recording, as in "192 x 192 at 150 Hz"."""
    found: dict[str, str] = {}
    eeg = layout.eeg(session.study, session.participant_id)
    if eeg.is_file():
        header = read_brainvision_header(eeg)
        found["EEG"] = f"{len(header.channel_names)} channels at {header.rate_hz:g} Hz"
    physio = layout.physio(session.study, session.participant_id)
    if physio.is_file():
        stated = read_physio_header(physio)
        found["peripheral signals"] = f"{', '.join(stated.columns)} at {stated.rate_hz:g} Hz"
    filmed = [run.path for run in session.videos().values() if run.path is not None]
    if filmed:
        video = probe(filmed[0])
        found["video"] = f"{video.width} x {video.height} pixels, stated {float(video.rate_hz):g} Hz"
    return found
