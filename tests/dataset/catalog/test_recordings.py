"""Clips of recordings as a study: the right frames with their times, sound, provenance, marks; bad tables."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from recorded import clip_table, numbered_film, read_number, tone, write_film

from mien.core.errors import DataError, OptionError
from mien.dataset import export_study, layout, open_study, tables, validate, withdraw
from mien.dataset.catalog.recordings import read_clip_table
from mien.dataset.clip_marks import CUT_COLUMNS, VOICE_COLUMNS, count_marks
from mien.dataset.recorded_clips import PROVENANCE
from mien.dataset.recordings import import_recordings
from mien.recording.formats import read_audio, read_frames, read_luma

EVEN = np.arange(100) / 25


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with one film of 100 numbered frames, 4 s, and its sound."""
    folder = tmp_path / "source"
    folder.mkdir()
    numbered_film(folder / "game.mov", EVEN, tone(4.0))
    return folder


def clip(start: object, end: object, **more: object) -> dict[str, object]:
    return {"recording": "game.mov", "start_s": start, "end_s": end, **more}


def brought_in(source: Path, *rows: dict[str, object], **more: object):
    clip_table(source / "clips.csv", rows)
    return import_recordings(source, source.parent / "study", **more)


def numbers(path: Path) -> list[int]:
    return [read_number(picture) for _, _, picture in read_frames(path)]


def errors(folder: Path) -> list[str]:
    return [f"{f.place}: {f.message}" for f in validate(folder) if f.severity == "error"]


# --- frames, times and sound


def test_the_very_frames_with_their_times_and_sound(source: Path) -> None:
    done = brought_in(
        source,
        clip(1.0, 2.0, participant="Zoe"),
        clip(1.48, "0:02.52", participant="Zoe"),
        clip("2.98", 4.0, participant="Anna"),
        clip(0.13, 0.17, participant="Anna"),
    )
    assert (done.n_participants, done.n_recordings) == (2, 4)
    assert errors(done.folder) == []
    study = open_study(done.folder)
    anna, zoe = (study.session(name).videos() for name in ("sub-001", "sub-002"))
    for run, frames in (
        (zoe[1], range(25, 50)),
        (zoe[2], range(37, 63)),
        (anna[2], range(75, 100)),
        (anna[1], [4]),
    ):
        assert numbers(run.path) == list(frames)
        assert np.allclose(run.host_stamps_s, np.array(frames) / 25, atol=1e-6)
        assert run.frame_times is not None
        shown = [at for at, _ in read_luma(run.path)]
        assert np.allclose(shown, np.array(frames) / 25 - frames[0] / 25, atol=1e-4)
    sound = read_audio(zoe[1].audio_path)
    assert sound.rate_hz == 16000
    assert np.abs(sound.values - tone(4.0)[16000:32000]).max() < 2e-4
    assert "1 pairs of clips share frames" in " ".join(done.remarks)


def test_luma_is_the_recordings_to_the_last_grey_level(source: Path) -> None:
    done = brought_in(source, clip(0.4, 1.2))
    film = [picture for _, picture in read_luma(source / "game.mov")]
    cut = [p for _, p in read_luma(open_study(done.folder).session("001").videos()[1].path)]
    assert np.array_equal(np.stack(cut), np.stack(film[10:30]))


def test_a_film_of_uneven_rate_keeps_its_times(source: Path) -> None:
    rng = np.random.default_rng(41)
    stamps = np.round(np.cumsum(rng.choice([0.02, 0.033, 0.05, 0.11], 60)), 3)
    numbered_film(source / "game.mov", stamps)
    start, end = float(stamps[20]), float(stamps[45])
    done = brought_in(source, clip(start, end))
    run = open_study(done.folder).session("001").videos()[1]
    assert numbers(run.path) == list(range(20, 45))
    assert np.allclose(run.host_stamps_s, stamps[20:45], atol=2e-5)
    assert "come unevenly" in " ".join(done.remarks)
    assert run.audio_path is None
    assert "have no sound" in " ".join(done.remarks)
    assert errors(done.folder) == []


