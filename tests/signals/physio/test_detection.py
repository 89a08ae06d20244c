"""Beats, breaths and skin responses: simulated bodies whose events are known, NeuroKit2, real recordings."""

import csv
import warnings

import neurokit2 as nk
import numpy as np
import pytest
from scipy.signal import find_peaks, peak_prominences

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.signals.physio import clean_intervals, ecg, eda, ppg, rsp, skt
from mien.signals.physio.filters import band
from mien.simulate.bodies import Baselines, BodyPlan, simulate_body


def body_of(number, *, duration_s=60.0, rate_hz=1000.0):
    rng = np.random.default_rng([41, number])
    plan = BodyPlan(duration_s=duration_s, rate_hz=rate_hz, baselines=Baselines.draw(rng))
    return simulate_body(plan, rng), rng


def signal(values, rate_hz, unit, start_s=0.0):
    return Signal(np.asarray(values, dtype=float), rate_hz=rate_hz, unit=unit, name="x", start_s=start_s)


def matched(found, true, tolerance_s):
    """Events that lie near their nearest, as (true ones found, found ones true)."""
    distances = np.abs(found[:, None] - true)
    return int((distances.min(axis=0) <= tolerance_s).sum()), int(
        (distances.min(axis=1) <= tolerance_s).sum()
    )


# --- ECG ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noise_mv", "rate_hz", "recipe", "least"),
    [
        (0.05, 1000.0, "recommended", 0.985),
        (0.3, 1000.0, "recommended", 0.985),
        (0.3, 1000.0, "paper", 0.98),
        (0.1, 200.0, "recommended", 0.985),
        (0.1, 200.0, "paper", 0.985),
    ],
)
def test_r_peaks_of_noisy_hearts_within_20_ms(noise_mv, rate_hz, recipe, least):
    hits = true = right = found = 0
    for number in range(4):
        body, rng = body_of(number, rate_hz=rate_hz)
        times = np.arange(body.ecg_mv.size) / rate_hz
        wander, hum = 0.5 * np.sin(2 * np.pi * 0.2 * times), 0.1 * np.sin(2 * np.pi * 50 * times)
        noisy = body.ecg_mv + wander + hum + rng.normal(0, noise_mv, times.size)
        peaks = ecg.peaks(ecg.clean(signal(noisy, rate_hz, "mV", start_s=100.0), recipe)) - 100.0
        both = matched(peaks, body.beats_s, 0.020)
        hits, right = hits + both[0], right + both[1]
        true, found = true + body.beats_s.size, found + peaks.size
    # The first or last beat can lie half outside.
    assert hits / true >= least
    assert right / found >= least


def test_an_inverted_lead_gives_the_same_beats():
    body, _ = body_of(1)
    upright = ecg.peaks(ecg.clean(signal(body.ecg_mv, 1000.0, "mV")))
    inverted = ecg.peaks(ecg.clean(signal(-body.ecg_mv, 1000.0, "mV")))
    np.testing.assert_allclose(inverted, upright, atol=1e-9)


def test_the_unit_does_not_move_a_beat():
    body, _ = body_of(2)
    one = ecg.peaks(ecg.clean(signal(body.ecg_mv, 1000.0, "mV")))
    other = ecg.peaks(ecg.clean(signal(body.ecg_mv * 1e3, 1000.0, "µV")))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_a_hole_costs_its_intervals_only():
    body, _ = body_of(3)
    values = body.ecg_mv.copy()
    values[30_000:33_000] = np.nan
    raw = signal(values, 1000.0, "mV")
    peaks = ecg.peaks(ecg.clean(raw))
    true = body.beats_s[(body.beats_s < 29.9) | (body.beats_s > 33.1)]
    assert matched(peaks, true, 0.02)[0] >= true.size - 2
    found = ecg.features(raw, [[25.0, 38.0], [26.0, 29.5], [28.0, 58.0]])
    # 3 s of 13 s are missing, of 30 s too (10 %); the middle window is whole.
    assert found.reason("hrv_mean_nn_ms").tolist() == ["missing-samples", "", "missing-samples"]
    rate = ecg.rate(peaks, ecg.clean(raw)).values
    assert np.isnan(rate[30_000:33_000]).all()
    assert np.isfinite(rate[10_000:28_000]).all()


