"""Micro-expressions with speech, after AMF-Net (Wang et al. 2025, arXiv:2509.14592), and its comparisons.

Published of AMF-Net: a global visual summary and a dynamic audio sequence, joined by asymmetric
cross-attention instead of concatenation; leave-one-subject-out accuracy on MMED (three classes) 81.90 with
both, 78.54 with vision, 75.16 with audio alone. Neither code, encoders, sizes, loss, training, features of
sound, nor who asks whom is known.
Ours: everything else. Vision asks: one token of the onset-apex motion map is the only query, tokens of the
sound are keys and values, sound never asks. The map goes through two convolutions and a 4 x 4 grid of places
into one token of 64; 64 log-mel levels every 10 ms go through two convolutions and a bidirectional GRU into
tokens of 40 ms. Four heads; LN(v + attention) beside the mean of the sound's tokens; two layers of readout
with dropout 0.3. Only frames with speech are read: the others are zeros beside a mask, keys never, and a
learned token of silence stands where there is no speech; another one where there is no map. Bands are
standardised by the training samples' frames with speech. While training, a fifth of the samples miss one
modality. AdamW 5e-4, weight decay 0.01, batches of 32, 60 epochs, cross-entropy weighted by class, for MMED's
negative class is rare.

All five methods share encoders, readout and training; they differ in what is joined, and how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.recognition.audio_visual_input import (
    AUDIO_VISUAL,
    AudioVisualInput,
    audio_visual_dtype,
    audio_visual_samples,
    sizes_of,
)
from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mien.learning.losses import LogitLoss
    from mien.recognition.audio_visual_layers import AudioVisualNet, Join

__all__ = [
    "AUDIO_VISUAL",
    "AMFStyleRecogniser",
    "AudioRecogniser",
    "AudioVisualInput",
    "ConcatenationRecogniser",
    "SymmetricRecogniser",
    "VisualRecogniser",
    "audio_visual_dtype",
    "audio_visual_samples",
]


@dataclass(eq=False, repr=False, kw_only=True)
class AudioVisualRecogniser(NetworkRecogniser):
    """What the five methods share; X is a structured array (n_samples,) of `audio_visual_dtype`.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training by AdamW; nothing of it is published.
    imbalance
        "as-published", though nothing is: cross-entropy weighted by class.
    width
        Of the tokens.
    heads
        Of attention; 1 or more that divide the width.
    dropout
        Chance that a value before the last layer is left out.
    modality_dropout
        Chance that a training sample with both is shown without its map or without its sound.

    Raises
    ------
    DataError
        On fitting or answering, if the input is of another kind, or of other sizes than in training.
    OptionError
        On fitting, if a parameter cannot be.
    """

    needs: ClassVar[AudioVisualInput] = AUDIO_VISUAL
    optimiser = "adamw"

    epochs: int = 60
    learning_rate: float = 5e-4
    batch_size: int = 32
    weight_decay: float = 0.01
    width: int = 64
    heads: int = 4
    dropout: float = 0.3
    modality_dropout: float = 0.2

    def _join(self) -> type[Join]:
        """The layer that joins map and sound."""
        raise NotImplementedError

    def _network(self, shape: tuple[int, ...], n_classes: int) -> AudioVisualNet:
        from mien.recognition.audio_visual_layers import AudioVisualNet, Sizes

        return AudioVisualNet(
            self._join(),
            Sizes(*shape),
            n_classes=n_classes,
            width=self.width,
            heads=self.heads,
            dropout=self.dropout,
            modality_dropout=self.modality_dropout,
        )

    def _check_options(self) -> None:
        super()._check_options()
        chances = (self.dropout, self.modality_dropout)
        fits = self.width >= 2 and self.heads >= 1 and self.width % self.heads == self.width % 2 == 0
        if not fits or not all(0 <= chance < 1 for chance in chances):
            raise OptionError(
                f"parameters of {self.method}",
                wanted="an even width that is a multiple of heads, chances of at least 0 and below 1",
                got=f"width {self.width}, heads {self.heads}, dropout {chances[0]}, modality {chances[1]}",
                remedy="correct them",
            )

    def _judge(self, codes: NDArray[np.int64], *, smoothing: float = 0.0) -> LogitLoss:
        from mien.learning.losses import logit_loss

        if self.imbalance == "as-published":
            return logit_loss("weighted", codes, smoothing=smoothing)
        return super()._judge(codes, smoothing=smoothing)

    def _tensor(self, X: NDArray[Any]) -> Tensor:
        """X as rows of float32, with zeros for what is not to be read."""
        import torch

        from mien.recognition.audio_visual_layers import packed

        usable = X["heard"] & X["voiced"]
        fields = X["visual"], X["audio"], usable, X["seen"]
        # Copies: fields lie between each other, at odd bytes.
        return packed(*(torch.from_numpy(np.array(one, order="C")) for one in fields))

    def _start(self, inputs: Tensor, codes: NDArray[np.int64]) -> Callable[[], nn.Module]:
        """The untrained network, standardising by the training samples."""

        def build() -> nn.Module:
            network = self._network(self.sizes_, len(self.classes_))
            network.standardise_by(inputs)
            return network

        return build

    def _fit(self, X: NDArray[Any], y: NDArray[np.int64], watch: NDArray[Any] | None) -> FloatArray:
        self.needs.check(X, method=self.method)
        self.sizes_ = sizes_of(X)
        stages = super()._fit(X, y, watch)
        self.shape_ = self.sizes_  # what the card says: X itself has no axes but that of samples
        return stages

    def _checked(self, X: NDArray[Any]) -> Tensor:
        self.needs.check(X, method=self.method)
        if sizes_of(X) != self.sizes_:
            raise DataError(
                f"input of {self.method}",
                wanted="maps of {} x {}, {} frames of {} bands, as in training".format(*self.sizes_),
                got="{} x {}, {} frames of {} bands".format(*sizes_of(X)),
                remedy="measure them with the settings of the training samples",
            )
        return self._tensor(X)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A fitted recogniser from a file that `save` wrote; raises DataError for any other."""
        one = super().load(path)
        height, width, frames, bands = one.shape_
        one.sizes_ = height, width, frames, bands
        return one


