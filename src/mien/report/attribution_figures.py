"""Pictures of explanations, as in MMME's Figure 11: heat over the apex frame, and the action units under it.

The face is drawn only if the participant allowed publication. For all others the heat lies on a neutral
template: lines between the landmarks of an average face, nobody's picture. Files hold pixels and nothing
else; their names are those of the expressions.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.records import Json, write_atomically
from mien.core.time import FloatArray
from mien.dataset import may_leave
from mien.experiments.explain import Explanation
from mien.report.canvas import BLUE, GREY, subplots

N_REGIONS = 5
"""Action units that are named beside a picture."""

MOST_COLUMNS = 6
"""Expressions in a row of the contact sheet."""

METHOD_WORDS = {"grad-cam": "Grad-CAM", "integrated-gradients": "integrated gradients"}
NO_HEAT = "no place speaks for this class"

# Perceptually uniform, told apart without colour vision, far from skin and paper in its upper half.
_COLOURS = "viridis"
_PAPER, _INK = "#F4F4F2", "#555555"
_STRONGEST = 0.78  # opacity of the most heat: the face stays visible under it
_FINE_PX = 256  # side on which heat is drawn
_SMALL_PX = 128  # on a contact sheet
_SMOOTH = 0.024  # of the side: heat of single pixels becomes readable


@dataclass(frozen=True, slots=True)
class Drawn:
    """An explanation's picture: where it is, and whether it shows the face or the template."""

    explanation: Explanation
    picture: Path
    shows: Literal["face", "template"]

    def as_json(self) -> dict[str, Json]:
        """What programs need to know of it, without arrays."""
        one = self.explanation
        return {
            "name": one.name,
            "picture": str(self.picture),
            "shows": self.shows,
            "recogniser": one.recogniser,
            "method": one.method,
            "label": one.label,
            "probability": one.probability,
            "regions": [{"name": r.name, "share": r.share, "even": r.even} for r in one.regions],
        }


def write_explanations(explanations: Sequence[Explanation], folder: Path) -> list[Drawn]:
    """One PNG for every explanation, in its order, named after the expression."""
    drawn, taken = [], set[str]()
    for one in explanations:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", one.name).strip(".-") or "expression"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        path = folder / f"{name}.png"
        write_atomically(path, explanation_png(one))
        drawn.append(Drawn(one, path, shown_of(one)))
    return drawn


def write_contact_sheet(explanations: Sequence[Explanation], path: Path) -> Path | None:
    """All explanations on one PNG: a row for each class, or for each method where several answered.

    In a row of a class stand the expressions of which the model is surest, at most six; where methods are
    compared, the first six expressions in the same order in every row. None if there is nothing to draw.
    """
    if not explanations:
        return None
    write_atomically(path, contact_sheet_png(explanations))
    return path


def shown_of(explanation: Explanation) -> Literal["face", "template"]:
    """Whether the participant's face may be drawn, and there is one."""
    # Heat keeps a face's layout, so it may leave as "face" only; on the template alone it may leave for all:
    # there it lies on an average face, and what it shows is where a model looks.
    allowed = may_leave("face", explanation.consent_level)
    return "face" if allowed and explanation.face is not None else "template"


def explanation_png(explanation: Explanation) -> bytes:
    """Heat with its colour bar at the left, the action units that carry most of it at the right."""
    figure, (face, units) = subplots(1, 2, width=7.6, height=3.9, width_ratios=(1.0, 1.12))
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    _draw_face(face, explanation)
    if explanation.heat.any():
        _colour_bar(figure, face)
    _draw_units(units, explanation)
    how = f"{explanation.recogniser}, {METHOD_WORDS[explanation.method]}"
    figure.suptitle(f"{explanation.label}, probability {explanation.probability:.2f}   ({how})", fontsize=10)
    return _png(figure)


