"""EEGLAB's `.set`: one MATLAB structure `EEG` with the data inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.recording.formats.biopac_mat import mat_bytes


def write_eeglab(
    path: Path,
    data_uv: NDArray[np.float32],
    *,
    rate_hz: float,
    channel_names: Sequence[str],
    events: Sequence[tuple[int, int]] = (),
) -> None:
    """Write a continuous recording as EEGLAB stores it; equal content gives equal bytes.

    Parameters
    ----------
    data_uv
        Shape (n_channels, n_samples), microvolts.
    channel_names
        One per channel.
    events
        Sample (from 0) and code of each trigger; EEGLAB counts latencies from 1.

    Raises
    ------
    DataError
        If names and channels differ in number, or an event lies outside the recording.
    """
    n_channels, n_samples = data_uv.shape
    if len(channel_names) != n_channels:
        raise DataError(
            path,
            wanted=f"{n_channels} channel names",
            got=len(channel_names),
            remedy="name every channel once",
        )
    outside = [sample for sample, _ in events if not 0 <= sample < n_samples]
    if outside:
        raise DataError(
            path,
            wanted=f"events at samples 0 to {n_samples - 1}",
            got=outside[0],
            remedy="give events in samples of this recording",
        )
    places = np.array([(name, np.array([])) for name in channel_names], dtype=[("labels", "O"), ("ref", "O")])
    marks = np.array(
        [(str(code), float(sample + 1), 1.0) for sample, code in events],
        dtype=[("type", "O"), ("latency", "O"), ("duration", "O")],
    )
    structure = {
        "setname": path.stem,
        "filename": path.name,
        "filepath": "",
        "subject": "",
        "nbchan": float(n_channels),
        "trials": 1.0,
        "pnts": float(n_samples),
        "srate": float(rate_hz),
        "xmin": 0.0,
        "xmax": (n_samples - 1) / rate_hz,
        "times": np.array([]),
        "data": data_uv.astype(np.float32),
        "icawinv": np.array([]),
        "icasphere": np.array([]),
        "icaweights": np.array([]),
        "icaact": np.array([]),
        "icachansind": np.array([]),
        "ref": "common",
        "chanlocs": places,
        "event": marks,
        "urevent": np.array([]),
        "epoch": np.array([]),
    }
    write_atomically(path, mat_bytes({"EEG": structure}))