class _Attending(AudioVisualRecogniser):
    """A method whose visual token asks the sound."""

    def attention(self, X: NDArray[Any]) -> FloatArray:
        """What vision looks for in the sound: weights over its frames (n_samples, n_frames), mean of heads.

        They add up to 1 over the frames with speech and are 0 elsewhere; NaN where there is no speech. A
        weight says what was mixed, not what the answer depends on.
        """
        import torch

        rows, size = self._checked(X), self._settings().batch_size
        network: Any = self.network_.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            parts = [network.attention(part.to(device)).cpu() for part in torch.split(rows, size)]
        return np.asarray(torch.cat(parts).numpy())


@dataclass(eq=False, repr=False, kw_only=True)
class AMFStyleRecogniser(_Attending):
    """AMF-style: the visual token asks the sound; see the module for what is published."""

    method: ClassVar[str] = "amf-style"

    def _join(self) -> type[Join]:
        from mien.recognition.audio_visual_layers import Asymmetric

        return Asymmetric


@dataclass(eq=False, repr=False, kw_only=True)
class VisualRecogniser(AudioVisualRecogniser):
    """The same without sound; `modality_dropout` and `heads` do nothing."""

    method: ClassVar[str] = "av-visual"

    def _join(self) -> type[Join]:
        from mien.recognition.audio_visual_layers import Vision

        return Vision


@dataclass(eq=False, repr=False, kw_only=True)
class AudioRecogniser(AudioVisualRecogniser):
    """The same without maps; `modality_dropout` and `heads` do nothing."""

    method: ClassVar[str] = "av-audio"

    def _join(self) -> type[Join]:
        from mien.recognition.audio_visual_layers import Hearing

        return Hearing


@dataclass(eq=False, repr=False, kw_only=True)
class ConcatenationRecogniser(AudioVisualRecogniser):
    """The same with both side by side instead of attention; `heads` does nothing."""

    method: ClassVar[str] = "av-concatenation"

    def _join(self) -> type[Join]:
        from mien.recognition.audio_visual_layers import Concatenation

        return Concatenation


@dataclass(eq=False, repr=False, kw_only=True)
class SymmetricRecogniser(_Attending):
    """The same with attention in both directions; sound has only one visual token to ask."""

    method: ClassVar[str] = "av-symmetric"

    def _join(self) -> type[Join]:
        from mien.recognition.audio_visual_layers import Symmetric

        return Symmetric
