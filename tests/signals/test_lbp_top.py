"""LBP-TOP against an oracle written from the formula, pixel by pixel, and against scikit-image."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.signals.face import interpolate_frames, lbp_top
from mien.signals.face.lbp_top import uniform_bins

RNG = np.random.default_rng(5)


def brightness(clip: np.ndarray, t: float, y: float, x: float) -> Fraction:
    """Bilinear between pixels, with shares in 256ths; exact."""
    total = Fraction(0)
    lows = [math.floor(v) for v in (t, y, x)]
    shares = [Fraction(round((v - low) * 256), 256) for v, low in zip((t, y, x), lows, strict=True)]
    for corner in np.ndindex(2, 2, 2):
        weight = Fraction(1)
        for bit, share in zip(corner, shares, strict=True):
            weight *= share if bit else 1 - share
        if weight:
            at = tuple(low + bit for low, bit in zip(lows, corner, strict=True))
            total += weight * int(clip[at])
    return total


def changes(code: int, p: int) -> int:
    bits = [(code >> i) & 1 for i in range(p)]
    return sum(bits[i] != bits[i - 1] for i in range(p))


def slow(clip, radii, neighbours, blocks, sampling) -> np.ndarray:
    """Histograms by definition: for every block, plane and pixel."""
    rx, ry, rt = radii
    kept = [code for code in range(2**neighbours) if changes(code, neighbours) <= 2]
    bins = {code: kept.index(code) if code in kept else len(kept) for code in range(2**neighbours)}
    parts = np.array_split(np.arange(rt, clip.shape[0] - rt), blocks[2])
    rows = np.array_split(np.arange(ry, clip.shape[1] - ry), blocks[0])
    columns = np.array_split(np.arange(rx, clip.shape[2] - rx), blocks[1])
    found = []
    for plane in ("xy", "xt", "yt"):
        for ts in parts:
            for ys in rows:
                for xs in columns:
                    histogram = np.zeros(len(kept) + 1)
                    for t, y, x in ((t, y, x) for t in ts for y in ys for x in xs):
                        code = 0
                        for p in range(neighbours):
                            angle = 2 * math.pi * p / neighbours
                            c, s = math.cos(angle), math.sin(angle)
                            if sampling == "square":
                                c, s = (0 if abs(v) < 0.1 else math.copysign(1, v) for v in (c, s))
                            at = {
                                "xy": (t, y - ry * s, x + rx * c),
                                "xt": (t - rt * s, y, x + rx * c),
                                "yt": (t - rt * s, y + ry * c, x),
                            }[plane]
                            at = tuple(round(v, 9) for v in at)
                            code |= (brightness(clip, *at) >= int(clip[t, y, x])) << p
                        histogram[bins[code]] += 1
                    found.append(histogram / histogram.sum())
    return np.concatenate(found)


@pytest.mark.parametrize("sampling", ["circular", "square"])
@pytest.mark.parametrize(
    ("radii", "neighbours", "blocks"),
    [
        ((1, 1, 1), 8, (2, 3, 1)),
        ((2, 1, 2), 8, (2, 2, 2)),
        ((1, 2, 1), 4, (1, 1, 1)),
        ((3, 3, 2), 8, (1, 2, 1)),
    ],
)
def test_bit_equal_to_the_definition(sampling, radii, neighbours, blocks) -> None:
    smooth = RNG.integers(0, 12, (7, 8, 9), dtype=np.uint8)  # few levels: many ties
    rough = RNG.integers(0, 256, (7, 8, 9), dtype=np.uint8)
    for clip in (smooth, rough, np.full((7, 8, 9), 100, np.uint8)):
        options = {"radii": radii, "neighbours": neighbours, "blocks": blocks, "sampling": sampling}
        assert np.array_equal(lbp_top(clip, **options), slow(clip, **options))


def test_the_plane_agrees_with_scikit_image() -> None:
    """An independent implementation; its angles run the same way from the same axis."""
    from skimage.feature import local_binary_pattern

    image = RNG.integers(0, 256, (60, 70), dtype=np.uint8)
    codes = local_binary_pattern(image, 8, 1, method="default")[1:-1, 1:-1].astype(int)
    bins = uniform_bins(8)
    expected = np.bincount(bins[codes].ravel(), minlength=59) / codes.size
    got = lbp_top(np.stack([image] * 3), radii=(1, 1, 1), blocks=(1, 1, 1))[:59]
    assert np.abs(got - expected).sum() < 0.01  # shares in 256ths decide a tie in a thousand


def test_uniform_bins() -> None:
    assert [changes(code, 8) <= 2 for code in range(256)] == (uniform_bins(8) < 58).tolist()
    assert sorted(set(uniform_bins(8).tolist())) == list(range(59))


def test_length_and_sums() -> None:
    clip = RNG.integers(0, 256, (20, 40, 40), dtype=np.uint8)
    found = lbp_top(clip, radii=(1, 1, 4), blocks=(5, 5, 1))
    assert found.shape == (4425,)
    assert np.allclose(found.reshape(-1, 59).sum(axis=1), 1)


def test_motion_in_time_shows_on_its_planes_only() -> None:
    still = np.stack([RNG.integers(0, 256, (20, 20), dtype=np.uint8)] * 9)
    moved = np.stack([np.roll(still[0], n, axis=1) for n in range(9)])
    a, b = (lbp_top(clip, radii=(1, 1, 1), blocks=(1, 1, 1)).reshape(3, 59) for clip in (still, moved))
    assert np.abs(a[1] - b[1]).sum() > 0.5
    assert np.abs(a[0] - b[0]).sum() < 0.2


def test_refusals() -> None:
    clip = np.zeros((9, 20, 20), np.uint8)
    with pytest.raises(DataError, match="wanted grey levels"):
        lbp_top(clip.astype(float))
    with pytest.raises(DataError, match="wanted more than 8 frames"):
        lbp_top(clip[:8])
    with pytest.raises(OptionError, match="wanted 4 or 8, got 6"):
        lbp_top(clip, neighbours=6)
    with pytest.raises(OptionError, match="wanted circular or square"):
        lbp_top(clip, sampling="round")
    with pytest.raises(OptionError, match="three numbers from 1"):
        lbp_top(clip, radii=(0, 1, 1))


def test_interpolation_meets_every_frame_and_goes_between() -> None:
    clip = RNG.standard_normal((7, 4, 5))
    assert np.allclose(interpolate_frames(clip, 7), clip, atol=1e-9)
    finer = interpolate_frames(clip, 13)
    assert np.allclose(finer[::2], clip, atol=1e-9)
    ramp = np.linspace(0, 1, 30)[:, None] * np.ones(3)
    assert np.allclose(interpolate_frames(ramp, 10)[:, 0], np.linspace(0, 1, 10), atol=0.01)
    with pytest.raises(DataError, match="got 1 frames"):
        interpolate_frames(clip[:1], 5)
    with pytest.raises(OptionError, match="from 2"):
        interpolate_frames(clip, 1)
