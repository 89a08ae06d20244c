"""Readers give what the file holds: small files of known numbers, and the real ones."""

from __future__ import annotations

import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from mien.core.errors import DataError, OptionError
from mien.recording import inspect as inspection
from mien.recording.formats import (
    VideoWriter,
    read_acqknowledge,
    read_audio,
    read_audio_channels,
    read_biopac_mat,
    read_brainvision,
    read_cnt,
    read_curry,
    read_edf,
    read_edf_signals,
    read_eeglab,
    read_fif,
    read_image_folder,
    read_openface,
    read_xdf,
)
from mien.recording.inspect import inspect_file
from mien.recording.recording import distinct_names

MNE_READERS = [
    (small.cnt, read_cnt), (small.curry, read_curry), (small.eeglab, read_eeglab), (small.edf, read_edf),
    (small.eeglab_with_fdt, read_eeglab), (small.bdf, read_edf), (small.fif, read_fif),
    (small.brainvision, read_brainvision),
]  # fmt: skip


@pytest.mark.parametrize(("make", "read"), MNE_READERS, ids=lambda f: f.__name__)
def test_mne_objects_hold_volts(tmp_path: Path, make, read) -> None:
    raw = read(make(tmp_path))
    assert (raw.ch_names, raw.info["sfreq"], raw.n_times) == (small.NAMES, small.RATE, small.N)
    assert np.abs(raw.get_data() * 1e6 - small.eeg_uv()).max() < 1e-4
    if make not in (small.edf, small.bdf, small.fif):
        assert [(a["onset"], a["description"].rsplit("S")[-1]) for a in raw.annotations] == [(0.025, "101")]


class TestAcqKnowledge:
    def test_rates_names_and_markers(self, tmp_path: Path) -> None:
        found = read_acqknowledge(small.acq(tmp_path))
        assert [s.name for s in found.signals] == ["EDA", "ECG", "EDA (2)"]
        assert [(s.rate_hz, len(s), s.unit) for s in found.signals] == [
            (200.0, 400, "mV"), (100.0, 200, "mV"), (200.0, 400, "mV"),
        ]  # fmt: skip
        for signal, row in zip(found.signals, small.eeg_uv(), strict=True):
            assert np.allclose(signal.values, row[: len(signal)], atol=1e-9)
        assert [(e.time_s, e.text) for e in found.events] == [(0.025, "Mark 1")]
        assert found.duration_s == 2.0

    def test_three_versions_of_one_recording(self, shared_data: Path) -> None:
        folder = shared_data / "physio" / "acq_bioread" / "physio"
        versions = [read_acqknowledge(folder / f"physio-{v}.acq") for v in ("3.9.1", "4.1.0", "5.0.1-c")]
        for found in versions:
            assert {(s.rate_hz, len(s)) for s in found.signals} == {
                (1000.0, 61_893), (2000.0, 123_787), (3.90625, 241),
            }  # fmt: skip
            eda = found["EDA - GSR100C"].values
            assert (round(eda.min(), 4), round(eda.max(), 4)) == (3.3875, 4.1885)
            # The last version stores markers from where a user put the zero of the time axis.
            assert found.events == versions[0].events
            assert len(found.events) == 10
            for signal, other in zip(found.signals, versions[0].signals, strict=True):
                assert np.allclose(signal.values, other.values)
        assert versions[0].events[1].time_s == 8618 / 2000

    def test_a_search_for_headers_of_many_channels_ends(self, tmp_path: Path) -> None:
        """The library looks for them at 4096 places, for all channels at each: this took two minutes."""
        from bioread.headers import Header

        path, before = small.acq(tmp_path, names=("EDA",) * 100, dividers=(1,) * 100), Header._struct_class
        assert len(read_acqknowledge(path).signals) == 100
        content = bytearray(path.read_bytes())
        content[2398 + 254 * 100 + 8 :] = b"\xff" * (len(content) - 2398 - 254 * 100 - 8)
        path.write_bytes(content)
        start = time.monotonic()
        with pytest.raises(DataError, match=r"a\.acq"):
            read_acqknowledge(path)
        assert time.monotonic() - start < 10
        assert Header._struct_class is before

    def test_equal_names_and_few_markers(self, shared_data: Path) -> None:
        found = read_acqknowledge(shared_data / "physio" / "pspm_import" / "acq" / "Acq_SCR_Marker.acq")
        assert [s.name for s in found.signals] == ["Analog input", "Analog input (2)"]
        assert {(s.rate_hz, s.duration_s) for s in found.signals} == {(1000.0, 10.0)}
        found = read_acqknowledge(shared_data / "physio" / "acq_bioread" / "misc" / "r42_test.acq")
        assert (found.duration_s, len(found.signals), len(found.events)) == (7.901, 4, 2)


