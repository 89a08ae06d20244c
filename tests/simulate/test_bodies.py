"""Simulated bodies: NeuroKit finds again what was put in, and the couplings do what they say, no more."""

from dataclasses import fields, replace

import neurokit2 as nk
import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.signals.physio import heart_rate, heart_rate_slope, r_peaks, slope_exceeds_mean
from mien.simulate.bodies import (
    EMOTION_EFFECTS,
    Baselines,
    BodyPlan,
    Coupling,
    EmotionSpan,
    pass_rates,
    simulate_body,
)

NULL = Coupling(0.0, 0.0, 0.0)
APEXES = tuple(np.arange(12.0, 590.0, 9.0))


def body_of(seed, *, apexes=(), spans=(), duration_s=120.0, rate_hz=1000.0, coupling=NULL, baselines=None):
    plan = BodyPlan(duration_s, tuple(apexes), tuple(spans), rate_hz, baselines or Baselines(), coupling)
    return simulate_body(plan, np.random.default_rng(seed))


def clip_rate(events_s, start_s, end_s):
    """Events per minute from the mean interval of those inside [start, end)."""
    return 60 / np.diff(events_s[(events_s >= start_s) & (events_s < end_s)]).mean()


def arrays_of(body):
    return {field.name: np.asarray(getattr(body, field.name)) for field in fields(body)}


# --- form ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [1000.0, 200.0, 50.0])
def test_channels_have_one_sample_per_tick_and_the_truth_lies_inside(rate_hz):
    body = body_of(1, duration_s=61.3, rate_hz=rate_hz, apexes=(5.0, 60.0), coupling=Coupling(1.0, 1.0, 0.5))
    for channel in (body.ecg_mv, body.ppg_v, body.rsp_v, body.eda_us, body.skt_c):
        assert channel.shape == (round(61.3 * rate_hz),)
        assert channel.dtype == np.float64
        assert np.isfinite(channel).all()
    for events in (body.beats_s, body.breaths_s, body.scr_onsets_s):
        assert events.size > 0
        assert (np.diff(events) > 0).all()
        assert (events[0] >= 0) & (events[-1] < 61.3)
    np.testing.assert_allclose(body.scr_peaks_s - body.scr_onsets_s, 1.177, atol=0.001)
    assert body.scr_amplitudes_us.shape == body.scr_apex.shape == body.scr_onsets_s.shape
    assert body.responding.tolist() == [True, True]


def test_the_same_state_gives_the_same_bytes():
    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    plan = BodyPlan(30.0, (9.0, 20.0), (EmotionSpan(5.0, 20.0, "fear"),))
    global_state = np.random.get_state()[1].tobytes()
    one = arrays_of(simulate_body(plan, rng))
    second_person = arrays_of(simulate_body(plan, rng))
    rng.bit_generator.state = state
    again = arrays_of(simulate_body(plan, rng))
    assert all(one[name].tobytes() == again[name].tobytes() for name in one)
    for name in ("ecg_mv", "ppg_v", "rsp_v", "eda_us", "skt_c", "beats_s", "breaths_s"):
        assert one[name].tobytes() != second_person[name].tobytes()
    assert np.random.get_state()[1].tobytes() == global_state


