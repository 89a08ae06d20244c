"""All five signals of a session: names, units at the door, quality, context, and signals that are broken."""

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.signals.physio import TABLE_3, TABLE_6, measure
from mien.signals.physio.table import REASONS
from mien.simulate.bodies import BodyPlan, simulate_body

KINDS = {"ecg": "mV", "ppg": "V", "rsp": "V", "eda": "uS", "skt": "degC"}
RATE_HZ = 200.0


@pytest.fixture(scope="module")
def waves():
    body = simulate_body(BodyPlan(duration_s=61.0, rate_hz=RATE_HZ), np.random.default_rng(11))
    waves = (body.ecg_mv, body.ppg_v, body.rsp_v, body.eda_us, body.skt_c)
    return dict(zip(KINDS, waves, strict=True))


def session(waves, *, rate_hz=RATE_HZ, start_s=0.0):
    return {
        kind: Signal(values, rate_hz=rate_hz, unit=KINDS[kind], name=kind, start_s=start_s)
        for kind, values in waves.items()
    }


def changed(values, kind, number):
    """Broken signal number `number`, made of a good one."""
    rng = np.random.default_rng(number)
    n, t = values.size, np.arange(values.size) / RATE_HZ
    x, spread, level = values.copy(), np.ptp(values), float(np.median(values))
    rate_hz = RATE_HZ
    gaps = np.zeros(n, dtype=bool)
    gaps[n // 3 : n // 3 + 800] = True
    jump = np.where(t > 15, 50 * spread, 0.0)
    rails = np.clip(x, np.percentile(x, 20), np.percentile(x, 80))
    every = [
        ("empty", x[:0]),
        ("one sample", x[:1]),
        ("two samples", x[:2]),
        ("three samples", x[:3]),
        ("half a second", x[:100]),
        ("2.9 s", x[:580]),
        ("9.9 s", x[:1980]),
        ("all zero", np.zeros(n)),
        ("constant level", np.full(n, level)),
        ("all NaN", np.full(n, np.nan)),
        ("all infinite", np.full(n, np.inf)),
        ("one NaN", np.where(np.arange(n) == 700, np.nan, x)),
        ("one infinite", np.where(np.arange(n) == 700, -np.inf, x)),
        ("a run of NaN", np.where(gaps, np.nan, x)),
        ("NaN at both ends", np.where((t < 5) | (t > 25), np.nan, x)),
        ("every second NaN", np.where(np.arange(n) % 2, np.nan, x)),
        ("a tenth NaN", np.where(rng.random(n) < 0.1, np.nan, x)),
        ("NaN but for 3 s", np.where((t > 10) & (t < 13), x, np.nan)),
        ("inverted", 2 * level - x),
        ("negative", -np.abs(x)),
        ("reversed in time", x[::-1]),
        ("clipped", rails),
        ("clipped above", np.minimum(x, np.percentile(x, 70))),
        ("integers", np.rint(x).astype(np.int64)),
        ("12-bit counts", np.rint((x - x.min()) / spread * 4095).astype(np.int16)),
        ("two levels", x > level),
        ("unsigned bytes", np.rint((x - x.min()) / spread * 255).astype(np.uint8)),
        ("half precision", x.astype(np.float16)),
        ("huge", x * 1e12),
        ("overflowing", np.where(np.arange(n) % 97 == 0, 1e308, x)),
        ("tiny", x * 1e-15),
        ("white noise", rng.normal(level, spread, n)),
        ("signal in noise", x + rng.normal(0, 3 * spread, n)),
        ("hum only", level + spread * np.sin(2 * np.pi * 50 * t)),
        ("a jump", x + jump),
        ("a spike", np.where(np.arange(n) == 3000, 1e6, x)),
        ("spikes", np.where(rng.random(n) < 0.01, 100 * spread, x)),
        ("ramp", np.linspace(level, level + spread, n)),
        ("step", np.where(t < 15, level, level + spread)),
        ("flat half", np.where(t < 15, x, x[3000])),
        ("detached half", np.where(t < 15, x, 0.0)),
        ("slow: 4 Hz", (x[::50], 4.0)),
        ("slow: 0.1 Hz", (x[::2000], 0.1)),
        ("fast: 1 MHz", (x, 1e6)),
    ]
    name, broken = every[number]
    if isinstance(broken, tuple):
        broken, rate_hz = broken
    return name, Signal(np.asarray(broken), rate_hz=rate_hz, unit=KINDS[kind], name=name)


N_BROKEN = 44
WINDOWS = [
    [0.0, 3.0],
    [2.0, 12.0],
    [16.0, 21.0],
    [10.0, 25.0],
    [-5.0, 1.0],
    [500.0, 510.0],
    [0.0, 30.0],
    [1.0, 1.001],
]


# --- broken signals -----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("recipe", ["recommended", "paper"])
@pytest.mark.parametrize("number", range(N_BROKEN))
def test_a_broken_signal_gives_reasons_and_never_an_error(waves, number, recipe):
    for kind, values in waves.items():
        _, broken = changed(values[: int(30 * RATE_HZ)], kind, number)
        found = measure({kind: broken}, WINDOWS, recipe=recipe)
        # A value or a reason, never both and never neither, is what EpochFeatures itself insists on.
        assert set(np.unique(found.reasons)) <= {"", *REASONS}
        own = found.quality[kind]
        # One sample is forgiven, and at 0.1 Hz that is 10 s.
        assert own[4] == "outside-recording" or (broken.rate_hz == 0.1 and own[4] == "low-rate")
        assert own[5] == "outside-recording"


EXPECTED = [
    ("all NaN", dict.fromkeys(KINDS, "missing-samples")),
    ("all zero", dict.fromkeys(("ecg", "ppg", "rsp"), "flat") | dict.fromkeys(("eda", "skt"), "detached")),
    ("constant level", dict.fromkeys(KINDS, "flat")),
    ("every second NaN", dict.fromkeys(KINDS, "missing-samples")),
    ("a tenth NaN", dict.fromkeys(KINDS, "missing-samples")),
    ("slow: 4 Hz", {"ecg": "low-rate", "ppg": "low-rate", "rsp": "", "eda": "", "skt": ""}),
    ("slow: 0.1 Hz", dict.fromkeys(KINDS, "low-rate")),
    ("clipped", dict.fromkeys(("ecg", "ppg", "rsp"), "clipped")),
    ("white noise", dict.fromkeys(("ecg", "ppg", "rsp"), "noisy")),
    ("signal in noise", dict.fromkeys(("ecg", "ppg", "rsp"), "noisy")),
    ("hum only", dict.fromkeys(("ppg", "rsp"), "noisy")),
    ("inverted", {"ecg": "", "skt": ""}),
    ("reversed in time", dict.fromkeys(KINDS, "")),
    ("12-bit counts", dict.fromkeys(("ecg", "ppg", "rsp"), "") | {"eda": "detached", "skt": "detached"}),
    ("negative", {"eda": "detached", "skt": "detached"}),
    ("huge", {"ecg": "", "ppg": "", "rsp": "", "eda": "detached", "skt": "detached"}),
    ("one NaN", dict.fromkeys(KINDS, "")),
]


@pytest.mark.parametrize(("name", "expected"), EXPECTED, ids=[name for name, _ in EXPECTED])
def test_the_reason_of_a_broken_signal(waves, name, expected):
    for kind, code in expected.items():
        short = waves[kind][: int(30 * RATE_HZ)]
        broken = next(
            made for made in (changed(short, kind, number) for number in range(N_BROKEN)) if made[0] == name
        )[1]
        span = [[0.0, 25.0]] if "Hz" in name else [[10.0, 25.0]]
        assert measure({kind: broken}, span).quality[kind].tolist() == [code], kind


def test_half_a_detached_recording_keeps_its_good_half(waves):
    windows = [[2.0, 12.0], [17.0, 27.0]]
    for kind, code in (
        ("ecg", "flat"),
        ("ppg", "flat"),
        ("rsp", "flat"),
        ("eda", "detached"),
        ("skt", "detached"),
    ):
        _, broken = changed(waves[kind][: int(30 * RATE_HZ)], kind, 40)
        found = measure({kind: broken}, windows)
        assert found.quality[kind].tolist() == ["", code], kind
        assert found.excluded()[kind] == {code: 1}


# --- names, units, options ----------------------------------------------------------------------------------


def test_both_tables_of_the_paper_are_columns(waves):
    found = measure(session(waves), [[20.0, 35.0]], context_s=60.0)
    assert len(TABLE_3) == 48
    assert len(TABLE_6) == 25
    assert set(TABLE_3.values()) | set(TABLE_6.values()) <= set(found.names)
    assert len(set(TABLE_3.values())) == 48
    missing = {name for name in found.names if np.isnan(found[name][0])}
    assert missing <= {"eda_scr_amplitude_mean_us", "eda_scr_rise_mean_s", "eda_scr_recovery_mean_s"}
    assert found.select(list(TABLE_3.values())).values.shape == (1, 48)


def test_a_signal_that_is_not_there_keeps_its_columns(waves):
    whole = measure(session(waves), [[20.0, 30.0]])
    part = measure({"skt": session(waves)["skt"]}, [[20.0, 30.0]])
    assert part.names == whole.names
    assert part["skt_mean_degc"] == whole["skt_mean_degc"]
    assert set(part.reason("hrv_rmssd_ms")) == set(part.reason("eda_mean_us")) == {"no-signal"}
    assert measure(session(waves), []).values.shape == (0, len(whole.names))


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("eda", "mV"),
        ("eda", "n/a"),
        ("eda", "degC"),
        ("skt", "uS"),
        ("skt", "K"),
        ("skt", "n/a"),
        ("ecg", "uS"),
        ("ecg", "bpm"),
        ("ppg", "degC"),
        ("ppg", "uS"),
        ("rsp", "uS"),
    ],
)
def test_a_wrong_unit_is_refused_at_the_door(waves, kind, unit):
    wrong = Signal(waves[kind], rate_hz=RATE_HZ, unit=unit, name="channel 7")
    with pytest.raises(DataError, match=r"channel 7.*unit"):
        measure({kind: wrong}, [[0.0, 3.0]])


