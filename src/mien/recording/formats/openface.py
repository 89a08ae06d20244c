"""OpenFace's table of facial landmarks: one row per frame, `x_0`... and `y_0`... in pixels.

Other columns that OpenFace writes (gaze, pose, action units) are left aside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.time import FloatArray, IntArray
from mien.recording.formats.delimited import check_header
from mien.recording.formats.number_columns import Layout, header_names, number_columns
from mien.recording.opening import file_size

COLUMNS = ("frame", "timestamp", "confidence", "success")
_WANTED = "OpenFace's table of landmarks"
_REMEDY = "run OpenFace again with -2Dfp, on one face"


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Points of one face over time, as OpenFace gives them.

    `frame` (n,) as in the table, `time_s` (n,) in the video, `confidence` (n,) from 0 to 1, `success` (n,)
    whether the face was tracked, `points` (n, n_points, 2) x and y in pixels.
    """

    frame: IntArray
    time_s: FloatArray
    confidence: FloatArray
    success: NDArray[np.bool_]
    points: FloatArray


def read_openface(path: Path) -> Landmarks:
    """The landmarks of every row, also of those in which the face was not tracked.

    Raises
    ------
    DataError
        If a column is absent or twice there, a cell is no finite number, `success` is not 0 or 1, a
        confidence is outside 0 to 1, or frames do not increase, as with several faces.
    """
    file_size(path, _WANTED)
    names = header_names(path, ",", wanted=_WANTED, remedy=_REMEDY)
    check_header(path, names, COLUMNS, ",")
    n_points = _number_of_points(path, names)
    axes = [[f"{axis}_{i}" for i in range(n_points)] for axis in "xy"]
    columns = _numbers(path, names, [*COLUMNS, *axes[0], *axes[1]])
    frame, time_s, confidence, success = (columns[name] for name in COLUMNS)
    _check(path, "frame", (frame == np.rint(frame)) & _increasing(frame), "whole frames that increase", frame)
    _check(path, "timestamp", _increasing(time_s), "times that increase", time_s)
    _check(path, "success", np.isin(success, (0.0, 1.0)), "0 or 1", success)
    _check(path, "confidence", (confidence >= 0) & (confidence <= 1), "0 to 1", confidence)
    x, y = (np.stack([columns[name] for name in names], axis=1) for names in axes)
    return Landmarks(
        frame.astype(np.int64), time_s, confidence, success.astype(bool), np.stack([x, y], axis=2)
    )


def _number_of_points(path: Path, names: list[str]) -> int:
    found = {axis: {n for n in names if re.fullmatch(rf"{axis}_\d+", n)} for axis in "xy"}
    count = len(found["x"])
    wanted = {axis: {f"{axis}_{i}" for i in range(count)} for axis in "xy"}
    if not count or found != wanted:
        got = f"{count} of x and {len(found['y'])} of y, or a gap among them"
        raise DataError(path, wanted="columns x_0, x_1... and y_0, y_1...", got=got, remedy=_REMEDY)
    return count


def _numbers(path: Path, names: list[str], chosen: list[str]) -> dict[str, FloatArray]:
    with open(path, "rb") as file:
        layout = Layout(tuple(names), tuple(chosen), ",", ("",), has_header=True)
        columns = number_columns(path, file, layout, remedy=_REMEDY)
    if not columns[0].size:
        raise DataError(path, wanted="at least one row", got="none", remedy=_REMEDY)
    for name, values in zip(chosen, columns, strict=True):
        _check(path, name, np.isfinite(values), "finite numbers", values)
    return dict(zip(chosen, columns, strict=True))


def _increasing(values: FloatArray) -> NDArray[np.bool_]:
    return np.concatenate([[True], np.diff(values) > 0])


def _check(path: Path, name: str, good: NDArray[np.bool_], wanted: str, values: FloatArray) -> None:
    if not good.all():
        row = int(np.argmin(good))
        subject = f"{path}, row {row + 2}, column {name}"
        raise DataError(subject, wanted=wanted, got=f"{values[row]:g}", remedy=_REMEDY)
