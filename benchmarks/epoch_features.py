"""Speed of epoch features of peripheral physiology, in one process and one thread.

Time-domain HRV of 20,000 windows of 10 s (500 beside `nk.hrv_time`: `mien speed --only hrv`); and one
simulated trial of 60 s with five signals at 1000 Hz, from raw samples to every feature of windows of 3, 5, 10
and 15 s before and after two apexes (16 windows), with band powers from the whole trial. The 2,890 trials of
MMME are an estimate: that many times one trial.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.core.signal import Signal
from mien.signals.physio import measure
from mien.signals.physio.epochs import around
from mien.simulate.bodies import BodyPlan, simulate_body
from mien.speed.heart_rate_variability import by_mien, hearts

FloatArray = NDArray[np.float64]
Row = dict[str, str | int | float | None]

REPEATS = 5
N_TRIALS = 2_890
HALF_WIDTHS_S = (3.0, 5.0, 10.0, 15.0)


def median_seconds(work: Callable[[], object]) -> float:
    """Median time of `REPEATS` runs after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


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


def main(*, n: int = 20_000) -> list[Row]:
    """Measure, print a small table, and return its rows."""
    beats, windows = hearts(n)
    rows = [
        _row(f"time-domain HRV, {n:,} windows of 10 s", n, median_seconds(lambda: by_mien(beats, windows))),
    ]
    signals, at_apexes = trial()
    for recipe in ("recommended", "paper"):
        seconds = median_seconds(
            lambda recipe=recipe: measure(signals, at_apexes, recipe=recipe, context_s=60.0)
        )
        rows.append(_row(f"trial of 60 s, 5 signals at 1000 Hz, 16 windows, {recipe}", 1, seconds))
        rows.append(_row(f"{N_TRIALS:,} such trials, {recipe} (estimated)", N_TRIALS, N_TRIALS * seconds))
    print(f"{'work':<66}{'median s':>10}{'n / s':>12}")
    for row in rows:
        print(f"{row['name']:<66}{row['median_s']:>10.4f}{row['n'] / row['median_s']:>12,.0f}")
    return rows


def _row(name: str, n: int, median_s: float) -> Row:
    return {"name": name, "n": n, "median_s": median_s}


if __name__ == "__main__":
    main()
