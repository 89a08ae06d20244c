"""What leaves a study: every route x consent level x audience; what is taken out of every kind of file."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import sys
from itertools import product
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import DataError, OptionError
from mien.core.signal import Signal
from mien.dataset import StudyWriter, export_study, layout, open_study, validate
from mien.dataset.manifest import write_manifest
from mien.dataset.privacy import copy_without, traces_of, without_paths
from mien.recording.formats import VideoWriter, read_frames

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny

LEVELS = (1, 2, None)
PNG = b"\x89PNG\r\n\x1a\n"


def write(folder: Path, levels: tuple[int | None, ...], *, strange: bool) -> Path:
    """A study of one person per level: everything that a layout knows, and (strange) what it does not."""
    writer = StudyWriter(folder)
    names = [f"sub-{n:03d}" for n in range(1, len(levels) + 1)]
    rng = np.random.default_rng(1)
    for name in names:
        with writer.participant(name) as person:
            with person.write_video(1, width=32, height=32, rate_hz=30) as video:
                for _ in range(3):
                    video.write(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
            person.write_frame_times(1, np.arange(3) / 30 + 1.7e9)
            person.write_audio(1, Signal(rng.uniform(-1, 1, 80), 800.0, "n/a", "voice"))
            person.write_physio([Signal(rng.standard_normal(50), 10.0, "mV", "ecg")], start_time_s=0.0)
            person.write_trials(tiny.trials())
            maps = layout.derivatives(person.folder) / "features" / name
            maps.mkdir(parents=True)
            (maps / f"{name}_flow.npz").write_bytes(b"flow that keeps the face's layout")
            (maps / f"{name}_apex.png").write_bytes(PNG)
            (maps / f"{name}_rates.tsv").write_text("time\tbpm\n0\t60\n")
    writer.write_stimuli(pd.DataFrame({"stimulus": ["clip-01"]}))
    (writer.part / "stimuli" / "clip-01.mp4").write_bytes(b"somebody's film")
    people = {"participant_id": names, "consent_level": list(levels), "age": [95] * len(names)}
    people |= {"email": ["x@y.z"] * len(names)}
    writer.finish(pd.DataFrame(people))
    if strange:
        (folder / "derivatives" / "results").mkdir()
        (folder / "derivatives" / "results" / "report.html").write_text("<img src=data:...>")
        (folder / "derivatives" / "results" / "scores.json").write_text('{"uf1": 0.5}')
        (folder / "notes.docx").write_bytes(b"who was nervous")
        (folder / names[0] / "beh" / "portrait.jpg").write_bytes(b"\xff\xd8")
        (folder / ".hidden").write_text("x")
        (folder / "old-pseudonyms.tsv").write_text("subject\tparticipant_id\nAnna\tsub-001\n")
        write_manifest(folder)
    return folder


def shows_a_face(path: Path) -> bool:
    """An oracle of its own: by first bytes and names, not by the layout."""
    head = path.read_bytes()[:12]
    picture = head.startswith((PNG, b"\xff\xd8", b"GIF8")) or head[4:8] == b"ftyp"
    return picture or path.suffix in (".npz", ".html", ".docx", ".svg", ".avi", ".mkv", ".mov")


def sounds(path: Path) -> bool:
    return path.read_bytes()[:4] == b"RIFF" and path.suffix == ".wav"


@given(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=3), st.booleans(), st.booleans())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_face_and_no_voice_leaves_without_consent(tmp_path_factory, levels, strange, publish) -> None:
    folder = tmp_path_factory.mktemp("export")
    study = write(folder / "study", tuple(levels), strange=strange)
    audience = "publication" if publish else "analysis"
    done = export_study(open_study(study), folder / "out", audience=audience)
    left = [path for path in (folder / "out").rglob("*") if path.is_file()]
    for path in left:
        owner = re.search(r"sub-(\d{3})", str(path.relative_to(folder / "out")))
        if publish and (shows_a_face(path) or sounds(path)):
            assert owner is not None or set(levels) == {1}, path
            assert owner is None or levels[int(owner[1]) - 1] == 1, path
    names = {path.name for path in left}
    for number, level in enumerate(levels, start=1):
        films = f"sub-{number:03d}_task-elicitation_run-01_video.mp4"
        assert (films in names) == (level == 1 or not publish)
        assert f"sub-{number:03d}_task-elicitation_recording-biopac_physio.tsv.gz" in names
    assert not names & {"notes.docx", ".hidden", "portrait.jpg", "old-pseudonyms.tsv"}
    assert {f.code for f in validate(folder / "out")} <= {"consent-absent"}
    assert done.n_files == len(left)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("studies") / "study", (1, 2, None), strange=True)


def test_every_route_asks_for_every_level(study: Path, tmp_path: Path) -> None:
    """An export, by each level and audience; the report's route: tests/report/test_report.py."""
    for level, audience in product(LEVELS, ("analysis", "publication")):
        one = write(tmp_path / f"{level}-{audience}", (level,), strange=False)
        out = tmp_path / f"{level}-{audience}-out"
        export_study(open_study(one), out, audience=audience)
        assert any(map(shows_a_face, out.rglob("*.mp4"))) == (level == 1 or audience == "analysis")
        assert any(map(sounds, out.rglob("*.wav"))) == (level == 1 or audience == "analysis")


