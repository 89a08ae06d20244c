"""Names and places of EEG channels: what an amplifier wrote, as the 10-05 system has it.

Neuroscan writes FPZ and OZ where MNE knows Fpz and Oz, and its cap has CB1 and CB2 over the cerebellum, which
have no place in the 10-05 system. Places come from MNE's standard montage (Oostenveld & Praamstra 2001,
doi:10.1016/S1388-2457(00)00527-7, on the colin27 head), moved to the centre of the sphere that fits that
montage best and scaled to unit length. What has no place is said, with a reason; none is invented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mien.core.errors import DataError
from mien.core.time import FloatArray

if TYPE_CHECKING:
    import mne

# Channels that Neuroscan and BrainVision caps carry beside the EEG, by MNE's types.
_BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "HEO": "eog", "VEO": "eog", "HEOG": "eog", "VEOG": "eog", "EOG": "eog", "EOG1": "eog", "EOG2": "eog",
        "EKG": "ecg", "ECG": "ecg", "EMG": "emg", "TRIGGER": "stim", "STATUS": "stim",
    }
)  # fmt: skip
_NO_PLACE = "no position in the 10-05 system"
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "CB1": "over the left cerebellum: no position in the 10-05 system",
        "CB2": "over the right cerebellum: no position in the 10-05 system",
    }
)
# "EEG Fp1-REF", "EEG FPZ-LE", "Fp1.." are ways to write Fp1 and Fpz.
_DRESS = re.compile(r"^(?:EEG[\s_-]+)?(.*?)(?:-(?:REF|LE|AVG|AR))?\.*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Montage:
    """Channels after repair, in the order they came in.

    Parameters
    ----------
    labels, names
        As they were written, and as the standard has them; a label that is not known is kept.
    types
        MNE's channel types: "eeg" exactly where there is a position; HEO, VEO, EKG, EMG and triggers by
        name; "misc" for the rest.
    positions
        Shape (n_channels, 3), unit length, x right, y front, z up; NaN where there is none.
    without_position
        Name -> why it has none.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    positions: FloatArray
    without_position: Mapping[str, str]

    @property
    def renamed(self) -> dict[str, str]:
        """Old -> new name of every channel whose name changed."""
        return {old: new for old, new in zip(self.labels, self.names, strict=True) if old != new}


def repair(labels: Sequence[str]) -> Montage:
    """Standard names, types and positions of channels.

    Raises
    ------
    DataError
        If two labels stand for the same channel, or one is empty.

    Examples
    --------
    >>> found = repair(["FPZ", "CB1", "HEO"])
    >>> found.names, found.types, found.without_position["CB1"]  # doctest: +ELLIPSIS
    (('Fpz', 'CB1', 'HEO'), ('eeg', 'misc', 'eog'), 'over the left cerebellum: ...')
    """
    known = _standard()
    by_upper = {name.upper(): name for name in known}
    names, types, why = [], [], {}
    places = np.full((len(labels), 3), np.nan)
    for row, label in enumerate(labels):
        bare = _bare(label)
        name = by_upper.get(bare)
        if name is not None:
            names.append(name)
            types.append("eeg")
            places[row] = known[name]
            continue
        kept = bare if bare in _BESIDE or bare in _REASONS else str(label)
        names.append(kept)
        types.append(_BESIDE.get(bare, "misc"))
        why[kept] = f"{types[-1]} channel" if bare in _BESIDE else _REASONS.get(bare, _NO_PLACE)
    _refuse_twins(labels, names)
    return Montage(tuple(labels), tuple(names), tuple(types), places, MappingProxyType(why))


def _bare(label: str) -> str:
    found = _DRESS.match(str(label).strip())
    bare = found.group(1).strip().upper() if found else ""
    if not bare:
        raise DataError(
            f"channel label {label!r}",
            wanted="a name",
            got="none",
            remedy="name the channel in the recording",
        )
    return bare