def test_times_to_the_microsecond_name_the_frame_they_were_copied_from(source: Path) -> None:
    numbered_film(source / "game.mov", np.arange(90) / 30)
    done = brought_in(source, clip("0.333333", "0.666667"))
    assert numbers(open_study(done.folder).session("001").videos()[1].path) == list(range(10, 20))


def test_sound_that_begins_after_the_picture(source: Path) -> None:
    numbered_film(source / "game.mov", EVEN, tone(3.2), sound_from_s=0.8)
    done = brought_in(source, clip(0.4, 1.4))
    sound = read_audio(open_study(done.folder).session("001").videos()[1].audio_path)
    late = round(0.4 * 16000)
    assert not sound.values[: late - 20].any()  # silence, and told
    assert np.abs(sound.values[late:] - tone(3.2)[: sound.values.size - late]).max() < 2e-4
    assert "begins after the picture" in " ".join(done.remarks)
    told = tables.read_table(layout.provenance(done.folder, "001"), columns=PROVENANCE)
    assert "begins 0.400 s after the picture" in told["sound"][0]


def test_a_channel_of_several(source: Path) -> None:
    both = np.stack([0.1 * np.ones(64000), tone(4.0)])
    numbered_film(source / "game.mov", EVEN, both)
    done = brought_in(source, clip(0, 1, participant="a"), clip(1, 2, participant="a", channel=2))
    first, second = open_study(done.folder).session("001").videos().values()
    assert np.allclose(read_audio(first.audio_path).values, 0.1, atol=1e-3)
    assert np.abs(read_audio(second.audio_path).values - tone(4.0)[16000:32000]).max() < 2e-4
    assert "1 of 2 clips have several channels of sound: the first was taken." in done.remarks
    with pytest.raises(DataError, match="a channel up to 2, got 3"):
        import_recordings(clip_table(source / "more.csv", [clip(0, 1, channel=3)]), source.parent / "other")


def test_eight_frames_a_second(source: Path) -> None:
    numbered_film(source / "game.mov", np.arange(32) / 8, tone(4.0))
    done = brought_in(source, clip(1, 3))
    assert numbers(open_study(done.folder).session("001").videos()[1].path) == list(range(8, 24))
    assert "fewer than 20 frames a second" in " ".join(done.remarks)


# --- what is known of a clip


def test_provenance_consent_and_privacy(source: Path, tmp_path: Path) -> None:
    done = brought_in(
        source,
        clip(
            0,
            1,
            participant="Anna",
            licence="CC BY 4.0",
            title="Anna wins",
            consent_level=1,
            url="https://a.b/c",
        ),
        clip(1, 2, participant="Anna", licence="", consent_level=""),
        clip(2, 3, participant="Bo", licence="all rights reserved", consent_level=1, permission="by letter"),
        clip(3, 4, licence="CC0"),
    )
    people = open_study(done.folder).participants
    assert [person.consent_level for person in people.values()] == [None, None, 1]  # the strictest of Anna's
    told = tables.read_table(layout.provenance(done.folder, "002"), columns=PROVENANCE)
    assert told["licence"].tolist() == ["CC BY 4.0", None]
    assert told["source"].tolist() == ["sub-002 wins", None]
    assert told["start_s"].tolist() == ["0.000000", "1.000000"]
    texts = [p for p in done.folder.rglob("*") if p.is_file() and p.suffix not in (".mp4", ".wav")]
    assert not any(re.search(r"\b(Anna|Bo)\b", path.read_text()) for path in texts)
    said = " ".join(done.remarks)
    assert "1 of 4 clips state no licence" in said
    assert "2 of 4 clips state no consent level and count as the strictest" in said
    assert "1 of 4 clips name nobody" in said
    assert errors(done.folder) == []
    out = export_study(open_study(done.folder), tmp_path / "copy", audience="publication")
    left = {p.relative_to(out.folder).as_posix() for p in out.folder.rglob("*") if p.is_file()}
    leaving = {name for name in left if name.endswith((".mp4", ".wav"))}
    assert {name.split("/")[0] for name in leaving} == {"sub-003"}
    assert not any("provenance" in name for name in left)
    assert any("voices.tsv" in name for name in left)
    withdraw(done.folder, "sub-002")
    assert not any("sub-002" in p.name for p in done.folder.rglob("*"))


