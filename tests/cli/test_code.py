"""mien code: accounts, proxies, tables and copies without a browser; wrong use in one sentence."""

from __future__ import annotations

import gzip
import re
import socket
import sqlite3
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="sqlalchemy not installed, skipped")

import numpy as np
import pandas as pd

from mien.app import serve as serving
from mien.app.serve import bench_folder, default_store, install_secret
from mien.coding.annotation import Annotation
from mien.coding.edits import Edit
from mien.coding.store import CodingStore
from mien.dataset import StudyWriter, layout

sys.path.insert(0, str(Path(__file__).parents[1] / "app"))
from numbered import write_numbered

NAME, N_FRAMES = "sub-001", 30
Mien = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def study_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = StudyWriter(tmp_path_factory.mktemp("code") / "study")
    with writer.participant(NAME) as person:
        for run in (1, 2):
            path = layout.video(person.folder, NAME, run)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_numbered(path, np.arange(N_FRAMES) / 30)
            person.write_frame_times(run, np.arange(N_FRAMES) / 30)
    writer.finish(pd.DataFrame({"participant_id": [NAME], "consent_level": [1]}))
    return writer.folder


@pytest.fixture
def study(study_once: Path, tmp_path: Path) -> Path:
    import shutil

    return shutil.copytree(study_once, tmp_path / "study")


@contextmanager
def opened(study: Path, url: str | None = None) -> Iterator[CodingStore]:
    store = CodingStore.open(url or default_store(study), secret=install_secret(study))
    try:
        yield store
    finally:
        store.close()


def mark(store: CodingStore, label: str = "A", *, run: int = 1, onset: int = 3) -> None:
    (who,) = [who for who in store.coders() if who.label == label]
    edit = Edit(key=str(uuid.uuid4()), participant=NAME, run=run, sheet=label, action="put",
                expression=str(uuid.uuid4()), base=0, annotation=Annotation(onset=onset))  # fmt: skip
    store.put(edit, by=who)


def one_sentence(status: int, out: str, err: str) -> str:
    assert status in (1, 2)
    assert "Traceback" not in err
    assert out == ""
    (line,) = err.strip().splitlines()[-1:]
    return line


# --- accounts


def test_accounts_are_added_and_their_tokens_are_good_until_there_is_another(mien: Mien, study: Path) -> None:
    status, out, err = mien(
        "code", study, "--add-coder", "ann", "--add-coder", "eve:expert", "--add-coder", "lea:lead"
    )
    assert (status, err) == (0, "")
    tokens = dict(re.findall(r"^token of (\w+): (\S{40,})$", out, re.MULTILINE))
    assert list(tokens) == ["ann", "eve", "lea"]
    with opened(study) as store:
        assert {who.label: who.role for who in store.coders()} == {
            "ann": "coder",
            "eve": "expert",
            "lea": "lead",
        }
        found = store.sign_in(tokens["eve"])
        assert found is not None
        assert found[1].label == "eve"
    status, out, _ = mien("code", study, "--new-token", "eve")
    (again,) = re.findall(r"^token of eve: (\S{40,})$", out, re.MULTILINE)
    with opened(study) as store:
        assert store.session(found[0]) is None
        assert store.sign_in(tokens["eve"]) is None
        assert store.sign_in(again) is not None
        assert tokens["eve"] not in repr(store.log())
        assert [row.by for row in store.log()][-1] == "lea"
    assert (study / "derivatives" / "coding" / "bench.secret").stat().st_mode & 0o777 == 0o600
    assert (study / "derivatives" / "coding" / "bench.sqlite").stat().st_mode & 0o077 == 0


