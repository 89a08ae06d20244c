"""The folder's helper module is importable, and small measured studies are made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import worlds

from mien.concordance import Settings, measure_person
from mien.simulate import Effects, StudySettings

SETTINGS = Settings(windows_s=(3.0, 5.0), positions=6, shifts=200, resamples=200)


@pytest.fixture(scope="session")
def chosen():
    return SETTINGS


@pytest.fixture(scope="session")
def people():
    """Six people of the coupled world, four clips of 30 s each."""
    return list(worlds.small_study(3, effects=Effects(), participants=6, trials=4, clip_s=30.0))


@pytest.fixture(scope="session")
def measured(people, chosen):
    return [measure_person(person, chosen) for person in people]


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory):
    """Three people on disk, two clips of 16 s each, 250 Hz."""
    settings = StudySettings(
        participants=3, trials=2, clip_s=16.0, report_s=1.0, rest_s=1.0, sampling_hz=250.0, seed=5
    )
    return worlds.write_study(tmp_path_factory.mktemp("studies") / "study", settings)
