"""Label Studio's tasks (JSON) with predictions on a video's timeline, and the labelling interface they need.

Conventions: Label Studio knows frames, not seconds. Its frame numbers begin at 1, both ends of a range belong
to it, and it counts them by the one rate that the interface states (`frameRate="$fps"`): frame = time * fps +
1. The rate is the video's mean rate, so that numbers are those of the file's frames where these are evenly
spaced, and what Label Studio shows where they are not. Reading back, times are those of the frames: true to
half a frame. The range of an expression goes from its onset's frame to its offset's; an apex is a range of
one frame, below its expression (`parentID`). Score and note stand at the region.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from mien.coding.exchange import (
    Mark,
    Sheet,
    gather,
    is_apex,
    read_json,
    spell_kind,
    write_note,
)
from mien.core.errors import DataError
from mien.core.expression import Kind

_CONTROL, _OBJECT, _TYPE = "expressions", "video", "timelinelabels"
_COLOURS: tuple[tuple[Kind | None, str, str], ...] = (
    ("micro", "#D55E00", "#F0A36B"),
    ("macro", "#0072B2", "#6BB0DB"),
    (None, "#777777", "#B5B5B5"),
)


def label_studio_config() -> str:
    """The labelling interface (XML) that the tasks of `to_label_studio` need."""
    labels = "\n".join(
        f"    <Label value={quoteattr(value)} background={quoteattr(colour)}/>"
        for kind, *colours in _COLOURS
        for value, colour in zip((spell_kind(kind), f"{spell_kind(kind)} apex"), colours, strict=True)
    )
    return (
        "<View>\n"
        f'  <Video name="{_OBJECT}" value="$video" frameRate="$fps" timelineHeight="120"/>\n'
        f'  <TimelineLabels name="{_CONTROL}" toName="{_OBJECT}">\n{labels}\n  </TimelineLabels>\n'
        "</View>\n"
    )


def to_label_studio(sheets: Sequence[Sheet], *, prefix: str = "", model: str = "mien") -> str:
    """The sheets as JSON of tasks, each with one prediction.

    Parameters
    ----------
    prefix
        What stands before the video's path in the task, as "/data/local-files/?d=" for local storage; a
        browser fetches the video from there.
    model
        What Label Studio calls the model's version.

    Raises
    ------
    DataError
        If a mark lies outside the video's frames.
    """
    tasks = [_task(sheet, prefix, model) for sheet in sheets]
    return json.dumps(tasks, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _task(sheet: Sheet, prefix: str, model: str) -> dict[str, Any]:
    fps = round(sheet.rate_hz, 6)
    marks = sorted(sheet.marks, key=lambda mark: mark.expression.onset_s)
    regions = [
        region for number, mark in enumerate(marks, start=1) for region in _regions(sheet, mark, number, fps)
    ]
    prediction: dict[str, Any] = {"model_version": model, "result": regions}
    scores = [mark.score for mark in marks if mark.score is not None]
    if scores:
        prediction["score"] = round(max(scores), 6)
    return {
        "data": {"video": prefix + sheet.video, "name": sheet.video, "fps": fps},
        "predictions": [prediction],
    }


def _regions(sheet: Sheet, mark: Mark, number: int, fps: float) -> list[dict[str, Any]]:
    at, name, ident = mark.expression, spell_kind(mark.expression.kind), f"mien{number}"
    start = _frame(sheet, at.onset_s, fps)
    apex = None if at.apex_s is None else _frame(sheet, at.apex_s, fps)
    end = _frame(sheet, at.offset_s, fps) if at.offset_s is not None else start if apex is None else apex
    whole = _region(ident, name, start, end)
    if mark.score is not None:
        whole["score"] = round(mark.score, 6)
    note = write_note(mark)
    if note:
        whole["meta"] = {"text": [note]}
    if apex is None:
        return [whole]
    return [whole, {**_region(f"{ident}apex", f"{name} apex", apex, apex), "parentID": ident}]


def _region(ident: str, label: str, start: int, end: int) -> dict[str, Any]:
    return {
        "id": ident,
        "from_name": _CONTROL,
        "to_name": _OBJECT,
        "type": _TYPE,
        "origin": "prediction",
        "value": {"ranges": [{"start": start, "end": end}], _TYPE: [label]},
    }


def _frame(sheet: Sheet, at_s: float, fps: float) -> int:
    """The frame, from 1, that Label Studio shows at a time of the file."""
    sheet.frame(at_s)  # refuses what lies outside the video
    return round(sheet.shown_s(at_s) * fps) + 1


def from_label_studio(text: str) -> dict[str, list[Mark]]:
    """The expressions of every task by its video's name, seconds from its beginning, in order of time.

    Of a task's annotations the last one that was not cancelled counts, else its last prediction; drafts are
    not read. Times are those of the frames by the task's rate. Labels of other interfaces give expressions
    of no kind, with the label before the comment.

    Raises
    ------
    DataError
        If it is no export of tasks as JSON, a task has no rate (`fps`), two are of one video, or an apex lies
        in no expression.
    """
    found: dict[str, list[Mark]] = {}
    for task in read_json(text, "Label Studio", _are_tasks):
        data = task["data"]
        name, fps = str(data.get("name") or data.get("video") or ""), data.get("fps")
        if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps < float("inf"):
            raise DataError(
                f"Label Studio task {name}",
                wanted="the video's rate as 'fps' in its data",
                got=fps,
                remedy="import the tasks that mien writes",
            )
        if name in found:
            raise DataError(
                "Label Studio file",
                wanted="one task for each video",
                got=f"two of {name}",
                remedy="leave one out",
            )
        found[name] = _marks(_results(task), fps)
    return found


def _are_tasks(content: Any) -> bool:
    return isinstance(content, list) and all(
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and all(
            isinstance(one, dict) and isinstance(one.get("result", []), list)
            for key in ("annotations", "predictions")
            for one in task.get(key) or []
        )
        for task in content
    )


def _results(task: dict[str, Any]) -> list[dict[str, Any]]:
    kept = [one for one in task.get("annotations") or [] if not one.get("was_cancelled")]
    chosen = kept or task.get("predictions") or [{}]
    return [one for one in chosen[-1].get("result", []) if isinstance(one, dict) and one.get("type") == _TYPE]


def _marks(regions: Iterable[dict[str, Any]], fps: float) -> list[Mark]:
    """Apexes go to the expression they stand below; those that a coder drew, to the one around them."""
    spans: dict[str, tuple[str, float, float, str | None]] = {}
    below: dict[str, tuple[str, float]] = {}
    loose: list[tuple[str, float]] = []
    for number, region in enumerate(regions):
        label, start, end = _range(region, fps)
        if not is_apex(label):
            texts = (region.get("meta") or {}).get("text") or [""]
            note = texts if isinstance(texts, str) else "; ".join(map(str, texts))
            spans[str(region.get("id", number))] = (label, start, end, note)
        elif region.get("parentID") and region["parentID"] not in below:
            below[region["parentID"]] = (label.removesuffix(" apex"), start)
        else:
            loose.append((label.removesuffix(" apex"), start))
    marks: list[Mark] = []
    rest = []
    for ident, span in spans.items():
        if ident in below and span[1] <= below[ident][1] <= span[2]:
            marks += gather([span], [(span[0], below.pop(ident)[1])])
        else:
            rest.append(span)
    marks += gather(rest, [*loose, *below.values()])
    return sorted(marks, key=lambda mark: mark.expression.onset_s)


def _range(region: dict[str, Any], fps: float) -> tuple[str, float, float]:
    """Label, start and end of a region, seconds."""
    value = region.get("value") or {}
    try:
        (label, *_), (span, *_) = value[_TYPE], value["ranges"]
        start, end = int(span["start"]), int(span["end"])
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"Label Studio region {region.get('id')}",
            wanted="a label and a range of frames",
            got=json.dumps(value)[:80],
            remedy="label it again, or delete it",
        ) from None
    return str(label), (start - 1) / fps, (end - 1) / fps
