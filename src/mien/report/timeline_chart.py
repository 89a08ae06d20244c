"""The timeline of a page: SVG that is whole by itself, and the series from which a script draws it anew.

Conventions: the drawing is `WIDTH` wide, its plot from `LEFT` to `WIDTH - RIGHT`; elements that stand for a
time carry it as `data-a` (and `data-b` where they span), seconds, so that the script only moves them. Micro-
and macro-expressions differ by colour and by row.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from mien.core.expression import Expression
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.report.apex_sheet import clock
from mien.spotting import Spotted

WIDTH, LEFT, RIGHT = 1000, 52, 28
SCORE_H, LANE_H, HEART_H, GAP, AXIS_H = 150, 20, 64, 10, 22
_POINTS = 2000  # of a drawn curve
_DENSE = 80  # expressions: more, and their bands and lines step back
_FULL = 65534  # of a value's 16 bits; one more means that there is none
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Chart:
    """A timeline: its SVG, the overview's, data for the script as JSON that is safe in HTML, its height."""

    svg: Markup
    overview: Markup
    data: Markup
    pixels: float


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """A curve in a panel: times (n,), values (n,) with NaN, the panel's top and height, values at both."""

    name: str
    label: str
    times_s: FloatArray
    values: FloatArray
    top: float
    height: float
    low: float
    high: float

    def y(self, value: float) -> float:
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def draw(
    spotted: Spotted,
    *,
    reference: Sequence[Expression] = (),
    heart_rate: Signal | None = None,
    heart_slope: Signal | None = None,
    passed: Sequence[bool | None] | None = None,
    ident: str = "v1",
) -> Chart:
    """The timeline of one spotted video.

    Parameters
    ----------
    reference
        Coded expressions, seconds of the video; one without an offset ends at its apex.
    heart_rate, heart_slope
        In bpm and bpm/s, seconds of the video.
    passed
        The filter's verdict on each proposal, None: undecided; None for all: not asked.
    ident
        Begins the names of elements; unique on a page.
    """
    begin, end = _span(spotted)
    series, height = _panels(spotted, heart_rate, heart_slope)
    lanes = _lane_top()
    x = _Across(begin, end)
    inside = [_unjudged(spotted, x, height, ident), _bands(spotted, x)]
    inside += [_curve(one, x) for one in series]
    inside += [_bars(spotted, reference, x, lanes, ident)]
    slope = next((one for one in series if one.name == "slope"), None)
    if passed is not None:
        inside.append(_verdicts(spotted, passed, x, (slope.top + 8) if slope else height - 8))
    css = "chart dense" if len(spotted.proposals) > _DENSE else "chart"
    parts = [
        f'<svg class="{css}" id="{ident}chart" viewBox="0 0 {WIDTH} {height + AXIS_H}" role="img" '
        f'aria-label="{escape(_told(spotted))}" preserveAspectRatio="none">',
        f'<defs><clipPath id="{ident}clip"><rect class="plot" x="{LEFT}" y="0" '
        f'width="{WIDTH - LEFT - RIGHT}" height="{height + AXIS_H}"/></clipPath>'
        f'<pattern id="{ident}hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#ECEEF0"/>'
        '<rect width="2" height="6" fill="#C3C8CE"/></pattern></defs>',
        *_frames(series, lanes),
        f'<g clip-path="url(#{ident}clip)">',
        *inside,
        "</g>",
        _ticks(x, height),
        f'<line class="cursor" y1="0" y2="{height:g}" visibility="hidden"/>',
        "</svg>",
    ]
    data = _data(spotted, series, height, begin, end)
    return Chart(Markup("".join(parts)), _overview(spotted, x), data, height + AXIS_H)


@dataclass(frozen=True, slots=True)
class _Across:
    """From seconds to the drawing's x."""

    begin_s: float
    end_s: float

    def __call__(self, at_s: float) -> float:
        width = WIDTH - LEFT - RIGHT
        return round(LEFT + width * (at_s - self.begin_s) / (self.end_s - self.begin_s), 2)


