"""Every route x every role, from the route table itself; and what a request must never get past the door."""

from __future__ import annotations

import re

import pytest
from bench_world import CLIP, HOST, Person, client

from mien.app.application import STATIC
from mien.app.bench import Bench
from mien.app.guard import COOKIE, LARGEST_BODY, LARGEST_UPLOAD
from mien.app.routes import ROUTES, Route

RANK = {"coder": 0, "expert": 1, "lead": 2}
WHO = {"A": "coder", "expert1": "expert", "lead1": "lead"}
BODIES = {
    "/api/session": {"token": "no such token"},
    "/api/coders": {"label": "new", "name": "New", "role": "coder"},
    "/api/clips/{name}/assignment": {"coders": ["A", "B"]},
    "/api/assignments": {"clips": [CLIP], "coders": ["A", "B"]},
    "/api/edits": {"key": "k", "clip": CLIP, "sheet": "A", "action": "put"},
    "/api/clips/{name}/stage": {"to": "final"},
}
QUERIES = {"/api/clips/{name}/flow": "?from=0&to=1"}


def path_of(route: Route, clip: str = CLIP) -> str:
    path = route.path.format(name=clip, number=0, form="tsv", label="C")
    return path + QUERIES.get(route.path, "")


def ask(http: object, route: Route, clip: str = CLIP, **more: object) -> int:
    body = {"json": BODIES[route.path]} if route.path in BODIES and route.method != "GET" else {}
    answer = http.request(route.method, path_of(route, clip), **body, **more)  # type: ignore[attr-defined]
    if answer.status_code >= 400:
        said = answer.json()
        assert set(said) >= {"error", "kind"}, route
        assert "Traceback" not in answer.text
    return int(answer.status_code)


SIGN_OUT_LAST = sorted(ROUTES, key=lambda route: route.path == "/api/session")


def test_nobody_who_is_not_signed_in_gets_anything(bench: Bench) -> None:
    for route in ROUTES:
        assert ask(client(bench), route) == 401, route


@pytest.mark.parametrize("label", WHO)
def test_each_role_gets_what_its_rank_allows_of_every_route(
    bench: Bench, people: dict[str, Person], label: str
) -> None:
    bench.frames.make(bench.clips.get(CLIP))  # type: ignore[arg-type]
    for route in SIGN_OUT_LAST:
        status = ask(people[label].http, route)
        if route.least is not None and RANK[WHO[label]] < RANK[route.least]:
            assert status == 403, route
        elif route.least is not None:
            assert status not in (401, 500), route


def test_a_change_without_our_pages_token_or_from_another_page_is_refused(people: dict[str, Person]) -> None:
    http = people["lead1"].http
    for route in ROUTES:
        if route.method != "GET" and route.least is not None:
            assert ask(http, route, headers={"X-Mien-CSRF": "0" * 64}) == 403, route
            assert ask(http, route, headers={"X-Mien-CSRF": ""}) == 403, route
            assert ask(http, route, headers={"Origin": "http://evil.example"}) == 403, route
            assert ask(http, route, headers={"Sec-Fetch-Site": "cross-site"}) == 403, route


@pytest.mark.parametrize("clip", ["sub-002_run-01", "sub-009_run-01", "sub-001_run-1", "..%2f..%2fetc"])
def test_another_clip_than_ones_own_is_not_found(people: dict[str, Person], clip: str) -> None:
    others = ("A", "C") if clip == "sub-002_run-01" else ("A", "expert1", "lead1")
    for route in ROUTES:
        for label in others if "{name}" in route.path else ():
            refused = RANK[WHO.get(label, "coder")] < RANK[route.least or "coder"]
            assert ask(people[label].http, route, clip) == (403 if refused and "%" not in clip else 404), (
                route
            )


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8420", "127.0.0.1:9999", "", "localhost.evil:8420"]
)
def test_another_host_name_is_refused_before_anything_is_looked_at(bench: Bench, host: str) -> None:
    for path in ("/", "/api/me", "/assets/x.js"):
        answer = client(bench).get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["kind"]) == (400, "host")


