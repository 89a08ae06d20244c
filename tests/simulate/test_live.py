"""A live person does what the script says, when the clock says so, and coders tell it back."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.dataset.layout import CODING_COLUMNS
from mien.elicitation.clock import now_s
from mien.signals.face.finding import face_finder
from mien.simulate.coders import Habits
from mien.simulate.live import LiveParticipant, LiveSettings
from mien.simulate.live_face import LiveFace
from mien.simulate.live_script import RESTLESS_KINDS, write_live_script
from mien.simulate.live_streams import EIGHT_CHANNELS, PHYSIO_CHANNELS

BUSY = LiveSettings(seed=7, duration_s=300.0, restless_per_minute=4.0, movements_per_minute=8.0, calm_s=15.0)
SMALL = LiveSettings(seed=2, duration_s=10.0, frame_px=96, face_px=60, calm_s=0.0, movements_per_minute=0)
PERFECT = Habits(1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)


# --- the script


def test_equal_settings_give_equal_scripts_and_other_seeds_other_ones() -> None:
    assert write_live_script(BUSY) == write_live_script(BUSY)
    assert write_live_script(BUSY) != write_live_script(replace(BUSY, seed=8))


@pytest.mark.parametrize("seed", range(5))
def test_restless_spans_stand_apart_and_meet_no_expression(seed: int) -> None:
    script = write_live_script(replace(BUSY, seed=seed))
    spans = script.restless
    counts = Counter(span.kind for span in spans)
    assert set(counts) == set(RESTLESS_KINDS)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert spans[0].start_s >= BUSY.calm_s
    assert spans[-1].end_s < BUSY.duration_s
    assert all(b.start_s - a.end_s > 5.0 for a, b in pairwise(spans))
    smiles = {(span.start_s, span.end_s) for span in spans if span.kind == "smile"}
    others = [m for m in script.trial.movements if (m.onset_s, m.offset_s) not in smiles]
    assert len(others) >= 10
    assert len(script.trial.movements) == len(others) + len(smiles)
    for m in others:
        assert m.onset_s >= BUSY.calm_s
        assert all(m.offset_s < s.start_s or s.end_s < m.onset_s for s in spans)
    blinks = [b.start_s for b in script.person.blinks]
    assert max(np.diff([0.0, *blinks, BUSY.duration_s])) < 40.0


def test_a_calm_person_is_never_restless() -> None:
    script = write_live_script(replace(BUSY, restless_per_minute=0.0, movements_per_minute=0.0))
    assert script.restless == ()
    assert script.trial.movements == ()


@pytest.mark.parametrize(
    "wrong",
    [{"duration_s": 5.0}, {"eeg_channels": 32}, {"restless_kinds": ("dancing",)}, {"restless_kinds": ()},
     {"movements_per_minute": 99.0}, {"face_px": 250}, {"sampling_hz": 10.0}, {"rate_hz": float("nan")}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="wanted"):
        replace(BUSY, **wrong)  # type: ignore[arg-type]


# --- the face


@pytest.fixture(scope="module")
def face() -> LiveFace:
    return LiveFace(write_live_script(BUSY), replace(BUSY, noise_sd=0.0))


def test_a_finder_sees_the_face_where_it_is(face: LiveFace) -> None:
    finder = face_finder("haar")
    for at_s in (5.0, 60.0, 200.0):
        found = finder.find(face.picture(at_s))
        left, top, wide, high = face.renderer.face_box
        assert len(found) == 1
        box = found[0].box
        assert abs(box[0] + box[2] / 2 - left - wide / 2) < 0.2 * wide
        assert abs(box[1] + box[3] / 2 - top - high / 2) < 0.2 * high


@pytest.mark.parametrize("kind", ["head turn", "nod", "fidgeting"])
def test_a_head_moves_without_its_shoulders(face: LiveFace, kind: str) -> None:
    script = write_live_script(BUSY)
    span = next(span for span in script.restless if span.kind == kind)
    chin = int(face.renderer.landmarks["chin"][1])
    at_rest = replace(face.posture(span.start_s), turn_rad=0.0)
    times = np.linspace(span.start_s, span.end_s, 40)
    assert any(not face.posture(t).head_rests for t in times)
    assert all(face.posture(t).body_px == at_rest.body_px for t in times)
    moved = max(times, key=lambda t: abs(face.posture(t).turn_rad) + abs(face.posture(t).nod_rad)
                + np.hypot(*face.posture(t).head_px))  # fmt: skip
    before, after = (face.picture(float(t)).astype(int) for t in (span.start_s - 0.02, moved))
    change = np.abs(after - before).mean(axis=(1, 2))
    shoulders = change[chin + 45 :]
    assert change[chin - 60 : chin].mean() > 3 * shoulders.mean()
    assert face.posture(span.end_s).head_rests


def test_a_body_shift_leads_to_another_place_and_stays_there(face: LiveFace) -> None:
    script = write_live_script(BUSY)
    span = next(span for span in script.restless if span.kind == "body shift")
    before, after = face.posture(span.start_s), face.posture(span.end_s)
    assert np.hypot(*np.subtract(after.body_px, before.body_px)) > 4
    assert face.posture(span.end_s + 3.0).body_px == after.body_px


def test_posture_never_jumps(face: LiveFace) -> None:
    times = np.arange(0.0, BUSY.duration_s, 0.01)
    postures = [face.posture(float(t)) for t in times]
    rows = [(*p.body_px, *p.head_px, 60 * p.turn_rad, 60 * p.nod_rad, 60 * p.size) for p in postures]
    assert np.abs(np.diff(np.array(rows), axis=0)).max() < 2.5


# --- the camera


def test_pictures_come_when_they_are_due_and_end_with_the_script() -> None:
    person = LiveParticipant.of(SMALL)
    camera = person.camera()
    with pytest.raises(DataError, match="call begin first"):
        camera.read()
    person.begin(now_s() - 9.0)
    frames = []
    while (frame := camera.read()) is not None:
        frames.append(frame)
    counters = [frame.counter for frame in frames]
    assert counters == sorted(set(counters))
    assert 3 <= len(frames) <= 32
    assert all(f.stamp_s >= person.begun_s + f.counter / SMALL.rate_hz - 1e-3 for f in frames)
    assert all(np.diff([f.stamp_s for f in frames]) > 0)
    assert frames[-1].counter / SMALL.rate_hz < SMALL.duration_s
    assert frames[0].image.shape == (96, 96, 3)
    with pytest.raises(DataError, match="one beginning"):
        person.begin(0.0)


def test_a_slow_reader_loses_frames_and_the_counter_tells() -> None:
    person = LiveParticipant.of(SMALL)
    camera = person.camera()
    person.begin(now_s())
    first = camera.read()
    time.sleep(0.4)
    second = camera.read()
    assert first is not None
    assert second is not None
    assert second.counter - first.counter >= 0.3 * SMALL.rate_hz
    assert second.stamp_s - person.begun_s >= second.counter / SMALL.rate_hz - 1e-3


def test_a_closed_camera_ends_at_once_even_while_waiting() -> None:
    person = LiveParticipant.of(SMALL)
    camera = person.camera()
    person.begin(now_s() + 3600.0)
    threading.Timer(0.2, camera.close).start()
    assert camera.read() is None
    assert camera.read() is None


# --- the streams


@pytest.fixture(scope="module")
def person() -> LiveParticipant:
    return LiveParticipant.of(
        LiveSettings(seed=secrets.randbelow(2**31), duration_s=60.0, movements_per_minute=8.0, calm_s=5.0)
    )


def test_skin_and_heart_answer_the_apexes_of_the_script(person: LiveParticipant) -> None:
    apexes, body = person.script.person.micro_apexes_s, person.body
    caused = [(body.scr_onsets_s[k], apexes[a]) for k, a in enumerate(body.scr_apex) if a >= 0]
    assert all(0.9 < onset - apex < 3.1 for onset, apex in caused)
    assert body.responding.size == len(apexes)


def test_streams_have_the_script_s_length_and_their_units(person: LiveParticipant) -> None:
    eeg, physio = person.streams
    assert eeg.values.shape == (15000, 8)
    assert [name for name, _ in eeg.channels] == list(EIGHT_CHANNELS)
    assert physio.values.shape == (15000, 5)
    assert physio.channels == PHYSIO_CHANNELS
    assert 25 < physio.values[:, 4].mean() < 36  # degrees
    shut = [b for b in person.script.person.blinks if 1 < b.start_s < 58]
    forehead = eeg.values[:, 0]
    heights = [np.ptp(forehead[int(b.start_s * 250) : int(b.end_s * 250)]) for b in shut]
    assert np.median(heights) > 60  # microvolts: blinks of the face are seen by the brain's channels


def test_what_is_sent_is_stamped_with_the_time_at_which_it_was_taken(person: LiveParticipant) -> None:
    pylsl = pytest.importorskip("pylsl")
    person.streams  # noqa: B018  # made beforehand
    person.begin(now_s() - 2.0)
    with person.publish():
        for stream in person.streams:
            own = f"mien-simulated-{person.settings.seed}-{stream.name}"
            infos = pylsl.resolve_byprop("source_id", own, 1, 10.0)
            assert [info.type() for info in infos] == [stream.kind]
            inlet = pylsl.StreamInlet(infos[0])
            inlet.open_stream(5.0)
            values, stamps = [], []
            until = time.monotonic() + 10.0
            while len(values) < 200 and time.monotonic() < until:
                part, at = inlet.pull_chunk(timeout=0.2)
                values += part
                stamps += at
            inlet.close_stream()
            places = (np.array(stamps) - person.begun_s) * stream.rate_hz
            rows = np.rint(places).astype(int)
            assert len(rows) >= 200
            assert np.abs(places - rows).max() < 0.05
            assert (np.diff(rows) == 1).all()
            np.testing.assert_allclose(np.array(values), stream.values[rows], rtol=1e-6)


# --- coders


def begun(settings: LiveSettings, at_s: float) -> LiveParticipant:
    person = LiveParticipant.of(settings)
    person.begin(at_s)
    return person


def test_a_perfect_coder_finds_each_expression_in_its_frames() -> None:
    person = begun(BUSY, 5000.0)
    times = {run: 5000.0 + 20.0 + 60.0 * run + np.arange(0, 50, 1 / 30) for run in (1, 2, 3)}
    tables = person.coded(times, habits=PERFECT)
    assert sorted(tables) == ["A", "B"]
    table = tables["A"]
    assert list(table.columns) == list(CODING_COLUMNS)
    inside = [
        (run, m) for run, at in times.items() for m in person.movements
        if at[0] <= m.onset_s and m.offset_s <= at[-1]
    ]  # fmt: skip
    assert len(table) == len(inside) >= 10
    for row, (run, movement) in zip(table.itertuples(), inside, strict=True):
        assert (row.trial, row.run, row.kind) == (run, run, movement.kind)
        assert row.emotion == movement.emotion
        assert times[run][row.onset_frame] == pytest.approx(movement.onset_s, abs=0.5 / 30 + 1e-6)
        assert times[run][row.apex_frame] == pytest.approx(movement.apex_s, abs=0.5 / 30 + 1e-6)
        assert times[run][row.offset_frame] == pytest.approx(movement.offset_s, abs=0.5 / 30 + 1e-6)


def test_coders_err_and_differ_and_their_rows_do_not_depend_on_other_runs() -> None:
    person = begun(BUSY, 0.0)
    times = {run: 60.0 * run + np.arange(0, 55, 1 / 30) for run in (1, 2, 3)}
    tables = person.coded(times)
    assert not tables["A"].equals(tables["B"])
    alone = person.coded({2: times[2]})["B"].reset_index(drop=True)
    assert alone.equals(tables["B"].query("run == 2").reset_index(drop=True))
    later = begun(BUSY, 777.0).coded({run: at + 777.0 for run, at in times.items()})
    assert later["A"].drop(columns="action_units").equals(tables["A"].drop(columns="action_units"))


def test_a_run_without_expressions_has_no_rows_but_its_columns() -> None:
    table = begun(BUSY, 0.0).coded({1: np.arange(1.0, 5.0, 1 / 30)}, habits=PERFECT)["A"]
    assert len(table) == 0
    assert list(table.columns) == list(CODING_COLUMNS)


@pytest.mark.parametrize("times", [np.array([1.0]), np.array([1.0, 1.0]), np.array([2.0, np.nan])])
def test_frame_times_that_cannot_be_are_refused(times: np.ndarray) -> None:
    with pytest.raises(DataError, match="frame times of run 4"):
        begun(BUSY, 0.0).coded({4: times})
    with pytest.raises(DataError, match="call begin first"):
        LiveParticipant.of(BUSY).coded({1: np.array([1.0, 2.0])})
