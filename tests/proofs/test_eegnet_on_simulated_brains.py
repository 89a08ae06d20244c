"""EEGNet on simulated brains, people held out: what it needs before it says more than chance.

Effects of emotion on band power are six times the default (3 standard deviations between trials); nothing was
taken out of the EEG but its average. Beside it the plainest thing that can be done: a logistic regression on
the logarithm of band power. Run with -s for the numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("torch")

from mien.core.labels import THREE_CLASS_OF, THREE_CLASSES
from mien.metrics.recognition import confusion_counts, uar, uf1
from mien.recognition.eegnet import EEGNetRecogniser
from mien.signals.eeg import BANDS, around_apexes, filtered, resampled
from mien.simulate.brains import simulate_brain
from mien.simulate.script import write_part
from mien.simulate.settings import Effects, StudySettings

RATE_HZ = 250.0


def brains(people: int):
    """Epochs (n, 64, 1280) in microvolts, classes and people."""
    settings = StudySettings(
        participants=people, trials=7, clip_s=9.0, sampling_hz=RATE_HZ, seed=5, effects=Effects(brain=3.0),
        emotions=("happiness", "surprise", "fear", "sadness"),
    )  # fmt: skip
    X, y, who = [], [], []
    for number in range(1, people + 1):
        person = write_part(settings, number)
        made = simulate_brain(
            person, settings, person.stream(7), n_samples=round(settings.session_s * RATE_HZ)
        )
        data = made.data_uv[:64].astype(np.float64)
        low = filtered(resampled(data - data.mean(axis=0), RATE_HZ, 128.0), 128.0, 0.5, 47.0)
        shown = [(m.apex_s, t.emotion) for t in person.trials for m in t.movements if m.kind == "micro"]
        cut = around_apexes(low, 128.0, [at for at, _ in shown], channels=made.channels[:64])
        for row in np.flatnonzero(cut.complete):
            X.append(cut.data[row].astype(np.float32))
            y.append(THREE_CLASSES.index(THREE_CLASS_OF[shown[row][1]]))
            who.append(number)
    return np.stack(X), np.array(y), np.array(who)


def band_power(X):
    hz, power = welch(X.astype(np.float64), 128, nperseg=256, axis=-1)
    means = [power[..., (hz >= low) & (hz < high)].mean(axis=-1) for low, high in BANDS.values()]
    return np.log(np.stack(means, axis=-1)).reshape(len(X), -1)


def held_out(make, X, y, who):
    """UF1 and UAR over four groups of people."""
    estimate = np.zeros(len(y), dtype=int)
    for train, test in GroupKFold(4).split(X, y, who):
        assert not set(who[train]) & set(who[test])
        estimate[test] = make().fit(X[train], y[train]).predict(X[test])
    counts = confusion_counts(y.tolist(), estimate.tolist(), classes=[0, 1, 2])
    return float(uf1(counts)), float(uar(counts))


def plain():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))


@pytest.mark.slow
@pytest.mark.parametrize(("people", "epochs", "least"), [(24, 30, None), (96, 12, 0.5)])
def test_it_tells_emotions_of_people_it_never_met_where_there_are_enough(people, epochs, least) -> None:
    X, y, who = brains(people)
    net = held_out(lambda: EEGNetRecogniser(epochs=epochs, batch_size=16, imbalance="weighted"), X, y, who)
    line = held_out(plain, band_power(X), y, who)
    print(
        f"\n{people} people, {len(y)} epochs of 10 s: EEGNet ({epochs} passes) UF1 {net[0]:.3f}, "
        f"UAR {net[1]:.3f}; logistic regression on band power UF1 {line[0]:.3f}, UAR {line[1]:.3f}; "
        "chance UAR .333"
    )
    assert line[1] > 0.5  # the emotion is in the EEG
    if least is not None:
        assert net[1] > least
