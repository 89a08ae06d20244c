"""The script holds what was asked for, within sampling error, and nothing impossible."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import OptionError
from mien.core.expression import is_micro
from mien.simulate.script import CALM_CODES, clip_table, write_part, write_script
from mien.simulate.settings import LEAD_S, Effects, Expressiveness, Faults, StudySettings

LARGE = StudySettings(participants=40, trials=21, seed=3)


@pytest.fixture(scope="module")
def cast():
    return write_script(LARGE)


def _movements(cast, kind):
    return [m for p in cast for t in p.trials for m in t.movements if m.kind == kind]


def test_micro_expressions_last_as_long_as_asked(cast) -> None:
    durations = np.array([m.duration_s for m in _movements(cast, "micro")])
    error = 0.1 / np.sqrt(durations.size)
    assert durations.size > 1000
    assert abs(durations.mean() - 0.382) < 4 * error + 0.002  # clipping of the tails moves it by about 1 ms
    assert abs(durations.std() - 0.100) < 0.008


def test_both_kinds_obey_the_two_part_rule(cast) -> None:
    assert all(is_micro(m.onset_s, m.apex_s, m.offset_s) for m in _movements(cast, "micro"))
    assert not any(is_micro(m.onset_s, m.apex_s, m.offset_s) for m in _movements(cast, "macro"))
    assert any(m.duration_s > 0.5 for m in _movements(cast, "micro"))  # by its rise alone


def test_displacements_lie_in_the_asked_range(cast) -> None:
    peaks = [u.peak_px for m in _movements(cast, "micro") for u in m.units]
    assert min(peaks) >= 0.3
    assert max(peaks) <= 1.5
    assert {u.side for m in _movements(cast, "micro") for u in m.units} == {"both", "left", "right"}


def test_expressions_stay_apart_and_inside_their_clip(cast) -> None:
    for trial in (t for p in cast for t in p.trials):
        edges = [trial.clip_start_s, *(x for m in trial.movements for x in (m.onset_s, m.offset_s))]
        gaps = np.diff([*edges, trial.clip_end_s])[::2]
        assert (gaps > 0.79).all()


def test_every_apex_has_twenty_seconds_of_signal_on_both_sides(cast) -> None:
    apexes = np.array([a for p in cast for a in p.micro_apexes_s])
    assert apexes.min() > 20
    assert apexes.max() < LARGE.session_s - 20
    assert LEAD_S >= 20


def test_trials_go_round_the_emotions_with_a_clip_of_their_own(cast) -> None:
    table = clip_table()
    assert len(table) == 42
    assert not set(table) & set(CALM_CODES)
    for participant in cast:
        assert {e: [t.emotion for t in participant.trials].count(e) for e in LARGE.emotions} == dict.fromkeys(
            LARGE.emotions, 3
        )
        assert all(table[t.code] == t.emotion for t in participant.trials)
        codes = [t.code for t in participant.trials]
        assert len(set(codes)) == len(codes)


def test_a_participant_is_the_same_whoever_else_takes_part() -> None:
    alone = write_part(StudySettings(participants=2, seed=5), 2)
    among = write_script(StudySettings(participants=6, seed=5))[1]
    assert alone == among
    assert alone != write_part(StudySettings(seed=6), 2)


def test_streams_differ_by_person_purpose_and_count() -> None:
    first, second = write_script(StudySettings(participants=2))
    drawn = [p.stream(*purpose).random() for p in (first, second) for purpose in ((4,), (4, 0), (4, 1), (5,))]
    assert len(set(drawn)) == len(drawn)


def test_self_reports_follow_the_clip_by_the_effect_and_not_in_the_null_world() -> None:
    def hits(effects: Effects) -> float:
        cast = write_script(StudySettings(participants=30, trials=14, effects=effects))
        return float(np.mean([t.self_report == t.emotion for p in cast for t in p.trials]))

    assert hits(Effects()) > 0.75
    assert abs(hits(Effects.none()) - 1 / 7) < 4 * np.sqrt(1 / 7 * 6 / 7 / 420)


def test_expressions_of_the_null_world_say_nothing_about_the_clip() -> None:
    cast = write_script(StudySettings(participants=40, trials=14, effects=Effects.none()))
    pairs = [(t.emotion == m.emotion) for p in cast for t in p.trials for m in t.movements]
    assert abs(np.mean(pairs) - 1 / 7) < 4 * np.sqrt(1 / 7 * 6 / 7 / len(pairs))


def test_consent_is_given_as_in_the_published_study() -> None:
    levels = [p.consent_level for p in write_script(StudySettings(participants=300, trials=1))]
    assert set(levels) == {1, 2}
    assert abs(levels.count(2) / 300 - 13 / 75) < 4 * np.sqrt(13 / 75 * 62 / 75 / 300)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StudySettings(participants=0),
        lambda: StudySettings(trials=0),
        lambda: StudySettings(rate_hz=5.0),
        lambda: StudySettings(rate_hz=float("nan")),
        lambda: StudySettings(emotions=()),
        lambda: StudySettings(emotions=("joy",)),
        lambda: StudySettings(emotions=("fear", "fear")),
        lambda: StudySettings(clip_s=3.0),
        lambda: StudySettings(frame_px=191),
        lambda: StudySettings(face_px=190),
        lambda: StudySettings(seed=-1),
        lambda: StudySettings(expressiveness=Expressiveness(micro_duration_s=(0.012, 0.0))),
        lambda: Expressiveness(micro_peak_px=(2.0, 1.0)),
        lambda: Expressiveness(macro_duration_s=(-1.0, 0.1)),
        lambda: Effects(heart_rate_slope=1.2),
        lambda: Effects(face=-0.1),
        lambda: Effects(brain=float("nan")),
        lambda: Effects().scaled(1.5),
        lambda: Faults(missing=0.9),
    ],
)
def test_impossible_knobs_are_refused_in_one_sentence(make) -> None:
    with pytest.raises(OptionError, match=r"wanted .*, got .*; .*"):
        make()


def test_a_duration_below_two_frames_names_the_frame_rate() -> None:
    with pytest.raises(OptionError, match=r"more than two frames, 0\.2 s at 10 Hz"):
        StudySettings(rate_hz=10.0, expressiveness=Expressiveness(micro_duration_s=(0.15, 0.05)))