def contact_sheet_png(explanations: Sequence[Explanation]) -> bytes:
    """See `write_contact_sheet`."""
    rows = _rows(explanations)
    n_columns = max(len(row) for _, row in rows)
    figure, axes = subplots(
        len(rows),
        n_columns,
        width=max(4.6, 0.5 + 1.75 * n_columns),
        height=0.95 + 2.15 * len(rows),
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for (title, row), line in zip(rows, axes, strict=True):
        for one, axis in zip(row, line, strict=False):
            _draw_face(axis, one, small=True)
        # The axis itself is off: its label would not be drawn.
        line[0].text(
            -0.09, 0.5, title, rotation=90, transform=line[0].transAxes, ha="right", va="center", fontsize=10
        )
    withheld = any(not may_leave("face", one.consent_level) for _, row in rows for one in row)
    if any(one.heat.any() for _, row in rows for one in row):
        _colour_bar(figure, axes, location="bottom", shrink=min(1.0, 2.0 / n_columns))
    note = "; line faces: neutral template (no publication consent)" if withheld else ""
    methods = dict.fromkeys(METHOD_WORDS[one.method] for _, row in rows for one in row)
    figure.suptitle(f"{', '.join(methods)}{note}", fontsize=9, color=_INK)
    return _png(figure)


def _rows(explanations: Sequence[Explanation]) -> list[tuple[str, list[Explanation]]]:
    by_recogniser: dict[str, list[Explanation]] = {}
    for one in explanations:
        by_recogniser.setdefault(one.recogniser, []).append(one)
    if len(by_recogniser) > 1:
        names = list(dict.fromkeys(one.name for one in explanations))[:MOST_COLUMNS]
        return [
            (title, [one for name in names for one in row if one.name == name])
            for title, row in by_recogniser.items()
        ]
    by_label: dict[str, list[Explanation]] = {}
    for one in sorted(explanations, key=lambda one: (one.label, -one.probability, one.name)):
        by_label.setdefault(one.label, []).append(one)
    return [
        (f"{label}\n{MOST_COLUMNS} of {len(row)}" if len(row) > MOST_COLUMNS else label, row[:MOST_COLUMNS])
        for label, row in by_label.items()
    ]


def _draw_face(axis: Any, one: Explanation, *, small: bool = False) -> None:
    """The face or the template, heat over it, a line where heat is half of the most."""
    from matplotlib import colormaps

    axis.set_axis_off()
    extent = (0.0, 1.0, 1.0, 0.0)  # left, right, bottom, top: edges of the picture
    shown = shown_of(one)
    if shown == "face":
        assert one.face is not None
        axis.imshow(_greyed(one.face), extent=extent, interpolation="bicubic")
    else:
        axis.imshow(np.full((1, 1, 3), _rgb(_PAPER)), extent=extent)
    heat = fine_heat(one.heat, _SMALL_PX if small else _FINE_PX)
    if heat.any():
        colours = colormaps[_COLOURS](heat)
        colours[..., 3] = _STRONGEST * np.clip(heat / 0.6, 0.0, 1.0)
        axis.imshow(colours, extent=extent, interpolation="bilinear")
    if shown == "template":
        for curve in template_curves((one.landmarks + 0.5) / np.array(one.heat.shape[::-1])):
            axis.plot(*curve.T, color=_INK, lw=0.9 if small else 1.3, solid_capstyle="round")
    if heat.any():
        at = (np.arange(len(heat)) + 0.5) / len(heat)
        axis.contour(at, at, heat, levels=[0.5], colors=["white"], linewidths=[1.6 if small else 2.4])
        axis.contour(at, at, heat, levels=[0.5], colors=["black"], linewidths=[0.6 if small else 0.9])
    axis.set(xlim=(0, 1), ylim=(1, 0), aspect="equal")
    below = [] if heat.any() else [NO_HEAT]
    if small:
        below.insert(0, f"{_shortened(one.name)}\n{one.label} {one.probability:.2f}")
    elif shown == "template":
        why = "no publication consent" if not may_leave("face", one.consent_level) else "no picture"
        below.insert(0, f"neutral template ({why})")
    if below:
        axis.text(
            0.5,
            -0.03,
            "\n".join(below),
            transform=axis.transAxes,
            ha="center",
            va="top",
            color=_INK,
            fontsize=6.5 if small else 8,
        )


def _draw_units(axis: Any, one: Explanation) -> None:
    """Bars of the shares, with a tick where heat without preference would end."""
    best = [region for region in one.regions if region.share > region.even][:N_REGIONS]
    axis.spines[["left"]].set_visible(False)
    axis.set_yticks([])
    if not best:
        axis.set_axis_off()
        why = "no action unit carries more than its even share" if one.heat.any() else NO_HEAT
        axis.text(0.5, 0.5, why, ha="center", va="center", color=_INK, fontsize=9)
        return
    for place, region in enumerate(best):
        axis.barh(place, region.share, height=0.34, color=BLUE)
        axis.plot([region.even] * 2, [place - 0.25, place + 0.25], color="black", lw=1.4)
        axis.text(0.0, place - 0.3, region.name, ha="left", va="bottom", fontsize=8.5)
        axis.annotate(
            f"{region.share:.0%}",
            (max(region.share, region.even), place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    most = max(max(region.share, region.even) for region in best)
    axis.set(ylim=(len(best) - 0.5, -0.85), xlim=(0, 1.2 * most))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.tick_params(labelsize=8, colors=_INK)
    axis.set_xlabel("share of the heat; black: if it were even\n(units share parts of the face)", fontsize=8)
    axis.spines["bottom"].set_color(GREY)


def _colour_bar(figure: Any, axes: Any, *, location: str = "left", shrink: float = 0.7) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(0, 1), colormaps[_COLOURS])
    bar = figure.colorbar(
        scale, ax=axes, location=location, shrink=shrink, aspect=22, pad=0.04, ticks=[0, 0.5, 1]
    )
    bar.set_label("heat, share of the most", fontsize=7.5)
    bar.ax.tick_params(labelsize=7.5)
    (bar.ax.axhline if location == "left" else bar.ax.axvline)(0.5, color="black", lw=0.9)
    bar.outline.set_visible(False)


def fine_heat(heat: FloatArray, side: int = _FINE_PX) -> FloatArray:
    """Heat as it is drawn: (side, side) pixels, smoothed, its most being 1; zeros if there is none."""
    from scipy.ndimage import gaussian_filter, zoom

    factors = [side / length for length in heat.shape]
    fine = zoom(heat, factors, order=1, mode="nearest", grid_mode=True)
    fine = gaussian_filter(fine, _SMOOTH * side, mode="nearest")
    most = float(fine.max())
    return np.asarray(fine / most if most > 0 else np.zeros_like(fine))


def template_curves(landmarks: FloatArray) -> list[FloatArray]:
    """The line drawing of a face through 68 landmarks, (68, 2), as curves (k, 2) in their unit.

    Outline with forehead, brows, bridge and wings of the nose, eyes, lips. The forehead, which has no
    landmarks, is half an ellipse above the outline's ends.
    """
    p = np.asarray(landmarks, dtype=np.float64)
    middle, half = (p[0] + p[16]) / 2, (p[16] - p[0]) / 2
    up = np.array([half[1], -half[0]])
    angle = np.linspace(0.0, np.pi, 60)[:, None]
    forehead = middle - np.cos(angle) * half + np.sin(angle) * up * 1.02
    curves = [_smooth(p[:17]), forehead, _smooth(p[17:22]), _smooth(p[22:27]), _smooth(p[27:31])]
    curves.append(_smooth(p[31:36]))
    for first in (36, 42):  # corners stay sharp: upper and lower lid are curves of their own
        curves.append(_smooth(p[[first, first + 1, first + 2, first + 3]]))
        curves.append(_smooth(p[[first + 3, first + 4, first + 5, first]]))
    curves += [_smooth(p[48:55]), _smooth(p[[54, 55, 56, 57, 58, 59, 48]])]
    # The line between closed lips.
    curves.append(_smooth(np.vstack([p[48], (p[[61, 62, 63]] + p[[67, 66, 65]]) / 2, p[54]])))
    return curves


def _smooth(points: FloatArray) -> FloatArray:
    """A cubic curve through points, (60, 2)."""
    from scipy.interpolate import CubicSpline

    steps = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1))
    at = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(CubicSpline(at, points, bc_type="natural")(np.linspace(0.0, at[-1], 60)))


def _greyed(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The face with a third of its colour, so that the heat's colours are the only strong ones."""
    grey = face.mean(axis=-1, keepdims=True)
    return np.asarray(np.rint(grey + 0.35 * (face - grey)).clip(0, 255), dtype=np.uint8)


def _rgb(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(to_rgb(colour))


def _shortened(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:14]}…{name[-15:]}"


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    # Without the writer's name; equal figures give equal files.
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()
