"""Where an answer comes from: a map of heat over the face for every sample, and the action units under it.

Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) weights the last convolution's maps by their mean gradient.
Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365) divide the difference between the scores of
a sample and of a face without motion among the pixels, without a remainder; for linear machines they are
weight times value. Scores are those before the softmax. Heat says what the answer rests on, not whether the
answer is right, nor that a muscle moved. Both run on captum; arithmetic on support vectors is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.recognition.csarnet_style import CSARNetStyleRecogniser
from mien.recognition.featref_style import FeatRefStyleRecogniser
from mien.recognition.htnet import SIZES, HTNetRecogniser, mosaic
from mien.recognition.inputs import FRAME_PAIR, Input
from mien.recognition.kernel_svm import DescriptorRecogniser
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.recognition.mersiamc3d_style import MERSiamC3DStyleRecogniser
from mien.recognition.moext import MoExtRecogniser
from mien.recognition.network import NetworkRecogniser
from mien.recognition.rcn_a import RCNARecogniser
from mien.recognition.ststnet import STSTNetRecogniser
from mien.signals.face.regions import (
    ACTION_UNIT_REGIONS,
    action_unit_masks,
    mdmo_regions,
    region_masks,
    template_landmarks,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

FloatArray = NDArray[np.float64]
Way = Literal["grad-cam", "integrated-gradients"]
WAYS: tuple[Way, ...] = ("grad-cam", "integrated-gradients")

FACE_PX = 128
"""Side of the picture onto which descriptors of blocks and regions are painted, by default."""

_STEPS = 128  # of a network's integral: what is left over is below 1 % of the score's change, mostly
_NODES = 32  # of a machine's integral: its scores are smooth
_MOST_VALUES = 2**20  # of inputs that go through a network at once
_FINEST_PX = 112  # masks of action units are drawn at least this fine: lids are thinner than a map's pixel


class RegionShare(NamedTuple):
    """How much of the heat lies where an action unit is seen.

    `share` is the heat within its parts of the face over all heat, 0 to 1; `even` the share that heat
    without any preference would have there, which is their share of the picture.
    """

    name: str
    share: float
    even: float


def attribute(
    recogniser: Any,
    X: NDArray[Any],
    code: int | Sequence[int] | NDArray[np.integer[Any]] | None = None,
    *,
    method: Literal["auto", "grad-cam", "integrated-gradients"] = "auto",
    size: int = FACE_PX,
) -> FloatArray:
    """The heat of each sample's answer, by place.

    Parameters
    ----------
    recogniser
        Fitted.
    X
        Samples of the kind that the recogniser needs, (n_samples, ...).
    code
        The class whose score is explained, as in the labels of `fit`: one for all samples or one each; by
        default each sample's most probable class.
    method
        "grad-cam": what speaks for the class, coarse; of networks with convolution maps of the face.
        "integrated-gradients": what decides, for or against the class, in absolute size. "auto": integrated
        gradients, but Grad-CAM of MoExt, whose large pictures make the integral slow and whose maps are
        averaged before the readout, as Grad-CAM presumes. STSTNet, RCN-A and FeatRef-style read every place
        with its own weight, which Grad-CAM averages away; CSARNet-style has 4 x 4 cells, HTNet one per crop:
        on simulated faces their Grad-CAM often points at parts that do not move in the class.
    size
        Side in pixels of the face onto which LBP-TOP, Bi-WOOF and MDMO are painted.

    Returns
    -------
    Shape (n_samples, height, width), 0 or more, in units of the score: of the recogniser's own map (all
    steps of a clip together), of the apex frame, or (size, size). All zero where Grad-CAM finds nothing that
    speaks for the class.

    Raises
    ------
    OptionError
        If the recogniser has no places to point at, as the majority class, or not by this method; if it has
        never learned the class.
    DataError
        If the samples are not what it learned from, or descriptors not of their default layout.
    """
    if attribution_method(recogniser, method) == "integrated-gradients":
        return np.abs(contributions(recogniser, X, code, size=size))
    inputs = recogniser._checked(X)
    return _grad_cam(recogniser, inputs, _columns(recogniser, X, code))


def attribution_method(recogniser: Any, method: str = "auto") -> Way:
    """How `attribute` explains this recogniser; raises OptionError where it cannot."""
    network = isinstance(recogniser, NetworkRecogniser)
    if not network and not isinstance(recogniser, LinearSVMRecogniser | DescriptorRecogniser):
        raise OptionError(
            f"explanation of {getattr(recogniser, 'method', type(recogniser).__name__)}",
            wanted="a network or a support vector machine over places of the face",
            got="a method that looks at no place",
            remedy="explain another method",
        )
    if method == "auto":
        return "grad-cam" if isinstance(recogniser, MoExtRecogniser) else "integrated-gradients"
    possible = WAYS if isinstance(recogniser, _WITH_MAPS) else WAYS[1:]
    if method not in possible:
        raise OptionError(
            f"explanation of {recogniser.method}",
            wanted=f"auto or {' or '.join(possible)}",
            got=method,
            remedy="choose one of them" if method not in WAYS else "it has no convolution maps of the face",
        )
    return method


def contributions(
    recogniser: Any,
    X: NDArray[Any],
    code: int | Sequence[int] | NDArray[np.integer[Any]] | None = None,
    *,
    size: int = FACE_PX,
) -> FloatArray:
    """Integrated gradients with their sign: they sum over the picture to score minus score of the baseline.

    The baseline is a face without motion: in a stretched map the median of u and of v and strain 0, as in
    `recognition.augmentation`; in a clip zeros; of a pair of frames the onset twice. A linear machine on
    pixels starts from the mean of its training maps, its score there being its intercept. Of descriptors,
    Bi-WOOF and MDMO start from zeros, which is what a still face has, LBP-TOP from the mean of the machine's
    vectors. Linear kernels: weight times value, exactly; MDMO's cubic one: a third of gradient times value.
    Blocks and regions (the template's 36 of MDMO) are painted evenly.

    Parameters and errors as in `attribute`.

    Returns
    -------
    Shape (n_samples, height, width), in units of the score.
    """
    attribution_method(recogniser, "integrated-gradients")
    if isinstance(recogniser, NetworkRecogniser):
        inputs = recogniser._checked(X)
        return _network_contributions(recogniser, inputs, _columns(recogniser, X, code))
    columns = _columns(recogniser, X, code)
    if isinstance(recogniser, LinearSVMRecogniser):
        return _pixel_contributions(recogniser, X, columns)
    parts = _vector_contributions(recogniser, np.asarray(X, dtype=np.float64), columns)
    return _painted(recogniser.needs, parts, size)


def region_shares(heat: FloatArray, landmarks: FloatArray | None = None) -> list[RegionShare]:
    """How much of the heat lies in the parts of each action unit.

    Shares are plain sums of heat, so that a number says what it seems to say; units whose parts overlap
    share heat, and shares do not sum to 1. The order is by share minus even share: by the share alone large
    parts (chin and jaw) lead whatever the heat, by their quotient a single warm pixel does.

    Parameters
    ----------
    heat
        Shape (height, width), 0 or more.
    landmarks
        Shape (68, 2) in its pixels; by default the template of an aligned square picture.

    Returns
    -------
    One entry for all units with the same parts ("AU23 lip tightener / AU24 lip pressor"), those that carry
    most beyond an even spread first. All shares are 0 where there is no heat at all.

    Raises
    ------
    DataError
        If the heat is no picture of finite numbers of 0 or more, or not square without landmarks.
    """
    if heat.ndim != 2 or 0 in heat.shape or not np.isfinite(heat).all() or (heat < 0).any():
        raise DataError(
            "heat",
            wanted="(height, width) finite numbers of 0 or more",
            got=f"shape {heat.shape}" if heat.ndim != 2 or 0 in heat.shape else "other numbers",
            remedy="give one map of attribute()",
        )
    height, width = heat.shape
    if landmarks is None:
        if height != width:
            raise DataError(
                "heat",
                wanted="a square picture, or landmarks",
                got=f"{height} x {width} pixels",
                remedy="give landmarks in its pixels",
            )
        landmarks = template_landmarks(width)
    # Every pixel's heat spread evenly over its own square.
    finer = -(-_FINEST_PX // min(height, width))
    fine = np.repeat(np.repeat(heat, finer, axis=0), finer, axis=1)
    total = float(fine.sum())
    masks = action_unit_masks((np.asarray(landmarks) + 0.5) * finer - 0.5, fine.shape)
    names: dict[tuple[str, ...], list[str]] = {}
    for name, parts in zip(masks, ACTION_UNIT_REGIONS.values(), strict=True):
        names.setdefault(parts, []).append(name)
    shares = [
        RegionShare(
            " / ".join(together),
            float(fine[masks[together[0]]].sum()) / total if total > 0 else 0.0,
            float(masks[together[0]].mean()),
        )
        for together in names.values()
    ]
    return sorted(shares, key=lambda one: (one.even - one.share, one.name))


# --- networks

_WITH_MAPS = (
    STSTNetRecogniser,
    RCNARecogniser,
    CSARNetStyleRecogniser,
    FeatRefStyleRecogniser,
    HTNetRecogniser,
    MERSiamC3DStyleRecogniser,
    MoExtRecogniser,
)


@dataclass(frozen=True, slots=True)
class _LastMaps:
    """The modules whose outputs, side by side, are a network's last convolution maps, and where those lie.

    Cell i of an axis sees pixels around `stride` * i + `offset`: spreading cells evenly over the picture
    would shift heat by up to a tenth of the face where a network pads or strides.
    """

    layers: Sequence[nn.Module]
    stride: float
    offset: float

    def place(self, maps: FloatArray, shape: tuple[int, int]) -> FloatArray:
        """Cells (n, rows, columns) as pixels (n, height, width), bilinear, constant beyond the last cells."""
        rows, columns = (
            _between(n_cells, n_pixels, self.stride, self.offset)
            for n_cells, n_pixels in zip(maps.shape[1:], shape, strict=True)
        )
        return np.asarray(rows @ maps @ columns.T)


def _between(n_cells: int, n_pixels: int, stride: float, offset: float) -> FloatArray:
    """Weights of the cells in each pixel, (n_pixels, n_cells)."""
    at = (np.arange(n_pixels) - offset) / stride
    return np.stack([np.interp(at, np.arange(n_cells), cell) for cell in np.eye(n_cells)], axis=1)


def _last_maps(recogniser: NetworkRecogniser) -> _LastMaps:
    network: Any = recogniser.network_
    if isinstance(recogniser, STSTNetRecogniser):
        return _LastMaps([stream[3] for stream in network.streams], 3, -1)
    if isinstance(recogniser, RCNARecogniser):
        return _LastMaps([network.recurrent], 2, 2.5)  # of its turns the last
    if isinstance(recogniser, CSARNetStyleRecogniser):
        return _LastMaps([network.stages[-1]], 2 ** len(network.stages), 0)
    if isinstance(recogniser, MERSiamC3DStyleRecogniser):
        n_before = len(network.blocks) - 1
        return _LastMaps([network.blocks[-1][2]], 2**n_before, (2**n_before - 1) / 2)
    if isinstance(recogniser, FeatRefStyleRecogniser):
        return _LastMaps([stream[2] for stream in network.streams], 2, 0.5)
    return _LastMaps([network.body[-2]], 16, 7.5)  # MoExt: halved once by its extractor, three times after


def _grad_cam(recogniser: NetworkRecogniser, inputs: Tensor, columns: NDArray[np.int64]) -> FloatArray:
    """Heat (n, height, width); the steps of clips are averaged."""
    shape = (int(inputs.shape[-2]), int(inputs.shape[-1]))
    if not isinstance(recogniser, HTNetRecogniser):
        last = _last_maps(recogniser)
        return last.place(_cells(recogniser, last.layers, inputs, columns), shape)
    stages: Any = recogniser.network_[1]  # type: ignore[index]
    if len(stages) < 5:
        raise OptionError(
            "explanation of htnet",
            wanted="two levels or more for Grad-CAM",
            got="one level, without a convolution",
            remedy="choose integrated-gradients",
        )
    cells = _cells(recogniser, [stages[-3].convolution], inputs, columns)
    # Its cells are parts of the mosaic, whose neighbours are no neighbours on the face: no blending.
    wide = SIZES[recogniser.geometry] // cells.shape[1]
    return _unmosaic(np.repeat(np.repeat(cells, wide, 1), wide, 2), recogniser, shape)


def _cells(
    recogniser: NetworkRecogniser, layers: Sequence[nn.Module], inputs: Tensor, columns: NDArray[np.int64]
) -> FloatArray:
    """Grad-CAM of maps that lie side by side, (n, rows, columns) of the maps' own cells."""
    from captum.attr import LayerGradCam

    def explain(network: nn.Module, rows: Tensor, target: Tensor) -> Tensor:
        # Each set of channels is one part of the sum over all channels, before what is negative is cut off.
        parts = [LayerGradCam(network, layer).attribute(rows, target=target) for layer in layers]
        return sum(parts[1:], parts[0]).clamp(min=0).detach()

    found = _in_parts(recogniser, inputs, columns, explain)[:, 0]
    return found.mean(axis=1) if found.ndim == 4 else found


def _unmosaic(heat: FloatArray, recogniser: HTNetRecogniser, shape: tuple[int, int]) -> FloatArray:
    """Heat on HTNet's mosaic where its crops lie on the face; averaged where they overlap, 0 elsewhere."""
    import torch

    # The mosaic is linear: its gradient carries every pixel back to where it was read.
    maps = torch.zeros((len(heat), 3, *shape), dtype=torch.float64, requires_grad=True)
    tiles = mosaic(maps, geometry=recogniser.geometry)

    def back(values: Tensor) -> FloatArray:
        (found,) = torch.autograd.grad(tiles, maps, values.expand_as(tiles), retain_graph=True)
        return found[:, 0].numpy()

    carried, reads = (back(one) for one in (torch.from_numpy(heat)[:, None], torch.ones(()).double()))
    return np.divide(carried, reads, out=np.zeros_like(carried), where=reads > 1e-9)


def _network_contributions(
    recogniser: NetworkRecogniser, inputs: Tensor, columns: NDArray[np.int64]
) -> FloatArray:
    from captum.attr import IntegratedGradients

    kind = recogniser.needs

    def explain(network: nn.Module, rows: Tensor, target: Tensor) -> Tensor:
        found = IntegratedGradients(network).attribute(
            rows,
            baselines=_no_motion(rows, kind),
            target=target,
            n_steps=_STEPS,
            internal_batch_size=max(len(rows), _MOST_VALUES // rows[0].numel()),
        )
        return cast("Tensor", found).detach()

    found = _in_parts(recogniser, inputs, columns, explain, copies=_STEPS)
    return found.sum(axis=tuple(range(1, found.ndim - 2)))


def _no_motion(inputs: Tensor, kind: Input) -> Tensor:
    """The inputs as they would be of faces that do not move."""
    import torch

    if kind == FRAME_PAIR:
        return inputs[:, :, :1].expand_as(inputs).clone()
    if kind.signed:
        return torch.zeros_like(inputs)
    zero = inputs.flatten(2).median(dim=2).values
    zero[:, 2:] = 0.0
    return zero.reshape(*zero.shape, *(1 for _ in inputs.shape[2:])).expand_as(inputs).clone()


def _in_parts(
    recogniser: NetworkRecogniser,
    inputs: Tensor,
    columns: NDArray[np.int64],
    explain: Callable[[nn.Module, Tensor, Tensor], Tensor],
    *,
    copies: int = 1,
) -> FloatArray:
    """What `explain` finds of a few samples at a time, each of which becomes `copies` inputs."""
    import torch

    network = recogniser.network_.eval()
    device = next(network.parameters()).device
    target = torch.as_tensor(columns, device=device)
    n = max(1, _MOST_VALUES // (inputs[0].numel() * copies))
    parts = [
        explain(network, inputs[rows].to(device).float(), target[rows]).double().cpu().numpy()
        for rows in (slice(start, start + n) for start in range(0, len(inputs), n))
    ]
    return np.concatenate(parts)


# --- support vector machines


def _pixel_contributions(
    recogniser: LinearSVMRecogniser, X: NDArray[Any], columns: NDArray[np.int64]
) -> FloatArray:
    recogniser.decision_function(X[:1])  # refuses what it cannot answer
    weights = recogniser.weights_
    if len(weights) == 1:  # two classes share one machine
        weights = np.concatenate([-weights, weights])
    values = (X.reshape(len(X), -1) / 255.0 - recogniser.mean_) / recogniser.scale_
    return np.asarray((weights[columns] * values).reshape(X.shape).sum(axis=-1))


def _vector_contributions(
    recogniser: DescriptorRecogniser, X: FloatArray, columns: NDArray[np.int64]
) -> FloatArray:
    """Integrated gradients of the bins, (n_samples, bins)."""
    vectors, gamma = recogniser.vectors_, recogniser.gamma_
    baseline = np.zeros(X.shape[1])
    if recogniser.needs.name == "lbp-top" and len(vectors):
        baseline = vectors.mean(axis=0)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    found = np.zeros_like(X)
    for row, (x, column) in enumerate(zip(X, columns, strict=True)):
        a = recogniser.weights_[column]
        points = baseline + nodes[:, None] * (x - baseline)
        if recogniser.kernel == "linear":
            gradient = a @ vectors
        elif recogniser.kernel == "poly":
            gradient = weights @ (3 * gamma * (gamma * points @ vectors.T) ** 2 * a) @ vectors
        else:
            pull = 2 * gamma * recogniser._kernel(points, vectors) * a
            gradient = weights @ (pull @ vectors - pull.sum(axis=1, keepdims=True) * points)
        found[row] = gradient * (x - baseline)
    return found


def _painted(kind: Input, parts: FloatArray, size: int) -> FloatArray:
    """Bins (n, bins) as pixels (n, size, size) with the same sum, those of a block spread over its pixels."""
    border, layout = _LAYOUTS[kind.name]
    if parts.shape[1] != np.prod(layout):
        raise DataError(
            f"vectors of {kind.name}",
            wanted=f"{np.prod(layout)} bins, the default layout",
            got=parts.shape[1],
            remedy="describe the clips with the default settings to see places",
        )
    by_axis = parts.reshape(-1, *layout)
    if kind.name == "mdmo":
        regions = by_axis.sum(axis=1)
        masks = region_masks(mdmo_regions(template_landmarks(size)), (size, size)).reshape(36, -1)
        sizes = masks.sum(axis=1, keepdims=True)
        _check_room(int(sizes.min()), size)
        return np.asarray(regions @ (masks / sizes)).reshape(-1, size, size)
    blocks = by_axis.sum(axis=(1, 4))
    # Places of the blocks: divided as the descriptors divide the face.
    edges = np.array([part[0] for part in np.array_split(np.arange(size - 2 * border), 5) if len(part)])
    _check_room(len(edges) - 4, size)
    owner = np.full(size, -1)
    owner[border : size - border] = np.searchsorted(edges, np.arange(size - 2 * border), side="right") - 1
    spread = (owner[:, None] == np.arange(5)) / np.maximum((owner[:, None] == np.arange(5)).sum(axis=0), 1)
    return np.asarray(spread @ blocks @ spread.T)


def _check_room(n_pixels: int, size: int) -> None:
    if n_pixels < 1:
        raise OptionError(
            "size", wanted="a pixel in every block and region", got=size, remedy="give 64 or more"
        )


# Pixels without a code at each border; axes of the vector: planes or kinds, [rows, columns,] bins.
_LAYOUTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "lbp-top": (1, (3, 5, 5, 59)),
    "bi-woof": (0, (1, 5, 5, 8)),
    "mdmo": (0, (2, 36)),
}


def _columns(recogniser: Any, X: NDArray[Any], code: Any) -> NDArray[np.int64]:
    """The column of each sample's class among the recogniser's."""
    codes = recogniser.predict(X) if code is None else np.broadcast_to(np.asarray(code), (len(X),))
    unknown = ~np.isin(codes, recogniser.classes_)
    if unknown.any():
        raise OptionError(
            "class to explain",
            wanted=f"one of {', '.join(map(str, recogniser.classes_))}, which it has learned",
            got=codes[unknown][0],
            remedy="choose one of them",
        )
    return np.searchsorted(recogniser.classes_, codes).astype(np.int64)