def _span(spotted: Spotted) -> tuple[float, float]:
    """Where the video begins and ends; files may begin a little before or after 0."""
    known = [*spotted.curve_s[:1].tolist(), *(one.span.start_s for one in spotted.not_judged[:1])]
    begin = min(known, default=0.0)
    begin = begin if begin < 0 or begin > 1 else 0.0
    return begin, max(begin + spotted.duration_s, begin + 0.01)


def _panels(
    spotted: Spotted, heart_rate: Signal | None, heart_slope: Signal | None
) -> tuple[list[_Series], float]:
    """The curves, each in its panel, and the height of all panels and rows."""
    known = spotted.curve[np.isfinite(spotted.curve)]
    most = max(2.0, float(known.max(initial=0.0)) * 1.08)
    found = [_Series("score", "score", spotted.curve_s, spotted.curve, 6.0, SCORE_H - 6.0, 0.0, most)]
    height = float(_lane_top() + 2 * LANE_H)
    for name, label, signal in (("rate", "bpm", heart_rate), ("slope", "bpm/s", heart_slope)):
        if signal is not None and np.isfinite(signal.values).any():
            low, high = float(np.nanmin(signal.values)), float(np.nanmax(signal.values))
            room = max(0.1 * (high - low), 0.5)
            found.append(
                _Series(
                    name, label, signal.times_s, signal.values, height + GAP, HEART_H, low - room, high + room
                )
            )
            height += GAP + HEART_H
    return found, height


def _lane_top() -> int:
    return SCORE_H + 6