class TestBiopacMat:
    def test_what_was_written_comes_back(self, tmp_path: Path) -> None:
        found = read_biopac_mat(small.biopac_mat(tmp_path))
        for signal, was in zip(found.signals, small.signals(), strict=True):
            assert (signal.name, signal.unit, signal.rate_hz) == (was.name, was.unit, was.rate_hz)
            assert np.array_equal(signal.values, was.values)

    @pytest.mark.parametrize(("isi", "unit", "rate"), [(1.0, "ms", 1000.0), (0.002, "s", 500.0)])
    def test_seventeen_columns_and_units_of_the_interval(self, tmp_path, isi, unit, rate) -> None:
        from scipy.io import savemat

        labels = ["PPG", *(f"Digital (STP Input {i})" for i in range(8)), *["EMG"] * 8]
        content = {"data": np.arange(51.0).reshape(3, 17), "labels": labels, "units": ["Volts"] * 17}
        savemat(tmp_path / "a.mat", {**content, "isi": isi, "isi_units": unit}, do_compression=True)
        found = read_biopac_mat(tmp_path / "a.mat")
        assert len(found.signals) == 17
        assert {s.rate_hz for s in found.signals} == {rate}
        assert found["Digital (STP Input 7)"].values.tolist() == [8.0, 25.0, 42.0]
        assert found.signals[-1].name == "EMG (8)"

    def test_an_unknown_unit_of_time_is_refused(self, tmp_path: Path) -> None:
        from scipy.io import savemat

        content = {"data": np.zeros((3, 1)), "labels": ["a"], "units": ["V"], "isi": 1.0}
        savemat(tmp_path / "a.mat", {**content, "isi_units": "min"})
        with pytest.raises(DataError, match=r"isi_units.*min"):
            read_biopac_mat(tmp_path / "a.mat")


