"""Clips: the list, one clip with a sheet, its frames, motion and traces, and who codes it."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict

from mien.app.asking import asked, asked_of_clip
from mien.app.bench import Bench
from mien.app.frame_server import ProxyState
from mien.app.guard import DeniedError
from mien.app.motion import motion_arrows
from mien.app.study_clips import Clip
from mien.app.study_tables import follow
from mien.coding.edits import SheetNow
from mien.coding.stages import FINAL, ClipState, Coder, allowed, may_edit, may_see_sheet
from mien.core.errors import MienError
from mien.recording.frame_proxy import GROUP

_LARGEST_WIDTH = 8192


class Assignment(BaseModel):
    """Who is to code a clip."""

    model_config = ConfigDict(extra="forbid", strict=True)
    coders: list[str]


class Assignments(BaseModel):
    """Who is to code several clips, or all."""

    model_config = ConfigDict(extra="forbid", strict=True)
    clips: list[str] | Literal["all"]
    coders: list[str]


def clip_list(request: Request) -> list[dict[str, Any]]:
    """Every clip that somebody may know of, in order of participant and run."""
    bench, who = asked(request)
    counts = bench.store.counts()
    states = {(state.participant, state.run): state for state in bench.store.clips()}
    found = []
    for clip in bench.clips:
        state = states.get((clip.participant, clip.run))
        if state is not None and (who.role != "coder" or who.label in state.coders):
            found.append(_line(bench, who, clip, state, counts))
    return found


def _line(
    bench: Bench, who: Coder, clip: Clip, state: ClipState, counts: dict[tuple[str, int, str], int]
) -> dict[str, Any]:
    def n(coder: str) -> int:
        return counts.get((clip.participant, clip.run, coder), 0)

    seen = [coder for coder in state.coders if may_see_sheet(who, state, coder)]
    return {
        "id": clip.id,
        "participant": clip.participant,
        "run": clip.run,
        "trial": clip.trial,
        "n_frames": bench.clips.n_frames(clip),
        "duration_s": bench.clips.duration_s(clip),
        "stage": state.stage,
        "mine": state.coders.get(who.label),
        "n_mine": n(who.label),
        "returned": state.returned.get(who.label),
        "coders": [{"label": c, "state": state.coders[c], "n": n(c)} for c in seen],
        "assigned": list(state.coders) if who.role == "lead" else None,
        "can": allowed(who, state),
        "problem": clip.problem,
    }


def clip(request: Request, name: str, sheet: str | None = None) -> dict[str, Any]:
    """A clip with one sheet; without a name one's own."""
    bench, who, found, state = asked_of_clip(request, name)
    return clip_with_sheet(bench, who, found, state, sheet or who.label)


def clip_with_sheet(bench: Bench, who: Coder, clip: Clip, state: ClipState, label: str) -> dict[str, Any]:
    """What the coding page shows; raises DeniedError for a sheet that somebody may not see."""
    if not may_see_sheet(who, state, label):
        raise DeniedError(
            403, "You code this clip blind: other sheets are shown after all have coded.", "blind"
        )
    sheet = bench.store.sheet(clip.participant, clip.run, label)
    first, proxy = _first_picture(bench, clip)
    found = bench.doubts(clip, sheet)
    return {
        "id": clip.id,
        "participant": clip.participant,
        "run": clip.run,
        "trial": clip.trial,
        "stage": state.stage,
        "width": 0 if first is None else int(first.shape[1]),
        "height": 0 if first is None else int(first.shape[0]),
        **_times(bench, clip),
        "key_every": GROUP,
        "proxy": proxy.as_json(),
        "face": bench.face(clip) if first is not None else None,
        "sheet": {
            "coder": label,
            "state": sheet.state,
            "revealed": sheet.revealed,
            "returned": sheet.returned,
            "may_edit": may_edit(who, state, label),
        },
        "expressions": [expression_json(kept, found) for kept in sheet.expressions],
        "suggestions": _suggestions(bench, clip, sheet) if label == who.label else [],
        "context": bench.clips.context(clip) if sheet.revealed or label == FINAL else None,
        "can": allowed(who, state),
    }


def _first_picture(bench: Bench, clip: Clip) -> tuple[Any, ProxyState]:
    """The first frame, where it can be had, and how far the proxy is."""
    if bench.frames.state(clip).state == "ready":
        with contextlib.suppress(MienError):  # the state says then what is wrong
            return bench.frames.pixels(clip, 0), bench.frames.state(clip)
    return None, bench.frames.state(clip)


