"""Clients that edit at once while the process that owns the store is killed: what was acknowledged is there.

Run as a program this file is the server: one line of JSON asks, one answers, over a Unix socket.
"""

from __future__ import annotations

import json
import random
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="sqlalchemy not installed, skipped")

from mien.coding.annotation import annotation_from_json
from mien.coding.store import CodingStore, Conflict, Edit, Unavailable

SECRET = b"torture" * 8
CLIENTS = 8
PARTICIPANT = "sub-001"
OWN_RUN, SHARED_RUN = 1, 2  # one clip that is coded, one in adjudication
EMOTIONS = ("happiness", "surprise", "disgust", "others")


# --- the server


def serve(url: str, address: str) -> None:
    store = CodingStore.open(url, secret=SECRET)
    coders = {coder.label: coder for coder in store.coders()}

    def answer(asked: dict) -> dict:
        body = asked["edit"].pop("annotation")
        edit = Edit(**asked["edit"], annotation=None if body is None else annotation_from_json(body))
        try:
            return {"kept": asdict(store.put(edit, by=coders[asked["by"]]))}
        except Conflict as conflict:
            theirs = conflict.theirs
            return {
                "conflict": {
                    "yours": conflict.yours and conflict.yours.as_json(),
                    "theirs": theirs.annotation and theirs.annotation.as_json(),
                    "version": theirs.version,
                }
            }
        except Unavailable:
            return {"again": True}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                try:
                    self.wfile.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
                except OSError:
                    return

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(address, Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
    sys.exit()


# --- clients


class Client:
    """Makes edits one after the other, and remembers what it was told."""

    def __init__(self, number: int, address: str, known: dict[str, int]) -> None:
        self.label = f"c{number}"
        self.random = random.Random(number)
        self.address = address
        self.own: dict[str, int] = {}
        self.known = known  # versions on the shared sheet, as somebody saw them last
        self.kept: list[tuple[dict, dict]] = []
        self.conflicts: list[tuple[dict, dict]] = []
        self.cut = 0
        self.socket: socket.socket | None = None

    def edit(self) -> dict:
        """A random change: create, move, relabel or delete."""
        shared = self.random.random() < 0.5
        versions = self.known if shared else self.own
        ids = list(versions)
        new = not ids or self.random.random() < (0.05 if len(ids) > 8 else 0.5)
        name = str(uuid.UUID(int=self.random.getrandbits(128), version=4)) if new else self.random.choice(ids)
        gone = not new and self.random.random() < 0.15
        onset = self.random.randrange(1000)
        body = {
            "onset": onset,
            "apex": onset + self.random.randrange(1, 30),
            "action_units": self.random.choice([["AU4"], ["LAU12B", "AU6"], ["AU1", "AU2"]]),
            "emotion": self.random.choice(EMOTIONS),
            "comment": f"{self.label} <b>&'\"é表\n{self.random.random()}",
        }
        return {
            "key": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            "participant": PARTICIPANT,
            "run": SHARED_RUN if shared else OWN_RUN,
            "sheet": "final" if shared else self.label,
            "action": "delete" if gone else "put",
            "expression": name,
            "base": versions.get(name, 0),
            "annotation": None if gone else annotation_from_json(body).as_json(),
        }

    def work(self, n: int) -> None:
        while len(self.kept) + len(self.conflicts) < n:
            edit = self.edit()
            versions = self.known if edit["run"] == SHARED_RUN else self.own
            told = self.ask(edit)
            if "kept" in told:
                self.kept.append((edit, told["kept"]))
                versions[edit["expression"]] = told["kept"]["version"]
            else:
                self.conflicts.append((edit, told["conflict"]))
                versions[edit["expression"]] = told["conflict"]["version"]
            if edit["action"] == "delete" or told.get("conflict", {}).get("theirs", 0) is None:
                versions.pop(edit["expression"], None)

    def ask(self, edit: dict) -> dict:
        """Ask until there is an answer; sometimes hang up before it comes, and ask again."""
        line = json.dumps({"edit": edit, "by": self.label}).encode() + b"\n"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if self.socket is None:
                    self.socket = socket.socket(socket.AF_UNIX)
                    self.socket.settimeout(30)
                    self.socket.connect(self.address)
                self.socket.sendall(line)
                if self.random.random() < 0.05:
                    self.cut += 1
                    raise ConnectionAbortedError
                told = self.read()
            except OSError:
                if self.socket is not None:
                    self.socket.close()
                self.socket = None
                time.sleep(0.01)
                continue
            if "again" not in told:
                return told
        raise TimeoutError("no answer for a minute")

    def read(self) -> dict:
        assert self.socket is not None
        got = b""
        while not got.endswith(b"\n"):
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionResetError
            got += part
        return json.loads(got)


def start(url: str, address: str) -> subprocess.Popen:
    Path(address).unlink(missing_ok=True)
    return subprocess.Popen([sys.executable, __file__, url, address])


def prepare(url: str) -> None:
    store = CodingStore.open(url, secret=SECRET)
    labels = [f"c{number}" for number in range(CLIENTS)]
    for label in labels:
        store.add_coder(label, f"Coder {label}", "expert", by="test")
    coders = {coder.label: coder for coder in store.coders()}
    store.ensure_clips([(PARTICIPANT, OWN_RUN), (PARTICIPANT, SHARED_RUN)])
    store.assign(PARTICIPANT, OWN_RUN, labels, by="test")
    store.assign(PARTICIPANT, SHARED_RUN, ["c0"], by="test")
    store.set_done(PARTICIPANT, SHARED_RUN, by=coders["c0"])
    store.move(PARTICIPANT, SHARED_RUN, "adjudicate", "", [], by=coders["c1"])
    store.close()


def torture(url: str, n: int, kills: int) -> tuple[list[Client], float]:
    """All clients at once; the server is killed each time another share of the answers has come."""
    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        address = f"{folder}/socket"
        known: dict[str, int] = {}
        clients = [Client(number, address, known) for number in range(CLIENTS)]
        failures: list[BaseException] = []

        def run(client: Client) -> None:
            try:
                client.work(n)
            except BaseException as error:
                failures.append(error)
            finally:
                if client.socket is not None:
                    client.socket.close()

        moments = sorted(random.Random(n).sample(range(n // 2, CLIENTS * n - n // 2), kills))
        server = start(url, address)
        threads = [threading.Thread(target=run, args=(client,)) for client in clients]
        begun = time.monotonic()
        try:
            for thread in threads:
                thread.start()
            for moment in moments:
                while any(thread.is_alive() for thread in threads) and not failures:
                    if sum(len(client.kept) + len(client.conflicts) for client in clients) >= moment:
                        break
                    time.sleep(0.001)
                assert server.poll() is None, "the server died by itself"
                assert any(thread.is_alive() for thread in threads), "killed too late to matter"
                server.kill()
                server.wait()
                server = start(url, address)
            for thread in threads:
                thread.join(280)
        finally:
            server.kill()
            server.wait()
        assert not failures, failures
        assert not any(thread.is_alive() for thread in threads)
        return clients, time.monotonic() - begun


def judge(clients: list[Client], url: str, n: int, replay_equals_tables) -> None:
    store = CodingStore.open(url, secret=SECRET)
    rows = replay_equals_tables(store, url)  # also: numbers without gaps, times that do not go back
    store.close()
    by_key = defaultdict(list)
    for row in rows:
        if row.key is not None:
            by_key[row.key].append(row)
    told = [pair for client in clients for pair in client.kept]
    for edit, answer in told:
        (row,) = by_key.pop(edit["key"])
        assert (row.seq, row.version, row.at) == (answer["seq"], answer["version"], answer["at"])
        assert (row.what, row.expression, row.sheet) == (edit["action"], edit["expression"], edit["sheet"])
        assert row.after == edit["annotation"]
        assert row.version == edit["base"] + 1
    assert not by_key, "the log holds edits that nobody was told of"
    versions = defaultdict(list)
    for row in rows:
        if row.expression is not None:
            versions[row.run, row.sheet, row.expression].append(row.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    for client in clients:
        assert len(client.kept) + len(client.conflicts) == n
        for edit, conflict in client.conflicts:
            assert edit["sheet"] == "final"
            assert conflict["yours"] == edit["annotation"]
            assert conflict["version"] > edit["base"]
            (theirs,) = (
                row
                for row in rows
                if (row.sheet, row.expression, row.version)
                == ("final", edit["expression"], conflict["version"])
            )
            assert theirs.after == conflict["theirs"]


def run_all(url: str, n: int, kills: int, replay_equals_tables) -> None:
    prepare(url)
    clients, took_s = torture(url, n, kills)
    judge(clients, url, n, replay_equals_tables)
    conflicts = sum(len(client.conflicts) for client in clients)
    repeated = sum(answer["repeated"] for client in clients for _, answer in client.kept)
    assert conflicts, "nobody met another: the test shows too little"
    assert repeated, "no answer was given twice: the test shows too little"
    print(f"{CLIENTS * n / took_s:.0f} edits/s, {conflicts} conflicts, {repeated} repeated, {kills} kills")


def test_what_was_acknowledged_is_there_after_two_kills(new_url, replay_equals_tables):
    run_all(new_url(), 60, 2, replay_equals_tables)


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_five_kills(new_url, replay_equals_tables):
    run_all(new_url(), 500, 5, replay_equals_tables)
