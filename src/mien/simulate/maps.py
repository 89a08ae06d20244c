"""Motion maps of simulated expressions with known classes, in the form of the MEGC-2019 maps.

Each map is the onset-to-apex flow of one simulated expression on a 28 x 28 grid: action units of the
emotion at an individual intensity, on an individual face, plus head motion, motion that has nothing to do
with the emotion, and the flow engine's error; strain from its derivatives; every channel stretched to
0..255. The class can be told from the map only as far as the action units stand out of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mien.core.errors import OptionError
from mien.core.labels import THREE_CLASS_OF, THREE_CLASSES
from mien.dataset import MotionMaps
from mien.signals.face import optical_strain
from mien.simulate.action_units import BUMPS, EMOTION_ACTION_UNITS, action_unit_field

FloatArray = NDArray[np.float64]

SIZE = 28
# Shares of the emotions among MMME's 634 micro-expressions (its Figure 5).
EMOTION_SHARES = {
    "disgust": 163, "fear": 124, "surprise": 105, "happiness": 92, "sadness": 55, "anger": 50, "contempt": 45,
}  # fmt: skip
LEVEL_2_SHARE = 13 / 75  # participants of MMME who allow analysis only


@dataclass(frozen=True, slots=True)
class MapSettings:
    """How many maps of how many people, and how hard they are; raises OptionError for impossible values.

    Parameters
    ----------
    participants
        Number of simulated people, 2 or more.
    maps_per_participant
        Mean number of expressions of one person; the numbers vary as in real data, at least 1.
    effect
        Factor on the action units' displacement: 0 is the null world, in which the classes differ in nothing.
    noise
        Factor on everything that is not the expression.
    seed
        Equal seeds give equal maps.
    """

    participants: int = 24
    maps_per_participant: float = 8.0
    effect: float = 1.0
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, least in (
            ("participants", self.participants, 2),
            ("maps per participant", self.maps_per_participant, 1),
            ("effect", self.effect, 0),
            ("noise", self.noise, 0),
            ("seed", self.seed, 0),
        ):
            if not value >= least or value == float("inf"):
                raise OptionError(what, wanted=f"{least} or more", got=value, remedy="give another number")


def simulate_maps(settings: MapSettings) -> MotionMaps:
    """Simulated motion maps with labels in three classes and consent levels."""
    streams = np.random.SeedSequence(settings.seed).spawn(settings.participants + 1)
    maps, labels, subjects, names = [], [], [], []
    for number, stream in enumerate(streams[1:], start=1):
        rng = np.random.default_rng(stream)
        face = _face(rng)
        for index, emotion in enumerate(_emotions(rng, settings), start=1):
            maps.append(_map(rng, face, emotion, settings))
            labels.append(THREE_CLASSES.index(THREE_CLASS_OF[emotion]))
            subjects.append(f"simulated/{number:03d}")
            names.append(f"sub-{number:03d}_{index:02d}.png")
    _complete(labels, maps, subjects, settings, streams[0])
    levels = np.random.default_rng(streams[0]).random(settings.participants) < LEVEL_2_SHARE
    return MotionMaps(
        name="simulated motion maps",
        maps=np.stack(maps),
        labels=np.array(labels, dtype=np.int64),
        classes=THREE_CLASSES,
        sample_ids=tuple(names),
        subjects=tuple(subjects),
        datasets=("simulated",) * len(names),
        consent={f"simulated/{i:03d}": 2 if strict else 1 for i, strict in enumerate(levels, start=1)},
    )


def _complete(
    labels: list[int],
    maps: list[NDArray[np.uint8]],
    subjects: list[str],
    settings: MapSettings,
    stream: object,
) -> None:
    """Tiny simulations can miss a class by luck: the first samples then show the missing ones."""
    missing = [code for code in range(len(THREE_CLASSES)) if code not in labels]
    if missing and len(labels) < len(THREE_CLASSES):
        raise OptionError(
            "participants x maps",
            wanted=f"at least {len(THREE_CLASSES)} maps",
            got=len(labels),
            remedy="simulate more",
        )
    rng = np.random.default_rng([settings.seed, 1])
    for place, code in enumerate(missing):
        emotion = next(e for e in EMOTION_SHARES if THREE_CLASS_OF[e] == THREE_CLASSES[code])
        labels[place], maps[place] = code, _map(rng, _face(rng), emotion, settings)


def _emotions(rng: np.random.Generator, settings: MapSettings) -> list[str]:
    """One person's emotions: a skewed number of them, each person with a leaning of their own."""
    count = max(1, int(rng.poisson(settings.maps_per_participant * rng.gamma(4.0, 0.25))))
    shares = np.array(list(EMOTION_SHARES.values()), dtype=np.float64)
    leaning = rng.dirichlet(8.0 * shares / shares.sum())
    return [str(e) for e in rng.choice(list(EMOTION_SHARES), size=count, p=leaning)]


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """Where a person's face lies on the grid, and how strongly they move."""

    x: FloatArray
    y: FloatArray
    expressivity: float


