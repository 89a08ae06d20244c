"""Several coders' sheets of one clip side by side: which rows mean one expression, and whether they agree.

Rows are grouped by `core.expression.group_expressions`, the rule by which a study's tables are merged; what
has no usable times stands alone. The adjudicated sheet takes part, so that each group shows what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mien.coding.annotation import Annotation, derived_kind
from mien.coding.stages import FINAL
from mien.core.errors import DataError
from mien.core.expression import Expression, group_expressions


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that mean one expression: (coder, its id, annotation), and what was decided (None: not yet).

    `agree` says whether every coder marked it, with the same kind, units (with sides) and emotion.
    """

    members: tuple[tuple[str, str, Annotation], ...]
    final: str | None
    agree: bool


def side_by_side(
    sheets: Mapping[str, Mapping[str, Annotation]], times_s: Sequence[float], *, coders: Sequence[str]
) -> list[Group]:
    """Groups in order of time.

    Parameters
    ----------
    sheets
        By coder (`final` among them), annotations by the expression's id.
    times_s
        Seconds of every frame of the clip.
    coders
        Who was to mark the clip: all must have, for a group to be agreed on.

    Examples
    --------
    >>> one, two = Annotation(onset=0, apex=1), Annotation(onset=0, apex=2)
    >>> len(side_by_side({"A": {"x": one}, "B": {"y": two}}, [0.0, 0.1, 0.2], coders=["A", "B"]))
    1
    """
    rows = [(who, name, said) for who, own in sheets.items() for name, said in own.items()]
    timed = [(row, at) for row in rows if (at := expression_of(row[0], row[2], times_s)) is not None]
    alone = [row for row in rows if expression_of(row[0], row[2], times_s) is None]
    groups: dict[int, list[tuple[str, str, Annotation]]] = {}
    for (row, _), number in zip(timed, group_expressions([at for _, at in timed]), strict=True):
        groups.setdefault(number, []).append(row)
    together = sorted((*groups.values(), *([row] for row in alone)), key=_first_frame)
    return [_group(members, coders, times_s) for members in together]


def expression_of(who: str, said: Annotation, times_s: Sequence[float]) -> Expression | None:
    """An annotation in seconds of its clip; None where it has no usable times."""
    frames = (said.onset, said.apex, said.offset)
    if said.onset is None or any(frame is not None and frame >= len(times_s) for frame in frames):
        return None
    onset, apex, offset = (None if frame is None else float(times_s[frame]) for frame in frames)
    assert onset is not None
    try:
        return Expression(onset, apex, offset, derived_kind(said, times_s), coder=who)
    except DataError:
        return None


def _group(
    rows: Sequence[tuple[str, str, Annotation]], coders: Sequence[str], times_s: Sequence[float]
) -> Group:
    members = tuple(sorted((row for row in rows if row[0] != FINAL), key=lambda row: row[:2]))
    final = next((name for who, name, _ in rows if who == FINAL), None)
    said = {_what(annotation, times_s) for _, _, annotation in members}
    agree = {who for who, _, _ in members} == set(coders) and len(said) == 1
    return Group(members, final, agree)


def _what(said: Annotation, times_s: Sequence[float]) -> tuple[object, ...]:
    units = frozenset((unit.number, unit.side) for unit in said.action_units)
    return derived_kind(said, times_s), units, said.emotion


def _first_frame(rows: Sequence[tuple[str, str, Annotation]]) -> tuple[float, str]:
    frames = [f for _, _, said in rows for f in (said.onset, said.apex, said.offset) if f is not None]
    return min(frames, default=float("inf")), rows[0][1]
