"""A session's folder written by hand, with known times, becomes a participant whose times are right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError
from mien.dataset import describe, layout, open_study, synchronise, tables, validate, withdraw
from mien.dataset.grow import begin_study, update_manifest
from mien.elicitation.finishing import discard_session, finish_session
from mien.elicitation.progress import STEPS
from mien.recording.formats import VideoWriter, XdfStream, XdfWriter

ZERO = 70_000.0  # of the session's clock
CLIP_S, TRIAL_S = 4.0, 10.0  # 118 frames: short for a clip, and enough
EEG_HZ, EEG_PPM, PHYSIO_HZ, PHYSIO_PPM = 250.0, 60.0, 200.0, -80.0
EEG_START, PHYSIO_START = ZERO + 1.234, ZERO + 0.321


@dataclass
class Written:
    study: Path
    folder: Path
    rows: list[dict[str, Any]]

    def add(self, what: str, at_s: float, **more: Any) -> None:
        self.rows.append({"n": len(self.rows) + 1, "at_s": at_s, "what": what, **more})

    def save(self) -> None:
        text = "".join(json.dumps(row) + "\n" for row in self.rows)
        (self.folder / "session.jsonl").write_text(text)


def _shown(number: int) -> float:
    return ZERO + 5.0 + TRIAL_S * (number - 1) + 0.0137 * number


def _trial(w: Written, number: int, *, until: str = "neutral-ended", begun_s: float | None = None) -> None:
    shown = _shown(number) if begun_s is None else begun_s
    at = dict(zip(STEPS, shown + np.array([-1.0, -0.05, 0.0, CLIP_S, 4.1, 6.0, 6.1, 8.0]), strict=True))
    for step in STEPS:
        more = {"emotion": "fear", "valence": 2, "arousal": 8, "took_s": 1.9} if step == "reported" else {}
        w.add(step, at[step], trial=number, practice=False, clip=f"clip-{100 + number}", **more)
        if step == "clip-shown":
            w.add("code", shown + 0.004, trial=number, code=100 + number, sent=True, device="null")
        if step == "clip-ended":
            w.add("code", shown + CLIP_S + 0.004, trial=number, code=100, sent=True, device="null")
            kept = {"run": number, "frames": 0, "lost": 0, "trouble": None}
            w.add("recorded", shown + CLIP_S + 0.01, trial=number, practice=False, **kept)
        if step == until:
            return


def _film(w: Written, number: int, *, form: str = "video") -> int:
    """Frames from just after the code to the end of the clip, the camera 0.4 % slow, stamps a little late."""
    camera = w.folder / "camera"
    camera.mkdir(exist_ok=True)
    rate = 30 * 0.996
    first = _shown(number) + 0.004 + 0.011
    times = first + np.arange(1 + int((CLIP_S - 0.011) * rate)) / rate
    late = np.random.default_rng(number).exponential(0.0006, times.size)
    film = camera / f"run-{number:02d}.mkv"
    with VideoWriter(film.with_suffix(".mp4"), width=32, height=32, rate_hz=Fraction(30)) as video:
        for k in range(times.size):
            video.write(np.full((32, 32, 3), k % 250, np.uint8))
    _remux(film.with_suffix(".mp4"), film)
    table = pd.DataFrame(
        {"frame": np.arange(times.size), "counter": 1000 * number + np.arange(times.size),
         "host_time_s": times + late, "trigger": 100 + number}
    )  # fmt: skip
    table.to_csv(camera / f"run-{number:02d}_frames.tsv", sep="\t", index=False, float_format="%.6f")
    return int(times.size)


def _remux(source: Path, target: Path) -> None:
    import av

    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    source.unlink()


def _stream(xdf: XdfWriter, name: str, kind: str, names: tuple[str, ...], units: tuple[str, ...],
            rate: float, ppm: float, start: float, seconds: float, values: Any,
            pause: tuple[float, float] | None = None) -> None:  # fmt: skip
    number = xdf.add_stream(XdfStream(name, kind, "double64", names, units, rate_hz=rate))
    stamps = start + np.arange(int(seconds * rate)) / rate * (1 + ppm * 1e-6)
    kept = np.ones(stamps.size, bool) if pause is None else (stamps < pause[0]) | (stamps > pause[1])
    for part in np.array_split(np.flatnonzero(kept), 50):
        xdf.samples(number, stamps[part], values(part, stamps[part]))


@pytest.fixture
def written(tmp_path: Path) -> Written:
    study = tmp_path / "study"
    codes = range(101, 107)
    clips = pd.DataFrame(
        {"stimulus": [f"clip-{c}" for c in codes], "code": codes, "emotion": "fear",
         "file": [f"clips/{c}.mp4" for c in codes], "seconds": CLIP_S, "role": "trial"}
    )  # fmt: skip
    begin_study(study, "A study", clips)
    folder = layout.source_folder(study, "sub-001")
    folder.mkdir(parents=True)
    made = Written(study, folder, [])
    made.add("opened", ZERO, part=1, wall_s=1.7e9, trials=6)
    made.add("begun", ZERO + 1.5, operator="AB")
    made.add("consent", ZERO + 1.6, level=2)
    return made


def _pulse(at_s: float, stamps: np.ndarray) -> np.ndarray:
    """A bump of 20 ms whose middle is at a time of the session's clock."""
    return np.exp(-0.5 * ((stamps - at_s) / 0.02) ** 2)


