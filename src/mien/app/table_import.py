"""Expression tables that a study has already, brought onto the bench as their coders' sheets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mien.app.bench import Bench
from mien.app.study_clips import clip_id
from mien.app.study_tables import write_tables
from mien.coding.annotation import Annotation, annotation_from_json, kind_by_rule
from mien.coding.edits import Edit
from mien.coding.stages import RESERVED, ClipState, Coder
from mien.core.errors import DataError, MienError
from mien.core.expression import ActionUnit
from mien.dataset import layout, tables
from mien.dataset.coded_runs import read_coded_runs

_SPACE = uuid.UUID("6f1d2a0e-6d2c-5c0f-9d39-5f0b3f6c2a11")
"""Edits of an import have keys that follow from what they say: an import that is repeated adds nothing."""


@dataclass
class Imported:
    """What came: rows added, tokens of coders who were new, and what could not be taken, with reasons."""

    added: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def import_tables(bench: Bench, *, by: str) -> Imported:
    """Bring every coder's table of the study onto the bench; sheets that were begun here are left alone.

    Clips that are past coding are left alone as well. Sheets are done once all rows of a clip are there, so
    that the clip goes to verification with every coder of the tables.
    """
    done = Imported()
    for name in bench.study.participants:
        coding = bench.study.session(name).coding()
        rows = {coder: list(tables.rows(t)) for coder, t in coding.items() if coder not in RESERVED}
        people = {coder: _account(bench, done, coder, by) for coder in rows}
        for state in [state for state in bench.store.clips() if state.participant == name]:
            if state.stage == "code" and people:
                _import_clip(bench, done, state, people, rows, by)
        with bench.writing:  # from now on these tables follow the bench
            for coder in people:
                write_tables(bench.study, bench.store, bench.clips, name, coder)
    return done


def _import_clip(
    bench: Bench,
    done: Imported,
    state: ClipState,
    people: Mapping[str, Coder],
    rows: Mapping[str, list[dict[str, Any]]],
    by: str,
) -> None:
    """One clip's rows of every coder who went through it, and was not begun here."""
    name, run = state.participant, state.run
    coming = []
    for coder in people:
        runs = read_coded_runs(bench.folder, name, coder)
        if (runs is None or run in runs) and not _begun(bench, state, coder, rows[coder]):
            coming.append(coder)
    if not coming:
        return
    bench.store.assign(name, run, list(dict.fromkeys([*state.coders, *coming])), by=by)
    whole = []
    for coder in coming:
        came = [
            _import_row(bench, done, people[coder], state, number, row)
            for number, row in enumerate(_of_run(rows[coder], run))
        ]
        if all(came):
            whole.append(coder)
        else:
            words = f"{came.count(False)} of {len(came)} rows could not be taken: the sheet is left open"
            done.problems.append(f"{name}, run {run}, coder {coder}: {words}")
    for coder in whole:
        bench.store.set_done(name, run, by=people[coder])


def _begun(bench: Bench, state: ClipState, coder: str, rows: list[dict[str, Any]]) -> bool:
    """Whether a sheet is done, or holds anything that is not of an import that was interrupted."""
    if state.coders.get(coder, "open") == "done":
        return True
    if coder not in state.coders:
        return bool(bench.store.counts().get((state.participant, state.run, coder)))
    ours = {_names(_place(state, coder, n), row)[1] for n, row in enumerate(_of_run(rows, state.run))}
    return any(
        kept.id not in ours for kept in bench.store.sheet(state.participant, state.run, coder).expressions
    )


def _of_run(rows: list[dict[str, Any]], run: int) -> list[dict[str, Any]]:
    return [row for row in rows if int(row["run"]) == run]


def _place(state: ClipState, coder: str, number: int) -> str:
    return f"{state.participant}, run {state.run}, coder {coder}, row {number + 1}"