def _frames(series: Sequence[_Series], lanes: int) -> list[str]:
    """Panels' lines and names, and the threshold."""
    right = WIDTH - RIGHT
    parts = []
    for one in series:
        bottom = one.top + one.height
        parts.append(f'<line class="rule wide" x1="{LEFT}" x2="{right}" y1="{bottom:g}" y2="{bottom:g}"/>')
        marks = (1.0, one.high / 1.08) if one.name == "score" else (one.low, one.high)
        for value in marks if one.name != "slope" or not one.low < 0 < one.high else (*marks, 0.0):
            near = abs(value) < 10 and one.name != "rate"
            y = min(max(one.y(value) + 4, one.top + 9), bottom)
            parts.append(f'<text class="y" x="{LEFT - 5}" y="{y:.1f}">{value:.{1 if near else 0}f}</text>')
        middle = one.top + one.height / 2
        parts.append(
            f'<text class="name" transform="translate(11 {middle:.1f}) rotate(-90)">{one.label}</text>'
        )
        if one.name == "slope" and one.low < 0 < one.high:
            parts.append(
                f'<line class="zero wide" x1="{LEFT}" x2="{right}" y1="{one.y(0):.1f}" y2="{one.y(0):.1f}"/>'
            )
    y = series[0].y(1.0)
    parts.append(f'<line class="threshold wide" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for row, name in enumerate(("micro", "macro")):
        parts.append(f'<text class="y" x="{LEFT - 5}" y="{lanes + row * LANE_H + 14}">{name}</text>')
    return parts


def _unjudged(spotted: Spotted, x: _Across, height: float, ident: str) -> str:
    parts = []
    for one in spotted.not_judged:
        start, end = one.span.start_s, one.span.end_s
        parts.append(
            f'<rect class="un" data-a="{start:.4f}" data-b="{end:.4f}" x="{x(start)}" y="0" '
            f'width="{max(x(end) - x(start), 0.5):.2f}" height="{height:g}" fill="url(#{ident}hatch)">'
            f"<title>not judged, {clock(start)} to {clock(end)}: {escape(one.reason)}</title></rect>"
        )
    return "".join(parts)


def _bands(spotted: Spotted, x: _Across) -> str:
    """Proposals behind the score: their span, and a line at the apex."""
    parts = []
    for one in spotted.proposals:
        start, apex, end = x(one.onset_s), x(one.apex_s), x(one.offset_s)
        parts.append(
            f'<rect class="band {one.kind}" data-a="{one.onset_s:.4f}" data-b="{one.offset_s:.4f}" '
            f'x="{start}" y="0" width="{max(end - start, 1):.2f}" height="{SCORE_H}"/>'
            f'<line class="apex {one.kind}" data-a="{one.apex_s:.4f}" x1="{apex}" x2="{apex}" '
            f'y1="0" y2="{_lane_top() + 2 * LANE_H}"/>'
        )
    return "".join(parts)


def _bars(spotted: Spotted, reference: Sequence[Expression], x: _Across, lanes: int, ident: str) -> str:
    """Rows of micro- and macro-expressions: proposals above, what was coded below."""
    parts = []
    for k, one in enumerate(spotted.proposals, start=1):
        y = lanes + (0 if one.kind == "micro" else LANE_H) + 3
        words = f"{k}: {one.kind}, apex {clock(one.apex_s)}, score {one.score:.2f}, {', '.join(one.regions)}"
        parts.append(
            f'<a href="#{ident}p{k}">{_bar("bar", one.kind, one.onset_s, one.offset_s, y, 9, x, words)}</a>'
        )
    for coded in reference:
        end = next(at for at in (coded.offset_s, coded.apex_s, coded.onset_s) if at is not None)
        for kind in (coded.kind,) if coded.kind else ("micro", "macro"):
            y = lanes + (0 if kind == "micro" else LANE_H) + 14
            words = f"coded: {coded.kind or 'kind not known'}, {clock(coded.onset_s)} to {clock(end)}"
            parts.append(_bar("coded", kind, coded.onset_s, end, y, 4, x, words))
    return "".join(parts)


def _bar(css: str, kind: str, start: float, end: float, y: int, height: int, x: _Across, words: str) -> str:
    return (
        f'<rect class="{css} {kind}" data-a="{start:.4f}" data-b="{end:.4f}" x="{x(start)}" y="{y}" '
        f'width="{max(x(end) - x(start), 3):.2f}" height="{height}"><title>{escape(words)}</title></rect>'
    )


def _verdicts(spotted: Spotted, passed: Sequence[bool | None], x: _Across, y: float) -> str:
    """At each apex: a filled triangle (kept), a cross (removed), a ring (undecided)."""
    shapes = {True: ("pass", "M-5 4L0 -5L5 4Z"), False: ("fail", "M-4 -4L4 4M4 -4L-4 4"),
              None: ("open", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0")}  # fmt: skip
    return "".join(
        f'<path class="verdict {shapes[went][0]}" data-a="{one.apex_s:.4f}" data-y="{y:g}" '
        f'transform="translate({x(one.apex_s)} {y:g})" d="{shapes[went][1]}"/>'
        for one, went in zip(spotted.proposals, passed, strict=True)
    )


def _curve(one: _Series, x: _Across) -> str:
    times, values = _thinned(one.times_s, one.values)
    path, pen = [], "M"
    for at, value in zip(times, values, strict=True):
        if np.isnan(value):
            pen = "M"
        else:
            path.append(f"{pen}{x(at):.1f} {one.y(value):.1f}")
            pen = "L"
    return f'<path class="curve {one.name}" d="{"".join(path)}"/>'


def _thinned(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The highest of every few samples, where there are more than can be drawn; gaps stay."""
    by = len(times) // _POINTS + 1
    if by == 1:
        return times, values
    n = len(times) // by * by
    every = np.asarray(values[:n], dtype=np.float64).reshape(-1, by)
    highest = np.where(np.isnan(every), -np.inf, every).max(axis=1)
    return times[:n:by], np.where(np.isinf(highest), np.nan, highest)


def _ticks(x: _Across, height: float) -> str:
    span = x.end_s - x.begin_s
    step = next((one for one in _STEPS_S if span / one <= 10), _STEPS_S[-1])
    first = np.ceil(x.begin_s / step - 1e-9) * step
    parts = [f'<g class="ticks" data-y="{height:g}">']
    for at in np.arange(first, x.end_s + 1e-9, step):
        words = clock(float(at)).removesuffix(".000") if step >= 1 else clock(float(at))[:-2]
        parts.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{height:g}" y2="{height + 4:g}"/>'
            f'<text x="{x(at)}" y="{height + 16:g}">{words}</text>'
        )
    return "".join([*parts, "</g>"])


def _overview(spotted: Spotted, x: _Across) -> Markup:
    """The whole video on a strip as wide as the plot, on which the script marks what is shown."""
    bars: Iterable[str] = (
        f'<rect class="bar {one.kind}" x="{_on_strip(x, one.onset_s):.2f}" '
        f'y="{3 if one.kind == "micro" else 12}" '
        f'width="{max(_on_strip(x, one.offset_s) - _on_strip(x, one.onset_s), 1.5):.2f}" height="7"/>'
        for one in spotted.proposals
    )
    spans = (
        f'<rect class="un" x="{_on_strip(x, one.span.start_s):.2f}" y="0" fill="#D9DEE4" height="22" '
        f'width="{max(_on_strip(x, one.span.end_s) - _on_strip(x, one.span.start_s), 0.5):.2f}"/>'
        for one in spotted.not_judged
    )
    return Markup(
        f'<svg class="overview" viewBox="0 0 {WIDTH} 22" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="paper" width="{WIDTH}" height="22"/>'
        + "".join([*spans, *bars])
        + f'<rect class="window" x="0" y="0.75" width="{WIDTH}" height="20.5"/></svg>'
    )


def _on_strip(x: _Across, at_s: float) -> float:
    return WIDTH * (at_s - x.begin_s) / (x.end_s - x.begin_s)


def _told(spotted: Spotted) -> str:
    return (
        f"Score over time with {len(spotted.proposals)} expressions and {len(spotted.not_judged)} spans that "
        "were not judged; the tables below list them."
    )


def _data(spotted: Spotted, series: Sequence[_Series], height: float, begin: float, end: float) -> Markup:
    content: dict[str, Any] = {
        "begin": round(begin, 4),
        "end": round(end, 4),
        "left": LEFT,
        "right": RIGHT,
        "height": height,
        "axis": AXIS_H,
        "series": [_packed(one) for one in series],
        "proposals": [
            [round(at, 4) for at in (one.onset_s, one.apex_s, one.offset_s)] for one in spotted.proposals
        ],
    }
    # No sign in it ends the element that it stands in.
    return Markup(json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def _packed(one: _Series) -> dict[str, Any]:
    """Values as 16 bits of the panel's range; times as start and step where these say them to 1 ms."""
    share = (np.asarray(one.values, dtype=np.float64) - one.low) / (one.high - one.low)
    bits = np.where(np.isnan(share), _FULL + 1, np.rint(np.nan_to_num(share).clip(0, 1) * _FULL))
    n = len(one.times_s)
    start, last = (float(one.times_s[k]) for k in (0, -1)) if n else (0.0, 0.0)
    step = (last - start) / (n - 1) if n > 1 else 1.0
    even = n == 0 or float(np.abs(one.times_s - (start + step * np.arange(n))).max()) <= 1e-3
    times: Any = [start, step] if even else _coded(np.rint((one.times_s - start) * 1e3), "<u4")
    return {
        "name": one.name,
        "unit": one.label,
        "start": start,
        "times": times,
        "values": _coded(bits, "<u2"),
        "top": one.top,
        "height": one.height,
        "low": one.low,
        "high": one.high,
    }


def _coded(values: FloatArray, kind: str) -> str:
    return base64.b64encode(np.asarray(values).astype(kind).tobytes()).decode()
