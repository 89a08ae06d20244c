"""HTNet: a hierarchical transformer over four parts of a flow map (Wang et al. 2024, arXiv:2307.14637).

Published: the 28 x 28 map is replaced by four 14 x 14 crops around both eyes and both mouth corners, tiled
2 x 2; channels in the order strain, v, u; values 0..255; patches of 7 x 7, three levels of widths 256, 512,
1024 with 3, 6, 12 heads and 2, 2, 10 layers, 4 x 4, 2 x 2 and 1 block of tokens;
139,582,982 parameters for three classes; Adam, learning rate 5e-5, batches of 256, cross-entropy, 800 epochs.
The published number keeps the epoch that is best on the test subject; `fixed` takes the last.

With `geometry="published"` each block holds one token at every level, so that attention is over nothing and
always 1, and x is taken for the row. `geometry="repaired"` is ours: the same network on the map at twice the
size (28 x 28 crops, four tokens a block; position weights make it 9 parameters more), x being the column.
Ours in both: fixed landmarks, as published for faces without any found; shuffling and a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mien.core.errors import OptionError
from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn


Geometry = Literal["published", "repaired"]
SIZES = {"published": 28, "repaired": 56}
# Eyes and mouth corners (x, y) on a face of 28 x 28: the fixed set of the published script.
LANDMARKS = ((9.53, 11.06), (21.40, 10.92), (10.26, 22.12), (20.58, 22.26))


def mosaic(maps: Tensor, *, geometry: Geometry) -> Tensor:
    """The four crops tiled, eyes above mouth corners.

    Parameters
    ----------
    maps
        Shape (n, 3, height, width), channels u, v, strain; brought to the geometry's size if it is another.

    Returns
    -------
    Shape (n, 3, size, size), channels strain, v, u; size 28 as published, 56 repaired.
    """
    import torch
    from torch.nn import functional

    size = SIZES[geometry]
    if maps.shape[-2:] != (size, size):
        maps = functional.interpolate(maps, (size, size), mode="bilinear", align_corners=False)
    quarter = size // 4
    crops = []
    for x, y in LANDMARKS:
        column, row = (int(min(max(value * size / 28, quarter), 3 * quarter)) for value in (x, y))
        if geometry == "published":
            column, row = row, column
        crops.append(maps[:, :, row - quarter : row + quarter, column - quarter : column + quarter])
    above, below = torch.cat(crops[:2], dim=3), torch.cat(crops[2:], dim=3)
    return torch.cat([above, below], dim=2).flip(1)


@dataclass(eq=False, repr=False, kw_only=True)
class HTNetRecogniser(NetworkRecogniser):
    """HTNet as a classifier of motion maps.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published.
    geometry
        "published" or "repaired".
    width, heads
        Of the first level; both double with every level.
    depths
        Layers of each level.
    """

    method: ClassVar[str] = "htnet"

    epochs: int = 800
    learning_rate: float = 5e-5
    batch_size: int = 256
    weight_decay: float = 0.0
    geometry: Geometry = "published"
    width: int = 256
    heads: int = 3
    depths: tuple[int, ...] = (2, 2, 10)

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        from torch import nn

        from mien.recognition.htnet_layers import build_htnet

        if self.geometry not in SIZES:
            raise OptionError(
                "geometry", wanted=" or ".join(SIZES), got=self.geometry, remedy="choose one of them"
            )
        transformer = build_htnet(
            n_classes=n_classes,
            size=SIZES[self.geometry],
            width=self.width,
            heads=self.heads,
            depths=tuple(self.depths),
        )

        class Mosaic(nn.Module):
            def __init__(self, geometry: Geometry) -> None:
                super().__init__()
                self.geometry = geometry

            def forward(self, maps: Tensor) -> Tensor:
                return mosaic(maps, geometry=self.geometry).contiguous()

        return nn.Sequential(Mosaic(self.geometry), transformer)