PATHS = [
    "/../../../etc/passwd", "/assets/../../bench.secret", "/assets/%2e%2e/%2e%2e/application.py",
    "/%2e%2e%2f%2e%2e%2fbench.sqlite", "/assets//etc/passwd", "/assets/..%5c..%5cbench.secret",
    "/assets/index.html%00.js", "/derivatives/coding/bench.sqlite", "/.git/config",
    "/api/clips/sub-001_run-01/frames/../../../../bench.secret", "/api/clips/%2fetc%2fpasswd/frames/0",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_page(people: dict[str, Person], path: str) -> None:
    answer = people["lead1"].http.get(path)
    assert answer.status_code in (400, 404)
    assert b"root:" not in answer.content
    assert b"SQLite" not in answer.content


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(people: dict[str, Person]) -> None:
    http = people["A"].http
    answer = http.post("/api/edits", content=b"x" * (LARGEST_BODY + 1))
    assert (answer.status_code, answer.json()["kind"]) == (413, "size")
    chunks = (b"y" * 1000 for _ in range(LARGEST_BODY // 1000 + 2))
    assert http.post("/api/edits", content=chunks).status_code == 413
    upload = http.post(f"/api/clips/{CLIP}/import/eaf", content=b"x" * (LARGEST_UPLOAD + 1))
    assert upload.status_code == 413


def test_every_answer_carries_the_headers_that_keep_pages_apart(people: dict[str, Person]) -> None:
    for path in ("/api/me", "/api/nothing", f"/api/clips/{CLIP}", "/"):
        headers = people["A"].http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_by_other_pages(bench: Bench) -> None:
    token = bench.store.add_coder("D", "D", "coder", by="lead")
    answer = client(bench).post("/api/session", json={"token": token})
    cookie = answer.headers["set-cookie"]
    assert re.search("httponly", cookie, re.IGNORECASE)
    assert re.search("samesite=strict", cookie, re.IGNORECASE)
    assert token not in cookie


def test_wrong_tokens_are_slowed_down_and_right_ones_too_meanwhile(bench: Bench) -> None:
    token = bench.store.add_coder("D", "D", "coder", by="lead")
    http = client(bench)
    assert [http.post("/api/session", json={"token": "x"}).status_code for _ in range(11)] == [401] * 10 + [
        429
    ]
    assert http.post("/api/session", json={"token": token}).status_code == 429


def test_a_session_ends_with_signing_out_another_token_and_deactivation(
    bench: Bench, people: dict[str, Person]
) -> None:
    assert people["A"].http.delete("/api/session").status_code == 200
    assert people["A"].http.get("/api/me").status_code == 401
    bench.store.new_token("B", by="lead")
    assert people["B"].http.get("/api/me").status_code == 401
    assert people["lead1"].http.delete("/api/coders/C").status_code == 200
    assert people["C"].http.get("/api/me").status_code == 401
    assert people["lead1"].http.delete("/api/coders/lead1").status_code == 400


def test_another_cookie_is_nobody(bench: Bench) -> None:
    http = client(bench)
    http.cookies.set(COOKIE, "f" * 64)
    assert http.get("/api/me").status_code == 401


@pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="the page is not built: make web")
def test_the_page_and_its_files_are_served_as_what_they_are_without_anything_inline(bench: Bench) -> None:
    http = client(bench)
    page = http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*src=)|\son\w+=|https?://", page.text)
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        answer = http.get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] in (
            "text/javascript", "application/javascript", "text/css", "image/svg+xml",
        )  # fmt: skip


def test_hosts_are_told_by_name(bench: Bench) -> None:
    assert HOST in client(bench).get("/", headers={"Host": "evil"}).json()["error"]