@pytest.mark.parametrize(
    ("kind", "units", "factor"),
    [
        ("ecg", ("V", "Volts"), 1e-3),
        ("ecg", ("uV", "µV", "microvolts"), 1e3),
        ("eda", ("µS", "microsiemens", "uS", "μmho"), 1.0),
        ("eda", ("S",), 1e-6),
        ("skt", ("deg C", "°C", "C", "Celsius"), 1.0),
    ],
)
def test_units_that_can_be_converted_are(waves, kind, units, factor):
    windows = [[10.0, 25.0]]
    reference = measure({kind: session(waves)[kind]}, windows)
    for unit in units:
        other = Signal(waves[kind] * factor, rate_hz=RATE_HZ, unit=unit, name=kind)
        found = measure({kind: other}, windows)
        np.testing.assert_allclose(found.values, reference.values, rtol=1e-6)


def test_what_is_no_session_is_refused(waves):
    good = session(waves)
    with pytest.raises(OptionError, match="'emg'"):
        measure(good | {"emg": good["ecg"]}, [[0.0, 3.0]])
    with pytest.raises(DataError, match="rate and unit"):
        measure({"ecg": waves["ecg"]}, [[0.0, 3.0]])
    with pytest.raises(OptionError, match="above 0 Hz"):
        measure({"ecg": Signal(waves["ecg"], rate_hz=np.nan, unit="mV", name="ECG")}, [[0.0, 3.0]])
    with pytest.raises(DataError, match="real numbers"):
        measure({"ecg": Signal(np.array(["a", "b"]), rate_hz=1.0, unit="mV", name="ECG")}, [[0.0, 3.0]])
    with pytest.raises(OptionError, match="recommended or paper"):
        measure(good, [[0.0, 3.0]], recipe="other")
    with pytest.raises(DataError, match="end after the start"):
        measure(good, [[3.0, 0.0]])


