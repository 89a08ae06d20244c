"""Speed and memory of cleaning a session's EEG.

Bands: 60 s of noise, 64 channels at 1000 Hz, to five FIR bands: the filters alone at 128 and at 1000 Hz; then
with lowering counted, rate lowered first beside bands first and the rate of each lowered afterwards (MMME's
order), all in one thread. ICA: FastICA on 32 channels,
in processes with one and with two BLAS threads. Cleaning: a simulated BrainVision file, float32, 64 channels
at 1000 Hz, read lazily in a process of its own at two lengths; what 70 minutes take is extrapolated along the
line through both, but for the time of ICA, which sees 10 minutes of any longer session.
"""

from __future__ import annotations

import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mien.signals.eeg import resampled, split
from mien.simulate.brains import CAP

Row = dict[str, str | int | float | None]

REPEATS = 5
RATE_HZ = 1000.0
SESSION_MIN = 70.0
LENGTHS_MIN = (12.0, 18.0)  # both longer than what ICA sees, which then costs the same


def seconds(work: Callable[[], object]) -> list[float]:
    """Process times of five runs after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return times


def write_session(path: Path, minutes: float) -> Path:
    """A BrainVision file of smooth sources and noise, written a minute at a time; returns its header."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((64, 40)) * 1e-5
    names = "\n".join(f"Ch{k + 1}={name},,1,V" for k, name in enumerate(CAP))
    header = path / "session.vhdr"
    header.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=session.eeg\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=64\n"
        f"SamplingInterval={1e6 / RATE_HZ:g}\n\n[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n"
        f"[Channel Infos]\n{names}\n"
    )
    with open(path / "session.eeg", "wb") as file:
        for _ in range(round(minutes)):
            n = round(60 * RATE_HZ)
            sources = np.cumsum(rng.laplace(size=(40, n)), axis=1)
            sources = (sources - np.linspace(0, 1, n) * sources[:, -1:]) / 100
            part = mixing @ sources + 1e-6 * rng.standard_normal((64, n))
            file.write(part.T.astype("<f4").tobytes())
    return header


def clean(header: str) -> None:
    """What the process of its own does: prints seconds and peak memory as JSON."""
    import mne

    from mien.signals.eeg.cleaning import clean_session

    start, cpu = time.perf_counter(), time.process_time()
    raw = mne.io.read_raw_brainvision(header, preload=False, verbose="ERROR")
    session = clean_session(raw)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "gib": peak,
        "ica": session.report["fit"]["seconds"],  # type: ignore[index,call-overload]
    }
    print(json.dumps(found))


def ica() -> None:
    """What the processes with one and two BLAS threads do: prints seconds."""
    import mne

    rng = np.random.default_rng(0)
    values = rng.standard_normal((32, 32)) @ rng.laplace(size=(32, 40_000)) * 1e-6
    raw = mne.io.RawArray(values, mne.create_info(32, 200.0, "eeg"), verbose="ERROR")
    made = mne.preprocessing.ICA(32, method="fastica", max_iter=50, random_state=0, verbose="ERROR")
    start = time.perf_counter()
    made.fit(raw, verbose="ERROR")
    print(json.dumps({"seconds": time.perf_counter() - start}))


def child(function: str, *arguments: str, threads: int = 1) -> dict[str, float]:
    """A function of this module in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    program = f"import sys; from benchmarks import eeg_cleaning as b; b.{function}(*sys.argv[1:])"
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env=environment,
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return found


def main(*, lengths_min: tuple[float, float] = LENGTHS_MIN) -> list[Row]:
    """Measure, print, and return the rows."""
    data = np.random.default_rng(0).standard_normal((64, 60_000))
    after = seconds(lambda: split(resampled(data, RATE_HZ, 128.0), 128.0))
    before = seconds(lambda: resampled(split(data, RATE_HZ), RATE_HZ, 128.0))
    mine, peer = statistics.median(after), statistics.median(before)
    low = resampled(data, RATE_HZ, 128.0)
    at_low, at_high = (statistics.median(seconds(work)) for work in (
        lambda: split(low, 128.0), lambda: split(data, RATE_HZ)))  # fmt: skip
    rows: list[Row] = [
        {
            "name": "five bands of 64 x 60 s, filters alone, at 128 Hz",
            "n": 64,
            "median_s": at_low,
            "peer": "at 1000 Hz",
            "peer_median_s": at_high,
            "ratio": at_high / at_low,
        },
        {
            "name": "five bands of 64 x 60 s at 128 Hz in the end, rate lowered first",
            "n": 64,
            "median_s": mine,
            "peer": "bands at 1000 Hz, then 128 Hz",
            "peer_median_s": peer,
            "ratio": peer / mine,
        },
    ]
    one, two = (statistics.median(child("ica", threads=k)["seconds"] for _ in range(3)) for k in (1, 2))
    rows.append(
        {
            "name": "FastICA, 32 x 40,000, 50 steps, one BLAS thread (wall, three runs)",
            "n": 32,
            "median_s": one,
            "peer": "two BLAS threads",
            "peer_median_s": two,
            "ratio": two / one,
        }
    )
    found = []
    for minutes in lengths_min:
        with tempfile.TemporaryDirectory() as folder:
            found.append(child("clean", str(write_session(Path(folder), minutes))))
        words = f"cleaning {minutes:g} min of 64 x 1000 Hz (one run, CPU, peak {found[-1]['gib']:.2f} GiB)"
        rows.append({"name": words, "n": 1, "median_s": found[-1]["cpu"]})
    gib = _line(lengths_min, [f["gib"] for f in found])
    cpu = _line(lengths_min, [f["cpu"] - f["ica"] for f in found]) + max(f["ica"] for f in found)
    words = f"the same, {SESSION_MIN:g} min, extrapolated (CPU, peak {gib:.2f} GiB)"
    rows.append({"name": words, "n": 1, "median_s": cpu})
    for row in rows:
        beside = (
            "" if row.get("ratio") is None else f", beside {row['peer_median_s']:.2f} s: {row['ratio']:.1f}x"
        )
        print(f"{row['name']}: {row['median_s']:.2f} s{beside}")
    print("components alone, CPU: " + ", ".join(f"{f['ica']:.1f} s" for f in found))
    return rows


def _line(lengths: tuple[float, float], values: list[float]) -> float:
    slope = (values[1] - values[0]) / (lengths[1] - lengths[0])
    return values[1] + slope * (SESSION_MIN - lengths[1])


if __name__ == "__main__":
    main()
