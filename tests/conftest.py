"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a red suite is then a change, not luck.
settings.register_profile("mien", derandomize=True, deadline=None)
settings.load_profile("mien")

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data, from MIEN_TEST_DATA or beside the repository; skips where absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MIEN_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip("real test data folder not found, skipped")
    return folder


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.fixture(scope="session")
def workers_of():
    """A function that names the living workers of a coordinator: forked by a server, which is its child."""

    def find(pid: int) -> list[int]:
        servers = [c for c in _children(pid) if b"forkserver" in Path(f"/proc/{c}/cmdline").read_bytes()]
        return [worker for server in servers for worker in _children(server)]

    return find


@pytest.fixture
def mien(monkeypatch, capsys):
    """Run the program in this process; returns (exit status, stdout, stderr)."""
    from mien.cli import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mien", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as leaving:
            status = leaving.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return call
