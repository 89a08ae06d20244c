"""Coders and raters agree as far as they were told to; agreement is measured by `stats`."""

from __future__ import annotations

import numpy as np
import pytest

from mien.simulate import clocks
from mien.simulate.coders import CODERS, Habits, code_session, rate_clips
from mien.simulate.script import write_part
from mien.simulate.settings import StudySettings
from mien.stats import action_unit_agreement, intraclass_correlation

SETTINGS = StudySettings(trials=14)


def _tables(number: int, habits: Habits | None = None):
    participant = write_part(SETTINGS, number)
    clock = clocks.camera_clock(participant)
    frames = {
        t.number: clocks.camera_run(t, clock, participant.stream(5, t.number), dropped=0.0005).true_s
        for t in participant.trials
    }
    return participant, frames, code_session(participant, frames, SETTINGS, habits=habits)


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
