"""Whether a session that was begun may go on as it is asked to: same people, same clips in what is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import DataError
from mien.elicitation.journal import Row, read_journal
from mien.elicitation.progress import progress_of
from mien.elicitation.schedule import Schedule


def is_rehearsal(rows: Sequence[Row]) -> bool:
    """Whether a session was begun with nobody in the room."""
    return any(row["what"] == "opened" and row.get("rehearsal") is True for row in rows)


def check_same_session(folder: Path, schedule: Schedule, *, rehearsal: bool) -> None:
    """Look at the journal that lies in a session's folder, if there is one, before anything is opened.

    Raises
    ------
    DataError
        If a rehearsal is to go on with a person or the other way round, or the schedule has another clip
        (or none) for a trial that is done: clips would be shown twice, and others never.
    """
    if not (folder / "session.jsonl").is_file():
        return
    rows = read_journal(folder / "session.jsonl")
    if any(row["what"] == "opened" for row in rows) and is_rehearsal(rows) != rehearsal:
        raise DataError(
            folder,
            wanted="a session of a person" if not rehearsal else "a rehearsal",
            got="a rehearsal" if not rehearsal else "a person's session that is not finished",
            remedy="delete it with --discard" if not rehearsal else "rehearse with another --participant",
        )
    planned = {(trial.practice, trial.number): trial.clip for trial in schedule.trials}
    progress = progress_of(rows)
    sent = {row["trial"]: row["code"] for row in rows if row["what"] == "code" and row["code"] > 100}
    for key in filter(progress.done, progress.attempts):
        shown = str(progress.attempts[key][-1].steps["reported"]["clip"])
        clip = planned.get(key)
        code = None if key[0] else sent.get(key[1])
        if clip is None or clip.name != shown or (code is not None and code != clip.code):
            place = f"{'practice ' if key[0] else ''}trial {key[1]}"
            got = "none" if clip is None else clip.name + ("" if clip.name != shown else f" with {clip.code}")
            raise DataError(
                f"{folder}, {place}",
                wanted=f"{shown}{'' if code is None else f' with the code {code}'} as it was shown",
                got=got,
                remedy="restore protocol.yaml and stimuli.tsv, or take what there is with --finish",
            )
