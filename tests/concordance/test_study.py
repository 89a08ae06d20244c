"""A study on disk: clocks against the truth, resumption, and one sentence for everything that is missing."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mien.concordance import ParticipantData, Settings, analyse_study, read_person
from mien.core.errors import DataError
from mien.dataset import layout, open_study
from mien.jobs import ProcessPool, Store
from mien.simulate import StudySettings
from mien.simulate.session import Session

FEW = ("ecg_rate_mean_bpm", "eda_mean_us", "skt_mean_degc")
SETTINGS = Settings(windows_s=(3.0,), features=FEW, positions=4, shifts=100, resamples=100)
STUDY = StudySettings(
    participants=3, trials=2, clip_s=16.0, report_s=1.0, rest_s=1.0, sampling_hz=250.0, seed=5
)


@pytest.fixture
def copy(study_folder, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(study_folder, tmp_path / "study")


def analysed(folder, tmp_path, settings=SETTINGS, **options):
    return analyse_study(open_study(folder), settings, store=Store(tmp_path / "store"), **options)


def everyone(folder, remove):
    for name in open_study(folder).participants:
        for path in remove(folder, name):
            path.unlink()


class TestClocks:
    def test_trials_and_windows_against_the_truth(self, study_folder):
        study = open_study(study_folder)
        for number, name in enumerate(study.participants, start=1):
            person, session = read_person(study.session(name)), Session.of(STUDY, number)
            assert isinstance(person, ParticipantData)
            for trial in session.participant.trials:
                found = person.trials[trial.number]
                # One sample of 250 Hz where both codes are there, a frame where the camera stands in.
                assert found.start_s == pytest.approx(trial.clip_start_s, abs=0.012)
                assert found.end_s == pytest.approx(trial.clip_end_s, abs=0.012)
            windows = np.array([[30.0, 35.0], [40.0, 55.0]])
            mapped, holds = person.on_recorder(windows)
            true = [[session.polygraph.clock.to_device(t) for t in window] for window in windows]
            assert holds.all()
            assert mapped == pytest.approx(np.array(true), abs=0.008)

    def test_apexes_are_those_that_truly_happened(self, study_folder):
        study = open_study(study_folder)
        found = []
        for number, name in enumerate(study.participants, start=1):
            person = read_person(study.session(name))
            true = [m.apex_s for t in Session.of(STUDY, number).participant.trials for m in t.movements]
            found += [min(abs(e.apex_s - t) for t in true) for _, e in person.expressions]
        assert np.median(found) < 0.03  # coders err by some frames, and sometimes see what is not there

    def test_start_time_does_not_move_the_windows(self, copy, study_folder):
        """The map begins at the polygraph's first sample: StartTime, which BIDS asks for, changes nothing."""
        path = layout.physio_json(copy, "sub-001")
        path.write_text(json.dumps({**json.loads(path.read_text()), "StartTime": 123.0}))
        one, other = (read_person(open_study(f).session("sub-001")) for f in (copy, study_folder))
        assert one.signals["ecg"].start_s == other.signals["ecg"].start_s == 0.0
        windows = np.array([[30.0, 35.0]])
        assert np.array_equal(one.on_recorder(windows)[0], other.on_recorder(windows)[0])

    def test_a_polygraph_whose_triggers_fit_nothing_is_left_out(self, copy, tmp_path):
        events = layout.events(copy, "sub-002")
        rows = ["onset\tduration\ttrial_type\tvalue", "30.0\t0\tclip\t148", "50.0\t0\trest\t7"]
        events.write_text("\n".join(rows) + "\n")
        assert read_person(open_study(copy).session("sub-002")) == "no-polygraph-clock"
        found = analysed(copy, tmp_path)
        assert found.excluded_participants == {"sub-002": "no-polygraph-clock"}
        assert [person.participant_id for person in found.people] == ["sub-001", "sub-003"]