def _names(place: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """The key of a row's edit, and the id of its expression."""
    said = f"{place}|{sorted((k, str(v)) for k, v in row.items())}"
    return str(uuid.uuid5(_SPACE, said)), str(uuid.uuid5(_SPACE, f"expression {said}"))


def _account(bench: Bench, done: Imported, coder: str, by: str) -> Coder:
    known = {who.label: who for who in bench.store.coders()}
    if coder not in known:
        done.tokens[coder] = bench.store.add_coder(coder, f"Coder {coder}", "coder", by=by)
        known = {who.label: who for who in bench.store.coders()}
    return known[coder]


def _import_row(
    bench: Bench, done: Imported, who: Coder, state: ClipState, number: int, row: Mapping[str, Any]
) -> bool:
    """Put one row onto the sheet; returns whether it is there."""
    place = _place(state, who.label, number)
    key, expression = _names(place, row)
    try:
        said = annotation_of_row(row, _times(bench, state))
        edit = Edit(
            key=key, participant=state.participant, run=state.run, sheet=who.label, action="put",
            expression=expression, base=0, annotation=said,
        )  # fmt: skip
        repeated = bench.store.put(edit, by=who).repeated
    except MienError as error:
        done.problems.append(f"{place}: {error}")
        return False
    if row["emotion"] is not None and said.emotion is None:
        words = f"its emotion ({row['emotion']}) stands in the comment, since it has no action units"
        done.problems.append(f"{place}: {words}")
    done.added += not repeated
    return True


def _times(bench: Bench, state: ClipState) -> list[float]:
    clip = bench.clips.get(clip_id(state.participant, state.run))
    return [] if clip is None else bench.clips.times_s(clip).tolist()


def annotation_of_row(row: Mapping[str, Any], times_s: list[float]) -> Annotation:
    """What a row of a coding table states; raises DataError where it states what cannot be.

    A kind that the times contradict is kept with the reason that it was so in the table; an emotion without
    action units goes into the comment, since the bench takes emotions only after units.
    """
    units = tuple(_each_once(tables.parse_action_units(row["action_units"])))
    onset, apex, offset = (None if row[n] is None else int(row[n]) for n in layout.CODING_COLUMNS[2:5])
    seen_none = row.get("units_seen") == "none"
    emotion = row["emotion"]
    comment = str(row.get("comment") or "")
    if emotion is not None and not units and not seen_none:
        comment = " ".join(filter(None, [comment, f"(emotion in the table: {emotion})"]))
        emotion = None
    said = Annotation(
        onset=onset,
        apex=apex,
        offset=offset,
        action_units=units,
        no_action_unit=seen_none,
        emotion=emotion,
        basis=("aus",) if emotion is not None else (),
        valence=_number(row, "valence"),
        arousal=_number(row, "arousal"),
        certainty=_whole(row, "certainty"),
        comment=comment,
    )
    kind = row["kind"] if row["kind"] in ("micro", "macro") else None
    if kind is None or kind == kind_by_rule(said, times_s):
        return said
    plain = said.as_json() | {"kind": kind, "kind_reason": str(row.get("kind_reason") or "as in the table")}
    return annotation_from_json(plain)


def _each_once(units: tuple[ActionUnit, ...]) -> Iterator[ActionUnit]:
    seen: set[tuple[int, str]] = set()
    for unit in units:
        if (unit.number, unit.side) not in seen:
            seen.add((unit.number, unit.side))
            yield unit


def _number(row: Mapping[str, Any], name: str) -> float | None:
    cell = row.get(name)
    try:
        return None if cell is None else float(cell)
    except ValueError:
        raise DataError(
            name, wanted="a number or n/a", got=ascii(cell)[:60], remedy="correct the table"
        ) from None


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    number = _number(row, name)
    if number is not None and not number.is_integer():
        raise DataError(name, wanted="a whole number or n/a", got=row[name], remedy="correct the table")
    return None if number is None else int(number)
