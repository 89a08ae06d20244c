"""Of proposals that mean the same span, the one with the highest score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray


def suppressed(
    spans: FloatArray, scores: FloatArray, *, most_iou: float, top: int | None = None
) -> NDArray[np.int64]:
    """Which spans stay, best first: those whose IoU with every better one that stays is `most_iou` or less.

    Parameters
    ----------
    spans
        Shape (n, 2): onset and offset of continuous spans.
    scores
        Shape (n,); of equal ones the first is better.
    top
        At most so many stay.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and (top is None or len(kept) < top):
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        order = rest[span_iou(spans[best], spans[rest]) <= most_iou]
    return np.array(kept, dtype=np.int64)


def span_iou(one: FloatArray, others: FloatArray) -> FloatArray:
    """IoU of one span (2,), or of spans (..., 1, 2), with others (n, 2); 0 where both have no length."""
    shared = np.minimum(one[..., 1], others[:, 1]) - np.maximum(one[..., 0], others[:, 0])
    shared = np.maximum(shared, 0.0)
    joint = (one[..., 1] - one[..., 0]) + (others[:, 1] - others[:, 0]) - shared
    return np.asarray(shared / np.maximum(joint, 1e-12))
