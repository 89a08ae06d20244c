"""BIOPAC AcqKnowledge's export to MATLAB: one matrix of samples by channels, with labels, units and rate.

Variables: `data` (n_samples, n_channels), `labels`, `units`, `isi` (interval between samples) with
`isi_units`, `start_sample`. All channels have one rate in this export.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.core.signal import Signal
from mien.recording.formats.matlab import check_matlab
from mien.recording.opening import AGAIN, refusing
from mien.recording.recording import Recording, distinct_names

_WANTED = "AcqKnowledge's export to MATLAB"
_SECONDS = {"ms": 1e-3, "msec": 1e-3, "s": 1.0, "sec": 1.0}
# MATLAB 5 files begin with 116 bytes of text, into which writers put the date; ours is always the same.
_HEADER = b"MATLAB 5.0 MAT-file".ljust(116)


def write_biopac_mat(path: Path, signals: Sequence[Signal]) -> None:
    """Write signals of one rate and length as AcqKnowledge exports them; equal signals give equal bytes.

    Raises
    ------
    DataError
        If there is no signal, or rates or lengths differ.
    """
    shapes = {(signal.rate_hz, len(signal)) for signal in signals}
    if len(shapes) != 1:
        raise DataError(
            path,
            wanted="signals of one rate and length",
            got=", ".join(f"{n} samples at {rate:g} Hz" for rate, n in sorted(shapes)) or "no signal",
            remedy="resample them, or write them to a format with a rate per channel",
        )
    content = {
        "data": np.stack([signal.values for signal in signals], axis=1),
        "labels": np.array([signal.name for signal in signals]),
        "units": np.array([signal.unit for signal in signals]),
        "isi": np.array([[1000.0 / signals[0].rate_hz]]),
        "isi_units": "ms",
        "start_sample": np.array([[0.0]]),
    }
    write_atomically(path, mat_bytes(content))


def mat_bytes(content: dict[str, object]) -> bytes:
    """A MATLAB 5 file as bytes, without the date that scipy writes into its header."""
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, content, format="5", oned_as="column")
    return _HEADER + buffer.getvalue()[len(_HEADER) :]


def read_biopac_mat(path: Path) -> Recording:
    """Every column as a signal in the file's order, digital lines among them; the export holds no events.

    A column whose label occurred before is named `label (2)` and so on. Time 0 is the first sample of the
    recording it was exported from: where `start_sample` is not 0, signals start later.

    Raises
    ------
    DataError
        If the file is no such export, or labels, units and columns differ in number.
    """
    check_matlab(path, _WANTED)
    with refusing(path, _WANTED):
        from scipy.io import loadmat

        content = loadmat(
            path, variable_names=["data", "labels", "units", "isi", "isi_units", "start_sample"]
        )
        data = _matrix(path, content)
        labels, units = _texts(content.get("labels")), _texts(content.get("units"))
        if not len(labels) == len(units) == data.shape[1]:
            raise DataError(
                path,
                wanted=f"a label and a unit for each of {data.shape[1]} columns",
                got=f"{len(labels)} labels and {len(units)} units",
                remedy="export it from AcqKnowledge again",
            )
        rate_hz = 1.0 / _interval_s(path, content)
        start = _number(content.get("start_sample", 0.0))
        start_s = start / rate_hz if np.isfinite(start) else 0.0
        return Recording(
            tuple(
                Signal(np.ascontiguousarray(column, dtype=np.float64), rate_hz, unit or "n/a", name, start_s)
                for column, unit, name in zip(data.T, units, distinct_names(labels), strict=True)
            )
        )


def _matrix(path: Path, content: dict[str, Any]) -> NDArray[Any]:
    data = np.asarray(content.get("data"))
    if data.ndim != 2 or data.dtype.kind not in "fiu" or 0 in data.shape:
        got = "none" if "data" not in content else f"{data.dtype} of shape {data.shape}"
        raise DataError(path, wanted="`data` of samples by channels", got=got, remedy=AGAIN)
    return data


def _texts(value: Any) -> list[str]:
    """Rows of a character matrix, or a cell of texts, without the blanks that fill them up."""
    found = np.asarray([] if value is None else value)
    return [str(np.asarray(cell).item() if np.size(cell) == 1 else "").strip() for cell in found.ravel()]


def _number(value: Any) -> float:
    found = np.asarray(value)
    return float(found.ravel()[0]) if found.size == 1 and found.dtype.kind in "fiu" else float("nan")


def _interval_s(path: Path, content: dict[str, Any]) -> float:
    named = _texts(content.get("isi_units"))
    interval = _number(content.get("isi", float("nan")))
    if len(named) != 1 or named[0] not in _SECONDS or not (np.isfinite(interval) and interval > 0):
        raise DataError(
            path,
            wanted="an interval `isi` above 0 with `isi_units` ms or s",
            got=f"{interval:g} {', '.join(named) or 'without unit'}",
            remedy="export it from AcqKnowledge again",
        )
    return interval * _SECONDS[named[0]]
