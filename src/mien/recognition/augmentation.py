"""Motion changed at random while a network learns from it; never the motion it is tested on.

Maps are (n, 3, ..., height, width), channels u, v, strain: signed, in pixels, or stretched to 0..255. A
stretched map has lost its zero: the median of u and of v stands for it (most of a face does not move), and 0
for the strain.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

AMPLITUDE = (0.7, 1.3)
ROTATION_RAD = math.radians(10.0)


def augment_flow(maps: Tensor, *, signed: bool) -> Tensor:
    """The motion of other faces that could have been filmed; shape and kind of map stay.

    Half of the faces are mirrored, u changing its sign; the motion is made 0.7 to 1.3 times as large; and
    the picture is turned by up to 10 degrees, its vectors with it. In stretched maps u and v may be stretched
    differently: there the turned vectors are an approximation.
    """
    n, device = len(maps), maps.device
    draw = torch.rand(3, n, device=device)
    # In place of a stretched map its distances from "no motion".
    zero = maps.new_zeros(n, 3, 1) if signed else _zero(maps)
    zero = zero.reshape(n, 3, *(1 for _ in maps.shape[2:]))
    motion = maps - zero
    turned = (draw[0] < 0.5).reshape(n, *(1 for _ in maps.shape[1:]))
    other = motion.flip(-1)
    motion = torch.where(turned, torch.cat([-other[:, :1], other[:, 1:]], dim=1), motion)
    low, high = AMPLITUDE
    motion = motion * (low + (high - low) * draw[1]).reshape(turned.shape)
    found = rotated(motion, (2 * draw[2] - 1) * ROTATION_RAD)
    if signed:
        return found
    zero = torch.where(turned, torch.cat([255.0 - zero[:, :1], zero[:, 1:]], dim=1), zero)
    return (found + zero).clamp(0.0, 255.0)


def rotated(motion: Tensor, angle_rad: Tensor) -> Tensor:
    """Signed motion fields turned about the picture's middle, angles (n,), clockwise as y points down."""
    n, height, width = len(motion), motion.shape[-2], motion.shape[-1]
    cos, sin = torch.cos(angle_rad), torch.sin(angle_rad)
    # Where each place of the turned picture comes from, in units of half the picture.
    across, down = width / height, height / width
    back = torch.stack(
        [cos, sin * down, torch.zeros_like(cos), -sin * across, cos, torch.zeros_like(cos)], dim=1
    ).reshape(n, 2, 3)
    planes = motion.reshape(n, -1, height, width)
    grid = functional.affine_grid(back, [n, 1, height, width], align_corners=False)
    # What comes from beyond the picture moves as its border does.
    planes = functional.grid_sample(planes, grid.to(planes.dtype), padding_mode="border", align_corners=False)
    u, v, strain = planes.reshape(motion.shape).split(1, dim=1)
    cos, sin = (part.reshape(n, *(1 for _ in motion.shape[1:])).to(motion.dtype) for part in (cos, sin))
    return torch.cat([cos * u - sin * v, sin * u + cos * v, strain], dim=1)


def _zero(maps: Tensor) -> Tensor:
    """The values of "no motion" of stretched maps, (n, 3, 1)."""
    zero = maps.flatten(2).median(dim=2).values[:, :, None]
    return torch.cat([zero[:, :2], torch.zeros_like(zero[:, 2:])], dim=1)


def augment_maps(maps: Tensor) -> Tensor:
    """Stretched maps, half of them mirrored, and half of all with the motion in one rectangle made larger."""
    n, _, height, width = maps.shape
    turned = torch.rand(n, device=maps.device) < 0.5
    maps = torch.where(turned[:, None, None, None], mirrored(maps), maps)
    draw = torch.rand(6, n, 1, 1, device=maps.device)
    rows = torch.arange(height, device=maps.device)[:, None] / height
    columns = torch.arange(width, device=maps.device)[None, :] / width
    high, wide = 0.25 + 0.25 * draw[0], 0.25 + 0.25 * draw[1]
    top, left = draw[2] * (1 - high), draw[3] * (1 - wide)
    inside = (rows >= top) & (rows < top + high) & (columns >= left) & (columns < left + wide)
    return magnified(maps, 1.0 + 2.0 * draw[4] * (draw[5] < 0.5) * inside)


def mirrored(maps: Tensor) -> Tensor:
    """Stretched maps of the mirrored faces: u changes its sign, which here is 255 - u, exactly."""
    flipped = maps.flip(3)
    return torch.cat([255.0 - flipped[:, :1], flipped[:, 1:]], dim=1)


def magnified(maps: Tensor, factor: Tensor) -> Tensor:
    """Stretched maps with motion times a factor (n, height, width), cut off at 0 and 255."""
    zero = _zero(maps)[..., None]
    return (zero + (maps - zero) * factor[:, None]).clamp(0.0, 255.0)
