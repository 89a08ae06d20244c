"""Figures of recognition results as SVG text: intervals, confusion matrices, accuracy by subject.

Colours are Okabe and Ito's, distinguishable without colour vision; every axis has a name and a unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.evaluation import Estimate, RecordScores
from mien.report.canvas import BLUE, ORANGE, subplots, svg


def interval_figure(
    rows: Sequence[tuple[str, Mapping[str, Estimate], bool]], chance: Mapping[str, Estimate]
) -> str:
    """UF1 and UAR of each named row with 95 % intervals; leaking rows are hollow; chance is a band."""
    figure, axes = subplots(1, 2, width=9.0, height=1.2 + 0.38 * len(rows), sharey=True)
    for axis, metric, title in zip(axes, ("uf1", "uar"), ("UF1", "UAR"), strict=True):
        guess = chance[metric]
        axis.axvspan(guess.low, guess.high, color="#DDDDDD", zorder=0)
        for place, (_, scores, leaks) in enumerate(rows):
            e = scores[metric]
            colour = ORANGE if leaks else BLUE
            if np.isfinite([e.low, e.high]).all():
                axis.plot([e.low, e.high], [place, place], color=colour, lw=2, solid_capstyle="butt")
            axis.plot(e.value, place, "o", ms=7, color=colour, mfc="white" if leaks else colour)
            axis.annotate(
                f"{e.value:.3f}",
                (e.value, place),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        axis.set(
            xlim=(0, 1), xlabel=f"{title} (0 to 1), 95 % interval over subjects", ylim=(len(rows) - 0.5, -0.7)
        )
        axis.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axis.grid(axis="x", color="#EEEEEE", zorder=-1)
    _legend(figure, any(leaks for _, _, leaks in rows))
    return svg(figure)


def _legend(figure: Any, leaks: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=BLUE, marker="o", label="honest protocol"),
        Patch(color="#DDDDDD", label="chance, 95 % of guesses"),
    ]
    if leaks:
        handles.insert(
            1,
            Line2D([], [], color=ORANGE, marker="o", mfc="white", label="chosen on the test subject: a leak"),
        )
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=8, frameon=False)


def confusion_figure(scores: RecordScores, title: str) -> str:
    """Counts, with the share of each reference class in its row."""
    counts = np.array(scores.pooled.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(counts)
    figure, ((axis,),) = subplots(1, 1, width=1.6 + 0.85 * n, height=1.1 + 0.72 * n, squeeze=False)
    words = [
        [f"{counts[row, column]}\n{100 * shares[row, column]:.0f} %" for column in range(n)]
        for row in range(n)
    ]
    draw_shares(axis, shares, words, fontsize=9)
    axis.set_xticks(range(n), scores.pooled.classes, rotation=0 if n <= 3 else 40, fontsize=8)
    axis.set_yticks(range(n), scores.pooled.classes, fontsize=8)
    axis.set_xlabel("estimate")
    axis.set_ylabel("reference")
    axis.set_title(title, fontsize=10)
    return svg(figure)


def draw_shares(axis: Any, shares: Any, words: Sequence[Sequence[str]], *, fontsize: int) -> None:
    """Cells (n, n) coloured by their shares, 0 to 1, with words in them; the first row on top."""
    n = len(shares)
    edges = np.arange(n + 1) - 0.5
    axis.pcolormesh(edges, edges, shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white")
    axis.invert_yaxis()
    for row in range(n):
        for column in range(n):
            colour = "white" if shares[row, column] > 0.55 else "black"
            axis.text(
                column, row, words[row][column], ha="center", va="center", fontsize=fontsize, color=colour
            )
    axis.spines[:].set_visible(False)


def subject_figure(by_subject: Mapping[str, tuple[int, int]], title: str) -> str:
    """One dot per subject: share of samples named right; its area shows the number of samples."""
    ordered = sorted(by_subject.items(), key=lambda item: (item[1][0] / item[1][1], item[1][1], item[0]))
    shares = [right / n for _, (right, n) in ordered]
    sizes = [n for _, (_, n) in ordered]
    figure, ((axis,),) = subplots(1, 1, width=9.0, height=2.3, squeeze=False)
    axis.scatter(range(len(ordered)), shares, s=[12 + 6 * n for n in sizes], color=BLUE, alpha=0.7, lw=0)
    axis.set(ylim=(-0.08, 1.08), xlim=(-1, len(ordered)), ylabel="share right")
    axis.set_xticks([])
    axis.set_xlabel(
        f"{len(ordered)} subjects in order; area: number of samples ({min(sizes)} to {max(sizes)})"
    )
    axis.set_title(title, fontsize=10)
    axis.grid(axis="y", color="#EEEEEE")
    return svg(figure)