WRONG: dict[str, tuple[list[str], int, str]] = {
    "role": (["--add-coder", "ann:boss"], 2, "wanted LABEL, LABEL:expert or LABEL:lead, got ann:boss"),
    "label": (["--add-coder", "an n"], 1, "label: wanted 1 to 32 letters or digits"),
    "reserved": (["--add-coder", "final"], 1, "not final or unmerged"),
    "taken": (["--add-coder", "a1", "--add-coder", "A1"], 1, "label: wanted one that nobody has, got A1"),
    "nobody": (["--new-token", "nobody"], 1, "coder: wanted the label of somebody"),
    "keep": (["--backup", "x", "--keep", "0"], 2, "--keep"),
    "port": (["--port", "70000"], 2, "--port"),
    "emotions twice": (["--emotions", "joy,joy"], 2, "--emotions: wanted seven, three, or different words"),
    "emotions empty": (["--emotions", "joy,,fear"], 2, "--emotions"),
    "emotions nothing": (["--emotions", ""], 2, "--emotions"),
    "emotions mark": (["--emotions", "joy;fear"], 2, "--emotions"),
    "store": (["--store", "mysql://x"], 2, "wanted sqlite:////path/of/a/file or postgresql"),
    "store text": (["--store", "a store"], 2, "correct the address"),
    "suggestions": (["--suggestions", "/nowhere"], 1, "one method's suggestions"),
    "restore": (["--restore", "/nowhere"], 1, "wanted a whole backup of a coding store"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_one_sentence(mien: Mien, study: Path, name: str) -> None:
    options, wanted, words = WRONG[name]
    status, out, err = mien("code", study, *options)
    assert status == wanted, err
    assert words in err.replace("\n", " ")
    assert "Traceback" not in err
    if name != "taken":
        assert out == ""


def test_a_study_that_is_none_is_told(mien: Mien, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        for options in ([], ["--prepare"], ["--add-coder", "ann"], ["--backup", tmp_path / "b"]):
            line = one_sentence(*mien("code", path, *options))
            assert str(path) in line
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "derivatives").exists()


def test_without_a_built_page_nothing_is_served(
    mien: Mien, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STATIC", tmp_path / "static")
    line = one_sentence(*mien("code", study, "--port", "0"))
    assert "run make web (it needs Node.js 20 or newer), or install a released wheel" in line


def test_a_second_server_is_told_where_the_first_one_is(
    mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "check_page", lambda: None)
    with serving.only_server(study, "http://127.0.0.1:8420"):
        status, out, err = mien("code", study, "--port", "0")
    line = one_sentence(status, out, err)
    assert "wanted no other bench on this study, got one at http://127.0.0.1:8420; use that one" in line


def test_an_address_that_is_taken_is_told(mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "check_page", lambda: None)
    taken = serving.listening_socket("127.0.0.1", 0)
    port = taken.getsockname()[1]
    status, out, err = mien("code", study, "--port", port)
    taken.close()
    assert status == 2
    assert f"--host 127.0.0.1 --port {port}" in one_sentence(status, out, err)
    status, out, err = mien("code", study, "--host", "no.such.host.invalid")
    assert status == 2, err
    assert "--host no.such.host.invalid" in one_sentence(status, out, err)


def test_who_asks_as_soon_as_the_address_is_told_is_not_turned_away() -> None:
    listening = serving.listening_socket("127.0.0.1", 0)
    with socket.create_connection(listening.getsockname(), timeout=5):
        pass
    listening.close()


def test_the_first_server_makes_a_lead_and_shows_a_link_once(
    mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import uvicorn

    monkeypatch.setattr(serving, "check_page", lambda: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    status, out, _ = mien("code", study, "--port", "0")
    assert status == 0
    (token,) = re.findall(r"http://127\.0\.0\.1:\d+/#sign-in=(\S+)", out)
    with opened(study) as store:
        found = store.sign_in(token)
        assert found is not None
        assert (found[1].label, found[1].role) == ("lead", "lead")
    status, out, _ = mien("code", study, "--port", "0")
    assert "sign-in=" not in out
    assert "--new-token" in out


HOSTS: dict[tuple[str, tuple[str, ...]], set[str]] = {
    ("127.0.0.1", ()): {"127.0.0.1:8420", "localhost:8420"},
    ("localhost", ()): {"127.0.0.1:8420", "localhost:8420"},
    ("0.0.0.0", ()): {"127.0.0.1:8420", "localhost:8420"},
    ("::1", ()): {"[::1]:8420"},
    ("10.0.0.7", ("bench.lab.org",)): {"10.0.0.7:8420", "bench.lab.org:8420", "bench.lab.org"},
    ("127.0.0.1", ("bench.lab.org:8443",)): {"127.0.0.1:8420", "localhost:8420", "bench.lab.org:8443"},
}


@pytest.mark.parametrize(("host", "more"), HOSTS)
def test_the_address_that_is_told_is_one_that_is_answered(host: str, more: tuple[str, ...]) -> None:
    """Also behind a proxy with TLS, for which browsers leave the port out."""
    assert set(serving.host_names(host, 8420, more)) == HOSTS[host, more]


def test_emotions_are_the_study_s_own_words(mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("mien.app.serve.serve", lambda bench, **_: seen.append(tuple(bench.emotions)))
    for words in ("joy, quiet contempt ,fear", "three", "seven"):
        assert mien("code", study, "--emotions", words)[0] == 0
    assert seen[0] == ("joy", "quiet contempt", "fear")
    assert len(seen[1]) == 3
    assert seen[2][-1] == "others"
    assert len(seen[2]) == 8


# --- proxies


def test_proxies_are_made_once_and_what_cannot_be_is_told(mien: Mien, study: Path) -> None:
    status, out, _ = mien("code", study, "--prepare")
    assert (status, out) == (0, "")
    made = sorted((bench_folder(study) / "proxies").rglob("*.mp4"))
    assert [path.name for path in made] == [f"{NAME}_run-0{run}_proxy.mp4" for run in (1, 2)]
    before = [path.stat().st_mtime_ns for path in made]
    assert mien("code", study, "--prepare")[0] == 0
    assert [path.stat().st_mtime_ns for path in made] == before
    layout.video(study, NAME, 2).write_bytes(b"no video" * 100)
    status, out, err = mien("code", study, "--prepare")
    assert status == 1
    assert "no proxy: " in out
    assert "Traceback" not in err


# --- tables


def write_rows(study: Path, coder: str, *onsets: int) -> None:
    lines = ["\t".join(layout.CODING_COLUMNS)]
    lines += ["\t".join(["1", "1", str(n), str(n + 2), str(n + 4), "micro", "AU4", "fear"]) for n in onsets]
    path = layout.coding(study, NAME, coder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def test_tables_are_imported_once_also_after_an_interruption(
    mien: Mien, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(study, "A", 3, 10, 20)
    write_rows(study, "B", 4)
    put, left = CodingStore.put, [2]

    def interrupted(store: CodingStore, *arguments: Any, **more: Any) -> Any:
        if not left[0]:
            raise OSError(28, "No space left on device", "bench.sqlite")
        left[0] -= 1
        return put(store, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(CodingStore, "put", interrupted)
        status, out, err = mien("code", study, "--import-tables")
    assert "No space left" in one_sentence(status, out, err)
    status, out, _ = mien("code", study, "--import-tables")
    assert (status, out.splitlines()[0]) == (0, "2 expressions brought onto the bench")
    status, out, _ = mien("code", study, "--import-tables")
    assert (status, out) == (0, "0 expressions brought onto the bench\n")
    with opened(study) as store:
        assert len(store.sheet(NAME, 1, "A").expressions) == 3
        assert len(store.sheet(NAME, 1, "B").expressions) == 1
        assert store.clip(NAME, 1).stage == "verify"


# --- copies


def test_a_copy_is_whole_while_edits_go_on_and_only_so_many_stay(
    mien: Mien, study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    others = [
        folder / name for name in ("notes.txt", "bench-old.sqlite", "bench-20200101-000000.sqlite.bak", ".x")
    ]
    for path in others:
        path.write_text("mine")
    with opened(study) as store:
        store.ensure_clips([(NAME, 1)])
        store.add_coder("A", "A", "coder", by="lead")
        store.assign(NAME, 1, ["A"], by="lead")
        stop = threading.Event()
        kept = [0]

        def work() -> None:
            while not stop.is_set():
                mark(store)
                kept[0] += 1

        thread = threading.Thread(target=work)
        thread.start()
        told, least = [], []
        try:
            for _ in range(5):
                least.append(kept[0])
                status, out, err = mien("code", study, "--backup", folder, "--keep", "3")
                assert status == 0, err
                told.append((Path(out.strip()), kept[0]))
        finally:
            stop.set()
            thread.join()
    copies = sorted(path for path in folder.iterdir() if path not in others)
    assert len(copies) == 3
    assert set(copies) == {path for path, _ in told[2:]}
    assert all(path.read_text() == "mine" for path in others)
    for number, (path, most) in enumerate(told[2:], start=2):
        assert path.stat().st_mode & 0o077 == 0
        with sqlite3.connect(path) as database:
            (n,) = database.execute("SELECT count(*) FROM expressions").fetchone()
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert (
                database.execute("SELECT seq FROM head").fetchone()
                == database.execute("SELECT max(seq) FROM log").fetchone()
            )
        database.close()
        assert least[number] <= n <= most + 1  # nothing acknowledged before it is missing


def test_a_copy_that_cannot_be_written_takes_no_older_one_away(
    mien: Mien, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copies"
    for _ in range(2):
        assert mien("code", study, "--backup", folder, "--keep", "2")[0] == 0
    before = sorted(folder.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.coding.backups._copy_file", full)
    status, out, err = mien("code", study, "--backup", folder, "--keep", "1")
    assert "No space left" in one_sentence(status, out, err)
    assert sorted(folder.iterdir()) == before


def test_a_copy_comes_back_into_an_empty_store_only(mien: Mien, study: Path, tmp_path: Path) -> None:
    with opened(study) as store:
        store.ensure_clips([(NAME, 1)])
        token = store.add_coder("A", "A", "coder", by="lead")
        store.assign(NAME, 1, ["A"], by="lead")
        mark(store, onset=7)
    copy = Path(mien("code", study, "--backup", tmp_path)[1].strip())
    status, out, err = mien("code", study, "--restore", copy)
    assert "wanted an empty store, got one in use; restore into a new one" in one_sentence(status, out, err)
    for path in bench_folder(study).glob("bench.sqlite*"):
        path.unlink()
    status, out, _ = mien("code", study, "--restore", copy)
    assert status == 0
    assert "is back" in out
    with opened(study) as store:
        (kept,) = store.sheet(NAME, 1, "A").expressions
        assert kept.annotation is not None
        assert kept.annotation.onset == 7
        assert store.sign_in(token) is not None  # the secret is still the one of then


@pytest.mark.parametrize(
    "content", [b"", b"no backup", b"SQLite format 3\x00" + b"\0" * 100, gzip.compress(b"{}\n", mtime=0)]
)
def test_what_is_no_copy_is_refused_and_the_store_stays_empty(
    mien: Mien, study: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "copy"
    path.write_bytes(content)
    line = one_sentence(*mien("code", study, "--restore", path))
    assert "wanted a whole backup of a coding store" in line
    with opened(study) as store:
        assert store.coders() == []
        assert store.log() == []
