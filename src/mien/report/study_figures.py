"""Figures of a study: what it holds (as MMME's Figure 5), and how well its clocks fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mien.dataset.describe import Description
from mien.dataset.synchronise import SessionSync, StreamSync
from mien.report.canvas import BLUE, GREEN, GREY, ORANGE, subplots, svg


def description_figure(described: Description) -> str:
    """Emotions, three classes, people and durations, in the panels of MMME's Figure 5, as SVG text."""
    figure, axes = subplots(2, 2, width=9.5, height=6.6)
    _bars(axes[0, 0], "a  emotions", described.emotions)
    _bars(axes[0, 1], "b  three classes", described.three_classes)
    _people(axes[1, 0], described)
    _durations(axes[1, 1], described)
    figure.suptitle(described.title, fontsize=11)
    return svg(figure)


def _bars(axis: Any, title: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    words = list(counts)
    for shift, kind, colour in ((-0.2, "micro", BLUE), (0.2, "macro", GREY)):
        values = [counts[word][kind] for word in words]
        bars = axis.bar(
            np.arange(len(words)) + shift, values, 0.38, color=colour, label=f"{kind}-expressions"
        )
        axis.bar_label(bars, fontsize=7)
    axis.set_xticks(range(len(words)), words, rotation=30 if len(words) > 4 else 0, fontsize=8)
    axis.set_ylabel("expressions")
    axis.set_title(title, fontsize=10, loc="left")
    axis.margins(y=0.12)
    axis.legend(fontsize=8, frameon=False)


def _people(axis: Any, described: Description) -> None:
    rows = [
        ("participants", described.n_participants),
        *((f"sex {word}", n) for word, n in described.sex.items()),
        ("trials", described.n_trials),
        ("micro-expressions", described.n_micro),
        ("macro-expressions", described.n_macro),
    ]
    places = np.arange(len(rows))[::-1]
    bars = axis.barh(places, [max(n, 0) for _, n in rows], color=GREEN, height=0.6)
    axis.bar_label(bars, fontsize=8, padding=2)
    axis.set_yticks(places, [name for name, _ in rows], fontsize=8)
    axis.set_xscale("symlog", linthresh=10)
    axis.set_xlabel("number (logarithmic above 10)")
    axis.margins(x=0.15)
    axis.set_title("c  size", fontsize=10, loc="left")


def _durations(axis: Any, described: Description) -> None:
    own = described.duration_ms["micro"]
    rows = [("this study", own.mean, own.sd, BLUE)]
    rows += [(name, m, sd, GREY) for name, (m, sd, _) in described.other_duration_ms.items()]
    places = np.arange(len(rows))[::-1]
    for place, (_, centre, spread, colour) in zip(places, rows, strict=True):
        if math.isfinite(centre):
            axis.errorbar(
                centre,
                place,
                xerr=spread if math.isfinite(spread) else 0.0,
                fmt="o",
                color=colour,
                capsize=3,
            )
            label = f"{centre:.0f} ± {spread:.0f}" if math.isfinite(spread) else f"{centre:.0f}"
            axis.annotate(label, (centre, place), (0, 7), textcoords="offset points", ha="center", fontsize=8)
    axis.set_yticks(places, [name for name, *_ in rows], fontsize=8)
    axis.set_ylim(-0.6, len(rows) - 0.3)
    axis.axvline(500, color=ORANGE, lw=1, ls=":")
    axis.set_xlabel("micro, onset to offset, ms: mean and SD; dotted: 500 ms", fontsize=9)
    axis.set_xlim(left=0)
    axis.set_title(f"d  durations (n {own.n} with an observed offset)", fontsize=10, loc="left")


def sync_figure(fitted: SessionSync) -> str:
    """Residuals of every stream of one participant over time, and how late host stamps were, as SVG text."""
    figure, axes = subplots(3, 1, width=9.5, height=6.4)
    for axis, name, stream in (
        (axes[0], "polygraph against EEG", fitted.polygraph),
        (axes[1], "camera's computer against EEG", fitted.camera),
    ):
        _residuals(axis, name, stream)
    _lateness(axes[2], fitted)
    figure.suptitle(f"{fitted.participant_id}: residuals about the fitted clocks", fontsize=11)
    return svg(figure)


def _residuals(axis: Any, name: str, stream: StreamSync | None) -> None:
    if stream is None:
        axis.set_title(f"{name}: not recorded", fontsize=9, loc="left")
        axis.set_axis_off()
        return
    fit = stream.fit
    axis.axhline(0, color=GREY, lw=0.8)
    colour = BLUE if fit.verdict != "failed" else ORANGE
    axis.plot(np.arange(1, fit.residuals_ms.size + 1), fit.residuals_ms, "o", ms=4, color=colour)
    for border in np.cumsum([piece.residuals_ms.size for piece in fit.pieces])[:-1]:
        axis.axvline(border + 0.5, color=ORANGE, lw=1, ls="--")
    drifts = ", ".join(f"{piece.map.drift_ppm:.1f}" for piece in fit.pieces)
    counts = f"{len(stream.matched.pairs)} codes matched, {len(stream.matched.only_reference)} missing"
    title = f"{name}: {fit.verdict}, {counts}, drift {drifts} ppm"
    axis.set_title(title if fit.reason is None else f"{title} ({fit.reason})", fontsize=9, loc="left")
    axis.set(xlabel="matched code, in order; dashed: the clock stepped", ylabel="residual, ms")
    axis.xaxis.get_major_locator().set_params(integer=True)


def _lateness(axis: Any, fitted: SessionSync) -> None:
    if not fitted.clips:
        axis.set_title("frame stamps: not recorded", fontsize=9, loc="left")
        axis.set_axis_off()
        return
    for run, clip in fitted.clips.items():
        low, middle, high = np.percentile(clip.late_ms, [5, 50, 95])
        colour = BLUE if clip.accepted else ORANGE
        axis.plot([run, run], [low, high], color=colour, lw=2)
        axis.plot(run, middle, "o", ms=4, color=colour)
    good = sum(clip.accepted for clip in fitted.clips.values())
    axis.set_title(f"frame stamps: {good} of {len(fitted.clips)} clips fitted", fontsize=9, loc="left")
    axis.set(xlabel="run", ylabel="late by, ms\n(5, 50, 95 %)")
    axis.xaxis.get_major_locator().set_params(integer=True)
