"""Clips by valence and arousal: every rated clip, the selected ones filled, a shape and a colour by emotion.

Figures are SVG text that takes its ink from the page (`currentColor`) and has no ground of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from mien.core.labels import SEVEN_EMOTIONS
from mien.elicitation.ratings import HIGH, LOW
from mien.elicitation.selection import RatedClip
from mien.report.canvas import subplots, svg

ENDS = {"valence": ("very unpleasant", "very pleasant"), "arousal": ("very calm", "very excited")}
"""Words at the ends of the scales, as the raters' page has them."""

# Okabe and Ito's colours, each with its own shape: neither is needed to read the other.
_MARKS = dict(
    zip(
        SEVEN_EMOTIONS,
        (("#E69F00", "o"), ("#56B4E9", "^"), ("#0072B2", "s"), ("#D55E00", "D"), ("#009E73", "P"),
         ("#CC79A7", "v"), ("#8a8a8a", "X")),
        strict=True,
    )
)  # fmt: skip
_OTHER_MARKS = (("#999900", "<"), ("#7b3294", ">"), ("#a6611a", "p"), ("#444444", "h"))
_INK = "#000000"
_GREY = "#8a8a8a"


def plane_figure(clips: Sequence[RatedClip], selected: Collection[str]) -> str:
    """All clips that have a place on the plane, with a legend that counts them."""
    figure, ((axis,),) = subplots(1, 1, width=9.0, height=6.4, squeeze=False)
    _plane(axis, size=10)
    for emotion in emotions_of(clips):
        own = [clip for clip in clips if clip.target == emotion]
        taken = [clip for clip in own if clip.name in selected]
        colour, shape = mark_of(emotion, emotions_of(clips))
        _points(axis, [c for c in own if c.name not in selected], shape, size=20, edge=colour, alpha=0.55)
        label = f"{emotion or 'no target'}: {len(taken)} of {len(own)}"
        _points(axis, taken, shape, size=62, edge=_INK, fill=colour, label=label)
    axis.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=10, labelcolor=_INK,
        title="selected (filled)\nof rated clips", title_fontsize=10, alignment="left",
    )  # fmt: skip
    return _for_page(figure)


def emotion_figure(clips: Sequence[RatedClip], selected: Collection[str]) -> str:
    """The same once for each emotion: its clips over all others."""
    emotions = [emotion for emotion in emotions_of(clips) if emotion]
    columns = min(4, max(1, len(emotions)))
    rows = -(-len(emotions) // columns)
    figure, axes = subplots(rows, columns, width=9.0, height=0.5 + 2.35 * rows, squeeze=False)
    for place, axis in enumerate(axes.ravel()):
        if place >= len(emotions):
            axis.set_visible(False)
            continue
        _plane(axis, size=8, words=False)
        emotion = emotions[place]
        own = [clip for clip in clips if clip.target == emotion]
        colour, shape = mark_of(emotion, emotions)
        _points(axis, [c for c in clips if c.target != emotion], ".", size=4, edge=_GREY, alpha=0.4)
        _points(axis, [c for c in own if c.name not in selected], shape, size=18, edge=colour)
        taken = [clip for clip in own if clip.name in selected]
        _points(axis, taken, shape, size=44, edge=_INK, fill=colour)
        axis.set_title(f"{emotion} ({len(taken)} of {len(own)})", fontsize=10, loc="left")
        if place % columns == 0:
            axis.set_ylabel("arousal", fontsize=9)
        if place + columns >= len(emotions):
            axis.set_xlabel("valence", fontsize=9)
    return _for_page(figure)


def emotions_of(clips: Sequence[RatedClip]) -> list[str | None]:
    """The seven in their order, then others by name, then clips without a target (None)."""
    there = {clip.target for clip in clips}
    others = sorted(word for word in there if word is not None and word not in SEVEN_EMOTIONS)
    found: list[str | None] = [*(word for word in SEVEN_EMOTIONS if word in there), *others]
    return [*found, None] if None in there else found


def mark_of(emotion: str | None, emotions: Sequence[str | None]) -> tuple[str, str]:
    """Colour and shape of an emotion; those that are none of the seven go by their place among `emotions`."""
    if emotion is None:
        return _GREY, "."
    others = [word for word in emotions if word is not None and word not in _MARKS]
    return _MARKS.get(emotion) or _OTHER_MARKS[others.index(emotion) % len(_OTHER_MARKS)]


def _plane(axis: Any, *, size: int, words: bool = True) -> None:
    middle = (LOW + HIGH) / 2
    axis.axvline(middle, color=_GREY, lw=0.8, ls=":")
    axis.axhline(middle, color=_GREY, lw=0.8, ls=":")
    axis.set_xlim(LOW - 0.2, HIGH + 0.2)
    axis.set_ylim(LOW - 0.2, HIGH + 0.2)
    ticks = range(LOW, HIGH + 1) if words else (LOW, int(middle), HIGH)
    axis.tick_params(labelsize=size)
    axis.set_xticks(list(ticks), [_tick(n, "valence", words) for n in ticks])
    axis.set_yticks(list(ticks), [_tick(n, "arousal", words) for n in ticks])
    if words:
        axis.set_xlabel("valence, mean over raters", fontsize=size)
        axis.set_ylabel("arousal, mean over raters", fontsize=size)


def _tick(number: int, scale: str, words: bool) -> str:
    low, high = ENDS[scale]
    word = low if number == LOW else high if number == HIGH else ""
    if not (words and word):
        return str(number)
    return f"{number}\n{word}" if scale == "valence" else f"{word}  {number}"


def _points(
    axis: Any,
    clips: Sequence[RatedClip],
    shape: str,
    *,
    size: float,
    edge: str,
    fill: str | None = None,
    alpha: float = 1.0,
    label: str | None = None,
) -> None:
    at = np.array([(clip.valence, clip.arousal) for clip in clips], dtype=np.float64).reshape(-1, 2)
    axis.scatter(
        at[:, 0], at[:, 1], s=size, marker=shape, edgecolors=edge, linewidths=0.9, alpha=alpha, label=label,
        facecolors="none" if fill is None else fill,
    )  # fmt: skip


def _for_page(figure: Any) -> str:
    """The figure without ground, its black in the colour of the page's text."""
    figure.patch.set_alpha(0.0)
    for axis in figure.axes:
        axis.patch.set_alpha(0.0)
    text = svg(figure).replace(f"stroke: {_INK}", "stroke: currentColor")
    text = text.replace(f"fill: {_INK}", "fill: currentColor")
    # Letters have no colour of their own unless one is set: then they are black.
    return re.sub(r"<text style=\"", '<text fill="currentColor" style="', text)
