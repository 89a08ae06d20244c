"""The loss of MESNet-style: cross-entropy and smooth L1 at both stages, each as inferred for MESNet.

By the method sheet (1.1) an anchor is an expression at IoU .6 or more with one and none below .3. Ours: the
anchor that is nearest to an expression counts too; of anchors without one the hardest, three for each of the
others; the second stage sees the anchors that the first likes best, and the references themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien.spotting.mesnet_layers import moved_spans, moves_between, spans_iou

if TYPE_CHECKING:
    from torch import Tensor, nn

POSITIVE_IOU, NEGATIVE_IOU = 0.6, 0.3
N_OFFERED = 48
_HARD, _FEWEST = 3, 16


def two_stage_loss(
    network: nn.Module, flow: Tensor, measured: Tensor, references: Tensor, kinds: Tensor, places: Tensor
) -> Tensor:
    """The loss of both stages for clips.

    Parameters
    ----------
    flow
        Shape (n, length, 2, 32, 32).
    measured
        Shape (n,): frames of each clip that are no filling.
    references, kinds
        Shape (n, r, 2) in frames and (n, r): classes of `CLASSES`, 0 for none.
    places
        Anchors, (n_anchors, 2).
    """
    features = network(flow)
    logits, by = network.offer(features)  # type: ignore[operator]
    first = _proposal_loss(logits, by, measured, references, kinds, places)
    liked = (logits[..., 1] - logits[..., 0]).detach()
    liked = liked.masked_fill(~_inside(places, measured), float("-inf"))
    best = liked.topk(min(N_OFFERED, liked.shape[1]), dim=1).indices
    moved = moved_spans(places, by.detach())
    offered = moved.gather(1, best[..., None].expand(-1, -1, 2))
    return first + _judging_loss(network, features, offered, references, kinds)


def matched(spans: Tensor, references: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Class of each span (n, m), -1 where it is in between; its reference (n, m, 2); and all IoUs."""
    iou = spans_iou(spans, references) * (kinds > 0)[:, None]
    most, which = iou.max(dim=2)
    classes = kinds.gather(1, which)
    classes = classes.masked_fill(most < POSITIVE_IOU, -1).masked_fill(most < NEGATIVE_IOU, 0)
    return classes, references.gather(1, which[..., None].expand(-1, -1, 2)), iou


def _inside(places: Tensor, measured: Tensor) -> Tensor:
    return places.mean(dim=1) < measured[:, None]


def _proposal_loss(
    logits: Tensor, by: Tensor, measured: Tensor, references: Tensor, kinds: Tensor, places: Tensor
) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy, smooth_l1_loss

    every = places.expand(len(logits), -1, -1)
    classes, goals, iou = matched(every, references, kinds)
    nearest = (iou == iou.amax(dim=1, keepdim=True)) & (iou > NEGATIVE_IOU)
    inside = _inside(places, measured)
    yes = ((classes > 0) | nearest.any(dim=2)) & inside
    no = (classes == 0) & ~yes & inside
    terms = cross_entropy(logits.transpose(1, 2), yes.long(), reduction="none")
    n_hard = min(max(_HARD * int(yes.sum()), _FEWEST), int(no.sum()))
    loss = terms[no].topk(n_hard).values.mean() if n_hard else terms.sum() * 0.0
    if not bool(yes.any()):
        return loss
    wanted = moves_between(every[yes], goals[yes])
    return torch.stack([loss, terms[yes].mean(), smooth_l1_loss(by[yes], wanted)]).sum()


def _judging_loss(
    network: nn.Module, features: Tensor, offered: Tensor, references: Tensor, kinds: Tensor
) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy, smooth_l1_loss

    spans = torch.cat([offered, references], dim=1)
    classes, goals, _ = matched(spans, references, kinds)
    classes[:, offered.shape[1] :][kinds == 0] = -1  # filling
    clips, rows = (classes >= 0).nonzero(as_tuple=True)
    if not len(clips):
        return features.sum() * 0.0
    logits, by = network.judge(features, clips, spans[clips, rows])  # type: ignore[operator]
    truth = classes[clips, rows]
    terms = cross_entropy(logits, truth, reduction="none")
    yes = truth > 0
    parts = [terms[which].mean() for which in (yes, ~yes) if bool(which.any())]
    if bool(yes.any()):
        wanted = moves_between(spans[clips, rows][yes], goals[clips, rows][yes])
        parts.append(smooth_l1_loss(by[yes], wanted))
    return torch.stack(parts).sum()
