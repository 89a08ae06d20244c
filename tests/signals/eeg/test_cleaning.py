"""A simulated session is cleaned, its account is whole, and bad input is refused or survives with a note."""

from __future__ import annotations

import json
import warnings
from functools import lru_cache

import numpy as np
import pytest

pytest.importorskip("mne")

import mne

from mien.core.errors import DataError, OptionError
from mien.signals.eeg.bad_channels import find_bad_channels
from mien.signals.eeg.bands import BANDS, filtered, resampled
from mien.signals.eeg.cleaning import clean_bands, clean_session
from mien.signals.eeg.cleaning_settings import CleaningSettings
from mien.signals.eeg.low_rate import read_low_rate
from mien.simulate.brains import simulate_brain
from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings

RATE_HZ = 250.0
# Every other electrode of the cap: a quarter of the time for ICA.
NAMES = [
    "FP1", "FPZ", "FP2", "F7", "F3", "FZ", "F4", "F8", "FC5", "FC1", "FC2", "FC6", "T7", "C3", "CZ", "C4",
    "T8", "CP5", "CP1", "CP2", "CP6", "P7", "P3", "PZ", "P4", "P8", "PO3", "PO4", "O1", "OZ", "O2",
]  # fmt: skip
PLAIN = CleaningSettings(method="none")


@lru_cache(maxsize=1)
def brain():
    settings = StudySettings(sampling_hz=RATE_HZ, trials=2)
    person = write_part(settings, 1)
    n = round(settings.session_s * RATE_HZ)
    return simulate_brain(
        person, settings, person.stream(7), n_samples=n, beats_s=np.arange(0.4, settings.session_s, 0.83)
    )


def recorded(names=(*NAMES, "HEO", "VEO", "EKG"), seconds=None, change=None, rate_hz=RATE_HZ, labels=None):
    made = brain()
    rows = [made.channels.index(name) for name in names]
    data = made.data_uv[rows, : None if seconds is None else round(seconds * RATE_HZ)] * 1e-6
    if change is not None:
        change(data)
    if rate_hz != RATE_HZ:
        data = resampled(data, RATE_HZ, rate_hz)
    info = mne.create_info(list(labels or names), rate_hz, "eeg")
    return mne.io.RawArray(data, info, verbose="ERROR")


def said(session):
    return " | ".join(session.report["notes"])


@pytest.fixture(scope="module")
def cleaned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return clean_session(recorded(), CleaningSettings(with_iclabel=True, ecg=True), start_s=3.0)


def test_blinks_are_gone_and_the_back_of_the_head_is_as_it_was(cleaned) -> None:
    made = brain()
    assert cleaned.data.shape == (31, 100 * 128)
    assert (cleaned.rate_hz, cleaned.start_s) == (128.0, 3.0)
    np.testing.assert_allclose(cleaned.data.mean(axis=0), 0, atol=1e-12)
    rows = [made.channels.index(name) for name in NAMES]
    blink = made.artefact_names.index("blink")
    course = filtered(resampled(made.artefacts_uv[blink], RATE_HZ, 128.0), 128.0, 0.5, 47.0)
    plain = clean_session(recorded(), PLAIN)
    front = list(cleaned.channels).index("Fp1")

    def share(data):
        return abs(np.corrcoef(course, data[front])[0, 1])

    assert share(plain.data) > 0.8
    assert share(cleaned.data) < 0.2
    truth = made.data_uv[rows] - made.artefact_maps[rows] @ made.artefacts_uv
    truth = filtered(resampled((truth - truth.mean(axis=0)) * 1e-6, RATE_HZ, 128.0), 128.0, 0.5, 47.0)
    back = list(cleaned.channels).index("Oz")
    # Not more: ADJUST takes cortical components along (see the proof on simulated sources).
    assert np.corrcoef(truth[back], cleaned.data[back])[0, 1] > 0.75


