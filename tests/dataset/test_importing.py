"""Importing: every row arrives, frames keep their numbers, a killed import leaves nothing half."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.dataset import StudyWriter, importing, open_study, validate
from mien.dataset.catalog import dataset_format
from mien.dataset.catalog.adapter import Clip, CodedRow, Reading
from mien.dataset.importing import import_study
from mien.recording.formats import VideoWriter, read_frames

RNG = np.random.default_rng(3)


def picture(path: Path, values: np.ndarray) -> Path:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def row(number: int, subject: str, clip: str, marks: tuple[int | None, ...], *flags: str) -> CodedRow:
    spelled = "/".join(map(str, marks))
    return CodedRow(
        number, subject, clip, *marks, marks=spelled, kind="micro", emotion="disgust", flags=flags
    )


class Invented:
    """Two people: pictures with one missing, a video, and a clip of which only labels are there."""

    name, title, reference, rate_hz, classes = "invented", "Invented", "nobody", 100.0, ("disgust",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "table.csv").write_text("nothing is read from here\n")
        self.pictures = RNG.integers(0, 256, (6, 31, 45), dtype=np.uint8)
        self.numbers = np.array([101, 102, 103, 105, 106, 107])  # 104 is lost
        paths = [picture(folder / f"img{n}.png", p) for n, p in zip(self.numbers, self.pictures, strict=True)]
        with VideoWriter(folder / "film.avi", width=32, height=32, rate_hz=25) as video:
            for _ in range(10):
                video.write(RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        self.clips = (
            Clip("Anna", "a", pictures=tuple(paths), numbers=self.numbers),
            Clip("Anna", "b", video=folder / "film.avi", first_number=1),
            Clip("Zoe", "c"),
        )
        self.rows = (
            row(2, "Anna", "a", (101, 103, 106)),
            row(3, "Anna", "a", (102, 104, 107)),
            row(4, "Anna", "b", (1, 5, 10)),
            row(5, "Zoe", "c", (500, 540, 0), "offset-zero"),
        )

    def read(self, source: Path, *, labels: Path | None = None) -> Reading:
        return Reading(self.folder / "table.csv", 100.0, self.clips, self.rows, remarks=("One remark.",))


@pytest.fixture
def invented(tmp_path: Path) -> Invented:
    (tmp_path / "source").mkdir()
    return Invented(tmp_path / "source")


def test_every_row_and_frame_arrives(invented: Invented, tmp_path: Path) -> None:
    done = import_study(invented, invented.folder, tmp_path / "study")
    assert (done.n_participants, done.n_recordings, done.n_rows) == (2, 2, 4)
    assert done.n_flags == {"frames-missing": 1, "offset-zero": 1, "recording-missing": 1}
    found = {f.code for f in validate(tmp_path / "study")}
    assert found == {"consent-absent", "label-flagged", "label-duplicate", "timing-frames-lost"}
    study = open_study(tmp_path / "study")
    anna, zoe = study.session("sub-001"), study.session("sub-002")
    films = anna.videos()
    shown = [frame for _, _, frame in read_frames(films[1].path, luma=True)]
    assert np.array_equal(np.stack(shown), invented.pictures)  # not one grey level is lost
    assert films[1].counter.tolist() == invented.numbers.tolist()
    assert np.allclose(films[1].host_stamps_s, invented.numbers / 100)
    assert films[2].path.suffix == ".avi"
    assert np.allclose(np.diff(films[2].host_stamps_s), 1 / 25)
    coded = anna.coding()["published"]
    assert coded["onset_frame"].tolist() == [0, 1, 0]
    assert coded["apex_frame"].tolist()[0] == 2
    assert coded["apex_frame"].isna().tolist() == [False, True, False]  # frame 104 is not there
    assert coded["source_marks"].tolist() == ["101/103/106", "102/104/107", "1/5/10"]
    assert coded["flags"].tolist() == [None, "frames-missing", None]
    labels = zoe.videos()[1]
    assert (labels.path, labels.counter) == (None, None)
    assert np.allclose(labels.host_stamps_s, [5.0, 5.4])
    marks = zoe.coding()["published"].iloc[0]
    assert (marks["onset_frame"], marks["apex_frame"], marks["source_marks"]) == (0, 1, "500/540/0")
    assert marks.isna()["offset_frame"]


def test_labels_only(invented: Invented, tmp_path: Path) -> None:
    done = import_study(invented, invented.folder, tmp_path / "study", recordings=False)
    assert (done.n_recordings, done.n_flags) == (0, {"offset-zero": 1})
    films = open_study(tmp_path / "study").session("001").videos()
    assert [film.path for film in films.values()] == [None, None]
    assert films[1].host_stamps_s.size == 6  # the frames that the rows of this clip name


def test_who_is_who_stays_outside_and_keeps_its_numbers(invented: Invented, tmp_path: Path) -> None:
    done = import_study(invented, invented.folder, tmp_path / "study")
    assert done.pseudonyms == tmp_path / "study-pseudonyms.tsv"
    assert done.pseudonyms.stat().st_mode & 0o777 == 0o600
    text = "".join(p.read_text(errors="replace") for p in (tmp_path / "study").rglob("*") if p.is_file())
    assert not any(name in text for name in ("Anna", "Zoe"))
    invented.clips, invented.rows = invented.clips[2:], invented.rows[3:]
    import_study(invented, invented.folder, tmp_path / "again", pseudonyms=done.pseudonyms)
    assert list(open_study(tmp_path / "again").participants) == ["sub-002"]
    with pytest.raises(OptionError, match="outside the study"):
        import_study(invented, tmp_path, tmp_path / "x", pseudonyms=tmp_path / "x" / "who.tsv")


def test_refusals(invented: Invented, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="wanted one of mmme"):
        dataset_format("casme9")
    picture(invented.folder / "img103.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match="wanted a picture of 45 x 31 pixels"):
        import_study(invented, invented.folder, tmp_path / "study")
    (invented.folder / "img103.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"img103\.png"):
        import_study(invented, invented.folder, tmp_path / "study")
    assert not (tmp_path / "study").exists()
    invented.rows = ()
    with pytest.raises(DataError, match="wanted coded expressions of Invented, got none"):
        import_study(invented, invented.folder, tmp_path / "study")


# --- MMME's coding table


def mmme_table(path: Path, rows: list[dict[str, object]]) -> Path:
    import pandas as pd

    names = [
        "Subject", "Filename", "Marker", "OnsetTime", "ApexTime", "OffsetTime", "OnsetFrame", "ApexFrame",
        "OffsetFrame", "Action Units", "Estimated Emotion", "Date", "dif",
    ]  # fmt: skip
    pd.DataFrame(rows).reindex(columns=names).to_excel(path, index=False)
    return path


def mmme_row(marks: tuple[str, str, str], times: tuple[float, float, float], **more: object) -> dict:
    onset, apex, offset = marks
    return {
        "Subject": "Someone", "Filename": "angry_1_146_Someone_20230101.avi", "Marker": 146,
        "OnsetTime": times[0], "ApexTime": times[1], "OffsetTime": times[2], "OnsetFrame": onset,
        "ApexFrame": apex, "OffsetFrame": offset, "Action Units": "AU4, AU7", "Estimated Emotion": "angry",
        **more,
    }  # fmt: skip


def test_mmme_rows_and_their_flags(tmp_path: Path) -> None:
    table = mmme_table(
        tmp_path / "coding_file.xlsx",
        [
            mmme_row(("6-8-27-000-990", "06-08-27-200-20", "06-08-27-200-20"), (1.0, 1.2, 1.2)),
            mmme_row(("6-8-27-010-992", "06-08-27-230-024", "06-08-27-480-062"), (1.0, 1.2, 1.5)),
            mmme_row(("6-8-30-000", "6-8-31-000", "6-8-30-500"), (4.0, 5.0, 4.5)),
            mmme_row(("6-8-40-000", "6-8-40-300", "later"), (14.0, 14.35, 14.5), Marker=147),
            mmme_row(("6-8-50-000", "6-8-50-300", "6-8-50-300"), (24.0, 24.3, 24.3), **{"Action Units": "4"}),
        ],
    )
    reading = dataset_format("mmme").read(table)
    flags = [set(row.flags) for row in sorted(reading.rows, key=lambda r: r.source_row)]
    assert flags == [
        {"offset-unobserved", "duplicate"},
        {"duplicate"},
        {"order"},
        {"mark-missing", "times-differ", "subject-differs"},
        {"offset-unobserved", "action-units-unread"},
    ]
    kinds = [row.kind for row in sorted(reading.rows, key=lambda r: r.source_row)]
    assert kinds == ["micro", "micro", None, "macro", "macro"]
    assert "5 rows. Micro-expressions by the frames' stamps, rule at face value: 4" in reading.remarks[0]
    done = import_study(dataset_format("mmme"), table, tmp_path / "study")
    assert done.n_rows == 5
    assert "Someone" not in "".join(
        p.read_text(errors="replace") for p in (tmp_path / "study").rglob("*") if p.is_file()
    )


def test_mmme_public_table(shared_data: Path, tmp_path: Path) -> None:
    """Expected numbers: shared data's README, counted there independently."""
    table = shared_data / "mmme" / "coding_file.xlsx"
    reading = dataset_format("mmme").read(table)
    assert (len(reading.rows), len({(r.subject, r.clip) for r in reading.rows})) == (535, 149)
    said = " ".join(reading.remarks)
    assert "rule at face value: 238; by the seconds in the clip: 237" in said
    assert "125 by the stamps, 135 by the seconds" in said
    assert sum("offset-unobserved" in row.flags for row in reading.rows) == 280
    done = import_study(dataset_format("mmme"), table, tmp_path / "study")
    assert (done.n_participants, done.n_rows) == (8, 535)
    assert {f.severity for f in validate(tmp_path / "study")} == {"warning"}
    coded = [open_study(done.folder).session(f"00{n}").coding()["unmerged"] for n in range(1, 9)]
    assert sorted(int(r) for t in coded for r in t["source_row"]) == list(range(2, 537))