class TestNeuroscan:
    @pytest.mark.parametrize("stated", [0, small.N])
    @pytest.mark.parametrize("width", ["int16", "int32"])
    def test_the_width_is_found(self, tmp_path: Path, width, stated) -> None:
        raw = read_cnt(small.cnt(tmp_path, width, stated))
        assert np.abs(raw.get_data() * 1e6 - small.eeg_uv()).max() < 1e-4

    @pytest.mark.parametrize("table", [1, 2, 3])
    @pytest.mark.parametrize("width", ["int16", "int32"])
    def test_every_kind_of_table_means_the_same_sample(self, tmp_path: Path, width, table) -> None:
        raw = read_cnt(small.cnt(tmp_path, width, table=table))
        assert [(a["onset"], a["duration"], a["description"]) for a in raw.annotations] == [(0.025, 0, "101")]

    def test_bad_spans_and_keys_of_a_type_3_table(self, tmp_path: Path) -> None:
        """As MNE words those of type 2."""
        found = []
        for table in (2, 3):
            path = small.cnt(tmp_path, table=table)
            content = path.read_bytes()
            samples = [(0xC0, 51), (0, 61), (0xD0, 101), (0x02, 201), (0xC0, 301), (0xD0, 400)]
            start = 900 + 75 * len(small.NAMES)
            places = [s if table == 3 else start + s * 2 * len(small.NAMES) for _, s in samples]
            rows = [
                struct.pack("<HBBI", 7, 0, mark, place) + bytes(11)
                for (mark, _), place in zip(samples, places, strict=True)
            ]
            head = struct.pack("<Bii", table, 19 * len(rows), 0)
            path.write_bytes(content[: -9 - 19] + head + b"".join(rows))
            marks = read_cnt(path).annotations
            found.append([(a["onset"], round(a["duration"], 6), a["description"]) for a in marks])
        assert found[0] == found[1] == [
            (0.25, 0.25, "BAD_7"), (0.3, 0, "7"), (1.0, 0, "KeyPad Response 2"), (1.5, 0.495, "BAD_7"),
        ]  # fmt: skip

    @pytest.mark.parametrize(("table", "place"), [(2, 0), (2, 10**6), (3, small.N + 1)])
    def test_events_outside_the_recording_are_refused(self, tmp_path: Path, table, place) -> None:
        path = small.cnt(tmp_path, table=table)
        content = bytearray(path.read_bytes())
        struct.pack_into("<I", content, len(content) - 15, place)
        path.write_bytes(content)
        with pytest.raises(DataError, match="events at samples 0 to 400"):
            read_cnt(path)

    @pytest.mark.parametrize(("width", "wrong"), [("int16", "int32"), ("int32", "int16")])
    def test_a_wrong_width_is_refused(self, tmp_path: Path, width, wrong) -> None:
        path = small.cnt(tmp_path, width)
        with pytest.raises(DataError, match="sample_format"):
            read_cnt(path, sample_format=wrong)
        assert read_cnt(path, sample_format=width).n_times == small.N
        with pytest.raises(OptionError, match="int16 or int32"):
            read_cnt(path, sample_format="int64")  # type: ignore[arg-type]

    def test_ant_is_told_apart(self, tmp_path: Path) -> None:
        (tmp_path / "a.cnt").write_bytes(b"RIFF\x10\x00\x00\x00CNT " + bytes(2000))
        with pytest.raises(DataError, match="got one of ANT"):
            read_cnt(tmp_path / "a.cnt")

    def test_the_real_file(self, shared_data: Path) -> None:
        path = shared_data / "physio" / "neuroscan_cnt" / "scan41_short.cnt"
        for sample_format in (None, "int16"):
            raw = read_cnt(path, sample_format=sample_format)
            assert (len(raw.ch_names), raw.info["sfreq"], raw.n_times) == (128, 400.0, 3070)
            assert len(raw.annotations) == 6
            assert np.median(raw.get_data().std(axis=1)) * 1e6 == pytest.approx(33, abs=1)
        with pytest.raises(DataError, match=r"2\.12046e\+06 uV as int32"):
            read_cnt(path, sample_format="int32")


class TestEdf:
    def test_rates_stay_apart(self, tmp_path: Path) -> None:
        path = small.edf(tmp_path, counts=(200, 50, 100))
        found = read_edf_signals(path)
        assert [(s.rate_hz, len(s)) for s in found.signals] == [(200.0, 400), (50.0, 100), (100.0, 200)]
        assert np.allclose(found.signals[2].values[100:], small.eeg_uv()[2][200:300], atol=1e-9)
        with pytest.raises(DataError, match=r"one rate, got 50, 100, 200 Hz.*read_edf_signals"):
            read_edf(path)

    @pytest.mark.parametrize("make", [small.edf, small.bdf])
    def test_both_readers_agree_and_name_nobody(self, tmp_path: Path, make) -> None:
        path = make(tmp_path)
        found = read_edf_signals(path)
        assert np.allclose([s.values for s in found.signals], small.eeg_uv(), atol=1e-3)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(DataError) as error:
            read_edf(path)
        assert "SECRET" not in str(error.value)

    @pytest.mark.parametrize(
        ("file", "channels", "rate", "seconds", "events"),
        [
            ("edf_bdf/chtypes_edf.edf", 42, 200.0, 5.0, 8),
            ("edf_bdf/multiple_annotation_chans.bdf", 19, 125.0, 247.0, 10),
            ("eeglab/test.edf", 16, 256.0, 60.0, 0),
        ],
    )
    def test_real_files(self, shared_data: Path, file, channels, rate, seconds, events) -> None:
        path = shared_data / "physio" / file
        raw, found = read_edf(path), read_edf_signals(path)
        assert (len(raw.ch_names), raw.info["sfreq"], raw.n_times / rate) == (channels, rate, seconds)
        assert len(raw.annotations) == len(found.events) == events
        stored = raw.get_data()
        scale = {"uV": 1e-6}
        for row, signal, kind in zip(stored, found.signals, raw.get_channel_types(), strict=True):
            if kind != "stim":  # MNE keeps triggers as stored integers
                assert np.allclose(row, signal.values * scale.get(signal.unit, 1.0), rtol=1e-9, atol=1e-12)


