"""FIF, the format of MNE and of MEGIN's systems: tags in a row, the last one marked as such."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.recording.opening import file_size, refusing

if TYPE_CHECKING:
    import mne

_WANTED = "a FIF recording"
_FILE_ID = 100
_REMEDY = "save it again with MNE"


def read_fif(path: Path) -> mne.io.BaseRaw:
    """The recording as MNE's Raw, samples not yet in memory.

    Raises
    ------
    DataError
        If the file holds no continuous recording, ends too early, or a tag reaches beyond its end.
    """
    size = file_size(path, _WANTED)
    with refusing(path, _WANTED, remedy=_REMEDY, private=True):
        _check_tags(path, size)
        import mne

        return mne.io.read_raw_fif(path, preload=False, verbose="ERROR")


def _check_tags(path: Path, size: int) -> None:
    at, kind = 0, None
    with open(path, "rb") as file:
        while True:
            file.seek(at)
            head = file.read(16)
            if len(head) < 16:
                raise DataError(path, wanted=_WANTED, got="an end before its last tag", remedy=_REMEDY)
            found, _, n_bytes, following = struct.unpack(">iIii", head)
            if kind is None and found != _FILE_ID:
                raise DataError(path, wanted=_WANTED, got="no FIF file", remedy=_REMEDY)
            kind, after = found, at + 16 + n_bytes
            if n_bytes < 0 or after > size:
                got = f"a tag of {n_bytes} bytes at {at}"
                raise DataError(path, wanted=f"tags within {size} bytes", got=got, remedy=_REMEDY)
            if following == -1:
                return
            if following > 0 and following <= at:
                raise DataError(path, wanted="tags in a row", got="a tag that points back", remedy=_REMEDY)
            at = following if following > 0 else after
