"""A session's EEG without artefacts: read once in flat memory, cleaned by one matrix, with a full account.

Everything that acts across channels (the average reference, what takes components out, interpolation of bad
channels) is linear and instantaneous, so it is one matrix, applied last, to data filtered and brought to the
low rate channel by channel. Nothing is filled in time: a channel with missing samples is a bad channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.signals.eeg.adjust import NEIGHBOURS, polar, regions
from mien.signals.eeg.bad_channels import find_bad_channels
from mien.signals.eeg.bands import BANDS, filtered, resampled
from mien.signals.eeg.channels import BESIDE, Channels, read_session
from mien.signals.eeg.cleaned import CleanedSession, account
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.components import FIT_BAND_HZ, Components, FitCopy, fit_components, fit_copy
from mien.signals.eeg.decisions import Decisions, judge
from mien.signals.eeg.low_rate import Flags, LowRate
from mien.signals.eeg.montage import standard_positions

if TYPE_CHECKING:
    import mne

ORDERS = ("broadband", "band-split-first")
_FEWEST_TO_INTERPOLATE = 8
_CHUNK = 65536  # samples through the matrix at a time


def clean_session(
    raw: mne.io.BaseRaw, settings: CleaningSettings | None = None, *, start_s: float = 0.0
) -> CleanedSession:
    """The EEG of a session without artefacts.

    Where components cannot be found or judged (too few channels or seconds, no positions), the result is
    filtered, re-referenced and has its bad channels interpolated, and a note says why it is not cleaned.

    Parameters
    ----------
    raw
        MNE's Raw, best not loaded: it is read a minute at a time and not changed.
    start_s
        The master clock's time at the recording's first sample.

    Raises
    ------
    DataError
        If there is no EEG channel, the recording is shorter than 8 s, sampled too slowly for the band, or
        half of its channels or more are bad.
    OptionError
        If a channel named bad is not there, a method needs what the recording lacks (EOG for "eog", a
        position for "iclabel"), or a package is missing.
    """
    settings = settings or CleaningSettings()
    low, channels = read_session(raw, settings)
    return _clean(low, channels, settings, start_s=start_s, fit_band=FIT_BAND_HZ, last=True)


def clean_bands(
    raw: mne.io.BaseRaw,
    settings: CleaningSettings | None = None,
    *,
    order: str = "broadband",
    start_s: float = 0.0,
) -> Iterator[tuple[str, CleanedSession]]:
    """The five bands of a cleaned session, one after another: name, and data of that band.

    Parameters
    ----------
    order
        "broadband": components are found once, then bands are split. "band-split-first": MMME's order, a
        decomposition and its decisions in each band by itself; see `components` on why that is doubtful.

    Raises
    ------
    DataError, OptionError
        As `clean_session`; and OptionError for another order.
    """
    settings = settings or CleaningSettings()
    if order not in ORDERS:
        raise OptionError("order", wanted=f"one of {', '.join(ORDERS)}", got=order, remedy="choose one")
    return _bands(raw, settings, order, start_s)


def _bands(
    raw: mne.io.BaseRaw, settings: CleaningSettings, order: str, start_s: float
) -> Iterator[tuple[str, CleanedSession]]:
    if order == "broadband":
        whole = clean_session(raw, settings, start_s=start_s)
        for name, (low_hz, high_hz) in BANDS.items():
            data = filtered(whole.data, whole.rate_hz, low_hz, high_hz)
            yield name, replace(whole, data=data, report={**whole.report, "band": name, "order": order})
        return
    low, channels = read_session(raw, settings)
    for name, edges in BANDS.items():
        mine = replace(settings, band_hz=edges)
        found = _clean(low, channels, mine, start_s=start_s, fit_band=edges, last=name == [*BANDS][-1])
        yield name, replace(found, report={**found.report, "band": name, "order": order})


# --- cleaning


def _clean(
    low: LowRate,
    channels: Channels,
    settings: CleaningSettings,
    *,
    start_s: float,
    fit_band: tuple[float, float],
    last: bool,
) -> CleanedSession:
    notes = list(channels.notes)
    bad = dict(channels.bad)
    usable = [name for name in channels.eeg if name not in bad]
    if not usable:
        raise DataError(
            "EEG", wanted="one or more usable channels", got="none", remedy="check the channels named bad"
        )
    copy = fit_copy(low, usable, band_hz=fit_band, minutes=settings.fit_minutes)
    # Without asking, flat ones go even where someone else named the bad ones.
    found = find_bad_channels(copy.blocks, usable)
    bad |= {name: why for name, why in found.items() if settings.bad_channels is None or "flat" in why}
    good = [name for name in channels.eeg if name not in bad]
    components, decisions = _components(low, channels, settings, _only(copy, good), notes)
    kept, matrix = _matrix(channels, good, components, decisions, notes)
    fit_info = {
        "minutes": copy.values.shape[1] / copy.rate_hz / 60,
        "rate_hz": copy.rate_hz,
        "band_hz": copy.band_hz,
        "share": copy.values.shape[1] / low.n_samples,
        "seconds": None if components is None else components.seconds,
        "rank": None if components is None else components.maps.shape[1],
    }
    del copy  # before the largest array is made
    rate_hz = min(settings.rate_hz, low.rate_hz)
    data = _filtered(low, channels.eeg, rate_hz, settings.band_hz, last=last)
    data = _through(matrix, data)
    return CleanedSession(
        data=data,
        rate_hz=rate_hz,
        channels=kept,
        start_s=start_s,
        bad=_at_rate(low.bad, low.rate_hz, rate_hz, data.shape[1]),
        report=account(settings, low, kept, bad, components, decisions, fit_info, notes),
        components=components,
        decisions=decisions,
    )


def _only(copy: FitCopy, names: Sequence[str]) -> FitCopy:
    if tuple(names) == copy.names:
        return copy
    rows = [copy.names.index(name) for name in names]
    return replace(copy, names=tuple(names), values=copy.values[rows])


def _components(
    low: LowRate, channels: Channels, settings: CleaningSettings, copy: FitCopy, notes: list[str]
) -> tuple[Components | None, Decisions | None]:
    """The decomposition and the decisions; where there can be none, a note says why."""
    if settings.method == "none":
        notes.append("no component was looked for: the method is none")
        return None, None
    try:
        if settings.method == "adjust":  # what cannot be judged need not be decomposed
            _check_places(copy.names)
        components = fit_components(
            copy,
            channels.info,
            beside=_beside(low, channels, settings, copy),
            method=settings.ica,
            seed=settings.seed,
        )
        decisions = judge(components, settings)
    except DataError as error:
        notes.append(f"no artefact component was taken out: {error}")
        return None, None
    notes.extend(components.notes)
    notes.extend(decisions.notes)
    return components, decisions


def _check_places(names: Sequence[str]) -> None:
    if len(names) <= NEIGHBOURS:
        raise DataError(
            "EEG channels",
            wanted=f"at least {NEIGHBOURS + 1} for ADJUST",
            got=len(names),
            remedy="choose the method eog if there are EOG channels",
        )
    places = standard_positions(names)
    if not np.isfinite(places).all():
        raise DataError(
            "EEG channels",
            wanted="known positions",
            got="labels without one",
            remedy="choose the method eog, or give channels their standard names",
        )
    regions(*polar(places))


def _beside(low: LowRate, channels: Channels, settings: CleaningSettings, copy: FitCopy) -> FitCopy | None:
    names = [
        name
        for name, kind, missing in zip(low.names, low.types, low.missing, strict=True)
        if kind in BESIDE and not missing
    ]
    if not names or not (settings.method == "eog" or settings.ecg):
        return None
    return fit_copy(low, names, band_hz=copy.band_hz, minutes=settings.fit_minutes)


def _matrix(
    channels: Channels,
    good: Sequence[str],
    components: Components | None,
    decisions: Decisions | None,
    notes: list[str],
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the result's channels, and the matrix (n_kept, n_eeg) that makes them of the recorded ones."""
    n, n_good = len(channels.eeg), len(good)
    rows = [channels.eeg.index(name) for name in good]
    clean = np.zeros((n, n))
    inner = np.eye(n_good) - 1 / n_good if n_good > 1 else np.eye(1)
    if components is not None and decisions is not None:
        inner = components.without(decisions.removed.tolist()) @ inner
    clean[np.ix_(rows, rows)] = inner
    lost = [name for name in channels.eeg if name not in good]
    kept = list(range(n))
    if lost and channels.placed and n_good >= _FEWEST_TO_INTERPOLATE:
        clean = _interpolation(channels, lost) @ clean
    elif lost:
        notes.append(f"not interpolated but left out: {', '.join(lost)}")
        kept = rows
    if n_good == 1:
        notes.append("one channel: no average reference")
        return tuple(channels.eeg[row] for row in kept), clean[kept]
    clean = clean[kept] - clean[kept].mean(axis=0)
    return tuple(channels.eeg[row] for row in kept), clean


