"""What ICLabel's network thinks of each component, through mne-icalabel and its ONNX backend.

Pion-Tonachini, Kreutz-Delgado & Makeig (2019), doi:10.1016/j.neuroimage.2019.05.026. The network was trained
on components of extended infomax, from recordings of 1 to 100 Hz with the average reference. It answers for
other data as well; what deviates is said in a note, since nobody has measured how much the answer suffers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray

if TYPE_CHECKING:
    import mne

CLASSES = ("brain", "muscle", "eye", "heart", "line noise", "channel noise", "other")
UNSURE = "unsure"
# EEGLAB's default for flagging eyes and muscle (pop_icflag).
THRESHOLD = 0.9
_RATE_HZ = 200.0  # 100 Hz of spectrum need it


@dataclass(frozen=True, slots=True, eq=False)
class IcLabels:
    """Probabilities and decisions.

    Parameters
    ----------
    probabilities
        Shape (n_components, 7), columns as `CLASSES`; rows sum to 1.
    decisions
        The most probable class where it reaches the threshold, "unsure" elsewhere.
    threshold
        As given.
    notes
        In what the recording deviates from those the network was trained on.
    versions
        Of mne-icalabel and onnxruntime.
    """

    probabilities: FloatArray
    decisions: tuple[str, ...]
    threshold: float
    notes: tuple[str, ...]
    versions: Mapping[str, str]

    def of(self, component: int) -> dict[str, float]:
        """Class -> probability of one component."""
        return dict(zip(CLASSES, self.probabilities[component].tolist(), strict=True))


def label_components(
    ica: mne.preprocessing.ICA,
    raw: mne.io.BaseRaw,
    *,
    threshold: float = THRESHOLD,
    low_hz: float = 1.0,
    high_hz: float | None = None,
) -> IcLabels:
    """The network's seven probabilities for every component of a fitted ICA.

    Parameters
    ----------
    ica, raw
        The decomposition, and the recording it was fitted on, in volts, with positions.
    threshold
        Least probability of a decision, 0 to 1.
    low_hz, high_hz
        The band of the recording, for the notes; None for the low-pass that MNE knows of.

    Raises
    ------
    OptionError
        If mne-icalabel or onnxruntime is not installed, or the threshold is no probability.
    DataError
        If a channel has no position, or the recording is too short or otherwise unfit for the features.
    """
    if not 0 <= threshold <= 1:
        raise OptionError(
            "ICLabel's threshold", wanted="0 to 1", got=threshold, remedy="give a probability, as 0.9"
        )
    try:
        import mne
        import mne_icalabel
        import onnxruntime
        from mne_icalabel.iclabel import iclabel_label_components
    except ImportError as error:
        raise OptionError(
            "method iclabel",
            wanted="the packages mne-icalabel and onnxruntime",
            got=f"no {error.name}",
            remedy="install mien[signals], or choose the method adjust",
        ) from error
    _check(ica, raw)
    try:
        with mne.utils.use_log_level("ERROR"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings are our notes
            found = iclabel_label_components(raw, ica, inplace=False, backend="onnx")
    except Exception as error:  # whatever its feature code trips over
        raise DataError(
            "EEG",
            wanted="a recording that ICLabel's features can be computed from",
            got=f"{type(error).__name__}: {str(error)[:120]}",
            remedy="choose the method adjust or eog",
        ) from error
    probabilities = np.asarray(found, dtype=np.float64)
    best = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= threshold
    return IcLabels(
        probabilities=probabilities,
        decisions=tuple(CLASSES[k] if ok else UNSURE for k, ok in zip(best, sure, strict=True)),
        threshold=threshold,
        notes=_deviations(ica, raw, low_hz, high_hz),
        versions=MappingProxyType(
            {"mne-icalabel": mne_icalabel.__version__, "onnxruntime": onnxruntime.__version__}
        ),
    )


def _check(ica: mne.preprocessing.ICA, raw: mne.io.BaseRaw) -> None:
    places = {channel["ch_name"]: channel["loc"][:3] for channel in raw.info["chs"]}
    lost = [name for name in ica.ch_names if not np.isfinite(places.get(name, np.nan)).all()]
    if lost:
        raise DataError(
            "EEG",
            wanted="a position for every channel of the ICA",
            got=f"none for {', '.join(lost[:5])}{' and others' if len(lost) > 5 else ''}",
            remedy="give channels their standard names (montage.repair_raw), or choose the method eog",
        )


def _deviations(
    ica: mne.preprocessing.ICA, raw: mne.io.BaseRaw, low_hz: float, high_hz: float | None
) -> tuple[str, ...]:
    rate_hz = float(raw.info["sfreq"])
    top = float(raw.info["lowpass"] or rate_hz / 2) if high_hz is None else high_hz
    notes = []
    if (low_hz, top) != (1.0, 100.0):
        notes.append(f"ICLabel was trained on 1 to 100 Hz, this is {low_hz:g} to {top:g} Hz")
    if rate_hz < _RATE_HZ:
        notes.append(f"at {rate_hz:g} Hz ICLabel's spectrum ends at {rate_hz / 2:g} Hz and is continued flat")
    if not raw.info["custom_ref_applied"]:
        notes.append("ICLabel was trained on the average reference, this recording has another")
    extended = ica.method in ("infomax", "picard") and ica.fit_params.get("extended", False)
    if not extended or (ica.method == "picard" and ica.fit_params.get("ortho", True)):
        notes.append(f"ICLabel was trained on extended infomax, this is {ica.method}")
    return tuple(notes)