def test_a_table_without_licence_is_told(source: Path) -> None:
    done = brought_in(source, clip(0, 1))
    assert any("no column for the licence" in remark for remark in done.remarks)
    assert "no column for the licence" in layout.readme(done.folder).read_text()


def test_expressions_cuts_within_them_and_their_flags(source: Path) -> None:
    rng = np.random.default_rng(8)
    scenes = [
        np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8) for _ in range(2)
    ]
    write_film(source / "game.mov", (scenes[n // 50] for n in range(100)), EVEN, tone(4.0))
    done = brought_in(
        source,
        clip(0, 4, participant="a", onset_s=0.4, apex_s=0.6, offset_s=0.8, emotion="Surprise", AU="1+2"),
        clip(0, 4, participant="a", onset_s=1.88, apex_s=2.0, offset_s=2.24, emotion="negative"),
        clip(1, 2, participant="a", onset_s=1.2, apex_s=1.1, offset_s=1.5),
        clip(1, 2, participant="a", onset_s=1.2, apex_s=1.4, offset_s=3.0),
        clip(0, 1, participant="a", emotion="happy", valence="7"),
    )
    cuts = tables.read_table(layout.shot_cuts(done.folder, "001"), columns=CUT_COLUMNS)
    assert set(cuts["frame"]) == {"50"}
    coded = open_study(done.folder).session("001").coding()["published"].set_index("source_row").sort_index()
    assert coded["flags"].tolist() == [None, "cut-inside", "order", "frames-missing"]
    assert coded["onset_frame"].tolist()[:2] == [10, 47]
    assert coded["kind"].tolist()[:2] == ["micro", "micro"]
    assert coded["three_class"].tolist()[:2] == ["surprise", "negative"]
    assert coded["action_units"][coded.index[0]] == "AU1, AU2"
    assert {row.source_row: row.flags for row in done.flagged}[3] == ("cut-inside",)
    assert "1 of 4 coded expressions have a cut inside." in done.remarks
    marks = count_marks(open_study(done.folder))
    assert marks is not None
    assert (marks.n_runs, marks.n_runs_with_cut, marks.n_cuts) == (5, 2, {"cut": 2})
    assert errors(done.folder) == []


def test_marks_of_a_clip_without_sound_or_voice(source: Path) -> None:
    numbered_film(source / "mute.mov", EVEN)
    done = brought_in(source, clip(0, 2), {**clip(0, 2), "recording": "mute.mov"})
    for name, wanted in (("001", []), ("002", [("not-judged", "no sound")])):
        table = tables.read_table(layout.voice_spans(done.folder, name), columns=VOICE_COLUMNS)
        rows = list(zip(table["speaks"], table["reason"], strict=True))
        assert [row for row in rows if row[1] != "no face in view"] == wanted
    counted = count_marks(open_study(done.folder))
    assert counted is not None
    assert counted.n_without_sound == 1


def test_an_import_goes_on_where_it_stood(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.dataset import recordings

    real, calls = recordings.write_clips, []

    def failing(files, *rest):
        calls.append(files.participant_id)
        if len(calls) == 2:
            raise OSError("the disk is full")
        real(files, *rest)

    monkeypatch.setattr(recordings, "write_clips", failing)
    rows = [clip(0, 1, participant="a"), clip(1, 2, participant="b")]
    with pytest.raises(OSError, match="full"):
        brought_in(source, *rows)
    assert not (source.parent / "study").exists()
    done = brought_in(source, *rows)
    assert calls == ["sub-001", "sub-002", "sub-002"]
    study = open_study(done.folder)
    assert [numbers(study.session(name).videos()[1].path)[0] for name in study.participants] == [0, 25]
    assert errors(done.folder) == []
    assert not list(done.folder.glob(".clips*"))


def test_the_command(source: Path, mien) -> None:
    clip_table(source / "clips.csv", [clip(0, 1, participant="a")])
    status, out, _ = mien("import", "recordings", source, source.parent / "study")
    assert status == 0
    assert "state no consent level" in out
    assert mien("import", "recordings", source, source.parent / "more", "--labels-only")[0] == 2
    assert "recordings" in mien("import", "--list")[1]
    assert mien("validate", source.parent / "study")[0] == 0


# --- what cannot be


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (clip(3.5, 4.6), r"row 2: wanted a clip within the 4\.000 s of game\.mov, got an end at 4\.6 s"),
        (clip(2, 1), "row 2: wanted a start from 0 on and a later end, got from 2 to 1 s"),
        (clip(-1, 1), "got from -1 to 1 s"),
        (clip("soon", 1), "a time in 'start_s', got 'soon'"),
        (clip(1, ""), "a time in 'end_s', got ''"),
        (clip(1, "nan "), "a time in 'end_s'"),
        ({**clip(0, 1), "recording": "other.mov"}, "a recording that is there, got no file other.mov"),
        ({**clip(0, 1), "recording": ""}, "a recording that is there, got none"),
        (clip(0, 1, consent_level="yes"), "1, 2 or nothing in 'consent_level', got 'yes'"),
        (clip(0, 1, action_units="smile"), "action units as in 4[+]7, got 'smile'"),
        (clip(0, 1, clip="first"), "a whole number from 1 to 9999 in 'clip', got 'first'"),
        (clip(0.01, 0.03), r"frames from 0\.01 to 0\.03 s, got none"),
    ],
)
def test_rows_that_cannot_be(source: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        brought_in(source, row)
    assert not (source.parent / "study").exists()


def test_numbers_of_clips(source: Path) -> None:
    rows = [clip(0, 1, participant="a", clip=3), clip(1, 2, participant="a", clip=3)]
    with pytest.raises(
        DataError, match="row 3: wanted each number of a clip once per person, got 3 as in row 2"
    ):
        brought_in(source, *rows)
    rows[1]["clip"] = ""
    with pytest.raises(DataError, match="row 3: wanted a number of the clip"):
        brought_in(source, *rows)
    rows[1] |= {"clip": 7}
    done = brought_in(source, *rows)
    assert list(open_study(done.folder).session("001").videos()) == [3, 7]


def test_tables_and_recordings_that_cannot_be_read(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one table of clips, got none"):
        read_clip_table(source)
    clip_table(source / "clips.csv", [{"recording": "game.mov", "begin": 1}])
    with pytest.raises(DataError, match="a row that names recording, start_s, end_s"):
        read_clip_table(source)
    clip_table(source / "two.csv", [clip(0, 1)])
    with pytest.raises(DataError, match=r"one table of clips, got clips\.csv, two\.csv"):
        read_clip_table(source)
    (source / "clips.csv").unlink()
    (source / "two.csv").write_bytes(b"\x00\xff\x00\x01" * 40)
    with pytest.raises(DataError, match="spreadsheet"):
        read_clip_table(source)
    (source / "two.csv").unlink()
    whole = (source / "game.mov").read_bytes()
    (source / "game.mov").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"game\.mov"):
        brought_in(source, clip(0, 3.5))
    (tmp_path / "outside.mov").write_bytes(whole)
    with pytest.raises(DataError, match="a video of"):
        brought_in(source, {**clip(0, 1), "recording": "../outside.mov"})
    with pytest.raises(DataError, match="nothing there"):
        read_clip_table(tmp_path / "nowhere")


def test_a_workbook(source: Path) -> None:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame([clip(0, 1, Licence="CC0")]).to_excel(buffer, index=False)
    (source / "clips.xlsx").write_bytes(buffer.getvalue())
    assert read_clip_table(source).rows[0].told["licence"] == "CC0"


def test_pseudonyms_stay_outside(source: Path) -> None:
    clip_table(source / "clips.csv", [clip(0, 1, participant="a")])
    inside = source.parent / "study" / "who.tsv"
    with pytest.raises(OptionError, match="outside the study"):
        import_recordings(source, source.parent / "study", pseudonyms=inside)
