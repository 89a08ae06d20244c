"""One person measured: clocks, values by hand, and what a step of the clock does."""

import math

import numpy as np
import pytest
import worlds

from mien.concordance import ParticipantData, Settings, measure_person
from mien.core.errors import DataError, OptionError
from mien.core.time import ClockMap
from mien.recording.clocks import ClockFit, ClockPiece

MEAN = Settings(windows_s=(4.0,), features=("skt_mean_degc", "eda_mean_us"), positions=3)


def ramp(seconds=100.0, per_s=0.01):
    return 30.0 + per_s * np.arange(round(10 * seconds)) / 10


def piece(offset, start, end, drift=0.0):
    return ClockPiece(ClockMap(offset, drift), start, end, np.zeros(3), 0.0)


def test_after_minus_before_of_a_ramp():
    """The mean of a ramp of 10 mK/s rises by 40 mK from one window of 4 s to the next."""
    found = measure_person(worlds.plain_person(expressions=[worlds.micro(50.0)], temperature=ramp()), MEAN)
    assert found.values.shape == (1, 1, 2, 2)
    assert found.values[0, 0, :, 0] == pytest.approx([30.0 + 0.01 * 47.95, 30.0 + 0.01 * 51.95])
    assert found.differences()[0, 0, 0] == pytest.approx(0.04)
    assert found.pair_reasons()[0, 0].tolist() == ["", "no-signal"]
    assert found.shifted.shape == (1, 3, 1, 2)
    known = np.isfinite(found.shifted[0, :, 0, 0])
    assert found.shifted[0, known, 0, 0] == pytest.approx(0.04)


def test_windows_go_through_the_recorders_clock():
    """Master 50 s is device 60 s: the polygraph began 10 s earlier."""
    clock = ClockFit((piece(-10.0, -math.inf, math.inf),), "good")
    person = worlds.plain_person(
        expressions=[worlds.micro(50.0)], temperature=ramp(120.0), clock=clock, seconds=120.0
    )
    assert measure_person(person, MEAN).values[0, 0, 0, 0] == pytest.approx(30.0 + 0.01 * 57.95)


def test_windows_across_a_step_of_the_clock_are_left_out():
    """From device 60 s on the recorder is 2 s behind: it lost what was at master 60 to 62."""
    clock = ClockFit((piece(0.0, -math.inf, 60.0), piece(2.0, 60.0, math.inf)), "good")
    person = worlds.plain_person(
        expressions=[worlds.micro(40.0), worlds.micro(61.0), worlds.micro(70.0)],
        temperature=ramp(),
        clock=clock,
    )
    found = measure_person(person, MEAN)
    assert found.pair_reasons()[:, 0, 0].tolist() == ["", "clock-step", ""]
    assert found.values[2, 0, 0, 0] == pytest.approx(30.0 + 0.01 * 65.95)


def test_windows_outside_the_recording_have_a_reason():
    anywhere = Settings(windows_s=(4.0,), features=("skt_mean_degc",), within_trial=False, shifts=0)
    person = worlds.plain_person(expressions=[worlds.micro(2.0)], temperature=ramp())
    found = measure_person(person, anywhere)
    assert found.pair_reasons().reshape(-1).tolist() == ["outside-recording"]
    assert found.shifted.shape == (1, 0, 1, 1)


def test_a_failed_clock_is_refused():
    with pytest.raises(DataError, match="a fit that holds, got no event is on both clocks"):
        ParticipantData("sub-001", {}, {}, (), ClockFit((), "failed", "no event is on both clocks"))


def test_unknown_feature():
    settings = Settings(windows_s=(4.0,), features=("skt_mood",))
    with pytest.raises(OptionError, match="skt_mood"):
        measure_person(worlds.plain_person(expressions=[worlds.micro(50.0)]), settings)


def test_nothing_to_measure():
    found = measure_person(worlds.plain_person(expressions=[]), MEAN)
    assert found.values.shape == (0, 1, 2, 2)
    assert found.slopes.shape == (0, 4)


def test_the_frame_holds_every_value_once(measured, chosen):
    person = measured[0]
    table = person.frame(chosen)
    assert list(table.columns) == [
        "participant", "trial", "apex_s", "kind", "window_s", "side", "feature", "value", "reason",
    ]  # fmt: skip
    assert len(table) == person.values.size
    assert (table["value"].isna() == (table["reason"] != "")).all()
    row = table[
        (table["feature"] == "skt_mean_degc") & (table["side"] == "after") & (table["window_s"] == 5.0)
    ]
    at = chosen.features.index("skt_mean_degc")
    assert np.array_equal(row["value"].to_numpy(), person.values[:, 1, 1, at], equal_nan=True)


def test_seeds_belong_to_the_person(people, measured, chosen):
    """The same person gives the same null whoever else takes part, and in whatever order."""
    again = measure_person(people[2], chosen)
    assert np.array_equal(again.shifted, measured[2].shifted, equal_nan=True)
    assert np.array_equal(again.random_slopes, measured[2].random_slopes)
