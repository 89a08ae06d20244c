"""Action units as coders spell them in published tables, read into `ActionUnit`s.

What is understood, in any mixture, separated by plus signs, commas, semicolons or ampersands:

* `12`, `AU12`, `R12`, `L12`, `AUR2`, `LAU12`, `12R`: a unit, on both sides unless R or L is there;
* `12A` ... `12E`: its intensity; `10A/B`: an intensity between two, which is left open;
* `A12`, `A/L12`: asymmetrical (SAMM): both sides move, one more; the difference is not kept;
* `T23`, `B18`: the top or bottom lip alone (CAS(ME)^3, author's answer in
  github.com/jingtingEmmaLi/CAS-ME-3/issues/7; SAMM has the same); which lip is not kept;
* `ref(7B)`: in the face before the expression, no part of it, and left out: SAMM's objective classes count
  `ref(L10)+A12B` and `12A+ref(24)` as AU 12 alone;
* `4(k)`: held without movement (4DME), left out as in github.com/tvaranka/meb;
* the remark `soft focus` of SAMM.

A choice (`L12 or L14`) states no units and is not read; neither is `?`.
"""

from __future__ import annotations

import re

from mien.core.expression import ActionUnit, Side

_UNIT = re.compile(
    r"(?P<before>(?:AU)?(?:A/[LR]|[LRATB])?(?:AU)?)\s*(?P<number>\d{1,2})"
    r"(?:(?P<intensity>[A-E])(?P<between>/[A-E])?)?(?P<after>[LR]?)(?P<held>\(K\))?",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"ref\s*\([^()]*\)", re.IGNORECASE)
_SEPARATOR = re.compile(r"[+,;&，；＋]")
_REMARKS = ("soft focus",)
_SIDES: dict[str, Side] = {"L": "left", "R": "right"}


def read_action_units(cell: str | None) -> tuple[ActionUnit, ...] | None:
    """The action units in a cell, each once, in its order; None where the spelling is not understood.

    Examples
    --------
    >>> read_action_units("AU4+R10B") == (ActionUnit(4), ActionUnit(10, "right", "B"))
    True
    >>> read_action_units("L12 or L14") is None, read_action_units(None)
    (True, ())
    """
    units: dict[ActionUnit, None] = {}
    for word in _SEPARATOR.split(cell or ""):
        bare = word.strip()
        if not bare or bare.lower() in _REMARKS or _REFERENCE.fullmatch(bare):
            continue
        found = _UNIT.fullmatch(bare)
        if found is None or not int(found["number"]):
            return None
        unit = _unit(found)
        if unit is None:
            return None
        if not found["held"]:
            units[unit] = None
    return tuple(units)


def _unit(found: re.Match[str]) -> ActionUnit | None:
    before = found["before"].upper().replace("AU", "")
    after = (found["after"] or "").upper()
    if before and after:
        return None
    intensity = None if found["between"] else (found["intensity"] or "").upper() or None
    return ActionUnit(int(found["number"]), _SIDES.get(before or after, "both"), intensity)  # type: ignore[arg-type]
