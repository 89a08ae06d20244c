"""A whole session in a real browser: shown, recorded, watched, killed, gone on with, and analysed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attending import attend, screen
from presenting import open_operator, open_page, running, snapshot, until, write_clips_study
from typer.testing import CliRunner

from mien.app.application import STATIC
from mien.cli.main import program
from mien.dataset import layout, open_study, read_expressions, validate
from mien.elicitation.journal import read_journal

pytestmark = pytest.mark.skipif(
    not (STATIC / "participant.html").is_file(), reason="the pages are not built (make web), skipped"
)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(program(), [str(argument) for argument in arguments])


def test_a_whole_session_unattended_is_a_study_that_can_be_analysed(chromium: Any, tmp_path: Path) -> None:
    study, troubles = write_clips_study(tmp_path / "study", automatic=True), []
    with running(study, "-p", "001", "--rehearse") as runner:
        operator = open_operator(chromium, runner.links["operator"], troubles)
        display = open_page(chromium, runner.links["display"], troubles, width=480, height=320)
        participant = open_page(chromium, runner.links["participant"], troubles)
        operator.keyboard.press("b")
        until(lambda: snapshot(operator)["baseline"] is not None, page=operator)
        operator.keyboard.press("g")
        sent = []

        def remind_once() -> bool:
            if (
                not sent
                and screen(participant) == "clip"
                and snapshot(operator)["trial"]["practice"] is False
            ):
                operator.keyboard.press("r")
                display.wait_for_function("() => document.body.innerText.includes('keep still')")
                sent.append(True)
            return False

        given = attend(participant, level=2, until=remind_once)
        assert runner.wait() == 0, runner.text
    assert troubles == []
    assert "joined" in runner.text
    assert len(given) == 7  # six and the practice
    # --- what the study holds
    assert [f for f in validate(study) if f.severity == "error"] == []
    opened = open_study(study)
    assert opened.participants["sub-001"].consent_level == 2
    session = opened.session("sub-001")
    trials, events = session.trials(), session.events()
    assert trials is not None
    assert events is not None
    words = read_protocol_words(study)
    assert trials["self_report"].tolist() == [words[emotion - 1] for emotion, _, _ in given[1:]]
    assert trials["valence"].tolist() == [float(valence) for _, valence, _ in given[1:]]
    assert trials["arousal"].tolist() == [float(arousal) for _, _, arousal in given[1:]]
    codes = events["value"].dropna().astype(int).tolist()
    assert codes[0::2] == trials["code"].tolist()
    assert codes[1::2] == [100] * 6
    reminded = events[events["trial_type"] == "reminder"]
    assert "operator" in set(reminded["by"])
    assert len(session.videos()) == 6
    physio = {signal.name for signal in session.physio()}
    assert physio >= {"ecg", "ppg", "rsp", "eda", "skt", "trigger"}
    assert set(session.coding()) == {"A", "B"}
    journal = read_journal(layout.source_folder(study, "sub-001") / "session.jsonl")
    shown = [row for row in journal if row["what"] == "reminder-shown"]
    assert len(shown) == len([row for row in journal if row["what"] == "reminder"])
    # --- what the commands make of it
    synced = run("sync", study, "--json")
    assert synced.exit_code == 0, synced.output
    (person,) = json.loads(synced.stdout)["participants"]
    assert person["polygraph"]["verdict"] == "good"
    assert person["polygraph"]["residual_max_ms"] < 10
    assert person["camera"]["n_matched"] == 12
    assert all(row.times is not None for row in read_expressions(session))
    compared = run("concordance", study, "--windows", "1,2", "--shifts", 0, "--out", tmp_path / "o", "--json")
    assert compared.exit_code == 0, compared.output
    assert json.loads(compared.stdout)["participants"]
    described = json.loads(run("describe", study, "--json").stdout)
    assert described["reminders"]["by"]["operator"] == 1
    assert described["completeness"]["sub-001"]["peripheral signals"] == 6


def in_clip_of_trial(number: int, operator: Any, participant: Any) -> bool:
    """Whether the clip of this trial is on the screen, and the session knows."""
    trial = snapshot(operator)["trial"] if screen(participant) == "clip" else None
    return trial is not None and (trial["practice"], trial["number"], trial["step"]) == (
        False,
        number,
        "clip-shown",
    )


def read_protocol_words(study: Path) -> list[str]:
    from mien.elicitation.protocol import read_protocol

    return list(read_protocol(layout.protocol(study)).report.emotions)


def test_a_runner_killed_within_a_clip_goes_on_with_that_clip(chromium: Any, tmp_path: Path) -> None:
    study, troubles = write_clips_study(tmp_path / "study", n=3, seconds=3.0), []
    with running(study, "-p", "002", "--rehearse") as first:
        operator = open_operator(chromium, first.links["operator"], troubles)
        participant = open_page(chromium, first.links["participant"], troubles)
        operator.keyboard.press("g")
        attend(
            participant,
            until=partial(in_clip_of_trial, 2, operator, participant),
        )
        first.kill()
    with running(study, "-p", "002", "--rehearse", port=first.port) as second:
        assert "3 trials, 1 done" in second.text
        given = attend(participant)  # the same page, never loaded again
        assert second.wait() == 0, second.text
    assert troubles == []
    assert len(given) >= 2  # what the page went through by itself meanwhile is asked again
    session = open_study(study).session("sub-002")
    trials, events = session.trials(), session.events()
    assert trials is not None
    assert events is not None
    assert trials["trial"].tolist() == [1, 2, 3]
    assert trials["attempts"].tolist() == ["1", "2", "1"]
    assert events["value"].dropna().astype(int).tolist()[1::2] == [100] * 3
    assert events["trial_type"].tolist().count("broken-off") == 1
    assert (events["trial_type"] == "gap").any()  # while nobody recorded
    assert len(session.videos()) == 3
    assert [f for f in validate(study) if f.severity == "error"] == []
    assert run("sync", study).exit_code == 0


def test_a_participant_who_stops_leaves_what_they_choose(chromium: Any, tmp_path: Path) -> None:
    study, troubles = write_clips_study(tmp_path / "study", n=2, seconds=2.0), []
    for who, choice in (("001", "discard"), ("002", "keep")):
        with running(study, "-p", who) as runner:
            operator = open_operator(chromium, runner.links["operator"], troubles)
            participant = open_page(chromium, runner.links["participant"], troubles)
            operator.keyboard.press("g")
            attend(participant, until=partial(in_clip_of_trial, 2, operator, participant))
            participant.keyboard.press("Escape")
            participant.click(f"[data-stop={choice}]")
            assert runner.wait() == 0, runner.text
        kept = layout.source_folder(study, f"sub-{who}").exists()
        assert kept == (choice == "keep")
        assert (f"sub-{who}" in open_study(study).participants) == (choice == "keep")
    assert troubles == []
    assert open_study(study).session("sub-002").trials()["trial"].tolist() == [1]  # type: ignore[index]


def test_two_runners_and_a_taken_number_are_refused(chromium: Any, tmp_path: Path) -> None:
    study = write_clips_study(tmp_path / "study", n=2, seconds=1.0)
    with running(study, "-p", "001") as runner:
        again = run("present", study, "-p", "002", "--port", 0)
        assert again.exit_code == 1
        assert f"http://127.0.0.1:{runner.port}" in str(again.exception)
