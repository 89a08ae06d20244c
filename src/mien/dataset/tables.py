"""Tables of a study: tab-separated text, `n/a` for what is missing, numbers where a column means numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import DataError
from mien.core.expression import ActionUnit, read_action_unit
from mien.core.records import write_atomically
from mien.dataset.layout import (
    CODING_COLUMNS,
    EVENT_COLUMNS,
    FRAME_COLUMNS,
    PARTICIPANT_COLUMNS,
    TRIAL_COLUMNS,
)
from mien.recording.formats import read_delimited
from mien.recording.formats.delimited import EMPTY_WORDS

if TYPE_CHECKING:
    import pandas as pd

MISSING = "n/a"


def write_table(
    path: Path,
    table: pd.DataFrame,
    *,
    columns: Sequence[str],
    decimals: int | None = None,
    mode: int = 0o644,
) -> None:
    """Write a table with at least the named columns, these first; None and NaN become n/a.

    Raises DataError if a column is missing.
    """
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(
            path, wanted=f"columns {', '.join(columns)}", got=f"no {', '.join(missing)}", remedy="add them"
        )
    ordered = table[[*columns, *(name for name in table if name not in columns)]]
    buffer = io.StringIO()
    ordered.to_csv(
        buffer,
        sep="\t",
        index=False,
        lineterminator="\n",
        na_rep=MISSING,
        float_format=None if decimals is None else f"%.{decimals}f",
    )
    write_atomically(path, buffer.getvalue().encode(), mode=mode)


def read_table(
    path: Path,
    *,
    columns: Sequence[str],
    integers: Sequence[str] = (),
    numbers: Sequence[str] = (),
    filled: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a table; `integers` become Int64, `numbers` float64, all else text or None where nothing is.

    Raises DataError if the table is not as described; cells in `filled` must hold something.
    """
    table = read_delimited(path, columns=columns, filled=filled, separator="\t", may_be_empty=True)
    for name in table:
        empty = table[name].str.lower().isin(EMPTY_WORDS)
        if name in integers:
            table[name] = _numbers(path, table[name], empty, whole=True).astype("Int64")
        elif name in numbers:
            table[name] = _numbers(path, table[name], empty, whole=False)
        else:
            table[name] = table[name].mask(empty, None)
    return table


def _numbers(path: Path, cells: pd.Series, empty: pd.Series, *, whole: bool) -> pd.Series:
    import numpy as np
    import pandas as pd

    values = pd.to_numeric(cells.where(~empty, "nan"), errors="coerce").astype("float64")
    wrong = ~empty & ~np.isfinite(values)
    if whole:
        wrong |= ~empty & (values != np.rint(values))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise DataError(
            f"{path}, row {row + 2}",
            wanted=f"a {'whole ' if whole else ''}number in '{cells.name}'",
            got=repr(cells.iloc[row]),
            remedy="correct the cell, or write n/a",
        )
    return values


def rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The table's rows by column name, None for what is missing."""
    absent = table.isna().to_numpy()
    names = [str(name) for name in table.columns]
    for values, without in zip(table.itertuples(index=False), absent, strict=True):
        yield {n: None if w else v for n, v, w in zip(names, values, without, strict=True)}


def read_participants(path: Path) -> pd.DataFrame:
    """`participants.tsv` as text; None where nothing is. Raises DataError."""
    return read_table(path, columns=["participant_id"], filled=["participant_id"])


def read_trials(path: Path) -> pd.DataFrame:
    """`_beh.tsv`: trial and code whole numbers, valence and arousal numbers, the rest text."""
    keys = ["trial", "code"]
    return read_table(
        path, columns=TRIAL_COLUMNS, integers=keys, numbers=["valence", "arousal"], filled=["trial"]
    )


def read_events(path: Path) -> pd.DataFrame:
    """`_events.tsv`: onset and duration in seconds, value a whole number, the rest text."""
    return read_table(
        path, columns=EVENT_COLUMNS, integers=["value"], numbers=["onset", "duration"], filled=["onset"]
    )


def read_frame_times(path: Path) -> pd.DataFrame:
    """`_frametimes.tsv`: frame from 0, the camera's counter, host stamp in seconds."""
    return read_table(
        path,
        columns=FRAME_COLUMNS,
        integers=["frame", "counter"],
        numbers=["host_time_s"],
        filled=["frame", "host_time_s"],
    )


def read_coding(path: Path) -> pd.DataFrame:
    """A coder's expressions: trial, run and frames whole numbers (missing: NA), the rest text."""
    return read_table(path, columns=CODING_COLUMNS, integers=CODING_COLUMNS[:5], filled=["trial", "run"])


def write_participants(path: Path, table: pd.DataFrame) -> None:
    """Write `participants.tsv`; absent columns of the standard ones are n/a throughout.

    Whole numbers are written as such, also where one of them is missing.
    """
    absent = {name: None for name in PARTICIPANT_COLUMNS if name not in table and name != "participant_id"}
    floats = table.select_dtypes("float")
    whole = [str(name) for name in floats if (floats[name].dropna() % 1 == 0).all()]
    table = table.astype(dict.fromkeys(whole, "Int64"))
    write_table(path, table.assign(**absent), columns=PARTICIPANT_COLUMNS)


def spell_action_units(units: Sequence[ActionUnit]) -> str | None:
    """The cell of a coding table, as in `AU4, LAU12B`; None where there are none.

    Examples
    --------
    >>> spell_action_units(parse_action_units("AU4,LAU12B"))
    'AU4, LAU12B'
    """
    return ", ".join(map(str, units)) or None


def parse_action_units(cell: str | None) -> tuple[ActionUnit, ...]:
    """The action units in a cell, separated by commas or plus signs; raises DataError for another spelling.

    Examples
    --------
    >>> parse_action_units("AU4+RAU7") == (ActionUnit(4), ActionUnit(7, "right"))
    True
    """
    units = []
    for word in re.split(r"[,+]", cell) if cell else ():
        found = read_action_unit(word.strip())
        if found is None:
            raise DataError(
                "action units",
                wanted="words as in AU4, LAU12 or RAU12B",
                got=repr(word.strip()),
                remedy="correct the cell",
            )
        units.append(found)
    return tuple(units)