def test_the_account_names_every_component_and_number(cleaned) -> None:
    report = json.loads(json.dumps(cleaned.report, allow_nan=False))
    rows = report["components"]
    assert [row["component"] for row in rows] == list(range(30))
    assert [row["component"] for row in rows if row["removed"]] == report["removed"] != []
    assert sum(row["variance_share"] for row in rows) == pytest.approx(1, abs=0.15)
    for row in rows:
        assert set(row["adjust"]["features"]) >= {"sad", "svd", "sed", "gdsf", "tk", "mev"}
        assert set(row["adjust"]["thresholds"]) == {"sad", "sed", "gdsf", "tk", "mev"}
        assert sum(row["iclabel"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["why"].startswith("removed: " if row["removed"] else "kept: ")
        if row["muscle"]["flagged"]:
            assert not row["removed"]
            assert "muscle-like" in row["kinds"]
            assert "forehead" in row["muscle"]["why"]
    assert any("blink" in row["kinds"] and row["removed"] for row in rows)
    assert set(report["versions"]) == {"mien", "mne", "numpy", "mne-icalabel", "onnxruntime"}
    assert report["fit"]["rank"] == 30


def test_the_matrix_does_what_mne_does(cleaned) -> None:
    parts = cleaned.components
    before = parts.raw.get_data(picks=parts.channels)
    theirs = parts.ica.apply(parts.raw.copy(), exclude=[0, 3], verbose="ERROR").get_data(picks=parts.channels)
    ours = parts.without([0, 3]) @ before
    # MNE leaves the mean of what it takes out.
    away = (ours - theirs) - (ours - theirs).mean(axis=1, keepdims=True)
    assert np.abs(away).max() < 1e-9 * np.abs(before).max()


def test_bad_channels_are_found_interpolated_and_said() -> None:
    def spoil(data):
        rng = np.random.default_rng(0)
        data[5] = 0.0
        data[12] = 4e-4 * rng.standard_normal(data.shape[1])
        data[20, 1000] = np.nan

    session = clean_session(recorded(change=spoil), PLAIN)
    assert set(session.report["bad_channels"]) == {"Fz", "T7", "CP6"}
    assert "flat" in session.report["bad_channels"]["Fz"]
    assert session.report["bad_channels"]["CP6"] == "1 missing samples"
    assert np.isfinite(session.data).all()
    whole = clean_session(recorded(), PLAIN)
    for name in ("Fz", "CP6"):
        row = whole.channels.index(name)
        assert np.corrcoef(whole.data[row], session.data[row])[0, 1] > 0.8
    named = clean_session(recorded(), CleaningSettings(method="none", bad_channels=("CZ",)))
    assert named.report["bad_channels"] == {"Cz": "named bad"}
    assert "left out" not in said(named)


def test_another_reference_gives_the_same_data() -> None:
    def from_cz(data):
        data[:31] -= data[NAMES.index("CZ")].copy()

    here, there = clean_session(recorded(), PLAIN), clean_session(recorded(change=from_cz), PLAIN)
    assert there.report["bad_channels"] == {"Cz": "flat: without contact, or the reference itself"}
    assert "average reference, whatever" in said(there)
    rows = [row for row, name in enumerate(here.channels) if name != "Cz"]
    away = here.data[rows] - there.data[rows]
    assert away.std() < 0.1 * here.data[rows].std()


def test_reading_by_chunks_is_reading_at_once(monkeypatch) -> None:
    raw = recorded(("FP1", "OZ"))
    from mien.signals.eeg import low_rate

    options = {"picks": [0, 1], "names": ["a", "b"], "types": ["eeg", "eeg"], "mains_hz": None}
    for to_hz in (128.0, 200.0, 250.0):
        monkeypatch.setattr(low_rate, "CHUNK_S", 1000.0)
        whole = read_low_rate(raw, to_hz=to_hz, **options)
        monkeypatch.setattr(low_rate, "CHUNK_S", 7.3)
        parts = read_low_rate(raw, to_hz=to_hz, **options)
        for one, other in zip(whole.rows, parts.rows, strict=True):
            assert one.size == int(np.ceil(raw.n_times * to_hz / RATE_HZ))
            assert np.abs(one - other).max() < 1e-3 * one.std()


def test_spans_annotated_as_bad_are_kept_out_of_the_fit_and_handed_on() -> None:
    raw = recorded().set_annotations(mne.Annotations([0.0, 50.0], [20.0, 1.0], ["BAD_jump", "clip"]))
    session = clean_session(raw, PLAIN)
    assert session.report["fit"]["minutes"] == pytest.approx(75 / 60)  # the block at 20.0 s is touched
    assert session.bad[: 20 * 128].all()
    assert session.bad.sum() <= 20 * 128 + 3
    again = session.as_raw().get_data(reject_by_annotation="NaN")
    assert np.isnan(again[:, :2500]).all()
    assert np.isfinite(again[:, 2600:]).all()
    raw.set_annotations(mne.Annotations([0.0], [100.0], ["BAD_all"]))
    with pytest.raises(DataError, match="without a bad span, got none"):
        clean_session(raw, PLAIN)


@pytest.mark.parametrize(
    ("options", "settings", "note"),
    [
        ({"names": ("FZ", "CZ", "PZ")}, {}, "at least 11 for ADJUST, got 3"),
        ({"seconds": 10.0}, {}, "s or more to take 30 components apart, got 10 s"),
        ({"labels": [f"E{k}" for k in range(34)]}, {}, "no channel has a known position"),
        ({"rate_hz": 100.0, "seconds": 12.0}, {}, "recorded at 100 Hz, which stays"),
        ({"names": NAMES[12:]}, {}, "none in: frontal, left eye, right eye"),
        ({"names": ("CZ",)}, {"method": "none"}, "one channel: no average reference"),
        ({"names": (*NAMES, "CB1")}, {"method": "none"}, "left out: CB1 (over the left cerebellum"),
    ],
)
def test_what_cannot_be_decomposed_is_cleaned_without_and_says_so(options, settings, note) -> None:
    session = clean_session(recorded(**options), CleaningSettings(**settings))
    assert note in said(session)
    assert session.components is None
    assert session.report["components"] == []
    assert np.isfinite(session.data).all()
    assert session.data.std() > 0


def test_input_that_cannot_be_cleaned_is_refused_in_a_sentence() -> None:
    def silent(data):
        data[:] = 0.0

    def noise(data):
        data[:] = 1e-5 * np.random.default_rng(0).standard_normal(data.shape)

    for changed, words in ((silent, "34 flat ones|31 flat ones"), (noise, "at least half of the channels")):
        with pytest.raises(DataError, match=words):
            clean_session(recorded(change=changed), PLAIN)
    with pytest.raises(DataError, match="at least 8 s"):
        clean_session(recorded(seconds=5.0), PLAIN)
    with pytest.raises(DataError, match="more than 94 Hz"):
        clean_session(recorded(rate_hz=80.0), PLAIN)
    with pytest.raises(OptionError, match="type eog, as HEO or VEO, got none"):
        clean_session(recorded(NAMES), CleaningSettings(method="eog", ica="fastica"))
    with pytest.raises(OptionError, match="bad channels: wanted channels of the recording, got Q9"):
        clean_session(recorded(), CleaningSettings(method="none", bad_channels=("Q9",)))
    with pytest.raises(DataError, match="one or more EEG channels"):
        clean_session(recorded(("HEO", "VEO")), PLAIN)
    with pytest.raises(OptionError, match="order"):
        clean_bands(recorded(), order="backwards")


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in (
        {"method": "magic"}, {"band_hz": (47.0, 0.5)}, {"rate_hz": 90.0}, {"fit_minutes": 0.0},
        {"iclabel_threshold": 2.0}, {"mains_hz": -1.0}, {"seed": -1}, {"rate_hz": float("nan")},
    ):  # fmt: skip
        with pytest.raises(OptionError):
            CleaningSettings(**wrong)


def test_eye_channels_find_the_blinks_too() -> None:
    session = clean_session(recorded(), CleaningSettings(method="eog", ica="fastica", remove_muscle=True))
    removed = [row for row in session.report["components"] if row["removed"]]
    assert any("with VEO" in row["why"] for row in removed)
    assert all(row["removed"] for row in session.report["components"] if row["muscle"]["flagged"])


def test_bands_in_both_orders() -> None:
    found = dict(clean_bands(recorded(), PLAIN))
    assert list(found) == list(BANDS)
    other = dict(clean_bands(recorded(), PLAIN, order="band-split-first"))
    for name in BANDS:  # without components the orders are one, but for the broad band's filter
        assert np.corrcoef(found[name].data.ravel(), other[name].data.ravel())[0, 1] > 0.99
        assert other[name].report["band"] == name


def test_bad_channel_rules_by_hand() -> None:
    rng = np.random.default_rng(1)
    pairs = np.repeat(rng.standard_normal((4, 6, 500)), 2, axis=1)  # each channel has one like it
    epochs = pairs + 0.5 * rng.standard_normal((4, 12, 500))
    names = [f"c{k}" for k in range(12)]
    assert find_bad_channels(epochs, names) == {}
    epochs[:, 3] *= 50
    epochs[:, 7] = 3.0
    found = find_bad_channels(epochs, names)
    assert set(found) == {"c3", "c6", "c7"}  # c6 has lost what it was like; c2 is still like the loud c3
    assert "times the median channel's amplitude" in found["c3"]
    assert found["c7"].startswith("flat")
    assert "largest correlation" in found["c6"]
