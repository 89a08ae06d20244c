"""Reminders per trial, time to recover and trend on a study written by hand, with known answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError
from mien.dataset import StudyWriter, describe, layout, open_study, tables
from mien.dataset.reminders import MOTION_COLUMNS, reminder_times_s, study_reminders

TRIAL_S = 10.0


def _write(
    folder: Path, people: dict[str, list[tuple[float, int]]], *, moving: dict[str, list[tuple[float, float]]]
) -> Path:
    """People with ten trials of 8 s; `moving`: spans in which they are restless."""
    writer = StudyWriter(folder)
    for name, sent in people.items():
        with writer.participant(name) as files:
            rows = []
            for trial in range(1, 11):
                at = TRIAL_S * trial
                rows.append({"onset": at, "trial_type": "clip", "value": 100 + trial, "trial": trial})
                rows.append({"onset": at + 8, "trial_type": "rest", "value": 100, "trial": trial})
            rows += [
                {
                    "onset": at,
                    "trial_type": "reminder",
                    "trial": trial,
                    "reason": "head movement",
                    "by": "operator",
                }
                for at, trial in sent
            ]
            table = pd.DataFrame(rows).sort_values("onset").assign(duration=0.0).astype({"value": "Int64"})
            tables.write_table(
                layout.beh_events(files.folder, name),
                table,
                columns=("onset", "duration", "trial_type", "value"),
            )
            trials = pd.DataFrame({"trial": range(1, 11), "code": range(101, 111)}).assign(
                stimulus="c", emotion="fear", self_report="fear", valence=1.0, arousal=9.0
            )
            files.write_trials(trials)
            times = np.arange(0, 120, 0.05)
            spreads = np.zeros(times.size)
            for begin, end in moving.get(name, []):
                spreads[(times >= begin) & (times < end)] = 20.0
            motion = pd.DataFrame({"time_s": times, "head": 0.1, "body": np.nan, "face": 0.1, "found": 1})
            motion = motion.assign(head_spreads=spreads, body_spreads=np.nan, face_spreads=0.0)
            if name in moving:
                path = layout.motion(files.folder, name)
                tables.write_table(path, motion, columns=MOTION_COLUMNS)
                path.with_suffix(".json").write_text(json.dumps({"threshold": 6.0}))
    writer.finish(pd.DataFrame({"participant_id": list(people)}))
    return folder


def test_recovery_is_the_time_to_the_first_still_second(tmp_path: Path) -> None:
    sent = [(22.0, 2), (42.0, 4), (62.0, 6), (82.0, 8)]
    moving = [(21.0, 24.0), (41.5, 42.6), (61.0, 70.0)]  # 2 s; .6 s; to the end; not at all
    found = study_reminders(open_study(_write(tmp_path / "s", {"sub-001": sent}, moving={"sub-001": moving})))
    assert found is not None
    first, second, third, fourth = found.rows
    # The mean over the last half second falls below the threshold .35 s after the movement ends.
    assert first.recovered_s == pytest.approx(2.0 + 0.35, abs=0.06)
    assert second.recovered_s == pytest.approx(0.6 + 0.35, abs=0.06)
    assert third.recovered_s is None
    assert third.reason == "the clip ended before a still second"
    assert fourth.recovered_s == pytest.approx(0.0, abs=0.06)
    assert found.per_trial == {"sub-001": 0.4}
    assert found.not_recovered == {"the clip ended before a still second": 1}


def test_the_trend_is_the_slope_of_the_number_over_trials(tmp_path: Path) -> None:
    many_early = [
        (TRIAL_S * trial + k, trial) for trial in range(1, 11) for k in range(1, 7) if k <= 6 - trial // 2
    ]
    people = {f"sub-00{n}": many_early for n in (1, 2, 3)} | {"sub-004": []}
    found = study_reminders(open_study(_write(tmp_path / "s", people, moving={"sub-004": []})))
    assert found is not None
    counts = np.array([sum(t == trial for _, t in many_early) for trial in range(1, 11)])
    slope = 10 * np.polyfit(np.arange(1, 11), counts, 1)[0]
    assert found.trend["sub-001"] == pytest.approx(slope)
    assert found.trend["sub-004"] == 0.0  # watched, never reminded
    assert found.trend_mean == pytest.approx(0.75 * slope)
    assert found.trend_low < found.trend_mean < found.trend_high
    assert found.rows[0].reason == "no motion was measured, or no baseline"


def test_a_study_in_which_nobody_watched_has_none(tmp_path: Path) -> None:
    study = open_study(_write(tmp_path / "s", {"sub-001": []}, moving={}))
    assert study_reminders(study) is None
    assert describe(study).reminders is None
    assert reminder_times_s(study.session("sub-001")).size == 0


def test_motion_without_its_threshold_is_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path / "s", {"sub-001": [(22.0, 2)]}, moving={"sub-001": []})
    layout.motion(folder, "sub-001").with_suffix(".json").unlink()
    with pytest.raises(DataError, match="wanted the threshold of the monitor"):
        study_reminders(open_study(folder))
