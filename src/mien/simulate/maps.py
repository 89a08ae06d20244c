"""Motion maps of simulated expressions with known classes, in the form of the MEGC-2019 maps.

Each map is the optical flow measured between two rendered frames of a face, onset and apex of one
simulated micro-expression, brought to 28 x 28; strain from its derivatives; every channel stretched to
0..255. Between the two frames the head moves a little, eyes turn, other units stir and the camera adds its
noise: the class can be told only as far as the expression's action units stand out of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.labels import THREE_CLASS_OF, THREE_CLASSES
from mien.dataset.motion_maps import MotionMaps
from mien.features import stretch
from mien.signals.face import dis_flow, optical_strain
from mien.simulate.action_units import BUMPS, EMOTION_ACTION_UNITS
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.simulate.script import LEVEL_2_SHARE

SIZE = 28
# Shares of the emotions among MMME's 634 micro-expressions (its Figure 5).
EMOTION_SHARES = {
    "disgust": 163, "fear": 124, "surprise": 105, "happiness": 92, "sadness": 55, "anger": 50, "contempt": 45,
}  # fmt: skip
FRAME_PX, FACE_PX = 160, 128
CAMERA_SD = 1.5  # grey levels
PEAK_PX = (0.3, 1.5)  # of the strongest unit, on a face 128 px wide


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
        Share of expressions that show units of their class's emotion, 0 to 1; the others show those of an
        emotion drawn at random: 0 is the null world, in which the classes differ in nothing.
    noise
        Factor on everything that is not the expression: head, eyes, other units, camera.
    seed
        Equal seeds give equal maps.
    """

    participants: int = 24
    maps_per_participant: float = 8.0
    effect: float = 0.9
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
        if self.effect > 1:
            raise OptionError("effect", wanted="a share from 0 to 1", got=self.effect, remedy="give one")


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
    """One person: a face, and how strongly it moves."""

    renderer: FaceRenderer
    expressivity: float


def _face(rng: np.random.Generator) -> _Face:
    renderer = FaceRenderer(Identity.draw(rng), frame_px=FRAME_PX, face_px=FACE_PX)
    return _Face(renderer, float(rng.lognormal(0.0, 0.25)))


def _map(rng: np.random.Generator, face: _Face, emotion: str, settings: MapSettings) -> NDArray[np.uint8]:
    """One stretched map, (SIZE, SIZE, 3)."""
    import cv2

    shown = emotion if rng.random() < settings.effect else str(rng.choice(list(EMOTION_SHARES)))
    apex = _apex(rng, (*_expression(rng, face, shown), *_unrelated(rng, settings.noise)), settings.noise)
    first, second = (_grey(rng, face, pose, settings.noise) for pose in (Pose(), apex))
    flow = np.stack(
        [cv2.resize(part, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for part in dis_flow(first, second)]
    )
    return stretch(np.stack([flow[0], flow[1], optical_strain(flow[0], flow[1])], axis=-1).astype(np.float64))


def _grey(rng: np.random.Generator, face: _Face, pose: Pose, noise: float) -> NDArray[np.uint8]:
    """The face's box of one frame as the camera sees it, grey, (FACE_PX, FACE_PX)."""
    import cv2

    frame = camera_noise(face.renderer.frame(pose), rng, sd=CAMERA_SD * noise)
    x, y, width, height = face.renderer.face_box
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[y : y + height, x : x + width])


def _expression(rng: np.random.Generator, face: _Face, emotion: str) -> list[UnitPose]:
    variants = EMOTION_ACTION_UNITS[emotion]
    units = variants[int(rng.integers(len(variants)))]
    side = rng.choice(["both", "left", "right"], p=[0.7, 0.15, 0.15])
    strength = np.clip(face.expressivity * rng.uniform(*PEAK_PX), *PEAK_PX)
    return [UnitPose(unit, float(strength * rng.uniform(0.6, 1.0)), side) for unit in units]


def _unrelated(rng: np.random.Generator, noise: float) -> list[UnitPose]:
    """Units that stir for reasons of their own: swallowing, breathing, words held back."""
    chosen = rng.choice(list(BUMPS), size=rng.poisson(1.0))
    return [UnitPose(int(unit), float(noise * rng.uniform(0.1, 0.6))) for unit in chosen]


def _apex(rng: np.random.Generator, units: tuple[UnitPose, ...], noise: float) -> Pose:
    """The second frame: the units, and what head and eyes did in the meantime."""
    shift, gaze = noise * rng.normal(0.0, 0.25, size=2), noise * rng.normal(0.0, 0.5, size=2)
    return Pose(
        units=units,
        gaze=(float(np.clip(gaze[0], -3, 3)), float(np.clip(gaze[1], -1, 1))),
        shift_px=(float(shift[0]), float(shift[1])),
        roll_rad=float(noise * rng.normal(0.0, 0.002)),
        scale=float(1 + noise * rng.normal(0.0, 0.0015)),
    )
