from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def filmed(tmp_path_factory):
    """A study of three people with three expressions each."""
    from filmed import write_study

    return write_study(tmp_path_factory.mktemp("filmed") / "study")


@pytest.fixture(scope="session")
def measured(filmed, tmp_path_factory):
    """Where the clips of `filmed` are kept once they are measured."""
    return tmp_path_factory.mktemp("measured")
