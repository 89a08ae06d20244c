"""The strain of MMME's equation 5 as it is printed, beside that of the tensor."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import OptionError
from mien.signals.face import optical_strain

Y, X = np.mgrid[0:6, 0:7].astype(float)


def test_fields_whose_strain_can_be_written_down() -> None:
    for u, v, tensor, printed in (
        (0.2 * X, -0.1 * Y, np.hypot(0.2, 0.1), np.hypot(0.2, 0.1)),  # stretch: no shear, both alike
        (0.3 * Y, 0 * X, 0.3 / np.sqrt(2), 0.3 / np.sqrt(2)),  # one partial of the shear
        (0.3 * Y, 0.1 * X, 0.4 / np.sqrt(2), np.hypot(0.3, 0.1) / np.sqrt(2)),
        (-0.3 * Y, 0.3 * X, 0.0, 0.3),  # a turn
    ):
        assert optical_strain(u, v) == pytest.approx(np.full((6, 7), tensor))
        assert np.array_equal(optical_strain(u, v, variant="tensor"), optical_strain(u, v))
        assert optical_strain(u, v, variant="printed") == pytest.approx(np.full((6, 7), printed))


def test_of_any_field_they_differ_by_the_cross_product() -> None:
    u, v = np.random.default_rng(0).standard_normal((2, 9, 8))
    cross = np.gradient(u, axis=0) * np.gradient(v, axis=1)
    difference = optical_strain(u, v) ** 2 - optical_strain(u, v, variant="printed") ** 2
    assert difference == pytest.approx(cross, abs=1e-12)


def test_another_variant() -> None:
    with pytest.raises(OptionError, match="tensor or printed, got mmme"):
        optical_strain(X, Y, variant="mmme")