class TestRunning:
    def test_again_and_on_two_workers(self, study_folder, tmp_path):
        first = analysed(study_folder, tmp_path).as_json()
        seen = []
        again = analysed(study_folder, tmp_path, progress=lambda *now: seen.append(now)).as_json()
        assert again == first
        assert seen[0][:2] == (3, 3)  # nothing was computed again
        pool = ProcessPool(2)
        assert analysed(study_folder, tmp_path / "other", executor=pool).as_json() == first

    def test_other_tests_on_the_same_measurement(self, study_folder, tmp_path):
        analysed(study_folder, tmp_path)
        seen = []
        more = Settings(windows_s=(3.0,), features=FEW, positions=4, shifts=200, resamples=50)
        analysed(study_folder, tmp_path, more, progress=lambda *now: seen.append(now))
        assert seen[0][:2] == (3, 3)

    def test_changed_coding_is_measured_again(self, copy, tmp_path):
        analysed(copy, tmp_path)
        path = next(layout.coding_folder(copy, "sub-001").glob("*.tsv"))
        path.write_text("\n".join(path.read_text().splitlines()[:1]) + "\n")
        seen = []
        analysed(copy, tmp_path, progress=lambda *now: seen.append(now))
        assert seen[0][:2] == (2, 3)


class TestLacking:
    def test_physiology_of_one(self, copy, tmp_path):
        layout.physio(copy, "sub-003").unlink()
        assert analysed(copy, tmp_path).excluded_participants == {"sub-003": "no-physio"}

    def test_physiology_of_all(self, copy, tmp_path):
        everyone(copy, lambda folder, name: [layout.physio(folder, name)])
        with pytest.raises(DataError, match=r"wanted peripheral signals of someone, got no _physio"):
            analysed(copy, tmp_path)

    def test_coding(self, copy, tmp_path):
        everyone(copy, lambda folder, name: layout.coding_folder(folder, name).glob("*.tsv"))
        with pytest.raises(DataError, match=r"wanted coded expressions, got no table"):
            analysed(copy, tmp_path)

    def test_coding_that_holds_nothing(self, copy, tmp_path):
        for name in open_study(copy).participants:
            for path in layout.coding_folder(copy, name).glob("*.tsv"):
                path.write_text("\n".join(path.read_text().splitlines()[:1]) + "\n")
        with pytest.raises(DataError, match="micro-expressions whose apex is known, got none in 3"):
            analysed(copy, tmp_path)

    def test_events(self, copy, tmp_path):
        everyone(copy, lambda folder, name: [layout.events(folder, name)])
        with pytest.raises(DataError, match='or "SharedClock": true in dataset_description'):
            analysed(copy, tmp_path)

    def test_nobody_is_left(self, copy, tmp_path):
        for name in open_study(copy).participants:
            layout.events(copy, name).write_text("onset\tduration\ttrial_type\tvalue\n1.0\t0\tx\t3\n")
        with pytest.raises(DataError, match=r"none of 3: no-polygraph-clock \(3\)"):
            analysed(copy, tmp_path)


class TestSharedClock:
    def test_frame_stamps_and_physiology_on_one_clock(self, tmp_path):
        """Camera and polygraph on one clock, no EEG: windows are cut where the stamps say."""
        folder = _one_clock_study(tmp_path / "study")
        person = read_person(open_study(folder).session("sub-001"), shared_clock=True)
        assert isinstance(person, ParticipantData)
        assert person.clock is None
        assert person.trials[1].start_s == pytest.approx(110.0)
        assert [e.apex_s for _, e in person.expressions] == pytest.approx([125.0, 135.0])
        one = Settings(windows_s=(3.0,), features=("skt_mean_degc",), positions=2, shifts=10)
        found = analysed(folder, tmp_path, one)
        # Temperature is 30 degC plus 10 mK for each second of the shared clock, from 100 s on.
        assert found.people[0].values[0, 0, :, 0] == pytest.approx([30 + 0.01 * 23.45, 30 + 0.01 * 26.45])


def _one_clock_study(folder):
    from mien.core.signal import Signal
    from mien.dataset import StudyWriter

    writer = StudyWriter(folder)
    writer.write_description("One clock", simulated=True)
    names = [f"sub-00{i}" for i in (1, 2, 3)]
    for name in names:
        with writer.participant(name) as files:
            values = 30.0 + 0.01 * np.arange(700) / 10
            files.write_physio([Signal(values, 10.0, "degC", "skt")], start_time_s=100.0)
            files.write_frame_times(1, 110.0 + np.arange(4000) / 100, counter=np.arange(4000))
            rows = [(1, 1, apex - 10, apex, apex + 10, "micro", None, "fear") for apex in (1500, 2500)]
            files.write_coding("A", pd.DataFrame(rows, columns=list(layout.CODING_COLUMNS)))
    writer.finish(pd.DataFrame({"participant_id": names, "age": 25, "sex": "F", "consent_level": 1}))
    description = layout.description(folder)
    description.write_text(json.dumps({**json.loads(description.read_text()), "SharedClock": True}))
    return folder
