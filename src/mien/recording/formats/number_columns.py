"""Columns of numbers in separated text, read block by block so that only numbers are ever in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError

MOST_NUMBERS = 2**27
"""Of 8 bytes: 1 GiB, an hour of 37 columns at 1000 Hz."""

LONGEST = 160
"""Letters of a foreign message or value that are passed on."""

_BLOCK = 1 << 20  # bytes of text parsed at a time
_LONGEST_HEADER = 1 << 20


def header_names(path: Path, separator: str, *, wanted: str, remedy: str) -> list[str]:
    """The names in a file's first line, without surrounding blanks and byte order mark.

    Raises
    ------
    DataError
        If the line is no UTF-8, longer than 1 MiB, or has an open quotation mark.
    """
    with open(path, "rb") as file:
        line = file.readline(_LONGEST_HEADER)
    if len(line) == _LONGEST_HEADER:
        raise DataError(path, wanted=wanted, got="a first line of more than 1 MiB", remedy=remedy)
    try:
        text = line.decode("utf-8-sig")
        rows = list(csv.reader([text.rstrip("\r\n")], delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, wanted=f"{wanted} in UTF-8", got=str(error)[:LONGEST], remedy=remedy) from error
    return [name.strip() for name in rows[0]] if rows else []


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text holds its numbers: all its columns, those that are wanted, and how cells are written."""

    names: tuple[str, ...]
    chosen: tuple[str, ...]
    separator: str
    missing: tuple[str, ...]  # words for a missing number, the one to recommend first
    has_header: bool  # whether the first line holds the names and is passed over

    @property
    def blank_lines_are_none(self) -> bool:
        """Whether a blank line is no row; in a single column it is a missing number."""
        return self.has_header and len(self.names) > 1


def number_columns(path: Path, file: IO[bytes], layout: Layout, *, remedy: str) -> list[NDArray[np.float64]]:
    """The chosen columns, shape (n_rows,) each, NaN where a number is missing.

    Parameters
    ----------
    path
        For errors.
    file
        The text, unpacked.
    layout, remedy
        How it is written, and what to do where it is not so.

    Raises
    ------
    DataError
        If a row has another number of cells, a cell is neither a finite number nor a word for a missing one,
        or there are more than `MOST_NUMBERS`.
    """
    parts: list[list[NDArray[np.float64]]] = [[] for _ in layout.chosen]
    word = layout.missing[0] or "nothing"
    for block in _blocks(path, file, layout, remedy):
        for name, column, part in zip(layout.chosen, block.columns, parts, strict=True):
            values = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
            if column.null_count != int((~np.isfinite(values)).sum()):
                raise DataError(
                    f"{path}, column {name[:LONGEST]}",
                    wanted=f"finite numbers, or {word} for a missing one",
                    got="nan or inf",
                    remedy=f"write {word} for missing samples",
                )
            part.append(values)
    columns = []
    for part in parts:  # one after another, so that what is joined is not there twice
        columns.append(np.concatenate(part) if part else np.zeros(0))
        part.clear()
    return columns


def _blocks(path: Path, file: IO[bytes], layout: Layout, remedy: str) -> Iterator[Any]:
    """Arrow's record batches."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    count = 0
    chosen = list(layout.chosen)
    try:
        reader = arrow.open_csv(
            file,
            read_options=arrow.ReadOptions(
                column_names=list(layout.names),
                skip_rows=int(layout.has_header),
                use_threads=False,
                block_size=_BLOCK,
            ),
            parse_options=arrow.ParseOptions(
                delimiter=layout.separator,
                quote_char='"' if layout.has_header else False,
                ignore_empty_lines=layout.blank_lines_are_none,
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.float64()),
                include_columns=chosen,
                null_values=list(layout.missing),
            ),
        )
        for block in reader:
            count += block.num_rows * len(chosen)
            if count > MOST_NUMBERS:
                got = "more when it is unpacked"
                raise DataError(
                    path, wanted=f"at most {MOST_NUMBERS} numbers", got=got, remedy="split the recording"
                )
            yield block
    except pa.ArrowInvalid as error:
        raise DataError(
            path,
            wanted=f"rows of {len(layout.names)} numbers or {layout.missing[0] or 'empty cells'}",
            got=str(error).splitlines()[0].removesuffix(".")[:LONGEST],
            remedy=remedy,
        ) from error
