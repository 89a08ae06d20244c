"""Lab Streaming Layer on this computer: streams are found, recorded, lost and found again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pytest
import pyxdf

sys.path.insert(0, str(Path(__file__).parent))
import small_cameras as small

from mien.core.errors import DataError
from mien.elicitation.clock import now_s
from mien.elicitation.streams import FoundStream, MarkerOutlet, StreamRecorder, find_streams
from mien.recording.formats import read_xdf


def outlet(
    name: str,
    *,
    kind: str = "EEG",
    n: int = 2,
    rate_hz: float = 100.0,
    form: str = "float32",
    source: str = "id",
) -> Any:
    info = pylsl.StreamInfo(name, kind, n, rate_hz, form, f"{name}-{source}" if source else "")
    channels = info.desc().append_child("channels")
    for label in ("Fz", "Cz", "Pz")[:n]:
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", "uV")
    return pylsl.StreamOutlet(info)


def found(*names: str) -> list[FoundStream]:
    streams: list[FoundStream] = []

    def all_there() -> bool:
        streams[:] = [s for s in find_streams(0.5) if s.name in names]
        return len(streams) == len(names)

    assert small.wait_until(all_there)
    return sorted(streams, key=lambda stream: names.index(stream.name))


def unique(*names: str) -> list[str]:
    return [f"{name}-{time.monotonic_ns()}" for name in names]


def counts(recorder: StreamRecorder) -> list[int]:
    return [health.n_samples for health in recorder.health()]


def connected(outlets: Sequence[Any]) -> None:
    assert small.wait_until(lambda: all(one.have_consumers() for one in outlets))


def test_streams_of_every_kind_come_whole_into_the_file(tmp_path: Path) -> None:
    eeg, ints, text = unique("eeg", "ints", "text")
    outlets = [
        outlet(eeg),
        outlet(ints, kind="Counter", n=1, form="int32"),
        outlet(text, kind="Markers", n=1, rate_hz=0.0, form="string"),
    ]
    streams = found(eeg, ints, text)
    assert [(s.kind, s.n_channels, s.rate_hz) for s in streams] == [
        ("EEG", 2, 100.0),
        ("Counter", 1, 100.0),
        ("Markers", 1, 0.0),
    ]
    path = tmp_path / "new" / "streams_part-01.xdf"
    recorder = StreamRecorder(path, streams)
    assert recorder.health() == []
    recorder.start()
    connected(outlets)
    begun = now_s() - 3
    for number in range(300):
        outlets[0].push_sample([number, -number], begun + number / 100)
        outlets[1].push_sample([number - 150], begun + number / 100)
        if number % 100 == 0:
            outlets[2].push_sample([f"clip {number} é"], begun + number / 100)
    assert small.wait_until(lambda: counts(recorder) == [300, 300, 3])
    health = recorder.health()
    assert [h.error for h in health] == [None] * 3
    assert health[0].rate_hz == pytest.approx(100, rel=1e-3)
    assert health[0].stated_hz == 100
    assert health[0].age_s is not None
    assert (health[2].rate_hz, health[2].age_s) == (None, None)
    outlets[0].push_sample([300, -300], begun + 3.0)  # sent before the stop
    recorder.stop()
    read = {stream.name: stream for stream in read_xdf(path, synchronize=False)}
    assert read[eeg].channel_names == ("Fz", "Cz")
    assert read[eeg].units == ("uV", "uV")
    assert read[eeg].values[:, 0].tolist() == list(range(301))
    assert read[eeg].stamps_s == pytest.approx(begun + np.arange(301) / 100, abs=1e-9)
    assert read[ints].values[:, 0].tolist() == list(range(-150, 150))
    assert [event.text for event in read[text].events] == [f"clip {n} é" for n in (0, 100, 200)]
    raw, _ = pyxdf.load_xdf(str(path))
    for stream in raw:
        assert np.abs(stream["clock_values"]).max() < 0.01  # one computer, one clock
        assert len(stream["clock_values"]) >= 1


@pytest.mark.parametrize("source", ["id", ""])
def test_a_stream_that_goes_and_comes_back_goes_on(tmp_path: Path, source: str) -> None:
    (name,) = unique("eeg")
    first = outlet(name, source=source)
    recorder = StreamRecorder(tmp_path / "s.xdf", found(name))
    recorder.start()
    connected([first])
    for number in range(10):
        first.push_sample([number, 0])
    assert small.wait_until(lambda: counts(recorder) == [10])
    del first
    assert small.wait_until(lambda: recorder.health()[0].error is not None)
    assert name in str(recorder.health()[0].error)
    second = outlet(name, source=source)
    assert small.wait_until(second.have_consumers, limit_s=60)
    for number in range(10, 20):
        second.push_sample([number, 0])
    assert small.wait_until(lambda: counts(recorder)[0] >= 20)
    assert recorder.health()[0].error is None
    recorder.stop()
    (stream,) = read_xdf(tmp_path / "s.xdf")
    assert stream.values[:, 0].tolist() == list(range(20))


def test_a_stream_that_is_away_does_not_hold_the_stop(tmp_path: Path) -> None:
    (name,) = unique("eeg")
    one = outlet(name, source="")
    streams = found(name)
    del one
    recorder = StreamRecorder(tmp_path / "s.xdf", streams)
    recorder.start()
    recorder.stop()
    recorder.stop()
    assert small.wait_until(lambda: not any(t.name == f"stream {name}" for t in threading.enumerate()))


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.xdf").write_text("there")
    with pytest.raises(DataError, match="wanted a new file, got file exists"):
        StreamRecorder(tmp_path / "s.xdf", []).start()
    with pytest.raises(DataError, match="a folder to record to"):
        StreamRecorder(tmp_path / "s.xdf" / "s.xdf", []).start()


def test_markers_go_out_with_their_times(tmp_path: Path) -> None:
    (name,) = unique("markers")
    markers = MarkerOutlet(name)
    assert markers.sending
    (stream,) = found(name)
    assert (stream.kind, stream.n_channels, stream.rate_hz) == ("Markers", 1, 0.0)
    recorder = StreamRecorder(tmp_path / "s.xdf", [stream])
    recorder.start()
    connected([markers._outlet])
    at = now_s()
    markers.push("101", at)
    markers.push("100", at + 60)
    assert small.wait_until(lambda: counts(recorder) == [2])
    recorder.stop()
    markers.close()
    markers.push("nobody", at)
    (read,) = read_xdf(tmp_path / "s.xdf", synchronize=False)
    assert [(event.time_s, event.text) for event in read.events] == [(at, "101"), (at + 60, "100")]
