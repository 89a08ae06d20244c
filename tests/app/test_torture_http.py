"""Clients that edit over HTTP while the server is killed: what was acknowledged is there, once.

Run as a program this file is the server, as `mien code` runs it, also where the page was not built.
"""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from bench_world import open_bench

from mien.app import serve as serving
from mien.core.errors import DataError

CLIENTS = 8
OWN, SHARED = "sub-001_run-01", "sub-002_run-01"  # one clip that is coded, one in adjudication
EMOTIONS = ("happiness", "surprise", "disgust", "others")


def main(folder: str, url: str, port: str) -> None:
    serving.check_page = lambda: None  # edits need no page
    bench = open_bench(Path(folder), url)
    serving.serve(bench, host="127.0.0.1", port=int(port), told=lambda address: print(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.exit()


def _databases() -> Any:
    path = Path(__file__).parents[1] / "coding" / "conftest.py"
    spec = importlib.util.spec_from_file_location("coding_databases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


postgres = _databases().postgres
replay_equals_tables = _databases().replay_equals_tables


class Server:
    """A server process that is started again on the same port."""

    def __init__(self, folder: Path, url: str) -> None:
        self.arguments = [str(folder), url]
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *self.arguments, str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        self.port = int(address.rsplit(":", 1)[1])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Client:
    """Makes edits one after the other, sends again what was not answered, remembers what it was told."""

    def __init__(self, number: int, token: str, port: int, known: dict[str, int]) -> None:
        import httpx2

        self.label = f"c{number}"
        self.random = random.Random(number)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        assert self.http.post("/api/session", json={"token": token}).status_code == 200
        self.http.headers["X-Mien-CSRF"] = self.http.get("/api/me").json()["csrf"]
        self.own: dict[str, int] = {}
        self.known = known  # versions on the shared sheet, as somebody saw them last
        self.kept: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.conflicts: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.waited_s: list[float] = []
        self.unanswered = 0

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def edit(self) -> dict[str, Any]:
        """A random change: create, move, relabel or delete."""
        shared = self.random.random() < 0.5
        versions = self.known if shared else self.own
        ids = list(versions)
        new = not ids or self.random.random() < (0.05 if len(ids) > 8 else 0.5)
        name = self.uuid() if new else self.random.choice(ids)
        gone = not new and self.random.random() < 0.15
        onset = self.random.randrange(60)
        body = {
            "onset": onset, "apex": onset + self.random.randrange(1, 20),
            "action_units": self.random.choice([["AU4"], ["LAU12B", "AU6"], ["AU1", "AU2"]]),
            "emotion": self.random.choice(EMOTIONS),
            "comment": f"{self.label} <b>&'\"é表\n{self.random.random()}",
        }  # fmt: skip
        return {
            "key": self.uuid(), "clip": SHARED if shared else OWN, "sheet": "final" if shared else self.label,
            "action": "delete" if gone else "put", "expression": name, "base": versions.get(name, 0),
            "body": None if gone else body,
        }  # fmt: skip

    def work(self, n: int) -> None:
        while len(self.kept) + len(self.conflicts) < n:
            edit = self.edit()
            versions = self.known if edit["clip"] == SHARED else self.own
            begun = time.monotonic()
            status, told = self.ask(edit)
            self.waited_s.append(time.monotonic() - begun)
            if status == 200:
                self.kept.append((edit, told))
                versions[edit["expression"]] = told["version"]
            else:
                assert (status, told["kind"]) == (409, "conflict"), told
                self.conflicts.append((edit, told))
                versions[edit["expression"]] = told["theirs"]["version"]
            if (edit["action"] == "delete") if status == 200 else told["theirs"]["body"] is None:
                versions.pop(edit["expression"], None)

    def ask(self, edit: dict[str, Any]) -> tuple[int, Any]:
        import httpx2

        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                answer = self.http.post("/api/edits", json=edit)
            except httpx2.TransportError:
                self.unanswered += 1
                time.sleep(0.1)
                continue
            if answer.status_code != 503:
                return answer.status_code, answer.json()
        raise TimeoutError("no answer for two minutes")


def prepare(folder: Path, url: str) -> list[str]:
    bench = open_bench(folder, url)
    store = bench.store
    labels = [f"c{number}" for number in range(CLIENTS)]
    tokens = [store.add_coder(label, label, "expert", by="test") for label in labels]
    people = {who.label: who for who in store.coders()}
    store.assign("sub-001", 1, labels, by="test")
    store.assign("sub-002", 1, ["c0"], by="test")
    store.set_done("sub-002", 1, by=people["c0"])
    store.move("sub-002", 1, "adjudicate", "", [], by=people["c1"])
    bench.close()
    return tokens


def torture(folder: Path, url: str, n: int, kills: int) -> tuple[list[Client], float]:
    """All clients at once; the server is killed each time another share of the answers has come."""
    tokens = prepare(folder, url)
    server = Server(folder, url)
    server.start()
    known: dict[str, int] = {}
    failures: list[BaseException] = []
    try:
        refuse_another(folder, server.port)
        clients = [Client(number, token, server.port, known) for number, token in enumerate(tokens)]

        def run(client: Client) -> None:
            try:
                client.work(n)
            except BaseException as error:
                failures.append(error)
            finally:
                client.http.close()

        threads = [threading.Thread(target=run, args=(client,)) for client in clients]
        moments = sorted(random.Random(n).sample(range(n // 2, CLIENTS * n - 2 * n), kills))
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for moment in moments:
            while any(thread.is_alive() for thread in threads) and not failures:
                if sum(len(client.kept) + len(client.conflicts) for client in clients) >= moment:
                    break
                time.sleep(0.001)
            assert not failures, failures
            assert server.process is not None
            assert server.process.poll() is None, "the server died by itself"
            assert any(thread.is_alive() for thread in threads), "killed too late to matter"
            server.kill()
            server.start()
        for thread in threads:
            thread.join(280)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        server.kill()
    assert not failures, failures
    return clients, time.monotonic() - begun


def refuse_another(folder: Path, port: int) -> None:
    """One server a study, and it is told where; a server that was killed leaves the study free."""
    with (
        pytest.raises(DataError, match=f"got one at http://127.0.0.1:{port}; use that one, or stop it first"),
        serving.only_server(folder, "http://127.0.0.1:1"),
    ):
        pytest.fail("two servers on one study")


def judge(clients: list[Client], folder: Path, url: str, n: int, replayed: Callable[..., list[Any]]) -> None:
    bench = open_bench(folder, url)
    rows = replayed(bench.store, url)  # also: numbers without gaps, times that do not go back
    bench.close()
    by_key = defaultdict(list)
    for row in rows:
        if row.key is not None:
            by_key[row.key].append(row)
    for edit, answer in [pair for client in clients for pair in client.kept]:
        (row,) = by_key.pop(edit["key"])
        assert (row.seq, row.version, row.at) == (answer["seq"], answer["version"], answer["at"])
        assert (row.what, row.expression, row.sheet) == (edit["action"], edit["expression"], edit["sheet"])
        assert said(row.after) == said(edit["body"])
        assert row.version == edit["base"] + 1
    assert not by_key, "the log holds edits that nobody was told of"
    at_version = {(row.sheet, row.expression, row.version): row for row in rows}
    for client in clients:
        assert len(client.kept) + len(client.conflicts) == n
        for edit, conflict in client.conflicts:
            assert edit["sheet"] == "final", "nobody else marks on one's own sheet"
            assert said(conflict["yours"]["body"]) == said(edit["body"])
            theirs = conflict["theirs"]
            assert theirs["version"] > edit["base"]
            row = at_version["final", edit["expression"], theirs["version"]]
            assert (row.after, row.by, row.at) == (theirs["body"], theirs["by"], theirs["at"])


def said(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """The fields that clients set; units in any order."""
    if body is None:
        return None
    names = ("onset", "apex", "action_units", "emotion", "comment")
    return {name: sorted(body[name]) if name == "action_units" else body[name] for name in names}


def run_all(folder: Path, url: str, n: int, kills: int, replayed: Callable[..., list[Any]]) -> None:
    clients, took_s = torture(folder, url, n, kills)
    judge(clients, folder, url, n, replayed)
    conflicts = sum(len(client.conflicts) for client in clients)
    unanswered = sum(client.unanswered for client in clients)
    assert conflicts, "nobody met another: the test shows too little"
    assert unanswered, "every edit was answered at once: the test shows too little"
    waited = [s for client in clients for s in client.waited_s]
    repeated = sum(answer["repeated"] for client in clients for _, answer in client.kept)
    print(
        json.dumps({
            "edits_per_s": round(CLIENTS * n / took_s), "median_ms": round(1000 * median(waited)),
            "worst_s": round(max(waited), 2), "conflicts": conflicts, "repeated": repeated, "kills": kills,
            "unanswered": unanswered,
        })
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres")())
    return f"sqlite:///{tmp_path}/torture.sqlite"


def test_what_was_acknowledged_is_there_after_two_kills(
    study: Path, url: str, replay_equals_tables: Callable[..., list[Any]]
) -> None:
    run_all(study, url, 25, 2, replay_equals_tables)


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_five_kills(
    study: Path, url: str, replay_equals_tables: Callable[..., list[Any]]
) -> None:
    run_all(study, url, 500, 5, replay_equals_tables)
