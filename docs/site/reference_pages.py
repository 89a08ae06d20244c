"""Pages of the API reference: one per room, from its `__all__`, in the order in which work is done."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

from docstrings import in_restructured_text
from sphinx.pycode import ModuleAnalyzer

ROOMS = (
    *(
        "core",
        "stats",
        "metrics",
        "jobs",
        "recording",
        "signals",
        "dataset",
        "coding",
        "elicitation",
        "features",
    ),
    *(
        "learning",
        "simulate",
        "concordance",
        "recognition",
        "spotting",
        "evaluation",
        "experiments",
        "report",
    ),
    "reproduce",
    "speed",
)
WHOLE = ("recording", "recognition")
"""Rooms whose modules are their public face: one per step of reading, or one per method."""

NAMED = {
    "elicitation": (
        "rating_table",
        "ratings",
        "selection",
        "protocol",
        "schedule",
        "monitoring",
        "reminder_rule",
    ),
    "experiments": ("spot", "fuse", "predict", "coder_agreement"),
}
"""Modules that are meant to be used on their own in rooms whose others serve a command."""


def reference_pages() -> dict[str, str]:
    """Places on the site with their texts: an index and one page per room."""
    pages = {f"reference/{room}.rst": _page(f"mien.{room}") for room in ROOMS}
    return {"reference/index.md": _index(), **pages}


def first_line(module: ModuleType) -> str:
    """The sentence with which a module's docstring begins."""
    return (inspect.getdoc(module) or "").partition("\n")[0]


def _index() -> str:
    rows = [
        f"* [`mien.{room}`]({room}.rst): {first_line(importlib.import_module(f'mien.{room}'))}"
        for room in ROOMS
    ]
    head = (
        "# Python\n\nEvery folder of the package is one noun of the field, a room; rooms further down may use those above "
        "them. What stands here can be imported from the room itself: `from mien.core import Interval`.\n\n"
    )
    entries = "\n".join(f"/reference/{room}.rst" for room in ROOMS)
    return f"{head}{chr(10).join(rows)}\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"


def _page(name: str) -> str:
    room = importlib.import_module(name)
    lines = [*_title(name, "="), f".. automodule:: {name}", "   :no-members:", ""]
    lines += [line for public in getattr(room, "__all__", ()) for line in _public(room, public)]
    for part in _parts(room):
        lines += _part(importlib.import_module(part))
    return "\n".join(lines) + "\n"


def _title(words: str, rule: str) -> list[str]:
    return [words, rule * len(words), ""]


def _public(module: ModuleType, name: str) -> list[str]:
    value = getattr(module, name)
    if isinstance(value, ModuleType):
        return _part(value)
    if inspect.isclass(value):
        return [f".. autoclass:: {module.__name__}.{name}", "   :members:", ""]
    if inspect.isroutine(value):
        return [f".. autofunction:: {module.__name__}.{name}", ""]
    return [f".. py:data:: {name}", f"   :module: {module.__name__}", "", *_words_of(module, name), ""]


def _words_of(module: ModuleType, name: str) -> list[str]:
    """What stands under a constant where it is made; the names in a table where nothing does."""
    words = ModuleAnalyzer.for_module(_origin(module, name)).find_attr_docs().get(("", name), [])
    value = getattr(module, name)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        words = [*words, f"Entries: {', '.join(f'``{key}``' for key in value)}."]
    elif isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        words = [*words, ", ".join(f"``{one}``" for one in value) + "."]
    lines = list(words)
    in_restructured_text(None, "data", name, value, None, lines)
    return [f"   {line}".rstrip() for line in lines]


def _origin(module: ModuleType, name: str) -> str:
    """The module that makes what `module` only passes on."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and name in [one.name for one in node.names]:
            return str(node.module)
    return module.__name__


def _parts(room: ModuleType) -> Iterator[str]:
    """Packages inside a room, and the modules of it that are meant to be used by themselves."""
    short = room.__name__.removeprefix("mien.")
    for part in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        last = part.name.rpartition(".")[2]
        public = bool(getattr(importlib.import_module(part.name), "__all__", ())) if part.ispkg else False
        if public or (short in WHOLE and not part.ispkg) or last in NAMED.get(short, ()):
            yield part.name


def _part(module: ModuleType) -> list[str]:
    lines = [*_title(module.__name__, "-"), f".. automodule:: {module.__name__}"]
    names = getattr(module, "__all__", None)
    if names is None:
        return [*lines, "   :members:", ""]
    return [
        *lines,
        "   :no-members:",
        "",
        *(line for name in names for line in _public_of_part(module, name)),
    ]


def _public_of_part(module: ModuleType, name: str) -> list[str]:
    value = getattr(module, name)
    if isinstance(value, ModuleType):
        return [
            f"``{value.__name__}``",
            "~" * (len(value.__name__) + 4),
            "",
            f".. automodule:: {value.__name__}",
            "   :members:",
            "",
        ]
    return _public(module, name)
