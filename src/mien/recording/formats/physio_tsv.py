"""BIDS `_physio.tsv.gz`: columns of numbers without a header, described by a `.json` beside it.

Each column has a fixed number of decimals, a missing sample is `n/a`, and nothing in the file depends on
the time of its writing. StartTime is that of the first sample on the clock of the JSON's writer.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import write_atomically
from mien.core.signal import Signal
from mien.recording.formats.number_columns import LONGEST, Layout, number_columns
from mien.recording.opening import file_size
from mien.recording.whole_file import whole_file

TRIGGER = "trigger"
SUFFIX = ".tsv.gz"
_DIGITS = 6  # significant digits of a column's largest value
_CHUNK = 16384  # rows formatted at a time
_LARGEST = 10**15
_GZIP = 31  # zlib's window bits for a gzip frame; its header has no time and no name
_REMEDY = "write or export the recording again"
_MOST_TEXT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PhysioHeader:
    """What the JSON beside a table states; `units` holds one per column, "n/a" where none is stated."""

    rate_hz: float
    start_s: float
    columns: tuple[str, ...]
    units: tuple[str, ...]


def write_physio(
    path: Path,
    signals: Sequence[Signal],
    *,
    start_time_s: float,
    trigger: NDArray[np.integer] | None = None,
    decimals: Sequence[int] | None = None,
) -> None:
    """Write signals of one rate and length as `.tsv.gz` and `.json`; equal content gives equal bytes.

    Parameters
    ----------
    path
        Ends with `.tsv.gz`.
    signals
        At least one, names all different, equal rates and lengths; NaN is written as n/a.
    start_time_s
        Time of the first sample in seconds, written as StartTime.
    trigger
        Shape (n_samples,), whole numbers: the code on the trigger lines at every sample.
    decimals
        Digits after the point per signal; default as many as show six digits of its largest value.

    Raises
    ------
    OptionError
        If signals differ in rate or length, names repeat, or a value is infinite or too large.
    """
    _check(path, signals, start_time_s, trigger, decimals)
    columns = [signal.values for signal in signals]
    places = [_decimals(c) for c in columns] if decimals is None else list(decimals)
    names, units = [s.name for s in signals], [s.unit for s in signals]
    if trigger is not None:
        columns, places = [*columns, np.asarray(trigger, dtype=np.float64)], [*places, 0]
        names, units = [*names, TRIGGER], [*units, "n/a"]
    for name, values, digits in zip(names, columns, places, strict=True):
        _check_values(name, values, digits)
    with whole_file(path) as unfinished, open(unfinished, "wb") as file:
        packer = zlib.compressobj(level=1, wbits=_GZIP)
        for text in _text(columns, places):
            file.write(packer.compress(text))
        file.write(packer.flush())
    header: dict[str, Any] = {
        "SamplingFrequency": signals[0].rate_hz,
        "StartTime": start_time_s,
        "Columns": names,
        **{name: {"Units": unit} for name, unit in zip(names, units, strict=True)},
    }
    write_atomically(_sidecar(path), (json.dumps(header, indent=1, ensure_ascii=False) + "\n").encode())


def _check(
    path: Path,
    signals: Sequence[Signal],
    start_time_s: float,
    trigger: NDArray[np.integer] | None,
    decimals: Sequence[int] | None,
) -> None:
    def refuse(wanted: str, got: object, remedy: str) -> OptionError:
        return OptionError(path, wanted=wanted, got=got, remedy=remedy)

    if not path.name.endswith(SUFFIX):
        raise refuse(f"a name that ends with {SUFFIX}", path.name, "name it so")
    if not signals or not len(signals[0]):
        raise refuse("at least one signal with samples", "none", "leave the file out")
    names = [s.name for s in signals] + [TRIGGER] * (trigger is not None)
    if len(set(names)) != len(names) or not all(names):
        raise refuse("different names for all columns", ", ".join(names), "rename a signal")
    shapes = sorted({(len(s), s.rate_hz) for s in signals})
    if len(shapes) > 1:
        got = " and ".join(f"{n} samples at {rate:g} Hz" for n, rate in shapes)
        raise refuse("signals of one rate and length", got, "write one file per rate")
    if trigger is not None and (
        trigger.shape != (len(signals[0]),) or not np.issubdtype(trigger.dtype, np.integer)
    ):
        got = f"{trigger.dtype} of shape {trigger.shape}"
        raise refuse("one whole number per sample as trigger", got, "give a code or 0 for every sample")
    if not math.isfinite(start_time_s):
        raise refuse("a finite start time", start_time_s, "state when the first sample was taken")
    if decimals is not None and (len(decimals) != len(signals) or not all(0 <= d <= 12 for d in decimals)):
        raise refuse("0 to 12 decimals for each signal", list(decimals), "give one number per signal")


def _decimals(values: NDArray[np.float64]) -> int:
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(sizes.max()) if sizes.size else 0.0
    if largest == 0.0 or (largest < _LARGEST and (sizes == np.rint(sizes)).all()):
        return 0
    return min(12, max(0, _DIGITS - 1 - math.floor(math.log10(largest))))


def _check_values(name: str, values: NDArray[np.float64], digits: int) -> None:
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if not largest * 10**digits < _LARGEST:
        raise OptionError(
            f"column {name}",
            wanted=f"values below {_LARGEST / 10**digits:g}",
            got=f"{largest:g}",
            remedy="mark missing samples as NaN, or give another unit",
        )


def _text(columns: Sequence[NDArray[np.float64]], places: Sequence[int]) -> Iterator[bytes]:
    """The table's bytes, block by block.

    A block is laid out with room for the longest number of every column, byte 0 where nothing is written,
    and these are dropped at the end: much faster than formatting one number at a time.
    """
    for first in range(0, columns[0].size, _CHUNK):
        rows: list[NDArray[np.uint8]] = []
        for values, digits in zip(columns, places, strict=True):
            rows += _letters(values[first : first + _CHUNK], digits)
            rows.append(np.full(rows[0].size, ord("\t"), dtype=np.uint8))
        rows[-1][:] = ord("\n")
        yield np.stack(rows, axis=1).tobytes().translate(None, b"\0")


def _letters(values: NDArray[np.float64], digits: int) -> list[NDArray[np.uint8]]:
    """The numbers' letters by place, from left to right, each of shape (n_rows,); 0 for nothing."""
    missing = np.isnan(values)
    scaled = np.rint(np.where(missing, 0.0, values) * 10.0**digits)
    negative = scaled < 0
    rest = np.abs(scaled).astype(np.int64)
    if int(rest.max(initial=0)) < 2**31:
        rest = rest.astype(np.uint32)  # division is then vectorised
    places: list[NDArray[np.uint8]] = []
    while len(places) <= digits or rest.any():
        quotient = rest // 10
        letter = (rest - quotient * 10).astype(np.uint8) + np.uint8(ord("0"))
        if len(places) > digits:
            letter[rest == 0] = 0  # no leading zeros
        places.append(letter)
        rest = quotient
    if digits:
        places.insert(digits, np.full(values.size, ord("."), dtype=np.uint8))
    places.append(np.where(negative, ord("-"), 0).astype(np.uint8))
    if missing.any():
        places += [np.zeros(values.size, dtype=np.uint8)] * max(0, 3 - len(places))
        places = [np.where(missing, 0, place).astype(np.uint8) for place in places]
        for place, mark in zip(places, b"a/n", strict=False):
            place[missing] = mark
    return places[::-1]


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(SUFFIX) + ".json")


