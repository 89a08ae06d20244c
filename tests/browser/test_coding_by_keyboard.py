"""Coders at work in real Chromium, by keyboard alone: known truth, blind double coding, cut connections."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.expression import is_micro
from mien.dataset import layout, open_study, read_expressions, tables
from mien.dataset.coded_runs import read_coded_runs
from mien.simulate import StudySettings, simulate_study
from mien.simulate.truth import read_truth

sys.path.insert(0, str(Path(__file__).parent))
from serving import Served


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person, five trials; its coders' tables are taken away: nobody has coded yet."""
    folder = tmp_path_factory.mktemp("simulated") / "study"
    settings = StudySettings(participants=1, trials=5, clip_s=9.0, rate_hz=50.0, seed=3)
    simulate_study(settings, folder)
    for table in layout.coding_folder(folder, "sub-001").glob("*.tsv"):
        table.unlink()
    return folder


@pytest.fixture
def study(simulated: Path, tmp_path: Path) -> Path:
    import shutil

    return shutil.copytree(simulated, tmp_path / "study")


def truth_of(study: Path) -> dict[int, list[tuple[list[int], list[str], str]]]:
    """By trial, each true movement: the frames nearest to its times, its units, its emotion."""
    truth = read_truth(study, "sub-001")
    found = {}
    for trial, movements in truth.movements.items():
        frames_s = truth.frames_s[f"run-{trial:02d}"]
        found[trial] = [
            (
                [int(np.abs(frames_s - at).argmin()) for at in (m.onset_s, m.apex_s, m.offset_s)],
                sorted({"left": "L", "right": "R"}.get(unit.side, "") + f"AU{unit.unit}" for unit in m.units),
                m.emotion,
            )
            for m in movements
        ]
    return found


def at(page: Any, frame: int) -> None:
    page.wait_for_selector(f'#frame[data-frame="{frame}"]')


def go(page: Any, frame: int) -> None:
    page.keyboard.press("g")
    page.wait_for_selector("#dialog-line")
    page.keyboard.press("Control+A")
    page.keyboard.type(str(frame))
    page.keyboard.press("Enter")
    at(page, frame)


def saved(page: Any) -> None:
    page.wait_for_selector('#save-state[data-state="saved"]')


def focus_by_tab(page: Any, selector: str) -> None:
    """Go to a control as somebody without a mouse does."""
    for _ in range(200):
        if page.evaluate(
            "s => document.activeElement !== null && document.activeElement.matches(s)", selector
        ):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


def mark(page: Any, frames: list[int], units: list[str], emotion: str | None) -> None:
    """One expression: new at its onset, apex and offset, units typed, emotion by its letter."""
    go(page, frames[0])
    page.keyboard.press("n")
    go(page, frames[1])
    page.keyboard.press("w")
    go(page, frames[2])
    page.keyboard.press("e")
    page.keyboard.press("u")
    page.keyboard.type("+".join(unit.replace("AU", "") for unit in units))
    page.keyboard.press("Enter")
    if emotion is not None:
        page.keyboard.press("m")
        letter = page.get_attribute(f'[data-emotion="{emotion}"]', "id")
        keys = page.inner_text(f"#{letter} kbd")
        page.keyboard.press(keys.lower())
        page.keyboard.press("Escape")


