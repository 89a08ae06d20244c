"""One searched video from signal to verdict, as in MMME's Figure 12; it shows nobody's face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.core.expression import Expression
from mien.core.signal import Signal
from mien.report.canvas import BLUE, GREEN, GREY, ORANGE, subplots, svg
from mien.spotting import Spotted
from mien.spotting.heart_rate_filter import PASS, Verdicts

_RED = "#C1272D"


def pipeline_figure(
    spotted: Spotted,
    reference: Sequence[Expression],
    slope: Signal | None,
    verdicts: Verdicts | None,
    *,
    threshold_bpm_s: float | None = None,
) -> str:
    """SVG text: score, coded micro-expressions (blue), proposals (red boxes); below, the heart's slope.

    Parameters
    ----------
    reference
        Coded micro-expressions, seconds of the video.
    slope
        Of the heart rate, bpm/s, seconds of the video; None: one panel alone.
    verdicts
        On the proposals, in their order.
    threshold_bpm_s
        What |slope| must exceed at an apex.
    """
    rows = 1 if slope is None else 2
    figure, axes = subplots(
        rows, 1, width=9.0, height=2.6 + 1.7 * (rows - 1), sharex=True, squeeze=False,
        height_ratios=(1.5, 1.0)[:rows],
    )  # fmt: skip
    score = axes[0][0]
    for one in spotted.not_judged:
        score.axvspan(one.span.start_s, one.span.end_s, color=GREY, alpha=0.2, linewidth=0)
    for coded in reference:
        end = coded.offset_s if coded.offset_s is not None else coded.apex_s
        score.axvspan(
            coded.onset_s, coded.onset_s if end is None else end, color=BLUE, alpha=0.35, linewidth=0
        )
    score.plot(spotted.curve_s, spotted.curve, color="black", lw=0.8)
    score.axhline(1.0, color=GREY, lw=0.8, ls="--")
    top = float(np.nanmax(spotted.curve, initial=1.0)) * 1.12
    for proposal in spotted.proposals:
        width = proposal.offset_s - proposal.onset_s
        score.add_patch(_box(proposal.onset_s, width, top * 0.97, dashed=proposal.kind == "macro"))
    score.set(ylim=(0, top), ylabel="score / threshold")
    handles = {"coded micro-expression": BLUE, "proposal (dashed: macro)": _RED, "not judged": GREY}
    for words, colour in handles.items():
        score.plot([], [], color=colour, lw=4, alpha=0.6, label=words)
    score.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), fontsize=7.5, frameon=False, ncols=3)
    if slope is not None:
        _draw_heart(axes[1][0], spotted, slope, verdicts, threshold_bpm_s)
    axes[-1][0].set_xlabel("s of the video")
    return svg(figure)


def _box(left: float, width: float, height: float, *, dashed: bool) -> Any:
    from matplotlib.patches import Rectangle

    style = "--" if dashed else "-"
    return Rectangle((left, 0), width, height, fill=False, edgecolor=_RED, linewidth=1.4, linestyle=style)


def _draw_heart(
    axis: Any, spotted: Spotted, slope: Signal, verdicts: Verdicts | None, threshold: float | None
) -> None:
    values = np.abs(np.asarray(slope.values, dtype=np.float64).ravel())
    times = slope.start_s + np.arange(len(values)) / slope.rate_hz
    axis.plot(times, values, color=ORANGE, lw=1.1)
    if threshold is not None:
        axis.axhline(threshold, color=GREY, lw=0.8, ls="--")
    for place, proposal in enumerate(spotted.proposals):
        if verdicts is None or verdicts.code[place] < 0:
            marker, colour = "?", GREY
        elif verdicts.code[place] == PASS:
            marker, colour = "kept", GREEN
        else:
            marker, colour = "removed", _RED
        axis.axvline(proposal.apex_s, color=colour, lw=0.9)
        axis.annotate(
            marker, (proposal.apex_s, 1.0), xycoords=("data", "axes fraction"), fontsize=7, color=colour,
            ha="center", va="bottom",
        )  # fmt: skip
    axis.set_ylim(bottom=0)
    axis.set_ylabel("|slope of the\nheart rate|, bpm/s")
