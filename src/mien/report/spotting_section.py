"""What a report says of runs of spotting: the answer in sentences, Tables 9 and 10, and where they come from.

Every count is derived from the record's rows; what only the study's hearts and recognisers could tell
(controls of the heart-rate filter, how well emotions were named) is the record's own, and refused where it is
of other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.core.records import ResultRecord, digest
from mien.dataset.consent import CONSENT_WORDS
from mien.evaluation.spotting_score import KINDS, KindScore, score_spotting
from mien.metrics.spotting import Counts
from mien.report.filter_section import FilterEffect, filter_effect
from mien.report.number_words import interval, number, several
from mien.report.spotting_intervals import f1_figure

HEADINGS = {"micro": "Micro-expressions", "macro": "Macro-expressions", "overall": "Both kinds together"}


@dataclass(frozen=True, slots=True)
class NamedEmotions:
    """How well the emotions of what was spotted were named, STRS with them."""

    kind: str
    recogniser: str
    n_classes: int
    n_matched: int
    spotting_f1: float
    analysis_f1: float
    uf1: float
    uar: float

    @property
    def strs(self) -> float:
        """F1 of spotting times F1 of analysis."""
        return self.spotting_f1 * self.analysis_f1


@dataclass(frozen=True, slots=True, eq=False)
class SpottedRun:
    """One record with what is derived from it."""

    record: ResultRecord
    path: Path
    title: str
    scores: Mapping[str, KindScore]
    filtered: FilterEffect | None
    named: NamedEmotions | None

    @property
    def leaks(self) -> bool:
        """Whether thresholds were chosen on the test subjects."""
        return bool(self.record.protocol["leaks"])

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the method looks for."""
        told: Any = self.record.method["kinds"]
        return tuple(told)

    @property
    def thresholds(self) -> dict[str, dict[str, float]]:
        """Thresholds by fold and kind."""
        told: Any = self.record.protocol["thresholds"]
        return dict(told)

    @property
    def threshold_words(self) -> str:
        """How often each threshold was chosen."""
        parts = []
        for kind in self.kinds:
            often = Counter(fold[kind] for fold in self.thresholds.values() if kind in fold)
            said = ", ".join(f"{value:g} ({several(n, 'fold')})" for value, n in sorted(often.items()))
            parts.append(f"{kind} {said}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Table 9 of one kind: runs, each with its scores, None where its method does not look for the kind.

    `uniform` is the F1 of even windows, the same for all runs.
    """

    heading: str
    n_references: int
    uniform: float
    rows: tuple[tuple[SpottedRun, KindScore | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class SpottingSection:
    """The runs on the same videos with the same coding, and everything the page says about them."""

    name: str
    runs: tuple[SpottedRun, ...]
    sentences: tuple[str, ...]
    tables: tuple[ScoreTable, ...]
    intervals_svg: str
    subjects: Mapping[str, tuple[tuple[str, tuple[Counts | None, ...]], ...]]
    unsearched: tuple[dict[str, Any], ...]
    consent: Mapping[str, int]

    @property
    def dataset(self) -> dict[str, Any]:
        """What all records say of the videos."""
        return self.runs[0].record.dataset

    @property
    def n_unscored(self) -> int:
        """Coded expressions that nobody can match."""
        return int(self.dataset.get("n_unscored", 0))


def spotting_sections(records: Sequence[tuple[ResultRecord, Path]]) -> list[SpottingSection]:
    """The sections of records of spotting; runs on the same videos and coding share one.

    Raises
    ------
    DataError
        If what a record says of its filter or its recogniser does not belong to its rows.
    """
    groups: dict[str, list[tuple[ResultRecord, Path]]] = {}
    for record, path in records:
        groups.setdefault(_videos_of(record), []).append((record, path))
    return [_section(one) for one in groups.values()]


def _videos_of(record: ResultRecord) -> str:
    """What the videos and their coding are; a method's input may differ, and with it the dataset's digest."""
    columns = ("recording_id", "role", "kind", "onset_s", "apex_s", "offset_s")
    rows = zip(*(record.samples[name] for name in columns), strict=True)
    coded = [list(row) for row in rows if row[1] != "estimate"]
    told = [record.dataset.get(name) for name in ("name", "recordings", "unsearched")]
    return digest([told, coded])


def _section(records: list[tuple[ResultRecord, Path]]) -> SpottingSection:
    titles = [_title(record) for record, _ in records]
    runs = []
    for (record, path), title in zip(records, titles, strict=True):
        more = f", {record.identity[:6]}" if titles.count(title) > 1 else ""
        runs.append(_run(record, path, title + more))
    first = runs[0].record
    kinds = [kind for kind in KINDS if runs[0].scores[kind].counts.n_reference] or ["micro"]
    rows = [(run.title, {k: run.scores[k] for k in _looked_for(run)}, run.leaks) for run in runs]
    words = [CONSENT_WORDS[level] for level in first.participants.values()]
    unsearched: Any = first.dataset.get("unsearched", [])
    return SpottingSection(
        name=str(first.dataset["name"]),
        runs=tuple(runs),
        sentences=tuple(_sentences(runs, kinds[0])),
        tables=tuple(_table(runs, kind) for kind in HEADINGS),
        intervals_svg=f1_figure(rows, kinds),
        subjects={kind: _subjects(runs, kind) for kind in kinds},
        unsearched=tuple(unsearched),
        consent={word: words.count(word) for word in dict.fromkeys(words)},
    )


def _title(record: ResultRecord) -> str:
    return f"{record.method['name']} ({record.protocol['name']})"


def _run(record: ResultRecord, path: Path, title: str) -> SpottedRun:
    scores = score_spotting(record)
    return SpottedRun(
        record, path, title, scores, filter_effect(record, scores, path), _named(record, scores, path)
    )


def _looked_for(run: SpottedRun) -> tuple[str, ...]:
    """Kinds that have scores of their own; both together only where both are looked for."""
    return (*run.kinds, "overall") if len(run.kinds) == len(KINDS) else run.kinds


def _table(runs: Sequence[SpottedRun], kind: str) -> ScoreTable:
    rows = tuple((run, run.scores[kind] if kind in _looked_for(run) else None) for run in runs)
    first = runs[0].scores[kind]
    return ScoreTable(HEADINGS[kind], first.counts.n_reference, first.uniform, rows)


def _subjects(runs: Sequence[SpottedRun], kind: str) -> tuple[tuple[str, tuple[Counts | None, ...]], ...]:
    """Of each subject the counts of every run."""
    names = runs[0].scores[kind].by_subject
    return tuple(
        (who, tuple(run.scores[kind].by_subject[who] if kind in run.kinds else None for run in runs))
        for who in names
    )


# --- the answer


def _sentences(runs: Sequence[SpottedRun], kind: str) -> list[str]:
    """The best run that leaks nothing beside chance; then how much leaks give."""
    looking = [run for run in runs if kind in run.kinds]
    if not looking:
        return [f"No method here looks for {kind}-expressions."]
    honest = [run for run in looking if not run.leaks]
    best = max(honest or looking, key=lambda run: _or_less(run.scores[kind].f1.value))
    said = [_answer(best, kind), *_beside_chance(best.scores[kind])]
    if not honest:
        said.append("Only runs that chose thresholds on the test subjects are here: a leak, not a result.")
    if len(honest) > 1:
        said.append(f"It is the best of {len(honest)} runs, and the best of several is so by luck as well.")
    if len({str(run.record.split) for run in looking}) > 1:
        said.append("The runs were not all split alike: see how it was done.")
    return said + _leak_sizes(looking, kind)


def _or_less(value: float) -> float:
    return value if value == value else -1.0


def _answer(run: SpottedRun, kind: str) -> str:
    score, counts = run.scores[kind], run.scores[kind].counts
    dataset: Mapping[str, Any] = run.record.dataset
    return (
        f"In {several(dataset['n_recordings'], 'video')} ({dataset['duration_s'] / 60:.1f} min) of "
        f"{several(dataset['n_subjects'], 'subject')} with "
        f"{several(counts.n_reference, f'coded {kind}-expression')} ({dataset['name']}), {run.title} finds "
        f"{counts.tp} and gives {several(counts.fp, 'false alarm')}: F1 {interval(score.f1)}. Its proposals "
        f"thrown at random times give {interval(score.random)}, even windows of the mean length "
        f"{number(score.uniform)}."
    )


def _beside_chance(score: KindScore) -> list[str]:
    low = score.f1.low if score.f1.low == score.f1.low else score.f1.value
    if low <= score.random.high:
        return ["Its interval reaches into what random times give: this result does not show spotting."]
    if low <= score.uniform:
        return ["Its interval reaches down to even windows, which know nothing of faces."]
    return [] if low == low else ["Nothing was coded or proposed: there is no score."]


def _leak_sizes(runs: Sequence[SpottedRun], kind: str) -> list[str]:
    """What choosing on the test subjects gives over choosing on training subjects, method by method."""
    said = []
    for run in runs:
        alike = [one for one in runs if _nested(one) and _same_but_protocol(run, one)]
        if run.leaks and alike:
            gain = run.scores[kind].f1.value - alike[0].scores[kind].f1.value
            said.append(
                f"Choosing thresholds on the test subjects would have moved {run.record.method['name']} by "
                f"{gain:+.3f} in F1: that is the size of the leak, not of any skill."
            )
    return said


def _nested(run: SpottedRun) -> bool:
    return run.record.protocol["name"] == "nested"


def _same_but_protocol(one: SpottedRun, two: SpottedRun) -> bool:
    a, b = one.record, two.record
    keys = ("name", "version", "parameters")
    return all(a.method[k] == b.method[k] for k in keys) and (a.split, a.seed) == (b.split, b.seed)


# --- spotting, then recognition


def _named(record: ResultRecord, scores: Mapping[str, KindScore], path: Path) -> NamedEmotions | None:
    told: Any = record.scores.get("strs")
    recogniser: Any = record.method.get("recogniser")
    if told is None or recogniser is None:
        return None
    rows = zip(*(record.samples[name] for name in ("role", "kind", "emotion")), strict=True)
    kinds = {str(kind) for role, kind, emotion in rows if role == "estimate" and emotion is not None}
    kind = next(iter(kinds), "micro")
    counts = scores[kind].counts
    if len(kinds) > 1 or any(told["spotting"][name] != getattr(counts, name) for name in ("tp", "fp", "fn")):
        raise DataError(
            path,
            wanted="emotions named for the proposals in the record",
            got="scores of others",
            remedy="run mien spot again",
        )
    analysis, uf1, uar = (_or_nan(told[name]) for name in ("analysis_f1", "uf1", "uar"))
    return NamedEmotions(
        kind,
        str(recogniser["name"]),
        int(recogniser["n_classes"]),
        int(told["n_matched"]),
        counts.f1,
        analysis,
        uf1,
        uar,
    )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)
