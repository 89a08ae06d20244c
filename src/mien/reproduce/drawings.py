"""Drawings of several items on one page: their ids must not meet."""

from __future__ import annotations

import re

_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_ID = re.compile(r"""(?<=\sid=)(["'])([^"']+)\1""")
_NAMED = re.compile(r"""(url\(["']?#|href=["']#)([^"')]+)""")
_LISTED = re.compile(r"""(?<=\saria-)((?:labelledby|describedby)=["'])([^"']+)""")


def with_own_ids(svg: str, prefix: str) -> str:
    """An SVG drawing with `prefix` before each of its ids, and wherever it names one.

    Drawings that are made alike have the same ids; on one page the first of them would cut and colour the
    others.
    """
    own = {found[2] for tag in _TAG.findall(svg) for found in _ID.finditer(tag)}

    def of_tag(tag: re.Match[str]) -> str:
        words = _ID.sub(lambda m: f"{m[1]}{prefix}{m[2]}{m[1]}", tag[0])
        words = _NAMED.sub(lambda m: m[1] + (prefix + m[2] if m[2] in own else m[2]), words)
        return _LISTED.sub(
            lambda m: m[1] + " ".join(prefix + one if one in own else one for one in m[2].split()), words
        )

    return _TAG.sub(of_tag, svg)
