"""The coding store: what was acknowledged stays, once; who codes is blind; who withdraws is gone."""

from __future__ import annotations

import gzip
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy", reason="sqlalchemy not installed, skipped")

from mien.coding.annotation import Annotation
from mien.coding.stages import Coder
from mien.coding.store import CodingStore, Conflict, Edit, Refused, Unavailable
from mien.core.errors import DataError, MienError, OptionError
from mien.core.expression import ActionUnit

SECRET = b"a secret of the bench's own, 32 bytes"
P, RUN = "sub-001", 1
DAY_S = 24 * 3600.0


class Clock:
    """Goes on by a millisecond whenever it is looked at, and wherever it is set to."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(new_url):
    return new_url()


@pytest.fixture
def store(url, clock):
    store = CodingStore.open(url, secret=SECRET, clock=clock)
    fill(store)
    yield store
    store.close()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/bench.sqlite"


def fill(store):
    """Two coders, two experts and a lead; a clip that both coders code."""
    for label, role in PEOPLE.items():
        store.add_coder(label, label.title(), role, by="test")
    store.ensure_clips([(P, RUN)])
    store.assign(P, RUN, ["ann", "bob"], by="test")


PEOPLE = {"ann": "coder", "bob": "coder", "eve": "expert", "fay": "expert", "lea": "lead"}
ANN, BOB, EVE, FAY, LEA = (Coder(label, label.title(), role) for label, role in PEOPLE.items())
CODED = Annotation(onset=10, apex=20, offset=30, action_units=(ActionUnit(4),))


def put(expression="x", base=0, annotation=CODED, *, sheet="ann", key=None, run=RUN, participant=P):
    action = "delete" if annotation is None else "put"
    return Edit(
        key=key or str(uuid.uuid4()),
        participant=participant,
        run=run,
        sheet=sheet,
        action=action,
        expression=expression,
        base=base,
        annotation=annotation,
    )


def decide(action, suggestion="s1", *, sheet="ann"):
    return Edit(
        key=str(uuid.uuid4()), participant=P, run=RUN, sheet=sheet, action=action, suggestion=suggestion
    )


def to_stage(store, stage):
    if stage == "code":
        return
    store.set_done(P, RUN, by=ANN)
    store.set_done(P, RUN, by=BOB)
    if stage in ("adjudicate", "final"):
        store.move(P, RUN, "adjudicate", "", [], by=EVE)
    if stage == "final":
        store.move(P, RUN, "final", "", [], by=EVE)


# --- edits


def test_an_edit_is_kept_with_its_number_version_and_time(store):
    first = store.put(put(), by=ANN)
    second = store.put(put(base=1, annotation=Annotation(onset=11)), by=ANN)
    assert (first.version, second.version) == (1, 2)
    assert second.seq == first.seq + 1
    assert first.at < second.at
    (kept,) = store.sheet(P, RUN, "ann").expressions
    assert (kept.annotation, kept.version, kept.by, kept.at) == (Annotation(onset=11), 2, "ann", second.at)
    row = store.log()[-1]
    assert (row.seq, row.what, row.sheet, row.by) == (second.seq, "put", "ann", "ann")
    assert (row.before, row.after) == (CODED.as_json(), Annotation(onset=11).as_json())


def test_a_deleted_expression_is_not_shown_and_can_come_back(store):
    store.put(put(), by=ANN)
    assert store.put(put(base=1, annotation=None), by=ANN).version == 2
    assert store.sheet(P, RUN, "ann").expressions == []
    assert store.put(put(base=2), by=ANN).version == 3
    assert len(store.sheet(P, RUN, "ann").expressions) == 1


def test_expressions_come_in_order_of_time_those_without_one_last(store):
    for name, onset in (("late", 50), ("none", None), ("early", 5)):
        store.put(put(name, annotation=Annotation(onset=onset)), by=ANN)
    assert [kept.id for kept in store.sheet(P, RUN, "ann").expressions] == ["early", "late", "none"]
    assert store.counts() == {(P, RUN, "ann"): 3}


def test_a_stale_base_is_a_conflict_with_both_versions(store):
    store.put(put(), by=ANN)
    answer = store.put(put(base=1, annotation=Annotation(onset=12)), by=ANN)
    before = store.log()
    with pytest.raises(Conflict) as caught:
        store.put(put(base=1, annotation=Annotation(onset=13)), by=ANN)
    assert caught.value.yours == Annotation(onset=13)
    theirs = caught.value.theirs
    assert (theirs.annotation, theirs.version, theirs.by) == (Annotation(onset=12), 2, "ann")
    assert theirs.at == answer.at
    assert store.log() == before, "a conflict leaves nothing behind"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.yours, again.theirs, str(again)) == (caught.value.yours, theirs, str(caught.value))


def test_putting_what_another_deleted_is_a_conflict_with_nothing(store):
    store.put(put(), by=ANN)
    store.put(put(base=1, annotation=None), by=ANN)
    with pytest.raises(Conflict) as caught:
        store.put(put(base=1, annotation=Annotation(onset=13)), by=ANN)
    assert (caught.value.theirs.version, caught.value.theirs.annotation) == (2, None)


def test_deleting_what_another_changed_is_a_conflict_with_the_change(store):
    store.put(put(), by=ANN)
    store.put(put(base=1, annotation=Annotation(onset=12)), by=ANN)
    with pytest.raises(Conflict) as caught:
        store.put(put(base=1, annotation=None), by=ANN)
    assert caught.value.yours is None
    assert caught.value.theirs.annotation == Annotation(onset=12)


@pytest.mark.parametrize("base", [0, 2])
def test_making_what_is_there_or_changing_what_is_not_is_a_conflict(store, base):
    if base == 0:
        store.put(put(), by=ANN)
    with pytest.raises(Conflict) as caught:
        store.put(put(base=base), by=ANN)
    assert caught.value.theirs.version == (1 if base == 0 else 0)


def test_nothing_cannot_be_deleted(store):
    with pytest.raises(DataError, match="wanted one to delete"):
        store.put(put(annotation=None), by=ANN)
    store.put(put(), by=ANN)
    store.put(put(base=1, annotation=None), by=ANN)
    with pytest.raises(DataError, match="wanted one to delete"):
        store.put(put(base=2, annotation=None), by=ANN)


def test_a_conflict_tells_nothing_of_other_sheets(store):
    store.put(put("shared-id", sheet="bob"), by=BOB)
    assert store.put(put("shared-id"), by=ANN).version == 1
    assert [kept.sheet for kept in store.sheet(P, RUN, "bob").expressions] == ["bob"]


def test_a_key_sent_again_gets_its_first_answer_even_later_and_after_a_restart(store, url, clock):
    edit = put()
    first = store.put(edit, by=ANN)
    store.put(put(base=1, annotation=None), by=ANN)
    store.set_done(P, RUN, by=ANN)
    n = len(store.log())
    other = CodingStore.open(url, secret=SECRET, clock=clock)
    for again in (store.put(edit, by=ANN), other.put(edit, by=ANN)):
        assert again.repeated
        assert (again.seq, again.version, again.at) == (first.seq, first.version, first.at)
    assert len(other.log()) == n
    other.close()


@pytest.mark.parametrize(
    "other",
    [
        {"annotation": Annotation(onset=11)},
        {"annotation": None},
        {"base": 1},
        {"expression": "y"},
        {"run": 2},
    ],
)
def test_a_key_with_other_content_is_refused(store, other):
    store.put(put(key="k"), by=ANN)
    n = len(store.log())
    with pytest.raises(DataError, match="key: wanted a key of its own"):
        store.put(put(key="k", **other), by=ANN)
    with pytest.raises(DataError, match="key: wanted a key of its own"):
        store.put(put(key="k"), by=BOB)
    assert len(store.log()) == n


def test_suggestions_are_rejected_taken_back_and_confirmed(store):
    store.put(decide("reject"), by=ANN)
    store.put(decide("reject", "s2"), by=ANN)
    assert store.sheet(P, RUN, "ann").decisions == {"s1": "rejected", "s2": "rejected"}
    answer = store.put(decide("unreject"), by=ANN)
    assert answer.version is None
    assert store.sheet(P, RUN, "ann").decisions == {"s2": "rejected"}
    store.put(put(annotation=Annotation(onset=1, suggestion="s1")), by=ANN)
    assert store.sheet(P, RUN, "ann").decisions == {"s1": "confirmed", "s2": "rejected"}
    assert store.sheet(P, RUN, "bob").decisions == {}


BAD_EDITS = {
    "key": {"key": ""},
    "key of markup": {"key": "<b>"},
    "expression": {"expression": None},
    "expression of blanks": {"expression": "a b"},
    "base": {"base": None},
    "base -1": {"base": -1},
    "base true": {"base": True},
    "put without a body": {"annotation": None},
    "delete with a body": {"action": "delete"},
    "another action": {"action": "drop"},
    "reject with a body": {"action": "reject", "suggestion": "s"},
    "reject of nothing": {"action": "reject", "annotation": None, "expression": None, "base": None},
    "put with a suggestion": {"suggestion": "s"},
    "another clip": {"participant": "sub-999"},
    "another run": {"run": 9},
}


@pytest.mark.parametrize("case", BAD_EDITS)
def test_an_edit_that_does_not_hold_together_is_refused(store, case):
    fields = {name: getattr(put(), name) for name in Edit.__dataclass_fields__}
    n = len(store.log())
    with pytest.raises(DataError):
        store.put(Edit(**{**fields, **BAD_EDITS[case]}), by=ANN)
    assert len(store.log()) == n


@pytest.mark.parametrize("stage", ["code", "verify", "adjudicate", "final"])
def test_only_those_who_may_mark_do(sqlite_url, stage):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    to_stage(store, stage)
    marked = []
    for who in (ANN, BOB, EVE, LEA):
        for sheet in ("ann", "bob", "eve", "final"):
            n = len(store.log())
            try:
                store.put(put(who.label, sheet=sheet), by=who)
                marked.append((who.label, sheet))
            except Refused:
                assert len(store.log()) == n
    wanted = {"code": [("ann", "ann"), ("bob", "bob")], "adjudicate": [("eve", "final"), ("lea", "final")]}
    assert marked == wanted.get(stage, [])
    store.close()


def test_what_the_store_knows_of_a_person_counts_not_what_is_claimed(store):
    to_stage(store, "adjudicate")
    with pytest.raises(Refused):
        store.put(put(sheet="final"), by=Coder("ann", "Ann", "lead"))
    with pytest.raises(Refused):
        store.put(put(sheet="final"), by=Coder("nobody", "Nobody", "lead"))
    store.deactivate("eve", by="test")
    with pytest.raises(Refused):
        store.put(put(sheet="final"), by=EVE)


def test_markup_quotes_and_every_script_are_kept_as_they_are(store):
    text = "<script>'\"; DROP TABLE log; --\n\t表情 \U0001f600 \u202e {} %s :x"
    store.put(put(annotation=Annotation(comment=text)), by=ANN)
    assert store.sheet(P, RUN, "ann").expressions[0].annotation.comment == text
    assert store.log()[-1].after["comment"] == text


# --- laws

steps = st.lists(
    st.tuples(
        st.sampled_from(("ann", "bob")),
        st.sampled_from(("put", "put", "delete", "reject", "unreject", "again", "done", "open")),
        st.sampled_from("xyz"),
        st.integers(-1, 1),
        st.integers(0, 99),
    ),
    max_size=25,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_any_sequence_of_edits_is_in_the_log_and_a_key_counts_once(store, url, replay_equals_tables, steps):
    run = len(store.clips()) + 1
    store.ensure_clips([(P, run)])
    store.assign(P, run, ["ann", "bob", "eve"], by="test")  # eve is never done: the clip stays open
    people = {"ann": ANN, "bob": BOB}
    model, done, told = {}, set(), []
    for who, what, name, off, onset in steps:
        if what in ("done", "open"):
            (store.set_done if what == "done" else store.set_open)(P, run, by=people[who])
            (done.add if what == "done" else done.discard)(who)
            continue
        if what == "again":
            if told:
                edit, by, first = told[onset % len(told)]
                again = store.put(edit, by=by)
                assert again.repeated
                assert (again.seq, again.version, again.at) == (first.seq, first.version, first.at)
            continue
        version, body = model.get((who, name), (0, None))
        if what in ("reject", "unreject"):
            edit = Edit(
                key=str(uuid.uuid4()), participant=P, run=run, sheet=who, action=what, suggestion=name
            )
            wrong = None
        else:
            new = Annotation(onset=onset) if what == "put" else None
            edit = put(name, max(0, version + off), new, sheet=who, run=run)
            wrong = Conflict if edit.base != version else DataError if new is body is None else None
        wrong = Refused if who in done else wrong
        n = store.log(participant=P, run=run)[-1].seq
        if wrong is not None:
            with pytest.raises(wrong):
                store.put(edit, by=people[who])
            assert store.log(participant=P, run=run)[-1].seq == n
            continue
        answer = store.put(edit, by=people[who])
        told.append((edit, people[who], answer))
        assert store.put(edit, by=people[who]).repeated
        if what in ("put", "delete"):
            model[who, name] = (version + 1, edit.annotation)
            assert answer.version == version + 1
    for who in people:
        kept = {one.id: (one.version, one.annotation) for one in store.sheet(P, run, who).expressions}
        assert kept == {n: v for (w, n), v in model.items() if w == who and v[1] is not None}
    replay_equals_tables(store, url)


def test_two_stores_on_one_database_write_at_once(url, replay_equals_tables):
    """Eight threads over two stores, each waiting for the other; every version is given once."""
    with ThreadPoolExecutor(2) as pool:  # both find no tables
        stores = list(pool.map(lambda _: CodingStore.open(url, secret=SECRET), range(2)))
    fill(stores[0])
    stores[0].put(put(annotation=Annotation(onset=0)), by=ANN)

    stale = []

    def climb(store, n):
        seen = []
        while len(seen) < n:
            base = store.sheet(P, RUN, "ann").expressions[0].version
            try:
                seen.append(store.put(put(base=base, annotation=Annotation(onset=base)), by=ANN).version)
            except Conflict as conflict:
                stale.append((conflict.theirs.version, base))
        return seen

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(climb, stores[number % 2], 10) for number in range(4)]
        versions = [version for job in jobs for version in job.result()]
    assert sorted(versions) == list(range(2, 42))
    assert all(version > base for version, base in stale)
    replay_equals_tables(stores[0], url)
    for store in stores:
        store.close()


# --- stages


def test_a_clip_goes_its_way(store, url, replay_equals_tables):
    assert store.clip(P, RUN).coders == {"ann": "open", "bob": "open"}
    store.set_done(P, RUN, by=ANN)
    store.set_open(P, RUN, by=ANN)
    assert store.clip(P, RUN).coders == {"ann": "open", "bob": "open"}
    to_stage(store, "verify")
    assert store.clip(P, RUN).stage == "verify"
    store.move(P, RUN, "code", "the second one is a blink", ["bob"], by=EVE)
    state = store.clip(P, RUN)
    assert (state.stage, state.coders) == ("code", {"ann": "done", "bob": "open"})
    assert state.returned == {"bob": "the second one is a blink"}
    assert store.sheet(P, RUN, "bob").returned == "the second one is a blink"
    store.set_done(P, RUN, by=BOB)
    assert store.clip(P, RUN).stage == "verify"
    assert store.clip(P, RUN).returned == {}
    store.move(P, RUN, "adjudicate", "", [], by=EVE)
    store.put(put(sheet="final"), by=FAY)
    assert store.sheet(P, RUN, "final").state == "open"
    store.move(P, RUN, "final", "", [], by=FAY)
    assert store.sheet(P, RUN, "final").state == "done"
    with pytest.raises(Refused):
        store.put(put("y", sheet="final"), by=FAY)
    store.move(P, RUN, "adjudicate", "the offset is wrong", [], by=LEA)
    store.put(put(base=1, sheet="final", annotation=Annotation(onset=1)), by=LEA)
    versions = [store.clip(P, RUN).version]
    rows = replay_equals_tables(store, url)
    assert versions == [1 + sum(row.what in ("assign", "done", "open", "stage") for row in rows)]


def test_moves_need_a_reason_and_the_clips_own_coders(store):
    to_stage(store, "verify")
    for reason, coders in (
        ("", ["bob"]),
        ("  ", ["bob"]),
        ("why", []),
        ("why", ["eve"]),
        ("why", ["bob"] * 2),
    ):
        with pytest.raises(DataError):
            store.move(P, RUN, "code", reason, coders, by=EVE)
    with pytest.raises(DataError, match="control"):
        store.move(P, RUN, "code", "a\x00b", ["bob"], by=EVE)
    with pytest.raises(Refused):
        store.move(P, RUN, "adjudicate", "", [], by=ANN)
    store.move(P, RUN, "adjudicate", "", [], by=EVE)
    with pytest.raises(Refused):  # another was quicker
        store.move(P, RUN, "adjudicate", "", [], by=FAY)
    store.move(P, RUN, "final", "", [], by=EVE)
    with pytest.raises(Refused):
        store.move(P, RUN, "adjudicate", "why", [], by=EVE)
    with pytest.raises(DataError, match="reason"):
        store.move(P, RUN, "adjudicate", "", [], by=LEA)


def test_done_twice_is_done_once_and_only_by_those_assigned(store):
    store.set_done(P, RUN, by=ANN)
    n = len(store.log())
    store.set_done(P, RUN, by=ANN)
    assert len(store.log()) == n
    with pytest.raises(Refused):
        store.set_done(P, RUN, by=EVE)
    to_stage(store, "adjudicate")
    with pytest.raises(Refused):
        store.set_open(P, RUN, by=ANN)


def test_assignment_keeps_sheets_and_sends_on_what_is_done(store, url, replay_equals_tables):
    store.put(put(), by=ANN)
    store.set_done(P, RUN, by=BOB)
    store.assign(P, RUN, ["bob"], by=LEA)
    assert store.clip(P, RUN).stage == "verify", "all who are left are done"
    assert len(store.sheet(P, RUN, "ann").expressions) == 1
    with pytest.raises(Refused, match="stage verify"):
        store.assign(P, RUN, ["ann", "bob"], by=LEA)
    store.move(P, RUN, "code", "look again", ["bob"], by=LEA)
    store.assign(P, RUN, ["bob", "ann"], by=LEA)
    assert store.clip(P, RUN).coders == {"ann": "open", "bob": "open"}
    replay_equals_tables(store, url)


def test_assignment_is_the_leads_and_of_people_there_are(store):
    with pytest.raises(Refused, match="wanted a lead"):
        store.assign(P, RUN, ["ann"], by=EVE)
    for labels in (["nobody"], ["ann", "ann"], "ann"):
        with pytest.raises(DataError):
            store.assign(P, RUN, labels, by=LEA)
    store.deactivate("fay", by=LEA)
    with pytest.raises(Refused):
        store.assign(P, RUN, ["ann", "fay"], by=LEA)
    assert store.clip(P, RUN).coders == {"ann": "open", "bob": "open"}


def test_context_is_shown_after_all_units_are_coded_and_only_then_named(store):
    with pytest.raises(DataError, match="got no expression"):
        store.reveal(P, RUN, by=ANN)
    store.put(put(), by=ANN)
    store.put(put("y", annotation=Annotation(onset=1)), by=ANN)
    with pytest.raises(DataError, match="got 1 of 2 without"):
        store.reveal(P, RUN, by=ANN)
    named = Annotation(onset=1, no_action_unit=True, emotion="disgust", basis=("aus", "clip"))
    with pytest.raises(DataError, match="basis"):
        store.put(put("y", 1, named), by=ANN)
    store.put(put("y", 1, Annotation(onset=1, no_action_unit=True)), by=ANN)
    store.reveal(P, RUN, by=ANN)
    store.reveal(P, RUN, by=ANN)
    assert [row.what for row in store.log()].count("reveal") == 1
    assert store.sheet(P, RUN, "ann").revealed
    assert not store.sheet(P, RUN, "bob").revealed
    assert store.put(put("y", 2, named), by=ANN).version == 3
    with pytest.raises(Refused):
        store.reveal(P, RUN, by=EVE)


def test_clips_are_made_once_in_order_and_checked(store):
    store.ensure_clips([("sub-010", 2), ("sub-002", 1), (P, RUN), ("sub-010", 2)])
    assert [(clip.participant, clip.run) for clip in store.clips()] == [
        (P, RUN), ("sub-002", 1), ("sub-010", 2)]  # fmt: skip
    assert store.clip(P, RUN).coders, "what was there stays"
    for wrong in (("001", 1), ("sub-001/..", 1), ("sub-001", "1"), ("sub-001", -1), ("sub-003", True)):
        with pytest.raises(DataError):
            store.ensure_clips([wrong])
    with pytest.raises(DataError, match="wanted a clip of the study"):
        store.clip("sub-999", 1)
    with pytest.raises(DataError):
        store.sheet("sub-999", 1, "ann")


def test_a_sheet_that_was_never_assigned_is_empty_and_of_nobody_is_none(store):
    sheet = store.sheet(P, RUN, "lea")
    assert (sheet.state, sheet.expressions, sheet.revealed) == ("open", [], False)
    with pytest.raises(DataError):
        store.sheet(P, RUN, "nobody")


@pytest.mark.parametrize(
    "odd", ["", "sub-\x00", "\ud83d", "' OR 1=1 --", "../..", "x" * 5000, "sub-001\n", None]
)
def test_names_that_no_clip_or_sheet_can_have_are_nobodys(store, odd):
    """Whatever a page sends; PostgreSQL takes no null byte, and neither database half a character."""
    for ask in (
        lambda: store.clip(odd, RUN),
        lambda: store.sheet(odd, RUN, "ann"),
        lambda: store.sheet(P, RUN, odd),
        lambda: store.put(put(participant=odd), by=ANN),
        lambda: store.assign(P, RUN, [odd], by=LEA),
        lambda: store.new_token(odd, by=LEA),
    ):
        with pytest.raises(DataError):
            ask()
    with pytest.raises(MienError):
        store.put(put(sheet=odd), by=ANN)
    if odd is not None:
        assert store.log(participant=odd) == []
        assert store.forget(odd) == 0


def test_numbers_that_no_run_can_have_are_no_clip(store):
    for run in (-1, 2**31, 10**30):
        with pytest.raises(DataError, match="clip"):
            store.clip(P, run)
        with pytest.raises(DataError, match="clip"):
            store.put(put(run=run), by=ANN)
    assert store.log(after=10**30) == []


# --- people


def test_a_token_opens_sessions_until_it_is_replaced(store, url):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    first, who = store.sign_in(token)
    second, _ = store.sign_in(token)
    assert who == store.session(first) == store.session(second) == Coder("max", "Max", "coder")
    store.sign_out(second)
    assert store.session(second) is None
    other = CodingStore.open(url, secret=SECRET, clock=store._database.clock)
    assert other.session(first) == who, "sessions are known after a restart"
    other.close()
    new = store.new_token("max", by=LEA)
    assert store.sign_in(token) is None
    assert store.session(first) is None
    assert store.sign_in(new)[1] == who


def test_wrong_tokens_and_sessions_are_nobodys(store):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    for wrong in (
        "",
        "x",
        token[:-1],
        token + "x",
        token.swapcase(),
        "\x00",
        "\ud83d",
        "' OR 1=1 --",
        "表" * 999,
    ):
        assert store.sign_in(wrong) is None
        assert store.session(wrong) is None
    opened, _ = store.sign_in(token)
    assert store.session(token) is None
    assert store.sign_in(opened) is None


def test_sessions_end_after_30_days_and_are_swept(store, clock):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    opened, _ = store.sign_in(token)
    clock.now_s += 29.9 * DAY_S
    assert store.session(opened) is not None
    clock.now_s += 0.2 * DAY_S
    assert store.session(opened) is None
    store.sign_in(token)
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one() == 1


def test_who_is_shut_out_is_out_at_once(store):
    token = store.add_coder("max", "Max", "expert", by=LEA)
    opened, _ = store.sign_in(token)
    store.deactivate("max", by=LEA)
    assert store.session(opened) is None
    assert store.sign_in(token) is None
    assert not next(coder for coder in store.coders() if coder.label == "max").active
    with pytest.raises(Refused):
        store.new_token("max", by=LEA)


def test_tokens_and_sessions_are_not_in_the_database(store, tmp_path):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    opened, _ = store.sign_in(token)
    store.backup(tmp_path / "copy")
    found = (tmp_path / "copy").read_bytes()
    found = gzip.decompress(found) if found[:2] == b"\x1f\x8b" else found
    assert b"max" in found
    assert token.encode() not in found
    assert opened.encode() not in found


def test_another_secret_knows_nobody(store, url):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    opened, _ = store.sign_in(token)
    other = CodingStore.open(url, secret=b"another secret", clock=store._database.clock)
    assert other.sign_in(token) is None
    assert other.session(opened) is None
    assert other.csrf(opened) != store.csrf(opened)
    assert store.csrf(opened) != store.csrf(opened + "x")
    other.close()


@pytest.mark.parametrize(
    ("label", "name", "role"),
    [("final", "N", "coder"), ("Unmerged", "N", "coder"), ("", "N", "coder"), ("a b", "N", "coder"),
     ("a" * 33, "N", "coder"), ("ä", "N", "coder"), ("ANN", "N", "coder"), ("max", "", "coder"),
     ("max", "a\nb", "coder"), ("max", "N", "boss"), ("max", "x" * 101, "lead")],
)  # fmt: skip
def test_people_that_cannot_be(store, label, name, role):
    n = len(store.log())
    with pytest.raises(DataError):
        store.add_coder(label, name, role, by=LEA)
    assert len(store.log()) == n


def test_accounts_are_the_leads(store):
    for act in (
        lambda: store.add_coder("max", "Max", "lead", by=EVE),
        lambda: store.new_token("lea", by=EVE),
        lambda: store.deactivate("lea", by=ANN),
    ):
        with pytest.raises(Refused, match="wanted a lead"):
            act()
    with pytest.raises(DataError):
        store.deactivate("nobody", by=LEA)


# --- log


def test_a_clock_that_steps_back_does_not_turn_the_log_around(store, clock):
    store.put(put(), by=ANN)
    before = store.log()[-1]
    clock.now_s -= 3600
    first = store.put(put(base=1), by=ANN)
    clock.now_s += 0.5
    clock.now_s += 3599
    second = store.put(put(base=2), by=ANN)
    clock.now_s += 10
    third = store.put(put(base=3), by=ANN)
    rows = store.log()
    assert before.at == first.at == second.at < third.at
    assert [row.clock_back_s for row in rows[-3:]] == [pytest.approx(3600, abs=0.1), None, None]
    assert before.clock_back_s is None


def test_the_log_comes_in_pages_and_by_clip(store):
    store.ensure_clips([("sub-002", 1)])
    store.assign("sub-002", 1, ["ann"], by=LEA)
    store.put(put(participant="sub-002"), by=ANN)
    store.put(put(), by=ANN)
    rows = store.log()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert store.log(after=3, limit=2) == rows[3:5]
    assert [row.what for row in store.log(participant="sub-002", run=1)] == ["assign", "put"]
    assert store.log(after=rows[-1].seq) == []


# --- files and servers


def test_a_damaged_file_is_refused_in_one_sentence(sqlite_url, tmp_path):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    for number in range(50):
        store.put(put(f"x{number}", annotation=Annotation(comment="long " * 100)), by=ANN)
    store.close()
    path = tmp_path / "bench.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + os.urandom(60_000) + whole[65_000:])
    with pytest.raises(DataError, match=r"bench\.sqlite: wanted a whole database"):
        CodingStore.open(sqlite_url, secret=SECRET)
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(
        DataError, match=r"bench\.sqlite: wanted a whole database, got file is not a database"
    ):
        CodingStore.open(sqlite_url, secret=SECRET)
    assert path.read_bytes().startswith(b"this is a letter"), "nothing was done to it"


def test_a_database_of_a_newer_mien_or_of_another_program_is_left_alone(store, url, tmp_path):
    with store._database.writing() as writing:
        writing.connection.exec_driver_sql("UPDATE head SET schema_version = 2")
    with pytest.raises(DataError, match="wanted a coding database of version 1 or older, got 2"):
        CodingStore.open(url, secret=SECRET)
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(DataError, match="got a database with the table recipes"):
        CodingStore.open(f"sqlite:///{path}", secret=SECRET)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE log (line)")
    connection.close()
    with pytest.raises(DataError, match="got other tables"):
        CodingStore.open(f"sqlite:///{path}", secret=SECRET)


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "no address"])
def test_addresses_that_cannot_be(url):
    with pytest.raises(OptionError, match="database: wanted sqlite"):
        CodingStore.open(url, secret=SECRET)


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg not installed, skipped")
    with pytest.raises(DataError, match="wanted a database that answers") as caught:
        CodingStore.open(f"postgresql://ann:hush@/bench?host={tmp_path}", secret=SECRET)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="wanted a file that can be written"):
        CodingStore.open(f"sqlite:///{tmp_path}/file/bench.sqlite", secret=SECRET)


def test_a_database_that_is_held_is_unavailable_and_loses_nothing(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.coding.transactions.BUSY_S", 0.1)
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    edit = put()
    holder = sqlite3.connect(tmp_path / "bench.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.put(edit, by=ANN)
    assert store.sheet(P, RUN, "ann").expressions == [], "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    assert not store.put(edit, by=ANN).repeated
    store.close()


def test_commits_are_durable_and_the_file_is_its_owners(sqlite_url, tmp_path):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    with store._database.reading() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
        for name, value in wanted.items():
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 10_000
    for path in tmp_path.glob("bench.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0
    store.close()


def test_an_error_in_a_call_undoes_all_of_it(store, monkeypatch):
    monkeypatch.setattr("mien.coding.transactions.Writing.finish", lambda self: 1 / 0)
    before = store.log()
    with pytest.raises(ZeroDivisionError):
        store.put(put(), by=ANN)
    monkeypatch.undo()
    assert store.log() == before
    assert store.sheet(P, RUN, "ann").expressions == []


def test_a_backup_taken_while_others_write_is_one_state(store, tmp_path, new_url, replay_equals_tables):
    stop = threading.Event()
    written = []

    def write():
        while not stop.is_set():
            name = f"x{len(written)}"
            written.append(store.put(put(name, annotation=Annotation(comment=name * 50)), by=ANN))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            while len(written) < 10 * (number + 1):
                assert writer.is_alive()
            known = written[-1].seq
            store.backup(tmp_path / f"copy{number}")
            address = new_url()
            copy = CodingStore.restore(tmp_path / f"copy{number}", address, secret=SECRET)
            rows = replay_equals_tables(copy, address)
            copy.close()
            assert rows[-1].seq >= known, "what was acknowledged before is in it"
    finally:
        stop.set()
        writer.join()
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == [f"copy{number}" for number in range(5)]


@pytest.mark.parametrize("to", ["the same", "sqlite"])
def test_a_restored_store_goes_on_where_the_backup_was(store, url, new_url, to, tmp_path, clock):
    token = store.add_coder("max", "Max", "coder", by=LEA)
    opened, _ = store.sign_in(token)
    edit = put()
    first = store.put(edit, by=ANN)
    store.put(decide("reject"), by=ANN)
    store.backup(tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    address = new_url() if to == "the same" else f"sqlite:///{tmp_path}/restored.sqlite"
    other = CodingStore.restore(tmp_path / "copy", address, secret=SECRET, clock=clock)
    assert other.log() == store.log()
    assert other.clips() == store.clips()
    assert other.coders() == store.coders()
    assert other.sheet(P, RUN, "ann") == store.sheet(P, RUN, "ann")
    assert other.session(opened).label == "max"
    assert other.put(edit, by=ANN).seq == first.seq
    assert other.put(put(base=1), by=ANN).seq == store.log()[-1].seq + 1
    other.close()
    with pytest.raises(DataError, match="wanted an empty store"):
        CodingStore.restore(tmp_path / "copy", address, secret=SECRET)
    with pytest.raises(DataError, match="wanted an empty store"):
        CodingStore.restore(tmp_path / "copy", url, secret=SECRET)


def test_a_backup_of_sqlite_goes_into_postgresql(sqlite_url, postgres, tmp_path, replay_equals_tables):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    store.put(put(), by=ANN)
    store.backup(tmp_path / "copy")
    address = postgres()
    other = CodingStore.restore(tmp_path / "copy", address, secret=SECRET)
    assert other.log() == store.log()
    other.put(put(base=1), by=ANN)
    replay_equals_tables(other, address)
    other.close()
    store.close()


def test_a_backup_that_is_not_whole_restores_nothing(store, new_url, tmp_path):
    for number in range(30):
        store.put(put(f"x{number}", annotation=Annotation(comment="long " * 100)), by=ANN)
    store.backup(tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    address = new_url()
    wrong = [whole[: len(whole) // 2], whole[:-200], b"", b"a letter", gzip.compress(b"a letter")]
    if whole[:2] == b"\x1f\x8b":
        lines = gzip.decompress(whole).splitlines(keepends=True)
        wrong += [gzip.compress(b"".join(lines[:-1])), gzip.compress(b"".join(lines[:5] + lines[6:]))]
    for number, content in enumerate(wrong):
        (tmp_path / "wrong").write_bytes(content)
        with pytest.raises(DataError, match="wanted a whole backup") as caught:
            CodingStore.restore(tmp_path / "wrong", address, secret=SECRET)
        assert "\n" not in str(caught.value), number
    with pytest.raises(DataError, match="wanted a whole backup"):
        CodingStore.restore(tmp_path / "absent", address, secret=SECRET)
    CodingStore.restore(tmp_path / "copy", address, secret=SECRET).close()


def test_a_backup_does_not_go_over_its_own_database_or_nowhere(sqlite_url, tmp_path):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    with pytest.raises(DataError, match="wanted another file"):
        store.backup(tmp_path / "bench.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="wanted a file that can be written"):
        store.backup(tmp_path / "file" / "copy")
    store.backup(tmp_path / "copy")
    store.backup(tmp_path / "copy")
    store.close()


# --- withdrawal


def test_who_withdraws_is_gone_from_every_table_and_every_byte(store, url, tmp_path):
    store.ensure_clips([("sub-777", 1), ("sub-777", 2)])
    words = "an unmistakable comment"
    edit = put(
        participant="sub-777", annotation=Annotation(onset=1, comment=words, action_units=(ActionUnit(4),))
    )
    for run in (1, 2):
        store.assign("sub-777", run, ["ann"], by=LEA)
    store.put(edit, by=ANN)
    for number in range(40):
        store.put(put(f"x{number}", participant="sub-777", annotation=Annotation(comment=words)), by=ANN)
    store.put(put(), by=ANN)
    store.set_done("sub-777", 1, by=ANN)
    store.move("sub-777", 1, "code", "an unmistakable reason", ["ann"], by=EVE)
    kept = store.log(participant=P)
    n = len(store.log(participant="sub-777"))
    seq = store.log()[-1].seq
    assert store.forget("sub-777") == n + 41 + 2 + 2
    rows = store.log()
    assert rows[-1].what == "participant withdrawn"
    assert (rows[-1].seq, rows[-1].participant, rows[-1].after) == (seq + 1, None, None)
    assert store.log(participant=P) == kept
    assert [clip.participant for clip in store.clips()] == [P]
    assert len(store.sheet(P, RUN, "ann").expressions) == 1
    with pytest.raises(DataError):
        store.put(edit, by=ANN)
    assert store.put(put(base=1), by=ANN).seq == seq + 2, "the log goes on"
    assert store.forget("sub-777") == 0
    store.backup(tmp_path / "copy")
    copied = (tmp_path / "copy").read_bytes()
    copied = gzip.decompress(copied) if copied[:2] == b"\x1f\x8b" else copied
    assert b"sub-001" in copied
    files = [copied] + [path.read_bytes() for path in tmp_path.glob("bench*") if url.startswith("sqlite")]
    for content in files:
        assert b"sub-777" not in content
        assert b"unmistakable" not in content


def test_rows_deleted_before_a_withdrawal_are_gone_too(sqlite_url, tmp_path):
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    for number in range(100):
        store.put(put(f"x{number}", annotation=Annotation(comment="unmistakable " * 100)), by=ANN)
        store.put(put(f"x{number}", 1, None), by=ANN)
    careless = sqlite3.connect(tmp_path / "bench.sqlite")  # another program, which overwrites nothing
    careless.execute("PRAGMA secure_delete=OFF")
    with careless:
        careless.execute("DELETE FROM log WHERE seq > 20")
    careless.close()
    on_disk = b"".join(path.read_bytes() for path in tmp_path.glob("bench*"))
    assert b"unmistakable" in on_disk, "the test looks where it was"
    store.forget(P)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.glob("bench*"))
    assert b"unmistakable" not in on_disk
    assert P.encode() not in on_disk
    store.close()


def test_a_withdrawal_that_cannot_be_finished_says_so_and_can_be_repeated(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.coding.transactions.BUSY_S", 0.1)
    store = CodingStore.open(sqlite_url, secret=SECRET)
    fill(store)
    reader = sqlite3.connect(tmp_path / "bench.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM log").fetchall()
    with pytest.raises(Unavailable, match=r"stop it and withdraw again"):
        store.forget(P)
    reader.execute("ROLLBACK")
    reader.close()
    assert store.forget(P) == 0
    on_disk = b"".join(path.read_bytes() for path in tmp_path.glob("bench*"))
    assert P.encode() not in on_disk
    store.close()


# --- doors


def test_the_room_opens_without_the_database_library():
    code = "import sys, mien.coding; sys.exit('sqlalchemy' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=False).returncode == 0
    )


def test_every_refusal_is_an_error_that_mien_explains():
    assert all(issubclass(kind, MienError) for kind in (Conflict, Refused, Unavailable))