# --- context, clock, repeatability --------------------------------------------------------------------------


def test_band_powers_come_from_a_declared_context_or_not_at_all(waves):
    heart = {"ecg": session(waves)["ecg"]}
    windows = [[20.0, 30.0], [50.0, 60.0]]
    alone = measure(heart, windows)
    assert set(alone.reason("hrv_lf_ms2")) == set(alone.reason("hrv_lfhf")) == {"short-window"}
    within = measure(heart, windows, context_s=60.0)
    assert np.isfinite(within["hrv_lf_ms2"]).all()
    # The context of the late window is moved to end with the recording.
    assert within["hrv_hf_ms2"][0] == pytest.approx(within["hrv_hf_ms2"][1], rel=0.2)
    whole = measure(heart, [[0.5, 60.5]])
    assert np.isfinite(whole["hrv_lf_ms2"]).all()
    # Everything else stays that of the window.
    for name in ("hrv_rmssd_ms", "ecg_rate_mean_bpm", "hrv_pip"):
        np.testing.assert_array_equal(alone[name], within[name])
    too_long = measure(heart, windows, context_s=90.0)
    assert set(too_long.reason("hrv_lf_ms2")) == {"outside-recording"}
    for context_s in (10.0, 59.9, np.nan, -60.0):
        with pytest.raises(OptionError, match="60 s or more"):
            measure(heart, windows, context_s=context_s)


