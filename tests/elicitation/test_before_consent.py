"""What comes before consent is looked at and not kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from session_world import clips, post, protocol

from mien.elicitation.conductor import Conductor
from mien.elicitation.equipment import Equipment
from mien.elicitation.schedule import make_schedule
from mien.recording.formats import read_xdf

pylsl = pytest.importorskip("pylsl", reason="pylsl not installed, skipped")


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_streams_are_kept_from_consent_on(tmp_path: Path) -> None:
    from mien.elicitation.streams import StreamRecorder, find_streams

    name = f"consent-{tmp_path.name}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 1, 100, "float32", name))
    found: list = []  # type: ignore[type-arg]
    _until(lambda: bool(found.extend(s for s in find_streams(1.0) if s.name == name) or found))
    kept, before = tmp_path / "streams_part-01.xdf", tmp_path / ".before-consent-01.xdf"
    equipment = Equipment(tmp_path, streams=StreamRecorder(before, found), streams_path=kept)
    equipment.streams.start()  # type: ignore[union-attr]
    conductor = Conductor(
        tmp_path, protocol(), make_schedule(protocol(), clips(), 1), equipment, participant="sub-001"
    )
    value = 0

    def push() -> int:
        nonlocal value
        value += 1
        outlet.push_sample([float(value)])
        return value

    _until(lambda: push() > 0 and equipment.streams.health()[0].n_samples > 20)  # type: ignore[union-attr]
    conductor.begin("AB")
    assert before.exists()
    assert not kept.exists()
    conductor.consent(1, post())
    assert not before.exists()
    last_before = value
    _until(lambda: push() > 0 and equipment.streams.health()[0].n_samples > 20)  # type: ignore[union-attr]
    conductor.close()
    (stream,) = read_xdf(kept)
    assert stream.values.min() > last_before - 1
    assert (np.diff(stream.values[:, 0]) == 1).all()


def test_without_consent_nothing_is_left(tmp_path: Path) -> None:
    from mien.elicitation.streams import StreamRecorder

    before = tmp_path / ".before-consent-01.xdf"
    equipment = Equipment(
        tmp_path, streams=StreamRecorder(before, ()), streams_path=tmp_path / "streams_part-01.xdf"
    )
    equipment.streams.start()  # type: ignore[union-attr]
    conductor = Conductor(
        tmp_path, protocol(), make_schedule(protocol(), clips(), 1), equipment, participant="sub-001"
    )
    conductor.begin("AB")
    conductor.stop("participant", "discard", post())
    conductor.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session.jsonl"]
