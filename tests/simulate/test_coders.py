"""Coders and raters agree as far as they were told to; agreement is measured by `stats`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.simulate import clocks
from mien.simulate.coders import CODERS, Habits, code_session, rate_clips
from mien.simulate.script import write_part
from mien.simulate.settings import Effects, StudySettings
from mien.stats import action_unit_agreement, intraclass_correlation

SETTINGS = StudySettings(trials=14)


def _tables(number: int, habits: Habits | None = None, settings: StudySettings = SETTINGS):
    participant = write_part(settings, number)
    clock = clocks.camera_clock(participant)
    frames = {
        t.number: clocks.camera_run(t, clock, participant.stream(5, t.number), dropped=0.0005).true_s
        for t in participant.trials
    }
    return participant, frames, code_session(participant, frames, settings, habits=habits)


def _pairs(n: int):
    for number in range(1, n + 1):
        _, _, tables = _tables(number)
        first, second = (
            {(r.trial, r.movement): r for r in tables[c] if r.movement is not None} for c in CODERS
        )
        for key in first.keys() & second.keys():
            yield first[key], second[key]


def test_two_coders_agree_on_action_units_as_published() -> None:
    pairs = list(_pairs(30))
    first, second = ([{u.number for u in pair[i].action_units} for pair in pairs] for i in (0, 1))
    assert len(pairs) > 500
    assert action_unit_agreement(first, second).value == pytest.approx(0.84, abs=0.03)


def test_marks_are_off_by_the_stated_milliseconds_and_a_frame() -> None:
    errors = {"onset": [], "apex": [], "offset": []}
    for number in range(1, 20):
        participant, frames, tables = _tables(number)
        for row in (row for rows in tables.values() for row in rows if row.movement is not None):
            trial = participant.trials[row.trial - 1]
            true = trial.movements[row.movement]
            errors["onset"].append(frames[row.trial][row.onset_frame] - true.onset_s)
            errors["apex"].append(frames[row.trial][row.apex_frame] - true.apex_s)
            if row.offset_frame > row.apex_frame + 1:
                errors["offset"].append(frames[row.trial][row.offset_frame] - true.offset_s)
    for name, spread in (("onset", 0.012), ("apex", 0.012), ("offset", 0.020)):
        values = np.array(errors[name])
        assert abs(values.mean()) < 0.002
        assert values.std() == pytest.approx(spread, abs=0.003)


def test_every_row_is_in_order_and_inside_its_video() -> None:
    _, frames, tables = _tables(1)
    for row in (row for rows in tables.values() for row in rows):
        assert 0 <= row.onset_frame < row.apex_frame <= row.offset_frame < frames[row.trial].size
        assert row.action_units


def test_a_perfect_coder_misses_nothing() -> None:
    sharp = Habits(1, 1, 0, 0, 0, 1, 0, 0, 0, 0)
    participant, _, tables = _tables(4, sharp)
    for rows in tables.values():
        assert len(rows) == sum(len(t.movements) for t in participant.trials)
        for row in rows:
            true = participant.trials[row.trial - 1].movements[row.movement]
            assert {u.number for u in row.action_units} == {u.unit for u in true.units}


def test_raters_are_as_consistent_as_published() -> None:
    values: dict[str, list[float]] = {"valence": [], "arousal": []}
    for seed in range(10):
        ratings = rate_clips(np.random.default_rng(seed))
        for name, found in values.items():
            matrix = np.array([getattr(r, name) for r in ratings], dtype=float).reshape(20, 42).T
            found.append(intraclass_correlation(matrix)["ICC(3,1)"].value)
    assert np.mean(values["valence"]) == pytest.approx(0.768, abs=0.04)
    assert np.mean(values["arousal"]) == pytest.approx(0.697, abs=0.04)


def _distances(share: float) -> tuple[list[float], list[float]]:
    """Of every coded apex of coder A: s to the nearest that happened, s to the nearest of coder B."""
    never_wrong = Habits(sees_micro=1.0, sees_macro=1.0, false_alarms_per_trial=0.0)
    to_truth, to_other = [], []
    for number in range(1, 21):
        settings = replace(SETTINGS, effects=replace(Effects(), coding=share))
        participant, frames, tables = _tables(number, never_wrong, settings)
        for trial in participant.trials:
            shown = frames[trial.number]
            a, b = (
                [shown[row.apex_frame] for row in tables[coder] if row.trial == trial.number]
                for coder in CODERS
            )
            assert len(a) == len(b) == len(trial.movements)
            assert all(trial.clip_start_s < apex < trial.clip_end_s for apex in a)
            for apex in a:
                to_truth.append(min(abs(apex - m.apex_s) for m in trial.movements))
                to_other.append(min(abs(apex - other) for other in b))
    return to_truth, to_other


def test_where_coding_has_nothing_to_do_with_the_face_coders_agree_about_other_times() -> None:
    to_truth, to_other = _distances(0.0)
    assert np.quantile(to_other, 0.95) < 0.06
    # By chance some fall where another expression was: a clip of 15 s holds one to three.
    assert np.mean(np.array(to_truth) < 0.2) < 0.1
    assert np.median(to_truth) > 1.5


def test_a_share_of_trials_is_coded_when_it_happened() -> None:
    to_truth, to_other = _distances(0.5)
    assert 0.4 < np.mean(np.array(to_truth) < 0.1) < 0.6
    assert np.quantile(to_other, 0.95) < 0.06


def test_rows_of_other_times_are_no_movements_and_keep_what_they_say() -> None:
    here = _tables(1)[2]
    other = _tables(1, settings=replace(SETTINGS, effects=replace(Effects(), coding=0.0)))[2]
    for coder in CODERS:
        assert {row.movement for row in other[coder]} == {None}
        for trial in range(1, SETTINGS.trials + 1):
            said = [
                sorted((row.emotion, row.action_units) for row in tables[coder] if row.trial == trial)
                for tables in (here, other)
            ]
            assert said[0] == said[1]