class TestEeglab:
    def test_a_lost_fdt_is_one_sentence(self, tmp_path: Path) -> None:
        path = small.eeglab_with_fdt(tmp_path)
        path.with_suffix(".fdt").unlink()
        with pytest.raises(DataError, match=r"a\.set: wanted its samples a\.fdt beside it, got no such file"):
            read_eeglab(path)

    def test_a_cut_fdt_is_refused(self, tmp_path: Path) -> None:
        path = small.eeglab_with_fdt(tmp_path)
        path.with_suffix(".fdt").write_bytes(path.with_suffix(".fdt").read_bytes()[:-4])
        with pytest.raises(DataError, match="wanted 4800 bytes of samples, got 4796"):
            read_eeglab(path)

    def test_the_real_file(self, shared_data: Path) -> None:
        raw = read_eeglab(shared_data / "physio" / "eeglab" / "eeglab_data.set")
        assert (len(raw.ch_names), raw.info["sfreq"], raw.n_times) == (32, 128.0, 30_504)
        assert len(raw.annotations) == 154
        assert 5 < raw.get_data().std() * 1e6 < 100


class TestCurry:
    @pytest.mark.parametrize(
        ("fields", "match"),
        [({"NumSamples": 399}, "bytes of samples"), ({"NumTrials": 2}, "one trial"),
         ({"SampleFreqHz": 0}, "above 0 Hz"), ({"SampleTimeUsec": 1000}, "agree")],
    )  # fmt: skip
    def test_a_description_that_does_not_fit(self, tmp_path: Path, fields, match) -> None:
        with pytest.raises(DataError, match=match):
            read_curry(small.curry(tmp_path, **fields))

    @pytest.mark.parametrize(
        ("suffix", "old", "new", "match"),
        [(".dpo", "LABELS START_LIST\nFP1\nCZ\nVEO\nLABELS END_LIST", "", "the names of 3 channels"),
         (".dpo", "LABELS END_LIST\n", "", "lists that begin and end"),
         (".ceo", "01\nREMARK_LIST END_LIST\n", "", "lists that begin and end")],
    )  # fmt: skip
    def test_names_and_events_are_not_made_up(self, tmp_path: Path, suffix, old, new, match) -> None:
        """The library calls channels EEG1, EEG2... where a list of names is damaged."""
        path = small.curry(tmp_path)
        part = path.with_name(path.name + suffix)
        assert old in part.read_text()
        part.write_text(part.read_text().replace(old, new))
        with pytest.raises(DataError, match=match):
            read_curry(path)

    def test_a_lost_description(self, tmp_path: Path) -> None:
        path = small.curry(tmp_path)
        path.with_name("a.cdt.dpo").unlink()
        with pytest.raises(DataError, match=r"its description a\.cdt\.dpa or a\.cdt\.dpo"):
            read_curry(path)


