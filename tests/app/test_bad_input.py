"""Studies, files, disks, clocks and requests as nobody wishes for them: one sentence each, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench_world import CLIP, N_FRAMES, Person, client, open_bench, sign_in
from numbered import write_numbered

from mien.app.bench import Bench
from mien.app.frame_server import proxy_path
from mien.app.serve import default_store, install_secret, only_server
from mien.coding.annotation import annotation_from_json
from mien.coding.store import CodingStore
from mien.core.errors import DataError
from mien.dataset import StudyWriter, layout, open_study, withdraw


def lead_of(bench: Bench) -> Person:
    return sign_in(bench, "L", bench.store.add_coder("L", "L", "lead", by="lead"))


# --- studies


@pytest.fixture(scope="module")
def odd_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: 1 whole, 2 withheld, 3 more times than frames, 4 times that stand still, 5 no times, 6 damaged,
    7 no video at all inside."""
    writer = StudyWriter(tmp_path_factory.mktemp("odd") / "study")
    name = "sub-001"
    with writer.participant(name) as person:
        for run in range(1, 8):
            path = layout.video(person.folder, name, run)
            path.parent.mkdir(parents=True, exist_ok=True)
            if run != 2:
                write_numbered(path, np.arange(40) / 30, bf="2", g="20")
            if run != 5:
                person.write_frame_times(run, 5.0 + np.arange(45 if run == 3 else 40) / 30)
    writer.finish(pd.DataFrame({"participant_id": [name], "consent_level": [1]}))
    damaged, other = (layout.video(writer.folder, name, run) for run in (6, 7))
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    other.write_bytes(b"no video" * 1000)
    still = layout.frame_times(writer.folder, name, 4)
    lines = still.read_text().splitlines()
    lines[20] = lines[19]
    still.write_text("\n".join(lines) + "\n")
    return writer.folder


@pytest.fixture(scope="module")
def odd(odd_study: Path) -> Iterator[tuple[Bench, Person]]:
    bench = open_bench(odd_study)
    who = lead_of(bench)
    for run in range(1, 8):
        bench.store.assign("sub-001", run, ["L"], by="lead")
    yield bench, who
    bench.close()


def made(who: Person, clip: str) -> dict[str, Any]:
    answer = who.http.post(f"/api/clips/{clip}/proxy").json()
    for _ in range(600):
        if answer["state"] != "making":
            return dict(answer)
        time.sleep(0.05)
        answer = who.get(f"/api/clips/{clip}/proxy")
    pytest.fail("waited half a minute")


def test_every_odd_run_is_listed_opened_and_told(odd: tuple[Bench, Person]) -> None:
    _, who = odd
    listed = {clip["run"]: clip["problem"] for clip in who.get("/api/clips")}
    assert listed[1] is None
    assert "withheld" in listed[2]
    assert "no table of frame times" in listed[5]
    told = {}
    for run in range(1, 8):
        name = f"sub-001_run-{run:02d}"
        told[run] = made(who, name)
        clip = who.get(f"/api/clips/{name}")
        assert clip["expressions"] == []
        assert who.http.get(f"/api/clips/{name}/traces").status_code == 200
        status = who.http.get(f"/api/clips/{name}/frames/0").status_code
        assert status == (200 if run in (1, 3, 4, 5) or (run == 6 and told[6]["of"]) else 503), (run, told)
    assert told[1] == {"state": "ready", "done": 40, "of": 40, "problem": None}
    assert told[2]["state"] == "missing"
    assert told[3]["state"] == "failed"
    assert "40 frames and its table 45 times" in told[3]["problem"]
    for run in (4, 5):
        assert told[run]["state"] == "failed"
        assert "a growing time for every frame" in told[run]["problem"]
    assert told[6]["state"] == "failed" or "damaged" in told[6]["problem"]
    assert told[7]["state"] == "failed"


