"""How a session's EEG is cleaned, in one value that is written into its report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mien.core.errors import OptionError
from mien.signals.eeg.adjust import FRONT_FROM_R
from mien.signals.eeg.bands import BROADBAND_HZ, EEGNET_RATE_HZ
from mien.signals.eeg.iclabel import THRESHOLD

METHODS = ("adjust", "iclabel", "eog", "none")


@dataclass(frozen=True, slots=True)
class CleaningSettings:
    """How a session is cleaned; raises OptionError for values that cannot be.

    Parameters
    ----------
    method
        "adjust", "iclabel", "eog" (MNE's find_bads_eog with HEO and VEO) or "none".
    remove_muscle
        Whether components that look like muscle go; otherwise they are flagged and stay.
    ecg
        Whether components of the heart go, found by the ECG channel.
    with_iclabel
        Whether ICLabel's probabilities are reported beside another method's decisions.
    iclabel_threshold, front_from_r
        See `iclabel.label_components` and `adjust.adjust`.
    bad_channels
        Their names; None to find them. What MNE's `info["bads"]` names is bad in any case.
    mains_hz
        Taken out with multiples; None for no notch.
    band_hz, rate_hz
        Of the result: the edges of the passband, and the rate (or the recording's where that is lower).
    fit_minutes, ica, seed
        How much of the session ICA sees, a key of `components.METHODS`, and its seed.
    """

    method: str = "adjust"
    remove_muscle: bool = False
    ecg: bool = False
    with_iclabel: bool = False
    iclabel_threshold: float = THRESHOLD
    front_from_r: float = FRONT_FROM_R
    bad_channels: tuple[str, ...] | None = None
    mains_hz: float | None = 50.0
    band_hz: tuple[float, float] = BROADBAND_HZ
    rate_hz: float = EEGNET_RATE_HZ
    fit_minutes: float = 10.0
    ica: str = "extended-infomax"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(
                "method",
                wanted=f"one of {', '.join(METHODS)}",
                got=self.method,
                remedy="choose one of them",
            )
        low, high = self.band_hz
        for what, sound, wanted, got in (
            ("band", 0 < low < high < self.rate_hz / 2, "ascending edges below half the rate", self.band_hz),
            ("rate", math.isfinite(self.rate_hz), "a number of Hz", self.rate_hz),
            ("minutes for ICA", self.fit_minutes >= 1 / 12, "5 s or more", self.fit_minutes),
            ("ICLabel's threshold", 0 <= self.iclabel_threshold <= 1, "0 to 1", self.iclabel_threshold),
            ("mains", self.mains_hz is None or 0 < self.mains_hz < math.inf, "above 0 Hz", self.mains_hz),
            ("beginning of the front", 0 <= self.front_from_r <= 1, "0 to 1", self.front_from_r),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295", self.seed),
        ):
            if not sound:
                raise OptionError(what, wanted=wanted, got=got, remedy="choose another value")
