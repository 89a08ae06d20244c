"""Cleaning: equal to NeuroKit2 where it is the same, no aliases, holes stay holes."""

import neurokit2 as nk
import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.signals.physio import ecg, eda, ppg, rsp, skt
from mien.signals.physio.filters import decimated, finite_runs
from mien.simulate.bodies import BodyPlan, simulate_body

MODULES = {"ecg": ecg, "ppg": ppg, "rsp": rsp, "eda": eda, "skt": skt}
UNITS = {"ecg": "mV", "ppg": "V", "rsp": "V", "eda": "uS", "skt": "degC"}


def signal(values, rate_hz, unit, **more):
    return Signal(np.asarray(values, dtype=float), rate_hz=rate_hz, unit=unit, name="x", **more)


@pytest.fixture(scope="module")
def body():
    return simulate_body(BodyPlan(duration_s=60.0, rate_hz=200.0), np.random.default_rng(3))


def wave(body, kind):
    values = {
        "ecg": body.ecg_mv,
        "ppg": body.ppg_v,
        "rsp": body.rsp_v,
        "eda": body.eda_us,
        "skt": body.skt_c,
    }[kind]
    return signal(values, body.rate_hz, UNITS[kind])


@pytest.mark.parametrize("kind", ["ecg", "ppg", "rsp", "eda"])
def test_recommended_cleaning_is_neurokits(body, kind):
    raw = wave(body, kind)
    theirs = getattr(nk, f"{kind}_clean")(raw.values, sampling_rate=200)
    np.testing.assert_allclose(MODULES[kind].clean(raw).values, theirs, rtol=1e-9, atol=1e-9)


def test_tonic_and_phasic_parts_are_neurokits(body):
    cleaned = eda.clean(wave(body, "eda"))
    theirs = nk.eda_phasic(cleaned.values, sampling_rate=200)
    tonic, phasic = eda.phasic(cleaned)
    np.testing.assert_allclose(tonic.values, theirs["EDA_Tonic"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(phasic.values, theirs["EDA_Phasic"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "low_pass"), [("ecg", 40.0), ("eda", 5.0), ("rsp", 1.0)], ids=["ecg", "eda", "rsp"]
)
def test_the_papers_recipe_cuts_at_the_printed_frequencies(kind, low_pass):
    times = np.arange(60_000) / 1000
    raw = signal(10 + np.sin(2 * np.pi * low_pass * times), 1000.0, UNITS[kind], start_s=7.0)
    cleaned = MODULES[kind].clean(raw, "paper")
    assert (cleaned.rate_hz, cleaned.start_s, len(cleaned)) == (200.0, 7.0, 12_000)
    middle = cleaned.values[4000:8000]
    # Forward and backward: half the amplitude (-6 dB) at the cut-off.
    assert np.sqrt(2) * middle.std() == pytest.approx(0.5, abs=0.01)
    # The level stays where it means something and goes where it does not.
    assert middle.mean() == pytest.approx(10.0 if kind == "eda" else 0.0, abs=0.05)


@pytest.mark.parametrize("rate_hz", [1000.0, 512.0, 2000.0])
def test_decimation_has_no_alias_and_does_not_move(rate_hz):
    times = np.arange(int(20 * rate_hz)) / rate_hz
    slow = np.sin(2 * np.pi * 5 * times)
    found = decimated(signal(slow + np.sin(2 * np.pi * 190 * times), rate_hz, "V"), 200.0)
    # 190 Hz would fold to 10 Hz; NeuroKit2's resampling lets it.
    inner = slice(400, len(found) - 400)
    np.testing.assert_allclose(found.values[inner], np.sin(2 * np.pi * 5 * found.times_s[inner]), atol=0.01)
    theirs = nk.signal_resample(
        slow + np.sin(2 * np.pi * 190 * times), sampling_rate=rate_hz, desired_sampling_rate=200
    )
    assert np.std(theirs) > 1.2 * np.std(found.values)


@pytest.mark.parametrize("kind", list(MODULES))
@pytest.mark.parametrize("recipe", ["recommended", "paper"])
def test_holes_stay_holes_and_the_rest_is_filtered(body, kind, recipe):
    raw = wave(body, kind)
    values = raw.values.copy()
    values[4000:4100] = np.nan
    values[4150] = np.inf
    cleaned = MODULES[kind].clean(signal(values, 200.0, raw.unit), recipe).values
    # The 50 samples between the two holes are too few to filter.
    assert np.isnan(cleaned[4000:4151]).all()
    assert np.isfinite(cleaned[:4000]).all()
    assert np.isfinite(cleaned[4151:]).all()


def test_decimation_keeps_the_level():
    # The usual Chebyshev filter of even order has 0.989 at 0 Hz.
    found = decimated(signal(np.full(20_000, 31.0), 1000.0, "degC"), 200.0)
    np.testing.assert_allclose(found.values, 31.0, rtol=1e-9)


def test_runs_between_holes():
    values = np.array([np.nan, 1.0, 2.0, np.nan, 3.0, np.inf, 4.0, 5.0, 6.0])
    assert finite_runs(values).tolist() == [[1, 3], [4, 5], [6, 9]]
    assert finite_runs(values, least=2).tolist() == [[1, 3], [6, 9]]
    assert finite_runs(np.empty(0)).shape == (0, 2)


@pytest.mark.parametrize("kind", list(MODULES))
def test_an_unknown_recipe_is_refused(body, kind):
    with pytest.raises(OptionError, match="recommended or paper"):
        MODULES[kind].clean(wave(body, kind), "best")
