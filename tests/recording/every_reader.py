"""Every reader with a small valid file, and all that it returned in a form that can be compared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from mien.recording import formats
from mien.recording.formats.sheets import read_sheet
from mien.recording.recording import Recording


def content(value: Any) -> Any:
    """All that a reader returned, comparable."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Recording):
        return content(value.signals), value.events
    if hasattr(value, "get_data"):
        marks = [(a["onset"], a["description"]) for a in value.annotations]
        return value.ch_names, value.info["sfreq"], content(value.get_data()), marks
    if hasattr(value, "to_csv"):
        return value.to_csv()
    if isinstance(value, (tuple, list)):
        return [content(item) for item in value]
    fields = getattr(type(value), "__dataclass_fields__", None)
    return [content(getattr(value, name)) for name in fields] if fields else value


def frames(path: Path) -> Any:
    return list(formats.read_frames(path, luma=True))


def delimited(path: Path) -> Any:
    return formats.read_delimited(path, columns=["frame", "timestamp"])


def sheet(path: Path) -> Any:
    names = ("Subject", "Filename", "Onset", "Emotion")
    return read_sheet(path, {name.lower(): [name] for name in names}, required=("subject", "filename"))


# Of each: how a small file is made, how it is read, and the part of the recording that is damaged.
READERS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any], str]] = {
    "acqknowledge": (small.acq, formats.read_acqknowledge, ""),
    "biopac_mat": (small.biopac_mat, formats.read_biopac_mat, ""),
    "biopac_mat packed": (small.packed_mat, formats.read_biopac_mat, ""),
    "neuroscan": (small.cnt, formats.read_cnt, ""),
    "neuroscan type 3": (small.cnt_type_3, formats.read_cnt, ""),
    "curry": (small.curry, formats.read_curry, ""),
    "curry description": (small.curry, formats.read_curry, "a.cdt.dpo"),
    "curry events": (small.curry, formats.read_curry, "a.cdt.ceo"),
    "eeglab": (small.eeglab, formats.read_eeglab, ""),
    "eeglab with fdt": (small.eeglab_with_fdt, formats.read_eeglab, ""),
    "eeglab samples": (small.eeglab_with_fdt, formats.read_eeglab, "a.fdt"),
    "brainvision": (small.brainvision, formats.read_brainvision, ""),
    "brainvision markers": (small.brainvision, formats.read_brainvision, "a.vmrk"),
    "brainvision samples": (small.brainvision, formats.read_brainvision, "a.eeg"),
    "edf": (small.edf, formats.read_edf, ""),
    "edf signals": (small.edf, formats.read_edf_signals, ""),
    "bdf": (small.bdf, formats.read_edf, ""),
    "edf plus": (small.edf_plus, formats.read_edf, ""),
    "edf plus signals": (small.edf_plus, formats.read_edf_signals, ""),
    "fif": (small.fif, formats.read_fif, ""),
    "xdf": (small.xdf, formats.read_xdf, ""),
    "physio": (small.physio, formats.read_physio, ""),
    "physio description": (small.physio, formats.read_physio, "a.json"),
    "wav": (small.wav, formats.read_audio, ""),
    "flac": (small.flac, formats.read_audio, ""),
    "openface": (small.openface, formats.read_openface, ""),
    "delimited": (small.openface, delimited, ""),
    "sheet": (small.sheet, sheet, ""),
    "text sheet": (small.text_sheet, sheet, ""),
    "table": (small.table, formats.read_table, ""),
    "video": (small.video, frames, ""),
    "avi": (small.avi, frames, ""),
    "mkv": (small.mkv, frames, ""),
    "mpg": (small.mpg, frames, ""),
    "sound of mkv": (small.mkv, formats.read_audio, ""),
    "sound of mpg": (small.mpg, formats.read_audio, ""),
    "image": (small.images, formats.read_image_folder, "first"),
}
