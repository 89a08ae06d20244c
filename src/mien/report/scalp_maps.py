"""One map of the scalp per component: which were taken out and why, which look like muscle and stayed.

Maps are seen from above, nose up; red and blue are the two signs, each map scaled to its own largest value.
What ICA finds of a brain is a trace: no face and no voice is in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.core.errors import OptionError
from mien.core.time import FloatArray
from mien.report.canvas import BLUE, GREY, ORANGE, subplots, svg
from mien.signals.eeg.adjust import polar
from mien.signals.eeg.cleaned import CleanedSession
from mien.signals.eeg.montage import standard_positions

COLUMNS = 8
_GRID = 40
_HEAD_R = 0.5  # EEGLAB's polar radius of the equator
_SEEN_R = 0.56  # a little below the equator, where F9 or TP9 sit


def component_figure(session: CleanedSession, *, most: int = 64) -> str:
    """Every component's map in falling order of variance, as SVG text; at most `most` of them.

    An orange frame: taken out, with what it was taken for. A blue frame: looks like muscle, and stayed.

    Raises
    ------
    OptionError
        If the session has no components, or channels without a position.
    """
    components, decisions = session.components, session.decisions
    if components is None or decisions is None:
        raise OptionError(
            "figure of components",
            wanted="a session with components",
            got="none",
            remedy="its notes say why; clean it with the method adjust, iclabel or eog",
        )
    places = standard_positions(components.channels)
    if not np.isfinite(places).all():
        raise OptionError(
            "figure of components",
            wanted="a position for every channel",
            got="labels without one",
            remedy="give channels their standard names",
        )
    theta, radius = polar(places)
    x, y = radius * np.sin(np.radians(theta)), radius * np.cos(np.radians(theta))
    n = min(components.maps.shape[1], most)
    rows = -(-n // COLUMNS)
    figure, axes = subplots(rows, COLUMNS, width=10.5, height=0.9 + 1.72 * rows, squeeze=False)
    for number, axis in enumerate(axes.reshape(-1)):
        axis.set_axis_off()
        if number < n:
            _head(axis, x, y, components.maps[:, number])
            goes = number in decisions.removed
            _words(
                axis, number, float(components.variance_share[number]), goes, list(decisions.kinds[number])
            )
    flagged = 0 if decisions.muscle is None else int((decisions.muscle.flagged[:n]).sum())
    out = int((decisions.removed < n).sum())
    stay = sum(
        decisions.muscle is not None and decisions.muscle.flagged[k] and k not in decisions.removed
        for k in range(n)
    )
    figure.suptitle(
        f"{n} components of the EEG, largest first: {out} taken out (orange), "
        f"{flagged} like muscle, {stay} of them kept (blue)",
        fontsize=11,
    )
    return svg(figure)


def _words(axis: Any, number: int, share: float, goes: bool, kinds: list[str]) -> None:
    from matplotlib.patches import Rectangle

    muscle = "muscle-like" in kinds
    colour = ORANGE if goes else BLUE if muscle else "black"
    axis.set_title(f"{number}: {share:.1%}", fontsize=8, color=colour, pad=2)
    if goes or muscle:
        word = "out" if goes else "kept"
        lines = [f"{word}: {kinds[0]}", *(f"and {kind}" for kind in kinds[1:])] if kinds else [word]
        axis.text(0, -0.71, "\n".join(lines[:3]), ha="center", va="top", fontsize=6.5, color=colour)
        axis.add_patch(Rectangle((-0.68, -0.68), 1.36, 1.38, fill=False, ec=colour, lw=1.5))


def _head(axis: Any, x: FloatArray, y: FloatArray, values: FloatArray) -> None:
    from matplotlib.patches import Circle
    from scipy.interpolate import RBFInterpolator

    side = np.linspace(-_SEEN_R, _SEEN_R, _GRID)
    at = np.stack(np.meshgrid(side, side), axis=-1)
    smooth = RBFInterpolator(np.column_stack([x, y]), values, kernel="thin_plate_spline")
    seen = smooth(at.reshape(-1, 2)).reshape(_GRID, _GRID)
    limit = float(np.abs(values).max()) or 1.0
    extent = (-_SEEN_R, _SEEN_R, -_SEEN_R, _SEEN_R)
    picture = axis.imshow(seen, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit)
    picture.set_clip_path(Circle((0, 0), _SEEN_R, transform=axis.transData))
    axis.contour(side, side, seen, levels=[0.0], colors="white", linewidths=0.6).set_clip_path(
        Circle((0, 0), _SEEN_R, transform=axis.transData)
    )
    turn = np.linspace(0, 2 * np.pi, 60)
    axis.plot(_HEAD_R * np.sin(turn), _HEAD_R * np.cos(turn), color=GREY, lw=0.8)
    axis.plot([-0.06, 0, 0.06], [0.497, 0.57, 0.497], color=GREY, lw=0.8)
    axis.plot(x, y, ".", ms=1, color="black")
    axis.set(xlim=(-0.72, 0.72), ylim=(-1.0, 0.72), aspect="equal")