def test_the_truth_does_not_depend_on_the_sampling_rate():
    fast, slow = (body_of(4, rate_hz=rate, apexes=(30.0,), coupling=Coupling()) for rate in (1000.0, 100.0))
    for name in ("beats_s", "breaths_s", "scr_onsets_s", "scr_amplitudes_us", "responding"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


def test_people_differ_within_plausible_ranges():
    people = [Baselines.draw(np.random.default_rng(seed)) for seed in range(200)]
    rates = np.array([person.heart_rate_bpm for person in people])
    assert 5 < rates.std() < 11
    assert rates.mean() == pytest.approx(72, abs=2)
    assert len({person.skin_conductance_us for person in people}) == 200


# --- waves are found again ----------------------------------------------------------------------------------


def test_levels_are_the_baselines():
    person = Baselines(64.0, 13.0, 9.0, 32.5)
    bodies = [body_of(seed, duration_s=240.0, rate_hz=100.0, baselines=person) for seed in range(8)]
    assert np.mean([clip_rate(b.beats_s, 0, 240) for b in bodies]) == pytest.approx(64.0, abs=1.5)
    assert np.mean([clip_rate(b.breaths_s, 0, 240) for b in bodies]) == pytest.approx(13.0, abs=0.7)
    assert np.mean([b.eda_us.mean() for b in bodies]) == pytest.approx(9.0, abs=0.4)
    assert np.mean([b.skt_c.mean() for b in bodies]) == pytest.approx(32.5, abs=0.1)


@pytest.mark.parametrize("seed", [5, 6])
def test_pulses_follow_their_beats(seed):
    body = body_of(seed)
    cleaned = nk.ppg_clean(body.ppg_v, sampling_rate=1000)
    pulses = nk.ppg_findpeaks(cleaned, sampling_rate=1000)["PPG_Peaks"] / 1000
    assert pulses.size == pytest.approx(body.beats_s.size, rel=0.03)
    delays = pulses - body.beats_s[np.clip(np.searchsorted(body.beats_s, pulses) - 1, 0, None)]
    # Foot at .22 s, systolic peak some .15 s later.
    assert 0.3 < np.median(delays) < 0.45
    assert np.mean(np.abs(delays - np.median(delays)) < 0.08) > 0.95


def test_breaths_are_found_again():
    found_count = true_count = 0
    for seed in range(4):
        body = body_of(seed, duration_s=180.0)
        belt = nk.rsp_clean(body.rsp_v.reshape(-1, 10).mean(axis=1), sampling_rate=100)
        found = nk.rsp_peaks(belt, sampling_rate=100)[1]["RSP_Peaks"] / 100
        distance = np.abs(found[:, None] - body.breaths_s).min(axis=1)
        assert np.median(distance) < 0.15
        found_count, true_count = found_count + found.size, true_count + body.breaths_s.size
    assert found_count == pytest.approx(true_count, rel=0.06)


def test_the_heart_follows_the_breath():
    body = body_of(7, duration_s=240.0, baselines=Baselines(sinus_arrhythmia_bpm=3.0))
    rate = heart_rate(body.beats_s)
    after = np.interp(body.breaths_s + 0.4, rate.times_s, rate.values)
    opposite = np.interp(body.breaths_s + 2.4, rate.times_s, rate.values)
    assert np.mean(after - opposite) > 2.0


def test_skin_responses_are_found_again():
    recalled, found_count, true_count = [], 0, 0
    for seed in range(4):
        body = body_of(seed, duration_s=240.0, apexes=APEXES[:25], coupling=Coupling(0.0, 0.6, 0.0))
        skin = nk.eda_clean(body.eda_us.reshape(-1, 20).mean(axis=1), sampling_rate=50)
        phasic = nk.eda_phasic(skin, sampling_rate=50)["EDA_Phasic"].to_numpy()
        found = nk.eda_peaks(phasic, sampling_rate=50, amplitude_min=0.01)[1]
        peaks = found["SCR_Peaks"][np.asarray(found["SCR_Amplitude"]) > 0.05] / 50
        gaps = np.diff(np.concatenate([[-np.inf], body.scr_onsets_s, [np.inf]]))
        alone = (gaps[:-1] > 4) & (gaps[1:] > 4) & (body.scr_amplitudes_us > 0.1)
        recalled += (np.abs(body.scr_peaks_s[alone][:, None] - peaks).min(axis=1) < 0.7).tolist()
        found_count, true_count = found_count + peaks.size, true_count + body.scr_onsets_s.size
    assert len(recalled) > 20
    assert np.mean(recalled) > 0.95
    assert found_count == pytest.approx(true_count, rel=0.2)


# --- couplings ----------------------------------------------------------------------------------------------


def skin_rate(coupling):
    """Share of apexes followed by the onset of a response within 1 to 3 s, any cause, and their number."""
    hits = []
    for seed in range(6):
        body = body_of(seed, duration_s=600.0, rate_hz=50.0, apexes=APEXES, coupling=coupling)
        later = body.scr_onsets_s - np.asarray(APEXES)[:, None]
        hits += ((later >= 1.0) & (later <= 3.0)).any(axis=1).tolist()
    return np.mean(hits), len(hits)


@pytest.mark.parametrize("asked", [0.0, 0.3, 0.6, 1.0])
def test_skin_responses_follow_apexes_at_the_asked_rate(asked):
    share, n = skin_rate(Coupling(0.0, asked, 0.0))
    # Three spontaneous responses a minute fall into 2 s by chance with probability 1 - exp(-.1).
    expected = 1 - (1 - asked) * np.exp(-0.1)
    assert n > 300
    assert share == pytest.approx(expected, abs=3.5 * np.sqrt(expected * (1 - expected) / n) + 1e-12)


def test_caused_responses_name_their_apex():
    body = body_of(8, duration_s=600.0, rate_hz=50.0, apexes=APEXES, coupling=Coupling(0.0, 1.0, 0.0))
    caused = body.scr_apex >= 0
    assert sorted(body.scr_apex[caused]) == list(range(len(APEXES)))
    latency = body.scr_onsets_s[caused] - np.asarray(APEXES)[body.scr_apex[caused]]
    assert latency.min() >= 1.0
    assert latency.max() <= 3.0
    assert 10 <= (~caused).sum() <= 50  # 3 a minute in 10 minutes
    assert (body_of(8, duration_s=600.0, rate_hz=50.0, apexes=APEXES).scr_apex == -1).all()


def test_the_default_heart_passes_as_often_as_in_the_paper():
    found = pass_rates(Coupling(), recordings=120, seed=1)
    assert found.n_apexes > 2000
    error = np.sqrt(0.73 * 0.27 / found.n_apexes)
    assert found.apexes == pytest.approx(0.73, abs=2.5 * error)
    assert 0.38 < found.random < 0.48


def test_in_the_null_world_apexes_are_random_instants():
    found = pass_rates(NULL, recordings=60, seed=2)
    error = np.sqrt(0.44 * 0.56 * (1 / found.n_apexes + 1 / found.n_random))
    assert abs(found.apexes - found.random) < 3.5 * error
    assert 0.38 < found.random < 0.48


def test_the_null_world_does_not_know_face_or_feeling():
    spans = [EmotionSpan(10.0, 60.0, "anger")]
    one, other = (arrays_of(body_of(9, **face)) for face in ({"apexes": (20.0, 50.0), "spans": spans}, {}))
    assert all(one[name].tobytes() == other[name].tobytes() for name in one if name != "responding")
    assert one["responding"].tolist() == [False, False]


def test_long_clips_pass_as_often():
    found = pass_rates(Coupling(), clip_s=60.0, recordings=25, seed=3)
    assert found.apexes == pytest.approx(0.74, abs=0.08)
    assert found.n_apexes > 300


def test_detected_beats_give_the_verdicts_of_the_true_ones():
    same = []
    for seed in range(4):
        apexes = APEXES[:25]
        body = body_of(seed, duration_s=240.0, apexes=apexes, coupling=Coupling())
        peaks = r_peaks(Signal(body.ecg_mv, rate_hz=1000.0, unit="mV", name="ECG"))
        span = Interval(0.0, 240.0)
        true, found = (
            slope_exceeds_mean(heart_rate_slope(heart_rate(b)), apexes, span) for b in (body.beats_s, peaks)
        )
        same += (true == found).tolist()
    assert np.mean(same) > 0.97


def test_a_responding_heart_rises_most_steeply_at_the_apex():
    slopes, offsets = [], np.arange(-4.0, 4.1, 0.25)
    for seed in range(6):
        body = body_of(seed, duration_s=600.0, rate_hz=50.0, apexes=APEXES, coupling=Coupling(1.0, 0.0, 0.0))
        assert body.responding.all()
        slope = heart_rate_slope(heart_rate(body.beats_s))
        slopes.append(np.interp(np.asarray(APEXES)[:, None] + offsets, slope.times_s, slope.values))
    mean = np.concatenate(slopes).mean(axis=0)
    assert abs(offsets[mean.argmax()]) <= 0.25
    assert mean.max() > 2.5


@pytest.mark.parametrize(("asked", "share"), [(0.0, 0.0), (0.4, 0.4), (1.0, 1.0)])
def test_the_asked_share_of_hearts_answers(asked, share):
    bodies = [
        body_of(seed, duration_s=600.0, rate_hz=50.0, apexes=APEXES, coupling=Coupling(asked, 0.0, 0.0))
        for seed in range(6)
    ]
    answers = np.concatenate([body.responding for body in bodies])
    assert answers.mean() == pytest.approx(
        share, abs=3.5 * np.sqrt(share * (1 - share) / answers.size) + 1e-12
    )


@pytest.mark.parametrize("emotion", ["fear", "sadness"])
def test_an_emotion_moves_the_heart_as_asked(emotion):
    clips = [(20.0 + 40 * i, 35.0 + 40 * i) for i in range(14)]
    spans = [EmotionSpan(start, end, emotion) for start, end in clips]
    shifts, null = [], []
    for seed in range(6):
        neutral = body_of(seed, duration_s=600.0, rate_hz=50.0)
        moved = body_of(seed, duration_s=600.0, rate_hz=50.0, spans=spans, coupling=Coupling(0.0, 0.0, 2.0))
        rates = np.array([[clip_rate(b.beats_s, *clip) for clip in clips] for b in (neutral, moved)])
        shifts.append((rates[1] - rates[0]).mean())
        null.append(rates[0].std(ddof=1))
    d = np.mean(shifts) / np.sqrt(np.mean(np.square(null)))
    assert d == pytest.approx(2.0 * EMOTION_EFFECTS[emotion].heart_rate, abs=0.35)


def test_fear_moves_every_channel_in_its_direction():
    spans = [EmotionSpan(30.0, 90.0, "fear")]
    calm = body_of(10, rate_hz=100.0)
    afraid = body_of(10, rate_hz=100.0, spans=spans, coupling=Coupling(0.0, 0.0, 1.0))
    clip = slice(3000, 9000)
    assert afraid.eda_us[clip].mean() > calm.eda_us[clip].mean() + 0.15
    assert afraid.skt_c[clip].mean() < calm.skt_c[clip].mean() - 0.03
    assert clip_rate(afraid.breaths_s, 30, 90) > clip_rate(calm.breaths_s, 30, 90)
    np.testing.assert_array_equal(afraid.eda_us[:2990], calm.eda_us[:2990])  # not before the clip


def test_words_outside_the_seven_emotions_have_no_effect():
    spans = [EmotionSpan(30.0, 60.0, "others")]
    told = body_of(11, spans=spans, coupling=Coupling(0.0, 0.0, 3.0))
    np.testing.assert_array_equal(told.ecg_mv, body_of(11).ecg_mv)


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["heart_rate_slope", "skin_conductance"])
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_couplings_are_probabilities(name, value):
    with pytest.raises(OptionError, match=r"coupling.*0 to 1"):
        replace(Coupling(), **{name: value})


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_an_effect_size_is_a_number_from_0(value):
    with pytest.raises(OptionError, match=r"coupling.*0 or more"):
        Coupling(emotion=value)


