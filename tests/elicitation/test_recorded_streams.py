"""Streams as laboratories have them: wrong rates, lost samples, names that are shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.elicitation.recorded_streams import EvenStream, even, read_parts
from mien.recording.formats import StampedStream, XdfStream, XdfWriter


def _stream(stamps: np.ndarray, rate_hz: float) -> StampedStream:
    """Every value is the number of its sample."""
    return StampedStream(
        "amp", "EEG", rate_hz, stamps, np.arange(stamps.size)[:, None] * 1.0, ("c",), ("uV",)
    )


def _worst_ms(stream: EvenStream, stamps: np.ndarray) -> float:
    """How far samples lie from where their times say."""
    there = np.flatnonzero(np.isfinite(stream.values[0]))
    numbers = stream.values[0][there].astype(int)
    own = np.array([stream.own_s(float(at)) for at in stamps[numbers]])
    return 1e3 * float(np.abs(there / stream.rate_hz - own).max())


@pytest.mark.parametrize(
    ("true_hz", "stated_hz", "said_hz"),
    [(256, 250, 256), (250, 250, 250), (252, 250, 250), (1000 / 3, 333, 333)],
)
def test_a_rate_that_is_stated_wrongly_is_measured(true_hz: float, stated_hz: float, said_hz: float) -> None:
    stamps = 100 + np.arange(int(200 * true_hz)) / true_hz
    stream = even([_stream(stamps, stated_hz)])
    assert stream.rate_hz == said_hz
    assert stream.stated_hz == stated_hz
    assert _worst_ms(stream, stamps) < 0.1


@pytest.mark.parametrize("late_s", [0.0, 0.002])
@pytest.mark.parametrize("lost_s", [0.04, 0.2])
def test_lost_samples_are_gaps_and_what_follows_keeps_its_time(lost_s: float, late_s: float) -> None:
    rng = np.random.default_rng(3)
    true = 100 + np.arange(60_000) / 500
    kept = np.ones(true.size, bool)
    begins = (np.arange(12) * 2000 + 20_000 + rng.integers(0, 500, 12)).tolist()
    for at in begins:
        kept[at : at + round(lost_s * 500)] = False
    stream = even([_stream(true[kept] + late_s * rng.exponential(size=int(kept.sum())), 500)])
    assert len(stream.gaps_s) == 12
    assert stream.duration_s == pytest.approx(120, abs=0.01)
    assert _worst_ms(stream, true[kept]) < (0.1 if late_s == 0 else 8)


def test_late_packets_are_no_gaps() -> None:
    rng = np.random.default_rng(4)
    chunk = np.arange(60_000) // 10
    arrived = 100 + (chunk * 10 + 9) / 250 + 0.008 * rng.exponential(size=6000)[chunk]
    stream = even([_stream(arrived - (9 - np.arange(60_000) % 10) / 250, 250)])
    assert stream.gaps_s == ()
    assert stream.duration_s == 240


def test_two_devices_of_one_name_are_two_streams(tmp_path: Path) -> None:
    for part in (1, 2):
        with XdfWriter(tmp_path / f"streams_part-{part:02d}.xdf") as xdf:
            for device in (1, 2):
                number = xdf.add_stream(XdfStream("amp", "EEG", "double64", ("c",), ("uV",), rate_hz=250))
                stamps = 100.0 * part + np.arange(250 * 20) / 250
                xdf.samples(number, stamps, np.full((stamps.size, 1), 10.0 * device + part))
    one, two = read_parts(tmp_path, {})
    assert (one.name, two.name) == ("amp", "amp (2)")
    for device, stream in ((1, one), (2, two)):
        assert stream.duration_s == 120
        assert set(stream.values[0][np.isfinite(stream.values[0])]) == {10.0 * device + 1, 10.0 * device + 2}
        assert stream.own_s(110.0) == pytest.approx(10)
