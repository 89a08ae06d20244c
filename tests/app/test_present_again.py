"""Sessions that are doubled, gone on with, edited in between or mistaken for another."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from present_world import Page, enter, open_present, play, write_clips_study
from typer.testing import CliRunner

from mien.app.present.serve import Wishes, only_runner, open_session, prepare
from mien.app.present.session import PresentSession
from mien.cli.main import program
from mien.core.errors import DataError
from mien.dataset import layout, open_study
from mien.elicitation.finishing import discard_session, finish_session
from mien.elicitation.journal import read_journal

FULL = OSError(28, "No space left on device")


@pytest.fixture(scope="session")
def clips_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("present") / "study"
    return write_clips_study(folder, emotions=("happiness", "fear", "anger"))


@pytest.fixture
def study(clips_study: Path, tmp_path: Path) -> Path:
    shutil.copytree(clips_study, tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def session(study: Path) -> Iterator[PresentSession]:
    opened = open_present(study, trigger=f"file:{study / 'codes.txt'}")
    yield opened
    opened.stop()


def begun(session: PresentSession, *trials: int) -> tuple[Page, Page]:
    operator, page = enter(session, "operator"), enter(session, "participant")
    assert operator.post("/api/operator/begin").status_code == 200
    assert page.post("/api/participant/consent", level=2).status_code == 200
    play(page, practice=True)
    for number in trials:
        play(page, number)
    return operator, page


def run(*arguments: object) -> Any:
    return CliRunner().invoke(program(), ["present", *(str(argument) for argument in arguments)])


def test_a_second_program_touches_nothing_of_the_session_that_runs(
    session: PresentSession, study: Path
) -> None:
    _, page = begun(session)
    path = session.conductor.folder / "session.jsonl"
    with only_runner(study) as state:
        state("http://127.0.0.1:1")
        before = path.read_bytes()
        for options in ([], ["--finish"], ["--discard"], ["--rehearse"]):
            again = run(study, "--participant", "001", "--port", 0, *options)
            assert again.exit_code == 1
            assert "got one at http://127.0.0.1:1" in str(again.exception)
        assert path.read_bytes() == before
    play(page, 1)
    assert read_journal(path)[-1]["what"] == "neutral-ended"


@pytest.mark.parametrize("rehearsed", [True, False])
def test_a_rehearsal_and_a_person_are_never_one_session(study: Path, rehearsed: bool) -> None:
    protocol, schedule = prepare(study, "001")

    def opened(rehearsal: bool) -> PresentSession:
        wishes = Wishes(markers=False)
        return open_session(study, "001", protocol, schedule, wishes, rehearsal=rehearsal)

    first = opened(rehearsed)
    begun(first, 1)
    first.stop()
    with pytest.raises(DataError, match="wanted a rehearsal" if not rehearsed else "got a rehearsal"):
        opened(not rehearsed)
    opened(rehearsed).stop()
    description = layout.description(study)
    description.write_text(description.read_text().replace('"Simulated": true', '"Simulated": false'))
    if rehearsed:
        with pytest.raises(DataError, match="got a rehearsal"):
            finish_session(study, "001")
    else:
        assert finish_session(study, "001").n_trials == 1


def test_trials_that_are_done_keep_their_clips_and_codes(session: PresentSession, study: Path) -> None:
    begun(session, 1, 2)
    session.stop()
    protocol, table = layout.protocol(study), layout.stimuli(study)
    whole, clips = protocol.read_text(), table.read_text()
    protocol.write_text(whole.replace("trials: all", "trials: [clip-103]"))
    with pytest.raises(DataError, match="trial 1: wanted clip-102"):
        open_present(study)
    protocol.write_text(whole)
    table.write_text(clips.replace("\t102\t", "\t140\t"))
    with pytest.raises(DataError, match="with the code 102 as it was shown"):
        open_present(study)
    finish_session(study, "001")  # what there is can be had, with the codes that were sent
    trials = open_study(study).session("sub-001").trials()
    assert trials is not None
    assert trials["code"].tolist() == [102, 101]


def test_of_two_pages_one_finds_that_the_trial_was_begun_anew(session: PresentSession) -> None:
    _, page = begun(session)
    for step in ("ready", "requested", "clip-shown"):
        assert page.step(step, 1).status_code == 200
    assert page.step("ready", 1).status_code == 200  # the other page
    for step in ("clip-ended", "report-shown", "reported", "clip-shown"):
        assert page.step(step, 1, emotion="fear").status_code == 409
    play(page, 1)


def test_the_first_level_of_consent_stands(session: PresentSession) -> None:
    _, page = begun(session)
    assert page.post("/api/participant/consent", level=1).status_code == 409
    assert page.post("/api/participant/consent", level=2).status_code == 200
    assert session.conductor.progress.consent == 2
    assert len(session.conductor.rows("consent")) == 1


def test_nothing_of_the_participant_is_kept_before_consent(session: PresentSession) -> None:
    page = enter(session, "participant")
    assert page.step("trouble", 1, sentence="something").status_code == 409
    assert {row["what"] for row in session.conductor.journal.rows} == {"opened"}


def test_what_the_participant_wants_deleted_no_experimenter_keeps(session: PresentSession) -> None:
    operator, page = begun(session, 1)
    assert page.post("/api/participant/stop", choice="discard").status_code == 200
    assert operator.post("/api/operator/stop", choice="keep").status_code == 409
    assert session.conductor.progress.choice == "discard"


def test_what_joined_the_study_is_withdrawn_and_not_discarded(session: PresentSession, study: Path) -> None:
    begun(session, 1)
    session.stop()
    finish_session(study, "001")
    with pytest.raises(DataError, match="mien withdraw"):
        discard_session(study, "001")


def test_a_full_disk_sends_no_code_twice_and_loses_no_row(
    session: PresentSession, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = begun(session)
    for step in ("ready", "requested"):
        page.step(step, 1)
    journal = session.conductor.journal
    append = journal.append

    def refuse(what: str, at_s: float, **more: Any) -> Any:
        if what in refused:
            raise FULL
        return append(what, at_s, **more)

    monkeypatch.setattr(journal, "append", refuse)
    for step, refusing in (("clip-shown", {"clip-shown"}), ("clip-ended", {"code"})):
        refused = refusing
        body = {"id": f"a-post-{step}", "trial": 1, "practice": False, "what": step}
        first = page.http.post("/api/participant/event", json=body)
        assert first.status_code == (507 if step == "clip-shown" else 200)
        refused = set()
        assert page.http.post("/api/participant/event", json=body).status_code == 200
    page.step("report-shown", 1)
    codes = [int(line.split("\t")[1]) for line in (study / "codes.txt").read_text().splitlines()]
    assert codes == [102, 100]
    assert [row["code"] for row in session.conductor.rows("code")] == codes


def test_a_full_disk_is_told_and_the_session_goes_on_telling(
    session: PresentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    hub = session.hub.tell
    monkeypatch.setattr(session.hub, "tell", lambda *a: (told.append(a[1]), hub(*a)))

    def refuse(*_: Any, **__: Any) -> Any:
        raise FULL

    session.start()
    with monkeypatch.context() as patched:
        patched.setattr(session.conductor.journal, "append", refuse)
        session.conductor.equipment.failed["trigger"] = "trigger: wanted its port, got none; plug it in."
        end = time.monotonic() + 20
        while "notice" not in told:
            assert time.monotonic() < end
            time.sleep(0.05)
        told.clear()
        while told.count("state") < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
    session.conductor.note("there is room again")
    assert [row["what"] for row in session.conductor.rows("notice", "note")] == ["notice", "note"]