# --- killed, full


IMPORT = """
    import resource, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_importing import Invented
    from mien.dataset.importing import import_study
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if {limit}:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    source = Path({source!r})
    print("ready", flush=True)
    import_study(Invented(source), source, Path({study!r}))
"""


def start(source: Path, study: Path, limit: int) -> subprocess.Popen:
    code = textwrap.dedent(IMPORT).format(
        tests=str(Path(__file__).parent), limit=limit, source=str(source), study=str(study)
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_killed_at_any_moment_the_study_is_whole_or_absent(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    study = tmp_path / "study"
    outcomes = set()
    for delay in (0.0, 0.03, 0.06, 0.1, 0.15, 0.25, 0.5):
        process = start(tmp_path / "source", study, limit=0)
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        outcomes.add(study.exists())
        if study.exists():
            assert not [f for f in validate(study) if f.severity == "error"]
            break
    final = start(tmp_path / "source", tmp_path / "other", limit=0)
    assert final.wait() == 0, final.stderr.read().decode()
    if not study.exists():
        assert start(tmp_path / "source", study, limit=0).wait() == 0  # goes on where it stood
    assert False in outcomes
    assert not [f for f in validate(study) if f.severity == "error"]
    left = {p.relative_to(study) for p in study.rglob("*")}
    assert left == {p.relative_to(tmp_path / "other") for p in (tmp_path / "other").rglob("*")}


def test_a_full_disk_leaves_no_study(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the video no longer fits."""
    (tmp_path / "source").mkdir()
    process = start(tmp_path / "source", tmp_path / "study", limit=8192)
    assert process.wait() == 1
    assert b"Error" in process.stderr.read()
    assert not (tmp_path / "study").exists()
    assert start(tmp_path / "source", tmp_path / "study", limit=0).wait() == 0
    assert json.loads((tmp_path / "study/derivatives/coding/import.json").read_text())["n_rows"] == 4
    assert not list(tmp_path.glob(".study.part*"))


@pytest.mark.parametrize(
    ("clip", "subject", "source"),
    [
        ("006_1_2", "006", "1_2"),
        ("s03_ne_01", "s03", "ne_01"),
        ("15_0101", "s15", "0101"),
        ("EP02_01f", "sub02", "EP02_01f"),
        ("fear_4_121", "4", "fear_4_121"),
        ("006", "006", None),
    ],
)
def test_the_study_does_not_say_whose_a_clip_was(clip: str, subject: str, source: str | None) -> None:
    assert importing._anonymous(clip, subject) == source


def test_an_import_goes_on_with_the_numbers_it_was_begun_with(
    invented: Invented, tmp_path: Path, monkeypatch
) -> None:
    dataset, study = invented, tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr(StudyWriter, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            import_study(dataset, dataset.folder, study, recordings=False)
    other = tmp_path / "other.tsv"
    known = (tmp_path / "study-pseudonyms.tsv").read_text().replace("sub-001", "sub-007")
    other.write_text(known)
    with pytest.raises(DataError, match="unfinished study of these settings"):
        import_study(dataset, dataset.folder, study, recordings=False, pseudonyms=other)


def test_pictures_of_fractions_are_refused(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="8 or 16 bits"):
        importing._picture(tmp_path / "a.tif")
