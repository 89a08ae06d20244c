"""The nouns of the coding store: an edit and its answer, what is kept, a sheet now, a row of the log.

Conventions: a clip is a participant ("sub-001") and the number of a run; times are ISO 8601 in UTC with
microseconds, so that their texts sort as they do. Versions of an expression count from 1 at each accepted
change, deletion included: 0 is "not there yet".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mien.coding.annotation import Annotation
from mien.coding.stages import SheetState
from mien.core.errors import MienError

Action = Literal["put", "delete", "reject", "unreject"]
Decision = Literal["confirmed", "rejected"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An expression as the store keeps it; `annotation` is None where it was deleted."""

    id: str
    participant: str
    run: int
    sheet: str
    version: int
    annotation: Annotation | None
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change that somebody asks for, under a key of its own.

    Parameters
    ----------
    key
        Of the client's making, one for each change: sent again, the first answer is given again.
    expression, base, annotation
        For "put" and "delete": which expression, the version it was changed from (0: it is new), and what it
        says from now on.
    suggestion
        For "reject" and "unreject": the method's suggestion.
    """

    key: str
    participant: str
    run: int
    sheet: str
    action: Action
    expression: str | None = None
    base: int | None = None
    annotation: Annotation | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """That an edit was kept: its place in the log, the expression's version; `repeated`: it was known."""

    seq: int
    version: int | None
    at: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class SheetNow:
    """One coder's sheet of a clip: expressions that are not deleted, in order of time, and decisions."""

    coder: str
    state: SheetState
    revealed: bool
    returned: str | None
    expressions: list[Kept] = field(default_factory=list)
    decisions: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogRow:
    """One thing that happened, and what was there before and after.

    `clock_back_s` says by how much the machine's clock had gone back, where by more than a second.
    """

    seq: int
    at: str
    by: str
    participant: str | None
    run: int | None
    sheet: str | None
    what: str
    expression: str | None
    version: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    key: str | None = None
    clock_back_s: float | None = None


class Refused(MienError):  # noqa: N818 - an answer, not a fault
    """Somebody may not do this, or not now."""


class Unavailable(MienError):  # noqa: N818
    """The database did not answer; whether the edit was kept is told by sending it again under its key."""


class Conflict(MienError):  # noqa: N818
    """An edit was made from a version that is no longer the current one; both stand side by side."""

    def __init__(self, yours: Annotation | None, theirs: Kept) -> None:
        self.yours = yours
        self.theirs = theirs
        super().__init__(
            f"expression {theirs.id}",
            wanted=f"a change of its version {theirs.version}",
            got="a change of another version",
            remedy=f"look at what {theirs.by or 'somebody'} made of it, and decide",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return Conflict, (self.yours, self.theirs)
