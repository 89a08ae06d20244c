"""A cleaned session: data, what was decided, and the account of it all as JSON types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from mien import __version__
from mien.core.records import Json, to_json
from mien.core.time import FloatArray
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.components import Components
from mien.signals.eeg.decisions import Decisions
from mien.signals.eeg.low_rate import Flags, LowRate
from mien.signals.eeg.montage import repair_raw

if TYPE_CHECKING:
    import mne


@dataclass(frozen=True, slots=True, eq=False)
class CleanedSession:
    """A cleaned EEG and how it came about.

    Parameters
    ----------
    data
        Shape (n_channels, n_samples), volts, average reference.
    rate_hz, channels, start_s
        Samples per second, names, and the master clock's time of the first sample.
    bad
        Which samples lie in a span annotated as bad, (n_samples,); their data are kept.
    report
        JSON types: settings, channels, every component with all that decided on it, notes, versions.
    components, decisions
        The decomposition and what was decided on it; None where there was none.
    """

    data: FloatArray
    rate_hz: float
    channels: tuple[str, ...]
    start_s: float
    bad: Flags
    report: dict[str, Json]
    components: Components | None
    decisions: Decisions | None

    def as_raw(self) -> mne.io.RawArray:
        """The same as MNE's Raw, with standard positions and spans annotated as bad."""
        import mne

        info = mne.create_info(list(self.channels), self.rate_hz, "eeg")
        raw, _ = repair_raw(mne.io.RawArray(self.data, info, verbose="ERROR"))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.bad, [0]]))) / self.rate_hz
        spans = edges.reshape(-1, 2)
        return raw.set_annotations(mne.Annotations(spans[:, 0], np.diff(spans)[:, 0], "BAD_recording"))


def account(
    settings: CleaningSettings,
    low: LowRate,
    kept: Sequence[str],
    bad: dict[str, str],
    components: Components | None,
    decisions: Decisions | None,
    fit: dict[str, object],
    notes: Sequence[str],
) -> dict[str, Json]:
    """The report of a session: see `CleanedSession`; `fit` says what the components were found on."""
    versions = {"mien": __version__, "mne": version("mne"), "numpy": np.__version__}
    if decisions is not None and decisions.iclabel is not None:
        versions |= decisions.iclabel.versions
    found = to_json(
        {
            "settings": asdict(settings),
            "recorded_hz": low.recorded_hz,
            "duration_s": low.n_samples / low.rate_hz,
            "notched_hz": low.notched_hz,
            "channels": list(kept),
            "bad_channels": bad,
            "fit": fit,
            "components": []
            if components is None or decisions is None
            else decisions.entries(components.variance_share),
            "removed": [] if decisions is None else decisions.removed,
            "muscle_like": []
            if decisions is None or decisions.muscle is None
            else np.flatnonzero(decisions.muscle.flagged),
            "notes": list(notes),
            "versions": versions,
        }
    )
    assert isinstance(found, dict)
    return found
