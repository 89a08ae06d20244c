"""Databases to keep codings in, and what the log says must stand in their tables."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve())
    whole = [path.parent for path in found if (path.parent / "postgres").exists()]
    return whole[-1] if whole else None


def _somebody() -> dict:
    """Who may run PostgreSQL, which refuses root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("no user to run PostgreSQL as, skipped")


def _answers(address: str, server: subprocess.Popen) -> bool:
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(address).close()
            return True
        except psycopg.OperationalError:
            if server.poll() is not None:
                return False
            time.sleep(0.1)
    return False


@pytest.fixture(scope="session")
def postgres():
    """A function that makes an empty place for tables on a private server and returns its address."""
    pytest.importorskip("psycopg", reason="psycopg not installed, skipped")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine, skipped")
    who = _somebody()
    folder = Path(tempfile.mkdtemp(prefix="mien-pg-"))  # a socket's path must be short
    if who:
        os.chown(folder, who["user"], who["group"])
    server = None
    try:
        data = folder / "data"
        make = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "mien",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **who)
        run = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with (folder / "log").open("wb") as said:
            server = subprocess.Popen(run, stdout=said, stderr=said, cwd=folder, **who)
        address = f"host={folder} user=mien dbname=postgres"
        if not _answers(address, server):
            pytest.skip("PostgreSQL did not start here, skipped")
        yield _maker(address, folder)
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # what it holds is thrown away
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _maker(address: str, folder: Path):
    import psycopg

    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA bench{made}")
        return f"postgresql+psycopg://mien@/postgres?host={folder}&options=-csearch_path%3Dbench{made}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """A function that gives the address of another empty database, of either kind in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    numbers = iter(range(1000))
    return lambda: f"sqlite:///{tmp_path}/bench{next(numbers)}.sqlite"


def _replay(rows):
    """Expressions, decisions, sheets and clips as the log's rows make them, from nothing."""
    kept, decided, sheets = {}, {}, defaultdict(dict)
    clips = defaultdict(lambda: {"stage": "code", "version": 1})
    blank = {"assigned": False, "state": "open", "revealed": False, "returned": None}
    for row in rows:
        if row.run is None:
            continue
        clip = (row.participant, row.run)
        mine = sheets[clip].setdefault(row.sheet, dict(blank)) if row.what in _OWN else None
        if row.what in ("put", "delete"):
            kept[*clip, row.sheet, row.expression] = (row.version, row.after)
        elif row.what in ("reject", "unreject"):
            decided[*clip, row.sheet, row.after["suggestion"]] = row.after["decision"]
        else:
            clips[clip]["version"] += 1
        if row.what == "done":
            mine |= {"state": "done", "returned": None}
        elif row.what == "open":
            mine["state"] = "open"
        elif row.what == "reveal":
            mine["revealed"] = True
        elif row.what == "assign":
            for label in row.after["coders"]:
                sheets[clip].setdefault(label, dict(blank))
            for label, sheet in sheets[clip].items():
                sheet["assigned"] = label in row.after["coders"]
        elif row.what == "stage":
            clips[clip]["stage"] = row.after["stage"]
            for label in row.after["coders"]:
                sheets[clip][label] |= {"state": "open", "returned": row.after["reason"]}
    flat = {(*clip, label): sheet for clip, some in sheets.items() for label, sheet in some.items()}
    return kept, {key: word for key, word in decided.items() if word}, flat, dict(clips)


_OWN = ("done", "open", "reveal")


def _tables(url):
    import json

    from sqlalchemy import create_engine, select

    from mien.coding import store_tables as t

    engine = create_engine(url)
    with engine.connect() as connection:
        rows = {
            table.name: connection.execute(select(table)).mappings().all()
            for table in (t.expressions, t.decisions, t.sheets, t.clips)
        }
    engine.dispose()
    place = lambda row: (row["participant_id"], row["run"])  # noqa: E731
    kept = {
        (*place(row), row["sheet"], row["id"]): (row["version"], row["body"] and json.loads(row["body"]))
        for row in rows["expressions"]
    }
    decided = {(*place(row), row["sheet"], row["suggestion"]): row["decision"] for row in rows["decisions"]}
    fields = ("assigned", "state", "revealed", "returned")
    sheets = {(*place(row), row["coder"]): {name: row[name] for name in fields} for row in rows["sheets"]}
    clips = {place(row): {"stage": row["stage"], "version": row["version"]} for row in rows["clips"]}
    return kept, decided, sheets, clips


@pytest.fixture(scope="session")
def replay_equals_tables():
    """A function that asserts that the log, replayed from nothing, gives the tables; returns its rows."""

    def check(store, url):
        rows = []
        while page := store.log(after=rows[-1].seq if rows else 0):
            rows += page
        kept, decided, sheets, clips = _replay(rows)
        found = _tables(url)
        assert found[0] == kept
        assert found[1] == decided
        assert found[2] == sheets
        assert {clip: state for clip, state in found[3].items() if state["version"] > 1} == clips_seen(clips)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert [row.at for row in rows] == sorted(row.at for row in rows)
        return rows

    def clips_seen(clips):
        return {clip: state for clip, state in clips.items() if state["version"] > 1}

    return check
