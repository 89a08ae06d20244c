"""Shot cuts: hard cuts to the frame, dissolves within their span; flashes, pans and noise are none."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.recording.formats import read_frames
from mien.signals.face.shot_cuts import DISSOLVE, difference, find_cuts, thumbnail

RNG = np.random.default_rng(17)  # not the seeds that thresholds were chosen on


def scene(width: int = 160, *, colour: bool = True) -> np.ndarray:
    """A still picture with large and small things in it."""
    import cv2

    shape = (8, width // 12, 3) if colour else (8, width // 12)
    coarse = RNG.integers(10, 246, shape, dtype=np.uint8)
    return cv2.resize(coarse, (width, 120), interpolation=cv2.INTER_CUBIC)


def noisy(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture + RNG.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def shot(picture: np.ndarray, n: int) -> list[np.ndarray]:
    return [noisy(picture) for _ in range(n)]


def found(frames: list[np.ndarray], *, rate_hz: float = 25.0) -> list[tuple[str, int]]:
    return [(cut.kind, cut.frame) for cut in find_cuts(frames, np.arange(len(frames)) / rate_hz)]


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("rate_hz", [8.0, 25.0, 150.0])
def test_hard_cuts_to_the_frame(colour: bool, rate_hz: float) -> None:
    frames = [f for n in (31, 47, 40) for f in shot(scene(colour=colour), n)]
    assert found(frames, rate_hz=rate_hz) == [("cut", 31), ("cut", 78)]


def test_what_is_no_cut() -> None:
    still = scene()
    flash = shot(still, 30)
    flash[15:17] = [np.clip(f.astype(int) // 4 + 180, 0, 255).astype(np.uint8) for f in flash[15:17]]
    white = shot(still, 30)
    white[15] = np.full_like(still, 250)
    wide = scene(480)
    pan = [noisy(wide[:, 3 * k : 3 * k + 160]) for k in range(60)]
    dark = [np.clip(f * (1 - 0.02 * k), 0, 255).astype(np.uint8) for k, f in enumerate(shot(still, 40))]
    wall = [np.clip(100 + RNG.normal(0, 5, still.shape), 0, 255).astype(np.uint8) for _ in range(30)]
    for name, frames in {"flash": flash, "white": white, "pan": pan, "dark": dark, "wall": wall}.items():
        assert found(frames) == [], name


def test_a_dissolve_is_found_within_its_span() -> None:
    one, other = scene(), scene()
    assert difference(thumbnail(one), thumbnail(other)) > DISSOLVE
    mixed = [noisy(((1 - a) * one + a * other).astype(np.uint8)) for a in np.linspace(0, 1, 17)[1:-1]]
    frames = [*shot(one, 40), *mixed, *shot(other, 40)]
    cuts = find_cuts(frames, np.arange(len(frames)) / 25)
    assert [cut.kind for cut in cuts] == ["dissolve"]
    assert 40 <= cuts[0].frame < 55
    assert cuts[0].first_frame < cuts[0].frame < cuts[0].last_frame


def test_strength_says_how_far_the_pictures_differ() -> None:
    one = scene()
    alike = np.clip(0.75 * one + 0.25 * scene(), 0, 255).astype(np.uint8)
    far, near = (find_cuts([one] * 9 + [other] * 9, np.arange(18) / 25) for other in (scene(), alike))
    assert near == [] or near[0].strength < far[0].strength


def test_malformed() -> None:
    with pytest.raises(DataError, match="wanted 4 pictures, got 3"):
        find_cuts([scene()] * 3, np.arange(4) / 25)
    assert find_cuts([], np.array([])) == []
    assert find_cuts([scene()], np.array([0.0])) == []


@pytest.mark.parametrize("name", ["bbaf2n.mpg", "lwbsza.mpg"])
def test_real_talk_has_no_cut(shared_data, name: str) -> None:
    path = shared_data / "video" / "grid_lipnet" / "GRID" / name
    frames = [(at, picture) for _, at, picture in read_frames(path)]
    assert find_cuts([picture for _, picture in frames], np.array([at for at, _ in frames])) == []