def _face(rng: np.random.Generator) -> _Face:
    grid = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    y, x = np.meshgrid(grid, grid, indexing="ij")
    scale = rng.normal(1.0, 0.07, size=2)
    shift = rng.normal(0.0, 0.06, size=2)
    return _Face((x - shift[0]) / scale[0], (y - shift[1]) / scale[1], float(rng.lognormal(0.0, 0.3)))


def _map(rng: np.random.Generator, face: _Face, emotion: str, settings: MapSettings) -> NDArray[np.uint8]:
    """One stretched map, (SIZE, SIZE, 3)."""
    flow = settings.effect * face.expressivity * _expression(rng, face, emotion)
    flow = flow + settings.noise * (_unrelated(rng, face) + _head(rng, face) + _engine_error(rng))
    return stretch(np.stack([flow[0], flow[1], optical_strain(flow[0], flow[1])], axis=-1))


def _expression(rng: np.random.Generator, face: _Face, emotion: str) -> FloatArray:
    variants = EMOTION_ACTION_UNITS[emotion]
    units = variants[int(rng.integers(len(variants)))]
    side = rng.choice(["both", "left", "right"], p=[0.7, 0.15, 0.15])
    field = np.zeros((2, *face.x.shape))
    for unit in units:
        field += rng.uniform(0.3, 1.5) * action_unit_field(unit, face.x, face.y, side=side)
    return field


def _unrelated(rng: np.random.Generator, face: _Face) -> FloatArray:
    """Blinks, gaze and speech: action units that say nothing about the class."""
    field = np.zeros((2, *face.x.shape))
    for unit in rng.choice(list(BUMPS), size=rng.poisson(1.2)):
        field += rng.uniform(0.2, 1.0) * action_unit_field(int(unit), face.x, face.y)
    return field


def _head(rng: np.random.Generator, face: _Face) -> FloatArray:
    """What remains of head motion after alignment: a small affine field."""
    move, turn = rng.normal(0.0, 0.18, size=2), rng.normal(0.0, 0.12, size=(2, 2))
    return np.stack([move[i] + turn[i, 0] * face.x + turn[i, 1] * face.y for i in range(2)])


def _engine_error(rng: np.random.Generator) -> FloatArray:
    """Smooth error of a flow engine, standard deviation 0.2."""
    rough = rng.standard_normal((2, SIZE, SIZE))
    smooth = np.stack([gaussian_filter(part, 1.5) for part in rough])
    return 0.2 * smooth / smooth.std()


def stretch(channels: FloatArray) -> NDArray[np.uint8]:
    """Each channel stretched to 0..255 on its own, (h, w, c), as the published maps are."""
    low, high = channels.min(axis=(0, 1)), channels.max(axis=(0, 1))
    return np.rint(255 * (channels - low) / np.where(high > low, high - low, 1.0)).astype(np.uint8)
