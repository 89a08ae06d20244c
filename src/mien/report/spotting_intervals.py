"""The figure of spotting scores: F1 of every run beside what chance gives whoever proposes as much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.evaluation.spotting_score import KindScore
from mien.report.canvas import BLUE, GREY, ORANGE, subplots, svg

_ROW = 0.42  # inches


def f1_figure(rows: Sequence[tuple[str, Mapping[str, KindScore], bool]], kinds: Sequence[str]) -> str:
    """F1 of each named run with its interval, one panel a kind; runs that leak are hollow.

    Parameters
    ----------
    rows
        Name, scores by kind (a kind that the method does not look for is left out), and whether it leaks.
    kinds
        The panels.
    """
    figure, axes = subplots(
        1, len(kinds), width=9.0, height=1.35 + _ROW * len(rows), sharey=True, squeeze=False
    )
    most = _longest([one for _, scores, _ in rows for one in scores.values()])
    for axis, kind in zip(axes[0], kinds, strict=True):
        for place, (_, scores, leaks) in enumerate(rows):
            if kind in scores:
                _draw(axis, place, scores[kind], ORANGE if leaks else BLUE, leaks)
        axis.set(xlim=(0, most), ylim=(len(rows) - 0.5, -0.75), xlabel="F1, 95 % interval over subjects")
        axis.set_title(f"{kind}-expressions" if kind != "overall" else "both kinds", fontsize=9, loc="left")
        axis.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axis.grid(axis="x", color="#EEEEEE", zorder=-1)
    _legend(figure, any(leaks for _, _, leaks in rows))
    return svg(figure)


def _draw(axis: Any, place: int, score: KindScore, colour: str, leaks: bool) -> None:
    f1, chance = score.f1, score.random
    if np.isfinite([chance.low, chance.high]).all():
        box = {"left": chance.low, "width": max(chance.high - chance.low, 0.004)}
        axis.barh(place, height=0.62, color="#DDDDDD", zorder=0, **box)
    if np.isfinite(score.uniform):
        axis.plot([score.uniform] * 2, [place - 0.31, place + 0.31], color=GREY, lw=1.5, zorder=1)
    if not np.isfinite(f1.value):
        return
    if np.isfinite([f1.low, f1.high]).all():
        axis.plot([f1.low, f1.high], [place, place], color=colour, lw=2, solid_capstyle="butt")
    axis.plot(f1.value, place, "o", ms=7, color=colour, mfc="white" if leaks else colour)
    away = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
    axis.annotate(f"{f1.value:.3f}", (f1.value, place), (0, 6), **away)


def _longest(scores: Sequence[KindScore]) -> float:
    """Where the axis ends: the next tenth above everything drawn, 1 at most."""
    ends = [x for one in scores for x in (one.f1.value, one.f1.high, one.random.high, one.uniform)]
    known = [x for x in ends if np.isfinite(x)]
    return float(min(1.0, np.ceil(10 * max(known, default=0.0) + 0.5) / 10)) if known else 1.0


def _legend(figure: Any, leaks: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=BLUE, marker="o", label="honest protocol"),
        Patch(color="#DDDDDD", label="its proposals at random times, 95 % of draws"),
        Line2D([], [], color=GREY, lw=1.5, label="even windows"),
    ]
    if leaks:
        said = "chosen on the test subject: a leak"
        handles.insert(1, Line2D([], [], color=ORANGE, marker="o", mfc="white", label=said))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=8, frameon=False)
