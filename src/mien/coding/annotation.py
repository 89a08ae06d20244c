"""What a coder states of one expression: the body of an entry on the coding bench.

Conventions: onset, apex and offset are frames of the clip's video, from 0, and any may be missing while
somebody codes; their order is not enforced here, a doubt tells. The kind follows from the times by the rule
of `core.expression` unless it is stated with a reason. Emotion comes after action units: it is refused before
units were coded, or it was stated that there are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from mien.core.errors import DataError
from mien.core.expression import ActionUnit, Kind, is_micro, read_action_unit

BASES = ("aus", "clip", "self-report")
"""What an emotion may rest on, in the order in which they are written."""

MAX_FRAME = 2**31 - 1
MAX_UNITS = 30
MAX_COMMENT = 2000
MAX_REASON = 500
MAX_WORD = 60
MAX_SUGGESTION = 200

_LINES = "\n\t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One expression as coded; the default states nothing.

    Parameters
    ----------
    onset, apex, offset
        Frames of the clip, from 0; None where not observed or not yet coded.
    kind, kind_reason
        A kind against the rule, and why; None and "" where the times decide.
    action_units
        Each unit of a side once; kept in order of number and side.
    no_action_unit
        The coder looked and saw none: units count as coded.
    emotion, basis
        The emotion, and what it rests on: of `BASES`, in their order.
    valence, arousal
        1 to 9.
    certainty
        1 to 5.
    comment
        At most 2000 characters; line breaks and tabs are kept.
    suggestion
        The method's suggestion that this expression confirms.

    Raises
    ------
    DataError
        If a field cannot hold its value, or fields contradict each other.

    Examples
    --------
    >>> Annotation(onset=10, apex=25, action_units=(ActionUnit(12, "left", "B"), ActionUnit(4))).as_json()[
    ...     "action_units"
    ... ]
    ['AU4', 'LAU12B']
    """

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    kind: Kind | None = None
    kind_reason: str = ""
    action_units: tuple[ActionUnit, ...] = ()
    no_action_unit: bool = False
    emotion: str | None = None
    basis: tuple[str, ...] = ()
    valence: float | None = None
    arousal: float | None = None
    certainty: int | None = None
    comment: str = ""
    suggestion: str | None = None

    def __post_init__(self) -> None:
        for name in ("onset", "apex", "offset"):
            _check_whole(name, getattr(self, name), 0, MAX_FRAME)
        _check_whole("certainty", self.certainty, 1, 5)
        for name in ("valence", "arousal"):
            object.__setattr__(self, name, _rating(name, getattr(self, name)))
        object.__setattr__(self, "action_units", _in_order(self.action_units))
        _check_flag("no_action_unit", self.no_action_unit)
        _check_kind(self.kind, self.kind_reason)
        check_text("comment", self.comment, most=MAX_COMMENT, keep=_LINES)
        if self.suggestion is not None:
            check_text("suggestion", self.suggestion, least=1, most=MAX_SUGGESTION)
        _check_basis(self.basis)
        _check_emotion(self)

    @property
    def coded_units(self) -> bool:
        """Whether action units were coded, also as none seen."""
        return bool(self.action_units) or self.no_action_unit

    def as_json(self) -> dict[str, Any]:
        """The annotation as JSON types with every field; `annotation_from_json` reads it back."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        plain["action_units"] = [str(unit) for unit in self.action_units]
        plain["basis"] = list(self.basis)
        return plain


_FIELDS = tuple(field.name for field in fields(Annotation))


def annotation_from_json(value: object) -> Annotation:
    """The annotation that JSON states; what it does not name is not coded.

    Raises
    ------
    DataError
        If it is no object, names an unknown field, or a field's value cannot be.

    Examples
    --------
    >>> annotation_from_json({"onset": 3, "action_units": ["AU12"]}).action_units
    (ActionUnit(number=12, side='both', intensity=None),)
    """
    if not isinstance(value, Mapping):
        raise _wrong("annotation", "an object of fields", value, "send the fields of one expression")
    for name in value:
        if name not in _FIELDS:
            raise _wrong("annotation", f"fields of {', '.join(_FIELDS)}", name, "leave it out")
    plain = dict(value)
    if "action_units" in plain:
        plain["action_units"] = tuple(map(_unit, _list("action_units", plain["action_units"])))
    if "basis" in plain:
        plain["basis"] = tuple(_list("basis", plain["basis"]))
    return Annotation(**plain)


def derived_kind(annotation: Annotation, times_s: Sequence[float]) -> Kind | None:
    """The kind that was stated, else the one by the rule; None where too little is known.

    Parameters
    ----------
    times_s
        The time of every frame of the clip, seconds. Frames out of order, or beyond the clip, decide nothing.

    Examples
    --------
    >>> derived_kind(Annotation(onset=0, apex=2), [0.0, 0.1, 0.2, 0.3])
    'micro'
    """
    return annotation.kind or kind_by_rule(annotation, times_s)


def kind_by_rule(annotation: Annotation, times_s: Sequence[float]) -> Kind | None:
    """The kind by the times alone, whatever was stated."""
    frames = (annotation.onset, annotation.apex, annotation.offset)
    known = [frame for frame in frames if frame is not None]
    if annotation.onset is None or known != sorted(known) or known[-1] >= len(times_s):
        return None
    onset_s, apex_s, offset_s = (None if frame is None else float(times_s[frame]) for frame in frames)
    assert onset_s is not None
    micro = is_micro(onset_s, apex_s, offset_s)
    return None if micro is None else "micro" if micro else "macro"


def check_text(field: str, value: object, *, least: int = 0, most: int, keep: str = "") -> str:
    """The text, which has a fitting number of characters and nothing that cannot be shown or stored.

    Control characters (but those to `keep`) and halves of surrogate pairs are refused; markup is text.

    Raises
    ------
    DataError
        If it is no such text.
    """
    wanted = f"text of {least} to {most} characters" if least else f"text of at most {most} characters"
    if not isinstance(value, str):
        raise _wrong(field, wanted, value, "send text")
    if len(value.strip()) < least:
        raise _wrong(field, wanted, value, "say it in words")
    if len(value) > most:
        raise _wrong(field, wanted, str(len(value)), "shorten it")
    if value.isprintable():
        return value
    odd = [char for char in value if unicodedata.category(char) in ("Cc", "Cs") and char not in keep]
    if odd:
        raise _wrong(field, "no control characters", odd[0], "take them out")
    return value


# --- checks of one field


def _wrong(field: str, wanted: str, got: object, remedy: str) -> DataError:
    shown = got if isinstance(got, str) and got.isdigit() and len(got) <= 20 else ascii(got)[:80]
    return DataError(field, wanted=wanted, got=shown, remedy=remedy)


def _check_whole(field: str, value: object, least: int, most: int) -> None:
    if value is None or (type(value) is int and least <= value <= most):
        return
    raise _wrong(field, f"a whole number of {least} to {most} or nothing", value, "correct it")


def _rating(field: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 9:
        raise _wrong(field, "a number of 1 to 9 or nothing", value, "correct it")
    return float(value)


def _check_flag(field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong(field, "true or false", value, "correct it")


def _check_kind(kind: object, reason: object) -> None:
    if kind is not None and kind not in get_args(Kind):
        raise _wrong("kind", f"{' or '.join(get_args(Kind))} or nothing", kind, "leave it to the times")
    check_text("kind_reason", reason, least=0 if kind is None else 1, most=MAX_REASON)
    if kind is None and reason:
        raise _wrong(
            "kind_reason", "a reason only where the kind is stated", reason, "state the kind as well"
        )


def _list(field: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(field, "a list", value, "send a list")
    return value


def _unit(word: object) -> ActionUnit:
    found = read_action_unit(word) if isinstance(word, str) else None
    if found is None:
        raise _wrong("action_units", "units such as AU4, LAU12B", word, "correct the unit")
    return found


def _in_order(units: tuple[ActionUnit, ...]) -> tuple[ActionUnit, ...]:
    if len(units) > MAX_UNITS:
        raise _wrong("action_units", f"at most {MAX_UNITS} units", str(len(units)), "keep those that moved")
    seen: set[tuple[int, str]] = set()
    for unit in units:
        if not 1 <= unit.number <= 99:
            raise _wrong("action_units", "units 1 to 99", str(unit), "correct the unit")
        if (unit.number, unit.side) in seen:
            raise _wrong("action_units", "each unit of a side once", str(unit), "keep one of them")
        seen.add((unit.number, unit.side))
    return tuple(sorted(units, key=lambda unit: (unit.number, unit.side)))


def _check_basis(basis: tuple[str, ...]) -> None:
    if list(basis) != [word for word in BASES if word in basis]:
        raise _wrong(
            "basis",
            f"some of {', '.join(BASES)}, in this order",
            list(basis),
            "name each once, in this order",
        )


def _check_emotion(annotation: Annotation) -> None:
    emotion = annotation.emotion
    if emotion is not None:
        check_text("emotion", emotion, least=1, most=MAX_WORD)
        if re.search("[;|]", emotion) or emotion.split() != emotion.split(" "):
            raise _wrong("emotion", "words without ; and |", emotion, "put the rest into the comment")
    if annotation.action_units and annotation.no_action_unit:
        raise _wrong("no_action_unit", "either units or that there are none", "both", "take one of them back")
    if annotation.coded_units or (emotion is None and set(annotation.basis) <= {"aus"}):
        return
    raise _wrong(
        "basis" if emotion is None else "emotion",
        "action units coded before",
        list(annotation.basis) if emotion is None else emotion,
        "code the action units, or that there are none",
    )
