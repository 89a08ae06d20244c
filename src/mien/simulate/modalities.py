"""Features of several modalities with known separation: what fusion can be judged on in minutes, not days.

No signal is simulated here: a modality is a vector of features in which the classes lie a known distance
apart, on top of what differs between people. Given class and person, modalities are independent; that is the
best case for a fusion, and real ones are worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

# Class separations, in standard deviations within a person, that make a linear machine about as accurate as
# the tables of MMME say of its members: face and brain, then five weak peripheral signals.
LIKE_MMME: Mapping[str, float] = {
    "me": 1.4, "eeg": 1.1, "ecg": 0.4, "eda": 0.4, "ppg": 0.4, "rsp": 0.4, "skt": 0.4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModalitySettings:
    """A study of features; raises OptionError for values that cannot be.

    Parameters
    ----------
    participants, samples_per_participant
        Number of people, and of expressions of each.
    separations
        Modality -> distance of every class centre from the common one, in standard deviations within a
        person; 0 is a modality that knows nothing.
    classes
        Share of each class.
    n_features
        Of every modality.
    between
        Standard deviation between people, in those within one.
    missing
        Probability that a sample lacks a modality.
    seed
        Equal seeds give equal studies.
    """

    participants: int = 30
    samples_per_participant: int = 8
    separations: Mapping[str, float] = field(default_factory=lambda: dict(LIKE_MMME))
    classes: Mapping[str, float] = field(
        default_factory=lambda: {"negative": 0.5, "positive": 0.25, "surprise": 0.25}
    )
    n_features: int = 4
    between: float = 0.5
    missing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        sound = (
            self.participants >= 2
            and self.samples_per_participant >= 1
            and len(self.classes) >= 2
            and self.n_features >= len(self.classes) - 1
            and all(value >= 0 for value in (*self.separations.values(), self.between, self.seed))
            and all(share > 0 for share in self.classes.values())
            and 0 <= self.missing < 1
            and self.separations
        )
        if not sound:
            raise OptionError(
                "simulated modalities",
                wanted="two people and classes or more, features for every class but one, sizes from 0",
                got=self,
                remedy="correct the settings",
            )


@dataclass(frozen=True, slots=True, eq=False)
class ModalityStudy:
    """Modality -> features (n, n_features), NaN rows where missing; labels (n,), subjects, classes."""

    features: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.int64]
    subjects: tuple[str, ...]
    classes: tuple[str, ...]


def simulate_modalities(settings: ModalitySettings) -> ModalityStudy:
    """A study of features, the same for the same settings."""
    rng = np.random.default_rng(settings.seed)
    people, each = settings.participants, settings.samples_per_participant
    shares = np.array(list(settings.classes.values()))
    n_classes = len(shares)
    labels = rng.choice(n_classes, size=people * each, p=shares / shares.sum())
    labels[:n_classes] = np.arange(n_classes)  # every class occurs
    person = np.repeat(np.arange(people), each)
    # Corners of a regular simplex: every pair of classes is equally far apart, the centre is 0.
    corners = np.eye(n_classes) - 1 / n_classes
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    features = {}
    for name, separation in settings.separations.items():
        turned = np.linalg.qr(rng.standard_normal((max(settings.n_features, n_classes),) * 2))[0]
        centres = corners @ turned[:n_classes, : settings.n_features]
        norms = np.linalg.norm(centres, axis=1, keepdims=True)
        centres = centres / np.where(norms > 0, norms, 1.0)
        own = settings.between * rng.standard_normal((people, settings.n_features))
        values = separation * centres[labels] + own[person] + rng.standard_normal((len(labels), own.shape[1]))
        values[rng.random(len(labels)) < settings.missing] = np.nan
        features[name] = values
    subjects = tuple(f"sub-{number + 1:03d}" for number in person)
    return ModalityStudy(features, labels.astype(np.int64), subjects, tuple(settings.classes))
