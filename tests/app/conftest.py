"""A bench on a small study, and people who ask it things."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.app.bench import Bench
from mien.app.suggested import Suggestion

sys.path.insert(0, str(Path(__file__).parent))
from bench_world import CLIP, Person, open_bench, sign_in, write_study


@pytest.fixture(scope="session")
def study_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("studies") / "study")


@pytest.fixture
def study(study_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study_once, tmp_path / "study")


@pytest.fixture
def bench(study: Path) -> Iterator[Bench]:
    ghost = Suggestion("m:1", 20, 30, 40, "micro", 1.5, ("left brow",), "m")
    made = open_bench(study, suggestions={CLIP: (ghost,)}, method="m")
    yield made
    made.close()


@pytest.fixture
def people(bench: Bench) -> dict[str, Person]:
    """Two coders who are assigned to the first clip, one who is not, an expert and a lead."""
    roles = {"A": "coder", "B": "coder", "C": "coder", "expert1": "expert", "lead1": "lead"}
    found = {}
    for label, role in roles.items():
        token = bench.store.add_coder(label, f"Name of {label}", role, by="lead")  # type: ignore[arg-type]
        found[label] = sign_in(bench, label, token)
    bench.store.assign("sub-001", 1, ["A", "B"], by="lead")
    return found
