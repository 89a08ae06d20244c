"""What is coded on the bench, as the study's expression tables; everything else reads those.

A coder's table holds the clips whose sheet is done, the table `final` those that are final, and a JSON beside
it says which runs these are: a run without a row is one in which nothing was found. Rows of runs that the
bench does not hold as done are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mien.app.guard import DeniedError
from mien.app.study_clips import StudyClips, clip_id
from mien.coding.annotation import Annotation, derived_kind
from mien.coding.stages import FINAL, ClipState
from mien.coding.store import CodingStore
from mien.core.errors import MienError
from mien.dataset import Study, layout, tables
from mien.dataset.coded_runs import read_coded_runs, read_runs_from_elsewhere, write_coded_runs

if TYPE_CHECKING:
    from mien.app.bench import Bench

NOTES = ("kind_reason", "basis", "valence", "arousal", "certainty", "comment", "units_seen")
"""Columns of a bench's tables beside `layout.CODING_COLUMNS`."""


def write_tables(study: Study, store: CodingStore, clips: StudyClips, participant: str, coder: str) -> None:
    """Write one coder's table of one participant anew from what is done (`final`: from what is final)."""
    import pandas as pd

    states = [state for state in store.clips() if state.participant == participant]
    done = set(_done(states, participant, coder))
    path = layout.coding(study.folder, participant, coder)
    before = read_coded_runs(study.folder, participant, coder)
    elsewhere = _elsewhere(study, states, participant, coder, before)
    if not done and before is None:
        return
    old = list(tables.rows(tables.read_coding(path))) if path.is_file() else []
    ours = done | ((before or set()) - elsewhere)
    kept = [row for row in old if int(row["run"]) not in ours]
    noted = {_frames(row): row for row in old}
    rows = [
        {**noted.get(_frames(row), {}), **row}  # flags and sources of an import stay with their rows
        for run in sorted(done)
        for row in _rows(study, store, clips, participant, run, coder)
    ]
    merged = sorted([*kept, *rows], key=lambda row: (row["run"], row["onset_frame"] or 0))
    columns = [*layout.CODING_COLUMNS, *NOTES]
    table = pd.DataFrame(merged, columns=list(dict.fromkeys([*columns, *(n for row in merged for n in row)])))
    for name in layout.CODING_COLUMNS[:5]:
        table[name] = table[name].astype("Int64")
    tables.write_table(path, table, columns=columns)
    write_coded_runs(study.folder, participant, coder, done, elsewhere=elsewhere - done)


def _frames(row: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple(None if row[name] is None else int(row[name]) for name in layout.CODING_COLUMNS[1:5])


def _elsewhere(
    study: Study, states: Iterable[ClipState], participant: str, coder: str, before: set[int] | None
) -> set[int]:
    """Runs that a table from elsewhere brought: of one without a JSON all that the bench does not hold."""
    if before is not None:
        return read_runs_from_elsewhere(study.folder, participant, coder)
    path = layout.coding(study.folder, participant, coder)
    if not path.is_file():
        return set()
    known = list(states)
    runs = {state.run for state in known} | {int(row["run"]) for row in tables.rows(tables.read_coding(path))}
    return runs - {state.run for state in known if coder in state.coders}


def write_missing_tables(study: Study, store: CodingStore, clips: StudyClips) -> None:
    """Write the tables that do not hold what is done, since the bench stopped before they were written.

    A table without a JSON beside it is from elsewhere and stays as it is.
    """
    states: dict[str, list[ClipState]] = {name: [] for name in study.participants}
    for state in store.clips():
        if state.participant in states:  # else withdrawn, and the store was not told
            states[state.participant].append(state)
    for coder in (*(who.label for who in store.coders()), FINAL):
        for participant, known in states.items():
            said = read_coded_runs(study.folder, participant, coder)
            from_elsewhere = said is None and layout.coding(study.folder, participant, coder).is_file()
            others = read_runs_from_elsewhere(study.folder, participant, coder)
            if not from_elsewhere and (said or set()) - others != set(_done(known, participant, coder)):
                write_tables(study, store, clips, participant, coder)


def follow(bench: Bench, participant: str, coders: Iterable[str]) -> None:
    """Write these coders' tables after a change that is kept; raises DeniedError where the disk refuses."""
    try:
        with bench.writing:
            for coder in coders:
                write_tables(bench.study, bench.store, bench.clips, participant, coder)
    except OSError as error:
        raise DeniedError(
            507,
            "This is kept on the bench, but the study's tables could not be written "
            f"({error.strerror or error}): free space, then start the bench again, which writes them.",
            "disk",
        ) from error


def _done(states: Iterable[ClipState], participant: str, coder: str) -> Iterator[int]:
    for state in states:
        if state.participant == participant:
            finished = state.stage == "final" if coder == FINAL else state.coders.get(coder) == "done"
            if finished:
                yield state.run


def _rows(
    study: Study, store: CodingStore, clips: StudyClips, participant: str, run: int, coder: str
) -> Iterator[dict[str, Any]]:
    clip = clips.get(clip_id(participant, run))
    try:
        times = [] if clip is None else clips.times_s(clip).tolist()
    except MienError:
        times = []
    for kept in store.sheet(participant, run, coder).expressions:
        if kept.annotation is not None:
            yield table_row(kept.annotation, run, times)


def table_row(said: Annotation, run: int, times_s: list[float]) -> dict[str, Any]:
    """An annotation as a row of a coding table; what was not coded is None."""
    return {
        "trial": run,
        "run": run,
        "onset_frame": said.onset,
        "apex_frame": said.apex,
        "offset_frame": said.offset,
        "kind": derived_kind(said, times_s),
        "action_units": tables.spell_action_units(said.action_units) or None,
        "emotion": said.emotion,
        "kind_reason": said.kind_reason or None,
        "basis": " ".join(said.basis) or None,
        "valence": said.valence,
        "arousal": said.arousal,
        "certainty": said.certainty,
        "comment": " ".join(said.comment.split()) or None,
        "units_seen": "none" if said.no_action_unit else None,
    }