def _refuse_twins(labels: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        twins = [str(old) for old, new in zip(labels, names, strict=True) if new == name]
        if len(twins) > 1:
            raise DataError(
                "channel labels",
                wanted="each channel once",
                got=f"{' and '.join(twins)}, which are all {name}",
                remedy="drop or rename one of them",
            )


def repair_raw(raw: mne.io.BaseRaw) -> tuple[mne.io.BaseRaw, Montage]:
    """A copy of the recording with standard names, types and positions, and what was done.

    Channels that are not "eeg" by type (as a study's channel table says) keep their type. EEG channels
    without a position become "misc", so that no reference, interpolation or ICA takes them in unseen; the
    montage names them. The samples are not read.

    Raises
    ------
    DataError
        If two labels stand for the same channel.
    """
    import mne

    found = repair(raw.ch_names)
    given = raw.get_channel_types()
    copy = raw.copy().rename_channels(found.renamed, verbose="ERROR")
    changed = {
        name: new
        for name, new, old in zip(found.names, found.types, given, strict=True)
        if old == "eeg" and new != "eeg"
    }
    copy.set_channel_types(changed, on_unit_change="ignore", verbose="ERROR")
    places = {
        name: place
        for name, place in zip(found.names, _metres(found.names), strict=True)
        if place is not None
    }
    if places:
        montage = mne.channels.make_dig_montage(places, **_fiducials(), coord_frame="mri")
        copy.set_montage(montage, on_missing="ignore", verbose="ERROR")
    return copy, found


def standard_positions(names: Sequence[str]) -> FloatArray:
    """Directions of channels from the head's centre, (n, 3), unit length; NaN where there is none."""
    return repair(names).positions


def centred(positions: ArrayLike) -> FloatArray:
    """Digitised positions seen from the centre of the sphere that fits them best, (n, 3), unit length.

    The centre matters: MNE's head coordinates start between the ears, well below it, and every elevation
    would come out too high. NaN rows stay NaN.

    Raises
    ------
    DataError
        If fewer than 8 positions are known or they fit no sphere (all in one plane).
    """
    points = np.asarray(positions, dtype=np.float64)
    known = (
        np.isfinite(points).all(axis=1) if points.ndim == 2 and points.shape[1] == 3 else np.zeros(0, bool)
    )
    system = np.column_stack([2 * points[known], np.ones(known.sum())]) if known.any() else np.empty((0, 4))
    if known.sum() < 8 or np.linalg.matrix_rank(system, tol=1e-3 * np.linalg.norm(system)) < 4:
        raise DataError(
            "channel positions",
            wanted="8 or more points (n, 3) on a head",
            got=f"shape {points.shape}, {int(known.sum())} known",
            remedy="give digitised positions, or names that have standard ones",
        )
    centre = np.linalg.lstsq(system, (points[known] ** 2).sum(axis=1), rcond=None)[0][:3]
    away = points - centre
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True))


# --- MNE's montage


@lru_cache(maxsize=1)
def _montage() -> Mapping[str, object]:
    import mne

    builtin = mne.channels.get_builtin_montages()  # the older name is on its way out
    kind = "colin27_1005" if "colin27_1005" in builtin else "standard_1005"
    return MappingProxyType(mne.channels.make_standard_montage(kind).get_positions())


def _at() -> dict[str, FloatArray]:
    places = _montage()["ch_pos"]
    return {str(name): np.asarray(place) for name, place in places.items()}  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def _standard() -> Mapping[str, FloatArray]:
    places = _at()
    return MappingProxyType(dict(zip(places, centred(np.stack(list(places.values()))), strict=True)))


def _metres(names: Sequence[str]) -> list[FloatArray | None]:
    places = _at()
    return [places.get(name) for name in names]


def _fiducials() -> dict[str, object]:
    return {name: _montage()[name] for name in ("nasion", "lpa", "rpa")}