def read_physio_header(path: Path) -> PhysioHeader:
    """What the JSON beside a `.tsv.gz` states.

    Raises
    ------
    DataError
        If it is absent, no JSON, or lacks a rate above 0, a start time or distinct columns.
    """
    sidecar = _sidecar(path)
    if not sidecar.exists():
        raise DataError(
            sidecar,
            wanted=f"the description of {path.name}",
            got="no such file",
            remedy="add the JSON file with SamplingFrequency, StartTime and Columns",
        )
    file_size(sidecar, f"the description of {path.name}", most=_MOST_TEXT)
    try:
        fields = json.loads(sidecar.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(sidecar, wanted="JSON", got="something else", remedy=_REMEDY) from error
    fields = fields if isinstance(fields, dict) else {}
    wanted: tuple[Any, ...] = tuple(fields.get(k) for k in ("SamplingFrequency", "StartTime", "Columns"))
    rate, start, columns = wanted
    if not (_is_number(rate) and rate > 0 and _is_number(start) and _are_names(columns)):
        raise DataError(
            sidecar,
            wanted="SamplingFrequency above 0, StartTime and distinct Columns",
            got=f"{rate!r}, {start!r} and {columns!r}"[:LONGEST],
            remedy="correct the description",
        )
    described = [fields.get(name) for name in columns]
    units = tuple(str(d.get("Units", "n/a")) if isinstance(d, dict) else "n/a" for d in described)
    return PhysioHeader(float(rate), float(start), tuple(columns), units)


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) < _LARGEST  # which neither nan nor inf is


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(name, str) and name for name in value)
        and len(set(value)) == len(value)
    )


def read_physio(path: Path) -> list[Signal]:
    """The columns as signals in the file's order, the trigger as a signal named "trigger"; n/a is NaN.

    Raises
    ------
    DataError
        If the table or its JSON is absent or damaged, a row has another number of cells than Columns, a cell
        is neither a finite number nor n/a, or there are more than 2^27; nothing is skipped.
    """
    header = read_physio_header(path)
    file_size(path, "a table of numbers in gzip")
    return [
        Signal(values, header.rate_hz, unit, name, header.start_s)
        for values, unit, name in zip(_columns(path, header), header.units, header.columns, strict=True)
    ]


def _columns(path: Path, header: PhysioHeader) -> list[NDArray[np.float64]]:
    try:
        with gzip.open(path, "rb") as file:
            if not file.read(1):
                raise DataError(path, wanted="at least one row", got="none", remedy=_REMEDY)
            file.seek(0)
            layout = Layout(header.columns, header.columns, "\t", ("n/a",), has_header=False)
            return number_columns(path, cast("IO[bytes]", file), layout, remedy=_REMEDY)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            path, wanted="a whole gzip file", got="a damaged or other one", remedy=_REMEDY
        ) from error
    except OSError as error:
        raise DataError(
            path, wanted="a readable file", got=error.strerror or "an error", remedy="check the path"
        ) from error
