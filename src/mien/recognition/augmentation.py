"""Motion maps changed at random while a network learns from them; never those it is tested on.

Maps are (n, 3, height, width), channels u, v, strain, stretched to 0..255.
"""

from __future__ import annotations

import torch
from torch import Tensor


def augment_maps(maps: Tensor) -> Tensor:
    """The maps, half of them mirrored, and half of all with the motion in one rectangle made larger."""
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
    """The maps of the mirrored faces: u changes its sign, which in a stretched map is 255 - u, exactly."""
    flipped = maps.flip(3)
    return torch.cat([255.0 - flipped[:, :1], flipped[:, 1:]], dim=1)


def magnified(maps: Tensor, factor: Tensor) -> Tensor:
    """The maps with motion times a factor (n, height, width), cut off at 0 and 255.

    A stretched map has lost its zero: the median of u and of v stands for it (most of a face does not move),
    and 0 for the strain.
    """
    zero = maps.flatten(2).median(dim=2).values[:, :, None, None]
    zero = torch.cat([zero[:, :2], torch.zeros_like(zero[:, 2:])], dim=1)
    return (zero + (maps - zero) * factor[:, None]).clamp(0.0, 255.0)
