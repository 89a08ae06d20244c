"""EEGLAB's `.set`: one MATLAB structure `EEG` with the data inside, or in a `.fdt` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.recording.formats.biopac_mat import mat_bytes
from mien.recording.formats.matlab import check_matlab
from mien.recording.opening import AGAIN, file_size, refusing

if TYPE_CHECKING:
    import mne

_WANTED = "an EEGLAB recording"


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
        "data": np.asarray(data_uv, dtype=np.float32),
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


def read_eeglab(path: Path) -> mne.io.BaseRaw:
    """The continuous recording as MNE's Raw, samples in volts; its events are annotations.

    Samples in a `.fdt` are not in memory yet; samples inside the `.set` are.

    Raises
    ------
    DataError
        If the file is no EEGLAB recording, is cut into epochs, or its `.fdt` is absent or of another length.
    """
    check_matlab(path, _WANTED)
    with refusing(path, _WANTED):
        from scipy.io import loadmat

        content = loadmat(path, squeeze_me=True, struct_as_record=False)
        _check_structure(path, content["EEG"] if "EEG" in content else _TopLevel(content))
        del content
        import mne

        return mne.io.read_raw_eeglab(path, preload=False, verbose="ERROR")


class _TopLevel:
    """The fields of a file that was saved without the structure around them."""

    def __init__(self, content: dict[str, Any]) -> None:
        for name, value in content.items():
            if not name.startswith("__"):
                setattr(self, name, value)


def _check_structure(path: Path, recording: Any) -> None:
    fields = {name: _whole(getattr(recording, name, None)) for name in ("nbchan", "pnts", "trials")}
    rate = np.asarray(getattr(recording, "srate", None))
    if min(fields.values()) < 1 or rate.dtype.kind not in "fiu" or rate.size != 1 or not 0 < rate < np.inf:
        got = ", ".join(f"{name} {value}" for name, value in fields.items())
        raise DataError(path, wanted=f"{_WANTED} with nbchan, pnts, trials and srate", got=got, remedy=AGAIN)
    if fields["trials"] != 1:
        got = f"{fields['trials']} epochs"
        raise DataError(path, wanted="a continuous recording", got=got, remedy="save it before epoching")
    shape = fields["nbchan"], fields["pnts"]
    places = np.atleast_1d(np.asarray(getattr(recording, "chanlocs", [])))
    names = [str(getattr(place, "labels", "")) for place in places]
    if names and len(names) != shape[0]:
        got = f"{len(names)} names"
        raise DataError(path, wanted=f"names of {shape[0]} channels", got=got, remedy=AGAIN)
    data = getattr(recording, "data", None)
    if isinstance(data, str):
        _check_samples(path, data, 4 * shape[0] * shape[1])
    elif np.atleast_2d(np.asarray(data)).shape != shape:
        got = f"shape {np.asarray(data).shape}"
        raise DataError(path, wanted=f"samples of shape {shape}", got=got, remedy=AGAIN)


def _whole(value: Any) -> int:
    found = np.asarray(value)
    if found.size != 1 or found.dtype.kind not in "fiu" or float(found) != int(found):
        return 0
    return int(found)


def _check_samples(path: Path, stated: str, n_bytes: int) -> None:
    """Refuse a `.fdt` that is not there or does not hold the samples that the `.set` states."""
    name = stated.replace("\\", "/").rsplit("/")[-1]
    choices = [path.with_name(name), path.with_suffix(".fdt")]
    samples = next((choice for choice in choices if choice.is_file()), None)
    if samples is None:
        raise DataError(
            path,
            wanted=f"its samples {name} beside it",
            got="no such file",
            remedy="copy both files together",
        )
    size = file_size(samples, "EEGLAB samples")
    if size != n_bytes:
        raise DataError(samples, wanted=f"{n_bytes} bytes of samples", got=size, remedy="copy it again")
