"""Expressions of a file onto a coder's own sheet: each once, whatever is sent how often.

Conventions: an expression that stands on the sheet already, or was imported before, is not added again; the
key of an edit follows from what it says. What cannot be added is told.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from mien.app.bench import Bench
from mien.app.study_clips import Clip
from mien.coding.annotation import Annotation
from mien.coding.edits import Edit
from mien.coding.mmme_layout import ReadRow
from mien.coding.stages import Coder
from mien.core.errors import DataError

MOST_PROBLEMS = 100
"""Sentences that an answer holds at most."""

_LONGEST = 300
_SPACE = uuid.UUID("8f4a3c55-1a0d-5b7e-8d8d-6f6f2f3f9c01")


def add_to_sheet(bench: Bench, clip: Clip, who: Coder, found: Sequence[ReadRow], problems: list[str]) -> int:
    """Put what was read onto somebody's own sheet; returns how many expressions were added."""
    kept = bench.store.sheet(clip.participant, clip.run, who.label).expressions
    there = {_spelled(one.annotation) for one in kept if one.annotation is not None}
    added, known = 0, 0
    for row in found:
        try:
            bench.check_frames(clip, row.said)
            bench.check_emotion(row.said)
            repeated = _spelled(row.said) in there or _put(bench, clip, who, row.said)
        except DataError as error:
            problems.append(f"{row.place}: {error}")
            continue
        added, known = added + (not repeated), known + repeated
        there.add(_spelled(row.said))
        problems += [f"{row.place}: {remark}" for remark in row.remarks if not repeated]
    if known:
        problems.append(
            f"{known} expressions stand on the sheet already or were imported before: not added again."
        )
    return added


def _spelled(said: Annotation) -> str:
    return json.dumps(said.as_json(), sort_keys=True)


def _put(bench: Bench, clip: Clip, who: Coder, said: Annotation) -> bool:
    """Keep one expression under a key that follows from what it says; whether it was there before."""
    named = f"{clip.id}|{who.label}|{_spelled(said)}"
    edit = Edit(
        key=str(uuid.uuid5(_SPACE, named)),
        participant=clip.participant,
        run=clip.run,
        sheet=who.label,
        action="put",
        expression=str(uuid.uuid5(_SPACE, f"expression {named}")),
        base=0,
        annotation=said,
    )
    return bench.store.put(edit, by=who).repeated


def told(problems: Sequence[str]) -> list[str]:
    """At most `MOST_PROBLEMS` sentences of bearable length."""
    short = [one if len(one) <= _LONGEST else f"{one[:_LONGEST]}..." for one in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        short[-1] = f"And {len(problems) - MOST_PROBLEMS + 1} further problems."
    return short
