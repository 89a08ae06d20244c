"""`mien present` over HTTP: each route x each page, what pages are told, what must not pass the door."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from present_world import HOST, Page, client, enter, open_present, play, write_clips_study

from mien.app.present.access import ROLES
from mien.app.present.ending import Ending
from mien.app.present.routes import ROUTES, PresentRoute
from mien.app.present.serve import only_runner, prepare
from mien.app.present.session import PresentSession
from mien.core.errors import DataError
from mien.dataset import layout, open_study
from mien.elicitation.finishing import finish_session

STREAMS = ("/api/live", "/api/operator/camera")


@pytest.fixture(scope="session")
def clips_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips_study(tmp_path_factory.mktemp("present") / "study")


@pytest.fixture
def session(clips_study: Path, tmp_path: Path) -> Iterator[PresentSession]:
    import shutil

    study = tmp_path / "study"
    shutil.copytree(clips_study, study)
    opened = open_present(study)
    yield opened
    opened.stop()


@pytest.fixture
def pages(session: PresentSession) -> dict[str, Page]:
    return {role: enter(session, role) for role in ("operator", "participant", "display")}


def ask(page: Any, route: PresentRoute, **more: Any) -> Any:
    body = {} if route.method == "GET" else {"json": {}}
    return page.request(route.method, route.path.format(name="clip-101"), **body, **more)


def begun(pages: dict[str, Page]) -> Page:
    assert pages["operator"].post("/api/operator/begin").status_code == 200
    assert pages["participant"].post("/api/participant/consent", level=2).status_code == 200
    return pages["participant"]


def test_nobody_without_a_key_gets_anything(session: PresentSession) -> None:
    for route in ROUTES:
        answer = ask(client(session), route)
        assert answer.status_code == (400 if route.path == "/api/door" and route.method == "POST" else 401), (
            route
        )
        assert set(answer.json()) >= {"error", "kind"}
    for role in ROLES:
        answer = client(session).post("/api/door", json={"role": role, "key": "guess"})
        assert answer.status_code == 401


def test_each_page_gets_its_own_routes_and_no_other(session: PresentSession, pages: dict[str, Page]) -> None:
    for role, page in pages.items():
        for route in ROUTES:
            if not route.roles or route.path in STREAMS:
                continue
            status = ask(page.http, route).status_code
            assert (status not in (401, 403, 500)) == (role in route.roles), (role, route, status)


def test_a_key_of_one_page_is_none_of_another(session: PresentSession) -> None:
    for role in ("operator", "display"):
        answer = client(session).post(
            "/api/door", json={"role": role, "key": session.access.keys["participant"]}
        )
        assert answer.status_code == 401


def test_a_change_needs_our_pages_token_and_origin(pages: dict[str, Page]) -> None:
    for role, page in pages.items():
        for route in ROUTES:
            if route.method == "GET" or role not in route.roles:
                continue
            for headers in (
                {"X-Mien-CSRF": "0" * 32},
                {"Origin": "http://evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
            ):
                assert ask(page.http, route, headers=headers).status_code == 403, route


def test_another_host_a_large_body_and_a_path_are_refused(
    session: PresentSession, pages: dict[str, Page]
) -> None:
    assert pages["operator"].http.get("/", headers={"Host": "evil.example"}).status_code == 400
    big = json.dumps({"text": "x" * 70_000})
    answer = pages["operator"].http.post("/api/operator/note", content=big)
    assert answer.status_code == 413
    for name in (
        "..%2fprotocol.yaml",
        "%2e%2e/participants.tsv",
        "clip-999",
        ".keys.json",
        "participants.tsv",
    ):
        assert pages["participant"].http.get(f"/media/{name}").status_code in (404, 405), name
    assert "media-src 'self'" in pages["operator"].http.get("/").headers["content-security-policy"]


def test_ten_wrong_keys_close_the_door_for_a_while(session: PresentSession) -> None:
    http = client(session)
    statuses = [http.post("/api/door", json={"role": "operator", "key": "x"}).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_the_participant_is_told_nothing_of_what_a_clip_aims_at(pages: dict[str, Page]) -> None:
    begun(pages)
    plan = pages["participant"].http.get("/api/participant/plan").json()
    told = json.dumps({key: value for key, value in plan.items() if key != "report"})
    for word in ("happiness", "fear", "clip-101", "practice-1", "neutral-1"):
        assert word not in told
    assert plan["report"]["emotions"][0] == "happiness"
    assert {trial["clip"] for trial in plan["trials"]} <= {media["id"] for media in plan["media"]}


def test_media_are_served_whole_and_in_parts(session: PresentSession, pages: dict[str, Page]) -> None:
    whole = session.clips["clip-101"].read_bytes()
    http = pages["participant"].http
    sign = session.sign_of("clip-101")
    assert http.get("/media/clip-101").status_code == 404  # a name may tell what a clip aims at
    answer = http.get(f"/media/{sign}")
    assert (answer.content, answer.headers["content-type"]) == (whole, "video/mp4")
    part = http.get(f"/media/{sign}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])


def test_a_whole_session_joins_the_study(session: PresentSession, pages: dict[str, Page]) -> None:
    page = begun(pages)
    ending = Ending(session)
    play(page, practice=True)
    play(page, 1)
    assert not ending()
    plan = page.http.get("/api/participant/plan").json()
    assert [trial["done"] for trial in plan["trials"]] == [True, True, False]
    assert {media["id"] for media in plan["media"]} == {
        plan["trials"][2]["clip"],
        session.sign_of("neutral-1"),
    }
    play(page, 2)
    ending()
    assert ending.choice == "keep"
    snapshot = pages["operator"].http.get("/api/operator/session").json()
    assert (snapshot["phase"], snapshot["consent"]) == ("done", 2)
    finish_session(session.study, "001")
    study = open_study(session.study)
    assert study.participants["sub-001"].consent_level == 2
    trials = study.session("sub-001").trials()
    assert trials is not None
    assert trials["self_report"].tolist() == ["fear", "fear"]
    with pytest.raises(DataError, match="wanted a participant who is not in the study"):
        prepare(session.study, "001")


def test_a_step_out_of_order_says_what_is_expected(pages: dict[str, Page]) -> None:
    page = begun(pages)
    answer = page.step("ready", 2)
    assert answer.status_code == 409
    assert answer.json()["expected"] == {"trial": 1, "practice": True}


@pytest.mark.parametrize(
    "body",
    [
        {"trial": "one", "practice": True, "what": "ready"},
        {"trial": 1, "practice": True, "what": "x" * 50},
        {"trial": 1, "practice": True},
        {"id": "", "trial": 1, "practice": True, "what": "ready"},
        {"id": "x" * 99, "trial": 1, "practice": True, "what": "ready"},
        {"trial": 1, "practice": True, "what": "ready", "at_s": "now"},
        [],
    ],
)
def test_a_malformed_post_is_one_sentence(pages: dict[str, Page], body: Any) -> None:
    page = begun(pages)
    whole = body if isinstance(body, list) else {"id": "12345678", **body}
    answer = page.http.post("/api/participant/event", json=whole)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert answer.json()["error"].count("\n") == 0


def test_a_page_that_repeats_its_posts_changes_nothing(
    session: PresentSession, pages: dict[str, Page]
) -> None:
    page = begun(pages)
    body = {"id": "a-post-of-mine", "trial": 1, "practice": True, "what": "ready"}
    before = None
    for _ in range(3):
        assert page.http.post("/api/participant/event", json=body).status_code == 200
        rows = len(session.conductor.journal.rows)
        assert before in (None, rows)
        before = rows


def test_many_pages_posting_at_once_lose_and_double_nothing(
    session: PresentSession, pages: dict[str, Page]
) -> None:
    page = begun(pages)
    operator = pages["operator"]

    def remind(n: int) -> None:
        for k in range(5):
            assert operator.post("/api/operator/reminder", reason=f"{n}-{k}").status_code == 200

    threads = [threading.Thread(target=remind, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    play(page, practice=True)
    for thread in threads:
        thread.join()
    reasons = [reminder["reason"] for reminder in session.conductor.reminders()]
    assert sorted(reasons) == sorted(f"{n}-{k}" for n in range(6) for k in range(5))
    assert [row["n"] for row in session.conductor.journal.rows] == list(
        range(1, len(session.conductor.journal.rows) + 1)
    )


def test_clips_that_cannot_be_played_are_told_before_the_session(clips_study: Path, tmp_path: Path) -> None:
    import shutil

    study = tmp_path / "study"
    shutil.copytree(clips_study, study)
    clips = layout.stimuli(study).parent / "clips"
    (clips / "clip-101.mp4").unlink()
    (clips / "clip-102.mp4").write_bytes(b"no film")
    with pytest.raises(DataError) as caught:
        prepare(study, "001")
    said = str(caught.value)
    assert "clip-101.mp4: wanted the clip's file, got no such file" in said
    assert "clip-102.mp4" in said
    assert not layout.source_folder(study, "sub-001").exists()


def test_a_clip_that_the_browser_cannot_play_is_told_loudly(
    session: PresentSession, pages: dict[str, Page]
) -> None:
    page = begun(pages)
    failed = [{"id": session.sign_of("clip-101"), "reason": "no decoder"}]
    assert page.post("/api/participant/preloaded", ok=False, failed=failed).status_code == 200
    (notice,) = pages["operator"].http.get("/api/operator/session").json()["notices"]
    assert notice["level"] == "failure"
    assert "clip-101" in notice["sentence"]
    assert "no decoder" in notice["sentence"]


def test_two_runners_on_one_study_are_one_too_many(session: PresentSession) -> None:
    with only_runner(session.study, "http://127.0.0.1:1"):
        second = only_runner(session.study, "b")
        with pytest.raises(DataError, match=r"got one at http://127\.0\.0\.1:1"):
            second.__enter__()
    with only_runner(session.study, "c"):
        pass


def test_without_a_camera_nothing_of_it_is_offered(pages: dict[str, Page]) -> None:
    operator = pages["operator"]
    assert operator.http.get("/api/operator/camera").status_code == 404
    assert operator.post("/api/operator/baseline", seconds=20).status_code == 400
    assert operator.post("/api/operator/automatic", on=True).status_code == 400
    assert operator.http.get("/api/operator/session").json()["camera"] is None


def test_a_camera_that_is_not_there_is_one_sentence(session: PresentSession) -> None:
    session.stop()
    with pytest.raises(DataError, match="wanted"):
        open_present(session.study, camera="no-such-film.mp4")


def test_the_keys_outlive_the_server_and_only_the_owner_reads_them(session: PresentSession) -> None:
    path = session.conductor.folder / ".keys.json"
    assert path.stat().st_mode & 0o077 == 0
    keys = dict(session.access.keys)
    session.stop()
    again = open_present(session.study)
    assert dict(again.access.keys) == keys
    assert again.part == 2
    again.stop()


def test_a_cookie_cannot_be_read_by_scripts(session: PresentSession) -> None:
    answer = client(session).post(
        "/api/door", json={"role": "operator", "key": session.access.keys["operator"]}
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert HOST.split(":")[0]
