from pathlib import Path

import pytest
from session_world import consented, open_conductor, play, post, protocol

from mien.core.errors import DataError
from mien.elicitation.clock import now_s
from mien.elicitation.conductor import OrderError
from mien.elicitation.protocol import Reminder


def test_a_trial_sends_its_code_and_100_and_practice_sends_none(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    trigger = conductor.equipment.trigger
    assert trigger is not None
    assert trigger.codes == []  # type: ignore[attr-defined]
    play(conductor, 1)
    play(conductor, 2)
    assert [code for code, _ in trigger.codes] == [101, 100, 102, 100]  # type: ignore[attr-defined]
    codes = [(row["trial"], row["code"]) for row in conductor.rows("code")]
    assert codes == [(1, 101), (1, 100), (2, 102), (2, 100)]


def test_the_phases_follow_the_session(tmp_path: Path) -> None:
    conductor = open_conductor(tmp_path)
    phases = [conductor.phase]
    with pytest.raises(OrderError, match="after the experimenter has begun"):
        conductor.consent(1, post())
    conductor.begin("AB")
    phases.append(conductor.phase)
    with pytest.raises(OrderError, match="Nobody has consented"):
        conductor.step("ready", 1, True, post())
    with pytest.raises(DataError, match="wanted level 1 or 2"):
        conductor.consent(3, post())
    conductor.consent(2, post())
    phases.append(conductor.phase)
    play(conductor, 1, practice=True)
    phases.append(conductor.phase)
    for number in range(1, 8):
        play(conductor, number)
    assert [*phases, conductor.phase] == ["room", "consent", "practice", "trials", "done"]


def test_a_post_that_comes_twice_happens_once(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    play(conductor, 1, until="requested")
    shown = post()
    for _ in range(3):
        conductor.step("clip-shown", 1, False, shown)
    assert len(conductor.equipment.trigger.codes) == 1  # type: ignore[union-attr]
    assert [row["practice"] for row in conductor.rows("clip-shown")] == [True, False]


@pytest.mark.parametrize("step", ["requested", "clip-shown", "reported", "neutral-ended"])
def test_a_step_out_of_order_is_refused_with_what_is_expected(tmp_path: Path, step: str) -> None:
    conductor = consented(tmp_path)
    with pytest.raises(OrderError) as caught:
        conductor.step(step, 1, True, post())
    assert caught.value.expected is conductor.schedule.trials[0]
    with pytest.raises(OrderError):
        conductor.step("ready", 2, False, post())
    play(conductor, 1, practice=True, until="clip-ended")
    with pytest.raises(OrderError):
        conductor.step("clip-shown", 1, True, post())  # backwards
    with pytest.raises(DataError, match="wanted ready"):
        conductor.step("shout", 1, True, post())


@pytest.mark.parametrize("until", ["ready", "requested", "clip-shown", "clip-ended", "report-shown"])
def test_a_session_killed_within_a_trial_goes_on_with_that_trial(tmp_path: Path, until: str) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    play(conductor, 1)
    play(conductor, 2, until=until)
    del conductor  # killed: nothing is closed
    again = open_conductor(tmp_path)
    assert again.phase == "trials"
    assert again.expected is not None
    assert again.expected.number == 2
    with pytest.raises(OrderError) as caught:  # the page went on by itself
        again.step("reported", 2, False, post(emotion="fear"))
    assert caught.value.expected is again.expected
    play(again, 2)
    attempts = again.progress.attempts[(False, 2)]
    assert [attempt.done for attempt in attempts] == [False, True]
    assert again.expected is not None
    assert again.expected.number == 3


def test_a_report_makes_a_trial_done_though_the_calm_clip_was_cut(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    play(conductor, 1, until="neutral-shown")
    assert open_conductor(tmp_path).expected.number == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "wrong",
    [
        {"emotion": "joy"},
        {"valence": 0},
        {"arousal": 10},
        {"valence": 4.5},
        {"arousal": True},
        {"valence": "5"},
    ],
)
def test_a_report_beyond_the_scales_is_refused_and_may_be_sent_again(tmp_path: Path, wrong: dict) -> None:  # type: ignore[type-arg]
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True, until="report-shown")
    with pytest.raises(DataError):
        conductor.step("reported", 1, True, post(**{"emotion": "fear", "valence": 5, "arousal": 5, **wrong}))
    assert not conductor.progress.done((True, 1))
    conductor.step("reported", 1, True, post(emotion=None, valence=None, arousal=3, timed_out=True))
    row = conductor.rows("reported")[-1]
    assert (row["emotion"], row["valence"], row["arousal"], row["timed_out"]) == (None, None, 3, True)


def test_reminders_are_sent_first_and_kept_with_reason_who_and_when(tmp_path: Path) -> None:
    conductor = consented(tmp_path, protocol(reminder=Reminder(text="Still!", seconds=1)))
    told: list[tuple[str, dict]] = []  # type: ignore[type-arg]
    conductor.told = lambda event, data: told.append((event, dict(data)))
    conductor.name_operator("AB")
    play(conductor, 1, practice=True)
    play(conductor, 1, until="clip-shown")
    pressed = now_s() - 0.004
    sent = conductor.remind("head movement", "operator", pressed_s=pressed)
    assert ("remind", {"id": sent.id, "text": "Still!", "seconds": 1.0}) in told
    conductor.shown(sent.id, post(at_s=pressed + 0.042))
    (kept,) = conductor.reminders()
    assert (kept["trial"], kept["reason"], kept["by"], kept["operator"]) == (
        1,
        "head movement",
        "operator",
        "AB",
    )
    assert kept["shown_ms"] == pytest.approx(42, abs=0.01)
    with pytest.raises(DataError, match="wanted one that was sent"):
        conductor.shown("another", post())
    conductor.step("clip-ended", 1, False, post())
    conductor.step("report-shown", 1, False, post())
    conductor.step("reported", 1, False, post(emotion=None))
    assert conductor.remind("talking", "operator").trial is None  # between trials


def test_a_trigger_that_is_pulled_out_is_told_once_and_the_session_goes_on(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    trigger = conductor.equipment.trigger
    play(conductor, 1, until="clip-shown")
    trigger.gone = True  # type: ignore[union-attr]
    for step in ("clip-ended", "report-shown", "reported", "neutral-shown", "neutral-ended"):
        conductor.step(step, 1, False, post())
    play(conductor, 2)
    trigger.gone = False  # type: ignore[union-attr]
    play(conductor, 3)
    sentences = [notice["sentence"] for notice in conductor.notices()]
    assert sentences == ["trigger: wanted its port, got none; plug it in.", "trigger: it works again."]
    sent = [(row["trial"], row["code"], row["sent"]) for row in conductor.rows("code")]
    assert sent == [
        (1, 101, True),
        (1, 100, False),
        (2, 102, False),
        (2, 100, False),
        (3, 103, True),
        (3, 100, True),
    ]


def test_times_come_from_the_page_unless_they_cannot_be(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    before = now_s()
    conductor.step("ready", 1, True, post(at_s=before - 0.25))
    conductor.step("requested", 1, True, post(at_s=before + 9999))  # a page whose clock is wrong
    conductor.step("clip-shown", 1, True, post(at_s=float("nan")))
    ready, requested, shown = (conductor.rows(w)[0]["at_s"] for w in ("ready", "requested", "clip-shown"))
    assert ready == pytest.approx(before - 0.25, abs=1e-5)
    assert before <= requested <= now_s()
    assert before <= shown <= now_s()


def test_timing_says_how_late_clips_and_codes_were(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True)
    for number, late in ((1, 0.020), (2, 0.050), (3, 0.030)):
        play(conductor, number, until="ready")
        at = now_s() - 0.1
        conductor.step("requested", number, False, post(at_s=at))
        conductor.step("clip-shown", number, False, post(at_s=at + late))
        for step in ("clip-ended", "report-shown", "reported"):
            conductor.step(step, number, False, post(emotion=None))
    shown = conductor.timing()["shown_ms"]
    assert shown["n"] == 4  # the practice trial too
    assert shown["worst"] == pytest.approx(50, abs=0.01)
    assert conductor.timing()["trigger_ms"]["n"] == 3


def test_stop_ends_it_and_the_choice_may_come_later(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True, until="clip-shown")
    conductor.stop("participant", None, post())
    assert conductor.phase == "stopped"
    assert conductor.progress.choice is None
    with pytest.raises(OrderError, match="stopped"):
        conductor.step("clip-ended", 1, True, post())
    conductor.stop("participant", "discard", post())
    assert open_conductor(tmp_path).progress.choice == "discard"
    assert any("stopped the session" in n["sentence"] for n in conductor.notices())


def test_a_reminder_that_is_posted_twice_is_sent_once(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    told: list[str] = []
    conductor.told = lambda event, _: told.append(event)
    first = conductor.remind("talking", "operator", post="a-post")
    again = conductor.remind("talking", "operator", post="a-post")
    assert again.id == first.id
    assert told.count("remind") == 1
    assert len(conductor.reminders()) == 1


def test_what_troubles_the_participants_page_is_told(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    conductor.step("trouble", 1, True, post(sentence="The clip broke."))
    assert [notice["sentence"] for notice in conductor.notices()] == ["The clip broke."]


def test_a_step_cannot_come_long_before_the_one_that_led_to_it(tmp_path: Path) -> None:
    conductor = consented(tmp_path)
    play(conductor, 1, practice=True, until="requested")
    conductor.step("clip-shown", 1, True, post(at_s=now_s() - 3000))
    requested, shown = (conductor.rows(what)[0]["at_s"] for what in ("requested", "clip-shown"))
    assert 0 <= shown - requested < 60
