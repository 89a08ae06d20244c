"""Bi-WOOF on fields whose answer can be written down, and against sums over pixels one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.signals.face import bi_woof, optical_strain

RNG = np.random.default_rng(8)


def slow(flow: np.ndarray, rows: int, columns: int, directions: int) -> np.ndarray:
    strain = optical_strain(flow[..., 0], flow[..., 1])
    found = []
    for ys in np.array_split(np.arange(flow.shape[0]), rows):
        for xs in np.array_split(np.arange(flow.shape[1]), columns):
            histogram, summed = [0.0] * directions, 0.0
            for y in ys:
                for x in xs:
                    u, v = flow[y, x]
                    degrees = math.degrees(math.atan2(v, u))
                    place = int((degrees + 180) // (360 / directions)) % directions
                    histogram[place] += math.hypot(u, v)
                    summed += strain[y, x]
            total = sum(histogram)
            found += [h / total * summed if total else 0.0 for h in histogram]
    return np.array(found) / np.linalg.norm(found)


@pytest.mark.parametrize(("rows", "columns", "directions"), [(5, 5, 8), (3, 4, 6), (1, 1, 8)])
def test_against_sums_pixel_by_pixel(rows, columns, directions) -> None:
    flow = RNG.standard_normal((23, 31, 2))
    got = bi_woof(flow, blocks=(rows, columns), directions=directions)
    assert np.allclose(got, slow(flow, rows, columns, directions), atol=1e-12)
    assert np.linalg.norm(got) == pytest.approx(1)


def test_one_block_that_stretches_to_the_right() -> None:
    """u grows with x in the upper left block alone: direction 0 degrees is bin 4 of 8, all weight there."""
    flow = np.zeros((40, 40, 2))
    flow[:18, :18, 0] = 0.1 + 0.05 * np.arange(18)
    got = bi_woof(flow, blocks=(2, 2)).reshape(2, 2, 8)
    assert got[0, 0].argmax() == 4
    assert got[0, 0, 4] == pytest.approx(1)


def test_directions_turn_with_the_field() -> None:
    base = np.abs(RNG.standard_normal((20, 20))) + 0.1
    places = []
    for degrees in (-157, -112, -67, -22, 23, 68, 113, 158):
        angle = math.radians(degrees)
        flow = np.stack([base * math.cos(angle), base * math.sin(angle)], axis=-1)
        places.append(int(bi_woof(flow, blocks=(1, 1)).argmax()))
    assert places == list(range(8))


def test_nothing_moves() -> None:
    assert not bi_woof(np.zeros((20, 20, 2))).any()


def test_refusals() -> None:
    with pytest.raises(DataError, match="stretched map has lost its sign"):
        bi_woof(np.zeros((28, 28, 2), np.uint8))
    with pytest.raises(DataError, match="got shape"):
        bi_woof(np.zeros((28, 28, 3)))
    with pytest.raises(DataError, match="not finite"):
        bi_woof(np.full((28, 28, 2), np.nan))
    with pytest.raises(OptionError, match="blocks"):
        bi_woof(np.zeros((4, 4, 2)), blocks=(5, 5))
