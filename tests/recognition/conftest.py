from __future__ import annotations

import pytest

from mien.simulate import MapSettings, simulate_maps


@pytest.fixture(scope="session")
def maps():
    """Simulated motion maps of six people, three classes."""
    return simulate_maps(MapSettings(participants=6, seed=2))
