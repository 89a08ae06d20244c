"""Scores of spotting: which expressions were found in which recording.

Conventions: tables have one row per expression with the columns `recording_id`, `kind` ("micro" or
"macro"), `onset`, `offset`, and optionally `apex`, `score` (estimates) and `subject_id`. With unit "s" the
times are seconds of a continuous span; with unit "frame" they are whole frames, both ends included.
Matching happens within a recording and a kind. Counts are pooled over all recordings before anything is
divided; recordings without a reference count with all their false positives.

    precision = TP / (TP + FP)      recall = TP / (TP + FN)      F1 = 2 TP / (2 TP + FP + FN)

`overall` pools the counts of both kinds (MEGC rule). A score without a denominator is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json
from mien.metrics.matching import Matching, Rule, one_to_one

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["s", "frame"]

KINDS = ("micro", "macro")
COLUMNS = ("recording_id", "kind", "onset", "offset")


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives; counts add up, scores derive from them."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def as_json(self) -> dict[str, Json]:
        """Counts and scores by name."""
        return {
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "n_reference": self.tp + self.fn,
        }


@dataclass(frozen=True, slots=True)
class ApexError:
    """Distance of estimated from reference apexes over matched pairs that have both, in `unit`."""

    n: int
    mean_absolute: float
    median_absolute: float
    unit: str


@dataclass(frozen=True, slots=True)
class SpottingScore:
    """Pooled counts per kind and overall, with what else a report of spotting needs.

    `fp_per_minute` holds false positives per minute of all recordings, NaN where their duration was not
    given; `by_subject` the overall counts per subject where the tables name subjects.
    """

    micro: Counts
    macro: Counts
    n_recordings: int
    apex_error: ApexError
    fp_per_minute: float
    by_subject: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def overall(self) -> Counts:
        """Counts of both kinds together."""
        return self.micro + self.macro

    def as_json(self) -> dict[str, Json]:
        """Everything by name, as JSON types."""
        e = self.apex_error
        return {
            **{name: getattr(self, name).as_json() for name in (*KINDS, "overall")},
            "n_recordings": self.n_recordings,
            "fp_per_minute": self.fp_per_minute,
            "apex_error": {
                "n": e.n,
                "mean_absolute": e.mean_absolute,
                "median_absolute": e.median_absolute,
                "unit": e.unit,
            },
        }


def validate(table: pd.DataFrame, *, role: str) -> None:
    """Refuse a table of expressions that cannot be scored, naming the first offending row (from 1)."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(
            f"{role} table",
            wanted=f"columns {', '.join(COLUMNS)}",
            got=f"no {', '.join(missing)}",
            remedy="add the columns",
        )
    for name in COLUMNS:
        _refuse(table, role, table[name].isna(), wanted=f"a value in '{name}'", column=name)
    _refuse(table, role, ~table["kind"].isin(KINDS), wanted="kind micro or macro", column="kind")
    for name in ("onset", "offset"):
        if len(table) and table[name].dtype.kind not in "iuf":
            raise DataError(
                f"{role} table",
                wanted=f"numbers in '{name}'",
                got=str(table[name].iloc[0]),
                remedy="remove units and text from the column",
            )
    _refuse(
        table,
        role,
        table["offset"] < table["onset"],
        wanted="an offset at or after the onset",
        column="offset",
    )


