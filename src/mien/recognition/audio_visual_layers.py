"""Networks of motion and speech: one encoder each, five ways to join them, one readout.

A batch is rows of float32: motion map, log-mel levels, frames to use, whether there is a map (`Sizes`).
`audio_visual` makes such rows and says what is published.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

POOL = 4
"""Frames that become one token."""
GRID = 4
"""Side of the map of places that the visual token is made of."""
KERNEL = 5
FILTERS = (16, 32)
_FLAT_DB = 1e-3  # standard deviation under which a band holds nothing


class Sizes(NamedTuple):
    """Of one sample: motion map, and frames and bands of its sound."""

    height: int
    width: int
    frames: int
    bands: int


class Batch(NamedTuple):
    """Samples: maps (n, 3, h, w), levels (n, T, bands), frames to use (n, T), whether there is a map (n,)."""

    maps: Tensor
    levels: Tensor
    usable: Tensor
    seen: Tensor


class Heard(NamedTuple):
    """Sound as tokens (n, T' + 1, d), the last being that of silence; which are keys (n, T' + 1)."""

    tokens: Tensor
    keys: Tensor

    def pooled(self) -> Tensor:
        """The mean of the tokens that are keys, (n, d)."""
        weights = self.keys.to(self.tokens)[..., None]
        return (self.tokens * weights).sum(dim=1) / weights.sum(dim=1)


def packed(maps: Tensor, levels: Tensor, usable: Tensor, seen: Tensor) -> Tensor:
    """Samples as rows (n, values), from maps (n, h, w, 3); what is not to be used becomes 0."""
    maps = torch.where(seen[:, None, None, None], maps, 0.0)
    levels = torch.where(usable[..., None], levels, 0.0)
    parts = (maps.movedim(-1, 1).flatten(1), levels.flatten(1), usable.float(), seen.float()[:, None])
    return torch.cat([part.float() for part in parts], dim=1)


def unpacked(rows: Tensor, sizes: Sizes) -> Batch:
    """The samples of rows."""
    h, w, frames, bands = sizes
    maps, levels, usable, seen = torch.split(rows, [3 * h * w, frames * bands, frames, 1], dim=1)
    return Batch(maps.reshape(-1, 3, h, w), levels.reshape(-1, frames, bands), usable > 0.5, seen[:, 0] > 0.5)


class VisualEncoder(nn.Module):
    """A motion map 0..255 as one token: (n, 3, h, w) -> (n, d); a learned one where there is no map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = FILTERS
        self.body = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1),
            nn.GroupNorm(4, first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.GroupNorm(4, second),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(GRID),
            nn.Flatten(),
            nn.Linear(second * GRID**2, width),
        )
        self.unseen = nn.Parameter(torch.randn(width) / width**0.5)

    def forward(self, maps: Tensor, seen: Tensor) -> Tensor:
        maps = torch.where(seen[:, None, None, None], maps, 0.0)
        return torch.where(seen[:, None], self.body(maps / 127.5 - 1.0), self.unseen)


class AudioEncoder(nn.Module):
    """Log-mel levels as tokens of four frames each: standardised, two convolutions, a recurrent layer.

    Frames that are not to be used are zeros, whatever stands in them; beside the bands goes the mask itself,
    so that pauses are seen. Where no frame is left, the only key is a learned token of silence.
    """

    def __init__(self, bands: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(bands))
        self.register_buffer("spread", torch.ones(bands))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_in, width, KERNEL, padding=KERNEL // 2) for n_in in (bands + 1, width)
        )
        self.recurrent = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.silence = nn.Parameter(torch.randn(width) / width**0.5)

    @torch.no_grad()
    def standardise_by(self, levels: Tensor, usable: Tensor) -> None:
        """Take mean and deviation of every band from the frames to use; bands that are flat stay as wide."""
        if not usable.any():
            return
        frames = levels[usable].double()
        spread = frames.std(dim=0, correction=0)
        self.centre = frames.mean(dim=0).float()
        self.spread = torch.where(spread > _FLAT_DB, spread, 1.0).float()

    def forward(self, levels: Tensor, usable: Tensor) -> Heard:
        levels = torch.where(usable[..., None], (levels - self.centre) / self.spread, 0.0)
        mask = usable.to(levels)[:, None]
        maps = torch.cat([levels.transpose(1, 2), mask], dim=1)
        ragged = -maps.shape[2] % POOL
        maps, mask = functional.pad(maps, (0, ragged)), functional.pad(mask, (0, ragged))
        for convolution in self.convolutions:
            maps = functional.max_pool1d(torch.relu(convolution(maps)) * mask, 2)
            mask = functional.max_pool1d(mask, 2)
        states, _ = self.recurrent(maps.transpose(1, 2))
        tokens = torch.cat([states, self.silence.expand(len(states), 1, -1)], dim=1)
        keys = mask[:, 0] > 0.5
        return Heard(tokens, torch.cat([keys, ~keys.any(dim=1, keepdim=True)], dim=1))


