"""Every work at a tiny size: the same answer as its peer's, and a row with everything in it."""

from __future__ import annotations

import json
import os
from multiprocessing import Pipe

import numpy as np
import pytest

from mien.core.errors import JobError
from mien.speed import (
    WORKS,
    Agreement,
    Demand,
    Row,
    Setting,
    Times,
    eegnet,
    heart_rate_variability,
    hour_of_video,
    interval_matching,
    lbp_top,
    leave_one_subject_out,
    luma,
    spotting_front_end,
    timing,
)
from mien.speed.row import row_of

QUICK = Setting(quick=True)
TINY = {
    "lbp-top": lambda: lbp_top.measure(QUICK, n_frames=5),
    "hrv": lambda: heart_rate_variability.measure(QUICK, n=12),
    "eegnet": lambda: eegnet.measure(QUICK, n=16, channels=4, samples=256),
    "interval-matching": lambda: interval_matching.measure(QUICK, many=400, few=60),
    "luma": lambda: luma.measure(QUICK, n_frames=4),
    "spotting-front-end": lambda: spotting_front_end.measure(QUICK, n_frames=5, passes=1),
    "hour-of-video": lambda: hour_of_video.measure(QUICK, seconds_long=1.0, clip_frames=8),
    "leave-one-subject-out": lambda: leave_one_subject_out.measure(QUICK, participants=4, epochs=1, runs=1),
}
N_ROWS = {"lbp-top": 2, "eegnet": 2, "interval-matching": 3, "spotting-front-end": 2}


@pytest.fixture(autouse=True)
def no_filling_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LEAST_S", 0.0)


def test_every_work_has_a_tiny_size() -> None:
    assert [work.name for work in WORKS] == list(TINY)


@pytest.mark.parametrize("name", TINY)
def test_same_answer_and_a_complete_row(name: str) -> None:
    with timing.one_thread():
        rows = TINY[name]()
    assert len(rows) == N_ROWS.get(name, 1)
    assert any(row.asked for row in rows)
    for row in rows:
        assert row.agreement.equal, row.agreement.found
        assert row.agreement.tolerance
        assert row.n > 0
        assert row.seconds.lowest > 0
        assert row.verdict in ("met", "not met") if row.asked else row.verdict == "stated"
        assert all(np.isfinite(row.got(one)) for one in row.asked)
        if name == "hour-of-video":
            assert row.peer is None
            assert row.values["most_mib"] > 10
        else:
            assert row.peer
            assert row.ratio > 0
        assert row_of(json.loads(json.dumps(row.as_dict()))) == row


def test_a_peer_that_answers_differently_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = lbp_top.by_shifts
    monkeypatch.setattr(lbp_top, "by_shifts", lambda clip: np.roll(shifts(clip), 1))
    square, circular = lbp_top.measure(QUICK, n_frames=5)
    assert (square.verdict, circular.verdict) == ("differs", "stated")
    by_sweep = interval_matching.by_sweep
    monkeypatch.setattr(interval_matching, "by_sweep", lambda a, b: by_sweep(a, b) + 1)
    assert interval_matching.measure(QUICK, many=400, few=60)[0].verdict == "differs"


def test_other_boxes_than_the_clips_are_counted(tmp_path) -> None:
    """The hour must show the clip again and again: with another period, nearly every box is another one."""
    clip, whole = tmp_path / "clip.mp4", tmp_path / "whole.mp4"
    luma.write_video(clip, n_frames=6, quality=34)
    n = hour_of_video.repeat_packets(clip, whole, 1.0)
    assert n == 25
    last = {}
    for period in (6, 5):
        here, there = Pipe(duplex=False)
        hour_of_video.read_and_look(whole, period, there)
        first, last[period] = here.recv(), here.recv()
        assert first[0] == 0
    assert (last[6][0], last[6][2]) == (25, 0)
    assert last[5][2] > 10


def test_a_reading_process_that_dies_is_told(tmp_path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(JobError, match="wanted the reading process to reach the end"):
        hour_of_video.looked(broken, 25, 5, QUICK)


def test_decoding_threads_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    monkeypatch.setenv(name, "threads;3")
    with luma.decoding_in_one_thread():
        assert os.environ[name] == "threads;1"
    assert os.environ[name] == "threads;3"


def test_sides_take_turns_after_warming_up() -> None:
    calls: list[str] = []
    now = iter(float(k) for k in range(1000))
    taken = timing.by_turns(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, QUICK, clock=lambda: next(now)
    )
    assert "".join(calls) == "aabb" + "ab" * 3
    assert taken["a"].runs == (1.0, 1.0, 1.0)
    calls.clear()
    timing.by_turns({"a": lambda: calls.append("a")}, QUICK, runs=2, warm=False)
    assert calls == ["a", "a"]


def test_full_runs_are_at_least_five() -> None:
    assert Setting().runs >= 5
    assert leave_one_subject_out.RUNS >= 5


def test_what_is_asked_decides() -> None:
    row = Row(
        "w",
        100,
        "clips",
        Times((0.5, 0.4, 0.9)),
        Agreement(True, "exact", "equal"),
        "p",
        Times((5.0, 4.0, 9.0)),
    )
    assert (row.rate, row.ratio, row.verdict) == (200.0, 10.0, "stated")

    def verdict(*asked: Demand) -> str:
        return Row(
            row.what, row.n, row.unit, row.seconds, row.agreement, row.peer, row.peer_seconds, asked
        ).verdict

    assert verdict(Demand("rate", 200, "")) == "met"
    assert verdict(Demand("rate", 200, ""), Demand("ratio", 10.1, "")) == "not met"
    assert verdict(Demand("seconds", 0.5, "", at_most=True)) == "met"
    assert verdict(Demand("seconds", 0.49, "", at_most=True)) == "not met"
    assert verdict(Demand("nowhere", 1, "", at_most=True)) == "not met"
