"""Independent components of a session, found once on the broad band, in bounded time.

The decomposition is found on a copy: 1 Hz on (slow drift is what ICA takes for sources), to 100 Hz or as high
as the rate allows, mains out, average reference, good channels only, as many components as the copy has rank.
It needs about 30 samples for each squared channel number (Onton & Makeig 2006,
doi:10.1016/S0079-6123(06)59007-7): 10 minutes at 250 Hz are 39 for 62 channels, so a session is not used
whole but by runs of 30 s, spread evenly over it. Its spatial filters then hold for the session in any band.

MMME (section 4.2.2) splits bands first, lowers the rate, and looks for components in each band by itself.
That order is doubtful. ADJUST's features are made for the broad band: kurtosis and variance over epochs tell
blinks by their slow, large bumps, which no band from 4 Hz on holds, and a narrow band of anything is close to
Gaussian, which ICA cannot take apart. Five decompositions also mean five un-mixings, with a blink removed
from one band and left in the next. `cleaning.clean_bands` offers that order for comparison.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray
from mien.signals.eeg.bands import filtered
from mien.signals.eeg.low_rate import Float32, LowRate

if TYPE_CHECKING:
    import mne

FIT_BAND_HZ = (1.0, 100.0)
BLOCK_S = 5.0  # ADJUST's epochs: a run is cut nowhere else
RUN_BLOCKS = 6
WANTED_PER_SQUARE = 20  # samples per squared number of components: fewer are said
LEAST_PER_SQUARE = 5  # and so few are refused
_FASTICA_STEPS = 100
_INFOMAX_STEPS = 20
_BLOCKS_PER_KURTOSIS = 100
_LEARNING_RATE = 1e-4
_LEAST_EIGENVALUE = 1e-10  # of the largest: a hundred-thousandth of its amplitude


@dataclass(frozen=True, slots=True, eq=False)
class FitCopy:
    """What components are found on and judged by.

    Parameters
    ----------
    names
        Of the channels.
    values
        Shape (n_channels, n_samples), volts, float32: blocks of 5 s behind each other.
    rate_hz, band_hz
        Of the values.
    starts
        Sample of the low-rate recording at which each block begins, (n_blocks,).
    """

    names: tuple[str, ...]
    values: Float32
    rate_hz: float
    band_hz: tuple[float, float]
    starts: IntArray

    @property
    def blocks(self) -> Float32:
        """A view of shape (n_blocks, n_channels, n_samples of 5 s)."""
        return self.values.reshape(len(self.names), self.starts.size, -1).transpose(1, 0, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """A fitted ICA and what it was fitted on.

    Parameters
    ----------
    ica, raw
        MNE's objects: the decomposition, and the copy with the average reference, volts.
    maps, unmixing
        (n_channels, n_components) and (n_components, n_channels): volts = maps @ (unmixing @ volts), but
        for what the rank does not hold.
    variance_share
        Of each component in the variance of all channels, (n_components,).
    band_hz
        Of the copy.
    seconds
        Processor time of the fit.
    notes
        Sentences on what makes it weaker.
    """

    ica: mne.preprocessing.ICA
    raw: mne.io.RawArray
    maps: FloatArray
    unmixing: FloatArray
    variance_share: FloatArray
    band_hz: tuple[float, float]
    seconds: float
    notes: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self.ica.ch_names)

    def without(self, removed: Sequence[int]) -> FloatArray:
        """The matrix (n_channels, n_channels) that takes components out of average-referenced volts."""
        rows = list(removed)
        return np.asarray(np.eye(len(self.channels)) - self.maps[:, rows] @ self.unmixing[rows])


def fit_copy(
    low: LowRate,
    names: Sequence[str],
    *,
    band_hz: tuple[float, float] = FIT_BAND_HZ,
    minutes: float = 10.0,
) -> FitCopy:
    """Up to `minutes` of the named channels, filtered and cut; blocks that touch a bad span are left out.

    Raises
    ------
    OptionError
        If there would be no block.
    DataError
        If bad spans leave no block of 5 s.
    """
    n = round(BLOCK_S * low.rate_hz)
    wanted = int(60 * minutes / BLOCK_S) if np.isfinite(minutes) else low.n_samples
    if wanted < 1:
        raise OptionError("minutes for ICA", wanted="5 s or more", got=minutes, remedy="give 10")
    good = np.flatnonzero(~low.bad[: low.n_samples // n * n].reshape(-1, n).any(axis=1)) * n
    if not good.size:
        raise DataError(
            "EEG",
            wanted=f"{BLOCK_S:g} s in a row without a bad span",
            got="none" if low.bad.any() else f"{low.n_samples / low.rate_hz:.1f} s",
            remedy="check the spans annotated as bad, or give a longer recording",
        )
    starts = _spread(good, wanted)
    high = band_hz[1] if band_hz[1] < low.rate_hz / 2 - 1 else None
    values = np.empty((len(names), starts.size * n), dtype=np.float32)
    at = (starts[:, None] + np.arange(n)).reshape(-1)
    for row, name in enumerate(names):
        values[row] = filtered(low.row(name), low.rate_hz, band_hz[0], high)[at]
    return FitCopy(tuple(names), values, low.rate_hz, (band_hz[0], high or low.rate_hz / 2), starts)


def _spread(good: IntArray, wanted: int) -> IntArray:
    """`wanted` of the good blocks, in runs of six spread evenly over them."""
    if good.size <= wanted:
        return good.astype(np.int64)
    n_runs = max(1, wanted // RUN_BLOCKS)
    length = min(RUN_BLOCKS, wanted)
    begin = np.linspace(0, good.size - length, n_runs).round().astype(np.int64)
    return good[np.unique(begin[:, None] + np.arange(length))].astype(np.int64)


def fit_components(
    copy: FitCopy,
    info: mne.Info,
    *,
    beside: FitCopy | None = None,
    method: str = "extended-infomax",
    seed: int = 0,
) -> Components:
    """The components of a copy, in falling order of variance.

    Parameters
    ----------
    copy
        Good EEG channels; they get the average reference here.
    info
        MNE's, at the copy's rate, which knows types and positions of all channels.
    beside
        The same blocks of EOG and ECG channels, which go along into `raw`.
    method
        A key of `METHODS`.
    seed
        Equal seeds give equal components on one kind of CPU.

    Raises
    ------
    OptionError
        If the method is unknown.
    DataError
        If the copy is too short for its channels (5 samples per squared rank), or ICA fails on it.
    """
    import mne
    from threadpoolctl import threadpool_limits

    if method not in METHODS:
        raise OptionError("ICA", wanted=f"one of {', '.join(METHODS)}", got=method, remedy="choose one")
    raw = _raw(copy, info, beside)
    n_components = rank(raw.get_data(picks="eeg"))
    n = copy.values.shape[1]
    if n < LEAST_PER_SQUARE * n_components**2:
        raise DataError(
            "EEG",
            wanted=f"{LEAST_PER_SQUARE * n_components**2 / copy.rate_hz:.0f} s or more to take "
            f"{n_components} components apart",
            got=f"{n / copy.rate_hz:.0f} s",
            remedy="clean the whole session, not a trial",
        )
    start = time.process_time()
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of filters that MNE was not told of, and of convergence, said below
        ica = METHODS[method](mne, raw, n_components, seed)
    seconds = time.process_time() - start
    notes = []
    if n < WANTED_PER_SQUARE * n_components**2:
        notes.append(
            f"{n / n_components**2:.0f} samples per squared component are few ({WANTED_PER_SQUARE} wanted)"
        )
    maps, unmixing = _matrices(ica)
    values = raw.get_data(picks=ica.ch_names)
    power = (maps**2).sum(axis=0) * (unmixing @ values).var(axis=1)
    return Components(
        ica=ica,
        raw=raw,
        maps=maps,
        unmixing=unmixing,
        variance_share=np.asarray(power / values.var(axis=1).sum()),
        band_hz=copy.band_hz,
        seconds=seconds,
        notes=tuple(notes),
    )


def rank(values: FloatArray) -> int:
    """How many channels of (n_channels, n_samples) are not made of the others.

    One less than their number after an average reference; one less again for each interpolated channel and
    each that is a copy of another.
    """
    eigenvalues = np.linalg.eigvalsh(np.cov(values))
    return int(np.count_nonzero(eigenvalues > _LEAST_EIGENVALUE * eigenvalues[-1]))


# --- MNE


def _raw(copy: FitCopy, info: mne.Info, beside: FitCopy | None) -> mne.io.RawArray:
    """The copy as MNE has it, average-referenced, with what lies beside."""
    import mne

    names = [*copy.names, *(beside.names if beside is not None else ())]
    values = copy.values if beside is None else np.vstack([copy.values, beside.values])
    # MNE orders channels as the info does, which is the recording's order.
    part = mne.pick_info(info, [info["ch_names"].index(name) for name in names])
    raw = mne.io.RawArray(values, part, copy="both", verbose="ERROR")
    return raw.set_eeg_reference("average", ch_type="eeg", verbose="ERROR")


def _matrices(ica: mne.preprocessing.ICA) -> tuple[FloatArray, FloatArray]:
    """Maps (n_channels, n_components) in volts per unit of a component, and the way back."""
    n = ica.n_components_
    scale = ica.pre_whitener_
    unmixing = ica.unmixing_matrix_ @ ica.pca_components_[:n] / scale[:, 0]
    return np.asarray(ica.get_components() * scale), np.asarray(unmixing)


def _fit(mne_: Any, raw: Any, n_components: int, seed: int, method: str, **options: Any) -> Any:
    ica = mne_.preprocessing.ICA(
        n_components,
        method=method,
        random_state=seed,
        max_iter=options.pop("max_iter"),
        fit_params=options,
        verbose="ERROR",
    )
    return ica.fit(raw, picks="eeg", verbose="ERROR")


def _fastica(mne_: Any, raw: Any, n_components: int, seed: int) -> Any:
    return _fit(mne_, raw, n_components, seed, "fastica", max_iter=_FASTICA_STEPS)


def _extended_infomax(mne_: Any, raw: Any, n_components: int, seed: int) -> Any:
    """Extended infomax from where FastICA ended.

    From nothing, MNE's infomax estimates every component's kurtosis anew in each of its blocks until the
    signs have settled, and had not ended after minutes. The few steps at a small rate from here are a polish:
    whether they reach the optimum is not checked, and the result stays close to FastICA's.
    """
    start = _fastica(mne_, raw, n_components, seed)
    weights = start.unmixing_matrix_ * np.sqrt(start.pca_explained_variance_[:n_components])
    options = {"extended": True, "ext_blocks": _BLOCKS_PER_KURTOSIS, "l_rate": _LEARNING_RATE}
    steps = {"max_iter": _INFOMAX_STEPS}
    return _fit(mne_, raw, n_components, seed, "infomax", weights=weights, **options, **steps)


METHODS: Mapping[str, Callable[[Any, Any, int, int], Any]] = MappingProxyType(
    {"extended-infomax": _extended_infomax, "fastica": _fastica}
)
