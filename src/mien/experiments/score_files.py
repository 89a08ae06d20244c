"""What `mien score` composes: anybody's prediction files -> tables -> scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, to_json
from mien.evaluation.score import METRICS
from mien.metrics import recognition, spotting
from mien.metrics.matching import MATCHING_RULES
from mien.recording.formats.delimited import EMPTY_WORDS, read_delimited
from mien.stats import subject_bootstrap

if TYPE_CHECKING:
    import pandas as pd

_RECOGNITION_COLUMNS = ("sample_id", "subject_id", "reference", "estimate")


def score_recognition_file(path: Path, *, classes: Sequence[str] | None = None) -> dict[str, Json]:
    """Recognition scores of a CSV with `sample_id, subject_id, reference, estimate` and maybe `dataset`.

    Raises
    ------
    DataError
        If the file cannot be read, a column or value is missing, a sample is repeated, or an estimate is
        not among the classes (default: the labels that occur as references).
    """
    table = _read(path, _RECOGNITION_COLUMNS)
    keys = ["dataset", "sample_id"] if "dataset" in table.columns else ["sample_id"]
    repeated = table.duplicated(keys)
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        raise DataError(
            f"{path}, row {row + 2}",
            wanted="each sample once",
            got=f"'{table['sample_id'].iloc[row]}' again",
            remedy="keep one prediction per sample",
        )
    named = tuple(classes) if classes else tuple(sorted(table["reference"].unique()))
    if len(named) < 2:
        raise DataError(
            path,
            wanted="references of two or more classes",
            got=", ".join(named),
            remedy="name the classes with --classes",
        )
    subjects = table["subject_id"]
    if "dataset" in table.columns:
        subjects = table["dataset"] + "/" + subjects
    score = recognition.evaluate(list(table["reference"]), list(table["estimate"]), classes=named)
    _, counts = recognition.counts_by_group(
        list(table["reference"]), list(table["estimate"]), list(subjects), classes=named
    )
    intervals = {
        name: asdict(subject_bootstrap(counts, statistic=metric, seed=0)) for name, metric in METRICS.items()
    }
    result = {
        "n_samples": score.n_samples,
        "n_subjects": len(counts),
        **_scores(score),
        "per_class": {name: asdict(value) for name, value in score.per_class.items()},
        "per_dataset": _per_dataset(table, named),
        "confusion": {"classes": list(score.classes), "counts": score.confusion},
        "intervals": intervals,
    }
    return {key: to_json(value) for key, value in result.items()}


def score_spotting_files(
    reference: Path,
    estimate: Path,
    *,
    unit: str,
    matching: str = "one-to-one",
    threshold: float = 0.5,
    strict: bool = False,
    total_duration_s: float | None = None,
) -> dict[str, Json]:
    """Spotting scores of two CSV files with `recording_id, kind, onset, offset` and maybe `apex`, `score`.

    Raises
    ------
    DataError
        If a file cannot be read or a row cannot be scored.
    OptionError
        If the unit or the matching rule is unknown.
    """
    if unit not in ("s", "frame"):
        raise OptionError("--unit", wanted="s or frame", got=unit, remedy="name the unit of onset and offset")
    if matching not in MATCHING_RULES:
        raise OptionError(
            "--matching",
            wanted=f"one of {', '.join(MATCHING_RULES)}",
            got=matching,
            remedy="choose one of them",
        )
    tables = [
        _numbers(_read(path, spotting.COLUMNS, may_be_empty=True), path) for path in (reference, estimate)
    ]
    score = spotting.evaluate(
        *tables,
        unit="frame" if unit == "frame" else "s",
        matching=MATCHING_RULES[matching],
        threshold=threshold,
        strict=strict,
        total_duration_s=total_duration_s,
    )
    return {**score.as_json(), "matching": matching, "threshold": threshold, "strict": strict, "unit": unit}


def _scores(score: recognition.RecognitionScore) -> dict[str, float]:
    return {
        name: getattr(score, name) for name in ("accuracy", "weighted_f1", "uf1", "uar", "macro_precision")
    }


def _per_dataset(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    if "dataset" not in table.columns:
        return {}
    return {
        str(name): {
            "n_samples": len(part),
            **_scores(recognition.evaluate(list(part["reference"]), list(part["estimate"]), classes=classes)),
        }
        for name, part in table.groupby("dataset", sort=False)
    }


def _read(path: Path, columns: Sequence[str], *, may_be_empty: bool = False) -> pd.DataFrame:
    """The table as text, with every named column, and the dataset where there is one, filled in."""
    table = read_delimited(path, columns=columns, may_be_empty=may_be_empty)
    if "dataset" in table.columns:
        return read_delimited(path, columns=[*columns, "dataset"], may_be_empty=may_be_empty)
    return table


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with its times as numbers; an empty apex or score is NaN."""
    import pandas as pd

    table = table.copy()
    for name in ("onset", "offset", "apex", "score"):
        if name not in table.columns:
            continue
        text = table[name]
        given = ~text.str.lower().isin(EMPTY_WORDS)
        values = pd.to_numeric(text.where(given), errors="coerce").astype(float)
        bad = given & (values.isna() | values.isin([float("inf"), float("-inf")]))
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise DataError(
                f"{path}, row {row + 2}",
                wanted=f"a number in '{name}'",
                got=repr(text.iloc[row]),
                remedy="correct the value",
            )
        table[name] = values
    return table
