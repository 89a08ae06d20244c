"""Scores of spotting followed by recognition: an emotion counts only where the expression was found.

Conventions: tables as in `mien.metrics.spotting` with a column `emotion` instead of or beside `kind`. The
emotion is judged on matched pairs only. With precision_c and recall_c of class c over those pairs:

    F1 analysis = harmonic mean of the mean precision and the mean recall
    UF1 = mean of the classes' F1      UAR = mean recall (some published scripts print mean precision as UAR)
    STRS = F1 of spotting x F1 analysis      (MEGC spot-then-recognise score)

With few matched pairs the analysis is noise: print `n_matched` beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import OptionError
from mien.core.records import Json
from mien.metrics import recognition
from mien.metrics.matching import Rule, one_to_one
from mien.metrics.spotting import Counts, Unit, refuse_gaps, refuse_other_id_type, refuse_times

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("recording_id", "onset", "offset", "emotion")


@dataclass(frozen=True, slots=True)
class SpotThenRecogniseScore:
    """Pooled spotting counts and the analysis on matched pairs; NaN where nothing was matched."""

    spotting: Counts
    classes: tuple[str, ...]
    n_matched: int
    mean_precision: float
    uar: float
    analysis_f1: float
    uf1: float

    @property
    def strs(self) -> float:
        """F1 of spotting times F1 of analysis."""
        return self.spotting.f1 * self.analysis_f1

    def as_json(self) -> dict[str, Json]:
        """Everything by name."""
        return {
            **asdict(self),
            "spotting": self.spotting.as_json(),
            "classes": list(self.classes),
            "strs": self.strs,
        }


def validate(table: pd.DataFrame, *, role: str, unit: Unit = "s") -> None:
    """Refuse a table without the columns, with empty cells, or with an offset before its onset."""
    refuse_gaps(table, role=role, columns=COLUMNS)
    refuse_times(table, role=role, unit=unit)


def evaluate(
    reference: pd.DataFrame,
    estimate: pd.DataFrame,
    *,
    unit: Unit,
    matching: Rule = one_to_one,
    threshold: float = 0.5,
    leave_out: Sequence[str] = (),
) -> SpotThenRecogniseScore:
    """Spot-then-recognise scores of estimated against reference expressions with emotions.

    Parameters
    ----------
    reference, estimate
        Tables with `recording_id`, `onset`, `offset`, `emotion`.
    unit
        "s" or "frame" (whole frames, both ends included).
    leave_out
        Emotions that count in spotting but not in the analysis, as "others" in the MEGC.

    Raises
    ------
    DataError
        If a table lacks a column or a value, or has an offset before its onset.
    OptionError
        If an emotion to leave out occurs nowhere.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [["a", 0, 9, "joy"], ["a", 20, 29, "fear"]]
    >>> truth = pd.DataFrame(rows, columns=["recording_id", "onset", "offset", "emotion"])
    >>> evaluate(truth, truth, unit="frame").strs
    1.0
    """
    if unit not in ("s", "frame"):
        raise OptionError("unit", wanted="s or frame", got=unit, remedy="name the unit of onset and offset")
    validate(reference, role="reference", unit=unit)
    validate(estimate, role="estimate", unit=unit)
    refuse_other_id_type(reference, estimate)
    _refuse_unknown_emotions(leave_out, reference, estimate)
    spotting = Counts()
    pairs: list[tuple[str, str]] = []
    groups = [dict(iter(table.groupby("recording_id", sort=False))) for table in (reference, estimate)]
    for name in dict.fromkeys([*groups[0], *groups[1]]):
        ref, est = groups[0].get(name, reference.iloc[:0]), groups[1].get(name, estimate.iloc[:0])
        times = [table[["onset", "offset"]].to_numpy(dtype=np.float64) for table in (ref, est)]
        result = matching(*times, threshold=threshold, inclusive=unit == "frame")
        spotting += Counts(result.tp, result.fp, result.fn)
        pairs += [(str(ref["emotion"].iloc[i]), str(est["emotion"].iloc[j])) for i, j in result.pairs]
    return _analyse(spotting, [p for p in pairs if p[0] not in leave_out])


def _refuse_unknown_emotions(
    leave_out: Sequence[str], reference: pd.DataFrame, estimate: pd.DataFrame
) -> None:
    known = {str(name) for table in (reference, estimate) for name in table["emotion"].unique()}
    unknown = [name for name in leave_out if name not in known]
    if known and unknown:
        raise OptionError(
            "leave_out",
            wanted=f"emotions among {', '.join(sorted(known))}",
            got=", ".join(unknown),
            remedy="correct the spelling or leave the name away",
        )


def _analyse(spotting: Counts, pairs: Sequence[tuple[str, str]]) -> SpotThenRecogniseScore:
    """Class scores over the classes that occur among the matched references or estimates."""
    classes = sorted({str(label) for pair in pairs for label in pair})
    if len(classes) < 2:
        nan = float("nan")
        return SpotThenRecogniseScore(spotting, tuple(classes), len(pairs), nan, nan, nan, nan)
    counts = recognition.confusion_counts([r for r, _ in pairs], [e for _, e in pairs], classes=classes)
    present = counts.sum(axis=1) > 0
    precision = float(recognition.class_precision(counts)[present].mean())
    recall = float(recognition.class_recall(counts)[present].mean())
    total = precision + recall
    return SpotThenRecogniseScore(
        spotting=spotting,
        classes=tuple(classes),
        n_matched=len(pairs),
        mean_precision=precision,
        uar=recall,
        analysis_f1=2 * precision * recall / total if total else 0.0,
        uf1=float(recognition.class_f1(counts)[present].mean()),
    )
