"""EEGNet's layers (Lawhern et al. 2018, arXiv:1611.08024), in the published order and in a faster, equal one.

Published: a temporal filter of each channel, batch normalisation, a spatial filter, and the layers after it.
Ours: the spatial filter goes first, so that the temporal one runs over F1 D signals instead of F1 C. For an
input x~ padded with zeros, temporal weights w_f, spatial weights s_g (g of filter f) and h_fc(t) =
sum_k w_f(k) x~_c(t + k), both filters are linear, and the normalisation between them is one scale a_f =
gamma_f / sqrt(v_f + eps) and one shift b_f = beta_f - a_f m_f a filter:

    sum_c s_gc (a_f h_fc(t) + b_f) = a_f sum_k w_f(k) [sum_c s_gc x~_c(t + k)] + b_f sum_c s_gc.

Mean and variance of h_f over the N samples, channels and times of a batch need no h_f either:

    m_f = w_f . A / N,                 A(k) = sum x~(t + k),
    v_f = w_f' R w_f / N - m_f^2,      R(k, l) = sum x~(t + k) x~(t + l).

A and R belong to the input alone, so they are computed once. R is the input's autocorrelation r(|k - l|),
from its power spectrum, less the products that padding to equal length cuts off at both ends. All of this
is differentiable, so gradients are equal too. A, R, m and v are float64 whatever the input is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn
from torch.nn import functional

from mien.core.errors import DataError, OptionError

Order = Literal["spatial-first", "temporal-first"]
ORDERS: tuple[Order, ...] = ("spatial-first", "temporal-first")

EPS = 1e-3
MOMENTUM = 0.01
SEPARABLE_KERNEL = 16
POOLS = (4, 8)
SPATIAL_NORM = 1.0
READOUT_NORM = 0.25
ROUNDING = 1e-6  # relative; a norm that was just shortened is not too long


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over channels and times of what a temporal filter of K samples sees, for each of n epochs.

    Attributes
    ----------
    sums
        Of the input at each of the filter's positions, (n, K), float64.
    products
        Of the input at each two positions, (n, K, K), float64.
    count
        Channels times samples of one epoch.
    """

    sums: Tensor
    products: Tensor
    count: int

    def to(self, device: torch.device | str) -> Moments:
        """The same on another device."""
        return Moments(self.sums.to(device), self.products.to(device), self.count)

    def __getitem__(self, rows: Tensor) -> Moments:
        """Those of some epochs."""
        return Moments(self.sums[rows], self.products[rows], self.count)


def input_moments(epochs: Tensor, kernel: int) -> Moments:
    """The moments of epochs (n, channels, samples) for filters of `kernel` samples, equal-length padding.

    Differentiable by the epochs. Zeros are padded as in `torch` and Keras: (kernel - 1) // 2 before.
    """
    before = (kernel - 1) // 2
    after = kernel - 1 - before
    epochs = epochs.double()
    n_samples = epochs.shape[-1]
    length = next_fast_len(n_samples + kernel - 1, real=True)  # no lag wraps around
    spectrum = torch.fft.rfft(epochs, n=length)
    power = (spectrum.real**2 + spectrum.imag**2).sum(dim=1)
    lags = torch.arange(kernel, device=epochs.device)
    products = torch.fft.irfft(power, n=length)[:, (lags[:, None] - lags).abs()]
    first, last = epochs[..., :after], epochs[..., n_samples - before :]
    products = (
        products
        - functional.pad(_cut_off(first), (before + 1, 0, before + 1, 0))
        - functional.pad(_cut_off(last.flip(-1)).flip(-1, -2), (0, after + 1, 0, after + 1))
    )
    total = epochs.sum(dim=(1, 2))[:, None]
    lost_after = last.sum(dim=1).flip(-1).cumsum(dim=-1).flip(-1)
    lost_before = first.sum(dim=1).cumsum(dim=-1)
    sums = torch.cat([total - lost_after, total, total - lost_before], dim=1)
    return Moments(sums, products, epochs.shape[1] * n_samples)


def _cut_off(edge: Tensor) -> Tensor:
    """sum_c,u x_c(i - u) x_c(j - u) over u = 0 ... min(i, j), from (n, channels, m) to (n, m, m)."""
    gram = edge.transpose(1, 2) @ edge
    rows: list[Tensor] = []
    for i in range(edge.shape[-1]):
        row = gram[:, i]
        rows.append(row + functional.pad(rows[-1][:, :-1], (1, 0)) if rows else row)
    return torch.stack(rows, dim=1) if rows else gram


