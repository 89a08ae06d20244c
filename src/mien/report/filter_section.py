"""Table 10 of a report: what the heart-rate filter did to a run of spotting, beside what else would have.

Counts without and with the filter come from the record's rows and their verdicts. Pass rates with intervals
and the controls need hearts that are not in a record: they are its own, made when it was, and refused where
they do not belong to its rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.records import ResultRecord
from mien.evaluation import Estimate
from mien.evaluation.spotting_score import KindScore, score_rows
from mien.metrics.spotting import Counts
from mien.report.number_words import interval, number, p_value, several
from mien.spotting.filter_controls import PUBLISHED_PASS_RATES

_MMME = 634  # coded micro-expressions
_PRINTED = {1.0: "73.19 %", 1.5: "54.41 %"}  # as the paper prints them; 345 of 634 are 54.416 %
_FAILING = f"{100 * (1 - PUBLISHED_PASS_RATES[1.0]):.1f} %"
PAPER = (
    "Recall can only fall or stay: the filter takes proposals away and looks at no label. MMME's Table 10 "
    "prints the same recall with the filter as without it, for five methods and to four digits, though by "
    f"its own count {_FAILING} of the coded expressions fail the test; that is not what a filter gives that "
    "does not look at labels."
)


@dataclass(frozen=True, slots=True)
class FilteredKind:
    """One kind without and with the filter: scores, pass rates (label, cells) and controls (label, cells)."""

    kind: str
    before: KindScore
    after: KindScore
    sentences: tuple[str, ...]
    passes: tuple[tuple[str, tuple[str, ...]], ...]
    controls: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def tp_removed(self) -> int:
        """True positives lost."""
        return self.before.counts.tp - self.after.counts.tp

    @property
    def fp_removed(self) -> int:
        """False positives lost."""
        return self.before.counts.fp - self.after.counts.fp


@dataclass(frozen=True, slots=True)
class FilterEffect:
    """The filter on one run: its settings in words, kinds with anything to say, and why verdicts are open."""

    settings: str
    kinds: tuple[FilteredKind, ...]
    undecidable: Mapping[str, int]
    paper: str = PAPER


def filter_effect(record: ResultRecord, before: Mapping[str, KindScore], path: Path) -> FilterEffect | None:
    """What the filter did to a record's run; None where it was not asked for.

    Raises
    ------
    DataError
        If what the record says of the filter does not belong to its rows.
    """
    told: Any = record.scores.get("ccf")
    if told is None:
        return None
    role, verdict = (np.array([str(v) for v in record.samples[name]]) for name in ("role", "verdict"))
    failed = (role == "estimate") & (verdict == "fail")
    after = score_rows(record.samples, record.dataset, left_out=failed)
    for kind, one in told.items():
        if not (_same(one["before"], before[kind].counts) and _same(_after(one), after[kind].counts)):
            raise DataError(
                path,
                wanted="a heart-rate filter of the record's own proposals",
                got=f"counts of other {kind} ones",
                remedy="run mien spot with --ccf again",
            )
    with_any = [kind for kind in before if before[kind].counts.n_reference and before[kind].counts.n_estimate]
    kinds = tuple(_kind(kind, told[kind], before[kind], after[kind]) for kind in with_any)
    reasons = Counter(
        str(r) for r, who in zip(record.samples["undecidable"], role, strict=True) if _open(r, who)
    )
    return FilterEffect(_settings(next(iter(told.values()))["settings"]), kinds, dict(reasons))


def _open(reason: object, role: str) -> bool:
    return bool(reason) and role == "estimate"


def _after(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one["scores_after"]["counts"]
    return found


def _same(told: Mapping[str, Any], counts: Counts) -> bool:
    return all(told[name] == getattr(counts, name) for name in ("tp", "fp", "fn"))


def _settings(told: Mapping[str, Any]) -> str:
    slope = "|slope|" if told["mode"] == "absolute" else "signed slope"
    lag = f", {told['lag_s']:+g} s after the apex" if told["lag_s"] else ""
    times = "" if told["eta"] == 1 else f"{told['eta']:g} times "
    return (
        f"A proposal stays if the {slope} of the heart rate at its apex{lag} exceeds {times}the mean of its "
        "trial. One without a verdict stays too."
    )


def _kind(kind: str, told: Mapping[str, Any], before: KindScore, after: KindScore) -> FilteredKind:
    return FilteredKind(
        kind,
        before,
        after,
        tuple(_sentences(told, before.counts, after.counts)),
        tuple(_passes(told)),
        tuple(_controls(told, before, after)),
    )


# --- sentences


def _sentences(told: Mapping[str, Any], before: Counts, after: Counts) -> list[str]:
    said = [
        f"The filter takes away {_of(before.tp - after.tp, before.tp)} {_plural('hit', before.tp)} and "
        f"{_of(before.fp - after.fp, before.fp)} {_plural('false alarm', before.fp)}; F1 goes from "
        f"{number(before.f1)} to {number(after.f1)} (change {_signed(told['f1_change'])})."
    ]
    ratio, low, high = _ratio(told)
    if ratio == ratio:
        said.append(
            f"Likelihood ratio: a hit passes {_times(ratio)} times as often as a false alarm "
            f"[{_times(low)}, {_times(high)}]."
        )
        if low <= 1 <= high:
            said.append("The interval holds 1: here the heart does not tell hits from false alarms.")
    return said


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({100 * part / whole:.0f} %)" if whole else "")


def _plural(word: str, n: int) -> str:
    return several(n, word).split(" ", 1)[1]


def _signed(told: Mapping[str, Any]) -> str:
    one = _estimate(told)
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" if one.value == one.value else "–"


def _ratio(told: Mapping[str, Any]) -> tuple[float, float, float]:
    """Value and bounds; a record writes infinity, as where no false alarm passes, as null."""
    one, hits, others = (told[k] for k in ("likelihood_ratio", "true_positives", "false_positives"))
    endless = hits["n_passed"] and others["n_decidable"] and not others["n_passed"]
    if one["value"] is None:
        same = math.inf if endless else math.nan
        return same, same, same
    none = math.nan if one["low"] is None else math.inf
    low, high = (none if one[name] is None else float(one[name]) for name in ("low", "high"))
    return float(one["value"]), low, high


def _times(value: float) -> str:
    return "∞" if value == math.inf else number(value, 2)


def _estimate(told: Mapping[str, Any]) -> Estimate:
    values = (math.nan if told[name] is None else float(told[name]) for name in ("value", "low", "high"))
    return Estimate(*values)


# --- rows


def _passes(told: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Who passes, and how many would without a heart that knows anything."""
    measured = {
        "coded apexes": told["references"],
        "proposals that hit": told["true_positives"],
        "proposals that hit none": told["false_positives"],
        "random instants": told["random"],
    }
    rows: list[tuple[str, tuple[str, ...]]] = []
    for name, one in measured.items():
        if one is not None:
            counts = (str(one["n_passed"]), str(one["n_decidable"]), str(one["n_undecidable"]))
            rows.append((name, (*counts, interval(_estimate(one["share"])))))
    rows.append(("chance, if slopes were Gaussian", ("", "", "", number(_or_nan(told["gaussian"])))))
    for eta, printed in _PRINTED.items():
        over = "the mean" if eta == 1 else f"{eta:g} times the mean"
        passed = str(round(_MMME * PUBLISHED_PASS_RATES[eta]))
        rows.append((f"published: MMME's coded apexes over {over}", (passed, str(_MMME), "", printed)))
    return rows


