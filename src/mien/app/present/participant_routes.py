"""The participant's page: what is to be shown, and every step as it happens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from mien.app.present.asking import Posted, session_of
from mien.app.present.session import PresentSession
from mien.elicitation.schedule import Trial


class Consent(Posted):
    """The level that was chosen."""

    level: int


class Failed(BaseModel):
    """A clip that the page cannot play."""

    id: Annotated[str, Field(max_length=200)]
    reason: Annotated[str, Field(max_length=300)]


class Preloaded(Posted):
    """What became of loading the clips."""

    ok: bool
    failed: Annotated[list[Failed], Field(default_factory=list, max_length=1000)]
    screen: Annotated[dict[str, float | None], Field(default_factory=dict, max_length=20)]
    agent: Annotated[str, Field(max_length=400)] = ""


class Step(Posted):
    """A step of a trial."""

    trial: int
    practice: bool
    what: Annotated[str, Field(max_length=40)]


class Stop(Posted):
    """The participant stops; what becomes of the recordings may be chosen later."""

    choice: Literal["keep", "discard"] | None = None


def plan(request: Request) -> dict[str, Any]:
    """Everything that the page needs to show the rest of the session."""
    session = session_of(request)
    conductor = session.conductor
    protocol = conductor.protocol
    left = [t for t in conductor.schedule.trials if not conductor.done(t)]
    needed = dict.fromkeys(c.name for t in left for c in (t.clip, t.neutral) if c is not None)
    media = session.media
    seconds = {clip.name: clip.seconds for clip in conductor.schedule.clips}
    return {
        "study": session.title,
        "participant": conductor.participant,
        "phase": conductor.phase,
        "consent": {
            "text": list(protocol.consent.text),
            "levels": [level.model_dump() for level in protocol.consent.levels],
            "given": conductor.progress.consent,
        },
        "instructions": list(protocol.instructions),
        "report": {
            "emotions": list(protocol.report.emotions),
            "limit_s": protocol.steps.report_limit_s,
            "scale": {"low": protocol.report.low, "high": protocol.report.high},
        },
        "clip_limit_s": protocol.steps.clip_limit_s,
        "neutral_s": protocol.steps.neutral_s,
        "trials": [_trial(session, trial) for trial in conductor.schedule.trials],
        "media": [
            {"id": sign, "url": f"/media/{sign}", "seconds": seconds[name]}
            for name in needed
            if (sign := session.sign_of(name)) in media
        ],
        "words": dict(protocol.words),
    }


def _trial(session: PresentSession, trial: Trial) -> dict[str, Any]:
    conductor = session.conductor
    breaks = conductor.protocol.breaks
    rest = {"least_s": breaks.least_s, "text": None} if trial.break_after else None
    return {
        "number": trial.number,
        "practice": trial.practice,
        "block": trial.block,
        "clip": session.sign_of(trial.clip.name),
        "clip_s": trial.clip.seconds,
        "neutral": None if trial.neutral is None else session.sign_of(trial.neutral.name),
        "done": conductor.done(trial),
        "break_after": rest,
    }


def consent(request: Request, body: Consent) -> dict[str, Any]:
    """Keep what the participant allowed."""
    session = session_of(request)
    session.conductor.consent(body.level, body.as_posted())
    session.keep_baseline()
    return {"ok": True, "phase": session.conductor.phase}


def preloaded(request: Request, body: Preloaded) -> dict[str, Any]:
    """Keep whether every clip can be played; what cannot is told to the experimenter at once."""
    session = session_of(request)
    conductor = session.conductor
    if body.id not in conductor.progress.seen:
        failed = [{"id": session.clip_of(one.id), "reason": one.reason} for one in body.failed]
        conductor.write(
            "preloaded", id=body.id, ok=body.ok, failed=failed, screen=body.screen, agent=body.agent
        )
        for one in failed:
            conductor.notice(
                f"clip {one['id']}",
                f"clip {one['id']}: wanted one that this browser plays, got {one['reason']}; convert it.",
            )
    return {"ok": body.ok}


def step(request: Request, body: Step) -> dict[str, Any]:
    """Keep one step."""
    conductor = session_of(request).conductor
    phase = conductor.step(body.what, body.trial, body.practice, body.as_posted())
    return {"ok": True, "trial_state": phase}


def stop(request: Request, body: Stop) -> dict[str, Any]:
    """End the session."""
    session_of(request).conductor.stop("participant", body.choice, body.as_posted())
    return {"ok": True}
