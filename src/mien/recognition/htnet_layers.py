"""The network of HTNet: transformers within blocks of a map, on three levels of fewer and wider tokens.

Zhang et al. 2022 (NesT, arXiv:2105.12723) is where the nesting comes from. Inputs and training stand in
`htnet`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.core.errors import OptionError

PATCH = 7
WIDEN = 4  # of a layer's perceptron


def build_htnet(
    *,
    n_classes: int,
    size: int = 28,
    width: int = 256,
    heads: int = 3,
    depths: tuple[int, ...] = (2, 2, 10),
    n_channels: int = 3,
) -> nn.Module:
    """The network for mosaics (n, channels, size, size) with values 0..255, returning (n, n_classes) logits.

    Raises OptionError if the map cannot be divided into patches and blocks.
    """
    blocks = 2 ** (len(depths) - 1)
    if not depths or size % (PATCH * blocks) or width < heads:
        raise OptionError(
            "HTNet",
            wanted=f"a mosaic of a multiple of {PATCH * blocks} pixels and a width of at least one per head",
            got=f"{size} pixels, width {width}, {heads} heads",
            remedy="choose another size",
        )
    tokens = (size // PATCH // blocks) ** 2  # the same on every level
    stages: list[nn.Module] = [Patches(n_channels, width)]
    for level, depth in enumerate(depths):
        wide = width * 2**level
        stages.append(Level(wide, heads * 2**level, depth, n_blocks=blocks // 2**level, n_tokens=tokens))
        if level + 1 < len(depths):
            stages.append(Aggregate(wide, 2 * wide))
    return nn.Sequential(*stages, Readout(width * 2 ** (len(depths) - 1), n_classes))


class Patches(nn.Module):
    """Patches of 7 x 7 pixels, each one token: (n, channels, s, s) -> (n, width, s / 7, s / 7)."""

    def __init__(self, n_channels: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(n_channels * PATCH**2, width)

    def forward(self, maps: Tensor) -> Tensor:
        n, channels, height, _ = maps.shape
        side = height // PATCH
        cut = maps.reshape(n, channels, side, PATCH, side, PATCH).permute(0, 2, 4, 3, 5, 1)
        return self.embedding(cut.reshape(n, side, side, -1)).permute(0, 3, 1, 2)


class Level(nn.Module):
    """Transformer layers within each block of tokens; (n, width, side, side) -> the same."""

    def __init__(self, width: int, heads: int, depth: int, *, n_blocks: int, n_tokens: int) -> None:
        super().__init__()
        self.n_blocks = n_blocks
        self.position = nn.Parameter(torch.randn(n_tokens))
        self.attentions = nn.ModuleList([Attention(width, heads) for _ in range(depth)])
        self.perceptrons = nn.ModuleList([_perceptron(width) for _ in range(depth)])

    def forward(self, maps: Tensor) -> Tensor:
        n, width, side, _ = maps.shape
        b, s = self.n_blocks, side // self.n_blocks
        tokens = maps.reshape(n, width, b, s, b, s).permute(0, 2, 4, 3, 5, 1).reshape(n * b * b, s * s, width)
        tokens = tokens + self.position[:, None]
        for attention, perceptron in zip(self.attentions, self.perceptrons, strict=True):
            tokens = tokens + attention(tokens)
            tokens = tokens + perceptron(tokens)
        whole = tokens.reshape(n, b, b, s, s, width).permute(0, 5, 1, 3, 2, 4)
        return whole.reshape(n, width, side, side)


class Attention(nn.Module):
    """Multi-head attention of tokens (n, n_tokens, width), normalised before; heads of width // heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        inner = self.heads * self.head_width
        self.norm = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        self.to_out = nn.Linear(inner, width)

    def weights(self, queries: Tensor, keys: Tensor) -> Tensor:
        """How much each token takes from each other, rows summing to 1."""
        return torch.softmax(queries @ keys.transpose(-1, -2) / self.head_width**0.5, dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        n, count, _ = tokens.shape
        qkv = self.to_qkv(self.norm(tokens)).reshape(n, count, 3, self.heads, self.head_width)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
        mixed = self.weights(queries, keys) @ values
        return self.to_out(mixed.transpose(1, 2).reshape(n, count, -1))


class Aggregate(nn.Module):
    """Conv 3x3 to twice the width, LayerNorm of each token, MaxPool 3 stride 2: a quarter of the tokens."""

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, wider, kernel_size=3, padding=1)
        self.norm = nn.LayerNorm(wider)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        normed = self.norm(self.convolution(maps).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.pool(normed)


class Readout(nn.Module):
    """LayerNorm, mean of the tokens, one linear layer."""

    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, n_classes)

    def forward(self, maps: Tensor) -> Tensor:
        return self.linear(self.norm(maps.flatten(2).transpose(1, 2)).mean(dim=1))


def _perceptron(width: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, WIDEN * width), nn.GELU(), nn.Linear(WIDEN * width, width)
    )
