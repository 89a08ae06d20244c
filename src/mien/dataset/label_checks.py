"""What is doubtful in coded expressions: they contradict the rule, each other or themselves.

Doubts are warnings: only a person who looks at the video can decide. Rows that an import flagged are counted
and not doubted a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mien.core.expression import group_expressions, is_micro
from mien.core.labels import EMOTION_SPELLINGS, THREE_CLASSES
from mien.dataset.expressions import CodedExpression
from mien.dataset.manifest import Finding

_EMOTIONS = {*EMOTION_SPELLINGS.values(), *THREE_CLASSES}


def check_labels(place: str, rows: Sequence[CodedExpression]) -> Iterator[Finding]:
    """Doubts about one coding table, whose rows are all of one coder; `place` is its path in the study."""
    for row in rows:
        for code, message, remedy in _doubts(row):
            yield Finding(code, f"{place}, row {row.row}", "warning", message, remedy)
    for first, second in _duplicates(rows):
        yield Finding(
            "label-duplicate",
            f"{place}, row {second.row}",
            "warning",
            f"it codes the same expression as row {first.row}",
            "look at both; keep one, or correct their times",
        )
    flags = Counter(flag for row in rows for flag in row.flags)
    if flags:
        counts = ", ".join(f"{flag} {n}" for flag, n in sorted(flags.items()))
        yield Finding(
            "label-flagged",
            place,
            "warning",
            f"rows flagged when they were imported: {counts}",
            "look at them before they are counted",
        )


def _doubts(row: CodedExpression) -> Iterator[tuple[str, str, str]]:
    at = row.times
    if row.emotion is not None and row.emotion not in _EMOTIONS:
        yield "label-emotion", f"{row.emotion!r} is no emotion of the vocabulary", "correct the word"
    if at is None:
        return
    if at.apex_s == at.onset_s and "onset-is-apex" not in row.flags:
        yield "label-apex", "the apex is the onset: nothing has moved yet", "code the apex again"
    micro = is_micro(at.onset_s, at.apex_s, at.offset_s)
    if row.kind is not None and micro is not None and (row.kind == "micro") is not micro and not row.flags:
        yield (
            "label-kind",
            f"coded as {row.kind}, by its times {'micro' if micro else 'no micro-expression'}",
            "look at its times and its kind",
        )


def _duplicates(rows: Sequence[CodedExpression]) -> Iterator[tuple[CodedExpression, CodedExpression]]:
    for run, kind in sorted({(row.run, row.kind or "") for row in rows}):
        own = [r for r in rows if (r.run, r.kind or "") == (run, kind) and r.times is not None]
        first: dict[int, CodedExpression] = {}
        groups = group_expressions([replace(r.times, coder=None) for r in own if r.times is not None])
        for row, group in zip(own, groups, strict=True):
            if group in first and "duplicate" not in row.flags:
                yield first[group], row
            first.setdefault(group, row)
