"""One run of spotting: a method searches every recording, told as one record.

Thresholds are chosen by F1 of each kind, pooled over recordings. `nested` looks at training subjects only:
a network is trained again without some of them and searches those; a method that learns nothing but lengths
searches the training subjects as it is. `fixed` takes the published thresholds. `test-selected` chooses on
the test subjects themselves, as published scripts do; it exists to show the leak's size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien import __version__
from mien.core.expression import Expression, Kind
from mien.core.records import Json, ResultRecord, digest, to_json
from mien.evaluation.run import Settings, run_block
from mien.evaluation.split import Fold, grouped_k_fold
from mien.evaluation.spotting_score import KindScore, score_by_rule, score_rows
from mien.evaluation.spotting_task import (
    Proposed,
    Recording,
    SpotterLike,
    SpottingMethod,
    SpottingTask,
    spans,
)
from mien.jobs import Executor, Job, Output, Plan, Store, run_plan, silent
from mien.metrics.matching import one_to_one

SPOTTING_VERSION = 1
"""Raised whenever the search of a recording may give other results; it is part of every job's address."""
N_INNER_FOLDS = 3

WORDS = {
    "fixed": "thresholds as published",
    "nested": "thresholds chosen on training subjects only",
    "test-selected": "thresholds chosen on the test subjects themselves: this leaks",
}
_ROLES = ("reference", "unscored", "estimate")

Scores = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SpottingRun:
    """A record with its scores, and what is too large for it: the curves of every recording by name."""

    record: ResultRecord
    scores: Mapping[str, KindScore]
    curves: Mapping[str, Scores] = field(default_factory=dict)


class _Chosen(Sequence[Any]):
    """Some of the videos of a task, each read when it is asked for."""

    def __init__(self, videos: Sequence[Any], rows: Sequence[int]) -> None:
        self._videos, self._rows = videos, list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return _Chosen(self._videos, self._rows[index])
        return self._videos[self._rows[index]]


