"""The simulated EEG is the stated mixture, with spectra, maps and effects as asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from mien.simulate.brains import CAP, simulate_brain
from mien.simulate.script import write_part
from mien.simulate.settings import Effects, StudySettings

SETTINGS = StudySettings(sampling_hz=250.0)
N = round(SETTINGS.session_s * 250)


@pytest.fixture(scope="module")
def brain():
    participant = write_part(SETTINGS, 1)
    return participant, simulate_brain(
        participant, SETTINGS, participant.stream(7), n_samples=N, beats_s=np.arange(0.4, 220, 0.83)
    )


def test_channels_are_those_of_the_cap_and_the_face(brain) -> None:
    _, made = brain
    assert made.data_uv.shape == (68, N)
    assert len(set(made.channels)) == 68
    assert made.channels[-4:] == ("HEO", "VEO", "EKG", "EMG")


def test_taking_the_artefacts_out_leaves_no_trace_of_the_blinks(brain) -> None:
    participant, made = brain
    clean = made.data_uv - made.artefact_maps @ made.artefacts_uv
    fp1 = CAP.index("FP1")
    peaks = np.array([round((b.start_s + 0.45 * (b.end_s - b.start_s)) * 250) for b in participant.blinks])
    assert made.data_uv[fp1, peaks].mean() > 40
    assert abs(clean[fp1, peaks].mean()) < 4 * clean[fp1].std() / np.sqrt(peaks.size)


def test_blinks_are_strongest_at_the_forehead_and_eye_movements_change_sides(brain) -> None:
    _, made = brain
    blink = dict(zip(CAP, made.artefact_maps[:64, made.artefact_names.index("blink")], strict=True))
    assert min(blink["FP1"], blink["FP2"], blink["FPZ"]) > 0.5
    assert max(blink["OZ"], blink["CZ"], blink["PZ"]) < 0.25
    across = dict(zip(CAP, made.artefact_maps[:64, 1], strict=True))
    assert across["F8"] > 0.4
    assert across["F7"] < -0.4
    assert abs(across["FZ"]) < 0.1


def test_alpha_stands_out_over_the_back_of_the_head(brain) -> None:
    _, made = brain
    hz, power = welch(made.data_uv.astype(float), 250, nperseg=1000)
    alpha = power[:, (hz >= 9) & (hz <= 11)].mean(axis=1)
    around = power[:, ((hz >= 5) & (hz <= 7)) | ((hz >= 14) & (hz <= 16))].mean(axis=1)
    back = [CAP.index(n) for n in ("O1", "OZ", "O2", "PO3", "PO4")]
    assert (alpha[back] / around[back]).mean() > 2
    low, high = power[:64, (hz > 1) & (hz < 2)].mean(), power[:64, (hz > 20) & (hz < 30)].mean()
    assert low / high > 5  # 1/f


def test_the_heart_is_seen_by_its_electrode_at_the_beats(brain) -> None:
    _, made = brain
    ekg = made.data_uv[made.channels.index("EKG")]
    beats = np.rint(np.arange(0.4, 220, 0.83) * 250).astype(int)
    assert ekg[beats].mean() > 5 * ekg.std() / 2


def test_band_power_follows_the_emotion_by_the_effect_size() -> None:
    def difference(effects: Effects) -> float:
        settings = StudySettings(participants=30, trials=14, sampling_hz=250.0, effects=effects)
        rows = []
        for number in range(1, 31):
            participant = write_part(settings, number)
            from mien.simulate.brains import _band_power

            power = np.log(_band_power(participant.stream(7), participant, settings))
            emotions = np.array([t.emotion for t in participant.trials])
            rows.append(power[emotions == "fear"].mean(axis=0) - power[emotions == "sadness"].mean(axis=0))
        return float(np.mean(rows, axis=0)[4] / 0.25)  # frontal midline theta, in standard deviations

    assert difference(Effects(brain=1.0)) == pytest.approx(1.09, abs=0.45)
    assert abs(difference(Effects.none())) < 0.45


def test_equal_streams_give_equal_bytes(brain) -> None:
    participant, made = brain
    again = simulate_brain(
        participant, SETTINGS, participant.stream(7), n_samples=N, beats_s=np.arange(0.4, 220, 0.83)
    )
    assert again.data_uv.tobytes() == made.data_uv.tobytes()
    other = write_part(SETTINGS, 2)
    assert not np.array_equal(
        simulate_brain(other, SETTINGS, other.stream(7), n_samples=N).data_uv, made.data_uv
    )
