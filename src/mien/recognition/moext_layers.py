"""The networks of MoExt: what separates motion from texture, what rebuilds the apex, what names the class.

Sizes hold for faces of 224 x 224 and width 64. Training and what is published of all this stand in `moext`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(n_in: int, n_out: int, size: int = 3) -> nn.Sequential:
    """Conv -> ReLU -> BatchNorm."""
    kernel = nn.Conv2d(n_in, n_out, kernel_size=size, padding=size // 2)
    return nn.Sequential(kernel, nn.ReLU(), nn.BatchNorm2d(n_out))


def block(n_in: int, n_out: int) -> nn.Sequential:
    """Two convolutions, of which the second changes the width."""
    return nn.Sequential(convolution(n_in, n_in), convolution(n_in, n_out))


class Branch(nn.Module):
    """From 512 maps @14 up to 32 maps @112, with the encoder's maps added at 28 and 56."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_14 = block(8 * width, 8 * width)
        self.block_28 = block(8 * width, 4 * width)
        self.block_56 = block(4 * width, 2 * width)
        self.block_112 = block(2 * width, width // 2)

    def forward(self, encoded: list[Tensor]) -> Tensor:
        _, at_56, at_28, at_14 = encoded
        maps = self.block_28(_double(self.block_14(at_14))) + at_28
        maps = self.block_56(_double(maps)) + at_56
        return self.block_112(_double(maps))


class Extractor(nn.Module):
    """Encoder, separator and manipulator: frames (n, 3, 224, 224) in 0..1 to 32 maps @112."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width, 8 * width)
        self.encoder = nn.ModuleList([block(a, b) for a, b in pairwise(widths)])
        self.motion, self.texture = Branch(width), Branch(width)
        self.manipulator = nn.Sequential(block(width // 2, width // 2), block(width // 2, width // 2))

    def encode(self, frames: Tensor) -> list[Tensor]:
        """Maps after each of the four encoder blocks, halved each time."""
        encoded = []
        for part in self.encoder:
            frames = functional.max_pool2d(part(frames), 2)
            encoded.append(frames)
        return encoded

    def manipulate(self, onset: Tensor, apex: Tensor) -> Tensor:
        """Motion from the shapes of onset and apex: their difference and what is drawn from it."""
        difference = apex - onset
        return difference + self.manipulator(difference)


class Rebuilder(nn.Module):
    """Pre-training: an extractor, and a decoder that makes the apex of the onset's texture and the motion."""

    def __init__(self, width: int) -> None:
        super().__init__()
        n = width // 2
        self.extractor = Extractor(width)
        self.before = nn.Sequential(
            convolution(2 * n, n), convolution(n, n), *(block(n, n) for _ in range(4))
        )
        self.after = nn.Conv2d(n, 3, kernel_size=7, padding=3)

    def loss(self, pairs: Tensor) -> Tensor:
        """How far rebuilding and separation are from what they should be, for pairs (n, 3, 2, 224, 224).

        MSE(rebuilt, apex) + exp(-MSE(shape, texture of the apex)) + MSE(textures of onset and apex)
        + 0.5 MSE(shape of the apex, shape of the apex turned by 90 degrees) + exp(-MSE(shapes of both)).
        """
        onset, apex = frames_of(pairs)
        of = self.extractor
        at_onset, at_apex = of.encode(onset), of.encode(apex)
        shape_onset, shape_apex = of.motion(at_onset), of.motion(at_apex)
        texture_onset, texture_apex = of.texture(at_onset), of.texture(at_apex)
        shape_turned = of.motion(of.encode(apex.rot90(1, (2, 3))))
        rebuilt = self.rebuild(texture_onset, of.manipulate(shape_onset, shape_apex))
        mse = functional.mse_loss
        return (
            mse(rebuilt, apex)
            + torch.exp(-mse(shape_apex, texture_apex))
            + mse(texture_onset, texture_apex)
            + 0.5 * mse(shape_apex, shape_turned)
            + torch.exp(-mse(shape_onset, shape_apex))
        )

    def rebuild(self, texture: Tensor, motion: Tensor) -> Tensor:
        """A frame (n, 3, 224, 224) from texture and motion."""
        return self.after(_double(self.before(torch.cat([texture, motion], dim=1))))


class MoExt(nn.Module):
    """Recognition: pairs (n, 3, 2, 224, 224) with values 0..255 to (n, n_classes) logits."""

    def __init__(self, width: int, n_classes: int, extractor: Extractor | None = None) -> None:
        super().__init__()
        n = width // 2
        self.extractor = Extractor(width) if extractor is None else extractor
        self.attention = nn.Sequential(
            nn.Conv2d(n, n, 1, bias=False), nn.ReLU(), nn.Conv2d(n, n, 1, bias=False)
        )
        widen = [_plain(n, 4 * n), nn.MaxPool2d(2), _plain(4 * n, 16 * n), nn.MaxPool2d(2)]
        deep = [_normed(16 * n), _normed(16 * n), nn.MaxPool2d(2), _plain(16 * n, 16 * n), _normed(16 * n)]
        self.body = nn.Sequential(*widen, *deep, nn.MaxPool2d(2))
        self.readout = nn.Sequential(nn.Linear(16 * n, 128), nn.Linear(128, n_classes))

    def forward(self, pairs: Tensor) -> Tensor:
        onset, apex = frames_of(pairs)
        of = self.extractor
        motion = of.manipulate(of.motion(of.encode(onset)), of.motion(of.encode(apex)))
        mean, largest = motion.mean((2, 3), keepdim=True), motion.amax((2, 3), keepdim=True)
        motion = motion * torch.sigmoid(self.attention(mean) + self.attention(largest))
        return self.readout(self.body(motion).mean((2, 3)))


def frames_of(pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Onset and apex, each (n, 3, height, width) in 0..1."""
    return pairs[:, :, 0] / 255.0, pairs[:, :, 1] / 255.0


def _double(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="nearest")


def _plain(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.ReLU())


def _normed(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