def _interpolation(channels: Channels, lost: Sequence[str]) -> FloatArray:
    """Spherical splines (Perrin et al. 1989) as a matrix: MNE interpolates the unit matrix."""
    import mne

    info = mne.pick_info(channels.info, [channels.info["ch_names"].index(name) for name in channels.eeg])
    unit = mne.io.RawArray(np.eye(len(channels.eeg)), info, verbose="ERROR")
    unit.info["bads"] = list(lost)
    return np.asarray(unit.interpolate_bads(verbose="ERROR").get_data())


def _filtered(
    low: LowRate, names: Sequence[str], rate_hz: float, band_hz: tuple[float, float], *, last: bool
) -> FloatArray:
    made = None
    for number, name in enumerate(names):
        row = filtered(resampled(low.row(name), low.rate_hz, rate_hz), rate_hz, *band_hz)
        if made is None:
            made = np.empty((len(names), row.size))
        made[number] = row
        if last:  # its memory is now the result's
            low.rows[low.names.index(name)] = np.empty(0, dtype=np.float32)
    assert made is not None
    return made


def _through(matrix: FloatArray, data: FloatArray) -> FloatArray:
    for start in range(0, data.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        data[: len(matrix), part] = matrix @ data[:, part]
    return data[: len(matrix)]


def _at_rate(bad: Flags, from_hz: float, to_hz: float, n: int) -> Flags:
    """Bad spans at another rate, grown rather than shrunk, (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bad, [0]]))).reshape(-1, 2)
    made = np.zeros(n, dtype=bool)
    for first, last in edges:
        made[int(first * to_hz / from_hz) : int(np.ceil(last * to_hz / from_hz)) + 1] = True
    return made
