"""Small clips in a table, a server of their ratings, and raters' pages that ask it things."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from mien.app.present.rating import Collection, open_collection
from mien.app.present.rating_serve import rating_application
from mien.simulate.clips import simulate_clips

HOST = "127.0.0.1:8440"


def write_clip_list(
    folder: Path, *, emotions: tuple[str, ...] = ("happiness", "fear", "anger"), seconds: float = 1.0
) -> Path:
    """Films, whose names tell what they aim at, in clips.csv; one is for practice, one calm."""
    clips = simulate_clips(folder / "films", emotions=emotions, seconds=seconds, neutral_s=1.0)
    table = folder / "clips.csv"
    lines = [f"films/{clip.file.name},{clip.emotion or 'n/a'},{clip.role}" for clip in clips]
    table.write_text("file,emotion,role\n" + "\n".join(lines) + "\n")
    return table


@contextlib.contextmanager
def collecting(
    clips: Path, ratings: Path, raters: tuple[str, ...] = ("r01", "r02"), **more: Any
) -> Iterator[Collection]:
    with open_collection(ratings, clips, raters, **more) as collection:
        yield collection


@dataclass
class RaterPage:
    """A rater's page."""

    rater: str
    http: TestClient

    def plan(self) -> Any:
        return self.http.get("/api/rating/plan").json()

    def rate(
        self, sign: str, emotion: object = "fear", valence: object = 2, arousal: object = 8, **more: Any
    ) -> Any:
        body = {
            "id": str(uuid.uuid4()),
            "stimulus": sign,
            "emotion": emotion,
            "valence": valence,
            "arousal": arousal,
        }
        return self.http.post("/api/rating/rating", json={**body, "watched_s": 1.0, **more})


def client(collection: Collection) -> TestClient:
    return TestClient(rating_application(collection, hosts=[HOST]), base_url=f"http://{HOST}")


def enter(collection: Collection, rater: str) -> RaterPage:
    """A page that came in by its link."""
    http = client(collection)
    answer = http.post("/api/door", json={"role": "rater", "key": collection.access.keys[f"rater:{rater}"]})
    assert answer.status_code == 200, answer.text
    http.headers["X-Mien-CSRF"] = answer.json()["csrf"]
    http.headers["X-Mien-Role"] = "rater"
    return RaterPage(rater, http)