class EEGNet(nn.Module):
    """EEGNet for epochs (n, channels, samples), returning (n, n_classes) logits; `build_eegnet` makes it.

    `centre` and `spread`, (channels, 1), standardise what comes in; `standardise_by` measures them. The norm
    of each spatial filter stays below 1 and that of each class's readout below 0.25: before a forward pass in
    training and whenever the mode changes, longer ones are shortened in place. As a step of an optimiser is
    followed by one of these, that equals shortening them after every step.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        *,
        n_channels: int,
        n_samples: int,
        n_classes: int,
        filters: int,
        depth: int,
        kernel: int,
        dropout: float,
        order: Order,
    ) -> None:
        super().__init__()
        width, (short, long) = filters * depth, POOLS
        self.order = order
        self.kernel = kernel
        self.register_buffer("centre", torch.zeros(n_channels, 1))
        self.register_buffer("spread", torch.ones(n_channels, 1))
        self.temporal = nn.Conv2d(1, filters, (1, kernel), bias=False)
        self.norm = nn.BatchNorm2d(filters, eps=EPS, momentum=MOMENTUM)
        self.spatial = nn.Conv2d(filters, width, (n_channels, 1), groups=filters, bias=False)
        self.rest = nn.Sequential(
            nn.BatchNorm1d(width, eps=EPS, momentum=MOMENTUM),
            nn.ELU(),
            nn.AvgPool1d(short),
            nn.Dropout(dropout),
            nn.ZeroPad1d(((SEPARABLE_KERNEL - 1) // 2, SEPARABLE_KERNEL // 2)),
            nn.Conv1d(width, width, SEPARABLE_KERNEL, groups=width, bias=False),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width, eps=EPS, momentum=MOMENTUM),
            nn.ELU(),
            nn.AvgPool1d(long),
            nn.Dropout(dropout),
            nn.Flatten(),
        )
        self.readout = nn.Linear(width * (n_samples // short // long), n_classes)
        for part in self.modules():
            if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(part.weight)
        nn.init.zeros_(self.readout.bias)
        self.shorten()

    def train(self, mode: bool = True) -> EEGNet:
        """Training or evaluation mode, with the norms held."""
        super().train(mode)
        self.shorten()
        return self

    @torch.no_grad()
    def shorten(self) -> None:
        """Bring spatial filters and readouts that are too long to their greatest norm."""
        for weight, most in ((self.spatial.weight, SPATIAL_NORM), (self.readout.weight, READOUT_NORM)):
            if (weight.flatten(1).norm(dim=1) > most * (1 + ROUNDING)).any():
                weight.copy_(torch.renorm(weight, p=2, dim=0, maxnorm=most))

    @torch.no_grad()
    def standardise_by(self, epochs: Tensor) -> None:
        """Take mean and standard deviation of each channel from training epochs (n, channels, samples).

        A channel that is constant, within rounding, is only centred.
        """
        count = epochs.shape[0] * epochs.shape[2]
        total = epochs.sum(dim=(0, 2), dtype=torch.float64)
        centre = (total / count)[:, None]
        squares = sum(((part.double() - centre) ** 2).sum(dim=(0, 2)) for part in epochs.split(64))
        spread = torch.sqrt(torch.as_tensor(squares) / count)[:, None]
        flat = spread <= 1e-6 * centre.abs()
        self.centre.copy_(centre)
        self.spread.copy_(torch.where(flat, torch.ones_like(spread), spread))

    def standardised(self, epochs: Tensor) -> Tensor:
        """Epochs less the centre, over the spread."""
        return (epochs - self.centre) / self.spread

    @torch.no_grad()
    def moments(self, epochs: Tensor) -> Moments:
        """The moments of standardised epochs, in blocks: to compute once and give to `forward`."""
        parts = [input_moments(self.standardised(part), self.kernel) for part in epochs.split(64)]
        return Moments(
            torch.cat([part.sums for part in parts]),
            torch.cat([part.products for part in parts]),
            parts[0].count,
        )

    def forward(self, epochs: Tensor, moments: Moments | None = None) -> Tensor:
        """Logits (n, n_classes).

        Training with the spatial filter first needs the moments of the standardised epochs: given, as
        `moments` makes them, or else computed anew.
        """
        if self.training:
            self.shorten()
        inputs = self.standardised(epochs)
        if self.order == "temporal-first":
            return self.readout(self.rest(self._temporal_first(inputs)))
        return self.readout(self.rest(self._spatial_first(inputs, moments)))

    def _padding(self) -> tuple[int, int]:
        return (self.kernel - 1) // 2, self.kernel // 2

    def _temporal_first(self, inputs: Tensor) -> Tensor:
        """As published, through every channel: (n, channels, samples) to (n, F1 D, samples)."""
        each = self.temporal(functional.pad(inputs, self._padding())[:, None])
        return self.spatial(self.norm(each))[:, :, 0]

    def _spatial_first(self, inputs: Tensor, moments: Moments | None) -> Tensor:
        """The same values."""
        spatial, temporal = self.spatial.weight[:, 0, :, 0], self.temporal.weight[:, 0, 0]
        width, depth = len(spatial), len(spatial) // len(temporal)
        if self.training:
            mean, variance = self._statistics(moments or input_moments(inputs, self.kernel), temporal)
        else:
            mean, variance = _given(self.norm.running_mean), _given(self.norm.running_var)
        scale = self.norm.weight / torch.sqrt(variance + EPS)
        shift = self.norm.bias - scale * mean
        kernels = (scale[:, None] * temporal).repeat_interleave(depth, dim=0)
        mixed = functional.pad(spatial @ inputs, self._padding())
        bias = shift.repeat_interleave(depth) * spatial.sum(dim=1)
        return functional.conv1d(mixed, kernels[:, None], bias, groups=width)

    def _statistics(self, moments: Moments, temporal: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (F1,) of the temporal filters' outputs; running statistics follow them."""
        weights, count = temporal.double(), moments.count * len(moments.sums)
        mean = weights @ (moments.sums.sum(dim=0) / count)
        square = ((weights @ (moments.products.sum(dim=0) / count)) * weights).sum(dim=1)
        variance = (square - mean**2).clamp(min=0)
        mean, variance = mean.to(temporal.dtype), variance.to(temporal.dtype)
        with torch.no_grad():
            unbiased = variance * (count / max(count - 1, 1))
            _given(self.norm.running_mean).lerp_(mean, MOMENTUM)
            _given(self.norm.running_var).lerp_(unbiased, MOMENTUM)
            _given(self.norm.num_batches_tracked).add_(1)
        return mean, variance


