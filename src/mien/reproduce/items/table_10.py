"""Tables 9 and 10: where in a video did something show, and does the heart help to say so?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluation.spotting_score import KindScore, p_of_random_times
from mien.experiments.spot_study import SpotStudyRequest, StudySpottings, spot_study
from mien.reproduce import published
from mien.reproduce.costs import Work, face_pass, hearts, scoring, searching, total
from mien.reproduce.counts import counts
from mien.reproduce.item import Answer, Cell, Cost, Item, ItemResult, ItemTable
from mien.reproduce.needs import Need
from mien.reproduce.setting import Setting
from mien.reproduce.verdicts import answer_by_several
from mien.spotting.heart_rate_filter import FilterSettings

LIGHT = ("optical-flow", "msof-style", "mdmd", "dma-lbp")
NETWORKS = ("mesnet-style", "abpn", "sl-swin", "softnet")


def methods_of(setting: Setting) -> tuple[str, ...]:
    """All eight; in the quick plan those without networks."""
    return LIGHT if setting.quick else (*LIGHT, *NETWORKS)


def spotted(setting: Setting, *, heart: bool) -> StudySpottings:
    """Every method's proposals, kept below `out` like those of `mien spot`."""
    return setting.once(f"spotting, {setting.study}, {heart}", lambda: _spotted(setting, heart))


def _spotted(setting: Setting, heart: bool) -> StudySpottings:
    request = SpotStudyRequest(
        source=setting.study,
        methods=methods_of(setting),
        out=setting.out,
        seed=setting.seed,
        epochs=setting.budget,
        workers=setting.n_workers,
        dask=setting.dask,
        ccf=FilterSettings() if heart else None,
    )
    return spot_study(request, progress=setting.progress)


def _interval(score: KindScore, name: str) -> Cell:
    one = getattr(score, name)
    return Cell(one.value, one.low, one.high)


def _make(setting: Setting) -> ItemResult:
    found = spotted(setting, heart=True)
    rows, values = [], {}
    for result in found.results:
        name = str(result.record.method["name"])
        theirs = published.TABLE_10.get(name)
        after = result.scores if result.filtered is None else result.filtered.after
        for filtered, score in ((False, result.scores["micro"]), (True, after["micro"])):
            printed = None if theirs is None else theirs[int(filtered)]
            row = [Cell(name), Cell("with" if filtered else "without")]
            for k, metric in enumerate(("f1", "precision", "recall")):
                row.append(replace(_interval(score, metric), theirs=None if printed is None else printed[k]))
            chance = score.random
            rows.append((*row, Cell(chance.value, chance.low, chance.high), Cell(score.fp_per_minute)))
            values[f"{name}, {'with' if filtered else 'without'}"] = score.f1.value
    columns = ("method", "heart filter", "F1", "precision", "recall", "F1 of random times",
               "false alarms a minute")  # fmt: skip
    best = max(found.results, key=lambda one: _known(one.scores["micro"].f1.value))
    f1, chance = best.scores["micro"].f1, best.scores["micro"].random
    return TABLE_10.done(
        sentences=(
            f"{best.record.method['name']} spots micro-expressions with F1 {f1.value:.3f} [{f1.low:.3f}, "
            f"{f1.high:.3f}]; its proposals at random times would give {chance.value:.3f}. It is the best of "
            f"{len(found.results)} methods, and the best of several is so by luck as well.",
        ),
        answers=(_beyond_chance(found), _heart(found)),
        left_out=tuple(_unsearched(found)),
        tables=(ItemTable("Micro-expressions, without and with the heart filter", columns, tuple(rows)),),
        differs=(
            "The paper prints the same recall with the filter as without it; a filter that takes proposals "
            "away and does not look at labels cannot do that.",
            "Thresholds are chosen on training people; F1 is pooled over videos.",
            *((f"In the quick plan these were not run: {', '.join(NETWORKS)}.",) if setting.quick else ()),
        ),
        records=tuple(result.path for result in found.results),
        values=values,
    )


def _beyond_chance(found: StudySpottings) -> Answer:
    """Every method's hits beside those of its own proposals at random times."""
    p_values = {
        str(one.record.method["name"]): p_of_random_times(one.record.samples, one.record.dataset, "micro")
        for one in found.results
    }
    return answer_by_several(
        "Are micro-expressions found in the videos?",
        p_values,
        found="More hits than the same proposals at random times: {better} of {n} methods.",
        nothing="None of {n} methods is shown to hit more than the same proposals at random times (least "
        "p: {best}).",
        untested="No method proposed anything.",
    )


