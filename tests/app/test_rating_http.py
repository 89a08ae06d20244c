"""Ratings over HTTP: who gets what, what is kept when, what a rater must not learn, what is refused."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rating_world import RaterPage, client, collecting, enter, write_clip_list

from mien.app.present.access import ROLES
from mien.app.present.rating import Collection
from mien.app.present.rating_routes import RATING_ROUTES
from mien.core.errors import DataError
from mien.elicitation.rating_table import COLUMNS, KeptRating, RatingTable
from mien.elicitation.ratings import read_ratings

HEADER = ",".join(COLUMNS) + "\n"
END = "1.000,2026-01-01T00:00:00Z\n"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip_list(tmp_path_factory.mktemp("rated"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "ratings.csv"


@pytest.fixture
def collection(clips: Path, table: Path) -> Iterator[Collection]:
    with collecting(clips, table) as opened:
        yield opened


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def rate_all(page: RaterPage) -> None:
    for clip in page.plan()["clips"]:
        assert page.rate(clip["id"]).status_code == 200


def ask(http: Any, method: str, path: str, **more: Any) -> Any:
    return http.request(method, path.format(name="x"), **({} if method == "GET" else {"json": {}}), **more)


def test_nobody_without_a_key_gets_anything(collection: Collection) -> None:
    for route in RATING_ROUTES:
        status = ask(client(collection), route.method, route.path).status_code
        assert status == (400 if (route.path, route.method) == ("/api/door", "POST") else 401), route
    for role in ROLES:
        assert client(collection).post("/api/door", json={"role": role, "key": "guess"}).status_code == 401


def test_a_rater_is_no_operator(collection: Collection) -> None:
    key = collection.access.keys["rater:r01"]
    for role in ROLES:
        answer = client(collection).post("/api/door", json={"role": role, "key": key})
        assert (answer.status_code == 200) == (role == "rater")


def test_a_rating_needs_our_pages_token_and_origin(collection: Collection, table: Path) -> None:
    page = enter(collection, "r01")
    sign = page.plan()["clips"][0]["id"]
    for headers in (
        {"X-Mien-CSRF": "0" * 32},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        body = {"id": "12345678", "stimulus": sign, "emotion": "fear", "valence": 1, "arousal": 1}
        assert page.http.post("/api/rating/rating", json=body, headers=headers).status_code == 403
    assert page.http.get("/api/rating/plan", headers={"Host": "evil.example"}).status_code == 400
    assert rows(table) == [] if table.exists() else True


def test_a_plan_tells_nothing_of_what_a_clip_aims_at(collection: Collection) -> None:
    page = enter(collection, "r01")
    plan = page.plan()
    told = json.dumps(plan["clips"]).lower()
    for word in (*plan["emotions"], "practice", "neutral", "films", ".mp4", "clip"):
        assert word not in told, word
    assert len(plan["clips"]) == plan["left"] == 3  # practice and calm clips are not rated
    headers = page.http.get(plan["clips"][0]["url"]).headers
    assert not any("happiness" in value or "films" in value for value in headers.values())


def test_media_are_served_whole_and_in_parts_and_nothing_else(collection: Collection) -> None:
    page = enter(collection, "r01")
    url = page.plan()["clips"][0]["url"]
    whole = page.http.get(url)
    assert whole.headers["content-type"] == "video/mp4"
    part = page.http.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    for name in ("happiness_1", "..%2fclips.csv", "%2e%2e/ratings.csv", ".ratings.csv.keys.json"):
        assert page.http.get(f"/media/{name}").status_code in (404, 405), name


def test_every_rater_has_an_order_of_their_own_that_stays(clips: Path, tmp_path: Path) -> None:
    names = tuple(f"r{n:02d}" for n in range(1, 13))

    def orders(seed: int = 0) -> list[list[str]]:
        with collecting(clips, tmp_path / "r.csv", names, seed=seed) as opened:
            signs = {sign: name for order in opened._orders.values() for sign, name in order.items()}
            plans: list[Any] = [opened.plan(name)["clips"] for name in names]
            return [[signs[clip["id"]] for clip in plan] for plan in plans]

    first = orders()
    assert first == orders()
    assert first != orders(seed=1)
    assert len({tuple(order) for order in first}) > 3
    assert all(sorted(order) == ["anger_1", "fear_1", "happiness_1"] for order in first)


def test_a_rating_is_on_disk_before_it_is_acknowledged(collection: Collection, table: Path) -> None:
    page = enter(collection, "r01")
    for number, clip in enumerate(page.plan()["clips"], start=1):
        answer = page.rate(clip["id"], "anger", number, 10 - number)
        assert answer.json() == {"left": 3 - number}
        last = rows(table)[-1]
        assert (last["rater_id"], last["emotion"]) == ("r01", "anger")
        assert (last["valence"], last["arousal"]) == (str(number), str(10 - number))
    found = read_ratings(table)
    assert found.raters == ("r01",)
    assert dict(zip(found.stimuli, found.target, strict=True)) == {
        "happiness_1": "happiness", "fear_1": "fear", "anger_1": "anger",
    }  # fmt: skip
    assert [clip["done"] for clip in page.plan()["clips"]] == [True] * 3


def test_rating_again_replaces(collection: Collection, table: Path) -> None:
    page = enter(collection, "r01")
    one, two, _ = (clip["id"] for clip in page.plan()["clips"])
    page.rate(one, "fear", 1, 1)
    page.rate(two, "fear", 5, 5)
    assert page.rate(one, "anger", 9, 8).json() == {"left": 1}
    assert [(r["emotion"], r["valence"], r["arousal"]) for r in rows(table)] == [
        ("anger", "9", "8"), ("fear", "5", "5"),
    ]  # fmt: skip


def test_a_post_that_is_repeated_changes_nothing(collection: Collection, table: Path) -> None:
    page = enter(collection, "r01")
    sign = page.plan()["clips"][0]["id"]
    page.rate(sign)
    before = table.read_bytes()
    for _ in range(3):
        assert page.rate(sign).status_code == 200
    assert table.read_bytes() == before


def test_raters_see_nothing_of_each_other(collection: Collection) -> None:
    one, two = enter(collection, "r01"), enter(collection, "r02")
    rate_all(one)
    assert two.plan()["left"] == 3
    assert not any(clip["done"] for clip in two.plan()["clips"])
    assert "r01" not in json.dumps(two.plan())


def test_a_page_signed_in_as_another_rater_cannot_rate_in_this_ones_name(
    collection: Collection, table: Path
) -> None:
    """Two links in one browser share a cookie: what the first page sends must not become the second's."""
    one, two = enter(collection, "r01"), enter(collection, "r02")
    answer = two.rate(one.plan()["clips"][0]["id"])
    assert answer.status_code == 404
    assert "link" in answer.json()["error"]
    assert not table.exists() or rows(table) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"valence": 0}, {"valence": 10}, {"valence": 4.5}, {"valence": "x"}, {"valence": True},
        {"valence": None}, {"arousal": -1}, {"arousal": [5]}, {"emotion": "joyful"}, {"emotion": None},
        {"emotion": ""}, {"emotion": "=1+1"}, {"sign": "happiness_1"}, {"sign": "../x"}, {"sign": "x" * 99},
        {"watched_s": -1}, {"watched_s": 1e9}, {"id": ""},
    ],
)  # fmt: skip
def test_a_malformed_rating_is_one_sentence_and_not_kept(
    collection: Collection, table: Path, wrong: dict[str, Any]
) -> None:
    page = enter(collection, "r01")
    answer = page.rate(**{"sign": page.plan()["clips"][0]["id"], **wrong})
    assert answer.status_code in (400, 404)
    assert answer.json()["error"].count("\n") == 0
    assert not table.exists() or rows(table) == []