def _given(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise TypeError("batch normalisation without running statistics")
    return tensor


def build_eegnet(
    *,
    n_channels: int,
    n_samples: int,
    n_classes: int,
    filters: int = 8,
    depth: int = 2,
    kernel: int = 64,
    dropout: float = 0.25,
    order: Order = "spatial-first",
) -> EEGNet:
    """EEGNet-`filters`,`depth` for epochs (n, n_channels, n_samples), 128 samples a second as published.

    Temporal Conv 1 x kernel -> BatchNorm -> spatial Conv n_channels x 1 -> BatchNorm -> ELU -> AvgPool 4 ->
    Dropout -> separable Conv 16 -> BatchNorm -> ELU -> AvgPool 8 -> Dropout -> Linear. 8 filters, depth 2 and
    kernel 64 with 64 channels, 1280 samples and 7 classes make 6,615 trainable parameters.

    Parameters
    ----------
    kernel
        Length of the temporal filters in samples: half a second.
    order
        Which filter is computed first; weights, outputs and gradients are the same.

    Raises
    ------
    DataError
        If an epoch is shorter than 32 samples or than the kernel.
    OptionError
        If an option cannot be.
    """
    if min(filters, depth, kernel) < 1 or not 0 <= dropout < 1 or order not in ORDERS:
        raise OptionError(
            "EEGNet",
            wanted=f"filters, depth, kernel >= 1, dropout in [0, 1), order {' or '.join(ORDERS)}",
            got=f"{filters}, {depth}, {kernel}, {dropout}, {order}",
            remedy="correct the value",
        )
    least = max(kernel, POOLS[0] * POOLS[1])
    if n_samples < least:
        raise DataError(
            "EEG epochs",
            wanted=f"at least {least} samples",
            got=n_samples,
            remedy="cut longer epochs or shorten the temporal kernel",
        )
    return EEGNet(
        n_channels=n_channels,
        n_samples=n_samples,
        n_classes=n_classes,
        filters=filters,
        depth=depth,
        kernel=kernel,
        dropout=dropout,
        order=order,
    )
