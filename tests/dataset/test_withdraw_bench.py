"""Withdrawal from a study that is being coded: the participant's rows go, everybody else's coding stays."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.app.serve import bench_folder, default_store, install_secret
from mien.coding.annotation import Annotation
from mien.coding.edits import Edit
from mien.coding.store import CodingStore
from mien.core.errors import DataError
from mien.dataset import StudyWriter, withdraw

WORDS = "a remark that nobody else would make"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    writer = StudyWriter(tmp_path / "study")
    for name in ("sub-001", "sub-002"):
        with writer.participant(name) as person:
            person.write_frame_times(1, np.arange(30) / 30)
    writer.finish(pd.DataFrame({"participant_id": ["sub-001", "sub-002"], "consent_level": [1, 1]}))
    folder = tmp_path / "study"
    with_marks(folder)
    proxy = bench_folder(folder) / "proxies" / "sub-001" / "sub-001_run-01_proxy.mp4"
    proxy.parent.mkdir(parents=True)
    proxy.write_bytes(b"a face")
    return folder


def with_marks(folder: Path) -> None:
    store = CodingStore.open(default_store(folder), secret=install_secret(folder))
    store.ensure_clips([("sub-001", 1), ("sub-002", 1)])
    store.add_coder("A", "Ann", "coder", by="lead")
    (ann,) = store.coders()
    for name in ("sub-001", "sub-002"):
        store.assign(name, 1, ["A"], by="lead")
        comment = WORDS if name == "sub-001" else "plain"
        edit = Edit(
            key=str(uuid.uuid4()), participant=name, run=1, sheet="A", action="put",
            expression=str(uuid.uuid4()), base=0, annotation=Annotation(onset=3, comment=comment),
        )  # fmt: skip
        store.put(edit, by=ann)
    store.close()


def test_rows_and_bytes_of_the_participant_leave_the_store_and_others_stay(study: Path) -> None:
    done = withdraw(study, "sub-001")
    assert any(path.endswith("bench.sqlite") for path in done.edited)
    assert any(path.endswith("_proxy.mp4") for path in done.removed)
    left = b"".join(p.read_bytes() for p in bench_folder(study).glob("bench.sqlite*"))
    assert WORDS.encode() not in left
    assert b"sub-001" not in left
    store = CodingStore.open(default_store(study), secret=install_secret(study))
    assert [state.participant for state in store.clips()] == ["sub-002"]
    assert len(store.sheet("sub-002", 1, "A").expressions) == 1
    assert [who.label for who in store.coders()] == ["A"]
    store.close()


def test_a_dry_run_names_the_store_and_changes_nothing(study: Path) -> None:
    done = withdraw(study, "sub-001", dry_run=True)
    assert any(path.endswith("bench.sqlite") for path in done.edited)
    assert not any("bench.secret" in path for path in done.removed)
    store = CodingStore.open(default_store(study), secret=install_secret(study))
    assert len(store.clips()) == 2
    store.close()


def test_a_damaged_store_is_told_and_nothing_goes(study: Path) -> None:
    path = bench_folder(study) / "bench.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="wanted a whole database"):
        withdraw(study, "sub-001")
    assert (study / "sub-001").is_dir()
