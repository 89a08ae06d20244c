"""Heat: what its sums must be, where its cells lie, and whether it finds what moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

torch = pytest.importorskip("torch")
pytest.importorskip("captum")

from mien.core import DataError, OptionError  # noqa: E402
from mien.recognition.attribution import (  # noqa: E402
    _last_maps,
    _no_motion,
    attribute,
    attribution_method,
    contributions,
    region_shares,
)
from mien.recognition.bi_woof import BiWOOFRecogniser  # noqa: E402
from mien.recognition.csarnet_style import CSARNetStyleRecogniser  # noqa: E402
from mien.recognition.featref_style import FeatRefStyleRecogniser  # noqa: E402
from mien.recognition.htnet import HTNetRecogniser  # noqa: E402
from mien.recognition.inputs import MOTION_MAP  # noqa: E402
from mien.recognition.lbp_top import LBPTOPRecogniser  # noqa: E402
from mien.recognition.linear_svm import LinearSVMRecogniser  # noqa: E402
from mien.recognition.majority import MajorityRecogniser  # noqa: E402
from mien.recognition.mdmo import MDMORecogniser  # noqa: E402
from mien.recognition.mersiamc3d_style import MERSiamC3DStyleRecogniser  # noqa: E402
from mien.recognition.moext import MoExtRecogniser  # noqa: E402
from mien.recognition.rcn_a import RCNARecogniser  # noqa: E402
from mien.recognition.ststnet import STSTNetRecogniser  # noqa: E402
from mien.signals.face.finding import eyes_in_box  # noqa: E402
from mien.signals.face.regions import landmarks_from_eyes, mdmo_regions, template_landmarks  # noqa: E402
from mien.simulate import MapSettings, simulate_maps  # noqa: E402

TINY_HTNET = {"epochs": 2, "width": 12, "heads": 1, "depths": (1, 1, 1), "learning_rate": 1e-3}
NETWORKS = {
    "ststnet": STSTNetRecogniser(epochs=4),
    "rcn-a": RCNARecogniser(epochs=2, features=4),
    "csarnet-style": CSARNetStyleRecogniser(epochs=4, widths=(4, 8)),
    "featref-style": FeatRefStyleRecogniser(epochs=2, n_shared=16, learning_rate=1e-3),
    "htnet": HTNetRecogniser(**TINY_HTNET),
    "htnet-repaired": HTNetRecogniser(**TINY_HTNET, geometry="repaired"),
    "mersiamc3d-style": MERSiamC3DStyleRecogniser(epochs=4, pair_epochs=1, learning_rate=3e-3),
    "moext": MoExtRecogniser(epochs=4, pretrain_epochs=0, width=4, batch_size=8, learning_rate=3e-3),
}
DESCRIPTORS = {
    "lbp-top": LBPTOPRecogniser(),
    "bi-woof": BiWOOFRecogniser(),
    "mdmo": MDMORecogniser(),
    "mdmo-rbf": MDMORecogniser(kernel="rbf"),
    "lbp-top-poly": LBPTOPRecogniser(kernel="poly"),
}
BINS = {"lbp-top": 3 * 25 * 59, "bi-woof": 25 * 8, "mdmo": 72}
SHAPES = {"motion-map": (28, 28, 3), "motion-clip": (3, 16, 16, 3), "frame-pair": (2, 32, 32, 3)}


@dataclass
class Fitted:
    recogniser: Any
    X: Any
    y: Any

    def logits(self, inputs):
        with torch.no_grad():
            return self.recogniser.network_(inputs).double().numpy()


def samples(kind: str, shape: tuple[int, ...]):
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 4], 4)  # codes need not be columns
    X = rng.normal(size=(12, *shape)) + 0.5 * y.reshape(-1, *(1 for _ in shape))
    if kind == "motion-map":
        return (128 + 30 * X).clip(0, 255).astype(np.uint8), y
    return ((60 + 40 * X).clip(0, 255).astype(np.uint8) if kind == "frame-pair" else X), y


@pytest.fixture(scope="module")
def fitted():
    made: dict[str, Fitted] = {}

    def get(name: str) -> Fitted:
        if name not in made:
            method = {**NETWORKS, **DESCRIPTORS, "linear-svm": LinearSVMRecogniser()}[name]
            kind = method.needs.name
            X, y = samples(kind, SHAPES.get(kind) or (BINS[kind],))
            made[name] = Fitted(clone(method).fit(X, y), X, y)
        return made[name]

    return get


@pytest.mark.parametrize("way", ["grad-cam", "integrated-gradients"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_by_both_ways(fitted, name, way, monkeypatch):
    monkeypatch.setattr(
        "mien.recognition.attribution._STEPS", 8
    )  # what is tested here needs no exact integral
    one = fitted(name)
    heat = attribute(one.recogniser, one.X[:2], method=way)
    assert heat.shape == (2, *one.X.shape[-3:-1])
    assert heat.dtype == np.float64
    assert np.isfinite(heat).all()
    assert (heat >= 0).all()
    predicted = one.recogniser.predict(one.X[:2])
    assert (attribute(one.recogniser, one.X[:2], predicted, method=way) == heat).all()
    # A sample's heat does not depend on who stands beside it.
    alone = attribute(one.recogniser, one.X[1:2], method=way)
    assert alone[0] == pytest.approx(heat[1], rel=1e-3, abs=1e-3 * heat.max())


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_are_complete(fitted, name):
    """Their sum is the score of the sample minus the score of the face that does not move."""
    one = fitted(name)
    some = one.X[2::7]
    inputs = one.recogniser._checked(some).float()
    still = one.recogniser._checked(some[:, [0, 0]]).float() if name == "moext" else None
    baseline = _no_motion(inputs, one.recogniser.needs) if still is None else still
    differences = one.logits(inputs) - one.logits(baseline)
    scale = np.abs(differences).max()
    assert scale > 0
    # Of MoExt, which hardly answers to so small a training, single precision leaves more.
    left = 0.06 if name == "moext" else 0.015
    for column, code in ((0, 0), (2, 4)):
        summed = contributions(one.recogniser, some, code).sum(axis=(1, 2))
        assert summed == pytest.approx(differences[:, column], rel=0.01, abs=left * scale)


def test_a_face_without_motion_has_no_heat(fitted):
    one = fitted("ststnet")
    assert attribute(one.recogniser, np.full((1, 28, 28, 3), (90, 120, 0), np.uint8), 1).max() < 1e-6
    maps = torch.arange(2 * 3 * 4, dtype=torch.float32).reshape(2, 3, 2, 2)
    assert _no_motion(maps, MOTION_MAP)[1].tolist() == [[[13.0] * 2] * 2, [[17.0] * 2] * 2, [[0.0] * 2] * 2]


def by_hand(network, layer, inputs, column):
    """Selvaraju et al. 2017, equations 1 and 2, without captum."""
    seen = []
    handle = layer.register_forward_hook(lambda module, given, found: seen.append(found))
    score = network(inputs.requires_grad_())[:, column].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, seen[-1])
    axes = tuple(range(2, gradient.ndim))
    return torch.relu((gradient.mean(axes, keepdim=True) * seen[-1]).sum(1)).detach()


@pytest.mark.parametrize(
    ("name", "layer", "scale"),
    [
        ("mersiamc3d-style", lambda net: net.blocks[3][2], 8),
        ("moext", lambda net: net.body[-2], 16),
    ],
)
def test_grad_cam_is_that_of_its_equations(fitted, name, layer, scale):
    one = fitted(name)
    network = one.recogniser.network_
    inputs = one.recogniser._checked(one.X).float()
    for column, code in enumerate((0, 1, 4)):
        cells = by_hand(network, layer(network), inputs.clone(), column)
        cells = cells.mean(1) if cells.ndim == 4 else cells
        wide = torch.nn.functional.interpolate(
            cells[:, None], scale_factor=scale, mode="bilinear", align_corners=False
        )
        heat = attribute(one.recogniser, one.X, code, method="grad-cam")
        assert heat == pytest.approx(wide[:, 0].double().numpy(), rel=1e-5, abs=1e-5)
        assert heat.any()


def test_grad_cam_of_streams_is_that_of_their_joined_maps(fitted):
    """STSTNet reads three streams side by side: `average` is given all channels at once."""
    one = fitted("ststnet")
    network = one.recogniser.network_
    inputs = one.recogniser._checked(one.X[:4]).float()
    joined = torch.cat([stream(inputs) for stream in network.streams], dim=1).detach().requires_grad_()
    score = network.readout(network.average(joined).flatten(1))[:, 1].sum()
    (gradient,) = torch.autograd.grad(score, joined)
    cells = torch.relu((gradient.mean((2, 3), keepdim=True) * joined).sum(1)).detach().double().numpy()
    heat = attribute(one.recogniser, one.X[:4], 1, method="grad-cam")
    # Cell i lies on pixel 3 i - 1: there the picture holds the cells themselves.
    assert heat[:, 2::3, 2::3] == pytest.approx(cells[:, 1:, 1:], rel=1e-5, abs=1e-6)


def test_last_turn_of_the_recurrence_is_explained(fitted):
    """One module is used twice: what counts is its last output, which the readout sees."""
    one = fitted("rcn-a")
    network = one.recogniser.network_
    cells = (
        by_hand(network, network.recurrent, one.recogniser._checked(one.X[:4]).float(), 2).double().numpy()
    )
    heat = attribute(one.recogniser, one.X[:4], 4, method="grad-cam")
    # Cells lie between pixels, cell i at 2 i + 2.5; a quarter of the way to the next ones is pixel 2 i + 3.
    near, far = slice(0, 11), slice(1, 12)
    mixed = (
        9 * cells[:, near, near] + 3 * cells[:, far, near] + 3 * cells[:, near, far] + cells[:, far, far]
    ) / 16
    assert heat[:, 3:25:2, 3:25:2] == pytest.approx(mixed, rel=1e-5, abs=1e-7)
    assert heat.any()


@pytest.mark.parametrize("name", ["ststnet", "rcn-a", "csarnet-style", "featref-style", "mersiamc3d-style"])
def test_cells_lie_where_they_look(fitted, name):
    """The middle of what a cell depends on, measured by gradients, is where its heat is drawn."""
    one = fitted(name)
    network, last = one.recogniser.network_, _last_maps(one.recogniser)
    side = 64
    shape = (16, 3, side, side) if one.X.ndim == 4 else (16, 3, 1, side, side)
    inputs = 255 * torch.rand(shape, generator=torch.Generator().manual_seed(1))
    inputs.requires_grad_()
    seen = []
    handles = [layer.register_forward_hook(lambda m, i, found: seen.append(found)) for layer in last.layers]
    if name in ("ststnet", "featref-style"):  # their readout fits 28 pixels only: the streams do without
        for i, stream in enumerate(network.streams):
            stream(inputs if name == "ststnet" else inputs[:, i : i + 1])
    else:
        network(inputs)
    for handle in handles:
        handle.remove()
    maps = seen[-1:] if name == "rcn-a" else seen
    for share in (0.3, 0.7):
        cell = round((share * side - last.offset) / last.stride)
        # Squares, so that channels do not cancel.
        score = sum((part[..., cell, cell] ** 2).sum() for part in maps)
        (gradient,) = torch.autograd.grad(score, inputs, retain_graph=True)
        weight = gradient.abs().flatten(0, -3).sum(0).double().numpy()
        middle = [float((weight.sum(axis) @ np.arange(side)) / weight.sum()) for axis in (0, 1)]
        expected = last.stride * cell + last.offset
        assert middle == pytest.approx([expected] * 2, abs=0.2 * last.stride + 0.6)


def test_heat_of_htnet_lies_in_its_crops(fitted):
    """As published its crops do not reach the map's left and right edge; what it never reads has no heat."""
    one = fitted("htnet")
    for way in ("grad-cam", "integrated-gradients"):
        heat = attribute(one.recogniser, one.X, 1, method=way)
        assert heat.any()
        read = torch.zeros((1, 3, 28, 28), requires_grad=True)
        (reads,) = torch.autograd.grad(one.recogniser.network_[0](read).sum(), read)
        assert (heat[:, reads[0, 0].numpy() == 0] == 0).all()