def test_what_tells_is_taken_out(study: Path, tmp_path: Path) -> None:
    done = export_study(open_study(study), tmp_path / "out", audience="analysis", keep_columns=["hand"])
    table = (tmp_path / "out" / "participants.tsv").read_text()
    assert "email" not in table
    assert "95" not in table
    assert "participants.tsv, column email" in {item.path for item in done.withheld}
    stamps = open_study(tmp_path / "out").session("001").videos()[1].host_stamps_s
    assert stamps[0] < 86_400
    assert np.allclose(np.diff(stamps), 1 / 30, atol=1e-5)


def _add(study: Path, place: str, content: bytes | str) -> None:
    path = study / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _picture(**saved: object) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    noise = np.random.default_rng(3).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, **saved)
    return buffer.getvalue()


def test_names_of_several_and_of_nobody(tmp_path: Path) -> None:
    """Whoever a path names is asked; one whom nobody knows is nobody's to give away."""
    study = write(tmp_path / "study", (1, 2), strange=False)
    film = next(study.glob("sub-001/beh/*_video.mp4")).read_bytes()
    places = (
        "derivatives/faces/sub-001/sub-001_vs_sub-002.png",
        "derivatives/faces/sub-001/desc-sub-002_apex.png",
        "derivatives/faces/sub-002/sub-001_apex.png",
        "derivatives/faces/sub-009/sub-009_apex.png",
        "sub-002/beh/sub-001_task-elicitation_run-07_video.mp4",
        "Sub-002/beh/Sub-002_task-elicitation_run-01_video.mp4",
        "sourcedata/Anna/anna_video.mp4",
        "sub-001/Anna Berg/sub-001_task-elicitation_run-08_video.mp4",
        "sub-001/beh/sub-001_acq-20240305_video.mp4",
    )
    for place in places:
        _add(study, place, film if place.endswith("mp4") else _picture(format="PNG"))
    alone = write(tmp_path / "alone", (1,), strange=False)
    for place in (places[3], places[5], places[6]):
        _add(alone, place, film)
    (study / "sub-001" / "beh" / "sub-001_link_beh.tsv").symlink_to("/etc/hostname")
    for folder in (study, alone):
        write_manifest(folder)
        done = export_study(open_study(folder), tmp_path / f"{folder.name}-out")
        left = {p.relative_to(done.folder).as_posix() for p in done.folder.rglob("*")}
        assert not left & set(places)
        withheld = {item.path for item in done.withheld}
        assert {place for place in places if (folder / place).is_file()} <= withheld
    assert "sub-001/beh/sub-001_link_beh.tsv" in {
        item.path for item in export_study(open_study(study), tmp_path / "again").withheld
    }