@pytest.mark.parametrize("recipe", ["recommended", "paper"])
def test_heart_rate_is_neurokits_where_both_know_it(recipe):
    body, _ = body_of(4, duration_s=300.0, rate_hz=200.0)
    raw = signal(body.ecg_mv, 200.0, "mV")
    cleaned = ecg.clean(raw, recipe)
    peaks = ecg.peaks(cleaned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = nk.ecg_rate(peaks * 200, sampling_rate=200, desired_length=len(cleaned))
    rng = np.random.default_rng(0)
    starts = rng.integers(5 * 200, 280 * 200, 1000) / 200
    windows = np.stack([starts, starts + rng.choice([3.0, 5.0, 10.0, 15.0], 1000)], axis=1)
    found = ecg.features(raw, windows, recipe=recipe)
    assert clean_intervals(peaks).fraction_rejected == 0
    reference = [theirs[round(start * 200) : round(end * 200)].mean() for start, end in windows]
    np.testing.assert_allclose(found["ecg_rate_mean_bpm"], reference, rtol=1e-9)
    for name, of in (("mean", np.mean), ("max", np.max), ("min", np.min)):
        cuts = [of(cleaned.values[round(a * 200) : round(b * 200)]) for a, b in windows]
        np.testing.assert_allclose(found[f"ecg_{name}_mv"], cuts, rtol=1e-9, atol=1e-12)


# --- PPG ----------------------------------------------------------------------------------------------------


def test_pulse_rate_is_neurokits_over_1000_windows():
    body, _ = body_of(5, duration_s=300.0, rate_hz=100.0)
    raw = signal(body.ppg_v, 100.0, "V")
    peaks = ppg.peaks(ppg.clean(raw))
    assert abs(peaks.size - body.beats_s.size) <= 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = nk.ppg_rate(peaks * 100, sampling_rate=100, desired_length=len(raw))
    starts = np.random.default_rng(1).integers(500, 28_000, 1000) / 100
    windows = np.stack([starts, starts + 10.0], axis=1)
    found = ppg.features(raw, windows)["ppg_rate_mean_bpm"]
    reference = [theirs[round(start * 100) : round(start * 100) + 1000].mean() for start in starts]
    np.testing.assert_allclose(found, reference, rtol=1e-9)


# --- RSP ----------------------------------------------------------------------------------------------------


def test_breathing_is_neurokits_over_1000_windows():
    body, _ = body_of(6, duration_s=300.0, rate_hz=100.0)
    raw = signal(body.rsp_v, 100.0, "V")
    cleaned = rsp.clean(raw)
    breaths = rsp.peaks(cleaned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, info = nk.rsp_peaks(cleaned.values, sampling_rate=100)
        theirs = nk.rsp_rate(cleaned.values, troughs=info, sampling_rate=100)
    np.testing.assert_array_equal(np.rint(breaths.troughs_s * 100), info["RSP_Troughs"])
    starts = np.random.default_rng(2).integers(2000, 26_000, 1000) / 100
    windows = np.stack([starts, starts + 15.0], axis=1)
    found = rsp.features(raw, windows)
    cuts = [theirs[round(start * 100) : round(start * 100) + 1500] for start in starts]
    np.testing.assert_allclose(found["rsp_rate_mean_per_min"], [cut.mean() for cut in cuts], rtol=1e-9)
    spread = found["rsp_rate_sd_per_min"]
    known = np.isfinite(spread)
    assert known.mean() > 0.8
    reference = np.array([cut.std(ddof=1) for cut in cuts])
    np.testing.assert_allclose(spread[known], reference[known], rtol=1e-8)
    from scipy.stats import kurtosis, skew

    waves = [cleaned.values[round(start * 100) : round(start * 100) + 1500] for start in starts]
    np.testing.assert_allclose(found["rsp_skewness"], [skew(wave) for wave in waves], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        found["rsp_kurtosis"], [kurtosis(wave) for wave in waves], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(found["rsp_median"], [np.median(wave) for wave in waves], rtol=1e-9)


def test_inhaling_over_exhaling_by_hand():
    # Breaths of 4 s; the cleaned signal is given, so that the heights stay what they are.
    times = np.arange(0.0, 60.0, 0.01)
    cleaned = signal(-np.cos(2 * np.pi * times / 4), 100.0, "V")
    troughs = np.array([400, 800, 1200, 1600])
    breaths = rsp.Breaths(
        troughs_s=troughs / 100,
        peaks_s=(troughs + 200) / 100,
        trough_values=np.array([-1.0, -2.0, -1.0, -1.0]),
        peak_values=np.array([1.0, 2.0, 3.0, 1.0]),
    )
    # (1+1)/(1+2), (2+2)/(2+1), (3+1)/(3+1); the last breath has no trough behind it.
    found = rsp._breathing(breaths, cleaned, np.array([[0.0, 20.0], [3.0, 9.0], [5.0, 9.0]]))
    ratios, why = found["rsp_inhale_exhale_ratio"]
    np.testing.assert_allclose(ratios, [(2 / 3 + 4 / 3 + 1) / 3, 2 / 3, np.nan])
    assert why.tolist() == ["", "", "no-breath"]


# --- EDA ----------------------------------------------------------------------------------------------------


def test_responses_of_simulated_skin():
    hits = true = right = found = 0
    ratios = []
    for number in range(4):
        body, rng = body_of(number, duration_s=300.0, rate_hz=100.0)
        raw = signal(body.eda_us + rng.normal(0, 0.005, body.eda_us.size), 100.0, "uS")
        responses = eda.peaks(eda.phasic(eda.clean(raw))[1])
        large = body.scr_peaks_s[body.scr_amplitudes_us > 0.05]
        hits += matched(responses.peaks_s, large, 1.0)[0]
        right += matched(responses.peaks_s, body.scr_peaks_s, 1.0)[1]
        true, found = true + large.size, found + responses.peaks_s.size
        nearest = np.abs(responses.peaks_s[:, None] - body.scr_peaks_s).argmin(axis=1)
        ratios.append(responses.amplitudes_us / body.scr_amplitudes_us[nearest])
    assert hits / true >= 0.9
    assert right / found >= 0.9
    assert np.median(np.concatenate(ratios)) == pytest.approx(0.95, abs=0.06)


def test_noise_alone_makes_no_responses_and_no_cut_invents_them():
    rng = np.random.default_rng(0)
    quiet = signal(5 + rng.normal(0, 1e-4, 12_000), 100.0, "uS")
    _, phasic = eda.phasic(eda.clean(quiet))
    assert eda.peaks(phasic).peaks_s.size == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, theirs = nk.eda_peaks(phasic.values, sampling_rate=100)
    assert theirs["SCR_Peaks"].size > 30  # a tenth of the largest wiggle
    starts = np.arange(10.0, 110.0, 3.0)
    found = eda.features(quiet, np.stack([starts, starts + 3], axis=1))
    assert found["eda_scr_n"].sum() == 0
    assert set(found.reason("eda_scr_amplitude_mean_us")) == {"no-scr"}


def test_noise_that_would_make_responses_costs_them_alone():
    body, rng = body_of(2, duration_s=60.0, rate_hz=100.0)
    noisy = signal(body.eda_us + rng.normal(0, 0.1, body.eda_us.size), 100.0, "uS")
    found = eda.features(noisy, [[20.0, 35.0]])
    assert found.reason("eda_scr_n")[0] == "noisy"
    assert found["eda_mean_us"][0] == pytest.approx(body.eda_us[2000:3500].mean(), abs=0.02)


def test_responses_and_their_means_are_neurokits_over_1000_windows():
    body, _ = body_of(7, duration_s=600.0, rate_hz=50.0)
    raw = signal(body.eda_us, 50.0, "uS")
    _, phasic = eda.phasic(eda.clean(raw))
    smooth = band(phasic.values, 50.0, below=eda.RESPONSE_LOWPASS_HZ)
    largest = peak_prominences(smooth, find_peaks(smooth)[0])[0].max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, info = nk.eda_peaks(smooth, sampling_rate=50, amplitude_min=0.005 / largest)
    reference = info["SCR_Peaks"][info["SCR_Amplitude"] >= 0.02]
    np.testing.assert_array_equal(np.rint(eda.peaks(phasic).peaks_s * 50), reference)
    starts = np.random.default_rng(3).integers(1000, 28_000, 1000) / 50
    windows = np.stack([starts, starts + 15.0], axis=1)
    found = eda.features(raw, windows)
    for number, start in enumerate(starts):
        first = round(start * 50)
        inside = reference[(reference >= first) & (reference < first + 750)]
        assert found["eda_scr_n"][number] == inside.size
        assert found["eda_scr_rate_per_s"][number] == pytest.approx(inside.size / 15)
        for name, key, none in (
            ("eda_scr_amplitude_mean_us", "SCR_Amplitude", "no-scr"),
            ("eda_scr_rise_mean_s", "SCR_RiseTime", "no-scr"),
            ("eda_scr_recovery_mean_s", "SCR_RecoveryTime", "no-recovery"),
        ):
            # As `eda_intervalrelated`: the mean at the peaks, over what is known.
            values = info[key][np.isin(info["SCR_Peaks"], inside)]
            values = values[np.isfinite(values)]
            if values.size:
                assert found[name][number] == pytest.approx(values.mean(), rel=1e-9)
            else:
                assert found.reason(name)[number] == (none if inside.size else "no-scr")


def test_the_change_of_the_level_telescopes():
    body, _ = body_of(8, rate_hz=100.0)
    raw = signal(body.eda_us, 100.0, "uS")
    tonic, _ = eda.phasic(eda.clean(raw))
    found = eda.features(raw, [[20.0, 30.0]])
    assert found["eda_scl_change_us"][0] == pytest.approx(np.diff(tonic.values[2000:3000]).sum(), rel=1e-9)


@pytest.mark.parametrize("least_us", [0.0, -1.0, np.nan])
def test_a_threshold_has_to_be_positive(least_us):
    with pytest.raises(OptionError, match="above 0 uS"):
        eda.peaks(signal(np.zeros(1000), 10.0, "uS"), least_us=least_us)


# --- SKT ----------------------------------------------------------------------------------------------------


def test_the_slope_of_a_ramp_is_in_millikelvin():
    times = np.arange(0.0, 60.0, 0.25)
    ramp = signal(31 + 0.004 * times, 4.0, "degC", start_s=50.0)
    found = skt.features(ramp, [[60.0, 75.0], [70.0, 73.0]])
    np.testing.assert_allclose(found["skt_slope_mk_per_s"], 4.0, rtol=1e-6)
    np.testing.assert_allclose(found["skt_mean_degc"], [31 + 0.004 * 17.375, 31 + 0.004 * 21.375], atol=1e-6)
    np.testing.assert_allclose(skt.rate(ramp).values, 4.0, rtol=1e-6)


def test_the_slope_is_that_of_a_least_squares_line():
    body, _ = body_of(9, rate_hz=100.0)
    raw = signal(body.skt_c, 100.0, "°C")
    cleaned = skt.clean(raw).values
    found = skt.features(raw, [[10.0, 25.0]])
    line = np.polyfit(np.arange(1500) / 100, cleaned[1000:2500], 1)
    assert found["skt_slope_mk_per_s"][0] == pytest.approx(1000 * line[0], rel=1e-6)
    assert found["skt_sd_degc"][0] == pytest.approx(cleaned[1000:2500].std(ddof=1), rel=1e-9)


# --- real recordings ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared_data):
    folder = shared_data / "physio"
    if not folder.is_dir():
        pytest.skip("real physiology not found, skipped")
    return folder


def column(path, name):
    with path.open() as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


@pytest.mark.parametrize("recipe", ["recommended", "paper"])
@pytest.mark.parametrize(
    ("file", "rate_hz", "count", "mean_bpm", "median_bpm"),
    [
        ("bio_eventrelated_100hz.csv", 100.0, 152, 60.9, 60.6),
        ("bio_resting_8min_100hz.csv", 100.0, 478, 56.6, 56.1),
        ("ecg_1000hz.csv", 1000.0, 49, 59.7, 58.8),
    ],
)
def test_r_peaks_of_real_hearts(real, recipe, file, rate_hz, count, mean_bpm, median_bpm):
    raw = signal(column(real / "neurokit_csv" / file, "ECG"), rate_hz, "n/a")
    peaks = ecg.peaks(ecg.clean(raw, recipe))
    assert abs(peaks.size - count) <= 1
    assert 60 / np.diff(peaks).mean() == pytest.approx(mean_bpm, abs=0.2)
    # The oracle's median is of whole samples: 10 ms apart, that is 0.6 bpm.
    assert 60 / np.median(np.diff(peaks)) == pytest.approx(median_bpm, abs=0.3)
    starts = np.arange(0.0, raw.duration_s - 10, 10)
    found = ecg.features(raw, np.stack([starts, starts + 10], axis=1), recipe=recipe)
    assert found.excluded() == {"ecg": {}}
    assert set(found.reason("ecg_mean_mv")) == {"no-unit"}
    assert np.nanmean(found["ecg_rate_mean_bpm"]) == pytest.approx(mean_bpm, abs=1.0)


@pytest.mark.parametrize(
    ("file", "count", "per_min"), [("bio_eventrelated", 40, 16.8), ("bio_resting_8min", 80, 9.5)]
)
def test_real_breathing(real, file, count, per_min):
    raw = signal(column(real / "neurokit_csv" / f"{file}_100hz.csv", "RSP"), 100.0, "n/a")
    for recipe in ("recommended", "paper"):
        breaths = rsp.peaks(rsp.clean(raw, recipe))
        assert abs(breaths.troughs_s.size - count) <= 1
        assert 60 / np.diff(breaths.troughs_s).mean() == pytest.approx(per_min, abs=0.4)


def test_real_bitalino_recordings(real):
    def read(name):
        return signal(np.loadtxt(real / "biosppy_txt" / f"{name}.txt"), 1000.0, "n/a")

    beats = ecg.peaks(ecg.clean(read("ecg")))
    assert abs(beats.size - 14) <= 1
    assert 60 / np.diff(beats).mean() == pytest.approx(60.2, abs=0.5)
    pulses = ppg.peaks(ppg.clean(read("ppg")))
    assert abs(pulses.size - 31) <= 1
    assert 60 / np.diff(pulses).mean() == pytest.approx(94.5, abs=0.5)
    breaths = rsp.peaks(rsp.clean(read("resp")))
    assert abs(breaths.troughs_s.size - 16) <= 1
    assert 60 / np.diff(breaths.troughs_s).mean() == pytest.approx(18.5, abs=0.5)


def test_a_real_wristband(real):
    folder = real / "flirt_wearable" / "empatica"

    def read(name, unit):
        lines = np.loadtxt(folder / f"{name}.csv")
        return signal(lines[2:], lines[1], unit)

    pulse, skin, warmth = read("BVP", "n/a"), read("EDA", "uS"), read("TEMP", "degC")
    assert (pulse.rate_hz, skin.rate_hz, warmth.rate_hz) == (64.0, 4.0, 4.0)
    beats = ppg.peaks(ppg.clean(pulse))
    device = np.loadtxt(folder / "HR.csv")[2:]  # 1 Hz, begins 10 s later
    assert 60 / np.median(np.diff(beats)) == pytest.approx(np.median(device[:146]), abs=5)
    starts = np.arange(0.0, 1200.0, 10.0)
    windows = np.stack([starts, starts + 10], axis=1)
    temperature = skt.features(warmth, windows)
    assert temperature.excluded() == {"skt": {}}
    assert warmth.values.min() <= temperature["skt_mean_degc"].min()
    assert temperature["skt_mean_degc"].max() <= warmth.values.max()
    assert np.abs(temperature["skt_slope_mk_per_s"]).max() < 100
    level = eda.features(skin, windows)
    plain = [skin.values[round(4 * a) : round(4 * a) + 40].mean() for a in starts]
    good = level.quality["eda"] == ""
    assert good.mean() > 0.9
    np.testing.assert_allclose(level["eda_mean_us"][good], np.array(plain)[good], rtol=1e-9)
    # What a recorder of 4 Hz cannot give as ECG or breathing stays without a value.
    assert set(ecg.features(signal(warmth.values, 4.0, "mV"), windows).quality["ecg"]) == {"low-rate"}


def test_real_biopac_recordings(real):
    from mien.recording.formats import read_acqknowledge

    file = read_acqknowledge(real / "acq_bioread" / "physio" / "physio-4.1.0.acq")
    heart, belt, skin = (file[name] for name in ("EKG - ERS100C", "RESP - RSP100C", "EDA - GSR100C"))
    windows = [[start, start + 10.0] for start in np.arange(5.0, 45.0, 10.0)]
    beats = ecg.features(heart, windows)
    assert np.nanmean(beats["ecg_rate_mean_bpm"]) == pytest.approx(66, abs=3)
    assert np.isfinite(beats["ecg_sd_mv"]).all()
    level = eda.features(skin, windows)
    assert level.excluded() == {"eda": {}}
    assert 3.3875 <= level["eda_min_us"].min() <= level["eda_max_us"].max() <= 4.1885
    assert belt.rate_hz == 3.90625
    assert np.isfinite(rsp.features(belt, windows)["rsp_sd"]).all()
    derivative = eda.features(file["EDA filtered, differentiated"], windows)
    assert derivative.excluded() == {"eda": {"detached": 4}}


def test_a_real_uncalibrated_skin_channel_is_left_out(real):
    from mien.recording.formats import read_acqknowledge

    file = read_acqknowledge(real / "acq_bioread" / "misc" / "r42_test.acq")
    skin = file["EDA (0 - 35 Hz)"]
    assert skin.values.max() < 0.05
    assert eda.features(skin, [[1.0, 6.0]]).excluded() == {"eda": {"detached": 1}}
    assert ecg.features(file["ECG (.05 - 150 Hz)"], [[1.0, 6.0]])["ecg_rate_mean_bpm"][0] > 50
