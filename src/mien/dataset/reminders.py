"""Reminders of a study (continuous monitoring with real-time reminding): how many, when, and what followed.

Read from the events and from the traces of the monitor. There is no control group: that reminders become
fewer, or that people are still again after one, does not say that reminding did it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.dataset import layout, tables
from mien.dataset.study import Study, StudySession

TRACES = ("head", "body", "face")
RELATIVE = tuple(f"{name}_spreads" for name in TRACES)
MOTION_COLUMNS = ("time_s", *TRACES, "found", *RELATIVE)
_STILL_S = 1.0
_SMOOTH_S = 0.5
_MOST_GAP_S = 0.5


@dataclass(frozen=True, slots=True)
class StudyReminder:
    """One reminder: when (s of the study), in which trial, why and by whom.

    `recovered_s`: from the reminder to the first second without motion above the threshold, within the clip;
    None with a `reason` where there was none, or nothing was measured.
    """

    participant_id: str
    onset_s: float
    trial: int | None
    why: str
    by: str
    recovered_s: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reminders:
    """Reminders of everybody who was monitored.

    `per_trial`: participant -> mean number in a trial. `trend`: participant -> change of that number per ten
    trials, by least squares over the trials; `trend_mean` over participants with its 95 % interval (NaN for
    fewer than three). Recovery in seconds over the reminders that have one.
    """

    rows: tuple[StudyReminder, ...]
    per_trial: Mapping[str, float]
    trend: Mapping[str, float]
    trend_mean: float
    trend_low: float
    trend_high: float
    recovery_median_s: float
    recovery_trend: float
    reasons: Mapping[str, int]
    by: Mapping[str, int]
    not_recovered: Mapping[str, int]


def study_reminders(study: Study) -> Reminders | None:
    """The reminders of a study; None where nobody was ever monitored.

    Raises
    ------
    DataError
        If a table of events or motion is damaged.
    """
    rows: list[StudyReminder] = []
    counts: dict[str, dict[int, int]] = {}
    for name in study.participants:
        session = study.session(name)
        found = _of_session(session)
        if found is None:
            continue
        rows += found
        trials = session.trials()
        numbers = [] if trials is None else [int(n) for n in trials["trial"]]
        each = Counter(row.trial for row in found)
        counts[name] = {n: each[n] for n in numbers}
    if not counts:
        return None
    trend = {name: _slope(of_trial) for name, of_trial in counts.items() if len(of_trial) > 2}
    mean, low, high = _mean_interval([s for s in trend.values() if math.isfinite(s)])
    recovered = [row.recovered_s for row in rows if row.recovered_s is not None]
    return Reminders(
        rows=tuple(rows),
        per_trial={name: _share(of_trial) for name, of_trial in counts.items()},
        trend=trend,
        trend_mean=mean,
        trend_low=low,
        trend_high=high,
        recovery_median_s=median(recovered) if recovered else math.nan,
        recovery_trend=_recovery_trend(rows),
        reasons=dict(Counter(row.why for row in rows).most_common()),
        by=dict(Counter(row.by for row in rows).most_common()),
        not_recovered=dict(Counter(row.reason for row in rows if row.reason is not None).most_common()),
    )


def reminder_times_s(session: StudySession) -> FloatArray:
    """When reminders were sent, (n,), seconds of the study's events; empty where there were none."""
    table = _events(session)
    if table is None:
        return np.empty(0)
    return table[table["trial_type"] == "reminder"]["onset"].to_numpy(dtype=np.float64)


def _events(session: StudySession) -> Any:
    for path in (
        layout.events(session.study, session.participant_id),
        layout.beh_events(session.study, session.participant_id),
    ):
        if path.is_file():
            return tables.read_events(path)
    return None