def _heart(found: StudySpottings) -> Answer:
    """The first method's likelihood ratio beside that of heart rates moved within their trials."""
    question = "Does the heart help to tell hits from false alarms?"
    first = found.results[0]
    report = None if first.filtered is None else first.filtered.reports["micro"]
    moved = None if report is None else report.shifted
    if report is None or moved is None or moved.lr_p != moved.lr_p:
        return Answer(question, None, "", "", "Too few proposals have a heart rate around them.")
    ratio = report.likelihood_ratio
    words = (
        f"Hits of {first.record.method['name']} pass the heart filter {ratio.value:.2f} [{ratio.low:.2f}, "
        f"{ratio.high:.2f}] times as often as its false alarms"
    )
    if np.isfinite(moved.lr):
        words += f", {moved.lr:.2f} times with heart rates moved within their trials"
    words += "."
    if not (np.isfinite(ratio.value) and np.isfinite(ratio.high)):
        words = f"Few or none of {first.record.method['name']}'s false alarms pass the filter: no ratio."
    return Answer(question, moved.lr_p, words, words)


def _unsearched(found: StudySpottings) -> Iterator[str]:
    """Recordings that no method could search, and why."""
    told: Any = found.results[0].record.dataset["unsearched"]
    for one in told:
        yield f"{one['name']}: {one['reason']}"


def _known(value: float) -> float:
    return value if value == value else -1.0


def _others(setting: Setting) -> ItemResult:
    rows: dict[str, list[Cell]] = {}
    paths: list[Path] = []
    columns, said = ["method"], []
    for study in (setting.study, *setting.others):
        name = study.resolve().name
        columns += [f"F1, {name}", "random times"]
        results = spotted(replace(setting, study=study), heart=False).results
        for result in results:
            score = result.scores["micro"]
            own = rows.setdefault(str(result.record.method["name"]), [])
            own += (_interval(score, "f1"), Cell(score.random.value))
            paths.append(result.path)
        best = max(results, key=lambda one: _known(one.scores["micro"].f1.value))
        f1, chance = best.scores["micro"].f1, best.scores["micro"].random
        said.append(
            f"{name}, {best.record.method['name']} with F1 {f1.value:.3f} [{f1.low:.3f}, {f1.high:.3f}] (its "
            f"proposals at random times {chance.value:.3f})"
        )
    table = tuple((Cell(name), *cells) for name, cells in rows.items())
    printed = tuple(
        (Cell(name), *(Cell(value, published=True) for value in values))
        for name, values in published.TABLE_9.items()
    )
    return TABLE_9.done(
        sentences=(f"The best of {len(rows)} methods: {'; '.join(said)}.",),
        tables=(
            ItemTable("Micro-expressions on several studies", tuple(columns), table),
            ItemTable("F1 as published", ("method", *published.TABLE_9_DATASETS), printed),
        ),
        differs=(
            "The paper's columns are not one benchmark: what it calls CASME II is CAS(ME)^2, SAMM mixes SAMM "
            "Long Videos with clips of MEGC-2022, and macro-expressions are counted in some cells.",
        ),
        records=tuple(paths),
    )


def _work(setting: Setting, study: Path) -> tuple[Work, float]:
    """Videos searched by every method; and seconds of scoring, which are spent again each time."""
    held, methods = counts(setting, study), methods_of(setting)
    searched = total(searching(held, name, setting.budget) for name in methods)
    return face_pass(held) + searched, scoring(held, len(methods))


def cost(setting: Setting) -> Cost:
    """Of the study, with hearts; figure-12 needs the same."""
    work, scored = _work(setting, setting.study)
    heart = hearts(counts(setting))
    whole = work + heart + Work(scored)
    return whole.cost("pass", "training", "signals", again_s=1.0 + heart.seconds + scored)


def _cost_of_others(setting: Setting) -> Cost:
    works = [_work(setting, study) for study in (setting.study, *setting.others)]
    whole = total(work + Work(scored) for work, scored in works)
    return whole.cost("pass", "training")


_NEEDS: tuple[Need, ...] = ("videos", "coding", "micro-expressions")
TABLE_9 = Item("table-9", "Spotting on several studies", "Table 9", (*_NEEDS, "others"), _others,
               _cost_of_others, work="spotting")  # fmt: skip
TABLE_10 = Item("table-10", "Where did something show, and does the heart help?", "Table 10",
                (*_NEEDS, "physio"), _make, cost, work="spotting")  # fmt: skip