def test_xdf_streams_keep_their_stamps(tmp_path: Path) -> None:
    amplifier, marks = read_xdf(small.xdf(tmp_path))
    assert (amplifier.name, amplifier.kind, amplifier.rate_hz) == ("Amp", "EEG", small.RATE)
    assert (amplifier.channel_names, amplifier.units) == (tuple(small.NAMES), ("uV",) * 3)
    assert np.allclose(amplifier.stamps_s, 50 + np.arange(small.N) / small.RATE)
    assert np.allclose(amplifier.values, small.eeg_uv().T, atol=1e-5)
    assert [(e.time_s, e.text) for e in marks.events] == [(50.5, "101")]


def test_samples_of_a_stream_that_do_not_fill_their_chunk(tmp_path: Path) -> None:
    """A stamp's length that is lost puts all that follows in the wrong place."""
    path = small.xdf(tmp_path)
    whole = path.read_bytes()
    stamped = b"\x08" + struct.pack("<d", 50 + 7 / small.RATE)
    text = struct.pack("<d", 50.5) + b"\x01\x03101"
    for old, new in ((stamped, bytes(9)), (stamped, b"\x07" + stamped[1:]), (text, text[:-4] + b"\x04101")):
        assert whole.count(old) == 1
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(DataError, match=r"a\.xdf: wanted \d+ samples in a chunk"):
            read_xdf(path)


class TestSound:
    @pytest.mark.parametrize("make", [small.wav, small.flac])
    def test_samples_are_exact(self, tmp_path: Path, make) -> None:
        found = read_audio(make(tmp_path))
        assert (found.rate_hz, found.start_s) == (8000.0, 0.0)
        assert np.array_equal(found.values * 32768, np.rint(small.eeg_uv()[0] * 300))

    def test_channels_are_asked_for(self, tmp_path: Path) -> None:
        import soundfile

        soundfile.write(tmp_path / "a.wav", np.array([[0.5, -0.5]] * 10), 8000)
        with pytest.raises(DataError, match="2 channels; name one"):
            read_audio(tmp_path / "a.wav")
        assert read_audio(tmp_path / "a.wav", channel=1).values.tolist() == [-0.5] * 10
        with pytest.raises(OptionError, match="from 0 to 1"):
            read_audio(tmp_path / "a.wav", channel=2)

    def test_what_stands_behind_the_chunks_is_refused(self, tmp_path: Path) -> None:
        path = small.wav(tmp_path)
        content = path.read_bytes()
        path.write_bytes(content[:1000] + b"abcd" + content[1000:])
        with pytest.raises(DataError, match="chunks up to the end, got 4 bytes"):
            read_audio(path)

    def test_a_gap_in_the_sound_of_a_film_is_refused(self, tmp_path: Path) -> None:
        """What follows it would come too early."""
        import av

        path = tmp_path / "a.mkv"
        for lost in (None, 5):
            with av.open(str(path), "w") as file:
                track = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
                for i in range(14):
                    heard = av.AudioFrame.from_ndarray(
                        np.zeros((1, 1152), "<i2"), format="s16", layout="mono"
                    )
                    heard.sample_rate, heard.pts = 16_000, 1152 * i
                    if i != lost:
                        file.mux(track.encode(heard))
                file.mux(track.encode(None))
            if lost is None:
                assert len(read_audio(path)) == 14 * 1152
        with pytest.raises(DataError, match=r"without gaps, got a gap of 0\.072 s after 0\.360 s"):
            read_audio(path)

    def test_a_silent_film(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="a file with sound"):
            read_audio(small.video(tmp_path))

    def test_real_sound(self, shared_data: Path) -> None:
        files = sorted((shared_data / "audio" / "emodb").rglob("*.wav"))
        found = [read_audio(file) for file in files]
        assert (len(found), {s.rate_hz for s in found}) == (49, {16_000.0})
        assert sum(s.duration_s for s in found) == pytest.approx(129.6, abs=0.05)
        clip = shared_data / "video" / "grid_lipnet" / "GRID" / "bbaf2n.mpg"
        assert [(s.rate_hz, round(s.duration_s, 2)) for s in read_audio_channels(clip)] == [
            (44_100.0, 2.98)
        ] * 2