def test_not_a_number_is_not_kept(collection: Collection) -> None:
    page = enter(collection, "r01")
    sign = page.plan()["clips"][0]["id"]
    body = f'{{"id":"12345678","stimulus":"{sign}","emotion":"fear","valence":1,"arousal":1,"watched_s":NaN}}'
    answer = page.http.post("/api/rating/rating", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_many_raters_at_once_lose_and_double_nothing(clips: Path, table: Path) -> None:
    names = tuple(f"r{n:02d}" for n in range(1, 9))
    with collecting(clips, table, names) as opened:
        pages = [enter(opened, name) for name in names]
        for _ in range(2):  # the second time replaces
            threads = [threading.Thread(target=rate_all, args=(page,)) for page in pages]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert opened.finished
    assert len(rows(table)) == 24
    found = read_ratings(table)
    assert found.raters == names
    assert (found.valence == 2).all()


def test_a_full_disk_keeps_the_table_and_is_told(
    collection: Collection, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = enter(collection, "r01")
    one, two, _ = (clip["id"] for clip in page.plan()["clips"])
    page.rate(one, "fear", 1, 1)
    before = table.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert page.rate(two).status_code == 507  # the page asks again
    assert page.rate(one, "anger", 2, 2).status_code == 507
    assert table.read_bytes() == before
    monkeypatch.undo()
    assert page.rate(two).status_code == 200
    assert page.plan()["left"] == 1


def test_a_killed_server_is_gone_on_with(clips: Path, table: Path) -> None:
    with collecting(clips, table) as opened:
        keys = dict(opened.access.keys)
        page = enter(opened, "r01")
        order = [clip["id"] for clip in page.plan()["clips"]]
        page.rate(order[0])
    whole = table.read_bytes()
    table.write_bytes(whole + whole.splitlines(keepends=True)[-1].replace(b"r01", b"r02")[:25])  # torn
    with collecting(clips, table) as opened:
        assert dict(opened.access.keys) == keys
        plan = enter(opened, "r01").plan()
        assert [clip["id"] for clip in plan["clips"]] == order
        assert [clip["done"] for clip in plan["clips"]] == [True, False, False]
        assert opened.left("r02") == 3
    assert table.read_bytes() == whole


@pytest.mark.parametrize("cut", range(1, 80, 3))
def test_wherever_the_last_line_is_torn_what_was_acknowledged_stays(tmp_path: Path, cut: int) -> None:
    table = RatingTable(tmp_path / "r.csv")
    for n, word in enumerate(("fear", "Ekel-Gefühl, groß")):
        table.keep(KeptRating(f"Clip „{n}“", "r01", word, 1, 9, None, 1.25))
    whole = table.path.read_bytes()
    first = whole.splitlines(keepends=True)[:2]
    table.path.write_bytes(whole[: max(len(b"".join(first)), len(whole) - cut)])
    again = RatingTable(table.path)
    assert ("Clip „0“", "r01") in again.rows
    assert len(again.rows) == (2 if cut == 1 else 1)  # only the line break is missing: the row is whole
    again.keep(KeptRating("Clip „1“", "r01", "fear", 2, 8, "fear", 1.0))
    assert RatingTable(table.path).rows[("Clip „1“", "r01")].valence in (1, 2)
    assert read_ratings(table.path).stimuli == ("Clip „0“", "Clip „1“")


def test_a_table_saved_by_a_spreadsheet_program_goes_on(clips: Path, table: Path) -> None:
    with collecting(clips, table) as opened:
        rate_all(enter(opened, "r01"))
    before = read_ratings(table)
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n").rstrip())
    with collecting(clips, table) as opened:
        assert opened.left("r01") == 0
        rate_all(enter(opened, "r02"))
    after = read_ratings(table)
    assert after.stimuli == before.stimuli
    assert (after.valence[:, 0] == before.valence[:, 0]).all()


def test_raters_may_be_added_later_and_keep_their_keys(clips: Path, table: Path) -> None:
    with collecting(clips, table, ("anna",)) as opened:
        rate_all(enter(opened, "anna"))
        key = opened.access.keys["rater:anna"]
    with collecting(clips, table, ("ben",)) as opened:
        assert opened.left("ben") == 3
        assert client(opened).post("/api/door", json={"role": "rater", "key": key}).status_code == 401
    with collecting(clips, table, ("anna", "ben")) as opened:
        assert opened.access.keys["rater:anna"] == key
    assert len(rows(table)) == 3


def test_keys_are_for_the_owner_alone(collection: Collection, table: Path) -> None:
    path = table.with_name(".ratings.csv.keys.json")
    assert path.stat().st_mode & 0o077 == 0


def test_two_servers_of_one_table_are_one_too_many(clips: Path, table: Path) -> None:
    with collecting(clips, table) as opened:
        opened.state("http://127.0.0.1:1")
        with pytest.raises(DataError, match=r"got one at http://127\.0\.0\.1:1"), collecting(clips, table):
            pass
    with collecting(clips, table):
        pass


def test_clips_that_cannot_be_played_are_told_before_anybody_rates(clips: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(clips.parent, tmp_path / "copy")
    films = tmp_path / "copy" / "films"
    (films / "fear_1.mp4").unlink()
    (films / "anger_1.mp4").write_bytes(b"no film")
    with (
        pytest.raises(DataError) as caught,
        collecting(tmp_path / "copy" / "clips.csv", tmp_path / "ratings.csv"),
    ):
        pass
    assert "2 that it does not" in str(caught.value)
    assert "fear_1.mp4: wanted the clip's file, got no such file" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"stimulus_id,rater_id,emotion,valence,arousal\na,b,fear,1,1\n", "a table that --collect began"),
        (b"\x00\x01\xff\xfe binary", "a table that --collect began"),
        (f"{HEADER}恐惧,b,fear,1,1,n/a,{END}".encode("gb18030"), "a table in UTF-8"),
        (f"{HEADER}a,b,fear,0,1,n/a,{END}".encode(), "from 1 to 9"),
        (f"{HEADER}a,b,fear,2.5,1,n/a,{END}".encode(), "as --collect writes"),
        (f"{HEADER}{f'a,b,fear,1,1,n/a,{END}' * 2}".encode(), "once by each"),
        (f"{HEADER}fear_1,b,fear,1,1,anger,{END}".encode(), "the clips' table"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_left_alone(
    clips: Path, table: Path, content: bytes, said: str
) -> None:
    table.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught, collecting(clips, table):
        pass
    assert str(caught.value).count("\n") == 0
    assert table.read_bytes() == content


@pytest.mark.parametrize("name", ["ratings.xlsx", "ratings", "nowhere/ratings.csv"])
def test_a_table_that_cannot_be_written_is_refused(clips: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="wanted"), collecting(clips, tmp_path / name):
        pass
    assert not [path for path in tmp_path.rglob("*") if not path.name.endswith(".lock")]


def test_clips_of_one_name_are_refused(clips: Path, tmp_path: Path) -> None:
    table = clips.with_name("twice.csv")
    table.write_text("file,emotion\nfilms/fear_1.mp4,fear\nfilms/fear_1.mp4,anger\n")
    with pytest.raises(DataError, match="got fear_1 twice"), collecting(table, tmp_path / "r.csv"):
        pass


def test_emotions_of_the_studys_own_are_offered_and_aims_may_be_unknown(clips: Path, tmp_path: Path) -> None:
    table = clips.with_name("own.csv")
    table.write_text("file,emotion\nfilms/fear_1.mp4,awe\nfilms/anger_1.mp4,n/a\n")
    with collecting(table, tmp_path / "r.tsv") as opened:
        page = enter(opened, "r01")
        assert page.plan()["emotions"][-1] == "awe"
        for clip in page.plan()["clips"]:
            assert page.rate(clip["id"], "awe").status_code == 200
    found = read_ratings(tmp_path / "r.tsv")
    assert dict(zip(found.stimuli, found.target, strict=True)) == {"fear_1": "awe", "anger_1": None}
