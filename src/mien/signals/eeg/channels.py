"""Which channels of a recording are cleaned, which go along, which are left out, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.low_rate import LowRate, read_low_rate
from mien.signals.eeg.montage import repair_raw

if TYPE_CHECKING:
    import mne

ICA_RATE_HZ = 250.0
BESIDE = ("eog", "ecg")


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """What becomes of each channel.

    Parameters
    ----------
    picks, info
        Rows of the recording that are read, and MNE's info on them at the low rate.
    eeg
        Names of the EEG channels.
    placed
        Whether their positions are known.
    bad
        Name -> reason, of EEG channels; those found later are added.
    notes
        Sentences on what was done or left out.
    """

    picks: tuple[int, ...]
    info: mne.Info
    eeg: tuple[str, ...]
    placed: bool
    bad: dict[str, str]
    notes: list[str]

    def good(self) -> list[str]:
        return [name for name in self.eeg if name not in self.bad]


def read_session(raw: mne.io.BaseRaw, settings: CleaningSettings) -> tuple[LowRate, Channels]:
    """The recording at a low rate (250 Hz, or the result's if higher), and what becomes of its channels.

    Raises
    ------
    DataError
        If there is no EEG channel, the recording is shorter than 8 s, or its rate too low for the band.
    OptionError
        If a channel named bad is not there.
    """
    recorded_hz = float(raw.info["sfreq"])
    if settings.band_hz[1] >= recorded_hz / 2:
        raise DataError(
            "EEG",
            wanted=f"more than {2 * settings.band_hz[1]:g} Hz for a band up to {settings.band_hz[1]:g} Hz",
            got=f"{recorded_hz:g} Hz",
            remedy="choose a lower band",
        )
    channels = _channels(raw, settings)
    names, types = channels.info["ch_names"], channels.info.get_channel_types()
    low = read_low_rate(
        raw,
        channels.picks,
        names,
        types,
        to_hz=max(ICA_RATE_HZ, settings.rate_hz),
        mains_hz=settings.mains_hz,
    )
    for name, kind, missing in zip(names, types, low.missing, strict=True):
        if missing and kind == "eeg":
            channels.bad[name] = f"{missing} missing samples"
        elif missing:
            channels.notes.append(f"{name} is not used: {missing} missing samples")
    if low.rate_hz < settings.rate_hz:
        channels.notes.append(f"recorded at {low.rate_hz:g} Hz, which stays: no samples are made up")
    if settings.mains_hz is not None and not low.notched_hz:
        channels.notes.append(f"mains not taken out: {settings.mains_hz:g} Hz is too near half of the rate")
    if low.bad.any():
        channels.notes.append(
            f"{low.bad.sum() / low.rate_hz:.1f} s annotated as bad, not used to find components"
        )
    return low, channels


def _channels(raw: mne.io.BaseRaw, settings: CleaningSettings) -> Channels:
    import mne

    # A stand-in of one sample: names, types and places are settled without a copy of the recording.
    given = mne.create_info(
        raw.ch_names,
        min(float(raw.info["sfreq"]), max(ICA_RATE_HZ, settings.rate_hz)),
        raw.get_channel_types(),
    )
    standard, montage = repair_raw(mne.io.RawArray(np.zeros((len(raw.ch_names), 1)), given, verbose="ERROR"))
    types = standard.get_channel_types()
    notes = ["average reference, whatever the recording's was"]
    rows = [row for row, kind in enumerate(types) if kind == "eeg"]
    placed = bool(rows)
    info = standard.info
    if not placed:  # labels that no one knows
        types = [  # what a name says (HEO, EKG) holds; where it says nothing, EEG stays EEG
            "eeg" if (was, now) == ("eeg", "misc") else now
            for was, now in zip(given.get_channel_types(), types, strict=True)
        ]
        info = mne.create_info(raw.ch_names, given["sfreq"], types)
        rows = [row for row, kind in enumerate(types) if kind == "eeg"]
        notes.append("no channel has a known position: none can be judged by ADJUST or interpolated")
    if not rows:
        raise DataError(
            "EEG", wanted="one or more EEG channels", got="none", remedy="check the channel types"
        )
    lost = [
        f"{name} ({montage.without_position[name]})"
        for name, kind, was in zip(standard.ch_names, types, raw.get_channel_types(), strict=True)
        if placed and was == "eeg" and kind == "misc"
    ]
    if lost:
        notes.append(f"left out: {', '.join(lost)}")
    picks = sorted(rows + [row for row, kind in enumerate(types) if kind in BESIDE])
    names = [info["ch_names"][row] for row in rows]
    marked = [info["ch_names"][raw.ch_names.index(name)] for name in raw.info["bads"]]
    asked = [found for name in settings.bad_channels or () for found in _known(name, raw, info)]
    bad = {name: "named bad" for name in asked if name in names}
    bad |= {name: "marked as bad in the recording" for name in marked if name in names}
    return Channels(tuple(picks), mne.pick_info(info, picks), tuple(names), placed, bad, notes)


def _known(name: str, raw: mne.io.BaseRaw, info: mne.Info) -> Sequence[str]:
    for names in (info["ch_names"], raw.ch_names):
        if name in names:
            return [info["ch_names"][names.index(name)]]
    raise OptionError(
        "bad channels", wanted="channels of the recording", got=name, remedy="check how it is written"
    )