def test_pictures_in_texts_and_who_is_who(tmp_path: Path) -> None:
    study = write(tmp_path / "study", (1, 2), strange=False)
    packed = base64.b64encode(_picture(format="JPEG")).decode()
    _add(study, "derivatives/pages/all.json", json.dumps({"face": f"data:image/jpeg;base64,{packed}"}))
    _add(study, "derivatives/pages/sub-002/sub-002_face.json", json.dumps({"face": packed}))
    _add(study, "derivatives/people/map.tsv", "dataset\tsubject\tparticipant_id\nx\tAnna\tsub-001\n")
    _add(study, "derivatives/people/contact.tsv", "participant_id\te-mail\nsub-001\ta@b.c\n")
    done = export_study(open_study(study), tmp_path / "out")
    assert not list((tmp_path / "out" / "derivatives").glob("p*/**/*.*"))
    reasons = {item.path: item.reason for item in done.withheld}
    assert reasons["derivatives/people/map.tsv"] == "it says who is who"
    assert "sub-002" in reasons["derivatives/pages/all.json"]


def test_what_derived_files_tell_is_taken_out(tmp_path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    study = write(tmp_path / "study", (1,), strange=False)
    exif, words = Image.Exif(), PngInfo()
    exif[0x9003], exif[0x13B] = "2024:03:05 10:00:00", "Anna Berg"
    words.add_text("Author", "Anna Berg")
    jpeg = _picture(format="JPEG", exif=exif, comment=b"Anna")
    png = _picture(format="PNG", pnginfo=words)
    _add(study, "derivatives/faces/sub-001/sub-001_apex.jpg", jpeg)
    _add(study, "derivatives/faces/sub-001/sub-001_apex.png", png)
    _add(study, "derivatives/pages/sub-001_page.html", "<g></g> /home/Anna/x.acq on 5 March 2024")
    _add(study, "README", "Recorded in /home/Anna/study/x.acq on 2024-03-05 and 06.03.2024.\n")
    _add(
        study,
        "sub-001/beh/sub-001_task-other_beh.json",
        json.dumps({"PatientName": "Anna", "Day": "20240305"}),
    )
    physio = layout.physio(study, "001")
    with open(physio, "rb") as file:
        content = gzip.decompress(file.read())
    with open(physio, "wb") as file, gzip.GzipFile("Anna.tsv", "wb", fileobj=file, mtime=1.7e9) as packed:
        packed.write(content)
    write_manifest(study)
    out = export_study(open_study(study), tmp_path / "out", audience="analysis").folder
    for path in out.rglob("*"):
        if path.is_file():
            assert not re.search(rb"Anna|home/|2024-03-05|March 2024|03.2024|20240305", path.read_bytes()), (
                path
            )
    for name, before in (("sub-001_apex.jpg", jpeg), ("sub-001_apex.png", png)):
        with Image.open(out / "derivatives/faces/sub-001" / name) as a, Image.open(io.BytesIO(before)) as b:
            assert np.array_equal(np.asarray(a), np.asarray(b))
    assert (out / "derivatives/pages/sub-001_page.html").read_text() == "<g></g> x.acq on n/a"
    assert gzip.decompress(layout.physio(out, "001").read_bytes()) == content
    assert layout.physio(out, "001").read_bytes()[4:8] == bytes(4)


def test_stamps_of_a_person_move_together_and_their_old_clock_map_stays(tmp_path: Path) -> None:
    """Over midnight too; a map from stamps that are not there any more would be a wrong number."""
    from mien.dataset.synchronise import sync_path

    study = write(tmp_path / "study", (1,), strange=False)
    midnight = 19_800 * 86_400.0
    for run, first in ((1, midnight - 60), (2, midnight + 60)):
        stamps = "".join(f"{i}\tn/a\t{first + i:.6f}\n" for i in range(3))
        layout.frame_times(study, "001", run).write_text(f"frame\tcounter\thost_time_s\n{stamps}")
    place = sync_path(study, "sub-001").relative_to(study).as_posix()
    _add(study, place, json.dumps({"camera": {"pieces": [{"offset_s": -midnight}]}}))
    write_manifest(study)
    done = export_study(open_study(study), tmp_path / "out")
    runs = open_study(done.folder).session("001").videos()
    assert [runs[n].host_stamps_s[0] for n in (1, 2)] == [86_340.0, 86_460.0]
    assert place in {item.path for item in done.withheld}


def test_an_unfinished_import_beside_the_copy_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    study = write(tmp_path / "study", (1,), strange=False)
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "begun").write_text("x")
    export_study(open_study(study), tmp_path / "out")
    assert (tmp_path / ".out.part" / "begun").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert export_study(open_study(study), Path()).n_files > 5
    assert (tmp_path / "here" / "participants.tsv").is_file()


