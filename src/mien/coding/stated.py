"""What a coder states of an expression beside its times, units and emotion, as facts of a note.

Conventions: facts stand as people write them: `basis aus, clip`, `valence 3.5`, `certainty 4`. Free words are
quoted as in JSON, without the signs that part a note's facts: `kind stated "a blink"`. A comment that is not
one plain line (line breaks, blanks at its ends, signs that XML cannot hold) is quoted as well, and the fact
`comment in quotes` says so: programs trim and wrap what they show.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

NO_UNIT = "no action unit"
QUOTED = "comment in quotes"

_NUMBER = re.compile(r"(valence|arousal) (\d{1,2}(?:\.\d{1,20})?)")
_CERTAINTY = re.compile(r"certainty (\d)")
_BASIS = re.compile(r"basis ([a-z-]+(?:, [a-z-]+)*)")
_WORDS = {"kind stated": "kind_reason", "suggestion": "suggestion"}
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PARTS = re.compile("[;|]")


@dataclass(frozen=True, slots=True)
class Stated:
    """Statements that no annotation program has a field for; the default states nothing.

    `kind_reason` says that the kind was stated against the times, and why. With `verbatim` a comment is kept
    to the letter, line breaks and all; without, it is one line.
    """

    no_action_unit: bool = False
    basis: tuple[str, ...] = ()
    valence: float | None = None
    arousal: float | None = None
    certainty: int | None = None
    kind_reason: str = ""
    suggestion: str | None = None
    verbatim: bool = False


NOTHING = Stated()
"""Nothing stated."""


def stated_facts(stated: Stated) -> list[str]:
    """The facts of a note that say what was stated.

    Examples
    --------
    >>> stated_facts(Stated(no_action_unit=True, valence=3.0, kind_reason="a blink; or not"))
    ['no action unit', 'valence 3', 'kind stated "a blink\\\\u003b or not"']
    """
    facts = [NO_UNIT] if stated.no_action_unit else []
    facts += [f"basis {', '.join(stated.basis)}"] if stated.basis else []
    for name in ("valence", "arousal"):
        value = getattr(stated, name)
        facts += [] if value is None else [f"{name} {float(value)!r}".removesuffix(".0")]
    facts += [] if stated.certainty is None else [f"certainty {stated.certainty}"]
    facts += [f"kind stated {_in_fact(stated.kind_reason)}"] if stated.kind_reason else []
    facts += [] if stated.suggestion is None else [f"suggestion {_in_fact(stated.suggestion)}"]
    return facts


def read_fact(part: str) -> dict[str, Any] | None:
    """What one fact states, by the fields of `Stated`; None for other words."""
    if part in (NO_UNIT, QUOTED):
        return {"no_action_unit" if part == NO_UNIT else "verbatim": True}
    if found := _NUMBER.fullmatch(part):
        return {found[1]: float(found[2])}
    if found := _CERTAINTY.fullmatch(part):
        return {"certainty": int(found[1])}
    if found := _BASIS.fullmatch(part):
        return {"basis": tuple(found[1].split(", "))}
    for words, field in _WORDS.items():
        if part.startswith(f'{words} "') and (said := unquoted(part.removeprefix(f"{words} "))) is not None:
            return {field: said}
    return None


def is_plain(comment: str) -> bool:
    """Whether a comment is one line that no program changes."""
    return comment == " ".join(comment.split()) and not _NOT_XML.search(comment)


def quoted(words: str) -> str:
    """Words as a JSON string in one line, which XML can hold."""
    return _NOT_XML.sub(_escaped, json.dumps(words, ensure_ascii=False))


def unquoted(text: str) -> str | None:
    """The words of a JSON string; None where it is none."""
    try:
        words = json.loads(text) if text.startswith('"') else None
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, str) else None


def can_stand(words: str) -> bool:
    """Whether XML can hold the words as they are."""
    return not _NOT_XML.search(words)


def _in_fact(words: str) -> str:
    return _PARTS.sub(_escaped, quoted(words))


def _escaped(sign: re.Match[str]) -> str:
    return f"\\u{ord(sign[0]):04x}"