def test_frames_without_usable_times_cannot_be_marked_and_no_sheet_is_lost(odd: tuple[Bench, Person]) -> None:
    _, who = odd
    for run, status in {1: 200, 2: 200, 4: 400, 5: 400}.items():
        answer = who.edit(clip=f"sub-001_run-{run:02d}", body={"onset": 3, "apex": 6})
        assert answer.status_code == status, (run, answer.text)
    answer = who.edit(clip="sub-001_run-01", body={"onset": 3, "apex": 40})
    assert "wanted a frame from 0 to 39, got 40" in answer.json()["error"]


def test_a_table_of_times_that_is_mended_counts_at_once(study: Path, bench: Bench) -> None:
    """Who reads that the table must be mended mends it, and goes on; old times must not stay in use."""
    who = lead_of(bench)
    path = layout.frame_times(study, "sub-001", 1)
    whole = path.read_text()
    path.write_text(f"{whole}{N_FRAMES}\t{N_FRAMES}\t{100 + N_FRAMES / 30:.6f}\n")
    assert made(who, CLIP)["state"] == "failed"
    assert len(who.get(f"/api/clips/{CLIP}")["times_s"]) == N_FRAMES + 1
    path.write_text(whole)
    assert made(who, CLIP)["state"] == "ready"
    assert len(who.get(f"/api/clips/{CLIP}")["times_s"]) == N_FRAMES


def test_a_study_without_any_video_opens_with_no_clip(tmp_path: Path) -> None:
    writer = StudyWriter(tmp_path / "study")
    with writer.participant("sub-001") as person:
        shown = {"trial": [1], "code": 101, "stimulus": "s", "emotion": "fear", "self_report": "fear"}
        person.write_trials(pd.DataFrame({**shown, "valence": 3.0, "arousal": 7.0}))
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [1]}))
    bench = open_bench(writer.folder)
    who = lead_of(bench)
    assert who.get("/api/clips") == []
    assert who.get("/api/agreement")["n_pairs"] == 0
    assert who.http.post("/api/assignments", json={"clips": "all", "coders": ["L"]}).json() == {"assigned": 0}
    bench.close()


# --- proxies


def test_frames_wait_until_the_proxy_is_made(bench: Bench, people: dict[str, Person]) -> None:
    ann = people["A"]
    assert ann.get(f"/api/clips/{CLIP}")["proxy"]["state"] == "missing"
    for path in ("frames/3", "flow?from=0&to=3"):
        answer = ann.http.get(f"/api/clips/{CLIP}/{path}")
        assert (answer.status_code, answer.json()["kind"]) == (503, "proxy")
    assert ann.edit().status_code == 200  # who knows the frames may go on meanwhile
    assert made(ann, CLIP) == {"state": "ready", "done": N_FRAMES, "of": N_FRAMES, "problem": None}
    assert ann.http.get(f"/api/clips/{CLIP}/frames/3").status_code == 200
    assert (ann.get(f"/api/clips/{CLIP}")["width"], ann.get(f"/api/clips/{CLIP}")["height"]) == (192, 96)


