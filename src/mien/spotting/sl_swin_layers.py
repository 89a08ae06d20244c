"""The network of SL-Swin: shifted patch tokens, a Swin transformer, attention that leaves the own token out.

Published (He et al. 2023, doi:10.3390/electronics12122656; method sheet 1.3): the picture and four copies of
it moved by half a patch along the diagonals, patches of 6, LayerNorm and a linear map to 96, a learned place;
Swin-T with depths 2/2/6/2, heads 3/6/12/24, window 7, MLP ratio 4 and drop-path to .1; attention with a
temperature of its own per head and without the diagonal; merging of patches; LayerNorm, mean, one output.

Of 7 x 7 tokens and fewer a window of 7 holds all: nothing is ever shifted between windows. Ours: where a side
is odd, merging adds zeros at the end (7, 4, 2, 1 tokens a side); windows shrink with the tokens, none is
padded; the last stage's single token attends to itself; linear weights are drawn with deviation .02, as
transformers of its kind are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mien.spotting.flow_windows import SIDE

if TYPE_CHECKING:
    from torch import Tensor, nn

PATCH = 6
DEPTHS, HEADS, DIM = (2, 2, 6, 2), (3, 6, 12, 24), 96
MLP_RATIO = 4
DROP_PATH = 0.1


def build_sl_swin(
    *, dim: int = DIM, depths: Sequence[int] = DEPTHS, heads: Sequence[int] = HEADS
) -> nn.Module:
    """The network for pictures (n, 3, 42, 42) with values 0..255, returning (n, 1).

    Parameters
    ----------
    dim
        Width of the first stage; each later one has twice the width of the one before.
    depths, heads
        Blocks and attention heads of each stage.
    """
    from torch import linspace, nn

    rates = iter(linspace(0, DROP_PATH, sum(depths)).tolist())
    side, width = SIDE // PATCH, dim
    stages: list[nn.Module] = []
    for number, (depth, n_heads) in enumerate(zip(depths, heads, strict=True)):
        if number:
            stages.append(patch_merging(width, side))
            side, width = (side + 1) // 2, 2 * width
        stages += [swin_block(width, n_heads, side, next(rates)) for _ in range(depth)]

    class SLSwin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = shifted_patches(dim)
            self.stages = nn.Sequential(*stages)
            self.norm = nn.LayerNorm(width)
            self.readout = nn.Linear(width, 1)
            self.apply(_draw)

        def forward(self, pictures: Tensor) -> Tensor:
            tokens = self.stages(self.tokens(pictures.float() / 255))
            return self.readout(self.norm(tokens).mean(dim=1))

    return SLSwin()


def _draw(layer: nn.Module) -> None:
    from torch import nn

    if isinstance(layer, nn.Linear):
        nn.init.trunc_normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def shifted_patches(dim: int) -> nn.Module:
    """Shifted patch tokenization with a learned place: pictures (n, 3, 42, 42) to tokens (n, 49, dim)."""
    import torch
    from torch import nn
    from torch.nn.functional import pad

    half, n_values = PATCH // 2, 5 * 3 * PATCH**2

    class ShiftedPatches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Sequential(nn.LayerNorm(n_values), nn.Linear(n_values, dim))
            self.place = nn.Parameter(torch.zeros((SIDE // PATCH) ** 2, dim))
            nn.init.trunc_normal_(self.place, std=0.02)

        def forward(self, pictures: Tensor) -> Tensor:
            wide = pad(pictures, (half, half, half, half))
            corners = [(y, x) for y in (0, 2 * half) for x in (0, 2 * half)]
            moved = [wide[..., y : y + SIDE, x : x + SIDE] for y, x in corners]
            patches = nn.functional.unfold(torch.cat([pictures, *moved], dim=1), PATCH, stride=PATCH)
            return self.embed(patches.transpose(1, 2)) + self.place

    return ShiftedPatches()


def patch_merging(width: int, side: int) -> nn.Module:
    """Four neighbouring tokens to one: (n, side^2, width) to (n, ceil(side / 2)^2, 2 width)."""
    import torch
    from torch import nn
    from torch.nn.functional import pad

    class PatchMerging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(4 * width)
            self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

        def forward(self, tokens: Tensor) -> Tensor:
            grid = tokens.unflatten(1, (side, side))
            grid = pad(grid, (0, 0, 0, side % 2, 0, side % 2))
            four = [grid[:, y::2, x::2] for x in (0, 1) for y in (0, 1)]
            return self.reduce(self.norm(torch.cat(four, dim=-1).flatten(1, 2)))

    return PatchMerging()


def swin_block(width: int, n_heads: int, side: int, drop_path: float) -> nn.Module:
    """Attention and a perceptron, both added to the normalised tokens (n, side^2, width)."""
    import torch
    from torch import nn

    def kept(added: Tensor, training: bool) -> Tensor:
        """What a branch adds, dropped for whole samples at random."""
        if not training or drop_path == 0:
            return added
        keep = torch.rand(len(added), 1, 1, device=added.device) >= drop_path
        return added * keep / (1 - drop_path)

    class SwinBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.Sequential(nn.LayerNorm(width), local_attention(width, n_heads, side))
            self.think = nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, MLP_RATIO * width),
                nn.GELU(),
                nn.Linear(MLP_RATIO * width, width),
            )

        def forward(self, tokens: Tensor) -> Tensor:
            tokens = tokens + kept(self.attend(tokens), self.training)
            return tokens + kept(self.think(tokens), self.training)

    return SwinBlock()


def local_attention(width: int, n_heads: int, side: int) -> nn.Module:
    """Locality self-attention of one window (Lee et al. 2021, arXiv:2112.13492), with Swin's relative places.

    Softmax of q k times a learned number per head plus the bias of relative places, the diagonal left out.
    """
    import torch
    from torch import nn

    n, head = side**2, width // n_heads
    at = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")).flatten(1)
    apart = at[:, :, None] - at[:, None] + side - 1
    difference = apart[0] * (2 * side - 1) + apart[1]

    class LocalAttention(nn.Module):
        relative: Tensor
        own: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(width, 3 * width)
            self.project = nn.Linear(width, width)
            self.temperature = nn.Parameter(torch.full((n_heads, 1, 1), head**-0.5))
            self.bias = nn.Parameter(torch.zeros(n_heads, (2 * side - 1) ** 2))
            nn.init.trunc_normal_(self.bias, std=0.02)
            self.register_buffer("relative", difference.flatten(), persistent=False)
            # Finite, so that a token without neighbours still attends to itself.
            self.register_buffer("own", torch.eye(n) * -1e9, persistent=False)

        def forward(self, tokens: Tensor) -> Tensor:
            q, k, v = self.qkv(tokens).unflatten(2, (3, n_heads, head)).permute(2, 0, 3, 1, 4)
            places = self.bias.index_select(1, self.relative).view(n_heads, n, n)
            weights = (q * self.temperature) @ k.transpose(-2, -1) + (places + self.own)
            seen = (weights.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)
            return self.project(seen)

    return LocalAttention()
