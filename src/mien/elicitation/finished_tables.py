"""A session's journal as the study's tables: trials, events, and how the participant moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError
from mien.dataset import ParticipantWriter, layout, tables
from mien.dataset.reminders import MOTION_COLUMNS, RELATIVE, TRACES
from mien.dataset.synchronise import REST_CODE
from mien.dataset.write import write_json
from mien.elicitation.motion_traces import MotionBaseline
from mien.elicitation.protocol import read_protocol
from mien.elicitation.reminder_rule import ReminderRule
from mien.elicitation.session_work import SessionWork, counts

if TYPE_CHECKING:
    import pandas as pd

_EVENTS = ("onset", "duration", "trial_type", "value", "trial", "reason", "by")


def trials_table(work: SessionWork, done: Sequence[tuple[bool, int]]) -> pd.DataFrame:
    import pandas as pd

    clip_codes = [r for r in work.rows if r["what"] == "code" and r["code"] != REST_CODE and counts(work, r)]
    codes = {r["trial"]: r for r in clip_codes}
    found = []
    for key in sorted(done, key=lambda key: key[1]):
        attempt = work.progress.attempts[key][-1]
        report = attempt.steps["reported"]
        clip = work.clips.get(str(report["clip"]))
        asked, shown = attempt.at_s("requested"), attempt.at_s("clip-shown")
        code = codes.get(key[1])  # as it was sent: the table of clips may have been edited since
        sent = None if code is None or not code["sent"] else float(code["at_s"])
        found.append(
            {
                "trial": key[1],
                "code": code["code"] if code else clip.code if clip else None,
                "stimulus": report["clip"],
                "emotion": clip.emotion if clip else None,
                "self_report": report.get("emotion"),
                "valence": report.get("valence"),
                "arousal": report.get("arousal"),
                "report_s": report.get("took_s"),
                "timed_out": str(bool(report.get("timed_out"))).lower(),
                "shown_after_ms": None if asked is None or shown is None else round(1e3 * (shown - asked), 1),
                "code_after_ms": None if sent is None or shown is None else round(1e3 * (sent - shown), 1),
                "stalled_ms": attempt.steps.get("clip-ended", {}).get("stalled_ms"),
                "attempts": len(work.progress.attempts[key]),
            }
        )
    return pd.DataFrame(found)


def write_events(work: SessionWork, files: ParticipantWriter) -> None:
    import pandas as pd

    found: list[dict[str, Any]] = []
    last = np.inf if work.eeg is None else work.eeg.duration_s

    def add(at_s: float, kind: str, **more: object) -> None:
        onset = work.eeg_s(at_s)
        if 0 <= onset <= last:
            found.append({"onset": onset, "duration": 0.0, "trial_type": kind, **more})

    for row in work.rows:
        if row["what"] == "code" and row["sent"]:
            if counts(work, row):
                kind = "rest" if row["code"] == REST_CODE else "clip"
                add(row["at_s"], kind, value=row["code"], trial=row["trial"])
            else:
                add(row["at_s"], "broken-off", trial=row["trial"])
        elif row["what"] == "clip-shown" and not row["practice"]:
            add(row["at_s"], "clip-shown", trial=row["trial"])
        elif row["what"] == "reminder":
            add(row["at_s"], "reminder", trial=row["trial"], reason=row["reason"], by=row["by"])
    for begin, end in () if work.eeg is None else work.eeg.gaps_s:
        found.append({"onset": begin, "duration": end - begin, "trial_type": "gap"})
    found.sort(key=lambda event: event["onset"])
    table = pd.DataFrame(found, columns=list(_EVENTS)).astype({"value": "Int64", "trial": "Int64"})
    table["onset"], table["duration"] = table["onset"].round(6), table["duration"].round(6)
    path = (layout.events if work.eeg is not None else layout.beh_events)(files.folder, files.participant_id)
    tables.write_table(path, table, columns=_EVENTS)


def keep_motion(work: SessionWork, files: ParticipantWriter) -> None:
    """The traces of the monitor, in seconds of the study."""
    path = work.folder / "motion.tsv"
    if not path.is_file():
        return
    columns = ("time_s", "head", "body", "face", "found", "part")
    try:
        table = tables.read_table(path, columns=columns, numbers=columns)
    except DataError as error:
        work.left_out.append(f"motion of the participant: {error}")
        return
    times = table["time_s"] + table.pop("part").map(lambda part: work.shifts.get(int(part), 0.0))
    for name in RELATIVE:
        table[name] = np.nan
    known = [(float(r["at_s"]), MotionBaseline.from_json(r)) for r in work.rows if r["what"] == "baseline"]
    for since_s, baseline in known:  # from each baseline on, motion is relative to it
        for name, column in zip(TRACES, RELATIVE, strict=True):
            level = getattr(baseline, name)
            later = times >= since_s
            table.loc[later, column] = ((table[name] - level.median) / level.spread)[later].round(3)
    table["time_s"] = [round(work.eeg_s(at), 4) for at in times]
    table["found"] = table["found"].astype("Int64")
    path = layout.motion(files.folder, files.participant_id)
    tables.write_table(path, table, columns=MOTION_COLUMNS)
    threshold = _threshold(work)
    units = dict.fromkeys(TRACES, "face widths per second") | dict.fromkeys(
        RELATIVE, "spreads above the baseline"
    )
    write_json(path.with_suffix(".json"), {"threshold": threshold, "n_baselines": len(known), "units": units})


def _threshold(work: SessionWork) -> float:
    """Above which motion led to a reminder, or would have: as it was set last."""
    changed = [r["threshold"] for r in work.rows if r["what"] == "automatic" and r["threshold"] is not None]
    if changed:
        return float(changed[-1])
    path = work.folder / "protocol.yaml"
    wished = read_protocol(path).reminder.threshold if path.is_file() else None
    return ReminderRule().threshold if wished is None else wished