def test_linear_machine_on_pixels_is_exact(fitted):
    one = fitted("linear-svm")
    values = one.recogniser.decision_function(one.X)
    for column, code in enumerate((0, 1, 4)):
        signed = contributions(one.recogniser, one.X, code)
        expected = values[:, column] - one.recogniser.offsets_[column]
        assert signed.sum(axis=(1, 2)) == pytest.approx(expected)
        assert (attribute(one.recogniser, one.X, code) == np.abs(signed)).all()
    two = LinearSVMRecogniser().fit(one.X[:8], one.y[:8])  # one machine for both classes
    for sign, code in ((-1, 0), (1, 1)):
        signed = contributions(two, one.X, code).sum(axis=(1, 2))
        assert sign * signed == pytest.approx(two.decision_function(one.X)[:, 1] - two.offsets_[0])


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_descriptors_are_complete(fitted, name):
    one = fitted(name)
    base = np.zeros_like(one.X[:1])
    if name.startswith("lbp-top"):
        base = one.recogniser.vectors_.mean(axis=0, keepdims=True)
    values = one.recogniser.decision_function(one.X) - one.recogniser.decision_function(base)
    for column, code in enumerate((0, 1, 4)):
        summed = contributions(one.recogniser, one.X, code, size=64).sum(axis=(1, 2))
        assert summed == pytest.approx(values[:, column], rel=1e-6, abs=1e-6 * np.abs(values).max())


