"""Who may see and do what with a clip: the rules of blind coding, verification and adjudication.

Conventions: a clip goes code -> verify -> adjudicate -> final. Every assigned coder marks blind on a sheet of
their own; the adjudicated sheet is called `final`. Pure rules over what the store states; nothing here reads
or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["coder", "expert", "lead"]
Stage = Literal["code", "verify", "adjudicate", "final"]
SheetState = Literal["open", "done"]

FINAL = "final"
"""The label of the adjudicated sheet."""

RESERVED = (FINAL, "unmerged")
"""Labels that no coder may have."""

_SENIOR = ("expert", "lead")
_MOVES: Mapping[tuple[Stage, Stage], tuple[str, ...]] = {
    ("verify", "adjudicate"): _SENIOR,
    ("verify", "code"): _SENIOR,
    ("adjudicate", "final"): _SENIOR,
    ("final", "adjudicate"): ("lead",),
}


@dataclass(frozen=True, slots=True)
class Coder:
    """A person of the bench."""

    label: str
    name: str
    role: Role
    active: bool = True


@dataclass(frozen=True, slots=True)
class ClipState:
    """How far the coding of one clip is.

    `coders` are the assigned ones with the states of their sheets; `returned` holds the reason for each whose
    sheet was given back; `version` counts changes of all this.
    """

    participant: str
    run: int
    stage: Stage
    coders: Mapping[str, SheetState] = field(default_factory=dict)
    version: int = 1
    returned: Mapping[str, str] = field(default_factory=dict)


def may_see_clip(who: Coder, clip: ClipState) -> bool:
    """Whether somebody may know of the clip: coders of those assigned to them only."""
    return who.active and (who.role in _SENIOR or who.label in clip.coders)


def may_see_sheet(who: Coder, clip: ClipState, sheet: str) -> bool:
    """Whether somebody may see what stands on a coder's sheet, its state and its log.

    Nobody who codes a clip sees others' sheets before adjudication, coders not before it is final.
    """
    if not may_see_clip(who, clip):
        return False
    if sheet == who.label:
        return True
    if who.label in clip.coders:
        return clip.stage == "final" or (clip.stage == "adjudicate" and who.role in _SENIOR)
    return who.role == "lead" or clip.stage != "code"


def may_edit(who: Coder, clip: ClipState, sheet: str) -> bool:
    """Whether somebody may mark on a sheet: on their own open one while the clip is coded, or on `final`."""
    if not who.active:
        return False
    if sheet == FINAL:
        return clip.stage == "adjudicate" and who.role in _SENIOR
    return sheet == who.label and clip.stage == "code" and clip.coders.get(sheet) == "open"


def may_move(who: Coder, clip: ClipState, to: Stage) -> bool:
    """Whether somebody may send the clip to a stage; who coded it does not verify it, but for the lead.

    From "code" to "verify" a clip goes by itself, when every assigned coder is done. Where the lead is one of
    two coders there may be nobody else: the lead then sends it on unseen, and sees it in adjudication.
    """
    if not who.active or who.role not in _MOVES.get((clip.stage, to), ()):
        return False
    return clip.stage != "verify" or who.label not in clip.coders or who.role == "lead"


def needs_reason(stage: Stage, to: Stage) -> bool:
    """Whether a move takes back what somebody had finished, and must say why."""
    return (stage, to) in (("verify", "code"), ("final", "adjudicate"))


def allowed(who: Coder, clip: ClipState) -> list[str]:
    """What somebody may do with the clip now: of "code", "verify", "adjudicate" and "reopen".

    "code" stands for one's own sheet, open or done; "reopen" for a final clip.

    Examples
    --------
    >>> allowed(Coder("a", "Ann", "coder"), ClipState("sub-001", 1, "code", {"a": "open"}))
    ['code']
    """
    own = who.active and clip.stage == "code" and who.label in clip.coders
    may = {
        "code": own,
        "verify": may_move(who, clip, "adjudicate") and clip.stage == "verify",
        "adjudicate": may_edit(who, clip, FINAL),
        "reopen": may_move(who, clip, "adjudicate") and clip.stage == "final",
    }
    return [what for what, yes in may.items() if yes]
