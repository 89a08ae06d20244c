"""Time-domain HRV of short epochs beside `nk.hrv_time`, called epoch by epoch on the same sliced peaks.

The toolkit measures all its features, its artefact rule included; compared are those whose definition is
NeuroKit2's (TINN differs by decision).
"""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np

from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.signals.physio import hrv
from mien.signals.physio.beats import beat_cycles
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, by_turns

EPOCHS, EPOCH_S = 500, 10.0
SHARED = {"mean_nn_ms": "MeanNN", "sdnn_ms": "SDNN", "rmssd_ms": "RMSSD", "iqr_nn_ms": "IQRNN", "hti": "HTI"}
TOLERANCE = 1e-9


def hearts(n: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Beats of a wandering heart, whole milliseconds, and n windows of 10 s on them, (n, 2), in seconds."""
    rng = np.random.default_rng(seed)
    rr = 0.85 + 0.03 * np.sin(np.arange(40_000) / 5) + rng.normal(0, 0.02, 40_000)
    beats = np.round(np.cumsum(rr), 3)
    starts = rng.uniform(beats[0], beats[-1] - EPOCH_S, n)
    return beats.astype(np.float64), np.stack([starts, starts + EPOCH_S], axis=1)


def by_mien(beats: FloatArray, windows: FloatArray) -> dict[str, FloatArray]:
    """All time-domain features of every window, artefact rule included."""
    whole = Signal(np.zeros(int(beats[-1]) + 2), rate_hz=1.0, unit="mV", name="ECG")
    return hrv.time_domain(beat_cycles(beats, whole).matrix_ms(windows))


def by_neurokit(beats: FloatArray, windows: FloatArray) -> dict[str, FloatArray]:
    """The shared features by one call of NeuroKit2 per window, on the beats inside."""
    import neurokit2 as nk

    bounds = np.searchsorted(beats, windows)
    samples = np.rint(beats * 1000).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [nk.hrv_time(samples[first:last], sampling_rate=1000) for first, last in bounds]
    return {
        name: np.array([table[f"HRV_{theirs}"].iloc[0] for table in found]) for name, theirs in SHARED.items()
    }


def measure(setting: Setting, *, n: int = EPOCHS) -> tuple[Row, ...]:
    """One row: both on the same windows."""
    beats, windows = hearts(n)
    ours, theirs = by_mien(beats, windows), by_neurokit(beats, windows)
    apart = max(float(np.max(np.abs(ours[name] / theirs[name] - 1))) for name in SHARED)
    taken = by_turns(
        {"mien": lambda: by_mien(beats, windows), "NeuroKit2": lambda: by_neurokit(beats, windows)}, setting
    )
    row = Row(
        what=f"time-domain HRV of {n:,} epochs of {EPOCH_S:g} s",
        n=n,
        unit="epochs",
        seconds=taken["mien"],
        agreement=Agreement(
            apart <= TOLERANCE,
            f"{len(SHARED)} measures, relative {TOLERANCE:g}",
            f"largest relative difference {apart:.1g}",
        ),
        peer=f"NeuroKit2 {version('neurokit2')}, nk.hrv_time on sliced peaks",
        peer_seconds=taken["NeuroKit2"],
        asked=(Demand("rate", 20_000, "20,000 epochs/s a core"), Demand("ratio", 30, "30x")),
    )
    return (row,)


WORK = Work(
    name="hrv",
    title="time-domain HRV of short epochs",
    asked="20,000 epochs/s a core and 30x nk.hrv_time, equal to it",
    measure=measure,
    needs={"neurokit2": "signals"},
    of=("mien.speed.heart_rate_variability", "mien.signals.physio.hrv", "mien.signals.physio.beats"),
)