class Pointer(BiWOOFRecogniser):
    """A linear machine that looks at given bins."""

    def __init__(self, needs, bins, n_bins):
        super().__init__()
        self.needs = needs
        self.vectors_ = np.isin(np.arange(n_bins), bins)[None].astype(float)
        self.weights_, self.offsets_, self.classes_ = np.ones((1, 1)), np.zeros(1), np.array([0])
        self.bins_, self.gamma_ = n_bins, 1.0


def test_blocks_and_regions_lie_where_descriptors_have_them():
    row, column = 1, 3
    bins = (row * 5 + column) * 8 + np.arange(8)
    heat = attribute(Pointer(BiWOOFRecogniser.needs, bins, 200), np.ones((1, 200)), 0, size=100)[0]
    assert {(int(y) // 20, int(x) // 20) for y, x in zip(*np.nonzero(heat), strict=True)} == {(row, column)}
    assert heat[20:40, 60:80] == pytest.approx(8 / 400)
    # LBP-TOP has planes first, and no code at the border; its baseline is the only vector.
    bins = np.concatenate([plane * 25 * 59 + (4 * 5) * 59 + np.arange(59) for plane in range(3)])
    heat = attribute(Pointer(LBPTOPRecogniser.needs, bins, 4425), np.full((1, 4425), 2.0), 0, size=102)[0]
    assert heat[81:101, 1:21] == pytest.approx(3 * 59 / 400)
    assert heat.sum() == pytest.approx(3 * 59)
    # MDMO: lengths, then angles; region 23 lies beside the upper lip at the participant's left.
    heat = attribute(Pointer(MDMORecogniser.needs, [23, 36 + 23], 72), np.ones((1, 72)), 0, size=128)[0]
    rows, columns = np.nonzero(heat)
    polygon = mdmo_regions(template_landmarks(128))[23]
    assert heat.sum() == pytest.approx(2.0)
    assert [columns.mean(), rows.mean()] == pytest.approx(polygon.mean(axis=0), abs=2.5)


def test_what_cannot_be_explained(fitted):
    one = fitted("linear-svm")
    with pytest.raises(OptionError, match=r"^explanation of majority: .* looks at no place"):
        attribute(MajorityRecogniser().fit(one.X, one.y), one.X)
    with pytest.raises(OptionError, match="no convolution maps"):
        attribute(one.recogniser, one.X, method="grad-cam")
    with pytest.raises(OptionError, match="auto or grad-cam or integrated-gradients"):
        attribution_method(fitted("ststnet").recogniser, "guess")
    with pytest.raises(OptionError, match="one of 0, 1, 4"):
        attribute(one.recogniser, one.X, 2)
    with pytest.raises(DataError, match="as in training"):
        attribute(fitted("ststnet").recogniser, one.X[:, :14])
    flat = HTNetRecogniser(**{**TINY_HTNET, "depths": (1,)}).fit(one.X, one.y)
    with pytest.raises(OptionError, match="without a convolution"):
        attribute(flat, one.X, method="grad-cam")
    odd = BiWOOFRecogniser().fit(np.random.default_rng(1).normal(size=(12, 20)), one.y)
    with pytest.raises(DataError, match="200 bins"):
        attribute(odd, np.ones((1, 20)))
    with pytest.raises(OptionError, match="64 or more"):
        attribute(fitted("mdmo").recogniser, fitted("mdmo").X, size=8)


class TestRegions:
    def test_heat_in_one_place(self):
        """A spot on the right mouth corner lies in the units that are seen there, and in no other."""
        x, y = template_landmarks(56)[48].round().astype(int)
        heat = np.zeros((56, 56))
        heat[y, x] = 3.0
        shares = {one.name: one.share for one in region_shares(heat)}
        full = {name.split()[0] for name, share in shares.items() if share > 0.99}
        assert {"AU12", "AU13", "AU14", "AU15", "AU20"} <= full
        assert all(shares[n] == 0 for n in shares if n.split()[0] in ("AU1", "AU2", "AU4", "AU9", "AU26"))

    def test_even_heat_has_no_leader(self):
        shares = region_shares(np.ones((28, 28)))
        assert all(one.share == pytest.approx(one.even) for one in shares)
        assert all(0 < one.share < 0.2 for one in shares)

    def test_order_is_by_share_beyond_even(self):
        heat = np.random.default_rng(1).random((28, 28)) ** 6
        beyond = [one.share - one.even for one in region_shares(heat)]
        assert beyond == sorted(beyond, reverse=True)

    def test_units_with_the_same_parts_are_one_entry(self):
        names = [one.name for one in region_shares(np.ones((28, 28)))]
        assert "AU23 lip tightener / AU24 lip pressor" in names
        assert sum("AU23" in name for name in names) == 1

    def test_size_of_the_map_hardly_matters(self):
        """Thin parts are not lost on small maps: pixels are cut, not chosen."""
        small = {one.name: one.even for one in region_shares(np.ones((14, 14)))}
        large = {one.name: one.even for one in region_shares(np.ones((256, 256)))}
        assert all(small[name] == pytest.approx(large[name], rel=0.06) for name in large)

    def test_no_heat_and_no_picture(self):
        assert {one.share for one in region_shares(np.zeros((28, 28)))} == {0.0}
        for bad in (np.ones(3), -np.ones((2, 2)), np.full((2, 2), np.nan), np.ones((2, 3))):
            with pytest.raises(DataError):
                region_shares(bad)


def test_heat_finds_what_moves_in_a_simulated_smile():
    """Positive shows units 6 and 12, surprise 1 and 2: the linear machine must be seen to use them."""
    world = simulate_maps(MapSettings(participants=8, effect=1.0, noise=0.3, seed=21))
    recogniser = LinearSVMRecogniser().fit(world.maps, world.labels)
    box = landmarks_from_eyes(eyes_in_box((0, 0, 28, 28)))

    def density(code: int) -> tuple[float, float]:
        """Mean heat at the corners of the mouth with the cheek above, and at the brows; 1 is even."""
        heat = attribute(recogniser, world.maps[world.labels == code], code)
        mean = (heat / heat.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
        by_unit = {one.name.split()[0]: one.share / one.even for one in region_shares(mean, box)}
        return by_unit["AU12"], float(np.mean([by_unit[unit] for unit in ("AU1", "AU2", "AU4")]))

    (smile, brows), (smile_of_surprise, brows_of_surprise) = density(1), density(2)
    assert smile > max(1.2, 1.2 * brows)
    assert brows_of_surprise > max(1.5, 2 * smile_of_surprise)
