"""Figures of concordance: a trial with its apexes and windows, its heart rate, and all effects as a forest.

After MMME's Figures 7 and 13; the forest is ours. Signals are traces: no face and no voice is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.concordance import Concordance, ParticipantData, Row, Settings
from mien.concordance.settings import ALPHA
from mien.concordance.slope import rate_and_slope
from mien.concordance.windows import anchors_of, plan_windows
from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval
from mien.report.canvas import BLUE, GREEN, GREY, ORANGE, subplots, svg

_POINTS = 3000  # of one trace: more than a page can show
_NAMES = {"ecg": "ECG", "ppg": "PPG", "rsp": "breathing", "eda": "skin conductance", "skt": "temperature"}
_UNITS = {"uS": "µS", "degC": "°C"}


def clearest_trial(concordance: Concordance) -> tuple[str, int]:
    """Participant and trial with the most pairs of windows in use; the first of equals."""
    best: tuple[int, str, int] | None = None
    for person in concordance.people:
        used = np.isfinite(person.differences()).any(axis=2).sum(axis=1) * person.micro
        for trial in np.unique(person.trials[person.micro]):
            n = int(used[person.trials == trial].sum())
            if best is None or n > best[0]:
                best = (n, person.participant_id, int(trial))
    assert best is not None  # a Concordance has a micro-expression
    return best[1], best[2]


def trial_figure(person: ParticipantData, trial: int, settings: Settings) -> str:
    """Every signal in one trial, with apexes and the windows before (grey) and after (blue), as SVG text.

    As MMME's Figure 7. Windows of one length are shown: that in use around most apexes, the longest of
    equals. A micro-expression whose windows are left out has its line only.

    Raises OptionError for a trial that is not known.
    """
    span = _span(person, trial)
    anchors, _ = anchors_of(person, settings)
    windows = plan_windows(person, anchors, {}, settings)
    mine = np.flatnonzero((anchors.trials == trial) & (anchors.kinds == "micro"))
    used = windows.reasons[mine, 0] == ""
    shown = max(range(used.shape[1]), key=lambda window: (int(used[:, window].sum()), window))
    kinds = [kind for kind in _NAMES if kind in person.signals]
    # Windows may reach out of the trial; then the picture does as well.
    edges = windows.bounds_s[mine[used[:, shown]], 0, shown] if used.any() else np.empty(0)
    seen = Interval(min(span.start_s, edges.min(initial=np.inf)), max(span.end_s, edges.max(initial=-np.inf)))
    figure, axes = subplots(
        len(kinds), 1, width=9.5, height=0.8 + 1.35 * len(kinds), sharex=True, squeeze=False
    )
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        times, values = _trace(person, person.signals[kind], seen)
        axis.plot(times - span.start_s, values, color="black", lw=0.6)
        for edge in (0.0, span.duration_s):
            axis.axvline(edge, color="black", lw=0.8)
        for row, number in enumerate(mine):
            if used[row, shown]:
                for side, colour in ((0, GREY), (1, BLUE)):
                    low, high = windows.bounds_s[number, 0, shown, side] - span.start_s
                    axis.axvspan(low, high, color=colour, alpha=0.25, lw=0)
            axis.axvline(anchors.times_s[number] - span.start_s, color=ORANGE, lw=1.2, ls="--")
        unit = person.signals[kind].unit
        axis.set_ylabel(f"{_NAMES[kind]}\n({_UNITS.get(unit, unit)})", fontsize=8)
    axes[-1, 0].set_xlabel("seconds from the onset of the clip")
    axes[-1, 0].set_xlim(seen.start_s - span.start_s, seen.end_s - span.start_s)
    figure.suptitle(
        f"{person.participant_id}, trial {trial}: {settings.anchor} of micro-expressions (dashed), "
        f"windows of {settings.windows_s[shown]:g} s before (grey) and after (blue)",
        fontsize=10,
    )
    return svg(figure)


def heart_rate_figure(person: ParticipantData, trial: int, settings: Settings) -> str:
    """ECG, heart rate and its slope in one trial with the apexes, as SVG text; after MMME's Figure 13.

    Dotted lines are the trial's mean absolute slope; a filled mark lies beyond it.

    Raises OptionError if the trial is not known or there is no ECG with beats.
    """
    span = _span(person, trial)
    heart = rate_and_slope(person.signals["ecg"]) if "ecg" in person.signals else None
    if heart is None:
        raise OptionError(
            f"{person.participant_id}, heart rate",
            wanted="an ECG with beats",
            got="none",
            remedy="choose another participant",
        )
    rate, slope = heart
    anchors, _ = anchors_of(person, settings)
    apexes = anchors.times_s[(anchors.trials == trial) & (anchors.kinds == "micro")] - span.start_s
    figure, axes = subplots(3, 1, width=9.5, height=5.2, sharex=True)
    names = ("ECG (mV)", "heart rate (bpm)", "slope (bpm/s)")
    for axis, signal, name in zip(axes, (person.signals["ecg"], rate, slope), names, strict=True):
        times, values = _trace(person, signal, span)
        axis.plot(times - span.start_s, values, color="black", lw=0.6 if signal is not slope else 1.0)
        axis.set_ylabel(name, fontsize=9)
        for apex in apexes:
            axis.axvline(apex, color=ORANGE, lw=1.2, ls="--")
    mean = float(np.nanmean(np.abs(values))) if np.isfinite(values).any() else np.nan
    for level in (-mean, mean):
        axes[2].axhline(level, color=BLUE, lw=1, ls=":")
    at = np.interp(apexes, times - span.start_s, values, left=np.nan, right=np.nan)
    for apex, height in zip(apexes, at, strict=True):
        beyond = abs(height) > mean
        axes[2].plot(apex, height, "o", ms=6, color=ORANGE, mfc=ORANGE if beyond else "white")
    axes[2].set_xlabel("seconds from the onset of the clip")
    axes[2].set_xlim(0, span.duration_s)
    beyond = int((np.abs(at) > mean).sum())
    figure.suptitle(
        f"{person.participant_id}, trial {trial}: {beyond} of {apexes.size} apexes beyond the trial's mean "
        f"absolute slope of {mean:.2f} bpm/s (dotted)",
        fontsize=10,
    )
    return svg(figure)


def forest_figure(concordance: Concordance) -> str:
    """d_z of every feature with its 95 % interval, one panel per window, as SVG text.

    Filled marks: the subject-level test holds after correction for the whole family.
    """
    windows = concordance.settings.windows_s
    features = list(concordance.settings.features)
    rows: Mapping[tuple[float, str], Row] = {(r.window_s, r.feature): r for r in concordance.rows}
    figure, axes = subplots(
        1,
        len(windows),
        width=2.6 + 2.2 * len(windows),
        height=1.4 + 0.17 * len(features),
        sharey=True,
        squeeze=False,
    )
    limit = _limit(concordance.rows)
    places = np.arange(len(features))
    for axis, window in zip(axes[0], windows, strict=True):
        axis.axvline(0, color=GREY, lw=0.8)
        own = [rows[(window, feature)] for feature in features]
        for place, row in zip(places, own, strict=True):
            if not np.isfinite(row.d_z):
                continue
            found = row.subject_q < ALPHA
            colour = ORANGE if found else BLUE
            if np.isfinite([row.low, row.high]).all():
                axis.plot([row.low, row.high], [place, place], color=colour, lw=1.4, solid_capstyle="butt")
            axis.plot(row.d_z, place, "o", ms=4, color=colour, mfc=colour if found else "white")
        for border in _borders(own):
            axis.axhline(border - 0.5, color="#DDDDDD", lw=0.8)
        n = max((row.n for row in own), default=0)
        axis.set_title(f"{window:g} s, n up to {n}", fontsize=9)
        axis.set(xlim=(-limit, limit), ylim=(len(features) - 0.4, -0.6))
        axis.set_xlabel("d_z, 95 %", fontsize=8)
        axis.tick_params(axis="x", labelsize=8)
    labels = [rows[(windows[0], feature)].printed for feature in features]
    axes[0, 0].set_yticks(places, labels, fontsize=7)
    held = concordance.discoveries()["subject_q"]
    n_tests = sum(row.subject_p == row.subject_p for row in concordance.rows)
    figure.suptitle(
        f"After against before: {held} of {n_tests} effects hold after correction, by participants (filled)",
        fontsize=10,
    )
    return svg(figure)


def null_figure(concordance: Concordance) -> str:
    """How many tests have p < .05: as coded, and with apexes moved within their trials, as SVG text."""
    parts = [part for part in concordance.null if part.n_shifts]
    figure, ((axis,),) = subplots(1, 1, width=7.5, height=1.2 + 0.5 * max(len(parts), 1), squeeze=False)
    for place, part in enumerate(parts):
        axis.plot([part.low, part.high], [place, place], color=GREY, lw=6, solid_capstyle="butt")
        axis.plot(part.median, place, "|", ms=14, color="black")
        axis.plot(part.observed, place, "o", ms=8, color=ORANGE if part.p < ALPHA else BLUE)
        axis.axvline(ALPHA * part.n_tests, color=GREEN, lw=1, ls=":")
    names = {"apex": "paired t over apexes", "subject": "t over participants"}
    axis.set_yticks(range(len(parts)), [f"{names[p.level]}\n{p.n_tests} tests" for p in parts], fontsize=8)
    axis.set(ylim=(max(len(parts), 1) - 0.5, -0.5))
    label = "tests with p < .05: as coded (mark), moved apexes (95 %, median), 5 % (dotted)"
    axis.set_xlabel(label, fontsize=8)
    axis.set_xlim(left=0)
    return svg(figure)


def _span(person: ParticipantData, trial: int) -> Interval:
    if trial not in person.trials:
        raise OptionError(
            f"trial {trial} of {person.participant_id}",
            wanted="a trial whose beginning and end are known",
            got="none",
            remedy="choose another trial",
        )
    return person.trials[trial]


def _trace(person: ParticipantData, signal: Signal, span: Interval) -> tuple[FloatArray, FloatArray]:
    """Master times and values of a signal in a span; extremes of bins where there are too many samples."""
    bounds, holds = person.on_recorder(np.array([[span.start_s, span.end_s]]))
    if not holds[0]:
        return np.empty(0), np.empty(0)
    part = signal.between(Interval(*bounds[0]))
    times = part.times_s if person.clock is None else person.clock.to_reference(part.times_s)
    step = -(-len(part) // (_POINTS // 2))
    if step < 3:
        return times, part.values
    whole = part.values[: len(part) // step * step].reshape(-1, step)
    low, high = (np.where(np.isfinite(whole), whole, fill) for fill in (np.inf, -np.inf))
    at = np.sort(np.stack([low.argmin(axis=1), high.argmax(axis=1)], axis=1), axis=1)
    chosen = (np.arange(len(whole))[:, None] * step + at).reshape(-1)
    return times[chosen], part.values[chosen]


def _borders(rows: Sequence[Row]) -> list[int]:
    """Places at which another signal begins."""
    return [i for i in range(1, len(rows)) if rows[i].signal != rows[i - 1].signal]


def _limit(rows: Sequence[Row]) -> float:
    """Half the width of the axis: most intervals whole, outliers cut."""
    ends: list[Any] = [abs(v) for row in rows for v in (row.low, row.high) if np.isfinite(v)]
    return float(np.clip(1.1 * np.quantile(ends, 0.95), 0.5, 3.0)) if ends else 1.0