class Ask(nn.Module):
    """Queries ask keys and keep what they were: LN(q + MHA(q, k, k))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor, tokens: Tensor, keys: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(n, q, d) asked of (n, k, d): the queries afterwards, and weights (n, q, k), mean of the heads."""
        found, weights = self.attention(
            queries, tokens, tokens, key_padding_mask=None if keys is None else ~keys
        )
        return self.norm(queries + found), weights


class Join(nn.Module):
    """What becomes of a visual token (n, d) and of sound: `forward` gives (n, parts * d)."""

    parts: ClassVar[int] = 2
    sees: ClassVar[bool] = True
    hears: ClassVar[bool] = True

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()


class Vision(Join):
    """Motion alone."""

    parts = 1
    hears = False

    def forward(self, token: Tensor, heard: None) -> Tensor:
        return token


class Hearing(Join):
    """Speech alone."""

    parts = 1
    sees = False

    def forward(self, token: None, heard: Heard) -> Tensor:
        return heard.pooled()


class Concatenation(Join):
    """Both side by side: neither asks the other."""

    def forward(self, token: Tensor, heard: Heard) -> Tensor:
        return torch.cat([token, heard.pooled()], dim=1)


class Asymmetric(Join):
    """The visual token asks the sound, beside the pooled sound; sound never asks."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.vision_asks = Ask(width, heads)

    def attend(self, token: Tensor, heard: Heard) -> tuple[Tensor, Tensor]:
        """The visual token afterwards (n, d), and its weights over the tokens of sound (n, T' + 1)."""
        asked, weights = self.vision_asks(token[:, None], heard.tokens, heard.keys)
        return asked[:, 0], weights[:, 0]

    def forward(self, token: Tensor, heard: Heard) -> Tensor:
        return torch.cat([self.attend(token, heard)[0], heard.pooled()], dim=1)


class Symmetric(Asymmetric):
    """The same, and every token of sound asks the visual token before they are pooled.

    As there is one visual token, those weights are 1: sound is told of vision, it does not choose.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.sound_asks = Ask(width, heads)

    def forward(self, token: Tensor, heard: Heard) -> Tensor:
        asked = self.attend(token, heard)[0]
        told, _ = self.sound_asks(heard.tokens, token[:, None])
        return torch.cat([asked, Heard(told, heard.keys).pooled()], dim=1)


class AudioVisualNet(nn.Module):
    """Encoders, `join`, and a readout of two layers, for rows (n, values) of the given sizes.

    Parameters
    ----------
    modality_dropout
        Chance that, while training, a sample that has both is shown without its map or without its sound,
        either as often. Never without both.
    """

    def __init__(
        self,
        join: type[Join],
        sizes: Sizes,
        *,
        n_classes: int,
        width: int,
        heads: int,
        dropout: float,
        modality_dropout: float,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.modality_dropout = modality_dropout if join.sees and join.hears else 0.0
        self.eye = VisualEncoder(width) if join.sees else None
        self.ear = AudioEncoder(sizes.bands, width) if join.hears else None
        self.join = join(width, heads)
        self.readout = nn.Sequential(
            nn.Linear(join.parts * width, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, n_classes),
        )

    def standardise_by(self, rows: Tensor) -> None:
        """Take the scale of every band from these samples."""
        if self.ear is not None:
            batch = unpacked(rows, self.sizes)
            self.ear.standardise_by(batch.levels, batch.usable)

    def encoded(self, batch: Batch) -> tuple[Tensor | None, Heard | None]:
        """The visual token and the tokens of sound, as far as they are asked for."""
        return (
            None if self.eye is None else self.eye(batch.maps, batch.seen),
            None if self.ear is None else self.ear(batch.levels, batch.usable),
        )

    def forward(self, rows: Tensor) -> Tensor:
        batch = unpacked(rows, self.sizes)
        if self.training and self.modality_dropout > 0:
            batch = hidden(batch, self.modality_dropout)
        logits: Tensor = self.readout(self.join(*self.encoded(batch)))
        return logits

    def attention(self, rows: Tensor) -> Tensor:
        """Weights of the visual token over the frames of sound (n, T), NaN where no frame can be used.

        Weights of a token are shared evenly by those of its frames that can be used.
        """
        batch = unpacked(rows, self.sizes)
        _, weights = self.join.attend(*self.encoded(batch))  # type: ignore[operator]
        ragged = -batch.usable.shape[1] % POOL
        usable = functional.pad(batch.usable.double(), (0, ragged)).reshape(len(rows), -1, POOL)
        shares = usable / usable.sum(dim=2, keepdim=True).clamp(min=1.0) * weights[:, :-1, None].double()
        frames = shares.flatten(1)[:, : batch.usable.shape[1]]
        return torch.where(batch.usable.any(dim=1, keepdim=True), frames, torch.nan)


def hidden(batch: Batch, chance: float) -> Batch:
    """The batch with one modality of some samples hidden, of those only that have both."""
    both = batch.seen & batch.usable.any(dim=1)
    draw = torch.rand(len(both), device=both.device)
    blind, deaf = both & (draw < chance / 2), both & (draw >= chance / 2) & (draw < chance)
    return batch._replace(seen=batch.seen & ~blind, usable=batch.usable & ~deaf[:, None])
