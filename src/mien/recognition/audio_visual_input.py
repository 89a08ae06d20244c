"""What audio-visual methods are given: a motion map and the speech around its apex, each with its masks.

X is a structured array (n_samples,). A sample without a map has `seen` False, one without sound has `heard`
False throughout; what stands under such a mask is never read and may be NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.recognition.inputs import Input
from mien.signals.speech import SpeechWindow

FIELDS = ("visual", "audio", "heard", "voiced", "seen")


def audio_visual_dtype(height: int, width: int, frames: int, bands: int) -> np.dtype[np.void]:
    """The type of one sample.

    visual (height, width, 3) float32: a motion map u, v, strain, 0..255. audio (frames, bands) float32:
    log-mel levels, dB. heard (frames,): where the recording reaches. voiced (frames,): where there is speech.
    seen: whether there is a map.
    """
    return np.dtype(
        [
            ("visual", "f4", (height, width, 3)),
            ("audio", "f4", (frames, bands)),
            ("heard", "?", (frames,)),
            ("voiced", "?", (frames,)),
            ("seen", "?"),
        ]
    )


def audio_visual_samples(
    maps: Sequence[NDArray[Any] | None], windows: Sequence[SpeechWindow]
) -> NDArray[np.void]:
    """Samples (n,) from motion maps (height, width, 3), None where there is none, and windows of speech.

    Raises
    ------
    DataError
        If there are not as many maps as windows, no map at all, or they differ in size, or in whether levels
        are relative.
    """
    shapes = {np.shape(one) for one in maps if one is not None}
    sizes = {window.levels_db.shape for window in windows}
    # A window without any speech has no level to be relative to.
    scales = {window.relative for window in windows if window.voiced.any()}
    shape = next(iter(shapes), ())
    equal = len(shapes) == len(sizes) == 1 and len(scales) < 2
    if len(maps) != len(windows) or not equal or shape[2:] != (3,):
        raise DataError(
            "audio-visual samples",
            wanted="as many maps (height, width, 3) as windows, all of one size and one kind of levels",
            got=f"{len(maps)} maps of {sorted(shapes)}, {len(windows)} windows of {sorted(sizes)}",
            remedy="measure all of them with the same settings",
        )
    X = np.zeros(len(maps), audio_visual_dtype(*shape[:2], *next(iter(sizes))))
    for row, (one, window) in enumerate(zip(maps, windows, strict=True)):
        X["seen"][row] = one is not None
        if one is not None:
            X["visual"][row] = one
        X["audio"][row], X["heard"][row], X["voiced"][row] = window.levels_db, window.heard, window.voiced
    return X


def sizes_of(X: NDArray[Any]) -> tuple[int, int, int, int]:
    """Height and width of the maps, frames and bands of the sound."""
    return (*X.dtype["visual"].shape[:2], *X.dtype["audio"].shape)


@dataclass(frozen=True, slots=True)
class AudioVisualInput(Input):
    """A motion map and log-mel levels of the speech around its apex, with masks (`audio_visual_dtype`)."""

    def check(self, X: NDArray[Any], *, method: str) -> None:
        """Raise DataError unless X, shape (n_samples,), holds such samples."""
        if X.ndim != 1 or not X.size or X.dtype.names != FIELDS or not _fits(X.dtype):
            got = f"fields {', '.join(X.dtype.names)}" if X.dtype.names else f"{X.dtype} of shape {X.shape}"
            raise self._refusal(method, f"samples of audio_visual_dtype: {', '.join(FIELDS)}", got)
        # The masks decide what is read; the rest may be anything.
        if not np.isfinite(X["audio"][X["heard"]]).all():
            raise self._refusal(method, "finite levels where `heard` says so", "NaN or infinity")
        maps = X["visual"][X["seen"]]
        if not np.isfinite(maps).all():
            raise self._refusal(method, "finite maps where `seen` says so", "NaN or infinity")
        if maps.size and not (maps.min() >= 0 and maps.max() <= 255):
            raise self._refusal(method, "motion maps of 0..255", f"{maps.min():g} to {maps.max():g}")
        if (X["voiced"] & ~X["heard"]).any():
            raise self._refusal(method, "speech only where something was heard", "`voiced` beyond `heard`")

    def _refusal(self, method: str, wanted: str, got: str) -> DataError:
        return DataError(
            f"input of {method}", wanted=wanted, got=got, remedy="make them with audio_visual_samples"
        )


AUDIO_VISUAL = AudioVisualInput(
    "audio-visual", "a motion map and the log-mel levels of speech around its apex, with masks", FIELDS
)


def _fits(kind: np.dtype[Any]) -> bool:
    """Whether a type with the right fields is one that `audio_visual_dtype` gives."""
    shapes = kind["visual"].shape, kind["audio"].shape
    if list(map(len, shapes)) != [3, 2] or 0 in (*shapes[0], *shapes[1]):
        return False
    return kind == audio_visual_dtype(*shapes[0][:2], *shapes[1])
