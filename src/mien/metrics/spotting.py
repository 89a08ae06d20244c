"""Scores of spotting: which expressions were found in which recording.

Conventions: tables have one row per expression with the columns `recording_id`, `kind` ("micro" or
"macro"), `onset`, `offset`, and optionally `apex`, `score` (estimates) and `subject_id`. With unit "s" the
times are seconds of a continuous span; with unit "frame" they are whole frames, both ends included.
Matching happens within a recording and a kind. Counts are pooled over all recordings before anything is
divided; recordings without a reference count with all their false positives.

    precision = TP / (TP + FP)      recall = TP / (TP + FN)      F1 = 2 TP / (2 TP + FP + FN)

A recording belongs to one subject: give videos that are numbered within subjects ids of their own.
`overall` pools the counts of both kinds (MEGC rule). A score without a denominator is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
UNKNOWN_SUBJECT = "n/a"
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
    def n_reference(self) -> int:
        """TP + FN."""
        return self.tp + self.fn

    @property
    def n_estimate(self) -> int:
        """TP + FP."""
        return self.tp + self.fp

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
            "n_reference": self.n_reference,
            "n_estimate": self.n_estimate,
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


def validate(table: pd.DataFrame, *, role: str, unit: Unit = "s") -> None:
    """Refuse a table of expressions that cannot be scored, naming the first offending row (from 1)."""
    refuse_gaps(table, role=role, columns=COLUMNS)
    _refuse(table, role, ~table["kind"].isin(KINDS), wanted="kind micro or macro", column="kind")
    refuse_times(table, role=role, unit=unit)


def refuse_gaps(table: pd.DataFrame, *, role: str, columns: Sequence[str]) -> None:
    """Refuse a table that lacks one of the columns or a value in them."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"{role} table",
            wanted=f"columns {', '.join(columns)}",
            got=f"no {', '.join(missing)}",
            remedy="add the columns",
        )
    for name in columns:
        _refuse(table, role, table[name].isna(), wanted=f"a value in '{name}'", column=name)


def refuse_times(table: pd.DataFrame, *, role: str, unit: Unit) -> None:
    """Refuse onsets and offsets that are text, infinite, backwards, or broken frames."""
    for name in ("onset", "offset"):
        if len(table) and table[name].dtype.kind not in "iuf":
            raise DataError(
                f"{role} table",
                wanted=f"numbers in '{name}'",
                got=str(table[name].iloc[0]),
                remedy="remove units and text from the column",
            )
        if len(table):
            times = table[name].astype(float)
            _refuse(table, role, times.abs() == math.inf, wanted=f"a finite '{name}'", column=name)
            broken = times.mod(1) != 0 if unit == "frame" else times.isna()
            _refuse(table, role, broken, wanted=f"whole frames in '{name}'", column=name)
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
    rate_hz: float | None = None,
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
    rate_hz
        Frames per second, to give the apex error of frames in ms.

    Raises
    ------
    DataError
        If a table lacks a column, holds NaN, an unknown kind, an offset before its onset or a frame that is
        not whole, or if the tables disagree in the type of recording ids or on who a subject is.
    OptionError
        If the unit, the threshold, the duration or the rate is impossible.

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
    _refuse_not_positive("total duration", total_duration_s, "seconds")
    _refuse_not_positive("rate", rate_hz, "frames per second")
    validate(reference, role="reference", unit=unit)
    validate(estimate, role="estimate", unit=unit)
    refuse_other_id_type(reference, estimate)
    subjects = _subjects(reference, estimate)
    counts = dict.fromkeys(KINDS, Counts())
    by_subject: dict[str, Counts] = {}
    errors: list[NDArray[np.float64]] = []
    for recording, kind, ref, est in _recordings(reference, estimate):
        result = _match(ref, est, unit, matching, threshold, strict)
        found = Counts(result.tp, result.fp, result.fn)
        counts[kind] += found
        if subjects:
            subject = subjects[recording]
            by_subject[subject] = by_subject.get(subject, Counts()) + found
        errors.append(_apex_distances(ref, est, result))
    false = counts["micro"].fp + counts["macro"].fp
    return SpottingScore(
        micro=counts["micro"],
        macro=counts["macro"],
        n_recordings=len(set(reference["recording_id"]) | set(estimate["recording_id"])),
        apex_error=_apex_error(errors, unit, rate_hz),
        fp_per_minute=math.nan if total_duration_s is None else false / (total_duration_s / 60),
        by_subject=by_subject,
    )


