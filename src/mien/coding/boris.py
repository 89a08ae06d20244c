"""BORIS's project file (.boris, project format 7.0): an ethogram, and one observation for each video.

Conventions: seconds from the video's beginning, three decimals. Micro- and macro-expressions are state
events, started and stopped by an event each; apexes are point events of their own code. BORIS pairs starts
and stops by code, so that overlapping expressions of a kind get further codes, numbered. The note stands at
the event that starts; frame indexes are "NA": BORIS adds its own. It opens a project as it is, and can import
its observations into another one. Media are named by their path from the project file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mien.coding.exchange import UNDATED, Mark, Sheet, gather, is_apex, place, read_json, spell_kind, telling
from mien.core.errors import DataError

FORMAT = "7.0"
_KEYS = {"micro-expression": "u", "macro-expression": "m", "micro-expression apex": "a"}
_FREE_KEYS = "123456789bcdefghijklnopqrstvwxyz"
_COLOURS = {"micro": "#D55E00", "macro": "#0072B2"}
_LATEST_S = 1e9
_STATE, _POINT = "State event", "Point event"


def to_boris(sheets: Sequence[Sheet], *, name: str = "mien", made: datetime = UNDATED) -> str:
    """The sheets as the text of one BORIS project.

    Parameters
    ----------
    name
        The project's name.
    made
        Date of project and observations.

    Raises
    ------
    DataError
        If two sheets are of one video.
    """
    date = made.isoformat(timespec="seconds").split("+")[0]
    placed = {sheet.video: place(sheet) for sheet in sheets}
    if len(placed) != len(sheets):
        raise DataError(
            "BORIS project", wanted="one sheet for each video", got="two of one", remedy="merge them"
        )
    tracks = [spell_kind("micro"), spell_kind("macro")]
    tracks = list(dict.fromkeys([*tracks, *(one.track for row in placed.values() for one in row)]))
    ids = _observation_ids(sheets)
    project = {
        "time_format": "s",
        "project_date": date,
        "project_name": name,
        "project_description": "Expressions to be checked, written by mien",
        "project_format_version": FORMAT,
        "subjects_conf": {},
        "behaviors_conf": _ethogram(tracks),
        "observations": {ids[sheet.video]: _observation(sheet, date) for sheet in sheets},
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    return json.dumps(project, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _observation_ids(sheets: Sequence[Sheet]) -> dict[str, str]:
    """Names without spaces at their ends, as BORIS asks; a number where two would be one."""
    ids: dict[str, str] = {}
    for sheet in sheets:
        stem, number = sheet.video.strip(), 1
        while (named := stem if number == 1 else f"{stem} ({number})") in ids.values():
            number += 1
        ids[sheet.video] = named
    return ids


def _ethogram(tracks: Sequence[str]) -> dict[str, Any]:
    free = iter(_FREE_KEYS)
    rows: list[dict[str, str | dict[str, str]]] = []
    for track in tracks:
        for code, kind in ((track, _STATE), (f"{track} apex", _POINT)):
            key = _KEYS.get(code) or next(free, "")
            rows.append(
                {
                    "type": kind,
                    "key": key,
                    "code": code,
                    "description": "the frame of most intensity" if kind is _POINT else "onset to offset",
                    "color": _COLOURS.get(track.split("-")[0], "#777777"),
                    "category": "",
                    "modifiers": {},
                    "excluded": "",
                    "coding map": "",
                }
            )
    return {str(number): row for number, row in enumerate(rows)}


def _observation(sheet: Sheet, date: str) -> dict[str, Any]:
    return {
        "file": {str(player): [sheet.video] if player == 1 else [] for player in range(1, 9)},
        "type": "MEDIA",
        "date": date,
        "description": "",
        "time offset": 0.0,
        "events": _events(sheet),
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {sheet.video: round(sheet.duration_s, 3)},
            "fps": {sheet.video: round(sheet.rate_hz, 6)},
            "hasVideo": {sheet.video: True},
            "hasAudio": {sheet.video: False},
            "offset": {"1": 0.0},
        },
    }


def _events(sheet: Sheet) -> list[list[Any]]:
    """Time, subject, code, modifier, comment and frame index, sorted as BORIS sorts them."""
    events: list[list[Any]] = []
    for one in place(sheet):
        events.append([one.onset_ms / 1000, "", one.track, "", one.note, "NA"])
        events.append([one.end_ms / 1000, "", one.track, "", "", "NA"])
        if one.apex_ms is not None:
            events.append([one.apex_ms / 1000, "", f"{one.track} apex", "", "", "NA"])
    return sorted(events)


def from_boris(text: str | bytes, *, problems: list[str] | None = None) -> dict[str, list[Mark]]:
    """The expressions of every observation of media by its name: seconds of it, in order of time.

    State events of other codes give expressions of no kind, with the code before the comment; other point
    events are left out, they span no time. Subjects are not kept apart in the result: starts and stops are
    paired by subject, code and modifier, as BORIS does.

    Parameters
    ----------
    problems
        Where to say what cannot be read, one sentence each, instead of raising; the rest is read.

    Raises
    ------
    DataError
        If it is no BORIS project; without `problems` also if an event's time is not known, a start has no
        stop, an apex lies in no expression, or an observation's times are shifted.
    """
    project = read_json(text, "BORIS", _is_project)
    states = {row["code"] for row in project["behaviors_conf"].values() if row["type"].startswith("State")}
    found: dict[str, list[Mark]] = {}
    for name, one in project["observations"].items():
        if one.get("type") == "MEDIA":
            found[name] = []
            with telling(problems):
                _check_shift(name, one)
                found[name] = _marks(name, one["events"], states, problems)
    return found


def _check_shift(name: str, one: dict[str, Any]) -> None:
    shift = one.get("time offset", 0)
    if shift not in (0, None):
        raise DataError(
            f"BORIS observation {name[:80]}",
            wanted="times of the media as they are",
            got=f"times shifted by {_shown(shift)} s",
            remedy="set the observation's time offset to 0",
        )


def _is_project(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    conf, found = content.get("behaviors_conf"), content.get("observations")
    return (
        isinstance(conf, dict)
        and isinstance(found, dict)
        and all(
            isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("code", "type"))
            for row in conf.values()
        )
        and all(isinstance(one, dict) and _are_events(one.get("events")) for one in found.values())
    )


def _are_events(events: Any) -> bool:
    return isinstance(events, list) and all(
        isinstance(event, list) and len(event) >= 5 and all(isinstance(cell, str) for cell in event[1:5])
        for event in events
    )


def _marks(
    name: str, events: Sequence[Sequence[Any]], states: set[str], problems: list[str] | None
) -> list[Mark]:
    begun: dict[tuple[str, str, str], tuple[float, str]] = {}
    spans: list[tuple[str, float, float, str | None]] = []
    apexes: list[tuple[str, float]] = []
    for at, (subject, code, modifier, comment) in _in_order(name, events, problems):
        key = (subject, code, modifier)
        if code not in states:
            apexes += [(code.removesuffix(" apex"), at)] if is_apex(code) else []
        elif key in begun:
            start, note = begun.pop(key)
            spans.append((code, start, at, note or comment))
        else:
            begun[key] = (at, comment)
    for (_, code, _), (at, _) in begun.items():
        with telling(problems):
            raise DataError(
                f"BORIS observation {name[:80]}",
                wanted=f"a stop of '{code[:80]}' after {at:.3f} s",
                got="none",
                remedy="pair the events in BORIS (Observations > Check state events)",
            )
    return gather(spans, apexes, problems=problems)


def _in_order(
    name: str, events: Sequence[Sequence[Any]], problems: list[str] | None
) -> list[tuple[float, Sequence[str]]]:
    """Time, and subject, code, modifier and comment of every event that has a time."""
    found: list[tuple[float, Sequence[str]]] = []
    for event in events:
        with telling(problems):
            found.append((_time(name, event), event[1:5]))
    return sorted(found)


def _time(name: str, event: Sequence[Any]) -> float:
    """The event's time; BORIS writes NaN or "NA" where it has none."""
    at = event[0]
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not -_LATEST_S < at < _LATEST_S:
        raise DataError(
            f"BORIS observation {name[:80]}",
            wanted="the time of every event",
            got=_shown(at),
            remedy="give it in BORIS",
        )
    return float(at)


def _shown(value: Any) -> str:
    return str(value)[:40] if isinstance(value, (int, float, str)) else f"a {type(value).__name__}"
