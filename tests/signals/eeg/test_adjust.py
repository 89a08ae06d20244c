"""ADJUST against a slow version of its formulas, on hand-made components, and on a simulated brain."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.signals.eeg import adjust, adjust_ica, fixed_epochs, repair_raw, resampled, standard_positions
from mien.signals.eeg.adjust import KINDS, polar, regions
from mien.simulate.brains import CAP, simulate_brain
from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings

RATE_HZ = 128.0
NAMES = [name for name in CAP if not name.startswith("CB")]
PLACES = standard_positions(NAMES)
N_EPOCHS, N_SAMPLES = 24, 640


# --- a slow version


def slow_features(mixing, activations, positions):
    """Every feature by the formulas of the paper and its released code, in plain Python."""
    n, n_components = len(mixing), len(mixing[0])
    at = []
    for x, y, z in positions:
        r = math.sqrt(x * x + y * y + z * z)
        at.append((x / r, y / r, z / r))
    theta = [math.degrees(math.atan2(x, y)) for x, y, _ in at]
    radius = [0.5 - math.degrees(math.asin(z)) / 180 for _, _, z in at]
    front = [i for i in range(n) if abs(theta[i]) < 60 and radius[i] > 0.40]
    if not front:
        front = [i for i in range(n) if abs(theta[i]) < 60 and radius[i] > 0.30]
    back = [i for i in range(n) if abs(theta[i]) > 110]
    left = [i for i in range(n) if -61 < theta[i] < -35 and radius[i] > 0.30]
    right = [i for i in range(n) if 34 < theta[i] < 61 and radius[i] > 0.30]

    def mean(values):
        return math.fsum(values) / len(values)

    def var(values):
        middle = mean(values)
        return math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1)

    found = []
    for c in range(n_components):
        norm = math.sqrt(math.fsum(row[c] ** 2 for row in mixing))
        a = [row[c] / norm for row in mixing]
        gdsf = 0.0
        for i in range(n):
            others = sorted((math.dist(at[i], at[j]), j) for j in range(n) if j != i)[:10]
            gdsf = max(gdsf, abs(a[i] - math.fsum(math.exp(-d) * a[j] for d, j in others) / 10))
        kurtoses, variances = [], []
        for epoch in activations:
            s = [norm * v for v in epoch[c]]
            middle = mean(s)
            variances.append(var(s))
            kurtoses.append(mean([(v - middle) ** 4 for v in s]) / variances[-1] ** 2 - 3)
        if len(activations) > 100:
            drop = math.floor(0.01 * len(activations) + 0.5)
            kurtoses, variances = (sorted(v)[: len(v) - drop] for v in (kurtoses, variances))
        found.append(
            {
                "sad": abs(mean([a[i] for i in front])) - abs(mean([a[i] for i in back])),
                "svd": var([a[i] for i in front]) - var([a[i] for i in back]),
                "sed": abs(mean([a[i] for i in left]) - mean([a[i] for i in right])),
                "left_eye": mean([a[i] for i in left]),
                "right_eye": mean([a[i] for i in right]),
                "gdsf": gdsf,
                "tk": mean(kurtoses),
                "mev": max(variances) / mean(variances),
            }
        )
    return found


@pytest.mark.parametrize(
    ("n_epochs", "chosen"), [(7, slice(None)), (101, slice(None, None, 2)), (150, slice(30))]
)
def test_features_are_those_of_the_slow_formulas(n_epochs, chosen) -> None:
    rng = np.random.default_rng(n_epochs)
    places = 0.087 * PLACES[chosen] if n_epochs != 150 else PLACES
    mixing = rng.normal(size=(len(places), 4)) * [1, 1e-6, 30, 2]
    activations = rng.standard_t(4, size=(n_epochs, 4, 20)) * rng.uniform(0.2, 4, size=(n_epochs, 4, 1))
    found = adjust(mixing, activations, places, rate_hz=RATE_HZ).features
    for c, wanted in enumerate(slow_features(mixing.tolist(), activations.tolist(), places.tolist())):
        for name, value in wanted.items():
            assert getattr(found, name)[c] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_decisions_follow_from_the_features_and_thresholds_that_are_kept() -> None:
    rng = np.random.default_rng(5)
    found = adjust(rng.normal(size=(62, 30)), rng.standard_t(3, size=(20, 30, 50)), PLACES, rate_hz=RATE_HZ)
    f, t = found.features, found.thresholds
    for c in range(30):
        one_sided = f.left_eye[c] * f.right_eye[c]
        sad, tk, mev = f.sad[c] >= t["sad"].value, f.tk[c] >= t["tk"].value, f.mev[c] >= t["mev"].value
        assert found.blink[c] == (sad and one_sided > 0 and tk and f.svd[c] > 0)
        assert found.vertical[c] == (sad and one_sided > 0 and mev and f.svd[c] > 0)
        assert found.horizontal[c] == (f.sed[c] >= t["sed"].value and one_sided < 0 and mev)
        assert found.discontinuity[c] == (f.gdsf[c] >= t["gdsf"].value and mev)
    assert (found.blink | found.vertical | found.horizontal | found.discontinuity).tolist() == (
        found.artefact.tolist()
    )


def test_hand_computed_numbers_of_a_small_map() -> None:
    # Front at +1, back at -1, nothing elsewhere: both means have the same size.
    theta, radius = polar(PLACES)
    where = regions(theta, radius)
    flat = np.zeros((62, 2))
    flat[where.frontal, 0], flat[where.posterior, 0] = 1.0, -1.0
    flat[where.frontal, 1] = 1.0
    found = adjust(flat, np.random.default_rng(0).normal(size=(3, 2, 50)), PLACES, rate_hz=RATE_HZ).features
    assert found.sad == pytest.approx([0.0, 1 / math.sqrt(where.frontal.size)])
    assert found.svd == pytest.approx([0.0, 0.0], abs=1e-12)
    assert {NAMES[i] for i in where.frontal} >= {"FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F8"}
    assert {NAMES[i] for i in where.left_eye} == {"F7", "F5", "F3"}
    assert {NAMES[i] for i in where.right_eye} == {"F8", "F6", "F4"}
    # A square wave has kurtosis (N-1)^2/N^2 - 3 by the formula with the N-1 deviation.
    square = np.tile([1.0, -1.0], 25)
    waves = np.stack([np.stack([square, square]), np.stack([3 * square, square])])
    found = adjust(flat, waves, PLACES, rate_hz=RATE_HZ).features
    assert found.tk == pytest.approx([(49 / 50) ** 2 - 3] * 2)
    assert found.mev == pytest.approx([9 / 5, 1.0])


# --- hand-made components


def near(name, width=0.5):
    return np.exp(-(np.linalg.norm(PLACES - PLACES[NAMES.index(name)], axis=1) ** 2) / width**2)


def band(rng, low, high, shape=(N_EPOCHS, N_SAMPLES)):
    spectrum = np.fft.rfft(rng.normal(size=shape))
    hz = np.fft.rfftfreq(shape[1], 1 / RATE_HZ)
    made = np.fft.irfft(spectrum * ((hz >= low) & (hz <= high)), shape[1])
    return made / made.std()


def pink(rng):
    spectrum = np.fft.rfft(rng.normal(size=(N_EPOCHS, N_SAMPLES)))
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    return np.fft.irfft(spectrum, N_SAMPLES)


@pytest.fixture(scope="module")
def hand_made():
    """Sixteen brains and one component of each kind: maps (62, 22), courses, and where each kind is."""
    rng = np.random.default_rng(0)
    maps, courses, names = [], [], []
    places = [
        "CZ",
        "C3",
        "C4",
        "PZ",
        "P3",
        "P4",
        "FC1",
        "FC2",
        "CP5",
        "CP6",
        "FZ",
        "C1",
        "CPZ",
        "C5",
        "C6",
        "POZ",
    ]
    for place in places:
        maps.append(near(place, 0.8) - 0.3 + 0.05 * rng.normal(size=62))
        courses.append(pink(rng))
        names.append("brain")
    eyes = PLACES @ np.array([0.0, 1.0, -0.3])
    across = PLACES[:, 0] * np.exp(3 * (eyes - eyes.max()))
    bumps = np.zeros((N_EPOCHS, N_SAMPLES))
    for epoch in range(N_EPOCHS):
        at = rng.integers(60, N_SAMPLES - 60)
        bumps[epoch, at - 19 : at + 20] += np.hanning(39)
    look = np.zeros((N_EPOCHS, N_SAMPLES))
    look[[4, 13], 200:420] = 4.0
    pop = np.zeros(62)
    pop[NAMES.index("CP3")] = 1.0
    jump = pink(rng)
    jump[9, 300:] += 25.0
    tense = 0.2 * pink(rng)
    tense[[3, 11, 12, 20]] += 2 * band(rng, 20, 60)[[3, 11, 12, 20]]
    made = {
        "blink": (np.exp(4 * (eyes - eyes.max())), bumps + 0.02 * pink(rng)),
        "horizontal": (across, look + 0.3 * pink(rng)),
        "vertical": (np.exp(4 * (eyes - eyes.max())), look + 0.3 * pink(rng)),
        "discontinuity": (pop, jump),
        "alpha": (near("OZ", 0.7), band(rng, 9, 11)),
        "muscle": (near("F8", 0.25), tense),
    }
    for name, (topography, course) in made.items():
        maps.append(topography)
        courses.append(course)
        names.append(name)
    return np.stack(maps, axis=1), np.stack(courses, axis=1), names


def test_each_hand_made_component_gets_its_decision(hand_made) -> None:
    maps, courses, names = hand_made
    found = adjust(maps, courses, PLACES, rate_hz=RATE_HZ)
    kinds = dict(zip(names, map(found.kinds, range(len(names))), strict=True))
    assert "blink" in kinds["blink"]
    assert "horizontal" in kinds["horizontal"]
    assert "blink" not in kinds["horizontal"]
    assert "vertical" in kinds["vertical"]
    assert kinds["discontinuity"] == ("discontinuity",)
    assert kinds["alpha"] == ()
    assert not found.artefact[:16].any()
    assert set(found.removed.tolist()) == {
        names.index(n) for n in ("blink", "horizontal", "vertical", "discontinuity")
    }


def test_what_looks_like_muscle_is_flagged_and_kept_unless_asked(hand_made) -> None:
    maps, courses, names = hand_made
    muscle = names.index("muscle")
    found = adjust(maps, courses, PLACES, rate_hz=RATE_HZ)
    assert np.flatnonzero(found.muscle.flagged).tolist() == [muscle]
    assert found.discontinuity[muscle]  # ADJUST alone would have removed it
    assert muscle not in found.removed
    assert "kept" in found.explain(muscle)
    asked = adjust(maps, courses, PLACES, rate_hz=RATE_HZ, remove_muscle=True)
    assert sorted({*found.removed.tolist(), muscle}) == asked.removed.tolist()
    # EEGNet's input ends at 47 Hz; the flag does not need what lies above.
    low = adjust(maps, courses, PLACES, rate_hz=RATE_HZ, top_hz=47.0)
    np.testing.assert_array_equal(low.muscle.flagged, found.muscle.flagged)


def test_the_report_shows_every_number(hand_made) -> None:
    maps, courses, names = hand_made
    found = adjust(maps, courses, PLACES, rate_hz=RATE_HZ)
    table = found.table()
    assert len(table) == len(names)
    assert {*KINDS, "sad", "svd", "sed", "gdsf", "tk", "mev", "tk_threshold", "removed"} <= set(table.columns)
    line = found.explain(names.index("blink"))
    assert "removed: blink: SAD" in line
    assert "TK" in line
    assert f"{found.thresholds['sad'].value:.3g}" in line
    assert found.explain(0).endswith("kept: no decision applies")


def test_units_signs_and_order_change_nothing(hand_made) -> None:
    maps, courses, _ = hand_made
    rng = np.random.default_rng(1)
    found = adjust(maps, courses, PLACES, rate_hz=RATE_HZ)
    scale = rng.uniform(0.01, 100, maps.shape[1]) * rng.choice([-1, 1], maps.shape[1])
    again = adjust(maps * scale, courses / scale[:, None], 90 * PLACES, rate_hz=RATE_HZ)
    order, channels = rng.permutation(maps.shape[1]), rng.permutation(62)
    mixed = adjust(maps[channels][:, order], courses[:, order], PLACES[channels], rate_hz=RATE_HZ)
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(again, kind), getattr(found, kind))
        np.testing.assert_array_equal(getattr(mixed, kind), getattr(found, kind)[order])


# --- what cannot be


def test_input_that_cannot_be_judged_is_refused() -> None:
    rng = np.random.default_rng(0)
    maps, courses = rng.normal(size=(62, 5)), rng.normal(size=(4, 5, 50))
    holes = courses.copy()
    holes[0, 0, 0] = np.nan
    silent = maps.copy()
    silent[:, 2] = 0
    back = PLACES[:, 1] < 0
    for arguments, match in (
        ((maps, courses[0], PLACES), "shapes"),
        ((maps, courses[:, :4], PLACES), "shapes"),
        ((maps[:60], courses, PLACES), "shapes"),
        ((maps, courses[:0], PLACES), "shapes"),
        ((maps, holes, PLACES), "finite"),
        ((maps, courses, np.where(np.arange(62)[:, None] == 3, np.nan, PLACES)), "finite"),
        ((silent, courses, PLACES), r"zero maps \[2\]"),
        ((maps, courses, 0 * PLACES), "centre of the head"),
        ((maps[:3], courses, PLACES[:3]), "at least 11"),
        ((maps[back], courses, PLACES[back]), "none in: frontal, left eye, right eye"),
    ):
        with pytest.raises(DataError, match=match):
            adjust(*arguments, rate_hz=RATE_HZ)
    with pytest.raises(OptionError, match="above 0 Hz"):
        adjust(maps, courses, PLACES, rate_hz=0.0)


@pytest.mark.filterwarnings("error")
def test_flat_epochs_and_few_components_are_said() -> None:
    rng = np.random.default_rng(0)
    maps, courses = rng.normal(size=(62, 4)), rng.normal(size=(6, 4, 50))
    courses[2, 1] = 7.7
    courses[:, 3] = 0.1
    found = adjust(maps, courses, PLACES, rate_hz=RATE_HZ)
    assert np.isfinite(found.features.tk).tolist() == [True, True, True, False]
    assert not found.artefact[3]
    text = " | ".join(found.cautions)
    assert "4 components are few" in text
    assert "flat epochs in components [1, 3]" in text
    alone = adjust(maps[:, :1], courses[:1, :1], PLACES, rate_hz=20.0)
    assert not alone.artefact.any()
    assert not alone.muscle.flagged.any()
    assert "no component passes" in " ".join(alone.cautions)


def test_continuous_sources_are_cut_without_overlap_and_without_bad_spans() -> None:
    courses = np.arange(2 * 1000.0).reshape(2, 1000)
    bad = np.zeros(1000, bool)
    bad[399] = True
    found = fixed_epochs(courses, 100.0, 2.0, bad=bad)
    assert found.shape == (4, 2, 200)
    np.testing.assert_array_equal(found[1, 1], courses[1, 400:600])
    with pytest.raises(DataError, match="all of them touched"):
        fixed_epochs(courses, 100.0, 2.0, bad=np.ones(1000, bool))
    with pytest.raises(DataError, match="whole epoch of 11 s"):
        fixed_epochs(courses, 100.0, 11.0)
    with pytest.raises(OptionError, match="four samples"):
        fixed_epochs(courses, 100.0, 0.0)


# --- a simulated brain, and MNE


@pytest.fixture(scope="module", params=[1, 2])
def recorded(request):
    """A simulated session at 128 Hz as MNE has it, its ICA, and what the sources truly are."""
    mne = pytest.importorskip("mne")
    settings = StudySettings(sampling_hz=250.0, trials=3)
    participant = write_part(settings, request.param)
    n = round(settings.session_s * 250)
    brain = simulate_brain(participant, settings, participant.stream(7), n_samples=n)
    data = resampled(brain.data_uv[:64], 250.0, RATE_HZ) * 1e-6
    raw, _ = repair_raw(mne.io.RawArray(data, mne.create_info(CAP, RATE_HZ, "eeg"), verbose="ERROR"))
    raw.pick("eeg").filter(1.0, 47.0, verbose="ERROR").set_eeg_reference("average", verbose="ERROR")
    return raw, fitted(raw, 15), brain


def fitted(raw, n_components):
    mne = pytest.importorskip("mne")
    ica = mne.preprocessing.ICA(n_components, method="fastica", random_state=0, max_iter=200, verbose="ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ica.fit(raw, decim=2, verbose="ERROR")


def likeness(one, many):
    """Size of the correlation of one row with each of many."""
    return np.abs(np.corrcoef(np.vstack([one, many]))[0, 1:])


def test_the_blinks_of_a_simulated_brain_are_found_and_its_alpha_is_no_eye(recorded) -> None:
    raw, ica, brain = recorded
    found = adjust_ica(ica, raw)
    course = resampled(brain.artefacts_uv[brain.artefact_names.index("blink")], 250.0, RATE_HZ)
    like = likeness(course, ica.get_sources(raw).get_data())
    assert like.max() > 0.7
    assert np.flatnonzero(found.blink).tolist() == [like.argmax()]
    assert like.argmax() in found.removed
    rows = [CAP.index(name.upper()) for name in ica.ch_names]
    for side in ("left", "right"):
        truth = brain.source_maps[rows, brain.source_names.index(f"alpha-{side}-occipital")]
        like = likeness(truth - truth.mean(), ica.get_components().T)
        assert like.max() > 0.9
        assert not {"blink", "vertical", "horizontal"} & set(found.kinds(int(like.argmax())))


def test_the_blinks_of_a_real_recording_are_removed(shared_data) -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.read_raw_eeglab(shared_data / "physio/eeglab/eeglab_data.set", preload=True, verbose="ERROR")
    raw, _ = repair_raw(raw)
    raw.pick("eeg").filter(1.0, 47.0, verbose="ERROR").set_eeg_reference("average", verbose="ERROR")
    ica = fitted(raw, 15)
    sources = ica.get_sources(raw).get_data()
    blink = int(likeness(raw.get_data(picks=["Fpz"]), sources).argmax())
    plain = adjust_ica(ica, raw)
    assert "one channel in front" in " ".join(plain.cautions)
    assert not plain.blink.any()
    wider = adjust_ica(ica, raw, front_from_r=0.30)
    assert blink in plain.removed
    assert wider.blink[blink]


def test_an_ica_with_unplaced_channels_or_bad_spans(recorded) -> None:
    mne = pytest.importorskip("mne")
    raw, ica, _ = recorded
    whole = adjust_ica(ica, raw)
    places = standard_positions(ica.ch_names)
    places[20] = np.nan
    fewer = adjust_ica(ica, raw, positions=places)
    assert ica.ch_names[20] in fewer.cautions[-1]
    np.testing.assert_array_equal(fewer.features.tk, whole.features.tk)
    marked = raw.copy().set_annotations(mne.Annotations([0.0], [20.0], ["bad start"]))
    shorter = adjust_ica(ica, marked)
    sources = ica.get_sources(raw).get_data()
    wanted = fixed_epochs(sources, RATE_HZ)[4:]
    by_hand = adjust(ica.get_components(), wanted, standard_positions(ica.ch_names), rate_hz=RATE_HZ)
    np.testing.assert_allclose(shorter.features.mev, by_hand.features.mev)
    with pytest.raises(DataError, match=r"positions: wanted \(62, 3\)"):
        adjust_ica(ica, raw, positions=places[:5])