def refuse_other_id_type(reference: pd.DataFrame, estimate: pd.DataFrame) -> None:
    """Refuse recording ids that are numbers on one side and text on the other: they could never meet."""
    kinds = [
        {isinstance(name, str) for name in table["recording_id"].unique()} for table in (reference, estimate)
    ]
    if len(kinds[0] | kinds[1]) > 1:
        raise DataError(
            "recording_id",
            wanted="text in both tables or numbers in both",
            got="text and numbers",
            remedy="read the column with one type",
        )


def kept_by_length(estimate: pd.DataFrame, *, shortest: int, longest: float = math.inf) -> pd.DataFrame:
    """The rows whose length in inclusive frames (offset - onset + 1) lies in [shortest, longest].

    The MEGC-2020 baseline keeps 47 to 105 frames as micro and 106 or more as macro at 200 frames/s.
    """
    length = estimate["offset"] - estimate["onset"] + 1
    return estimate[(length >= shortest) & (length <= longest)]


def _refuse_not_positive(subject: str, value: float | None, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise OptionError(subject, wanted=f"{unit} above 0", got=value, remedy="correct it")


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
) -> Iterator[tuple[object, str, pd.DataFrame, pd.DataFrame]]:
    """The rows of each recording and kind on either side, in order of first appearance."""
    keys = ["recording_id", "kind"]
    sides: list[dict[Any, pd.DataFrame]] = [
        dict(iter(table.groupby(keys, sort=False, observed=True))) for table in (reference, estimate)
    ]
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        yield key[0], str(key[1]), sides[0].get(key, reference.iloc[:0]), sides[1].get(key, estimate.iloc[:0])


def _match(
    ref: pd.DataFrame, est: pd.DataFrame, unit: Unit, matching: Rule, threshold: float, strict: bool
) -> Matching:
    score = est["score"].to_numpy() if "score" in est.columns else None
    times = [table[["onset", "offset"]].to_numpy(dtype=np.float64) for table in (ref, est)]
    return matching(*times, threshold=threshold, strict=strict, inclusive=unit == "frame", score=score)


def _subjects(reference: pd.DataFrame, estimate: pd.DataFrame) -> dict[object, str]:
    """The subject of every recording; nobody where neither table names subjects.

    A recording without a subject counts under `UNKNOWN_SUBJECT`, so that none of its errors is lost.
    """
    tables = [table for table in (reference, estimate) if "subject_id" in table.columns]
    subjects: dict[object, str] = {}
    for table in tables:
        named = table.loc[
            table["subject_id"].notna() & (table["subject_id"] != ""), ["recording_id", "subject_id"]
        ].drop_duplicates()
        for recording, subject in zip(named["recording_id"], named["subject_id"], strict=True):
            if subjects.setdefault(recording, str(subject)) != str(subject):
                raise DataError(
                    f"recording {recording}",
                    wanted="one subject",
                    got=f"{subjects[recording]} and {subject}",
                    remedy="give every recording an id of its own",
                )
    recordings = dict.fromkeys([*reference["recording_id"], *estimate["recording_id"]])
    if tables:
        for recording in recordings:
            subjects.setdefault(recording, UNKNOWN_SUBJECT)
    return subjects


def _apex_distances(ref: pd.DataFrame, est: pd.DataFrame, result: Matching) -> NDArray[np.float64]:
    if "apex" not in ref.columns or "apex" not in est.columns or not len(result.pairs):
        return np.empty(0)
    first = ref["apex"].to_numpy(dtype=np.float64)[result.pairs[:, 0]]
    second = est["apex"].to_numpy(dtype=np.float64)[result.pairs[:, 1]]
    distances = np.abs(first - second)
    return np.asarray(distances[~np.isnan(distances)], dtype=np.float64)


def _apex_error(errors: list[NDArray[np.float64]], unit: Unit, rate_hz: float | None) -> ApexError:
    distances = np.concatenate(errors) if errors else np.empty(0)
    name = "frame"
    if unit == "s" or rate_hz is not None:
        distances = distances * (1000 if unit == "s" or rate_hz is None else 1000 / rate_hz)
        name = "ms"
    if not len(distances):
        return ApexError(0, math.nan, math.nan, name)
    return ApexError(len(distances), float(distances.mean()), float(np.median(distances)), name)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
