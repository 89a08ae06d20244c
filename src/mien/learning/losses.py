"""Losses beside cross-entropy.

A loss of a training step is a function of the network, a batch of inputs and their class indices, so that
it may change the inputs, ask for more than the logits, or compare samples with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

StepLoss = Callable[[nn.Module, Tensor, Tensor], Tensor]
LogitLoss = Callable[[Tensor, Tensor], Tensor]
"""The loss of logits (n, n_classes) and class indices (n,)."""

FOCUS = 2.0


def class_weights(codes: NDArray[np.int64]) -> Tensor:
    """n / (n_classes * n_c) for the classes 0 ... of the training samples' codes, (n_classes,) float32."""
    counts = np.maximum(np.bincount(codes), 1)
    return torch.tensor(len(codes) / (len(counts) * counts), dtype=torch.float32)


def logit_loss(
    kind: Literal["plain", "weighted", "focal"], codes: NDArray[np.int64], *, smoothing: float = 0.0
) -> LogitLoss:
    """Cross-entropy, cross-entropy with `class_weights`, or focal loss with gamma 2.

    Parameters
    ----------
    codes
        Class indices of all training samples: nobody else's weigh.
    smoothing
        Of the labels, for cross-entropy.
    """
    if kind == "focal":
        return lambda logits, labels: focal_loss(logits, labels, gamma=FOCUS)
    weights = class_weights(codes) if kind == "weighted" else None

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        given = None if weights is None else weights.to(logits.device)
        return functional.cross_entropy(logits, labels, weight=given, label_smoothing=smoothing)

    return loss


def focal_loss(logits: Tensor, labels: Tensor, *, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    """Mean of -alpha_y (1 - p_y)^gamma log p_y, logits (n, n_classes), labels (n,).

    Lin et al. 2017, doi:10.1109/ICCV.2017.324. With gamma 0 and no alpha it is cross-entropy.
    """
    log_p = functional.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    terms = -((1 - log_p.exp()) ** gamma) * log_p
    return (terms if alpha is None else alpha[labels] * terms).mean()


def contrastive_loss(vectors: Tensor, labels: Tensor, *, margin: float = 1.0) -> Tensor:
    """Pairs of one class drawn together, others pushed `margin` apart, both kinds weighing the same.

    Over all pairs of a batch of vectors (n, d): the mean of d^2 over pairs of one class, plus the mean of
    max(0, margin - d)^2 over the others (Hadsell et al. 2006, doi:10.1109/CVPR.2006.100). A kind of pair
    that the batch does not have adds nothing.
    """
    first, second = torch.triu_indices(len(vectors), len(vectors), offset=1, device=vectors.device)
    squared = ((vectors[first] - vectors[second]) ** 2).sum(dim=1)
    same = labels[first] == labels[second]
    apart = functional.relu(margin - (squared[~same] + 1e-12).sqrt()) ** 2
    kinds = [part.mean() for part in (squared[same], apart) if len(part)]
    return torch.stack(kinds).sum() if kinds else vectors.sum() * 0.0
