"""SL-Swin: a Swin transformer over |u|, |v| and strain of a window (He et al. 2023, Electronics 12(12):2656).

Published (method sheet 1.3): input, labels, the network (`sl_swin_layers`), mean squared error, SGD with
learning rate 5e-4, batches of 48, 25 epochs from scratch, threshold p .60, peaks and intervals. Ours: what
`flow_windows`, `window_spotter` and `sl_swin_layers` say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from mien.core.errors import OptionError
from mien.core.expression import Kind
from mien.spotting.sl_swin_layers import DEPTHS, DIM, HEADS, build_sl_swin
from mien.spotting.window_spotter import WindowSpotter

if TYPE_CHECKING:
    from torch import nn


@dataclass(eq=False, repr=False, kw_only=True)
class SLSwinSpotter(WindowSpotter):
    """SL-Swin as a spotter, one network per kind.

    Parameters
    ----------
    epochs, batch_size, learning_rate
        Training, defaults as published.
    dim, depths, heads
        Width of the first stage, blocks and heads of each, defaults as published (Swin-T).

    Raises
    ------
    OptionError
        If the sizes make no network.
    """

    method: ClassVar[str] = "sl-swin"
    usual_thresholds: ClassVar[Mapping[Kind, float]] = MappingProxyType({"micro": 0.60, "macro": 0.60})

    epochs: int = 25
    batch_size: int = 48
    dim: int = DIM
    depths: tuple[int, ...] = DEPTHS
    heads: tuple[int, ...] = HEADS

    def __post_init__(self) -> None:
        widths = [self.dim * 2**stage for stage in range(len(self.depths))]
        fits = len(self.heads) == len(self.depths) > 0 and min(*self.heads, *self.depths, self.dim) > 0
        if not fits or any(width % n for width, n in zip(widths, self.heads, strict=True)):
            raise OptionError(
                "sizes of sl-swin",
                wanted="depths and heads for the same stages, and widths that their heads divide",
                got=f"dim {self.dim}, depths {self.depths}, heads {self.heads}",
                remedy="correct them",
            )

    def _build(self) -> nn.Module:
        return build_sl_swin(dim=self.dim, depths=self.depths, heads=self.heads)
