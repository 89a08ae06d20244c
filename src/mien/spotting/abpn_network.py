"""ABPN's network and losses, as published (Leng et al. 2022, doi:10.1145/3503161.3551599; method sheet 1.2).

What the sheet leaves open is decided in `abpn`, which says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from mien.core.expression import Kind
from mien.spotting.flow_windows import KINDS
from mien.spotting.roi_motion import ROIS

if TYPE_CHECKING:
    from torch import Tensor, nn

SEGMENT, CONTEXT = 256, 7
WIDTH, N_OUTPUTS = 64, 10
_SEEN = 5  # frames on either side, which convolutions without padding take off

APEX_ALPHA, ACTION_ALPHA = 0.90, 0.80
BOUNDARY_WEIGHTS = (0.45, 0.45, 0.10)
NEGATIVE_LABEL = 0.16
LOSS_WEIGHTS: Mapping[Kind, tuple[float, float, float]] = MappingProxyType(
    {"micro": (1.8, 1.0, 0.1), "macro": (1.0, 1.0, 0.1)}
)
"""Of apex, boundary and action."""


def build_abpn() -> nn.Module:
    """The network for flow (n, 24, length + 14), returning logits (n, 10, length).

    Outputs 0-2 are start, end and none of a micro-expression, 3-5 of a macro-expression; 6 and 7 apexes of
    both; 8 and 9 actions.
    """
    import torch
    from torch import nn

    def conv(n_in: int, n_out: int, size: int, dilation: int = 1) -> nn.Module:
        layer = nn.Conv1d(n_in, n_out, size, dilation=dilation, bias=False)
        nn.init.kaiming_normal_(layer.weight)
        return layer

    class ABPN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.roi_weights = nn.Parameter(torch.zeros(len(ROIS)))
            self.layers = nn.Sequential(
                conv(2 * len(ROIS), WIDTH, 1), nn.BatchNorm1d(WIDTH), nn.ReLU(),
                conv(WIDTH, WIDTH, 3), nn.BatchNorm1d(WIDTH), nn.ReLU(),
                conv(WIDTH, WIDTH, 3, 2), nn.BatchNorm1d(WIDTH), nn.ReLU(),
                conv(WIDTH, N_OUTPUTS, 3, 2),
            )  # fmt: skip

        def forward(self, flow: Tensor) -> Tensor:
            weights = torch.softmax(self.roi_weights, dim=0).repeat_interleave(2)
            spare = CONTEXT - _SEEN
            return self.layers(flow * weights[:, None])[..., spare:-spare]

    return ABPN()


def kind_loss(logits: Tensor, truth: Sequence[Tensor], where: Tensor, kind: Kind) -> Tensor:
    """The published loss of one kind: of outputs (n, 10, length) and apex, boundary and action (n, length).

    `where` is 1 at frames that count, (n, length).
    """
    number, (apex, boundary, action) = KINDS.index(kind), truth
    parts = (
        focal_binary(logits[:, 6 + number], apex, APEX_ALPHA),
        focal_boundary(logits[:, 3 * number : 3 * number + 3], boundary),
        focal_binary(logits[:, 8 + number], action, ACTION_ALPHA),
    )
    weighed = [weight * part for weight, part in zip(LOSS_WEIGHTS[kind], parts, strict=True)]
    return (sum(weighed[1:], weighed[0]) * where).sum() / where.sum()


def focal_binary(logits: Tensor, targets: Tensor, alpha: float) -> Tensor:
    """-|y' - p| (alpha y log p + (1 - alpha) (1 - y) log(1 - p)), y' = y but .16 where y is 0; gamma 1."""
    import torch
    from torch.nn.functional import logsigmoid

    shifted = torch.where(targets > 0, targets, torch.full_like(targets, NEGATIVE_LABEL))
    factor = (shifted - torch.sigmoid(logits)).abs()
    yes, no = logsigmoid(logits), logsigmoid(-logits)
    return -factor * (alpha * targets * yes + (1 - alpha) * (1 - targets) * no)


def focal_boundary(logits: Tensor, classes: Tensor) -> Tensor:
    """-w_c (1 - p_c) log p_c of logits (n, 3, length) and classes (n, length); gamma 1."""
    log_p = logits.log_softmax(dim=1).gather(1, classes[:, None])[:, 0]
    weights = logits.new_tensor(BOUNDARY_WEIGHTS)[classes]
    return -weights * (1 - log_p.exp()) * log_p