def test_words_in_brainvision_headers(tmp_path: Path) -> None:
    header = "[Common Infos]\nDataFile=x.eeg\n[Comment]\nPatient Anna Berg\n[Channel Infos]\nCh1=Cz,,0.1\n"
    (tmp_path / "a.vhdr").write_text(header)
    copy_without(tmp_path / "a.vhdr", tmp_path / "b.vhdr", days=1, sound=True)
    assert (tmp_path / "b.vhdr").read_text() == header.replace("[Comment]\nPatient Anna Berg\n", "")
    (tmp_path / "a.vmrk").write_text(
        "[Marker Infos]\nMk1=Comment,Anna spoke,5,1,0\nMk2=Stimulus,S 12,9,1,0\n"
    )
    copy_without(tmp_path / "a.vmrk", tmp_path / "b.vmrk", days=1, sound=True)
    assert (
        tmp_path / "b.vmrk"
    ).read_text() == "[Marker Infos]\nMk1=Comment,,5,1,0\nMk2=Stimulus,S 12,9,1,0\n"


def test_refusals(study: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="wanted analysis or publication, got 'everyone'"):
        export_study(open_study(study), tmp_path / "x", audience="everyone")
    with pytest.raises(OptionError, match="outside the study"):
        export_study(open_study(study), study / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(DataError, match="wanted an empty or absent folder"):
        export_study(open_study(study), tmp_path / "full")


def test_a_damaged_file_stops_the_export_and_leaves_nothing(tmp_path: Path) -> None:
    damaged = write(tmp_path / "study", (1,), strange=False)
    layout.physio_json(damaged, "001").write_text("{")
    with pytest.raises(DataError, match="wanted JSON"):
        export_study(open_study(damaged), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]


# --- kinds of files


def test_edf_headers_are_emptied_and_samples_kept(tmp_path: Path) -> None:
    from edfio import Edf, EdfSignal, Patient, Recording

    values = np.sin(np.arange(500) / 9)
    edf = Edf(
        [EdfSignal(values, 100, label="ECG", physical_dimension="mV")],
        patient=Patient(code="P17", sex="F", name="Anna_Berg"),
        recording=Recording(hospital_administration_code="H4", investigator_technician_code="Dr_X"),
    )
    edf.write(tmp_path / "a.edf")
    assert {trace.kind for trace in traces_of(tmp_path / "a.edf")} >= {"header"}
    copy_without(tmp_path / "a.edf", tmp_path / "b.edf", days=40_000, sound=True)
    assert traces_of(tmp_path / "b.edf") == []
    content = (tmp_path / "b.edf").read_bytes()
    assert not any(word in content for word in (b"Anna", b"P17", b"Dr_X", b"H4"))
    assert content[256:] == (tmp_path / "a.edf").read_bytes()[256:]


def test_real_headers(shared_data: Path, tmp_path: Path) -> None:
    for name in ("physio/eeglab/test.edf", "physio/edf_bdf/chtypes_edf.edf",
                 "physio/edf_bdf/multiple_annotation_chans.bdf"):  # fmt: skip
        source = shared_data / name
        if not source.is_file():
            pytest.skip(f"{source.name} not found")
        copy = tmp_path / source.name
        copy_without(source, copy, days=40_000, sound=True)
        assert traces_of(copy) == []
        assert copy.read_bytes()[256:] == source.read_bytes()[256:]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi"])
def test_a_video_loses_metadata_and_sound_and_no_frame(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(2)
    plain = tmp_path / ("plain.avi" if suffix == ".avi" else "plain.mp4")  # each packs H.264 its own way
    with VideoWriter(plain, width=32, height=32, rate_hz=30) as video:
        for _ in range(8):
            video.write(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    source = tmp_path / f"sub-001_run-01_video{suffix}"
    with av.open(str(plain)) as old, av.open(str(source), "w") as new:
        new.metadata.update(title="Anna Berg", comment="room 4", date="2024-03-05")
        film = new.add_stream_from_template(old.streams.video[0])
        voice = new.add_stream("pcm_s16le" if suffix in (".avi", ".mkv", ".mov") else "aac", rate=16000)
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = film
                new.mux(packet)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        sound.sample_rate, sound.pts = 16000, 0
        new.mux(voice.encode(sound))
        new.mux(voice.encode(None))
    assert {trace.kind for trace in traces_of(source)} == {"metadata"}
    for keep in (True, False):
        target = tmp_path / f"out-{keep}_run-01_video{suffix}"
        copy_without(source, target, days=1, sound=keep)
        assert traces_of(target) == []
        assert b"Anna" not in target.read_bytes()
        with av.open(str(target)) as found:
            assert len(found.streams.audio) == int(keep)
        pairs = zip(read_frames(source), read_frames(target), strict=True)
        assert all(np.array_equal(a[2], b[2]) for a, b in pairs)


def test_wav_chunks(tmp_path: Path) -> None:
    import struct
    import wave

    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 800, 0, "NONE", ""))
        sound.writeframes(b"\1\2" * 50)
    info = b"INFOIART" + struct.pack("<I", 4) + b"Anna"
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info)
    assert [trace.what for trace in traces_of(path)] == ["chunks LIST"]
    copy_without(path, tmp_path / "b.wav", days=1, sound=True)
    with wave.open(str(tmp_path / "b.wav")) as sound:
        assert sound.readframes(100) == b"\1\2" * 50
    assert b"Anna" not in (tmp_path / "b.wav").read_bytes()


