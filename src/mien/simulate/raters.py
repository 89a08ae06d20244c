"""Raters of many clips of which a few are good: what a selection is to find is known beforehand.

Of every emotion some clips are made good: exciting, named as what they aim at, on the right side of valence.
All others fail at one of these: weak (calm), mixed (raters name other emotions), or wrong-side (unpleasant
where they should be pleasant, and the other way round). Shares and means are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.records import write_atomically
from mien.simulate.coders import Rating
from mien.simulate.script import FEELING

Made = Literal["good", "weak", "mixed", "wrong-side"]
COLUMNS = ("stimulus_id", "rater_id", "emotion", "valence", "arousal", "target")
_EMOTIONS = tuple(FEELING)
_MIDDLE = 5.0
_LENIENT, _NOISE = 0.5, 1.2  # standard deviations, points of the scale: of raters, of a rater's answers


@dataclass(frozen=True, slots=True)
class MadeClips:
    """Ratings with their truth: what each clip was made as."""

    ratings: tuple[Rating, ...]
    made: Mapping[str, Made]

    @property
    def good(self) -> frozenset[str]:
        """The clips that a selection is to find."""
        return frozenset(name for name, made in self.made.items() if made == "good")


def simulate_ratings(
    seed: int, *, n_clips: int = 320, n_raters: int = 20, good: int = 6, at_chance: bool = False
) -> MadeClips:
    """Ratings of clips of seven emotions, of which `good` each were made good.

    Parameters
    ----------
    seed
        The same seed gives the same ratings.
    at_chance
        Whether raters name emotions at random, whatever they see.

    Raises
    ------
    OptionError
        If there are fewer clips than good ones, or no rater.
    """
    if good < 0 or n_clips < good * len(_EMOTIONS) or n_raters < 1:
        raise OptionError(
            "simulated raters",
            wanted="a rater or more, and at least as many clips as good ones of seven emotions",
            got=f"{n_raters} and {n_clips}",
            remedy="ask for more",
        )
    rng = np.random.default_rng([seed, 320])
    names = [f"clip-{number:03d}" for number in rng.permutation(n_clips) + 1]
    lenient = rng.normal(0.0, _LENIENT, size=(n_raters, 2))
    made: dict[str, Made] = {}
    rows: list[Rating] = []
    for place, name in enumerate(names):
        target = _EMOTIONS[place % len(_EMOTIONS)]
        made[name] = "good" if place // len(_EMOTIONS) < good else _lesser(target, rng)
        means, share = _clip(target, made[name], rng)
        rows += _rated(name, target, means, 0.0 if at_chance else share, lenient, rng)
    return MadeClips(tuple(sorted(rows, key=lambda row: (row.clip, row.rater))), made)


def _lesser(target: str, rng: np.random.Generator) -> Made:
    # Surprise has no side of valence to be wrong on.
    kinds: Sequence[Made] = ("weak", "mixed") if target == "surprise" else ("weak", "mixed", "wrong-side")
    return kinds[int(rng.integers(len(kinds)))]


def _clip(target: str, made: Made, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Mean valence and arousal of a clip, and the share of raters who see what it aims at."""
    valence = FEELING[target][0]
    arousal, share = {"good": (7.2, 0.8), "weak": (3.8, 0.6), "mixed": (6.2, 0.2), "wrong-side": (6.8, 0.7)}[
        made
    ]
    if made == "wrong-side":
        valence = 2 * _MIDDLE - valence
    if made == "weak":
        valence = (valence + _MIDDLE) / 2
    return np.array([valence, arousal]) + rng.normal(0.0, 0.3, size=2), share


def _rated(
    name: str,
    target: str,
    means: NDArray[np.float64],
    share: float,
    lenient: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[Rating]:
    found = []
    for rater, leaning in enumerate(lenient, start=1):
        answers = np.clip(np.rint(means + leaning + rng.normal(0.0, _NOISE, size=2)), 1, 9)
        named = target if rng.random() < share else _EMOTIONS[int(rng.integers(len(_EMOTIONS)))]
        found.append(Rating(name, target, f"r{rater:02d}", int(answers[0]), int(answers[1]), named))
    return found


def write_ratings(path: Path, ratings: Sequence[Rating]) -> None:
    """The ratings as a long table that `mien stimuli` reads: CSV, or TSV by the file's name."""
    mark = "\t" if path.suffix.lower() == ".tsv" else ","
    lines = [mark.join(COLUMNS)]
    lines += [
        mark.join((r.clip, r.rater, r.category, str(r.valence), str(r.arousal), r.target)) for r in ratings
    ]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