def test_a_proxy_that_could_not_be_made_is_told_and_tried_again(
    bench: Bench, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.app import frame_server

    def fail(error: Exception) -> Any:
        def make_proxy(*_: object, **__: object) -> None:
            raise error

        return make_proxy

    broken = (
        OSError(errno.ENOSPC, "No space left on device"),
        DataError("x", wanted="a", got="b", remedy="c"),
        RuntimeError("of a library"),
    )
    for error in broken:
        with monkeypatch.context() as patched:
            patched.setattr(frame_server, "make_proxy", fail(error))
            told = made(people["A"], CLIP)
        assert told["state"] == "failed"
        assert told["problem"]
    assert made(people["A"], CLIP)["state"] == "ready"


# --- disks


def test_a_full_disk_refuses_the_edit_and_keeps_what_was_there(
    study: Path, bench: Bench, people: dict[str, Person]
) -> None:
    """SQLite itself says that it is full: its file may have no more pages for a while."""
    ann = people["A"]
    assert ann.edit(body={"onset": 1}).status_code == 200
    before = ann.get(f"/api/clips/{CLIP}")["expressions"]
    full_from_now_on(bench, most=1)
    n = 0
    while (refused := ann.edit(body={"onset": 2, "comment": "x" * 1900})).status_code == 200:
        n += 1
        assert n < 200
    assert (refused.status_code, refused.json()["kind"]) == (507, "disk")
    assert "nothing was kept; free space" in refused.json()["error"]
    kept = ann.get(f"/api/clips/{CLIP}")["expressions"]
    assert len(kept) == len(before) + n  # what was acknowledged, and nothing else
    full_from_now_on(bench, most=2**30)
    assert ann.edit(body={"onset": 3}).status_code == 200
    seqs = [row["seq"] for row in ann.get(f"/api/log?clip={CLIP}") if row["what"] == "put"]
    assert len(seqs) == n + 2


def full_from_now_on(bench: Bench, *, most: int) -> None:
    """Let the store's file grow to so many pages only (never less than it has)."""
    from sqlalchemy import event

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}").close()

    engine = bench.store._database.engine
    engine.dispose()
    event.listen(engine, "connect", limit)


def test_a_disk_that_is_full_anywhere_else_is_507(
    bench: Bench, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bench.store, "put", full)
    answer = people["A"].edit()
    assert (answer.status_code, answer.json()["kind"]) == (507, "disk")
    monkeypatch.undo()
    assert people["A"].get(f"/api/clips/{CLIP}")["expressions"] == []


