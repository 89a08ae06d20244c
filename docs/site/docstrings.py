"""Docstrings as mien writes them, turned into reStructuredText.

They are NumPy docstrings with `code` in single back quotes, formulas and layouts as indented blocks, and stars and
bars that mean what they look like. Sections (a title over dashes) are left to napoleon.
"""

from __future__ import annotations

import re

CODE = re.compile(r"`+[^`]+`+")
ITEM = re.compile(r"^\s*([*-]|\d+\.) ")
MARKUP = re.compile(r"(?<!\\)([*|]|(?<=\w)_(?!\w))")


def in_restructured_text(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Change the lines of one docstring in place, as autodoc's event wants it."""
    start = next((n for n, line in enumerate(lines[1:]) if _is_rule(line)), len(lines))
    text, sections = lines[:start], lines[start:]
    lines[:] = _with_blocks(text) + [_escaped(line) for line in sections]


def _is_rule(line: str) -> bool:
    return len(line.strip()) > 2 and set(line.strip()) == {"-"}


def _escaped(line: str) -> str:
    """The line with ``code`` for `code` and no accidental markup; examples stay as they are."""
    if line.lstrip().startswith((">>>", "...")) or (ITEM.match(line) and not CODE.search(line)):
        return line
    done, at = [], 0
    for match in CODE.finditer(line):
        done += [MARKUP.sub(r"\\\1", line[at : match.start()]), f"``{match.group().strip('`')}``"]
        after = line[match.end() : match.end() + 1]
        done += ["\\ "] if after.isalnum() else []
        at = match.end()
    return "".join(done) + MARKUP.sub(r"\\\1", line[at:])


def _with_blocks(lines: list[str]) -> list[str]:
    """Free text: indented blocks after a blank line become literal ones."""
    done: list[str] = []
    literal = item = False
    for n, line in enumerate(lines):
        blank = not line.strip()
        indented = line.startswith("    ")
        if not blank and not indented:
            literal, item = False, bool(ITEM.match(line)) or (item and line.startswith(" "))
        opens = indented and not literal and not item and n and not lines[n - 1].strip()
        if opens and not line.lstrip().startswith(">>>"):
            done += ["::", ""]
            literal = True
        starts_list = ITEM.match(line) and n and lines[n - 1].strip() and not ITEM.match(lines[n - 1])
        if starts_list and not lines[n - 1].startswith(" "):
            done.append("")
        done.append(line if literal or blank else _escaped(line))
    return done
