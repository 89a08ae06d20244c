"""Tables of samples as programs export them: separated text, a line of names, and numbers below it.

Nothing is guessed. A table states a rate only by a column of times whose name has a unit, such as `time_s` or
`Time (ms)`: its other columns are evenly sampled if no step differs from the median step by more than 1 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.recording.formats.delimited import EMPTY_WORDS
from mien.recording.formats.number_columns import Layout, header_names, number_columns
from mien.recording.opening import file_size

_WANTED = "a table of numbers with a line of names"
_REMEDY = "export it with a line of names and one number per cell"
_TIME = re.compile(r"(?:time|times|timestamp|t|seconds)?[ _]*[(\[]?(s|sec|seconds|ms)[)\]]?", re.IGNORECASE)
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3}
_EVEN = 0.01
_MISSING = tuple(sorted({v for w in EMPTY_WORDS for v in (w, w.upper(), w.title(), "NaN", "N/A")}))


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """Columns in the file's order, the times left out.

    `values` has shape (n_columns, n_rows), NaN where a cell is empty. `time_s` has shape (n_rows,), seconds,
    or is None where no column states times with a unit.
    """

    names: tuple[str, ...]
    values: FloatArray
    time_s: FloatArray | None

    @property
    def rate_hz(self) -> float:
        """Rows per second; NaN where there are no times or they are not even."""
        if self.time_s is None or self.time_s.size < 2:
            return float("nan")
        steps = np.diff(self.time_s)
        step = float(np.median(steps))
        even = step > 0 and bool(np.all(np.abs(steps - step) <= _EVEN * step))
        return 1.0 / step if even else float("nan")


def read_table(path: Path) -> NumberTable:
    """The table, separated by commas, semicolons or tabs: whichever its line of names has most of.

    Raises
    ------
    DataError
        If the file has no line of names, a name is empty or there twice, a cell is neither a number nor empty
        (or NaN, n/a...), rows differ in length, or times are missing or do not increase.
    """
    file_size(path, _WANTED)
    separator = _separator(path)
    names = header_names(path, separator, wanted=_WANTED, remedy=_REMEDY)
    if not names or any(_is_number(name) for name in names):
        got = f"'{names[0][:40]}' in the first line" if names else "an empty line"
        raise DataError(path, wanted=_WANTED, got=got, remedy=_REMEDY)
    if not all(names) or len(set(names)) != len(names):
        raise DataError(path, wanted="a different name for every column", got="none or two", remedy=_REMEDY)
    with open(path, "rb") as file:
        layout = Layout(tuple(names), tuple(names), separator, _MISSING, has_header=True)
        columns = number_columns(path, file, layout, remedy=_REMEDY)
    if not columns[0].size:
        raise DataError(path, wanted=_WANTED, got="no row below it", remedy=_REMEDY)
    return _with_times(path, names, columns)


def _with_times(path: Path, names: list[str], columns: list[FloatArray]) -> NumberTable:
    units = {name: found.group(1).lower() for name in names if (found := _TIME.fullmatch(name))}
    if len(units) != 1 or len(names) == 1:
        return NumberTable(tuple(names), np.stack(columns), None)
    ((name, unit),) = units.items()
    at = names.index(name)
    time_s = columns[at] * _SECONDS[unit]
    if not np.all(np.diff(time_s) > 0):  # a missing time is none either
        row = int(np.argmin(np.diff(time_s, prepend=-np.inf) > 0))
        got = f"{columns[at][row]:g}"
        subject = f"{path}, row {row + 2}, column {name[:40]}"
        raise DataError(subject, wanted="times that increase", got=got, remedy=_REMEDY)
    rest = [i for i in range(len(names)) if i != at]
    return NumberTable(tuple(names[i] for i in rest), np.stack([columns[i] for i in rest]), time_s)


def _separator(path: Path) -> str:
    with open(path, "rb") as file:
        line = file.readline(1 << 20)
    return max(",;\t", key=lambda mark: line.count(mark.encode()))


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
