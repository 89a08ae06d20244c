"""Pictures of the simulated faces: `docs/images/identities.png` and `docs/images/action-units.png`."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from mien.simulate.faces import FaceRenderer, Frame, Pose, UnitPose
from mien.simulate.identities import Identity

IMAGES = Path(__file__).resolve().parents[1] / "images"
UNITS = {
    1: "AU1\ninner brow\nraiser",
    4: "AU4\nbrow lowerer",
    9: "AU9\nnose wrinkler",
    12: "AU12\nlip corner\npuller",
    15: "AU15\nlip corner\ndepressor",
    17: "AU17\nchin raiser",
}
MACRO_PX, MICRO_PX = 4.0, 1.0


def save(figure: plt.Figure, name: str, *, colours: int = 256) -> None:
    """Writes a figure as a small PNG: one palette for the whole picture."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=100)
    plt.close(figure)
    picture = Image.open(memory).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    IMAGES.mkdir(exist_ok=True)
    picture.save(IMAGES / name, optimize=True)
    print(f"{IMAGES / name}: {picture.size}, {(IMAGES / name).stat().st_size / 1000:.0f} kB")


def identities() -> None:
    """24 people with neutral faces."""
    rng = np.random.default_rng(2026)
    figure, axes = plt.subplots(4, 6, figsize=(9.0, 6.6))
    for number, axis in enumerate(axes.flat, start=1):
        person = FaceRenderer(Identity.draw(rng), frame_px=176, face_px=112)
        axis.imshow(person.frame(Pose()), interpolation="lanczos")
        axis.set_title(f"simulated {number:02d}", fontsize=8, pad=2)
        axis.axis("off")
    figure.suptitle(
        "24 simulated people, neutral (bent, recoloured and relit from one public-domain photograph)",
        fontsize=10,
    )
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92, wspace=0.03, hspace=0.12)
    save(figure, "identities.png")


def action_units() -> None:
    """Six action units: frames of a large expression, the true flow of it and of a micro-expression."""
    person = FaceRenderer(Identity.draw(np.random.default_rng([2026, 5])), frame_px=192, face_px=128)
    titles = ["onset", f"apex, {MACRO_PX:g} px", "offset"]
    titles += [f"true flow, {px:g} px\narrows × {8 / px:g}" for px in (MACRO_PX, MICRO_PX)]
    figure, axes = plt.subplots(len(UNITS), len(titles), figsize=(9.6, 10.4))
    neutral = person.frame(Pose())
    shown = None
    for row, (unit, name) in zip(axes, UNITS.items(), strict=True):
        macro, micro = (Pose(units=(UnitPose(unit, px),)) for px in (MACRO_PX, MICRO_PX))
        for axis, frame in zip(row[:3], (neutral, person.frame(macro), neutral), strict=True):
            axis.imshow(frame, interpolation="lanczos")
        for axis, pose, px in zip(row[3:], (macro, micro), (MACRO_PX, MICRO_PX), strict=True):
            shown = _flow(axis, neutral, person.displacement(pose), px)
        row[0].text(-0.06, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=9)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    for axis in axes.flat:
        axis.set(xlim=(24, 167), ylim=(183, 30))
        axis.axis("off")
    figure.subplots_adjust(left=0.13, right=0.915, bottom=0.01, top=0.93, wspace=0.03, hspace=0.03)
    bar = figure.colorbar(shown, cax=figure.add_axes((0.935, 0.3, 0.014, 0.4)))
    bar.set_label("displacement / its peak", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    figure.suptitle("A simulated face 128 px wide: six action units and their true displacement", fontsize=11)
    save(figure, "action-units.png")


def _flow(axis: plt.Axes, frame: Frame, flow: np.ndarray, peak_px: float) -> object:
    """Size of the flow in colour over the grey face, arrows where it moves."""
    share = np.hypot(flow[0], flow[1]) / peak_px
    axis.imshow(frame.mean(axis=-1), cmap="gray", vmin=0, vmax=265, interpolation="lanczos")
    alpha = np.clip(2 * share, 0, 0.6)
    shown = axis.imshow(share, cmap=plt.get_cmap("inferno", 5), vmin=0, vmax=1, alpha=alpha)
    y, x = np.mgrid[4:192:8, 4:192:8]
    u, v = flow[:, y, x]
    moves = share[y, x] > 0.25
    axis.quiver(
        x[moves], y[moves], u[moves], v[moves], angles="xy", scale_units="xy", scale=peak_px / 8,
        color="#30e0ff", width=0.011, headwidth=3.5, headlength=3.5, headaxislength=3.2,
    )  # fmt: skip
    return shown


if __name__ == "__main__":
    identities()
    action_units()
