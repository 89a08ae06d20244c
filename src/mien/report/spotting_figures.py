"""The timeline of one spotted video: score, proposals, and what could not be judged; no picture of a face."""

from __future__ import annotations

import numpy as np

from mien.core.time import FloatArray
from mien.report.canvas import BLUE, GREY, ORANGE, subplots, svg
from mien.spotting import Spotted

_COLOURS = {"micro": ORANGE, "macro": BLUE}
_MOST_POINTS = 3000  # of the curve: more cannot be seen


def timeline(spotted: Spotted, *, title: str = "") -> str:
    """SVG text: the score curve over time with its threshold, proposals by kind, unjudged spans in grey."""
    figure, axis = subplots(1, 1, width=9.0, height=2.6)
    for one in spotted.not_judged:
        axis.axvspan(one.span.start_s, one.span.end_s, color=GREY, alpha=0.25, linewidth=0)
    for proposal in spotted.proposals:
        colour = _COLOURS[proposal.kind]
        axis.axvspan(proposal.onset_s, proposal.offset_s, color=colour, alpha=0.3, linewidth=0)
        axis.axvline(proposal.apex_s, color=colour, linewidth=0.8)
    times, scores = _thinned(spotted.curve_s, spotted.curve)
    axis.plot(times, scores, color="black", linewidth=0.7)
    axis.axhline(1.0, color=GREY, linewidth=0.7, linestyle="--")
    axis.set_xlabel("s")
    axis.set_ylabel("score / threshold")
    axis.set_title(title, loc="left", fontsize=9)
    axis.set_ylim(bottom=0)
    for kind, colour in _COLOURS.items():
        axis.plot([], [], color=colour, linewidth=4, alpha=0.4, label=f"{kind}-expression")
    axis.plot([], [], color=GREY, linewidth=4, alpha=0.4, label="not judged")
    axis.legend(loc="upper right", fontsize=7, frameon=False, ncols=3)
    return svg(figure)


def _thinned(times: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The highest of every few samples, where there are more than can be drawn; gaps stay."""
    by = len(times) // _MOST_POINTS + 1
    if by == 1:
        return times, scores
    n = len(times) // by * by
    every = scores[:n].reshape(-1, by)
    gap = np.isnan(every).all(axis=1)
    highest = np.where(gap, np.nan, np.nan_to_num(every, nan=-1.0).max(axis=1))
    return times[:n:by], highest
