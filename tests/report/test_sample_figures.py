"""Which of several expressions is shown: the one whose coded units move most, not the one that moves most."""

from __future__ import annotations

import numpy as np
import pytest

from mien.report.sample_figures import beside_eyes, clearness, inside_face
from mien.signals.face.regions import action_unit_masks, template_landmarks

SIZE = 128
LANDMARKS = template_landmarks(SIZE)
EVERYWHERE = np.ones((SIZE, SIZE), dtype=bool)
LOOKED = inside_face(LANDMARKS, SIZE) & beside_eyes(LANDMARKS, SIZE)


def moved(**px: float) -> np.ndarray:
    """A flow of so many pixels, down, where a unit is seen."""
    flow = np.zeros((2, SIZE, SIZE))
    for name, mask in action_unit_masks(LANDMARKS, (SIZE, SIZE)).items():
        flow[1][mask] = np.maximum(flow[1][mask], px.get(name.split()[0], 0.0))
    return flow


def test_what_moves_where_it_is_coded_is_clear_by_so_many_pixels() -> None:
    assert clearness(moved(AU4=1.5), [4], EVERYWHERE, LANDMARKS) == pytest.approx(1.5)
    assert clearness(moved(AU4=1.5), [12], EVERYWHERE, LANDMARKS) == pytest.approx(-1.5)
    assert clearness(moved(AU4=1.5, AU12=1.0), [4], EVERYWHERE, LANDMARKS) == pytest.approx(0.5)
    assert clearness(moved(AU4=1.5, AU12=1.0), [4, 12], EVERYWHERE, LANDMARKS) == pytest.approx(1.5)


def test_a_brow_is_clearer_than_a_brow_beside_speech() -> None:
    still, speaking = moved(AU4=1.0), moved(AU4=1.2, AU25=4.0, AU26=3.0)
    assert clearness(still, [4], EVERYWHERE, LANDMARKS) > 0 > clearness(speaking, [4], EVERYWHERE, LANDMARKS)


def test_what_moves_a_small_place_that_is_not_coded_counts_as_much() -> None:
    for unit in (2, 10, 14, 16, 23, 24):
        assert clearness(moved(AU4=1.0, **{f"AU{unit}": 2.0}), [4], LOOKED, LANDMARKS) < -0.9
        assert clearness(moved(**{f"AU{unit}": 2.0}), [unit], LOOKED, LANDMARKS) > 1.0


def test_without_a_coded_unit_that_can_be_seen_nothing_is_clear() -> None:
    assert clearness(moved(AU4=1.0), [], LOOKED, LANDMARKS) == -np.inf
    assert clearness(moved(AU4=1.0), [99], LOOKED, LANDMARKS) == -np.inf
    for lid in (5, 7, 41, 42, 45):
        assert clearness(moved(**{f"AU{lid}": 2.0}), [lid], LOOKED, LANDMARKS) == -np.inf
        assert clearness(moved(AU4=1.0), [4, lid], LOOKED, LANDMARKS) > 0.5


def test_direction_is_nothing_to_it() -> None:
    flow = moved(AU12=2.0)
    assert clearness(flow, [12], EVERYWHERE, LANDMARKS) == clearness(-flow[::-1], [12], EVERYWHERE, LANDMARKS)
