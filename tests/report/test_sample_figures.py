"""Which of several expressions is shown: the one whose coded units move most, not the one that moves most."""

from __future__ import annotations

import numpy as np
import pytest

from mien.report.sample_figures import clearness
from mien.signals.face.regions import action_unit_masks, template_landmarks

SIZE = 128
LANDMARKS = template_landmarks(SIZE)


def moved(**px: float) -> np.ndarray:
    """A flow of so many pixels, down, where a unit is seen."""
    flow = np.zeros((2, SIZE, SIZE))
    for name, mask in action_unit_masks(LANDMARKS, (SIZE, SIZE)).items():
        flow[1][mask] = np.maximum(flow[1][mask], px.get(name.split()[0], 0.0))
    return flow


def test_what_moves_where_it_is_coded_is_clear_by_so_many_pixels() -> None:
    assert clearness(moved(AU4=1.5), [4], LANDMARKS) == pytest.approx(1.5)
    assert clearness(moved(AU4=1.5), [12], LANDMARKS) == pytest.approx(-1.5)
    assert clearness(moved(AU4=1.5, AU12=1.0), [4], LANDMARKS) == pytest.approx(0.5)
    assert clearness(moved(AU4=1.5, AU12=1.0), [4, 12], LANDMARKS) == pytest.approx(1.5)


def test_a_brow_is_clearer_than_a_brow_beside_speech() -> None:
    still, speaking = moved(AU4=1.0), moved(AU4=1.2, AU25=4.0, AU26=3.0)
    assert clearness(still, [4], LANDMARKS) > 0 > clearness(speaking, [4], LANDMARKS)


def test_without_a_coded_unit_the_stillest_is_clearest() -> None:
    assert clearness(moved(AU4=1.0), [], LANDMARKS) == pytest.approx(-1.0)
    assert clearness(moved(), [], LANDMARKS) == 0.0
    assert clearness(moved(AU4=1.0), [99], LANDMARKS) == pytest.approx(-1.0)


def test_direction_is_nothing_to_it() -> None:
    flow = moved(AU12=2.0)
    assert clearness(flow, [12], LANDMARKS) == clearness(-flow[::-1], [12], LANDMARKS)
