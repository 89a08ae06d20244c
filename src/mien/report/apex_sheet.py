"""Contact sheets of spotted expressions: the face at each apex, its time, kind and score under it.

Faces only where consent allows; for all others a drawing of an average face in which the parts that moved are
filled. Files hold pixels and nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from mien.core.errors import OptionError
from mien.core.time import FloatArray
from mien.dataset import may_leave
from mien.dataset.consent import Audience
from mien.report.attribution_figures import template_curves
from mien.report.canvas import BLUE, ORANGE, subplots
from mien.report.face_crops import FaceCrops
from mien.signals.face.regions import REGION_NAMES, mdmo_regions, template_landmarks
from mien.spotting import Proposal
from mien.spotting.curves import PARTS

KIND_COLOURS = {"micro": ORANGE, "macro": BLUE}
COLUMNS = 6
MOST = 48
"""Proposals on a page."""

_PAPER, _INK, _SOFT = "#F4F4F2", "#1b1f24", "#555555"
_DPI = 130
_CELL_W, _CELL_H, _SIDE, _MARGIN, _HEAD = 1.55, 2.15, 1.4, 0.15, 0.4  # inches
_LIPS = range(48, 60)


def apex_sheets(
    proposals: Sequence[Proposal],
    crops: Sequence[FaceCrops | None] | None = None,
    *,
    level: int | None = None,
    audience: Audience = "publication",
    title: str = "",
    most: int = MOST,
) -> list[bytes]:
    """PNG pages of at most `most` proposals each, in their order; none for no proposal.

    Parameters
    ----------
    proposals
        What was spotted in one video.
    crops
        As `face_crops` of them, or None to draw no face.
    level
        The participant's consent level; None where it is not known, which counts as the strictest.
    audience
        Who will see the sheets.
    title
        What stands above, such as the video's name.

    Raises
    ------
    OptionError
        If there are not as many crops as proposals, or fewer than one on a page.
    """
    if most < 1:
        raise OptionError("proposals on a page", wanted="1 or more", got=most, remedy="give another number")
    if crops is not None and len(crops) != len(proposals):
        raise OptionError(
            "face crops", wanted=f"{len(proposals)}, as proposals", got=len(crops), remedy="cut them again"
        )
    allowed = crops is not None and may_leave("face", level, audience=audience)
    shown = list(crops) if crops is not None and allowed else [None] * len(proposals)
    why = "" if crops is None or allowed else "; drawn faces: consent to show them is not known or not given"
    pages = [list(range(at, min(at + most, len(proposals)))) for at in range(0, len(proposals), most)]
    return [
        _page([(proposals[k], shown[k], k + 1) for k in page], _heading(title, page, len(proposals)) + why)
        for page in pages
    ]


def _heading(title: str, page: Sequence[int], n: int) -> str:
    span = f"{page[0] + 1} to {page[-1] + 1} of {n}" if len(page) < n else f"{n}"
    what = f"expression{'s' if n > 1 else ''} at the apex"
    return f"{title}: {span} {what}" if title else f"{span} {what}"


def _page(cells: Sequence[tuple[Proposal, FaceCrops | None, int]], heading: str) -> bytes:
    n_columns = min(COLUMNS, max(4, len(cells)))
    n_rows = -(-len(cells) // n_columns)
    width, height = n_columns * _CELL_W + _MARGIN, n_rows * _CELL_H + _HEAD
    figure, axes = subplots(n_rows, n_columns, width=width, height=height, squeeze=False)
    figure.set_layout_engine("none")
    for place, axis in enumerate(axes.flat):
        axis.set_axis_off()
        row, column = divmod(place, n_columns)
        left, top = _MARGIN + column * _CELL_W, _HEAD + row * _CELL_H
        axis.set_position((left / width, 1 - (top + _SIDE) / height, _SIDE / width, _SIDE / height))
    for (proposal, crop, number), axis in zip(cells, axes.flat, strict=False):
        _draw(axis, proposal, crop, number)
    # Names are drawn as they are: no mathematics between dollar signs.
    figure.text(
        _MARGIN / width,
        1 - 0.12 / height,
        heading,
        fontsize=8.5,
        color=_INK,
        ha="left",
        va="top",
        parse_math=False,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _draw(axis: Any, proposal: Proposal, crop: FaceCrops | None, number: int) -> None:
    colour = KIND_COLOURS[proposal.kind]
    if crop is None:
        _draw_template(axis, proposal, colour)
    else:
        axis.imshow(crop.apex, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), interpolation="bilinear")
    edge = [(0, 1, 1, 0, 0), (0, 0, 1, 1, 0)]
    axis.plot(
        *edge, color=colour, lw=2.2, ls="-" if proposal.kind == "micro" else (0, (4, 1.5)), clip_on=False
    )
    axis.set(xlim=(0, 1), ylim=(1, 0), aspect="equal")
    length_ms = 1000 * (proposal.offset_s - proposal.onset_s)
    words = [f"{number}  {clock(proposal.apex_s)}", f"{proposal.kind}, {length_ms:.0f} ms"]
    words += [f"score {proposal.score:.2f}"]
    words += [shortened(", ".join(proposal.regions), 26)] if proposal.regions else []
    for row, line in enumerate(words):
        axis.text(
            0.0,
            -0.045 - 0.115 * row,
            line,
            transform=axis.transAxes,
            ha="left",
            va="top",
            fontsize=7.2,
            color=_INK if row == 0 else _SOFT,
            fontweight="bold" if row == 0 else "normal",
            parse_math=False,
        )


def _draw_template(axis: Any, proposal: Proposal, colour: str) -> None:
    """A line face with the parts that moved."""
    landmarks = (template_landmarks(1000) + 0.5) / 1000
    axis.fill([0, 1, 1, 0], [0, 0, 1, 1], color=_PAPER, lw=0)
    for polygon in moved_polygons(proposal.regions, landmarks):
        axis.fill(*polygon.T, color=_pale(colour), lw=0.8)
    for curve in template_curves(landmarks):
        axis.plot(*curve.T, color=_SOFT, lw=0.9, solid_capstyle="round")


def _pale(colour: str) -> tuple[float, ...]:
    """The colour as it would be at less than half its strength on paper."""
    from matplotlib.colors import to_rgb

    return tuple(0.45 * ink + 0.55 * paper for ink, paper in zip(to_rgb(colour), to_rgb(_PAPER), strict=True))


def moved_polygons(parts: Sequence[str], landmarks: FloatArray) -> list[FloatArray]:
    """Polygons (k, 2) of the named parts of the face, in the landmarks' unit; names of none are left out.

    Parameters
    ----------
    parts
        Names of `spotting.curves.PARTS`, or of `signals.face.regions.REGION_NAMES` with or without a side.
    landmarks
        Shape (68, 2).
    """
    stems = {stem for part in parts for stem in PARTS.get(part, (part,))}
    regions = zip(REGION_NAMES, mdmo_regions(landmarks), strict=True)
    found = [polygon for name, polygon in regions if name in stems or name.split(",")[0] in stems]
    return [*found, landmarks[list(_LIPS)]] if "lips" in stems else found


def clock(at_s: float) -> str:
    """A time as h:mm:ss.mmm, without hours where there are none.

    Examples
    --------
    >>> clock(1.6924), clock(3725.5)
    ('0:01.692', '1:02:05.500')
    """
    ms = round(1000 * abs(at_s))
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if at_s < 0 and ms else ""
    front = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{front}:{rest // 1000:02d}.{rest % 1000:03d}"


def shortened(words: str, most: int) -> str:
    """The words, cut to a number of signs with an ellipsis."""
    return words if len(words) <= most else words[: most - 1] + "…"