def test_a_later_clock_changes_nothing(waves):
    windows = np.array([[5.0, 8.0], [20.0, 35.0]])
    one = measure(session(waves), windows)
    other = measure(session(waves, start_s=1024.0), windows + 1024.0)
    np.testing.assert_array_equal(one.reasons, other.reasons)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-6, atol=1e-9)


def test_a_call_leaves_nothing_behind(waves):
    good = session(waves)
    before = {kind: signal.values.copy() for kind, signal in good.items()}
    windows = [[5.0, 8.0], [20.0, 35.0]]
    first = measure(good, windows)
    measure({"ecg": Signal(np.zeros(9), rate_hz=200.0, unit="mV", name="x")}, windows)
    np.testing.assert_array_equal(first.values, measure(good, windows).values)
    for kind, values in before.items():
        np.testing.assert_array_equal(values, good[kind].values)


def test_an_ecg_without_a_unit_has_beats_but_no_millivolts(waves):
    plain = Signal(waves["ecg"], rate_hz=RATE_HZ, unit="n/a", name="ECG")
    found = measure({"ecg": plain}, [[5.0, 15.0]])
    assert found.reason("ecg_sd_mv")[0] == "no-unit"
    assert np.isfinite(found["hrv_rmssd_ms"][0])


def test_two_beats_are_no_variability(waves):
    found = measure(session(waves), [[20.0, 21.8]])
    assert found.reason("hrv_rmssd_ms")[0] == "few-beats"
    assert found.reason("hrv_mean_nn_ms")[0] == "few-beats"
    assert np.isfinite(found["ecg_mean_mv"][0])


def test_an_ectopic_beat_leaves_the_accepted_intervals_only(waves):
    from mien.signals.physio.beats import beat_cycles
    from mien.signals.physio.ecg import variability

    beats = np.concatenate([np.arange(10) * 0.8, [7.5], np.arange(10, 20) * 0.8])
    whole = Signal(np.zeros(2000), rate_hz=100.0, unit="mV", name="ECG")
    found = variability(beat_cycles(beats, whole), np.array([[0.0, 20.0]]))
    # 7.2 to 7.5 and 7.5 to 8.0 go; nothing is put in their place.
    assert found["hrv_mean_nn_ms"][0][0] == pytest.approx(800.0)
    assert found["hrv_sdnn_ms"][0][0] == pytest.approx(0.0, abs=1e-9)
    assert found["hrv_min_nn_ms"][0][0] == pytest.approx(800.0)