def _record(w: Written, *, pause: tuple[float, float] | None = None) -> None:
    marks = [_shown(n) + 1.0 for n in range(1, 7)]

    def brain(_: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        return np.stack([1e-4 * sum(_pulse(m, stamps) for m in marks), 0 * stamps], axis=1)

    def body(_: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        return np.stack([sum(_pulse(m, stamps) for m in marks), 3 + 0 * stamps], axis=1)

    with XdfWriter(w.folder / "streams_part-01.xdf") as xdf:
        _stream(xdf, "amp", "EEG", ("Fz", "HEO"), ("V", "V"), EEG_HZ, EEG_PPM, EEG_START, 75, brain, pause)
        _stream(
            xdf, "poly", "ECG", ("ECG", "EDA"), ("mV", "uS"), PHYSIO_HZ, PHYSIO_PPM, PHYSIO_START, 76, body
        )


def test_everything_that_was_recorded_lies_at_its_time(written: Written) -> None:
    for number in range(1, 7):
        _trial(written, number)
        _film(written, number)
    written.add("reminder", _shown(3) + 2.0, reminder="x", trial=3, reason="talking", by="operator",
                operator="AB", pressed_s=_shown(3) + 2.0)  # fmt: skip
    written.rows.sort(key=lambda row: row["at_s"])
    for n, row in enumerate(written.rows, start=1):
        row["n"] = n
    written.save()
    _record(written)
    made = finish_session(written.study, "sub-001", columns={"age": 30})
    assert (made.n_trials, made.n_videos, made.left_out) == (6, 6, ())
    study = open_study(written.study)
    assert study.participants["sub-001"].consent_level == 2
    assert [f for f in validate(written.study) if f.severity == "error"] == []
    session = study.session("sub-001")
    events = session.events()
    assert events is not None

    def eeg_s(at_s: float) -> float:
        return (at_s - EEG_START) / (1 + EEG_PPM * 1e-6)

    clips = events[events["trial_type"] == "clip"].reset_index(drop=True)
    assert clips["value"].tolist() == list(range(101, 107))
    for number, onset in enumerate(clips["onset"], start=1):
        assert onset == pytest.approx(eeg_s(_shown(number) + 0.004), abs=2e-4)
    (reminded,) = events[events["trial_type"] == "reminder"].to_dict("records")
    assert (reminded["reason"], reminded["by"]) == ("talking", "operator")
    # Brain and body show the same moment: 1 s after the first frame, each on its own clock.
    raw = session.eeg()
    assert raw is not None
    volts = raw.get_data(picks="Fz")[0]
    assert raw.get_channel_types(picks="HEO") == ["eog"]
    sync = synchronise(session)
    assert sync.polygraph is not None
    assert sync.polygraph.fit.verdict == "good"
    assert sync.camera is not None
    assert sync.camera.fit.verdict != "failed", [c.reason for c in sync.clips.values()]
    ecg = next(s for s in session.physio() if s.name == "ecg")
    for number in range(1, 7):
        seen = eeg_s(_shown(number) + 1.0)
        near = slice(round((seen - 1) * EEG_HZ), round((seen + 1) * EEG_HZ))
        assert (near.start + int(volts[near].argmax())) / EEG_HZ == pytest.approx(
            seen, abs=0.5 / EEG_HZ + 1e-4
        )
        own = (_shown(number) + 1.0 - PHYSIO_START) / (1 + PHYSIO_PPM * 1e-6)
        near = slice(round((own - 1) * PHYSIO_HZ), round((own + 1) * PHYSIO_HZ))
        found = (near.start + int(ecg.values[near].argmax())) / PHYSIO_HZ
        assert float(sync.polygraph.fit.to_reference(found)) == pytest.approx(seen, abs=1.1 / PHYSIO_HZ)
        frames = sync.frame_times_s(number)
        assert frames[0] == pytest.approx(eeg_s(_shown(number) + 0.015), abs=0.018)  # within half a frame
        assert (frames[-1] - frames[0]) / (frames.size - 1) == pytest.approx(1 / (30 * 0.996), rel=1e-3)
    table = session.trials()
    assert table is not None
    assert table["shown_after_ms"].astype(float).tolist() == pytest.approx([50.0] * 6)
    assert table["code_after_ms"].astype(float).tolist() == pytest.approx([4.0] * 6)
    assert describe(study).completeness["sub-001"]["video"] == 6


def test_a_gap_is_named_and_what_follows_keeps_its_time(written: Written) -> None:
    for number in range(1, 7):
        _trial(written, number)
    written.save()
    pause = (_shown(4) - 3.0, _shown(4) + 1.5)
    _record(written, pause=pause)
    finish_session(written.study, "sub-001")
    session = open_study(written.study).session("sub-001")
    events = session.events()
    assert events is not None
    (gap,) = events[events["trial_type"] == "gap"].to_dict("records")
    assert gap["duration"] == pytest.approx(pause[1] - pause[0], abs=0.01)
    onset = float(events[events["value"] == 106]["onset"].iloc[0])
    raw = session.eeg()
    assert raw is not None
    volts = raw.get_data(picks="Fz")[0]
    begin = round(onset * EEG_HZ)
    assert int(volts[begin : begin + 500].argmax()) / EEG_HZ == pytest.approx(0.996, abs=0.006)


def test_a_trial_that_broke_off_counts_once(written: Written) -> None:
    _trial(written, 1)
    _trial(written, 2, until="clip-shown")
    again = _shown(2) + 6.0
    written.add("opened", again - 3, part=2, wall_s=1.7e9 + 20, trials=6)
    _trial(written, 2, begun_s=again)
    written.save()
    _record(written)
    made = finish_session(written.study, "sub-001")
    assert made.n_trials == 2
    session = open_study(written.study).session("sub-001")
    events, trials = session.events(), session.trials()
    assert events is not None
    assert trials is not None
    assert events["value"].dropna().tolist() == [101, 100, 102, 100]
    assert events["trial_type"].tolist().count("broken-off") == 1
    assert trials["attempts"].tolist() == ["1", "2"]


def test_without_eeg_the_recorders_share_the_sessions_clock(written: Written) -> None:
    for number in (1, 2):
        _trial(written, number)
        _film(written, number)
    written.save()
    with XdfWriter(written.folder / "streams_part-01.xdf") as xdf:
        _stream(xdf, "poly", "ECG", ("ECG",), ("mV",), PHYSIO_HZ, 0.0, PHYSIO_START, 40,
                lambda _, stamps: stamps[:, None] * 0)  # fmt: skip
        _stream(xdf, "other", "Gaze", ("x",), ("px",), 60.0, 0.0, ZERO, 40, lambda _, s: s[:, None])
    made = finish_session(written.study, "sub-001")
    assert any(text.startswith("stream other") for text in made.left_out)
    assert json.loads(layout.description(written.study).read_text())["SharedClock"] is True
    session = open_study(written.study).session("sub-001")
    assert session.events() is None
    table = tables.read_events(layout.beh_events(written.study, "sub-001"))
    shown = table[table["trial_type"] == "clip-shown"]["onset"].tolist()
    assert shown == pytest.approx([_shown(n) - ZERO for n in (1, 2)], abs=1e-5)
    assert session.physio()[0].start_s == pytest.approx(PHYSIO_START - ZERO, abs=1e-3)
    stamps = session.videos()[1].host_stamps_s
    assert stamps[0] == pytest.approx(_shown(1) + 0.015 - ZERO, abs=0.003)
    assert [f for f in validate(written.study) if f.severity == "error"] == []


def test_what_cannot_be_finished_is_refused_and_nothing_joins(written: Written) -> None:
    written.save()
    with pytest.raises(DataError, match="wanted a trial that was done"):
        finish_session(written.study, "sub-001")
    _trial(written, 1)
    written.add("stopped", ZERO + 50, by="participant", choice="discard")
    written.save()
    with pytest.raises(DataError, match="the choice to discard it"):
        finish_session(written.study, "sub-001")
    with pytest.raises(DataError, match="no such file"):
        finish_session(written.study, "sub-002")
    assert "sub-001" not in open_study(written.study).participants
    assert not (written.study / "sub-001").exists()
    assert "sourcedata/sub-001/session.jsonl" in discard_session(written.study, "sub-001")
    assert not written.folder.exists()


def test_one_participant_after_another_joins_once_and_withdraws_whole(written: Written) -> None:
    _trial(written, 1)
    _film(written, 1)
    written.save()
    finish_session(written.study, "sub-001")
    with pytest.raises(DataError, match="sub-001, who is there"):
        finish_session(written.study, "sub-001")
    other = layout.source_folder(written.study, "sub-002")
    other.mkdir()
    for path in written.folder.rglob("*"):
        if path.is_file():
            (other / path.relative_to(written.folder)).parent.mkdir(exist_ok=True)
            (other / path.relative_to(written.folder)).write_bytes(path.read_bytes())
    finish_session(written.study, "sub-002")
    assert sorted(open_study(written.study).participants) == ["sub-001", "sub-002"]
    damaged = next((written.study / "sub-001").rglob("*_video.mkv"))
    damaged.write_bytes(damaged.read_bytes()[:-5])
    update_manifest(written.study)  # names what is new, and forgives nothing
    assert any("sub-001" in f.place and f.severity == "error" for f in validate(written.study))
    withdraw(written.study, "sub-001")
    assert not written.folder.exists()
    left = [p for p in written.study.rglob("*") if "sub-001" in p.as_posix() and p.is_file()]
    assert left == []
    assert other.is_dir()
    assert list(open_study(written.study).participants) == ["sub-002"]


def test_a_film_of_an_attempt_that_broke_off_is_no_trials_film(written: Written) -> None:
    _trial(written, 1, until="clip-ended")
    _film(written, 1)
    written.add("opened", ZERO + 100, part=2, wall_s=1.7e9 + 100, trials=6)  # without a camera this time
    since = len(written.rows)
    _trial(written, 1, begun_s=ZERO + 110)
    written.rows[since:] = [row for row in written.rows[since:] if row["what"] != "recorded"]
    for number, row in enumerate(written.rows, start=1):
        row["n"] = number
    written.save()
    made = finish_session(written.study, "001")
    assert (made.n_trials, made.n_videos) == (1, 0)


def test_codes_beyond_the_eeg_and_channels_of_other_units_are_told(written: Written) -> None:
    for number in (1, 2, 3):
        _trial(written, number)

    def quiet(_: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        return np.stack([np.full(stamps.size, 2e-3), 9 + 0 * stamps], axis=1)

    with XdfWriter(written.folder / "streams_part-01.xdf") as xdf:
        _stream(xdf, "amp", "EEG", ("Fz", "X1"), ("Millivolts", "g"), 250, 0, ZERO + 12, 15, quiet)
    written.save()
    made = finish_session(written.study, "001")
    assert any("codes of trial 1, 3" in sentence for sentence in made.left_out)
    assert any("channel X1" in sentence and "got g" in sentence for sentence in made.left_out)
    eeg = open_study(written.study).session("sub-001").eeg()
    assert eeg is not None
    assert list(eeg.ch_names) == ["Fz"]
    assert eeg.get_data()[0].mean() == pytest.approx(2e-6, rel=0.01)
