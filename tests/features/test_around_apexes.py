"""Brain, body and voice around apexes of a simulated study: right place, right reason, kept."""

from __future__ import annotations

import shutil
import wave

import numpy as np
import pybv
import pytest

from mien.core import OptionError
from mien.dataset import layout, open_study, read_expressions, synchronise, tables
from mien.features.around_apexes import ApexSettings, Moment, measure_around_apexes
from mien.jobs import Store
from mien.recording.formats import read_audio, read_brainvision
from mien.signals.physio import measure
from mien.simulate import StudySettings, simulate_study

SETTINGS = StudySettings(participants=2, trials=2, clip_s=9.0, speech=True, seed=3)
BODY = ("ecg", "eda", "ppg", "rsp", "skt")
QUICK = ApexSettings(artefacts="none", window_s=6.0, baseline="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("around") / "study"
    simulate_study(SETTINGS, made, parts=frozenset({"physio", "eeg", "speech"}))
    return made


@pytest.fixture
def study(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "study")
    return open_study(tmp_path / "study")


def moments(study):
    return {
        who: [
            Moment(f"{who}-{row.coder}-{row.row}", row.run, row.frames[1])
            for row in read_expressions(study.session(who))
        ]
        for who in study.participants
    }


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    study = open_study(folder)
    store = Store(tmp_path_factory.mktemp("kept"))
    asked = moments(study)
    return study, asked, measure_around_apexes(study, asked, ("eeg", *BODY, "speech"), QUICK, store=store)


class TestWhole:
    def test_everything_is_either_measured_or_has_a_reason(self, whole):
        _, asked, found = whole
        names = {one.name for own in asked.values() for one in own}
        for reading in found.values():
            assert set(reading.values) | set(reading.reasons) == names
            assert not set(reading.values) & set(reading.reasons)
        assert len(found["eeg"].values) > len(names) / 2

    def test_eeg_is_in_microvolts_and_of_one_size(self, whole):
        values = whole[2]["eeg"].values.values()
        assert {one.shape for one in values} == {(62, 768)}  # all but CB1 and CB2, which have no position
        assert 3 < np.std(list(values)) < 60

    def test_eeg_is_where_the_apex_is_on_the_master_clock(self, whole):
        """The bare recording at the apex, by a path of its own, goes with the epoch."""
        study, asked, found = whole
        who, own = next(iter(asked.items()))
        session = study.session(who)
        raw, sync = session.eeg(), synchronise(session)
        one = next(m for m in own if m.name in found["eeg"].values)
        apex_s = sync.frame_times_s(one.run)[one.apex]
        first = round((apex_s - 3.0) * 1000)
        kinds = zip(raw.ch_names, raw.get_channel_types(), strict=True)
        names = [name for name, kind in kinds if kind == "eeg" and name not in ("CB1", "CB2")]
        bare = raw.get_data(picks=names, start=first, stop=first + 6000)
        bare = bare - bare.mean(axis=0)
        slow = np.stack([np.interp(np.arange(768) / 128, np.arange(6000) / 1000, row) for row in bare])
        epoch = found["eeg"].values[one.name]
        strong = np.argsort(slow.std(axis=1))[-10:]
        agreement = [np.corrcoef(slow[c] - np.convolve(slow[c], np.ones(64) / 64, "same"), epoch[c])[0, 1]
                     for c in strong]  # fmt: skip
        assert np.median(agreement) > 0.6

    def test_peripheral_windows_go_through_the_polygraphs_clock(self, whole):
        study, asked, found = whole
        who, own = next(iter(asked.items()))
        session = study.session(who)
        sync = synchronise(session)
        one = next(m for m in own if m.name in found["skt"].values)
        apex_s = sync.frame_times_s(one.run)[one.apex]
        piece = sync.polygraph.fit.pieces[0].map
        at = (apex_s - piece.offset_s) / piece.rate
        signals = {s.name: s for s in session.physio() if s.name in BODY}
        expected = measure(signals, [[at - 3.0, at + 3.0]])["skt_mean_degc"][0]
        assert found["skt"].values[one.name][0] == pytest.approx(expected, abs=1e-9)

    def test_speech_is_the_sound_around_the_apex(self, whole):
        """Levels rise and fall with the sound of the run at that time, and fit no other time better."""
        study, asked, found = whole
        late_s = np.arange(-10, 11) * 0.01
        agreement = []
        for who, own in asked.items():
            videos = study.session(who).videos()
            for one in own:
                if one.name not in found["speech"].values:
                    continue
                row = found["speech"].values[one.name]
                sound = read_audio(videos[one.run].audio_path)
                stamps = videos[one.run].host_stamps_s
                frames = np.flatnonzero(row["heard"])[20:-20]
                at = stamps[one.apex] - stamps[0] - 2.0 + (frames + 0.5) * 0.01
                means = row["audio"][frames].mean(axis=1)
                loud = [
                    [
                        np.square(sound.values[i - 200 : i + 200]).mean()
                        for i in ((at + late) * 16000).astype(int)
                    ]
                    for late in late_s
                ]
                agreement.append([np.corrcoef(np.log(np.array(one) + 1e-9), means)[0, 1] for one in loud])
        usual = np.mean(agreement, axis=0)
        assert abs(late_s[usual.argmax()]) <= 0.02
        assert usual.max() > 0.6

    def test_against_the_own_session_a_louder_duller_voice_is_the_same(self, study, tmp_path):
        """The mean of the session's speech is taken out, band by band: what microphone and throat add."""
        own = ApexSettings(artefacts="none", window_s=6.0)
        asked = {"sub-001": moments(study)["sub-001"]}
        first = measure_around_apexes(study, asked, ["speech"], own, store=Store(tmp_path / "a"))["speech"]
        spoken = [row["audio"][row["voiced"]] for row in first.values.values() if row["voiced"].any()]
        assert abs(np.concatenate(spoken).mean()) < 6  # near the session's mean, not near -40 dB
        for path in study.folder.glob("sub-001/beh/*_audio.wav"):
            with wave.open(str(path)) as sound:
                content = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
            with wave.open(str(path), "wb") as sound:
                sound.setparams((1, 2, 16000, 0, "NONE", ""))
                sound.writeframes((content // 2).astype("<i2").tobytes())
        second = measure_around_apexes(study, asked, ["speech"], own, store=Store(tmp_path / "b"))["speech"]
        for name, row in first.values.items():
            both = row["voiced"] & second.values[name]["voiced"]
            if both.any():
                apart = second.values[name]["audio"][both] - row["audio"][both]
                assert np.abs(np.median(apart)) < 0.5

    def test_silence_is_heard_but_holds_no_speech(self, whole):
        found = whole[2]["speech"].values.values()
        assert any(row["voiced"].any() for row in found)
        assert all(not (row["voiced"] & ~row["heard"]).any() for row in found)

    def test_says_what_was_done_to_the_eeg(self, whole):
        about = whole[2]["eeg"].about["sub-001"]["broadband"]
        assert about["settings"]["method"] == "none"
        assert len(about["channels"]) == 62


def found_in(study, tmp_path, modality, settings=QUICK):
    return measure_around_apexes(
        study, moments(study), [modality], settings, store=Store(tmp_path / "store")
    )[modality]


class TestReasons:
    def remove(self, study, pattern):
        for path in study.folder.glob(pattern):
            path.unlink()

    def test_no_eeg(self, study, tmp_path):
        self.remove(study, "sub-*/eeg/*_eeg.*")
        assert set(found_in(study, tmp_path, "eeg").reasons.values()) == {"no-eeg"}

    def test_eeg_without_triggers_has_no_clock(self, study, tmp_path):
        self.remove(study, "sub-*/eeg/*_events.tsv")
        assert set(found_in(study, tmp_path, "eeg").reasons.values()) == {"no-events"}
        assert set(found_in(study, tmp_path, "skt").reasons.values()) == {"no-events"}

    def test_no_polygraph(self, study, tmp_path):
        self.remove(study, "sub-001/beh/*_physio.*")
        found = found_in(study, tmp_path, "skt")
        assert set(found.reasons.values()) <= {"no-signal", "outside-recording"}
        assert all(name.startswith("sub-001") for name, why in found.reasons.items() if why == "no-signal")

    def test_no_sound(self, study, tmp_path):
        self.remove(study, "sub-*/beh/*_run-01_audio.wav")
        found = found_in(study, tmp_path, "speech")
        assert set(found.reasons.values()) == {"no-sound"}
        assert found.values  # of the other run

    def test_no_frame_times(self, study, tmp_path):
        self.remove(study, "sub-001/beh/*_frametimes.tsv")
        found = found_in(study, tmp_path, "eeg")
        assert found.values
        assert {why for name, why in found.reasons.items() if name.startswith("sub-001")} <= {
            "no-camera-clock", "no-frame-times",
        }  # fmt: skip

    def test_an_unseen_apex_is_no_place(self, study, tmp_path):
        asked = {"sub-001": [Moment("a", 1, None), Moment("b", 1, 10**6), Moment("c", 9, 5)]}
        found = measure_around_apexes(study, asked, ["skt"], QUICK, store=Store(tmp_path / "store"))["skt"]
        assert found.reasons["a"] == found.reasons["b"] == "no-apex"
        assert found.reasons["c"] == "no-camera-clock"

    def test_a_session_with_other_electrodes_stays_out(self, study, tmp_path):
        path = layout.channels(study.folder, "sub-001")
        table = tables.read_table(path, columns=layout.CHANNEL_COLUMNS)
        table.loc[table["name"].isin(["OZ", "O1"]), "type"] = "MISC"
        tables.write_table(path, table, columns=layout.CHANNEL_COLUMNS)
        asked = moments(study)
        asked["sub-001"] = asked["sub-001"][:2]
        found = measure_around_apexes(study, asked, ["eeg"], QUICK, store=Store(tmp_path / "store"))["eeg"]
        assert {found.reasons[m.name] for m in asked["sub-001"] if m.name in found.reasons} == {
            "other-channels"
        }

    def eeg_of(self, study, change):
        """Sub-001's EEG written anew after `change(data, rate, names)`."""
        raw = read_brainvision(layout.eeg(study.folder, "sub-001"))
        data, rate_hz, names = change(1e6 * raw.get_data(), raw.info["sfreq"], list(raw.ch_names))
        folder = layout.eeg(study.folder, "sub-001").parent
        stem = layout.eeg_stem(study.folder, "sub-001").name
        pybv.write_brainvision(
            data=data,
            sfreq=rate_hz,
            ch_names=names,
            fname_base=stem,
            folder_out=folder,
            unit="uV",
            overwrite=True,
        )
        table = tables.read_table(layout.channels(study.folder, "sub-001"), columns=layout.CHANNEL_COLUMNS)
        table["name"] = names
        tables.write_table(layout.channels(study.folder, "sub-001"), table, columns=layout.CHANNEL_COLUMNS)

    def test_a_session_at_another_rate_stays_out(self, study, tmp_path):
        self.eeg_of(study, lambda data, rate, names: (data[:, ::10], rate / 10, names))
        found = found_in(study, tmp_path, "eeg")
        assert {len(one[0]) for one in found.values.values()} == {768}
        told = {why for name, why in found.reasons.items() if name.startswith("sub-001")}
        assert told == {"other-channels"}

    def test_labels_without_a_place_are_cut_all_the_same(self, study, tmp_path):
        self.eeg_of(study, lambda data, rate, names: (data, rate, [f"X{n}" for n in range(len(names))]))
        asked = {"sub-001": moments(study)["sub-001"]}
        found = measure_around_apexes(study, asked, ["eeg"], QUICK, store=Store(tmp_path / "store"))["eeg"]
        shapes = {one.shape for one in found.values.values()}
        assert len(shapes) == 1
        assert 60 <= shapes.pop()[0] <= 64  # bad channels cannot be interpolated without places

    def test_one_unfit_eeg_does_not_stop_the_others(self, study, tmp_path):
        def mostly_dead(data, rate, names):
            data[: len(data) * 2 // 3] = 0.0
            return data, rate, names

        self.eeg_of(study, mostly_dead)
        found = found_in(study, tmp_path, "eeg")
        told = {why for name, why in found.reasons.items() if name.startswith("sub-001")}
        assert len(told) == 1
        assert told.pop().startswith("unfit EEG: ")
        assert any(name.startswith("sub-002") for name in found.values)

    def test_unfit_sound_is_one_run_s_trouble_and_stereo_is_averaged(self, study, tmp_path):
        path = layout.audio(study.folder, "sub-001", 1)
        first = measure_around_apexes(
            study, moments(study), ["speech"], QUICK, store=Store(tmp_path / "store")
        )["speech"]
        with wave.open(str(path)) as sound:
            content = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        for channels, samples in ((2, np.repeat(content, 2)), (1, content[:0])):
            with wave.open(str(path), "wb") as sound:
                sound.setparams((channels, 2, 16000, 0, "NONE", ""))
                sound.writeframes(samples.tobytes())
            found = measure_around_apexes(
                study, moments(study), ["speech"], QUICK, store=Store(tmp_path / f"store{channels}")
            )["speech"]
            if channels == 2:
                assert set(found.values) == set(first.values)
                for name, row in first.values.items():
                    np.testing.assert_allclose(found.values[name]["audio"], row["audio"], atol=1e-3)
            else:
                lost = set(first.values) - set(found.values)
                assert lost
                assert all(found.reasons[name].startswith("unfit sound: ") for name in lost)
                assert any(name.startswith("sub-002") for name in found.values)

    def test_refuses_an_unknown_modality_and_setting(self, study, tmp_path):
        with pytest.raises(OptionError, match="--modalities: wanted among eeg"):
            found_in(study, tmp_path, "smell")
        with pytest.raises(OptionError, match="artefacts: wanted one of adjust"):
            ApexSettings(artefacts="magic")
        with pytest.raises(OptionError, match="window_s: wanted 1 to 60 s"):
            ApexSettings(window_s=0.1)


def test_what_was_measured_is_kept_until_a_file_changes(study, tmp_path):
    store = Store(tmp_path / "store")
    seen = []

    def watch(done, total, name):
        seen.append(name)

    measure_around_apexes(study, moments(study), ["skt"], QUICK, store=store, progress=watch)
    before = [p.stat().st_mtime_ns for p in sorted((tmp_path / "store").rglob("done.json"))]
    measure_around_apexes(study, moments(study), ["skt", "ecg"], QUICK, store=store)
    after = [p.stat().st_mtime_ns for p in sorted((tmp_path / "store").rglob("done.json"))]
    assert before == after  # one recorder, one job
    other = ApexSettings(artefacts="none", window_s=8.0, baseline="none")
    measure_around_apexes(study, moments(study), ["skt"], other, store=store)
    assert len(list((tmp_path / "store").rglob("done.json"))) == 2 * len(before)
