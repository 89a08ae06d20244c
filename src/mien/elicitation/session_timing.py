"""How late things came in a session: clips after their key, codes after their first frame."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from mien.elicitation.journal import Row
from mien.elicitation.progress import Key, Progress
from mien.elicitation.schedule import Trial


def session_timing(
    progress: Progress, trials: Mapping[Key, Trial], codes: Sequence[Row]
) -> dict[str, dict[str, float | int | None]]:
    """Clip asked for to first frame shown, and first frame to code, ms: median, worst, number."""
    sent = {(row["trial"], row["code"]): float(row["at_s"]) for row in codes if row["sent"]}
    shown_ms, code_ms = [], []
    for (practice, number), tries in progress.attempts.items():
        for attempt in tries:
            asked, shown = attempt.at_s("requested"), attempt.at_s("clip-shown")
            if asked is not None and shown is not None:
                shown_ms.append(1e3 * (shown - asked))
        trial, shown = trials.get((practice, number)), tries[-1].at_s("clip-shown")
        at = None if trial is None or practice else sent.get((number, trial.clip.code))
        if at is not None and shown is not None:
            code_ms.append(1e3 * (at - shown))
    return {"shown_ms": _summary(shown_ms), "trigger_ms": _summary(code_ms)}


def _summary(values: list[float]) -> dict[str, float | int | None]:
    if not values:
        return {"median": None, "worst": None, "n": 0}
    return {"median": statistics.median(values), "worst": max(values, key=abs), "n": len(values)}
