"""A small study with numbered videos, a bench on it, and people who ask it things."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from starlette.testclient import TestClient

from mien.app.application import create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, install_secret
from mien.coding.store import CodingStore
from mien.dataset import StudyWriter, layout, open_study

sys.path.insert(0, str(Path(__file__).parent))
from numbered import write_numbered

HOST = "127.0.0.1:8420"
CLIP = "sub-001_run-01"
N_FRAMES = 90
STAMPS_S = 100.0 + np.arange(N_FRAMES) / 30


def write_study(folder: Path, *, people: int = 2, runs: int = 1) -> Path:
    writer = StudyWriter(folder)
    names = [f"sub-{number:03d}" for number in range(1, people + 1)]
    for name in names:
        with writer.participant(name) as person:
            for run in range(1, runs + 1):
                path = layout.video(person.folder, name, run)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_numbered(path, STAMPS_S - STAMPS_S[0], bf="2", g="60")
                person.write_frame_times(run, STAMPS_S, counter=np.arange(N_FRAMES))
            trials = {
                "trial": range(1, runs + 1), "code": 101, "stimulus": "clip-101", "emotion": "disgust",
                "self_report": "fear", "valence": 3.0, "arousal": 7.0,
            }  # fmt: skip
            person.write_trials(pd.DataFrame(trials))
    writer.finish(pd.DataFrame({"participant_id": names, "consent_level": [1, 2, *[None] * people][:people]}))
    return folder


def open_bench(folder: Path, url: str | None = None, **more: Any) -> Bench:
    store = CodingStore.open(url or default_store(folder), secret=install_secret(folder))
    return Bench(open_study(folder), store, **more)


@dataclass
class Person:
    """Somebody who asks a bench."""

    label: str
    http: TestClient

    def edit(self, **fields: Any) -> Any:
        """A put of a new expression, unless said otherwise."""
        body = {
            "key": str(uuid.uuid4()), "clip": CLIP, "sheet": self.label, "action": "put",
            "expression": str(uuid.uuid4()), "base": 0, "body": {"onset": 10},
        }  # fmt: skip
        return self.http.post("/api/edits", json=body | fields)

    def get(self, path: str) -> Any:
        """The answer to a GET, as JSON; it must be 200."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def client(bench: Bench) -> TestClient:
    return TestClient(create_application(bench, hosts=[HOST]), base_url=f"http://{HOST}")


def sign_in(bench: Bench, label: str, token: str) -> Person:
    http = client(bench)
    assert http.post("/api/session", json={"token": token}).status_code == 200
    http.headers["X-Mien-CSRF"] = http.get("/api/me").json()["csrf"]
    return Person(label, http)