def evaluate(
    reference: pd.DataFrame,
    estimate: pd.DataFrame,
    *,
    unit: Unit,
    matching: Rule = one_to_one,
    threshold: float = 0.5,
    strict: bool = False,
    total_duration_s: float | None = None,
) -> SpottingScore:
    """Spotting scores of estimated against reference expressions.

    Parameters
    ----------
    reference, estimate
        Tables as described in the module's conventions; either may have no rows.
    unit
        "s" or "frame".
    matching
        A rule of `mien.metrics.matching`; default the one-to-one maximum matching.
    threshold, strict
        Least IoU of a match; `strict` excludes equality.
    total_duration_s
        Length of all recordings together, for false positives per minute.

    Raises
    ------
    DataError
        If a table lacks a column, holds NaN, an unknown kind, or an offset before its onset.
    OptionError
        If the unit, the threshold or the duration is impossible.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["recording_id", "kind", "onset", "offset"]
    >>> truth = pd.DataFrame([["a", "micro", 1.0, 1.4]], columns=columns)
    >>> found = pd.DataFrame([["a", "micro", 1.1, 1.4], ["b", "micro", 3.0, 3.4]], columns=columns)
    >>> evaluate(truth, found, unit="s").micro.f1
    0.6666666666666666
    """
    if unit not in ("s", "frame"):
        raise OptionError("unit", wanted="s or frame", got=unit, remedy="name the unit of onset and offset")
    if total_duration_s is not None and not (math.isfinite(total_duration_s) and total_duration_s > 0):
        raise OptionError(
            "total duration", wanted="seconds above 0", got=total_duration_s, remedy="correct it"
        )
    validate(reference, role="reference")
    validate(estimate, role="estimate")
    counts = dict.fromkeys(KINDS, Counts())
    by_subject: dict[str, Counts] = {}
    errors: list[NDArray[np.float64]] = []
    for kind, ref, est in _recordings(reference, estimate):
        result = _match(ref, est, unit, matching, threshold, strict)
        found = Counts(result.tp, result.fp, result.fn)
        counts[kind] += found
        for subject in _subject(ref, est):
            by_subject[subject] = by_subject.get(subject, Counts()) + found
        errors.append(_apex_distances(ref, est, result))
    false = counts["micro"].fp + counts["macro"].fp
    return SpottingScore(
        micro=counts["micro"],
        macro=counts["macro"],
        n_recordings=len(set(reference["recording_id"]) | set(estimate["recording_id"])),
        apex_error=_apex_error(errors, unit),
        fp_per_minute=math.nan if total_duration_s is None else false / (total_duration_s / 60),
        by_subject=by_subject,
    )


def kept_by_length(estimate: pd.DataFrame, *, shortest: int, longest: float = math.inf) -> pd.DataFrame:
    """The rows whose length in inclusive frames (offset - onset + 1) lies in [shortest, longest].

    The MEGC-2020 baseline keeps 47 to 105 frames as micro and 106 or more as macro at 200 frames/s.
    """
    length = estimate["offset"] - estimate["onset"] + 1
    return estimate[(length >= shortest) & (length <= longest)]


def _refuse(table: pd.DataFrame, role: str, bad: pd.Series[bool], *, wanted: str, column: str) -> None:
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        more = int(bad.sum()) - 1
        extra = f" and {more} more rows like it" if more else ""
        raise DataError(
            f"{role} table, row {row + 1}",
            wanted=wanted,
            got=f"{table[column].iloc[row]}{extra}",
            remedy="correct the table; nothing was scored",
        )


def _recordings(
    reference: pd.DataFrame, estimate: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """The rows of each recording and kind on either side, in order of first appearance."""
    keys = ["recording_id", "kind"]
    sides: list[dict[Any, pd.DataFrame]] = [
        dict(iter(table.groupby(keys, sort=False))) for table in (reference, estimate)
    ]
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        yield str(key[1]), sides[0].get(key, reference.iloc[:0]), sides[1].get(key, estimate.iloc[:0])


def _match(
    ref: pd.DataFrame, est: pd.DataFrame, unit: Unit, matching: Rule, threshold: float, strict: bool
) -> Matching:
    score = est["score"].to_numpy() if "score" in est.columns else None
    times = [table[["onset", "offset"]].to_numpy(dtype=np.float64) for table in (ref, est)]
    return matching(*times, threshold=threshold, strict=strict, inclusive=unit == "frame", score=score)


def _subject(ref: pd.DataFrame, est: pd.DataFrame) -> list[str]:
    for table in (ref, est):
        if "subject_id" in table.columns and len(table):
            return [str(table["subject_id"].iloc[0])]
    return []


def _apex_distances(ref: pd.DataFrame, est: pd.DataFrame, result: Matching) -> NDArray[np.float64]:
    if "apex" not in ref.columns or "apex" not in est.columns or not len(result.pairs):
        return np.empty(0)
    first = ref["apex"].to_numpy(dtype=np.float64)[result.pairs[:, 0]]
    second = est["apex"].to_numpy(dtype=np.float64)[result.pairs[:, 1]]
    distances = np.abs(first - second)
    return np.asarray(distances[~np.isnan(distances)], dtype=np.float64)


def _apex_error(errors: list[NDArray[np.float64]], unit: Unit) -> ApexError:
    distances = np.concatenate(errors) if errors else np.empty(0)
    if unit == "s":
        distances = 1000 * distances
    name = "ms" if unit == "s" else "frame"
    if not len(distances):
        return ApexError(0, math.nan, math.nan, name)
    return ApexError(len(distances), float(distances.mean()), float(np.median(distances)), name)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
