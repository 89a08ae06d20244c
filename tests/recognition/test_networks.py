"""Layers, parameter counts and gradients of the networks, against what is published of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from mien.core import DataError, OptionError
from mien.learning import TrainingSettings, train
from mien.learning.losses import contrastive_loss, focal_loss
from mien.recognition.augmentation import augment_maps, mirrored
from mien.recognition.csarnet_style import build_csarnet
from mien.recognition.featref_style import FeatRefStyleRecogniser, build_featref
from mien.recognition.htnet import HTNetRecogniser, mosaic
from mien.recognition.htnet_layers import Attention, build_htnet
from mien.recognition.mersiamc3d_style import MERSiamC3DStyleRecogniser, build_siamese_branch
from mien.recognition.moext import MoExtRecogniser
from mien.recognition.moext_layers import MoExt, Rebuilder
from mien.recognition.rcn_a import build_rcn_a


def n_parameters(network):
    return sum(p.numel() for p in network.parameters())


def shapes_through(network, parts, *inputs):
    """The shape that each part gives, without its first axis."""
    seen = {}
    hooks = [
        part.register_forward_hook(lambda m, i, out, name=name: seen.__setitem__(name, tuple(out.shape[1:])))
        for name, part in parts.items()
    ]
    with torch.inference_mode():
        network.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return seen


class TestCounts:
    @pytest.mark.parametrize(
        ("features", "grid", "published"), [(32, 5, 15_331), (64, 5, 51_139), (64, 7, 55_747)]
    )
    def test_rcn_a(self, features, grid, published):
        assert n_parameters(build_rcn_a(n_classes=3, features=features, grid=grid)) == published

    @pytest.mark.parametrize(
        ("size", "depths", "expected"),
        [
            (28, (2, 2, 10), 139_582_982),
            (28, (2, 2, 8), 114_429_446),
            (56, (2, 2, 10), 139_582_982 + 3 * 3),  # repaired: three more position weights a level
        ],
    )
    def test_htnet(self, size, depths, expected):
        with torch.device("meta"):
            assert n_parameters(build_htnet(n_classes=3, size=size, depths=depths)) == expected

    def test_moext_as_far_as_published(self):
        with torch.device("meta"):
            assert n_parameters(Rebuilder(64)) / 1e6 == pytest.approx(21.1, abs=0.05)
            assert n_parameters(MoExt(64, 3)) / 1e6 == pytest.approx(31.1, abs=0.1)

    def test_featref_style_by_hand(self):
        def inception(n_in, n_out):
            ones, three, five = 4 * (n_in + 1) * n_out, 9 * n_out**2 + n_out, 25 * n_out**2 + n_out
            return ones + three + five

        stream = inception(1, 6) + inception(24, 16)
        shared = (6272 + 1) * 1024
        expected = 2 * stream + shared + 3 * (1024 * 1025 + 1025) + (3 * 1024 + 1) * 3
        assert n_parameters(build_featref(n_classes=3)) == expected


class TestLayers:
    def test_rcn_a(self):
        network = build_rcn_a(n_classes=3)
        parts = {
            name: getattr(network, name) for name in ("stem", "entry", "recurrent", "to_grid", "readout")
        }
        assert shapes_through(network, parts, torch.rand(2, 3, 60, 60)) == {
            "stem": (32, 56, 56), "entry": (32, 28, 28), "recurrent": (32, 28, 28),
            "to_grid": (32, 5, 5), "readout": (3,),
        }  # fmt: skip
        assert [type(layer) for layer in network.stem] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
        assert network.readout.in_features == 5 * 5 * 32

    def test_rcn_a_attention_by_hand(self):
        network = build_rcn_a(n_classes=2, features=3, grid=2).double().eval()
        stem = torch.rand(1, 3, 4, 4, dtype=torch.float64)
        pooled = stem.reshape(3, 2, 2, 2, 2).mean(dim=(2, 4))
        expected = torch.zeros(2, 2, dtype=torch.float64)
        for j in range(2):
            cam = (network.readout.weight[j].reshape(3, 2, 2) * pooled).mean(dim=0)
            expected += (cam - cam.min()) / (cam.max() - cam.min()) / 2
        assert network.attention(stem)[0, 0].tolist() == [pytest.approx(row) for row in expected.tolist()]
        assert network.attention(torch.zeros(1, 3, 4, 4, dtype=torch.float64)).abs().max() == 0

    @pytest.mark.parametrize(("size", "tokens", "sides"), [(28, 1, (4, 2, 1)), (56, 4, (8, 4, 2))])
    def test_htnet(self, size, tokens, sides):
        network = build_htnet(n_classes=3, size=size, width=12, depths=(2, 2, 3))
        patches, *_, readout = network
        levels = network[1], network[3], network[5]
        assert patches.embedding.in_features == 147
        found = shapes_through(network, dict(enumerate(network)), torch.rand(2, 3, size, size))
        assert [found[i] for i in (1, 3, 5)] == [
            (wide, side, side) for wide, side in zip((12, 24, 48), sides, strict=True)
        ]
        assert [level.position.numel() for level in levels] == [tokens] * 3
        assert [level.n_blocks for level in levels] == [4, 2, 1]
        assert [level.attentions[0].heads for level in levels] == [3, 6, 12]
        assert [len(level.attentions) for level in levels] == [2, 2, 3]
        assert readout.linear.out_features == 3

    def test_htnet_attention_over_one_token_is_one_and_over_four_is_not(self):
        attention = Attention(12, 3)
        one, four = torch.rand(5, 3, 1, 4), torch.rand(5, 3, 4, 4)
        assert (attention.weights(one, one) == 1).all()
        weights = attention.weights(four, four)
        assert weights.sum(-1).allclose(torch.ones(5, 3, 4))
        assert (weights < 0.9).all()

    def test_htnet_attention_equals_torch(self):
        torch.manual_seed(0)
        ours = Attention(12, 3)
        theirs = nn.MultiheadAttention(12, 3, batch_first=True)
        theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.to_qkv.weight.data, torch.zeros(36)
        theirs.out_proj.load_state_dict(ours.to_out.state_dict())
        tokens = torch.rand(2, 4, 12)
        normed = ours.norm(tokens)
        assert ours(tokens).allclose(theirs(normed, normed, normed)[0], atol=1e-6)

    def test_htnet_levels_mix_within_blocks_only(self):
        level = build_htnet(n_classes=3, size=56, width=12)[1].eval()
        maps = torch.rand(1, 12, 8, 8)
        other = maps.clone()
        other[0, :, 2, 3] += 1.0  # the block of rows 2-3, columns 2-3
        changed = (level(other) != level(maps)).any(dim=1)[0]
        assert changed[2:4, 2:4].all()
        assert changed.sum() == 4

    def test_featref_style(self):
        network = build_featref(n_classes=3)
        stream = network.streams[0]
        parts = {"first": stream[0], "second": stream[2], "flat": stream[4], "shared": network.shared}
        assert shapes_through(network, parts, torch.rand(2, 3, 28, 28)) == {
            "first": (24, 28, 28), "second": (64, 14, 14), "flat": (3136,), "shared": (1024,),
        }  # fmt: skip
        assert network.readout.in_features == 3 * 1024

    def test_featref_style_reads_u_and_v_apart(self):
        network = build_featref(n_classes=3, n_shared=8).eval()
        maps = torch.rand(1, 3, 28, 28) * 255
        changed = maps.clone()
        changed[:, 2] = 0  # strain is not read
        assert (network(changed) == network(maps)).all()
        assert (network(maps[:, [1, 0, 2]]) != network(maps)).any()

    def test_csarnet_style(self):
        network = build_csarnet(n_classes=3)
        parts = {"stem": network.stem, **{str(i): stage for i, stage in enumerate(network.stages)}}
        assert shapes_through(network, parts, torch.rand(2, 3, 112, 112)) == {
            "stem": (32, 56, 56), "0": (32, 56, 56), "1": (64, 28, 28), "2": (128, 14, 14),
        }  # fmt: skip

    def test_siamese_branch(self):
        network = build_siamese_branch(n_classes=3)
        found = shapes_through(network, dict(enumerate(network.blocks)), torch.rand(2, 3, 7, 60, 60))
        assert found == {0: (16, 7, 30, 30), 1: (32, 4, 15, 15), 2: (64, 2, 8, 8), 3: (64, 1, 4, 4)}
        vectors = network.embed(torch.rand(2, 3, 7, 60, 60))
        assert vectors.shape == (2, 128)
        assert vectors.norm(dim=1).allclose(torch.ones(2))

    def test_moext(self):
        with torch.device("meta"):
            network = MoExt(64, 3).eval()
            encoded = network.extractor.encode(torch.rand(1, 3, 224, 224))
            assert [tuple(maps.shape[1:]) for maps in encoded] == [
                (64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14),
            ]  # fmt: skip
            motion = network.extractor.motion(encoded)
            assert motion.shape == (1, 32, 112, 112)
            assert network.extractor.manipulate(motion, motion).shape == motion.shape
            assert network.body(motion).shape == (1, 512, 7, 7)
            rebuilder = Rebuilder(64).eval()
            assert rebuilder.rebuild(motion, motion).shape == (1, 3, 224, 224)


class TestGradients:
    """Against float64 finite differences, on the smallest instance of each network."""

    @pytest.mark.parametrize(
        ("build", "shape"),
        [
            (lambda: build_rcn_a(n_classes=2, features=3, grid=2), (2, 3, 14, 14)),
            (lambda: build_htnet(n_classes=2, size=14, width=6, depths=(1,)), (1, 3, 14, 14)),
            (lambda: build_featref(n_classes=2, size=(8, 8), n_shared=4, filters=(2, 2)), (2, 3, 8, 8)),
            (lambda: build_csarnet(n_classes=2, widths=(3, 4)), (2, 3, 8, 8)),
            (lambda: build_siamese_branch(n_classes=2, filters=(2, 2, 2, 2)), (1, 3, 3, 8, 8)),
        ],
        ids=["rcn-a", "htnet-one-level", "featref-style", "csarnet-style", "mersiamc3d-style"],
    )
    def test_by_the_input(self, build, shape):
        torch.manual_seed(3)
        network = build().double().eval()  # dropout off, running statistics
        for name, parameter in network.named_parameters():
            if name.endswith("gamma"):
                nn.init.constant_(parameter, 0.7)  # attention takes part
        x = (torch.rand(shape, dtype=torch.float64) * 255).requires_grad_()
        assert gradcheck(network, (x,), eps=1e-4, atol=1e-7, rtol=1e-4)

    @pytest.mark.parametrize(
        ("build", "shape"),
        [
            (lambda: MoExt(2, 2), (1, 3, 2, 32, 32)),
            (lambda: Rebuilder(2), (1, 3, 2, 32, 32)),
            (lambda: build_htnet(n_classes=2, width=6, depths=(1, 1, 1)), (1, 3, 28, 28)),
            (lambda: build_htnet(n_classes=2, size=56, width=6, depths=(1, 1, 1)), (1, 3, 56, 56)),
        ],
        ids=["moext", "moext-rebuilding", "htnet", "htnet-repaired"],
    )
    def test_along_directions(self, build, shape):
        """Too wide for every pixel: the derivative by input and weights along random directions."""
        torch.manual_seed(3)
        network = build().double().eval()
        given = (torch.rand(shape, dtype=torch.float64) * 255).requires_grad_()
        along = [given, *network.parameters()]

        def value():
            return network.loss(given) if isinstance(network, Rebuilder) else network(given)[0, 0]

        gradients = torch.autograd.grad(value(), along, allow_unused=True)
        for _ in range(5):
            expected, steps = 0.0, [1e-6 * torch.randn_like(x) for x in along]
            for gradient, step in zip(gradients, steps, strict=True):
                expected += 2 * float((gradient * step).sum()) if gradient is not None else 0.0
            sides = []
            with torch.no_grad():
                for sign in (1, -2, 1):
                    for x, step in zip(along, steps, strict=True):
                        x += sign * step
                    sides.append(float(value()))
            assert sides[0] - sides[1] == pytest.approx(expected, rel=1e-4, abs=1e-12)

    def test_losses(self):
        torch.manual_seed(0)
        labels = torch.tensor([0, 1, 1, 2])
        logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda x: focal_loss(x, labels, alpha=torch.tensor([1.0, 2.0, 3.0])), (logits,))
        assert gradcheck(lambda x: contrastive_loss(x, labels, margin=2.0), (logits,))


class TestLosses:
    def test_focal_without_focus_is_cross_entropy(self):
        logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
        assert focal_loss(logits, labels, gamma=0.0).allclose(nn.functional.cross_entropy(logits, labels))

    def test_focal_by_hand(self):
        logits, labels = torch.log(torch.tensor([[0.8, 0.2], [0.3, 0.7]])), torch.tensor([0, 1])
        sure, less = -(0.2**2) * np.log(0.8), -(0.3**2) * np.log(0.7)
        assert float(focal_loss(logits, labels)) == pytest.approx((sure + less) / 2, rel=1e-5)
        weighted = focal_loss(logits, labels, alpha=torch.tensor([1.0, 3.0]))
        assert float(weighted) == pytest.approx((sure + 3 * less) / 2, rel=1e-5)

    def test_contrastive_by_hand(self):
        vectors = torch.tensor([[0.0], [0.5], [2.0]])
        found = contrastive_loss(vectors, torch.tensor([0, 0, 1]), margin=1.75)
        assert float(found) == pytest.approx(0.5**2 + (0.25**2 + 0) / 2, rel=1e-5)

    def test_contrastive_of_one_kind_of_pair_or_none(self):
        vectors = torch.tensor([[0.0], [3.0]])
        assert float(contrastive_loss(vectors, torch.tensor([0, 0]))) == 9.0
        assert float(contrastive_loss(vectors, torch.tensor([0, 1]))) == 0.0
        assert float(contrastive_loss(vectors[:1], torch.tensor([0]))) == 0.0


class TestMosaic:
    def test_published_crops_take_x_for_the_row(self):
        rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
        maps = torch.stack([rows, columns, rows * 0])[None]
        found = mosaic(maps, geometry="published")[0].flip(0)  # back to u, v, strain
        corners = [[tuple(found[:2, r, c].int().tolist()) for c in (0, 14)] for r in (0, 14)]
        assert corners == [[(2, 4), (14, 3)], [(3, 14), (13, 14)]]

    def test_repaired_crops_are_eyes_above_mouth_corners_at_twice_the_size(self):
        rows, columns = torch.meshgrid(torch.arange(56.0), torch.arange(56.0), indexing="ij")
        maps = torch.stack([rows, columns, rows * 0])[None]
        found = mosaic(maps, geometry="repaired")[0].flip(0)
        corners = [[tuple(found[:2, r, c].int().tolist()) for c in (0, 28)] for r in (0, 28)]
        assert corners == [[(8, 5), (7, 28)], [(28, 6), (28, 27)]]
        assert mosaic(torch.rand(2, 3, 28, 28), geometry="repaired").shape == (2, 3, 56, 56)

    def test_impossible(self):
        maps, y = np.zeros((4, 28, 28, 3), np.uint8), np.array([0, 1, 0, 1])
        with pytest.raises(OptionError, match="published or repaired"):
            HTNetRecogniser(geometry="other").fit(maps, y)
        with pytest.raises(OptionError, match="a multiple of 28 pixels"):
            build_htnet(n_classes=3, size=30)


class TestAugmentation:
    def test_mirroring_turns_the_face_and_the_sign_of_u(self):
        rng = np.random.default_rng(0)
        flow = rng.normal(size=(5, 3, 8, 8))
        flow[:, 2] = np.abs(flow[:, 2])

        def stretched(flow):
            low, high = flow.min(axis=(2, 3), keepdims=True), flow.max(axis=(2, 3), keepdims=True)
            return torch.from_numpy(255 * (flow - low) / (high - low))

        turned = flow[..., ::-1] * np.array([-1, 1, 1])[:, None, None]
        assert mirrored(stretched(flow)).allclose(stretched(turned))

    def test_half_of_the_samples_are_mirrored(self):
        torch.manual_seed(0)
        maps = torch.zeros(200, 3, 8, 8)
        maps[:, 1, :, 5:] = 255.0  # v on one side only; its median is 0
        found = augment_maps(maps)
        assert 80 <= int((found[:, 1, 0, 0] > 0).sum()) <= 120
        assert ((found[:, 1, 0, 0] > 0) != (found[:, 1, 0, -1] > 0)).all()

    def test_magnified_motion_keeps_zero_and_range(self):
        torch.manual_seed(0)
        maps = torch.full((100, 3, 12, 12), 100.0)
        maps[:, 2] = 0.0
        maps[:, 1, 5:7] = 140.0
        found = augment_maps(maps)
        assert (found[:, 2] == 0).all()
        assert (found[:, 1, :5] == 100).all()
        assert found[:, 1].max() > 150
        assert found[:, 1].max() <= 220.0  # three times 40 above 100
        assert ((found >= 0) & (found <= 255)).all()


class TestLearning:
    def test_featref_style_learns_what_is_there(self, maps):
        fitted = FeatRefStyleRecogniser(epochs=40, learning_rate=2e-3, n_shared=16).fit(
            maps.maps, maps.labels
        )
        assert (fitted.predict(maps.maps) == maps.labels).mean() > 0.9

    def test_repaired_htnet_learns_what_is_there(self, maps):
        small = HTNetRecogniser(
            epochs=60, learning_rate=2e-3, width=12, depths=(1, 1, 1), geometry="repaired", batch_size=16
        )
        assert (small.fit(maps.maps, maps.labels).predict(maps.maps) == maps.labels).mean() > 0.9

    def test_pairs_change_what_the_second_stage_starts_from(self):
        rng = np.random.default_rng(0)
        y = np.repeat([0, 1], 6)
        clips = rng.normal(size=(12, 3, 16, 16, 3)) + y[:, None, None, None, None]
        one, two = (
            MERSiamC3DStyleRecogniser(epochs=1, pair_epochs=n).fit(clips, y).predict_proba(clips)
            for n in (1, 9)
        )
        assert (one != two).any()

    def test_rebuilding_gets_better(self):
        rng = np.random.default_rng(0)
        pairs = torch.from_numpy(rng.integers(0, 256, (8, 3, 2, 32, 32)).astype(np.float32))

        def left(epochs):
            settings = TrainingSettings(epochs, 1e-3, batch_size=4)
            network = train(
                lambda: Rebuilder(4), pairs, np.zeros(8, np.int64), settings, seed=0,
                loss=lambda network, some, _: network.loss(some),
            )  # fmt: skip
            with torch.inference_mode():
                return float(network.loss(pairs))

        assert left(12) < 0.8 * left(1)

    def test_recognition_starts_from_the_rebuilders_extractor(self):
        pairs = np.random.default_rng(0).integers(0, 256, (8, 2, 32, 32, 3)).astype(np.uint8)
        y = np.array([0, 1] * 4)
        with_it, without = (
            MoExtRecogniser(epochs=1, pretrain_epochs=n, width=2, batch_size=4).fit(pairs, y) for n in (2, 0)
        )
        # Recognition does not train the texture branch: there the rebuilder's weights still stand.
        weights = [one.network_.extractor.texture.block_14[0][0].weight for one in (with_it, without)]
        fresh = with_it._network(with_it.shape_, 2).extractor.texture.block_14[0][0].weight
        assert (weights[0] != weights[1]).any()
        assert fresh.shape == weights[0].shape

    def test_watched_samples_take_no_part_in_pretraining(self):
        rng = np.random.default_rng(0)
        pairs = rng.integers(0, 256, (12, 2, 32, 32, 3)).astype(np.uint8)
        y = np.array([0, 1] * 6)
        fits = [MoExtRecogniser(epochs=1, pretrain_epochs=1, width=2, batch_size=4) for _ in range(2)]
        for fit, watch in zip(fits, (pairs[8:10], pairs[10:]), strict=True):
            fit.fit_stages(pairs[:8], y[:8], watch=watch)
        first, second = (fit.network_.state_dict() for fit in fits)
        assert all((first[name] == second[name]).all() for name in first)

    @pytest.mark.parametrize("shape", [(4, 2, 30, 30, 3), (4, 2, 32, 64, 3)])
    def test_frames_that_cannot_be_halved(self, shape):
        with pytest.raises(DataError, match="square frames of a multiple of 32 pixels"):
            MoExtRecogniser(width=2).fit(np.zeros(shape, np.uint8), np.array([0, 1, 0, 1]))