class TestImages:
    def test_order_stamps_and_counter(self, tmp_path: Path) -> None:
        found = read_image_folder(small.images(tmp_path))
        assert found.counter.tolist() == list(range(995, 1007))
        assert set(found.marker) == {101}
        assert (found.width, found.height) == (8, 6)
        assert np.allclose(
            found.host_s - found.host_s[0], np.rint(np.arange(12) * 1000 / 150) / 1000, atol=1e-6
        )
        assert found.rate_hz == pytest.approx(150, rel=0.01)

    def test_a_lost_frame_is_a_gap(self, tmp_path: Path) -> None:
        folder = small.images(tmp_path)
        sorted(folder.iterdir())[3].unlink()
        assert np.diff(read_image_folder(folder).counter).tolist() == [1, 1, 2, 1, 1, 1, 1, 1, 1, 1]

    def test_frames_of_one_millisecond(self, tmp_path: Path) -> None:
        folder = small.images(tmp_path)
        names = [f"2024-5-9-18-10-58-257-{counter:03d}-101.png" for counter in (999, 1000, 1, 2)]
        for path, name in zip(sorted(folder.iterdir()), names, strict=False):
            path.rename(tmp_path / name)
        for rest in folder.iterdir():
            rest.unlink()
        found = read_image_folder(tmp_path)
        assert [p.name for p in found.paths] == names
        assert found.counter.tolist() == [999, 1000, 1001, 1002]

    @pytest.mark.parametrize(
        ("name", "match"),
        [("portrait.png", "named Y-M-D"), ("2024-13-09-18-10-58-250-001-101.png", "impossible time"),
         ("2024-05-09-18-10-58-251-995-101.png", "one picture per frame"),
         ("2024-05-09-18-30-00-000-007-101.png", "goes with the stamps")],
    )  # fmt: skip
    def test_what_does_not_belong_is_named(self, tmp_path: Path, name, match) -> None:
        folder = small.images(tmp_path)
        (folder / name).write_bytes(next(folder.iterdir()).read_bytes())
        with pytest.raises(DataError, match=match):
            read_image_folder(folder)


class TestOpenFace:
    def test_points(self, tmp_path: Path) -> None:
        found = read_openface(small.openface(tmp_path))
        assert found.points.shape == (12, 4, 2)
        assert found.points[2, 1].tolist() == [13.5, 17.5]
        assert (found.frame[0], found.time_s[3], found.success.all()) == (1, 0.1, True)

    @pytest.mark.parametrize(
        ("old", "new", "match"),
        [("x_3", "x_4", "columns x_0"), ("confidence", "trust", "no confidence"), ("0.98", "1.98", "0 to 1"),
         ("10.5", "nan", "x_0"), ("\n3, ", "\n2, ", "frames that increase"), ("y_1", "y_0", "y_0 twice")],
    )  # fmt: skip
    def test_what_is_not_such_a_table(self, tmp_path: Path, old, new, match) -> None:
        path = small.openface(tmp_path)
        path.write_text(path.read_text().replace(old, new, 1))
        with pytest.raises(DataError, match=match):
            read_openface(path)


MAKERS = [
    (small.acq, "acqknowledge", 3, 1), (small.biopac_mat, "acqknowledge-mat", 3, 0),
    (small.cnt, "neuroscan", 3, 1),
    (small.curry, "curry", 3, 1), (small.eeglab, "eeglab", 3, 1), (small.eeglab_with_fdt, "eeglab", 3, 1),
    (small.brainvision, "brainvision", 3, 1), (small.edf, "edf", 3, 0), (small.bdf, "bdf", 3, 0),
    (small.fif, "fif", 3, 0), (small.xdf, "xdf", 3, 1), (small.physio, "physio", 3, 0),
    (small.wav, "wav", 1, 0), (small.flac, "flac", 1, 0), (small.openface, "openface", 8, 0),
    (small.table, "table", 2, 0),
    (small.video, "mp4", 0, 0), (small.images, "images", 0, 0),
]  # fmt: skip


