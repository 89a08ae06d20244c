"""ELAN's annotation format (.eaf, schema EAF 3.0): one tier for each kind of expression, one for its apexes.

Conventions: whole milliseconds from the video's beginning. Annotations of a tier do not overlap: where
expressions of a kind do, further tiers are numbered. An apex is an annotation of one frame's length on the
tier "... apex"; coders move it as any other, and its start counts. Tiers are independent (no parent), so that
nothing moves by itself. The video is linked by a path from the file; ELAN asks for it where it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mien.coding.exchange import UNDATED, Mark, Placed, Sheet, gather, is_apex, place, spell_kind, telling
from mien.core.errors import DataError

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE = "expression"
_MOST_DIGITS = 10  # of a time: it is an unsigned int
_MIME: Mapping[str, str] = MappingProxyType(
    {
        ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".mpg": "video/mpeg",
        ".mpeg": "video/mpeg", ".avi": "video/x-msvideo", ".mkv": "video/x-matroska", ".webm": "video/webm",
    }
)  # fmt: skip
# The four that ELAN writes into every file.
_CONSTRAINTS: Mapping[str, str] = MappingProxyType(
    {
        "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed "
        "within this interval",
        "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the "
        "same parent are ordered",
        "Symbolic_Association": "1-1 association with a parent annotation",
        "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are "
        "allowed",
    }
)


def to_elan(sheet: Sheet, *, author: str = "mien", made: datetime = UNDATED) -> str:
    """The sheet as the text of an .eaf file.

    Parameters
    ----------
    author
        Who marked the expressions; the file's author and the annotator of every tier.
    made
        When.

    Examples
    --------
    >>> import numpy as np
    >>> from mien.core.time import FrameGrid
    >>> to_elan(Sheet("clip.mp4", 2.0, FrameGrid(np.arange(50) / 25))).count("<TIER ")
    4
    """
    placed = place(sheet)
    tiers: dict[str, list[tuple[int, int, str]]] = {
        name: [] for kind in ("micro", "macro") for name in _pair(spell_kind(kind))
    }
    for one in placed:
        tiers.setdefault(one.track, [])
        tiers.setdefault(f"{one.track} apex", [])
    frame_ms = max(1, round(1000 / sheet.rate_hz)) if len(sheet.frames) > 1 else 1
    for one in placed:
        tiers[one.track].append((one.onset_ms, one.end_ms, one.note))
    for before, after in _neighbours(placed):
        apex = before.apex_ms
        if apex is not None:
            next_ms = apex + frame_ms if after is None or after.apex_ms is None else after.apex_ms
            tiers[f"{before.track} apex"].append((apex, max(apex + 1, min(apex + frame_ms, next_ms)), "apex"))
    root = _document(sheet, author, made, sum(map(len, tiers.values())))
    _write(root, tiers, author)
    indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _pair(track: str) -> tuple[str, str]:
    return track, f"{track} apex"


def _neighbours(placed: Sequence[Placed]) -> list[tuple[Placed, Placed | None]]:
    """Every mark that has an apex, with the next such one of its track."""
    tracks: dict[str, list[Placed]] = {}
    for one in placed:
        if one.apex_ms is not None:
            tracks.setdefault(one.track, []).append(one)
    return [pair for row in tracks.values() for pair in pairwise((*row, None))]  # type: ignore[misc]


def _document(sheet: Sheet, author: str, made: datetime, n: int) -> Element:
    """The document down to its header."""
    zoned = made.isoformat(timespec="seconds") + ("" if made.tzinfo else "+00:00")
    root = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": _legal(author),
            "DATE": zoned,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _XSI,
            "xsi:noNamespaceSchemaLocation": SCHEMA,
        },
    )
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    path = _legal(sheet.video)
    relative = path if path.startswith(("/", "./", "../")) else f"./{path}"
    mime = _MIME.get(PurePosixPath(path).suffix.lower(), "video/*")
    SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        {"MEDIA_URL": relative, "MIME_TYPE": mime, "RELATIVE_MEDIA_URL": relative},
    )
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(n)
    return root


def _write(root: Element, tiers: Mapping[str, Sequence[tuple[int, int, str]]], author: str) -> None:
    """Time slots in order of time, tiers that refer to them, and what the schema asks for after them."""
    every = [(at, name, k, end) for name, row in tiers.items() for k, one in enumerate(row) for end, at in
             enumerate(one[:2])]  # fmt: skip
    order = SubElement(root, "TIME_ORDER")
    slots = {}
    for number, (at, name, k, end) in enumerate(sorted(every), start=1):
        slots[name, k, end] = f"ts{number}"
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(at)})
    number = 0
    for name, row in tiers.items():
        tier = SubElement(root, "TIER", {"ANNOTATOR": _legal(author), "LINGUISTIC_TYPE_REF": _TYPE})
        tier.set("TIER_ID", name)
        for k, (_, _, words) in enumerate(row):
            number += 1
            refs = {f"TIME_SLOT_REF{end + 1}": slots[name, k, end] for end in (0, 1)}
            inside = SubElement(
                SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {"ANNOTATION_ID": f"a{number}", **refs},
            )
            SubElement(inside, "ANNOTATION_VALUE").text = _legal(words)
    of = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true"}
    SubElement(root, "LINGUISTIC_TYPE", of)
    for name, words in _CONSTRAINTS.items():
        SubElement(root, "CONSTRAINT", {"DESCRIPTION": words, "STEREOTYPE": name})


def _legal(words: str) -> str:
    """Words without the characters that XML cannot hold; they become U+FFFD."""
    return "".join(
        sign if sign in "\t\n\r" or " " <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign > "\uffff"
        else "\ufffd"
        for sign in words
    )  # fmt: skip


def from_elan(text: str | bytes, *, problems: list[str] | None = None) -> list[Mark]:
    """The expressions in an .eaf file, in order of time, seconds from the video's beginning.

    Of every tier: those that are none of ours give expressions of no kind, with the tier's name before the
    comment. Times are ELAN's milliseconds; the coder is the tier's annotator. Annotations without times of
    their own, below others, are not read.

    Parameters
    ----------
    problems
        Where to say what cannot be read, one sentence each, instead of raising; the rest is read.

    Raises
    ------
    DataError
        If it is no .eaf file or its times are not the video's milliseconds; without `problems` also if an
        annotation has no time, or an apex lies in no expression.
    """
    root = _parsed(text)
    _check_times(root)
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    spans: dict[str, list[tuple[str, float, float, str | None]]] = {}
    apexes: dict[str, list[tuple[str, float]]] = {}
    coders: dict[str, str | None] = {}
    for tier in root.iter("TIER"):
        name = tier.get("TIER_ID", "")
        track = name.removesuffix(" apex") if is_apex(name) else name
        for one in tier.iter("ALIGNABLE_ANNOTATION"):
            with telling(problems):
                start, end = (_seconds(slots.get(one.get(f"TIME_SLOT_REF{k}")), one) for k in (1, 2))
                if track != name:
                    apexes.setdefault(track, []).append((track, start))
                else:
                    coders[track] = tier.get("ANNOTATOR") or None
                    spans.setdefault(track, []).append((track, start, end, one.findtext("ANNOTATION_VALUE")))
        if problems is not None and (n := sum(1 for _ in tier.iter("REF_ANNOTATION"))):
            problems.append(
                f"ELAN tier {name!r}: {n} annotations below others have no times and were left out."
            )
    marks: list[Mark] = []
    for track in dict.fromkeys([*spans, *apexes]):
        found = spans.get(track, []), apexes.get(track, [])
        marks += gather(*found, coder=coders.get(track), problems=problems)
    return sorted(marks, key=lambda mark: mark.expression.onset_s)


def _check_times(root: Any) -> None:
    """Refuse times of another unit, and of a video that was shifted in ELAN."""
    header = root.find("HEADER")
    unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    origins = [one.get("TIME_ORIGIN", "0") for one in root.iter("MEDIA_DESCRIPTOR")][:1]
    if unit != "milliseconds" or origins not in ([], ["0"]):
        raise DataError(
            "ELAN file",
            wanted="milliseconds of the video as it is",
            got=f"{unit!r}, the video shifted by {origins[0][:20] if origins else 0} ms",
            remedy="take the media's offset back in ELAN (Edit > Media Synchronization)",
        )


def _parsed(text: str | bytes) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text.encode() if isinstance(text, str) else text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise DataError(
            "ELAN file", wanted="XML", got=str(error)[:160], remedy="save it again in ELAN"
        ) from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise DataError(
            "ELAN file", wanted="an annotation document", got=root.tag[:80], remedy="give the .eaf file"
        )
    return root


def _seconds(value: str | None, one: Any) -> float:
    if value is None or not value.isdecimal() or len(value) > _MOST_DIGITS:
        raise DataError(
            f"ELAN annotation {(one.get('ANNOTATION_ID') or 'without id')[:40]}",
            wanted="a start and an end in milliseconds",
            got=(value or "none")[:40],
            remedy="align it in ELAN",
        )
    return int(value) / 1000