def _of_session(session: StudySession) -> list[StudyReminder] | None:
    table = _events(session)
    motion_path = layout.motion(session.study, session.participant_id)
    if table is None:
        return None
    sent = [row for row in tables.rows(table) if row["trial_type"] == "reminder"]
    if not sent and not motion_path.is_file():
        return None  # nobody watched
    ends = sorted(row["onset"] for row in tables.rows(table) if row["trial_type"] == "rest")
    motion = _read_motion(motion_path) if motion_path.is_file() else None
    found = []
    for row in sent:
        end = next((at for at in ends if at >= row["onset"]), math.inf)
        recovered, reason = _recovery(motion, float(row["onset"]), end)
        trial = row.get("trial")
        found.append(
            StudyReminder(
                session.participant_id,
                float(row["onset"]),
                None if trial is None else int(float(trial)),
                str(row.get("reason") or "n/a"),
                str(row.get("by") or "n/a"),
                recovered,
                reason,
            )
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """Times and the largest trace in spreads, smoothed; above which it counts as motion."""

    times_s: FloatArray
    highest: FloatArray
    threshold: float


def _read_motion(path: Path) -> _Motion | None:
    table = tables.read_table(path, columns=MOTION_COLUMNS, numbers=MOTION_COLUMNS)
    try:
        threshold = float(json.loads(path.with_suffix(".json").read_bytes())["threshold"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            path.with_suffix(".json"), wanted="the threshold of the monitor", got="none", remedy="restore it"
        ) from error
    times = table["time_s"].to_numpy(dtype=np.float64)
    traces = table[list(RELATIVE)].to_numpy(dtype=np.float64)
    if not np.isfinite(traces).any():
        return None
    highest = np.where(np.isfinite(traces), traces, -np.inf).max(axis=1)
    highest = np.where(np.isfinite(highest), highest, np.nan)
    return _Motion(times, _smooth(times, highest), threshold)


def _smooth(times_s: FloatArray, values: FloatArray) -> FloatArray:
    """Mean over the half second before each sample; NaN where nothing was measured in it."""
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    first = np.searchsorted(times_s, times_s - _SMOOTH_S, side="right")
    last = np.arange(1, times_s.size + 1)
    n = counts[last] - counts[first]
    return np.where(n > 0, (sums[last] - sums[first]) / np.maximum(n, 1), np.nan)


def _recovery(motion: _Motion | None, onset_s: float, end_s: float) -> tuple[float | None, str | None]:
    """Seconds to the first still second after a reminder, or why there is none."""
    if motion is None:
        return None, "no motion was measured, or no baseline"
    inside = (motion.times_s >= onset_s) & (motion.times_s <= end_s)
    times, values = motion.times_s[inside], motion.highest[inside]
    if times.size < 2:
        return None, "no motion was measured then"
    still = np.isfinite(values) & (values <= motion.threshold)
    since: float | None = None
    last = onset_s
    for at, quiet in zip(times, still, strict=True):
        if not quiet or at - last > _MOST_GAP_S:
            since = None
        if quiet and since is None:
            since = float(at)
        if since is not None and at - since >= _STILL_S:
            return max(0.0, since - onset_s), None
        last = float(at)
    return None, "the clip ended before a still second"


def _share(of_trial: Mapping[int, int]) -> float:
    return sum(of_trial.values()) / len(of_trial) if of_trial else math.nan


def _slope(of_trial: Mapping[int, int]) -> float:
    """Change per ten trials."""
    x = np.array(list(of_trial), dtype=np.float64)
    y = np.array(list(of_trial.values()), dtype=np.float64)
    spread = float(((x - x.mean()) ** 2).sum())
    return 10 * float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else math.nan


def _mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of Student's t."""
    if not values:
        return math.nan, math.nan, math.nan
    mean = float(np.mean(values))
    if len(values) < 3:
        return mean, math.nan, math.nan
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def _recovery_trend(rows: Sequence[StudyReminder]) -> float:
    """Spearman's rank correlation of the trial's number and the time to recover; NaN for fewer than five."""
    both = [(r.trial, r.recovered_s) for r in rows if r.trial is not None and r.recovered_s is not None]
    if len(both) < 5 or len({t for t, _ in both}) < 2 or len({s for _, s in both}) < 2:
        return math.nan
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*both, strict=True)).statistic)
