"""BIOPAC AcqKnowledge's export to MATLAB: one matrix of samples by channels, with labels, units and rate.

Variables: `data` (n_samples, n_channels), `labels`, `units`, `isi` (interval between samples) with
`isi_units`, `start_sample`. All channels have one rate in this export.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.core.signal import Signal

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