@pytest.mark.parametrize(
    ("knobs", "error", "match"),
    [
        ({"duration_s": 2.0}, OptionError, "duration"),
        ({"rate_hz": 10.0}, OptionError, "sampling rate"),
        ({"apexes_s": (70.0,)}, DataError, "0 to 60"),
        ({"apexes_s": (np.nan,)}, DataError, "0 to 60"),
        ({"apexes_s": (20.0, 10.0)}, DataError, "increasing"),
        (
            {"spans": (EmotionSpan(0.0, 20.0, "fear"), EmotionSpan(10.0, 30.0, "anger"))},
            DataError,
            "do not overlap",
        ),
    ],
)
def test_impossible_plans_are_refused(knobs, error, match):
    with pytest.raises(error, match=match):
        BodyPlan(**({"duration_s": 60.0} | knobs))


def test_unknown_emotions_and_bodies_are_refused():
    with pytest.raises(DataError, match="emotion"):
        EmotionSpan(0.0, 1.0, "bliss")
    with pytest.raises(DataError, match="end at or after"):
        EmotionSpan(2.0, 1.0, "fear")
    with pytest.raises(OptionError, match="heart rate"):
        Baselines(heart_rate_bpm=300.0)
    with pytest.raises(OptionError, match="clip length"):
        pass_rates(Coupling(), clip_s=2.0)