def _controls(
    told: Mapping[str, Any], before: KindScore, after: KindScore
) -> list[tuple[str, tuple[str, ...]]]:
    """F1 and counts of everything that keeps as many proposals, or does the same without the heart."""
    rows = [
        ("no filter", _counted(before.counts, interval(before.f1))),
        ("the filter", _counted(after.counts, interval(after.f1))),
    ]
    repeated = {
        "hearts shifted in time": told["shifted"],
        "hearts of the same people's other trials": told["other_trials"],
        "as many taken away at random": told["deletion"],
    }
    rows += [(f"{name} (× {one['n']})", _repeated(one)) for name, one in repeated.items() if one is not None]
    if told["score"] is not None:
        rows.append(
            (f"higher score threshold that keeps {told['score']['n_kept']}", _told(told["score"]["counts"]))
        )
    soft = told["soft"]
    if soft is not None:
        weight = number(_or_nan(soft["weight"]), 2)
        rows.append(("soft variant: score alone", _told(soft["score_only"])))
        rows.append((f"soft variant: score and heart (weight {weight})", _told(soft["with_heart"])))
    return rows


def _counted(counts: Counts, f1: str) -> tuple[str, ...]:
    return (str(counts.tp), str(counts.fp), number(counts.precision), number(counts.recall), f1, "")


def _told(counts: Mapping[str, Any]) -> tuple[str, ...]:
    found = Counts(*(int(counts[name]) for name in ("tp", "fp", "fn")))
    return _counted(found, number(found.f1))


def _repeated(one: Mapping[str, Any]) -> tuple[str, ...]:
    tp, fp, recall, f1, low, high, p = (
        _or_nan(one[name]) for name in ("tp", "fp", "recall", "f1", "f1_low", "f1_high", "f1_p")
    )
    precision = tp / (tp + fp) if tp + fp else math.nan
    spread = interval(Estimate(f1, low, high))
    return (number(tp, 1), number(fp, 1), number(precision), number(recall), spread, p_value(p))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
