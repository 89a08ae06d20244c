"""Speed of epoch features of peripheral physiology, in one process and one thread.

Time-domain HRV of 10 s windows beside `nk.hrv_time` called on the same sliced peaks, window by window; and
one simulated trial of 60 s with five signals at 1000 Hz, from raw samples to every feature of windows of 3,
5, 10 and 15 s before and after two apexes (16 windows), with band powers from the whole trial. The 2,890
trials of MMME are an estimate: that many times one trial.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.signals.physio import hrv, measure
from mien.signals.physio.beats import beat_cycles
from mien.signals.physio.epochs import around
from mien.simulate.bodies import BodyPlan, simulate_body

FloatArray = NDArray[np.float64]
Row = dict[str, str | int | float | None]

REPEATS = 5
EPOCH_S = 10.0
N_TRIALS = 2_890
HALF_WIDTHS_S = (3.0, 5.0, 10.0, 15.0)
# Features whose definition is NeuroKit2's; TINN differs by decision.
SHARED = {"mean_nn_ms": "MeanNN", "sdnn_ms": "SDNN", "rmssd_ms": "RMSSD", "iqr_nn_ms": "IQRNN", "hti": "HTI"}


def median_seconds(work: Callable[[], object]) -> float:
    """Median time of `REPEATS` runs after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def hearts(n: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Beats of a wandering heart, whole milliseconds, and n windows of 10 s on them."""
    rng = np.random.default_rng(seed)
    rr = 0.85 + 0.03 * np.sin(np.arange(40_000) / 5) + rng.normal(0, 0.02, 40_000)
    beats = np.round(np.cumsum(rr), 3)
    starts = rng.uniform(beats[0], beats[-1] - EPOCH_S, n)
    return beats, np.stack([starts, starts + EPOCH_S], axis=1)


def by_mien(beats: FloatArray, windows: FloatArray) -> dict[str, FloatArray]:
    """All time-domain features of every window, artefact rule included."""
    whole = Signal(np.zeros(int(beats[-1]) + 2), rate_hz=1.0, unit="mV", name="ECG")
    return hrv.time_domain(beat_cycles(beats, whole).matrix_ms(windows))


def by_neurokit(beats: FloatArray, windows: FloatArray) -> dict[str, FloatArray]:
    """The same features by one call of NeuroKit2 per window, on the beats inside."""
    import neurokit2 as nk

    bounds = np.searchsorted(beats, windows)
    samples = np.rint(beats * 1000).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [nk.hrv_time(samples[first:last], sampling_rate=1000) for first, last in bounds]
    return {
        name: np.array([table[f"HRV_{theirs}"].iloc[0] for table in found]) for name, theirs in SHARED.items()
    }


def trial(*, seed: int = 0) -> tuple[dict[str, Signal], FloatArray]:
    """Five signals of one simulated trial of 60 s, and its 16 windows."""
    body = simulate_body(BodyPlan(duration_s=60.0, rate_hz=1000.0), np.random.default_rng(seed))
    signals = {
        kind: Signal(values, rate_hz=1000.0, unit=unit, name=kind)
        for kind, values, unit in (
            ("ecg", body.ecg_mv, "mV"),
            ("ppg", body.ppg_v, "V"),
            ("rsp", body.rsp_v, "V"),
            ("eda", body.eda_us, "uS"),
            ("skt", body.skt_c, "degC"),
        )
    }
    apexes = [20.0, 35.0]
    windows = [around(apexes, before_s=d, after_s=0.0) for d in HALF_WIDTHS_S]
    windows += [around(apexes, before_s=0.0, after_s=d) for d in HALF_WIDTHS_S]
    return signals, np.concatenate(windows)


def main(*, n: int = 20_000, n_peer: int = 500) -> list[Row]:
    """Measure, print a small table, and return its rows."""
    beats, windows = hearts(n)
    few = windows[:n_peer]
    ours, theirs = by_mien(beats, few), by_neurokit(beats, few)
    for name in SHARED:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9)
    rows = [
        _row(
            f"time-domain HRV, {n_peer:,} windows of 10 s",
            n_peer,
            median_seconds(lambda: by_mien(beats, few)),
            ("nk.hrv_time", median_seconds(lambda: by_neurokit(beats, few))),
        ),
        _row(f"time-domain HRV, {n:,} windows of 10 s", n, median_seconds(lambda: by_mien(beats, windows))),
    ]
    signals, at_apexes = trial()
    for recipe in ("recommended", "paper"):
        seconds = median_seconds(
            lambda recipe=recipe: measure(signals, at_apexes, recipe=recipe, context_s=60.0)
        )
        rows.append(_row(f"trial of 60 s, 5 signals at 1000 Hz, 16 windows, {recipe}", 1, seconds))
        rows.append(_row(f"{N_TRIALS:,} such trials, {recipe} (estimated)", N_TRIALS, N_TRIALS * seconds))
    print(f"{'work':<66}{'median s':>10}{'n / s':>12}{'peer s':>9}{'ratio':>7}")
    for row in rows:
        peer = "-" if row["peer_median_s"] is None else f"{row['peer_median_s']:.2f}"
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.0f}"
        per_s = row["n"] / row["median_s"]
        print(f"{row['name']:<66}{row['median_s']:>10.4f}{per_s:>12,.0f}{peer:>9}{ratio:>7}")
    return rows


def _row(name: str, n: int, median_s: float, peer: tuple[str, float] | None = None) -> Row:
    return {
        "name": name,
        "n": n,
        "median_s": median_s,
        "peer": None if peer is None else peer[0],
        "peer_median_s": None if peer is None else peer[1],
        "ratio": None if peer is None else peer[1] / median_s,
    }


if __name__ == "__main__":
    main()