def test_texts_and_markers(tmp_path: Path) -> None:
    told = {"AcquisitionDateTime": "2024-03-05T10:00:00", "File": "C:\\Users\\anna\\x.acq", "Rate": 5}
    (tmp_path / "a.json").write_text(json.dumps({"a": [told]}))
    assert {trace.kind for trace in traces_of(tmp_path / "a.json")} == {"path", "day"}
    copy_without(tmp_path / "a.json", tmp_path / "b.json", days=40_000, sound=True)
    found = json.loads((tmp_path / "b.json").read_text())["a"][0]
    assert found == {"AcquisitionDateTime": "1914-08-30T10:00:00", "File": "x.acq", "Rate": 5}
    for text in ("see https://a.b/c", "doi.org/10.1/x", "at 3/4 or n/a", "<g></g></svg>"):
        assert without_paths(text) == text
    marker = "[Common Infos]\nDataFile=/data/anna/x.eeg\nMk1=New Segment,,1,1,0,20240305100000000000\n"
    (tmp_path / "a.vmrk").write_text(marker)
    copy_without(tmp_path / "a.vmrk", tmp_path / "b.vmrk", days=40_000, sound=True)
    assert "DataFile=x.eeg\nMk1=New Segment,,1,1,0,19140830100000000000" in (tmp_path / "b.vmrk").read_text()
    assert traces_of(tmp_path / "b.vmrk") == []


def test_the_commands(study: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    done = run(program(), ["export", str(study), str(tmp_path / "a"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["audience"] == "publication"
    assert any("consent level 2" in item["reason"] for item in told["withheld"])
    text = run(program(), ["export", str(study), str(tmp_path / "b"), "--audience", "analysis"])
    assert (text.exit_code, "stayed at home" in text.stdout) == (0, True)
    found = {f.code for f in validate(study)}
    assert {"privacy-column", "privacy-pseudonyms"} <= found
