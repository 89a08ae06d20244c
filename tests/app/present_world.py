"""A study that nobody took part in yet, a session on it, and the pages that ask it things."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from mien.app.present.application import present_application
from mien.app.present.serve import Wishes, open_session, prepare
from mien.app.present.session import PresentSession
from mien.elicitation.new_study import new_study
from mien.elicitation.progress import STEPS
from mien.elicitation.protocol import Breaks, Protocol, Steps
from mien.simulate.clips import simulate_clips

HOST = "127.0.0.1:8430"


def write_clips_study(folder: Path, *, emotions: tuple[str, ...] = ("happiness", "fear")) -> Path:
    """Two trials of one second, one for practice, a calm clip."""
    clips = simulate_clips(folder.parent / "clips", emotions=emotions, seconds=1.0, neutral_s=1.0)
    protocol = Protocol(steps=Steps(neutral_s=1), breaks=Breaks(after_every=0))
    new_study(folder, clips, title="A study", protocol=protocol, simulated=True)
    return folder


def open_present(study: Path, participant: str = "001", **wishes: Any) -> PresentSession:
    protocol, schedule = prepare(study, participant)
    return open_session(study, participant, protocol, schedule, Wishes(**{"markers": False, **wishes}))


@dataclass
class Page:
    """A page of a session."""

    role: str
    http: TestClient

    def post(self, path: str, **body: Any) -> Any:
        return self.http.post(path, json={"id": str(uuid.uuid4()), **body})

    def step(self, what: str, trial: int = 1, practice: bool = False, **more: Any) -> Any:
        return self.post("/api/participant/event", trial=trial, practice=practice, what=what, **more)


def client(session: PresentSession) -> TestClient:
    return TestClient(present_application(session, hosts=[HOST]), base_url=f"http://{HOST}")


def enter(session: PresentSession, role: str) -> Page:
    """A page that came in by its link."""
    http = client(session)
    answer = http.post("/api/door", json={"role": role, "key": session.access.keys[role]})
    assert answer.status_code == 200, answer.text
    http.headers["X-Mien-CSRF"] = answer.json()["csrf"]
    http.headers["X-Mien-Role"] = role
    return Page(role, http)


def play(page: Page, trial: int = 1, practice: bool = False, *, until: str = "neutral-ended") -> None:
    """Go through a trial's steps."""
    for step in STEPS:
        more = {"emotion": "fear", "valence": 2, "arousal": 8} if step == "reported" else {}
        answer = page.step(step, trial, practice, **more)
        assert answer.status_code == 200, answer.text
        if step == until:
            return