def evaluate_spotting(
    task: SpottingTask,
    method: SpottingMethod,
    settings: Settings,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> SpottingRun:
    """Search every recording by a method that has not seen its subject, and score what it proposes.

    Searches that the store holds are not repeated; the record is the same on any executor.

    Raises
    ------
    MienError
        If a search refuses its data or fails for good; finished ones stay in the store.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    folds = list(settings.folds(task))
    searches = _searches(task, method, settings, folds)
    jobs = list({one.job.key: one.job for one in searches.values()}.values())
    cached = sum(store.wall_s(job.key) is not None for job in jobs)
    plan = Plan(search, (task, method, settings.seed), jobs, preload=method.imports)
    run_plan(plan, store, executor=executor, progress=progress, keep=False)
    found = _Found(searches, store)
    told: list[dict[str, Json]] = []
    chosen: dict[str, dict[Kind, float]] = {}
    spotter = _build(method, settings.seed)
    curves: dict[str, Scores] = {}
    for number, fold in enumerate(folds):
        thresholds = _thresholds(task, method, settings, fold, number, found, spotter)
        chosen[fold.name] = thresholds
        for row in fold.test.tolist():
            scores = found.of(number, row)
            recording = task.recordings[row]
            proposals = judged(recording, spotter.propose(scores, thresholds))
            curves[recording.name] = scores
            told += _rows_of(recording, proposals, fold.name)
    samples = _columns(sorted(told, key=lambda r: (str(r["recording_id"]), _ROLES.index(str(r["role"])))))
    dataset = _describe(task)
    scored = score_rows(samples, dataset)
    return SpottingRun(
        ResultRecord(
            task="spotting",
            method={
                "name": method.name,
                "version": method.version,
                "parameters": to_json(method.parameters),
                "learns": method.learns,
                "kinds": list(method.kinds),
            },
            protocol={
                "name": settings.protocol,
                "words": WORDS[settings.protocol],
                "leaks": settings.protocol == "test-selected",
                "thresholds": to_json(chosen),
            },
            split=settings.describe_split(),
            seed=settings.seed,
            dataset=dataset,
            participants={name: task.consent.get(name) for name in dict.fromkeys(task.subjects)},
            samples=samples,
            scores={
                **{kind: one.as_json() for kind, one in scored.items()},
                "other_rules": to_json(score_by_rule(samples)),
            },
            versions={"mien": __version__, **method.library_versions()},
            warnings=_warnings(task, method, folds, settings),
            run=run_block(
                started,
                clock,
                [store.wall_s(job.key) or 0.0 for job in jobs],
                n_cached=cached,
                executor=executor,
            ),
        ),
        scored,
        curves,
    )


# --- the searches


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A job, and under which number each recording stands in its output."""

    job: Job
    place: Mapping[int, int]


def _searches(
    task: SpottingTask, method: SpottingMethod, settings: Settings, folds: Sequence[Fold]
) -> dict[tuple[int, int], _Search]:
    """Who searches what: by fold and recording; recordings of the training side for choosing thresholds."""
    if method.learns == "network":
        return _of_networks(task, method, settings, folds)
    found: dict[tuple[int, int], _Search] = {}
    for number, fold in enumerate(folds):
        train = _coded(task, fold.train).tolist()
        learned: dict[str, Json] = {}
        if method.learns == "lengths":
            fitted = _fit(task, method, settings.seed, train)
            learned = to_json(fitted.learned())  # type: ignore[assignment]
        for row, one in enumerate(task.recordings):
            address: dict[str, Json] = {**_address(task, method), "learned": learned, "test": [one.name]}
            arguments = {"train": train, "test": [row]}
            found[number, row] = _Search(Job(f"{method.name}, {one.name}", address, arguments), {row: 0})
    return found


def _of_networks(
    task: SpottingTask, method: SpottingMethod, settings: Settings, folds: Sequence[Fold]
) -> dict[tuple[int, int], _Search]:
    found: dict[tuple[int, int], _Search] = {}
    for number, fold in enumerate(folds):
        parts = [(_coded(task, fold.train), fold.test, fold.name)]
        if settings.protocol == "nested":
            parts += [(train, test, f"{fold.name}, inside") for train, test in _inner(task, fold, settings)]
        for train, test, name in parts:
            address: dict[str, Json] = {
                **_address(task, method),
                "seed": settings.seed,
                "train": to_json([task.recordings[i].name for i in train]),
                "test": to_json([task.recordings[i].name for i in test]),
            }
            job = Job(f"{method.name}, {name}", address, {"train": train.tolist(), "test": test.tolist()})
            place = {int(row): i for i, row in enumerate(test)}
            found |= {(number, row): _Search(job, place) for row in place}
    return found


def _inner(
    task: SpottingTask, fold: Fold, settings: Settings
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Training recordings and those that are searched, by groups of the fold's training subjects."""
    rows = _coded(task, fold.train)
    subjects = [task.subjects[i] for i in rows]
    n = min(N_INNER_FOLDS, len(set(subjects)))
    if n < 2:
        return
    for inner in grouped_k_fold(subjects, n_folds=n, seed=settings.seed):
        yield rows[inner.train], rows[inner.test]


def _coded(task: SpottingTask, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the recordings that somebody coded: from the others there is nothing to learn."""
    return rows[[task.recordings[i].coded for i in rows]]


def _address(task: SpottingTask, method: SpottingMethod) -> dict[str, Json]:
    return {
        "function": "evaluation.spotting",
        "function_version": SPOTTING_VERSION,
        "method": method.name,
        "method_version": method.version,
        "parameters": to_json(method.parameters),
        "libraries": to_json(method.library_versions()),
        "dataset": task.inputs or task.digest,
    }


def search(context: tuple[SpottingTask, SpottingMethod, int], *, train: list[int], test: list[int]) -> Output:
    """The curves of test recordings by a spotter fitted to training ones; names begin with a number."""
    task, method, seed = context
    spotter = _fit(task, method, seed, train)
    found: dict[str, NDArray[Any]] = {}
    for number, row in enumerate(test):
        scores = spotter.score(task.videos[row])
        found |= {f"{number}.{name}": np.asarray(values) for name, values in scores.items()}
    return found


def _fit(task: SpottingTask, method: SpottingMethod, seed: int, train: Sequence[int]) -> Any:
    references = [task.recordings[i].references for i in train]
    return _build(method, seed).fit(_Chosen(task.videos, train), references)


def _build(method: SpottingMethod, seed: int) -> SpotterLike:
    seeded = {"seed": seed} if method.learns == "network" else {}
    return method.build(**method.parameters, **seeded)


class _Found:
    """The curves of recordings, read from the store; those of the last job are kept."""

    def __init__(self, searches: Mapping[tuple[int, int], _Search], store: Store) -> None:
        self._searches, self._store = searches, store
        self.counts: dict[tuple[str, Kind], NDArray[np.float64]] = {}  # of searches that folds share
        self._last: tuple[str, Mapping[str, Any]] = ("", {})

    def key(self, fold: int, row: int) -> str:
        """What tells one search of a recording from another."""
        return f"{self._searches[fold, row].job.key} {row}"

    def has(self, fold: int, row: int) -> bool:
        """Whether a recording was searched in a fold."""
        return (fold, row) in self._searches

    def of(self, fold: int, row: int) -> dict[str, NDArray[Any]]:
        """The curves of one recording in one fold."""
        one = self._searches[fold, row]
        if self._last[0] != one.job.key:
            output = self._store.read(one.job.key)
            assert output is not None  # the plan has just been run
            self._last = (one.job.key, output)
        start = f"{one.place[row]}."
        return {name[len(start) :]: v for name, v in self._last[1].items() if name.startswith(start)}


# --- thresholds


def _thresholds(
    task: SpottingTask,
    method: SpottingMethod,
    settings: Settings,
    fold: Fold,
    number: int,
    found: _Found,
    spotter: SpotterLike,
) -> dict[Kind, float]:
    """The threshold of each kind in a fold."""
    chosen: dict[Kind, float] = dict(method.published)
    rows = {"fixed": [], "nested": fold.train.tolist(), "test-selected": fold.test.tolist()}[
        settings.protocol
    ]
    rows = [row for row in rows if found.has(number, row) and task.recordings[row].coded]
    if not any(task.recordings[row].references for row in rows):
        return chosen
    for kind in method.kinds:
        options = method.candidates.get(kind, ())
        if not options:
            continue
        total = np.zeros((len(options), 3))
        for row in rows:
            key = (found.key(number, row), kind)
            if key not in found.counts:
                scores = found.of(number, row)
                found.counts[key] = _counts(task.recordings[row], scores, spotter, kind, options)
            total += found.counts[key]
        chosen[kind] = options[_best(total, options, method.published[kind])]
    return chosen


def _counts(
    recording: Recording,
    scores: Scores,
    spotter: SpotterLike,
    kind: Kind,
    options: Sequence[float],
) -> NDArray[np.float64]:
    """True positives, proposals and references at each threshold, (n_options, 3)."""
    reference = spans([one for one in recording.references if one.kind == kind])
    rows = []
    for option in options:
        proposals = judged(recording, spotter.propose(scores, {kind: option}))
        estimate = spans([one for one in proposals if one.kind == kind])
        rows.append([one_to_one(reference, estimate, threshold=0.5).tp, len(estimate), len(reference)])
    return np.array(rows, dtype=np.float64)


def _best(total: NDArray[np.float64], options: Sequence[float], published: float) -> int:
    """The option with the highest F1; of equal ones that nearest to the published threshold."""
    tp, n_estimate, n_reference = total.T
    below = n_estimate + n_reference
    f1 = np.divide(2 * tp, below, out=np.zeros(len(tp)), where=below > 0)
    distance = np.abs(np.asarray(options) - published)
    return int(np.lexsort((distance, -f1))[0])


def judged(recording: Recording, proposals: Sequence[Proposed]) -> list[Proposed]:
    """Proposals that can be counted: without those that lie on an expression which nobody can match.

    Such a one overlaps an expression without a coded offset or kind and matches no reference.
    """
    if not recording.unscored or not proposals:
        return list(proposals)
    matched = {int(j) for kind in ("micro", "macro") for j in _matched(recording, proposals, kind)}
    kept = []
    for j, one in enumerate(proposals):
        over = any(
            one.onset_s <= _last_seen_s(other) and one.offset_s >= other.onset_s
            for other in recording.unscored
        )
        if j in matched or not over:
            kept.append(one)
    return kept


def _last_seen_s(one: Expression) -> float:
    """The last moment that was coded of an expression."""
    return next(at for at in (one.offset_s, one.apex_s, one.onset_s) if at is not None)


def _matched(recording: Recording, proposals: Sequence[Proposed], kind: str) -> list[int]:
    mine = [j for j, one in enumerate(proposals) if one.kind == kind]
    reference = spans([one for one in recording.references if one.kind == kind])
    pairs = one_to_one(reference, spans([proposals[j] for j in mine]), threshold=0.5).pairs
    return [mine[j] for j in pairs[:, 1]]


# --- the record


def _rows_of(recording: Recording, proposals: Sequence[Proposed], fold: str) -> list[dict[str, Json]]:
    """Rows of one recording: what was coded, then what is proposed."""
    listed: list[tuple[str, Expression | Proposed]] = [
        *(("reference", one) for one in recording.references),
        *(("unscored", one) for one in recording.unscored),
        *(("estimate", one) for one in sorted(proposals, key=lambda p: (p.onset_s, p.offset_s))),
    ]
    rows: list[dict[str, Json]] = []
    for number, (role, one) in enumerate(listed, start=1):
        rows.append(
            {
                "sample_id": f"{recording.name}_{number:03d}",
                "recording_id": recording.name,
                "subject_id": recording.subject,
                "dataset": recording.dataset,
                "fold": fold,
                "role": role,
                "kind": one.kind,
                "onset_s": one.onset_s,
                "apex_s": one.apex_s,
                "offset_s": one.offset_s,
                "score": getattr(one, "score", None),
                "emotion": getattr(one, "emotion", None),
                "regions": "; ".join(getattr(one, "regions", ())),
            }
        )
    return rows


_COLUMNS = (
    "sample_id", "recording_id", "subject_id", "dataset", "fold", "role", "kind", "onset_s", "apex_s",
    "offset_s", "score", "emotion", "regions",
)  # fmt: skip


def _columns(rows: Sequence[Mapping[str, Json]]) -> dict[str, list[Json]]:
    return {name: [to_json(row[name]) for row in rows] for name in _COLUMNS}


def _describe(task: SpottingTask) -> dict[str, Json]:
    recordings: list[Json] = [
        {
            "name": one.name,
            "subject_id": one.subject,
            "dataset": one.dataset,
            "start_s": one.start_s,
            "end_s": one.end_s,
            "coded": one.coded,
        }
        for one in task.recordings
    ]
    unsearched: list[Json] = [
        {
            "name": one.name,
            "subject_id": one.subject,
            "n_references": to_json(dict(one.n_references)),
            "reason": one.reason,
        }
        for one in task.unsearched
    ]
    kinds = [one.kind for recording in task.recordings for one in recording.references]
    return {
        "name": task.name,
        "digest": task.digest,
        "n_recordings": len(task.recordings),
        "n_subjects": len(set(task.subjects)),
        "duration_s": sum(one.duration_s for one in task.recordings),
        "n_references": {kind: kinds.count(kind) for kind in ("micro", "macro")},
        "n_unscored": sum(len(one.unscored) for one in task.recordings),
        "datasets": list(dict.fromkeys(task.datasets)),
        "recordings": recordings,
        "unsearched": unsearched,
        **task.about,
    }


def _warnings(
    task: SpottingTask, method: SpottingMethod, folds: Sequence[Fold], settings: Settings
) -> list[str]:
    found = list(task.notes)
    for fold in folds:
        coded = {one.kind for i in fold.train for one in task.recordings[i].references}
        absent = [kind for kind in method.kinds if kind not in coded]
        if absent and (method.learns != "nothing" or settings.protocol == "nested"):
            found.append(f"{fold.name}: no training expression of kind {', '.join(absent)}")
        if (
            method.learns == "network"
            and settings.protocol == "nested"
            and not list(_inner(task, fold, settings))
        ):
            found.append(
                f"{fold.name}: too few training people to choose thresholds on; they are as published"
            )
    uncoded = sorted({one.name for one in task.recordings if not one.coded})
    if uncoded:
        found.append(
            f"{len(uncoded)} of {len(task.recordings)} videos were coded by nobody and are not scored; the "
            f"first, {uncoded[0]}"
        )
    if task.unsearched:
        first = task.unsearched[0]
        found.append(
            f"{len(task.unsearched)} of {len(task.unsearched) + len(task.recordings)} videos could not be "
            f"searched; the first, {first.name}: {first.reason}"
        )
    n_unscored = sum(len(one.unscored) for one in task.recordings)
    if n_unscored:
        found.append(
            f"{n_unscored} coded expressions have no offset or no kind and are not scored; proposals that "
            "overlap them and match nothing else are left out"
        )
    return found


def identity_of(parts: Sequence[Json]) -> str:
    """The digest of a task from what its videos and references are."""
    return digest(list(parts))
