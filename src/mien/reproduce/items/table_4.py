"""Tables 4 and 5: recognition from video by every method, on this study and on others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mien.evaluation import score_record
from mien.evaluation.score import RecordScores
from mien.experiments.recognise import RecogniseRequest, Recognition, recognise
from mien.reproduce import published
from mien.reproduce.item import Cell, Cost, Item, ItemResult, ItemTable, Need, Setting

LIGHT = ("majority", "lbp-top", "mdmo", "bi-woof")
NETWORKS = ("rcn-a", "mersiamc3d-style", "featref-style", "moext", "htnet", "csarnet-style")
_METRICS = ("accuracy", "weighted_f1", "uf1", "uar")


def methods_of(setting: Setting) -> tuple[str, ...]:
    """The paper's nine methods and the majority as far as they are known here."""
    from mien.experiments import METHODS

    return tuple(name for name in (*LIGHT, *NETWORKS) if name in METHODS)


def recognised(setting: Setting, source: Path, n_classes: int) -> Recognition:
    """Every method on one study; finished folds and measured clips are kept below `out`."""
    request = RecogniseRequest(
        source=source,
        methods=methods_of(setting),
        out=setting.out,
        n_classes=n_classes,
        epochs=setting.budget,
        n_workers=setting.n_workers,
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
            value = None if estimate is None else Cell(estimate.value, estimate.low, estimate.high)
            made += [value or Cell(None), Cell(_printed(theirs, 4 * place + k), published=True)]
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
        for metric in ("accuracy", "weighted F1", "UF1", "UAR"):
            columns += [f"{metric}, {n} classes", "MMME"]
    best = max((name for name in names if name != "majority"), key=lambda n: scored[3][n].scores["uf1"].value)
    score, chance = scored[3][best].scores["uf1"], scored[3]["majority"].scores["uf1"]
    budget = setting.budget
    return TABLE_4.done(
        sentences=(
            f"In three classes {best} reaches UF1 {score.value:.3f} [{score.low:.3f}, {score.high:.3f}], the "
            f"majority {chance.value:.3f}.",
        ),
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


def _others(setting: Setting) -> ItemResult:
    found = {
        path: _scored(recognised(replace(setting, study=path), path, 3))
        for path in (setting.study, *setting.others)
    }
    columns = ["method"]
    for path in found:
        columns += [f"UF1, {path.resolve().name}", f"UAR, {path.resolve().name}"]
    names = list(next(iter(found.values())))
    rows = []
    for name in names:
        made = [Cell(name)]
        for scored in found.values():
            for metric in ("uf1", "uar"):
                one = scored[name].scores[metric] if name in scored else None
                made.append(Cell(None) if one is None else Cell(one.value, one.low, one.high))
        rows.append(tuple(made))
    return TABLE_5.done(
        sentences=(
            f"{len(names)} methods on {len(found)} studies, each leave-one-subject-out, three classes.",
        ),
        tables=(ItemTable("Recognition on several studies", tuple(columns), tuple(rows)),),
        differs=(
            "The paper quotes other datasets' numbers from the methods' papers; here all are run alike.",
        ),
    )


def _cost(setting: Setting) -> Cost:
    """From the estimate of `mien recognise --plan`: measuring faces, then folds of every method."""
    n = len(setting.opened().participants)
    networks = len([name for name in methods_of(setting) if name in NETWORKS])
    epochs = setting.budget or 100
    return Cost(
        30.0 * n + 2 * n * (10.0 + networks * epochs * 0.8), 2e7 * n, 2e9, 2 * n * len(methods_of(setting))
    )


_NEEDS: tuple[Need, ...] = ("videos", "coding", "micro-expressions")
TABLE_4 = Item("table-4", "What does the face show?", "Table 4", _NEEDS, _make, _cost)
TABLE_5 = Item("table-5", "And on other studies?", "Table 5", (*_NEEDS, "others"), _others, _cost)
