"""What vision looks for in the sound: attention over speech around an apex, as in AMF-style methods.

A picture of log-mel levels or of a waveform can be turned back into a voice, and counts as one: it is drawn
only with consent for publication. For all others stay the attention and where there was speech: numbers over
time, nobody's voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval
from mien.dataset import may_leave
from mien.report.canvas import BLUE, GREEN, GREY, ORANGE, subplots, svg
from mien.signals.speech import SpeechWindow

_COLUMNS = 800  # of a waveform: more than a page can show
_RANGE_DB = 60.0  # of the colours, down from the loudest
_COLOURS = "Greys"
_UNHEARD = "#E6E6E2"


@dataclass(frozen=True, slots=True, eq=False)
class SpeechAttention:
    """What one answer drew from the sound.

    Parameters
    ----------
    name, participant
        Of the expression, and whose it is.
    recogniser, label, probability
        The method, its answer and how sure it is of it.
    attention
        Weights over the window's frames (n_frames,), adding up to 1; NaN where there is no speech.
    window
        The speech that was heard.
    apex_s
        On the master clock.
    bands_hz
        The centres of the bands, for the axis; None where they are not known.
    sound
        The recording, to draw its waveform; None without.
    consent_level
        The participant's; None counts as the strictest.
    """

    name: str
    participant: str
    recogniser: str
    label: str
    probability: float
    attention: FloatArray
    window: SpeechWindow
    apex_s: float
    bands_hz: FloatArray | None = None
    sound: Signal | None = None
    consent_level: int | None = None

    def __post_init__(self) -> None:
        if self.attention.shape != self.window.times_s.shape:
            raise DataError(
                f"attention of {self.name}",
                wanted=f"one weight for each of {self.window.times_s.size} frames",
                got=f"shape {self.attention.shape}",
                remedy="ask the recogniser about this window",
            )


def shows_voice(one: SpeechAttention) -> bool:
    """Whether the figure shows levels and waveform."""
    return may_leave("voice", one.consent_level)


def speech_attention_figure(one: SpeechAttention) -> str:
    """Waveform and log-mel levels with the spans of speech, and the attention under them, as SVG text.

    Without consent for publication there is the attention alone, with the spans of speech.
    """
    voice = shows_voice(one)
    rows = ["wave"] * (voice and one.sound is not None) + ["levels"] * voice + ["weights"]
    heights = {"wave": 0.9, "levels": 1.9, "weights": 1.2}
    figure, axes = subplots(
        len(rows),
        1,
        width=8.6,
        height=0.9 + sum(heights[row] for row in rows),
        sharex=True,
        squeeze=False,
        height_ratios=[heights[row] for row in rows],
    )
    draw = {"wave": _draw_wave, "levels": _draw_levels, "weights": _draw_weights}
    for row, axis in zip(rows, axes[:, 0], strict=True):
        draw[row](axis, one)
        axis.axvline(0.0, color=ORANGE, lw=1.2, ls="--")
        axis.tick_params(labelsize=8)
    edges = _edges(one)
    axes[-1, 0].set(xlim=(edges[0], edges[-1]))
    axes[-1, 0].set_xlabel("seconds from the apex (dashed)", fontsize=9)
    withheld = "" if voice else "; sound withheld: no publication consent"
    figure.suptitle(
        f"{one.name}: {one.label}, probability {one.probability:.2f}   ({one.recogniser}{withheld})",
        fontsize=10,
    )
    return svg(figure)


def _draw_wave(axis: Any, one: SpeechAttention) -> None:
    """The least and the most sample of every column."""
    assert one.sound is not None
    edges = _edges(one)
    part = one.sound.between(Interval(one.apex_s + edges[0], one.apex_s + edges[-1]))
    times = part.times_s - one.apex_s
    columns = np.array_split(np.arange(len(part)), min(_COLUMNS, max(len(part), 1)))
    columns = [column for column in columns if column.size]
    if columns:
        low, high = ([float(f(part.values[c])) for c in columns] for f in (np.nanmin, np.nanmax))
        axis.fill_between([times[c[0]] for c in columns], low, high, color="black", lw=0.3)
    _shade_unheard(axis, one)
    axis.set_ylabel("sound\n(full scale 1)", fontsize=8)
    _draw_spans(axis, one)


def _draw_levels(axis: Any, one: SpeechAttention) -> None:
    """Levels by band, the loudest black."""
    levels, edges = one.window.levels_db, _edges(one)
    most = float(np.nanmax(levels)) if one.window.heard.any() else 0.0
    image = axis.imshow(
        np.ma.masked_invalid(levels.T),
        extent=(edges[0], edges[-1], -0.5, levels.shape[1] - 0.5),
        origin="lower",
        aspect="auto",
        cmap=_COLOURS,
        vmin=most - _RANGE_DB,
        vmax=most,
        interpolation="nearest",
    )
    _shade_unheard(axis, one)
    if one.bands_hz is None:
        axis.set_ylabel("band", fontsize=8)
    else:
        shown = [hz for hz in (250, 500, 1000, 2000, 4000) if one.bands_hz[0] < hz < one.bands_hz[-1]]
        axis.set_yticks(np.interp(shown, one.bands_hz, np.arange(one.bands_hz.size)), list(map(str, shown)))
        axis.set_ylabel("Hz", fontsize=8)
    bar = axis.figure.colorbar(image, ax=axis, aspect=12, pad=0.01, fraction=0.05)
    unit = "dB, speech here 0" if one.window.relative else "dB of full scale"
    bar.set_label(unit, fontsize=7.5)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    _draw_spans(axis, one)


def _draw_weights(axis: Any, one: SpeechAttention) -> None:
    """Attention per frame, and what it would be if it were even."""
    edges, weights = _edges(one), one.attention
    axis.set_ylabel("attention\n(share per frame)", fontsize=8)
    if np.isfinite(weights).any():
        axis.stairs(np.nan_to_num(weights), edges, fill=True, color=BLUE)
        even = np.where(one.window.voiced, 1 / max(int(one.window.voiced.sum()), 1), np.nan)
        axis.step(one.window.times_s, even, where="mid", color="black", lw=1.0, label="if it were even")
        axis.set_ylim(0, 1.3 * max(float(np.nanmax(weights)), float(np.nanmax(even))))
        axis.legend(fontsize=7.5, frameon=False, loc="upper right")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
    else:
        words = {"no-sound": "no sound", "outside-recording": "outside the recording"}
        axis.text(
            0.5,
            0.5,
            f"nothing to listen to: {words.get(one.window.reason, 'no speech')}",
            transform=axis.transAxes,
            ha="center",
            va="center",
            color=GREY,
            fontsize=9,
        )
        axis.set_yticks([])
    _shade_unheard(axis, one)
    _draw_spans(axis, one)


def _draw_spans(axis: Any, one: SpeechAttention) -> None:
    """A green line on top where there is speech."""
    for start, end in _runs(one.window.voiced, _edges(one)):
        axis.plot([start, end], [1.0, 1.0], transform=axis.get_xaxis_transform(), color=GREEN, lw=4,
                  solid_capstyle="butt", clip_on=False)  # fmt: skip
    if one.window.voiced.any():
        axis.annotate("speech", (1.0, 1.0), (4, 0), xycoords="axes fraction", textcoords="offset points",
                      color=GREEN, fontsize=7.5, va="center", annotation_clip=False)  # fmt: skip


def _shade_unheard(axis: Any, one: SpeechAttention) -> None:
    for start, end in _runs(~one.window.heard, _edges(one)):
        axis.axvspan(start, end, color=_UNHEARD, lw=0, zorder=0.5)


def _edges(one: SpeechAttention) -> FloatArray:
    """Where the window's frames begin and end, (n_frames + 1,), seconds from the apex."""
    times = one.window.times_s
    half = (times[1] - times[0]) / 2 if times.size > 1 else 0.005
    return np.append(times - half, times[-1] + half)


def _runs(mask: NDArray[np.bool_], edges: FloatArray) -> list[tuple[float, float]]:
    """Start and end of every stretch that is True."""
    steps = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    starts, ends = edges[np.flatnonzero(steps == 1)], edges[np.flatnonzero(steps == -1)]
    return [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]