def finish(page: Any) -> None:
    saved(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Enter")


def people(served: Served, **roles: str) -> dict[str, str]:
    return {
        label: served.bench.store.add_coder(label, label, role, by="lead") for label, role in roles.items()
    }


def test_a_coder_codes_five_trials_by_keyboard_alone_and_the_study_says_what_was_true(
    study: Path, serve: Callable[..., Served], visit: Callable[..., Any]
) -> None:
    served = serve(study)
    token = people(served, A="coder")["A"]
    for run in range(1, 6):
        served.bench.store.assign("sub-001", run, ["A"], by="lead")
        served.bench.frames.make(served.bench.clips.get(f"sub-001_run-{run:02d}"))
    truth = truth_of(study)
    page = visit(served, token)
    focus_by_tab(page, 'a[href*="sub-001_run-01"]')
    page.keyboard.press("Enter")
    for run in range(1, 6):
        page.wait_for_selector(f'[data-clip="sub-001_run-{run:02d}"]')
        at(page, 0)
        for frames, units, emotion in truth[run]:
            mark(page, frames, units, emotion)
            times = served.bench.clips.times_s(served.bench.clips.get(f"sub-001_run-{run:02d}"))
            micro = is_micro(*(float(times[frame]) for frame in frames))
            assert page.inner_text("#rule").startswith("micro" if micro else "macro")
        finish(page)
        page.wait_for_selector('dialog[open] :text("is done"), #clip-search')
        if run < 5:
            page.keyboard.press("Enter")
    page.wait_for_selector("#clip-search")

    rows = list(tables.rows(tables.read_coding(layout.coding(study, "sub-001", "A"))))
    told = [
        (
            int(row["run"]),
            [int(row[name]) for name in layout.CODING_COLUMNS[2:5]],
            sorted(map(str, tables.parse_action_units(row["action_units"]))),
            row["emotion"],
        )
        for row in rows
    ]
    wanted = [
        (run, frames, units, emotion) for run, own in truth.items() for frames, units, emotion in sorted(own)
    ]
    assert told == wanted
    assert read_coded_runs(study, "sub-001", "A") == {1, 2, 3, 4, 5}
    exact = read_truth(study, "sub-001")
    session = open_study(study).session("sub-001")
    for row in read_expressions(session):
        movement = next(
            m for m, (frames, _, _) in zip(exact.movements[row.run], truth[row.run], strict=True)
            if frames[0] == row.frames[0]
        )  # fmt: skip
        assert row.kind == movement.kind
        assert row.times is not None
        assert row.times.offset_s is not None
        length = row.times.offset_s - row.times.onset_s
        assert length == pytest.approx(movement.offset_s - movement.onset_s, abs=0.022), "a frame of 20 ms"


def test_two_coders_code_blind_and_an_expert_adjudicates_side_by_side(
    study: Path, serve: Callable[..., Served], visit: Callable[..., Any]
) -> None:
    served = serve(study)
    tokens = people(served, A="coder", B="coder", X="expert")
    served.bench.store.assign("sub-001", 1, ["A", "B"], by="lead")
    served.bench.frames.make(served.bench.clips.get("sub-001_run-01"))
    clip = f"{served.address}/#/clip/sub-001_run-01"
    pages = {label: visit(served, tokens[label]) for label in tokens}
    received: list[str] = []
    pages["B"].on(
        "response",
        lambda r: (
            received.append(r.text())
            if "/api/" in r.url and "json" in r.headers.get("content-type", "")
            else None
        ),
    )

    pages["A"].goto(clip)
    at(pages["A"], 0)
    mark(pages["A"], [100, 110, 120], ["AU4"], "sadness")
    pages["A"].keyboard.press("t")
    pages["A"].keyboard.type("only A would say this <img src=x onerror=alert(1)>")
    pages["A"].keyboard.press("Escape")
    mark(pages["A"], [200, 205, 215], ["AU12"], "happiness")
    finish(pages["A"])
    pages["A"].wait_for_selector("#clip-search")

    pages["B"].goto(clip)
    at(pages["B"], 0)
    mark(pages["B"], [102, 111, 121], ["AU4", "AU15"], "sadness")
    assert not any("only A would say this" in text for text in received)
    assert not any('"onset":200' in text.replace(" ", "") for text in received)
    finish(pages["B"])
    pages["B"].wait_for_selector("#clip-search")
    assert not any("only A would say this" in text for text in received)

    expert = pages["X"]
    expert.goto(f"{served.address}/#/clips")
    expert.click('button:text-is("Accept")')
    if expert.query_selector("dialog[open]"):
        expert.keyboard.press("Enter")
    expert.wait_for_selector('td:has-text("adjudication")')
    expert.goto(f"{served.address}/#/adjudicate/sub-001_run-01")
    expert.wait_for_selector("#groups [role=option]")
    at(expert, 100)
    assert len(expert.query_selector_all("#groups [role=option]")) == 2
    assert "only A would say this <img src=x onerror=alert(1)>" in expert.inner_text("#columns")
    expert.keyboard.press("Shift+2")
    saved(expert)
    expert.keyboard.press(".")
    expert.keyboard.press("Shift+1")
    finish(expert)
    expert.wait_for_selector("#clip-search")

    final = list(tables.rows(tables.read_coding(layout.coding(study, "sub-001", "final"))))
    assert [[int(row[name]) for name in layout.CODING_COLUMNS[2:5]] for row in final] == [
        [102, 111, 121],
        [200, 205, 215],
    ]
    assert [row["action_units"] for row in final] == ["AU4, AU15", "AU12"]
    held = read_expressions(open_study(study).session("sub-001"))
    assert {row.coder for row in held if row.run == 1} == {"final"}


def test_marks_survive_a_cut_connection_a_closed_tab_and_a_killed_server_and_are_sent_once(
    study: Path, serve: Callable[..., Served], visit: Callable[..., Any]
) -> None:
    served = serve(study)
    token = people(served, A="coder")["A"]
    served.bench.store.assign("sub-001", 1, ["A"], by="lead")
    served.bench.frames.make(served.bench.clips.get("sub-001_run-01"))
    page = visit(served, token)
    page.goto(f"{served.address}/#/clip/sub-001_run-01")
    at(page, 0)
    for frame in range(1, 41):
        page.keyboard.press("ArrowRight")
        at(page, frame)
    page.keyboard.press("n")
    saved(page)

    page.context.set_offline(True)
    page.keyboard.press("u")
    page.keyboard.type("1+2")
    page.keyboard.press("Enter")
    page.wait_for_selector('#save-state[data-state="offline"], #save-state[data-state="waiting"]')
    context = page.context
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto(f"{served.address}/#/clip/sub-001_run-01")
    at(page, 0)
    saved(page)
    assert page.input_value("#units").replace(" ", "") == "1+2"

    port = served.port
    served.stop()
    page.keyboard.press("t")
    page.keyboard.type("said while the server was away")
    page.keyboard.press("Escape")
    page.wait_for_selector('#save-state[data-state="offline"], #save-state[data-state="waiting"]')
    time.sleep(0.5)
    again = serve(study, port=port)
    page.wait_for_selector('#save-state[data-state="saved"]', timeout=40_000)

    again.bench.store.new_token("A", by="lead")
    page.keyboard.press("c")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_selector('#save-state[data-state="signed-out"]')
    token = again.bench.store.new_token("A", by="lead")
    page.wait_for_selector("#sign-in-again[open], #save-action:visible")
    if not page.query_selector("#sign-in-again[open]"):
        page.click("#save-action")
    page.fill("#sign-in-again #token", token)
    page.keyboard.press("Enter")
    saved(page)

    sheet = again.bench.store.sheet("sub-001", 1, "A")
    (kept,) = sheet.expressions
    said = kept.annotation
    assert said is not None
    assert (said.onset, said.comment, said.certainty) == (40, "said while the server was away", 4)
    assert [str(unit) for unit in said.action_units] == ["AU1", "AU2"]
    puts = [row for row in again.bench.store.log() if row.what == "put"]
    assert [row.version for row in puts] == list(range(1, len(puts) + 1))
    assert len({row.key for row in puts}) == len(puts) == 4
