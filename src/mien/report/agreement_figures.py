"""Figures of agreement between coders: time differences, kappas, missed expressions, drift.

Each is SVG text that takes its ink from the page (`currentColor`) and has no ground of its own, so that it
reads on light and on dark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.coding.agreement_drift import PER_CLIPS
from mien.coding.agreement_intervals import Estimate
from mien.coding.agreement_result import PairAgreement
from mien.coding.agreement_times import MARKS, TimeDifference, difference_of
from mien.report.agreement_tables import QUANTITY_WORDS
from mien.report.canvas import BLUE, GREY, ORANGE, subplots, svg

WIDTH_IN = 9.0
_INK = "#000000"


def difference_figure(found: PairAgreement) -> str:
    """Differences of onset, apex and offset as histograms, with mean, interval and limits of agreement."""
    figure, axes = subplots(1, 3, width=WIDTH_IN, height=3.3)
    for axis, mark in zip(axes, MARKS, strict=True):
        one = found.times[mark]
        values = [at for pair in found.matched if (at := difference_of(pair, mark)) is not None]
        axis.set_title(f"{mark} (n {one.n})", fontsize=11, loc="left")
        axis.set_xlabel("first minus second, ms", fontsize=10)
        axis.tick_params(labelsize=9)
        if values:
            _histogram(axis, np.array(values), one)
        else:
            _say(axis, str(one.reason))
    axes[0].set_ylabel("expressions", fontsize=10)
    return _themed(figure)


def _histogram(axis: Any, values: Any, one: TimeDifference) -> None:
    """What is drawn spans nearly all values; the rest is counted into the outermost bars."""
    reach = max(1.0, 1.15 * float(np.quantile(np.abs(values), 0.99)))
    axis.hist(np.clip(values, -reach, reach), bins=np.linspace(-reach, reach, 28), color=BLUE, alpha=0.75)
    axis.axvline(0, color=_INK, lw=0.8)
    for limit in one.limits:
        if np.isfinite(limit) and abs(limit) <= reach:
            axis.axvline(limit, color=ORANGE, lw=1.2, ls=":")
    top = axis.get_ylim()[1]
    _interval(axis, one.mean, one.low, one.high, 1.06 * top)
    axis.set_ylim(0, 1.14 * top)


def pair_figure(pairs: Sequence[PairAgreement]) -> str:
    """Mean difference of each two coders with its interval (thick) and limits of agreement (thin)."""
    figure, axes = subplots(1, 3, width=WIDTH_IN, height=1.3 + 0.42 * len(pairs), sharey=True)
    for axis, mark in zip(axes, MARKS, strict=True):
        axis.axvline(0, color=_INK, lw=0.8)
        for place, pair in enumerate(pairs):
            one = pair.times[mark]
            if one.n:
                axis.plot(one.limits, [place, place], color=ORANGE, lw=1.2, ls=":")
                _interval(axis, one.mean, one.low, one.high, place)
        axis.set_title(mark, fontsize=11, loc="left")
        axis.set_xlabel("first minus second, ms", fontsize=10)
        axis.tick_params(labelsize=9)
    names = [" - ".join(pair.coders) for pair in pairs]
    axes[0].set_yticks(range(len(pairs)), names, fontsize=10)
    axes[0].set_ylim(len(pairs) - 0.4, -0.6)
    return _themed(figure)


def kappa_figure(found: PairAgreement) -> str:
    """Kappa of emotion, kind and every action unit: of matched expressions, and with missed ones as none."""
    rows = _kappa_rows(found)
    figure, ((axis,),) = subplots(1, 1, width=WIDTH_IN, height=1.3 + 0.3 * len(rows), squeeze=False)
    axis.axvline(0, color=_INK, lw=0.8)
    for place, (_, matched, with_missed) in enumerate(rows):
        _interval(axis, matched.value, matched.low, matched.high, place - 0.14)
        _interval(axis, with_missed.value, with_missed.low, with_missed.high, place + 0.14, other=True)
        if np.isnan(matched.value):
            said = str(matched.reason).split(",")[0]
            axis.annotate(said, (0.01, place - 0.14), fontsize=8, va="center", color=_INK)
    for border in (1.5, 2.5):
        axis.axhline(border, color=GREY, lw=0.6)
    axis.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=10)
    low = min([0.0, *(v for _, a, b in rows for v in (a.low, b.low, a.value, b.value) if np.isfinite(v))])
    axis.set(ylim=(len(rows) - 0.4, -0.6), xlim=(max(-1.0, low - 0.05), 1.03))
    axis.tick_params(axis="x", labelsize=9)
    axis.set_xlabel("kappa, 95 %; filled: matched expressions, open: missed ones count as none", fontsize=10)
    return _themed(figure)


def _kappa_rows(found: PairAgreement) -> list[tuple[str, Estimate, Estimate]]:
    rows = [
        ("emotion", found.emotion, found.emotion_with_missed),
        ("kind", found.kind, found.kind_with_missed),
        ("all units", found.units.kappas.pooled, found.units.kappas_with_missed.pooled),
    ]
    beside = found.units.kappas_with_missed.units
    for name, one in found.units.kappas.units.items():
        rows.append((f"{name}  ({one.n_first}, {one.n_second})", one.kappa, beside[name].kappa))
    return rows


def missed_figure(found: PairAgreement) -> str:
    """The share that each coder missed of what others saw, by kind, with its interval."""
    rows = [one for one in found.missed if one.rate.n]
    figure, ((axis,),) = subplots(1, 1, width=WIDTH_IN, height=1.3 + 0.34 * len(rows), squeeze=False)
    for place, one in enumerate(rows):
        axis.barh(place, one.rate.value, color=BLUE if one.kind == "all" else GREY, alpha=0.75, height=0.6)
        if np.isfinite(one.rate.low):
            axis.plot([one.rate.low, one.rate.high], [place, place], color=_INK, lw=1.4)
        end = one.rate.value if np.isnan(one.rate.high) else one.rate.high
        axis.annotate(
            f"{one.n} of {one.rate.n}",
            (end, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axis.set_yticks(range(len(rows)), [f"{one.coder}: {one.kind}" for one in rows], fontsize=10)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(0, min(1.0, 1.35 * max([0.05, *(_top(one.rate) for one in rows)])))
    axis.tick_params(axis="x", labelsize=9)
    axis.set_xlabel("share missed of what the others saw, 95 %", fontsize=10)
    return _themed(figure)


def drift_figure(found: PairAgreement) -> str:
    """Every quantity against the order of clips: expressions, participants' means, and the line of drift."""
    figure, axes = subplots(len(QUANTITY_WORDS), 1, width=WIDTH_IN, height=9.0, sharex=True)
    for axis, (name, words) in zip(axes, QUANTITY_WORDS.items(), strict=True):
        series, slope = found.drift.series[name], found.drift.slopes[name]
        axis.set_title(f"{words}; {_slope_words(slope)}", fontsize=10, loc="left")
        axis.tick_params(labelsize=9)
        if not series.values.size:
            _say(axis, str(slope.reason))
            continue
        shown = series.values if name != "missed" else series.values + _spread(series.values.size)
        axis.plot(series.places, shown, ".", ms=3, color=GREY, alpha=0.45)
        people = np.array(series.participants)
        for person in dict.fromkeys(series.participants):
            mine = people == person
            axis.plot(series.places[mine].mean(), series.values[mine].mean(), "o", ms=6, color=BLUE)
        if np.isfinite(slope.value):
            middle = series.places.mean(), series.values.mean()
            ends = np.array([series.places.min(), series.places.max()])
            axis.plot(ends, middle[1] + slope.value * (ends - middle[0]) / PER_CLIPS, color=ORANGE, lw=1.8)
    axes[-1].set_xlabel("clip, in the order given; dots: expressions, discs: participants", fontsize=10)
    return _themed(figure)


