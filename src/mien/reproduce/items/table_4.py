"""Tables 4 and 5: recognition from video by every method, on this study and on others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.core.records import ResultRecord
from mien.evaluation import score_record
from mien.evaluation.score import RecordScores
from mien.experiments.recognise import RecogniseRequest, Recognition, recognise
from mien.reproduce import published
from mien.reproduce.costs import MEMORY_BYTES, Work, faces, total, training
from mien.reproduce.counts import counts
from mien.reproduce.item import Answer, Cell, Cost, Item, ItemResult, ItemTable
from mien.reproduce.needs import Need
from mien.reproduce.setting import Setting
from mien.reproduce.verdicts import CHANCE_FACTOR, answer_by_several, chance_p

LIGHT = ("majority", "lbp-top", "mdmo", "bi-woof")
NETWORKS = ("rcn-a", "mersiamc3d-style", "featref-style", "moext", "htnet", "csarnet-style")
HEAVY = ("mersiamc3d-style", "moext", "htnet")
_METRICS = ("accuracy", "weighted_f1", "uf1", "uar")


def methods_of(setting: Setting) -> tuple[str, ...]:
    """The paper's nine methods and the majority; in the quick plan without the heaviest."""
    from mien.experiments import METHODS

    wanted = [name for name in (*LIGHT, *NETWORKS) if not (setting.quick and name in HEAVY)]
    return tuple(name for name in wanted if name in METHODS)


def recognised(setting: Setting, source: Path, n_classes: int) -> Recognition:
    """Every method on one study; finished folds and measured clips are kept below `out`."""
    request = RecogniseRequest(
        source=source,
        methods=methods_of(setting),
        out=setting.out,
        n_classes=n_classes,
        epochs=setting.budget,
        n_workers=setting.n_workers,
        dask=setting.dask,
        seed=setting.seed,
    )
    return recognise(request, progress=setting.progress)


def _scored(found: Recognition) -> dict[str, RecordScores]:
    return {str(record.method["name"]): score_record(record) for record in found.records}


def _row(name: str, scores: dict[int, RecordScores]) -> tuple[Cell, ...]:
    theirs = published.TABLE_4.get(name)
    made: list[Cell] = [Cell(name)]
    for place, n_classes in enumerate((3, 7)):
        one = scores.get(n_classes)
        for k, metric in enumerate(_METRICS):
            estimate = None if one is None else one.scores[metric]
            printed = _printed(theirs, 4 * place + k)
            made.append(
                Cell(None, theirs=printed)
                if estimate is None
                else Cell(estimate.value, estimate.low, estimate.high, theirs=printed)
            )
    return tuple(made)


def _printed(theirs: tuple[float, ...] | None, k: int) -> float | None:
    """The paper's number; its accuracies are percent, ours are shares."""
    if theirs is None:
        return None
    return theirs[k] / 100 if k % 4 == 0 else theirs[k]


def _make(setting: Setting) -> ItemResult:
    runs = {n: recognised(setting, setting.study, n) for n in (3, 7)}
    scored = {n: _scored(run) for n, run in runs.items()}
    names = [name for name in methods_of(setting) if name in scored[3]]
    rows = tuple(
        _row(name, {n: found[name] for n, found in scored.items() if name in found}) for name in names
    )
    columns = ["method"]
    for n in (3, 7):
        columns += [f"{metric}, {n} classes" for metric in ("accuracy", "weighted F1", "UF1", "UAR")]
    best = max((name for name in names if name != "majority"), key=lambda n: scored[3][n].scores["uf1"].value)
    score, chance = scored[3][best].scores["uf1"], scored[3]["majority"].scores["uf1"]
    budget = setting.budget
    return TABLE_4.done(
        sentences=(
            f"In three classes {best} reaches UF1 {score.value:.3f} [{score.low:.3f}, {score.high:.3f}], the "
            f"majority {chance.value:.3f}. It is the best of {len(names) - 1}, and the best of several is so "
            "by luck as well.",
            *not_run(setting),
        ),
        answers=tuple(_answer(runs[n], n) for n in (3, 7)),
        left_out=left_out(runs[3].records[0]),
        tables=(ItemTable("Recognition, no subject on both sides", tuple(columns), rows),),
        differs=(
            "Scores come from counts pooled over all folds, with intervals over subjects; the paper does not "
            "say how its F1 is averaged: ours is weighted by class.",
            *(() if budget is None else (f"Networks got {budget} epochs: floors, not verdicts.",)),
        ),
        records=tuple(path for run in runs.values() for path in run.paths),
        values={
            str(n): {name: {m: one.scores[m].value for m in _METRICS} for name, one in found.items()}
            for n, found in scored.items()
        },
    )


