"""A session without a browser: a protocol, clips by name only, a conductor whose pages are method calls."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.elicitation.clips import Clip
from mien.elicitation.clock import now_s
from mien.elicitation.conductor import Conductor
from mien.elicitation.equipment import Equipment
from mien.elicitation.progress import STEPS
from mien.elicitation.protocol import Breaks, Ordering, Protocol, Steps
from mien.elicitation.schedule import make_schedule

EMOTIONS = ("happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")


def clips(per_emotion: int = 1, *, emotions: tuple[str, ...] = EMOTIONS, seconds: float = 55.0) -> list[Clip]:
    codes = iter(range(101, 149))
    found = [
        Clip(f"clip-{code}", f"{code}.mp4", seconds, "trial", code, word)
        for word in emotions
        for code in [next(codes) for _ in range(per_emotion)]
    ]
    return [*found, Clip("practice-1", "p.mp4", 20.0, "practice"), Clip("calm", "n.mp4", 30.0, "neutral")]


def protocol(**more: Any) -> Protocol:
    return Protocol(
        **{
            "practice": ("practice-1",),
            "order": Ordering(kind="fixed"),
            "breaks": Breaks(after_every=0),
            "steps": Steps(),
            **more,
        }
    )


@dataclass
class Sent:
    at_s: float | None
    trouble: str | None = None


@dataclass
class FakeTrigger:
    """A device that remembers its codes, and can be pulled out."""

    name: str = "fake"
    codes: list[tuple[int, float]] = field(default_factory=list)
    gone: bool = False

    def send(self, code: int) -> Sent:
        if self.gone:
            return Sent(None, "trigger: wanted its port, got none; plug it in.")
        at = now_s()
        self.codes.append((code, at))
        return Sent(at)

    def close(self) -> None:
        pass


def open_conductor(folder: Path, made: Protocol | None = None, **more: Any) -> Conductor:
    made = made or protocol()
    schedule = make_schedule(made, clips(**more), 1)
    equipment = Equipment(folder, trigger=FakeTrigger())  # type: ignore[arg-type]
    conductor = Conductor(folder, made, schedule, equipment, participant="sub-001")
    conductor.write("opened", part=1, wall_s=1.7e9 + now_s(), trials=len(schedule.trials))
    return conductor


def post(**more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "at_s": now_s(), **more}


def consented(folder: Path, made: Protocol | None = None, **more: Any) -> Conductor:
    conductor = open_conductor(folder, made, **more)
    conductor.begin("AB")
    conductor.consent(1, post())
    return conductor


def play(conductor: Conductor, number: int, practice: bool = False, *, until: str = "neutral-ended") -> None:
    """Go through the steps of a trial up to one."""
    for step in STEPS:
        more = {"emotion": "happiness", "valence": 7, "arousal": 4} if step == "reported" else {}
        conductor.step(step, number, practice, post(**more))
        if step == until:
            return
