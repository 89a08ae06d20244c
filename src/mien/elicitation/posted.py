"""What pages post, read: a report within the protocol's scales, and what a page says of its own clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.core.errors import DataError
from mien.elicitation.protocol import Report

_KEPT = (
    "page_ms", "uncertainty_ms", "media_time", "refresh_hz", "frames_shown", "frames_dropped", "stalled_ms",
)  # fmt: skip
_LONGEST = 500


def report_of(asked: Report, posted: Mapping[str, Any]) -> dict[str, Any]:
    """What a participant reported; raises DataError for what lies beyond the protocol's words and scales."""
    found: dict[str, int | None] = {}
    emotion = posted.get("emotion")
    if emotion is not None and emotion not in asked.emotions:
        wanted = ", ".join(asked.emotions)
        raise DataError("report", wanted=wanted, got=repr(emotion)[:60], remedy="choose one")
    for name in ("valence", "arousal"):
        value = posted.get(name)
        if value is not None and (type(value) is not int or not asked.low <= value <= asked.high):
            raise DataError(
                f"report, {name}",
                wanted=f"{asked.low} to {asked.high}",
                got=repr(value)[:60],
                remedy="choose one",
            )
        found[name] = value
    timed_out, took_s = bool(posted.get("timed_out")), number_of(posted.get("took_s"))
    return {**found, "emotion": emotion, "timed_out": timed_out, "took_s": took_s}


def kept_of(posted: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of every post: its identity, and what a page says of its clock and its pictures."""
    numbers = {name: number_of(posted.get(name)) for name in _KEPT}
    found: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    if isinstance(posted.get("sentence"), str):
        found["sentence"] = posted["sentence"][:_LONGEST]
    return {"id": str(posted["id"]), **found}


def number_of(value: object) -> float | None:
    """A number that a page posted; None for anything else, and for what no time can be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e15 else None