def _answer(run: Recognition, n_classes: int) -> Answer:
    """By each method's answers against those to other trials of the same people."""
    question = f"Does the face tell the emotion, in {n_classes} classes?"
    p_values = {
        str(record.method["name"]): chance_p(
            record.samples, classes=[str(name) for name in record.dataset["classes"]]  # type: ignore[union-attr]
        )
        for record in run.records
        if record.method["name"] != "majority"
    }  # fmt: skip
    return answer_by_several(
        question,
        p_values,
        found="Better than chance within people: {better} of {n} methods.",
        nothing="None of {n} methods is shown to tell one person's expressions apart better than chance "
        "(least p: {best}).",
        untested="Nobody showed expressions of two classes.",
        factor=CHANCE_FACTOR,
    )


def left_out(record: ResultRecord) -> tuple[str, ...]:
    """Expressions that could not be measured, counted by their reason, and those of no class."""
    unmeasured: Any = record.dataset.get("unmeasured") or []
    reasons = Counter(str(one["reason"]) for one in unmeasured)
    other: Any = record.dataset.get("left_out") or {}
    return tuple(f"{n} expressions: {why}" for why, n in (*reasons.items(), *other.items()))


def not_run(setting: Setting) -> tuple[str, ...]:
    """Which methods the quick plan leaves out, as a sentence."""
    if not setting.quick or not HEAVY:
        return ()
    return (f"Not run in the quick plan, since each takes minutes a fold: {', '.join(HEAVY)}.",)


def _others(setting: Setting) -> ItemResult:
    studies = (setting.study, *setting.others)
    runs = {path: recognised(replace(setting, study=path), path, 3) for path in studies}
    found = {path: _scored(run) for path, run in runs.items()}
    columns = ["method"]
    for path in found:
        columns += [f"UF1, {path.resolve().name}", f"UAR, {path.resolve().name}"]
    rows = []
    for name in found[setting.study]:
        made = [Cell(name)]
        for scored in found.values():
            for metric in ("uf1", "uar"):
                one = scored[name].scores[metric] if name in scored else None
                made.append(Cell(None) if one is None else Cell(one.value, one.low, one.high))
        rows.append(tuple(made))
    return TABLE_5.done(
        sentences=(
            f"In three classes, the best of {len(rows) - 1} methods: {'; '.join(map(_best, found.items()))}.",
            *not_run(setting),
        ),
        tables=(ItemTable("Recognition on several studies", tuple(columns), tuple(rows)), _printed_table()),
        differs=(
            "The paper quotes other datasets' numbers from the methods' papers, some of which chose the "
            "epoch on the test subjects; here all are run alike, leave-one-subject-out.",
        ),
        records=tuple(path for run in runs.values() for path in run.paths),
        values={
            path.resolve().name: {name: one.scores["uf1"].value for name, one in scored.items()}
            for path, scored in found.items()
        },
    )


def _best(one: tuple[Path, dict[str, RecordScores]]) -> str:
    path, scored = one
    name = max((name for name in scored if name != "majority"), key=lambda n: scored[n].scores["uf1"].value)
    uf1, chance = scored[name].scores["uf1"], scored["majority"].scores["uf1"]
    return (
        f"{path.resolve().name}, {name} with UF1 {uf1.value:.3f} [{uf1.low:.3f}, {uf1.high:.3f}] (majority "
        f"{chance.value:.3f})"
    )


def _printed_table() -> ItemTable:
    columns = ["method"]
    for name in published.TABLE_5_DATASETS:
        columns += [f"UF1, {name}", f"UAR, {name}"]
    rows = tuple(
        (Cell(name), *(Cell(value, published=True) for value in values))
        for name, values in published.TABLE_5.items()
    )
    return ItemTable("As published", tuple(columns), rows, "Other splits, other classes, other protocols.")


def _work(setting: Setting, study: Path, *classes: int) -> Work:
    """Faces measured, then every method in every fold."""
    held = counts(setting, study)
    return faces(held, classes[0]) + total(
        training(held, n, name, setting.budget) for n in classes for name in methods_of(setting)
    )


def _cost(setting: Setting) -> Cost:
    return _work(setting, setting.study, 3, 7).cost("faces", "training", *_large(setting))


def _cost_of_others(setting: Setting) -> Cost:
    others = total(_work(setting, path, 3) for path in setting.others)
    own = _work(setting, setting.study, 3)
    return (own + others).cost("faces", "training", *_large(setting), again_s=1.0 + others.seconds)


def _large(setting: Setting) -> tuple[str, ...]:
    """Methods that take more memory than trainings usually do."""
    return tuple(name for name in methods_of(setting) if name in MEMORY_BYTES)


_NEEDS: tuple[Need, ...] = ("videos", "coding", "micro-expressions")
TABLE_4 = Item("table-4", "What does the face show?", "Table 4", _NEEDS, _make, _cost, work="recognition")
TABLE_5 = Item("table-5", "And on other studies?", "Table 5", (*_NEEDS, "others"), _others, _cost_of_others,
               work="recognition")  # fmt: skip
