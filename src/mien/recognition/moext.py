"""MoExt: motion extracted from two frames, learned by rebuilding the apex (Li et al. 2024, arXiv:2407.07345).

Published: RGB onset and apex, 224 x 224, values 0..1; encoder, separator of motion and texture, manipulator,
decoder; the five terms of the pre-training loss, Adam 1e-4 with weight decay 1e-4, batches of 32, 15 epochs;
then, without the decoder, channel attention and convolutions to the classes, all weights trained further by
cross-entropy, 30 epochs; 21.1 million parameters in pre-training and 31.1 in recognition.
Ours: the pre-training sees the samples given to `fit` and no others (the published one sees CASME II, test
subjects included, and macro-expressions of CAS(ME)3); the last epoch (the published number keeps the best on
the test subject). How the blocks widen and that skips are added was inferred from 21.1 million; recognition
then has 31.2. Shuffling and augmentation of the published training are not known; there is none here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.recognition.inputs import FRAME_PAIR, Input
from mien.recognition.network import NetworkRecogniser

if TYPE_CHECKING:
    from torch import Tensor, nn


SMALLEST = 32  # pixels: every frame is halved five times


@dataclass(eq=False, repr=False, kw_only=True)
class MoExtRecogniser(NetworkRecogniser):
    """MoExt as a classifier of onset-apex pairs of frames.

    Parameters
    ----------
    epochs, learning_rate, batch_size, weight_decay
        Training, defaults as published; pre-training shares all but the epochs.
    pretrain_epochs
        Of rebuilding, 0 for none.
    width
        Maps of the first encoder block.
    size
        Side to which frames are brought first, pixels; None takes them as they are (published: 224).
    """

    method: ClassVar[str] = "moext"
    needs: ClassVar[Input] = FRAME_PAIR

    epochs: int = 30
    learning_rate: float = 1e-4
    batch_size: int = 32
    weight_decay: float = 1e-4
    pretrain_epochs: int = 15
    width: int = 64
    size: int | None = None

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        from mien.recognition.moext_layers import MoExt

        return MoExt(self.width, n_classes)

    def _tensor(self, X: NDArray[Any]) -> Tensor:
        import torch

        height, width = X.shape[2:4] if self.size is None else (self.size, self.size)
        if height != width or height % SMALLEST or not height:
            raise DataError(
                f"input of {self.method}",
                wanted=f"square frames of a multiple of {SMALLEST} pixels, published 224",
                got=f"{height} x {width}",
                remedy="give the parameter size",
            )
        pairs = X if X.dtype == np.uint8 else X.astype(np.float32)
        if self.size not in (None, X.shape[2]):
            pairs = np.stack([_resized(pair, height) for pair in pairs])
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pairs, -1, 1)))

    def _start(self, inputs: Tensor, codes: NDArray[np.int64]) -> Callable[[], nn.Module]:
        if self.pretrain_epochs == 0:
            return super()._start(inputs, codes)
        from dataclasses import replace

        from mien.learning.train import train
        from mien.recognition.moext_layers import MoExt, Rebuilder

        settings = replace(self._settings(), epochs=self.pretrain_epochs)
        rebuilder = train(
            lambda: Rebuilder(self.width),
            inputs,
            codes,
            settings,
            seed=self.seed,
            loss=lambda network, pairs, _: network.loss(pairs),  # type: ignore[operator]
        )
        return lambda: MoExt(self.width, len(self.classes_), rebuilder.extractor)  # type: ignore[arg-type]


def _resized(pair: NDArray[Any], side: int) -> NDArray[Any]:
    import cv2

    kind = cv2.INTER_AREA if side < pair.shape[1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (side, side), interpolation=kind) for frame in pair])
