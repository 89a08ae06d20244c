"""Simulated samples of every kind of input with known classes, on which a method's manners are checked.

The classes are easy to tell: each has a pattern of its own in every sample. Subjects are not, so that what
holds for some holds for others. Nothing here looks like a face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.records import digest_arrays
from mien.evaluation.task import Task

CLASSES = ("negative", "positive", "surprise")
N_SUBJECTS, PER_SUBJECT = 8, 6

Maker = Callable[[NDArray[np.int64], np.random.Generator], NDArray[Any]]


def sample_task(needs: str | None, *, seed: int = 0) -> Task:
    """A task of 8 subjects with 6 samples each, three classes, whose input is of the given kind.

    `needs` None takes motion maps, as a source of samples does. Equal seeds give equal samples.

    Raises
    ------
    OptionError
        If there are no samples of this kind.
    """
    kind = needs or "motion-map"
    if kind not in MAKERS:
        raise OptionError(
            f"samples of {kind}",
            wanted=f"one of {', '.join(MAKERS)}",
            got=kind,
            remedy="correct the method's `needs`, or give check_method a task of your own",
        )
    y = np.tile(np.arange(len(CLASSES)), N_SUBJECTS * PER_SUBJECT // len(CLASSES))
    X = MAKERS[kind](y, np.random.default_rng([seed, 7]))
    subjects = tuple(f"simulated/{i // PER_SUBJECT + 1:03d}" for i in range(len(y)))
    return Task(
        name=f"simulated {kind}",
        digest=digest_arrays(y, np.frombuffer(X.tobytes(), dtype=np.uint8)),
        X=X,
        y=y,
        classes=CLASSES,
        sample_ids=tuple(f"{i:03d}" for i in range(len(y))),
        subjects=subjects,
        datasets=("simulated",) * len(y),
        consent=dict.fromkeys(subjects, 1),
    )


def _blobs(y: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """A bump at the place of each sample's class, (n, size, size), at most 1."""
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    places = ((0.3, 0.3), (0.75, 0.5), (0.3, 0.7))
    bumps = np.stack([np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 0.02) for r, c in places])
    return bumps[y]


def _motion(y: NDArray[np.int64], rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """u, v and strain in pixels, (n, size, size, 3)."""
    bump = _blobs(y, size)
    channels = np.stack([0.5 * bump, -bump, 0.5 * bump], axis=-1)
    return channels + rng.normal(scale=0.2, size=channels.shape)


def _motion_map(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    return np.clip(128 + 80 * _motion(y, rng, 28), 0, 255).astype(np.uint8)


def _motion_clip(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    return np.stack([share * _motion(y, rng, 16) for share in (0.5, 1.0, 0.5)], axis=1)


def _frame_pair(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    first = rng.normal(128, 20, size=(len(y), 32, 32, 1))
    pair = np.stack([first, first + 80 * _blobs(y, 32)[..., None]], axis=1)
    return np.clip(np.repeat(pair, 3, axis=-1), 0, 255).astype(np.uint8)


def _vectors(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    return rng.normal(size=(len(y), 24)) + 2.0 * np.eye(len(CLASSES)).repeat(8, axis=1)[y]


def _eeg(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    """Noise of 64 channels and one second at 256 Hz, in microvolts, with a rhythm of each class."""
    times = np.arange(256) / 256
    rhythm = np.sin(2 * np.pi * np.array([6.0, 11.0, 20.0])[:, None] * times)[y]
    return rng.normal(scale=5.0, size=(len(y), 64, 256)) + 10.0 * rhythm[:, None, :]


def _audio_visual(y: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    """A motion map, and a second of sound that is heard throughout and spoken in its middle."""
    frames, bands = 32, 24
    kind = [
        ("visual", "f4", (28, 28, 3)),
        ("audio", "f4", (frames, bands)),
        ("heard", "?", (frames,)),
        ("voiced", "?", (frames,)),
        ("seen", "?"),
    ]
    X = np.zeros(len(y), np.dtype(kind))
    X["visual"] = _motion_map(y, rng)
    X["audio"] = (
        rng.normal(-30, 5, size=(len(y), frames, bands)) + 10 * np.eye(3).repeat(8, axis=1)[y][:, None]
    )
    X["heard"], X["seen"] = True, True
    X["voiced"][:, 8:24] = True
    return X


MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        "motion-map": _motion_map,
        "motion-clip": _motion_clip,
        "frame-pair": _frame_pair,
        "lbp-top": _vectors,
        "mdmo": _vectors,
        "bi-woof": _vectors,
        "body-features": _vectors,
        "eeg-epoch": _eeg,
        "audio-visual": _audio_visual,
    }
)
"""Samples by kind of input: y (n,) and a random state to X (n, ...)."""
