"""Two small studies and a quiet reproduction of one, shared by the tests of this folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.reproduce import Setting, find_items, reproduce
from mien.reproduce.page import write_reproduction
from mien.simulate import StudySettings, simulate_study, study_parts

sys.path.insert(0, str(Path(__file__).parent))
import light

SMALL = StudySettings(
    participants=3,
    trials=3,
    emotions=("happiness", "disgust", "surprise"),
    clip_s=9.0,
    rate_hz=30.0,
    report_s=1.0,
    rest_s=2.0,
    frame_px=160,
    face_px=112,
    sampling_hz=250.0,
    seed=4,
)


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three people with videos, signals of the body and EEG; tests copy what they change."""
    folder = tmp_path_factory.mktemp("filmed") / "study"
    simulate_study(SMALL, folder)
    return folder


@pytest.fixture(scope="session")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same people without videos."""
    folder = tmp_path_factory.mktemp("bodies") / "study"
    simulate_study(SMALL, folder, parts=study_parts("signals"))
    return folder


@pytest.fixture(scope="session")
def calm(filmed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reproduction in one process, which nobody disturbed, left its results."""
    out = tmp_path_factory.mktemp("calm") / "out"
    with pytest.MonkeyPatch.context() as patch:
        light.lighten(patch.setattr)
        made = reproduce(Setting(filmed, out, quick=True, epochs=1), find_items(light.ITEMS))
    assert [(one.key, one.reason) for one in made.results if one.status != "done"] == []
    write_reproduction(made)
    return out


@pytest.fixture(scope="session")
def calm_bodies(bodies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the study without videos."""
    out = tmp_path_factory.mktemp("calm-bodies") / "out"
    with pytest.MonkeyPatch.context() as patch:
        light.lighten(patch.setattr)
        made = reproduce(Setting(bodies, out, quick=True), find_items(light.BODY))
    assert [(one.key, one.reason) for one in made.results if one.status != "done"] == []
    write_reproduction(made)
    return out


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a study, to be changed."""
    return lambda study: Path(shutil.copytree(study, tmp_path / "copy"))


@pytest.fixture
def lightened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and light methods in this process."""
    light.lighten(monkeypatch.setattr)