def expression_json(kept: Any, doubts: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """An expression as pages get it."""
    return {
        "id": kept.id,
        "version": kept.version,
        "body": kept.annotation.as_json(),
        "doubts": doubts.get(kept.id, []),
    }


def _times(bench: Bench, clip: Clip) -> dict[str, Any]:
    try:
        times = bench.clips.times_s(clip)
    except MienError as error:
        return {"n_frames": 0, "times_s": [], "clock": "camera", "rate_hz": None, "problem": str(error)}
    rate = None if len(times) < 2 else round(float((len(times) - 1) / times[-1]), 3)
    return {
        "n_frames": len(times),
        "times_s": np.round(times, 6).tolist(),
        "clock": "camera",
        "rate_hz": rate,
        "problem": clip.problem,
    }


def _suggestions(bench: Bench, clip: Clip, sheet: SheetNow) -> list[dict[str, Any]]:
    return [
        {**one.as_json(), "decision": sheet.decisions.get(one.id)}
        for one in bench.suggestions.get(clip.id, ())
    ]


def proxy_state(request: Request, name: str) -> dict[str, Any]:
    """How far the proxy is."""
    bench, _, found, _ = asked_of_clip(request, name)
    return bench.frames.state(found).as_json()


def make_proxy(request: Request, name: str) -> dict[str, Any]:
    """Have the proxy made."""
    bench, _, found, _ = asked_of_clip(request, name)
    return bench.frames.ask(found).as_json()


def frame(
    request: Request, name: str, number: int, w: Annotated[int | None, Query(ge=16, le=_LARGEST_WIDTH)] = None
) -> Response:
    """One frame as JPEG, with its number beside it."""
    bench, _, found, _ = asked_of_clip(request, name)
    picture = bench.frames.picture(found, number, width=w)
    if picture is None:
        raise DeniedError(503, "The frames of this clip are not ready yet: wait until they are.", "proxy")
    return Response(picture, media_type="image/jpeg", headers={"X-Mien-Frame": str(number)})


def flow(
    request: Request,
    name: str,
    first: Annotated[int, Query(alias="from")],
    second: Annotated[int, Query(alias="to")],
) -> dict[str, Any]:
    """How the face moved from one frame to another."""
    bench, _, found, _ = asked_of_clip(request, name)
    pictures = [bench.frames.pixels(found, number) for number in (first, second)]
    if any(picture is None for picture in pictures):
        raise DeniedError(503, "The frames of this clip are not ready yet: wait until they are.", "proxy")
    height, width = pictures[0].shape[:2]
    arrows = motion_arrows(pictures[0], pictures[1], bench.face(found))
    return {"width": int(width), "height": int(height), "vectors": arrows}


def traces(request: Request, name: str) -> dict[str, Any]:
    """What the body did during the clip."""
    bench, _, found, _ = asked_of_clip(request, name)
    try:
        traced, problem = bench.traces.of(found)
    except MienError as error:
        return {"traces": [], "problem": str(error)}
    return {"traces": [one.as_json() for one in traced], "problem": problem}


def assign(request: Request, name: str, body: Assignment) -> dict[str, Any]:
    """Who codes one clip."""
    bench, who, found, _ = asked_of_clip(request, name)
    _assign(bench, who, found, body.coders)
    return {"assigned": 1}


def _assign(bench: Bench, who: Coder, clip: Clip, labels: list[str]) -> None:
    """Assign; the tables of who comes or goes with a sheet that was done follow."""
    before = bench.store.clip(clip.participant, clip.run).coders
    bench.store.assign(clip.participant, clip.run, labels, by=who.label)
    after = bench.store.clip(clip.participant, clip.run).coders
    changed = {**before, **after}.items() - (before.items() & after.items())
    follow(bench, clip.participant, sorted(label for label, state in changed if state == "done"))


def assign_many(request: Request, body: Assignments) -> dict[str, Any]:
    """Who codes several clips, or all that are still being coded."""
    bench, who = asked(request)
    if body.clips == "all":
        open_now = {(s.participant, s.run) for s in bench.store.clips() if s.stage == "code"}
        chosen = [clip for clip in bench.clips if (clip.participant, clip.run) in open_now]
    else:
        chosen = [bench.clip(name, who)[0] for name in body.clips]
    for one in chosen:
        _assign(bench, who, one, body.coders)
    return {"assigned": len(chosen)}