def test_a_store_that_is_locked_by_another_program_says_to_send_it_again(
    study: Path, bench: Bench, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    engine = bench.store._database.engine
    engine.dispose()

    def impatient(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=50").close()

    event.listen(engine, "connect", impatient)
    key, name = str(uuid.uuid4()), str(uuid.uuid4())
    path = study / "derivatives" / "coding" / "bench.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = people["A"].edit(key=key, expression=name)
    assert (answer.status_code, answer.json()["kind"]) == (503, "store")
    assert "send it again" in answer.json()["error"]
    other.execute("ROLLBACK")
    other.close()
    again = people["A"].edit(key=key, expression=name)
    assert (again.status_code, again.json()["repeated"]) == (200, False)


def test_two_servers_on_one_study_and_a_lock_that_outlives_nobody(study: Path) -> None:
    with only_server(study, "http://127.0.0.1:8420"):
        with (
            pytest.raises(DataError, match=r"got one at http://127\.0\.0\.1:8420; use that one, or stop it"),
            only_server(study, "http://127.0.0.1:9999"),
        ):
            pytest.fail("two at once")
        with pytest.raises(DataError, match="8420"), only_server(study, "x"):  # the first one's word stays
            pytest.fail("two at once")
    lock = study / "derivatives" / "coding" / "bench.lock"
    lock.write_text('{"address": "http://127.0.0.1:1", "process": 1}')  # as one that was killed leaves it
    with only_server(study, "http://127.0.0.1:8421"):
        assert json.loads(lock.read_text())["address"] == "http://127.0.0.1:8421"
    with only_server(study, "x"):
        lock.write_text("")
        with pytest.raises(DataError, match="an unknown address"), only_server(study, "y"):
            pytest.fail("two at once")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else, skipped")
def test_a_study_that_cannot_be_written_is_told_in_one_sentence(study: Path) -> None:
    import pwd

    somebody = pwd.getpwnam("nobody")
    pid = os.fork()
    if not pid:  # a child without root's rights, for which the study can be read only
        status = 1
        try:
            os.setgid(somebody.pw_gid)
            os.setuid(somebody.pw_uid)
            try:
                install_secret(study)
            except OSError as error:
                status = 0 if error.errno == errno.EACCES else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- clocks


def test_a_clock_that_goes_back_two_hours_between_edits(study: Path) -> None:
    now = [1_800_000_000.0]
    url = default_store(study)
    store = CodingStore.open(url, secret=install_secret(study), clock=lambda: now[0])
    bench = Bench(open_study(study), store)
    ann = sign_in(bench, "A", store.add_coder("A", "A", "coder", by="lead"))
    store.assign("sub-001", 1, ["A"], by="lead")
    name = str(uuid.uuid4())
    first = ann.edit(expression=name).json()
    now[0] -= 7200
    second = ann.edit(expression=name, base=1, body={"onset": 11})
    assert second.status_code == 200
    assert second.json()["at"] >= first["at"]
    assert ann.get("/api/me")["label"] == "A"
    log = ann.get(f"/api/log?clip={CLIP}")
    assert [row["at"] for row in log] == sorted(row["at"] for row in log)
    (row,) = [row for row in store.log() if row.seq == second.json()["seq"]]
    assert row.clock_back_s == pytest.approx(7200, abs=1)
    now[0] += 40 * 86_400
    assert ann.http.get("/api/me").status_code == 401  # thirty days have gone by
    bench.close()


# --- very much


def test_ten_thousand_expressions_on_one_sheet(bench: Bench, people: dict[str, Person]) -> None:
    from sqlalchemy import insert

    from mien.coding.store_tables import expressions
    from mien.coding.transactions import as_text

    rng = np.random.default_rng(0)
    with bench.store._database.writing() as writing:
        rows = []
        for n, onset in enumerate(rng.integers(0, N_FRAMES - 3, 10_000).tolist()):
            said = annotation_from_json(
                {"onset": onset, "apex": onset + 1, "action_units": ["AU4"]}
            ).as_json()
            place = {"participant_id": "sub-001", "run": 1, "sheet": "A", "id": str(uuid.UUID(int=n))}
            rows.append({**place, "version": 1, "body": as_text(said), "who": "A", "at": writing.at})
            change = {**{k: v for k, v in place.items() if k != "id"}, "expression": place["id"]}
            if n < 1100:  # more than an answer of the log holds
                writing.record("A", "put", after=said, version=1, **change)
        writing.connection.execute(insert(expressions), rows)
    begun = time.monotonic()
    clip = people["A"].get(f"/api/clips/{CLIP}")
    read_s = time.monotonic() - begun
    assert len(clip["expressions"]) == 10_000
    begun = time.monotonic()
    answer = people["A"].edit(body={"onset": 3})
    print(f"10,000 expressions: GET {read_s:.2f} s, edit {time.monotonic() - begun:.2f} s")
    assert answer.status_code == 200
    assert len(people["A"].get(f"/api/log?clip={CLIP}")) == 1000
    last = people["A"].get(f"/api/log?clip={CLIP}&after={answer.json()['seq'] - 1}")
    assert [row["seq"] for row in last] == [answer.json()["seq"]]


# --- withdrawal


def test_somebody_withdraws_while_the_bench_is_open(
    study: Path, bench: Bench, people: dict[str, Person]
) -> None:
    bench.store.assign("sub-002", 1, ["B"], by="lead")
    other = "sub-002_run-01"
    clip = bench.clips.get(CLIP)
    assert clip is not None
    bench.frames.make(clip)
    ann, bob, lead = people["A"], people["B"], people["lead1"]
    assert ann.edit(body={"onset": 5, "comment": "a remark of long ago"}).status_code == 200
    assert ann.http.get(f"/api/clips/{CLIP}/frames/4").status_code == 200
    withdraw(study, "sub-001")
    assert not proxy_path(study, clip).exists()
    for person in (ann, bob, lead):
        for path in ("", "/frames/4", "/proxy", "/traces", "/flow?from=0&to=1", "/adjudication"):
            if person is lead or path != "/adjudication":
                assert person.http.get(f"/api/clips/{CLIP}{path}").status_code == 404, path
        assert person.edit().status_code == 404
        assert person.http.post(f"/api/clips/{CLIP}/proxy").status_code == 404
        assert person.http.post(f"/api/clips/{CLIP}/done").status_code == 404
        log = person.get("/api/log")
        assert "a remark of long ago" not in json.dumps(log)
        assert "sub-001" not in json.dumps(log)
    assert [clip["id"] for clip in lead.get("/api/clips")] == [other]
    assert lead.get("/api/agreement")["n_pairs"] == 0
    assert bob.edit(clip=other).status_code == 200
    assert bob.http.post(f"/api/clips/{other}/done").json()["stage"] == "verify"
    left = b"".join(path.read_bytes() for path in study.rglob("*") if path.is_file())
    assert b"a remark of long ago" not in left


# --- requests


def edits_of_wrong_type() -> Iterator[dict[str, Any]]:
    values: list[Any] = [
        0,
        -1,
        1.5,
        True,
        "x",
        "",
        [],
        {},
        [[]],
        None,
        10**30,
        "\x00",
        "\ud800",
        ["a"],
        {"a": 1},
    ]
    for name in ("key", "clip", "sheet", "action", "expression", "base", "body", "suggestion"):
        yield from ({name: value} for value in values)
    for name in annotation_from_json({}).as_json():
        yield from ({"body": {name: value}} for value in [*values, 1e400, float("nan")])
    yield from ({name: 1} for name in ("extra", "\ud800", "x" * 5000, "__class__", "a.b", "<img src=x>"))
    yield from ({"body": {name: 1}} for name in ("extra", "\ud800", "x" * 5000, "__class__"))


def test_a_wrong_type_in_any_field_of_an_edit_is_one_sentence(people: dict[str, Person]) -> None:
    ann = people["A"]
    for fields in edits_of_wrong_type():
        body = {
            "key": str(uuid.uuid4()), "clip": CLIP, "sheet": "A", "action": "put",
            "expression": str(uuid.uuid4()), "base": 0, "body": {"onset": 10},
        }  # fmt: skip
        text = json.dumps(body | fields)  # NaN and Infinity as Python writes them
        answer = ann.http.post("/api/edits", content=text, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 400, 403, 404, 409), (str(fields)[:80], answer.text)
        if answer.status_code != 200:
            said = answer.json()
            assert set(said) >= {"error", "kind"}
            assert len(said["error"]) < 600, str(fields)[:80]
            assert "\n" not in said["error"]
    for kept in ann.get(f"/api/clips/{CLIP}")["expressions"]:  # what passed is as it should be
        annotation_from_json(kept["body"])


HOSTILE = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"\x00", b"NaN", b"[" * 60_000, b'{"a":' * 10_000,
    b'{"key":' + b"9" * 5000 + b"}", b'{"key":"a","key":"b"}', b'{"body":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"body":{"onset":' + b"[" * 700 + b"]" * 700 + b"}}", b"\xef\xbb\xbf{}", b'{"key":"\\ud800"}',
    *(b'{"clip":"sub-001_run-01","key":"k","sheet":"A","action":"put","body":{"basis":'
      + b"[" * n + b"]" * n + b"}}" for n in range(100, 1000, 50)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/edits"), ("POST", "/api/session"), ("POST", "/api/coders"), ("POST", "/api/assignments"),
     ("PUT", f"/api/clips/{CLIP}/assignment"), ("POST", f"/api/clips/{CLIP}/stage")],
)  # fmt: skip
def test_hostile_json_is_one_sentence(people: dict[str, Person], method: str, path: str) -> None:
    http = people["lead1"].http
    for text in HOSTILE:
        for kind in ("application/json", "text/plain"):
            answer = http.request(method, path, content=text, headers={"Content-Type": kind})
            assert answer.status_code in (400, 401, 404, 429), (text[:60], answer.text[:200])
            assert set(answer.json()) == {"error", "kind"}


MARKUP = "<img src=x onerror=alert(1)>"


def test_markup_is_text_and_control_characters_are_refused(people: dict[str, Person]) -> None:
    ann, lead = people["A"], people["lead1"]
    name = str(uuid.uuid4())
    comment = f"{MARKUP}</script>&amp;\n\t\u202e‮ \u2028 end"
    assert ann.edit(expression=name, body={"onset": 1, "comment": comment}).status_code == 200
    answer = ann.http.get(f"/api/clips/{CLIP}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["expressions"][0]["body"]["comment"] == comment
    assert ann.edit(body={"comment": "c" * 2000}).status_code == 200
    assert ann.edit(body={"comment": "c" * 2001}).status_code == 400
    for odd in ("\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\r"):
        for body in ({"comment": odd}, {"kind": "micro", "kind_reason": f"a{odd}b"}):
            assert ann.edit(body=body).status_code == 400, ascii(odd)
        new = {"label": "new", "name": f"N{odd}", "role": "coder"}
        assert lead.http.post("/api/coders", json=new).status_code == 400, ascii(odd)
        assert lead.http.post("/api/coders", json={**new, "name": "N", "label": f"n{odd}"}).status_code == 400
    assert (
        lead.http.post("/api/coders", json={"label": MARKUP, "name": "N", "role": "coder"}).status_code == 400
    )
    for label in ("final", "Final", "unmerged", "", "a b", "ä", "x" * 33, "A", "a"):
        new = {"label": label, "name": "N", "role": "coder"}
        assert lead.http.post("/api/coders", json=new).status_code == 400, label
    new = {"label": "M", "name": MARKUP, "role": "coder"}
    assert lead.http.post("/api/coders", json=new).status_code == 200
    assert MARKUP in [who["name"] for who in lead.get("/api/coders")]
    for who in (ann, people["B"]):
        who.http.post(f"/api/clips/{CLIP}/done")
    for reason, status in {"a\x00b": 400, "a\x1bb": 400, MARKUP: 200}.items():
        send = {"to": "code", "reason": reason, "coders": ["A"]}
        answer = people["expert1"].http.post(f"/api/clips/{CLIP}/stage", json=send)
        assert answer.status_code == status, ascii(reason)
    assert ann.get(f"/api/clips/{CLIP}")["sheet"]["returned"] == MARKUP


def test_odd_query_strings_and_paths_are_answered(people: dict[str, Person]) -> None:
    odd = (
        "",
        "%00",
        "%ff",
        "x" * 3000,
        "-1",
        "1e9",
        "9" * 5000,
        "%ED%A0%80",
        "..%2f..",
        "%0d%0aSet-Cookie:x",
    )
    for text in odd:
        for path in (
            f"/api/log?after={text}", f"/api/log?clip={text}", f"/api/clips/{CLIP}?sheet={text}",
            f"/api/clips/{text}", f"/api/clips/{CLIP}/frames/{text}", f"/api/clips/{CLIP}/frames/0?w={text}",
            f"/api/clips/{CLIP}/flow?from={text}&to={text}", f"/api/clips/{CLIP}/export/tsv?sheet={text}",
            f"/api/clips/{CLIP}/export/{text}", f"/api/{text}", f"/{text}",
        ):  # fmt: skip
            for label in ("A", "lead1"):
                answer = people[label].http.get(path)
                assert answer.status_code < 500 or answer.json()["kind"] == "proxy", (label, path[:80])
                assert "set-cookie" not in answer.headers
        for path in (f"/api/coders/{text}/token", f"/api/clips/{text}/done"):
            assert people["lead1"].http.post(path).status_code in (400, 404, 405), path[:80]


def test_a_host_header_of_any_kind_is_answered(bench: Bench) -> None:
    for host in ("", "a" * 5000, "127.0.0.1", "127.0.0.1:8420:1", "[::1]:8420", "127.0.0.1:8420@evil"):
        assert client(bench).get("/api/me", headers={"Host": host}).status_code == 400
    assert client(bench).get("/api/me", headers={"Content-Length": "-5"}).status_code == 413