class TestInspect:
    @pytest.mark.parametrize(
        ("make", "name", "channels", "events"), MAKERS, ids=lambda v: getattr(v, "__name__", "")
    )
    def test_every_format(self, tmp_path: Path, make, name, channels, events) -> None:
        found = inspect_file(make(tmp_path))
        assert (found.format, len(found.channels), found.events) == (name, channels, events)
        assert found.duration_s > 0
        assert (found.video is not None) == (name in ("mp4", "images"))

    def test_every_format_of_the_table_is_tried(self) -> None:
        tried = {name for _, name, _, _ in MAKERS} | {"avi", "matroska", "mpeg"}
        tried |= {"coding-table"}  # test_sheets.py
        assert tried == {known.name for known in inspection.FORMATS} | {"images"}

    def test_units_and_rates(self, tmp_path: Path) -> None:
        found = inspect_file(small.acq(tmp_path))
        assert [(c.rate_hz, c.unit, c.n_samples) for c in found.channels[:2]] == [
            (200.0, "mV", 400), (100.0, "mV", 200),
        ]  # fmt: skip
        assert {c.unit for c in inspect_file(small.eeglab(tmp_path)).channels} == {"µV"}

    def test_an_avi(self, tmp_path: Path) -> None:
        with VideoWriter(tmp_path / "a.avi", width=32, height=16, rate_hz=20) as writer:
            for _ in range(5):
                writer.write(np.zeros((16, 32, 3), dtype=np.uint8))
        video = inspect_file(tmp_path / "a.avi").video
        assert video is not None
        assert (video.n_frames, video.rate_hz, video.width, video.height) == (5, 20.0, 32, 16)

    @pytest.mark.parametrize(
        ("name", "content", "match"),
        [("a.txt", b"x", "ending with .acq"), ("a", b"x", "no ending"), ("a.fdt", b"x", "give the .set"),
         ("a.edf", b"RIFF....WAVE", "first bytes of wav"), ("a.edf", b"", "an empty file")],
    )  # fmt: skip
    def test_what_is_not_known(self, tmp_path: Path, name, content, match) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=match):
            inspect_file(tmp_path / name)

    @pytest.mark.parametrize(
        ("file", "seconds", "channels", "events", "frames"),
        [
            ("physio/acq_bioread/misc/r42_test.acq", 7.901, 4, 2, None),
            ("physio/neuroscan_cnt/scan41_short.cnt", 7.675, 128, 6, None),
            ("physio/pspm_import/brainvis/ECue16_SCR.vhdr", 537.9, 1, 0, None),
            ("physio/eeglab/eeglab_data.set", 238.31, 32, 154, None),
            ("physio/eeglab/testbva.vhdr", 10.56, 32, 16, None),
            ("video/pyfeat/single_face.mp4", 2.4, 2, 0, 72),
            ("video/pyfeat/no_face.mp4", 4.013, 2, 0, 95),
            ("video/grid_lipnet/GRID/sbia1a.mpg", 3.0, 2, 0, 75),
        ],
    )
    def test_real_files(self, shared_data: Path, file, seconds, channels, events, frames) -> None:
        found = inspect_file(shared_data / file)
        assert found.duration_s == pytest.approx(seconds, abs=0.005)
        assert (len(found.channels), found.events) == (channels, events)
        assert (found.video.n_frames if found.video else None) == frames


def test_names_are_made_distinct() -> None:
    assert distinct_names(["a", "a", "b", "a"]) == ["a", "a (2)", "b", "a (3)"]
    assert distinct_names(["a (2)", "a", "a"]) == ["a (2)", "a", "a (3)"]