def _slope_words(slope: Estimate) -> str:
    if np.isnan(slope.value):
        return str(slope.reason)
    bounds = "" if np.isnan(slope.low) else f" [{slope.low:+.3g}, {slope.high:+.3g}]"
    return f"per {PER_CLIPS} clips {slope.value:+.3g}{bounds}, n {slope.n}"


def _spread(n: int) -> Any:
    """Small steps that part points of equal height."""
    return 0.05 * (np.arange(n) % 5 - 2) / 2


def _interval(axis: Any, value: float, low: float, high: float, place: float, *, other: bool = False) -> None:
    colour = ORANGE if other else BLUE
    if np.isfinite([low, high]).all():
        axis.plot([low, high], [place, place], color=colour, lw=2.2, solid_capstyle="butt")
    if np.isfinite(value):
        axis.plot(value, place, "o", ms=6, color=colour, mfc="none" if other else colour)


def _top(rate: Estimate) -> float:
    return rate.value if np.isnan(rate.high) else rate.high


def _say(axis: Any, words: str) -> None:
    axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", va="center", fontsize=9, wrap=True)
    axis.set_xticks([])
    axis.set_yticks([])


def _themed(figure: Any) -> str:
    """The figure without ground, its black in the colour of the page's text."""
    figure.patch.set_alpha(0.0)
    for axis in figure.axes:
        axis.patch.set_alpha(0.0)
    text = svg(figure).replace(f"stroke: {_INK}", "stroke: currentColor")
    text = text.replace(f"fill: {_INK}", "fill: currentColor")
    # Letters have no colour of their own unless one is set: then they are black.
    return re.sub(r"<text style=\"", '<text fill="currentColor" style="', text)
