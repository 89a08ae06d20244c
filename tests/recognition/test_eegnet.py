"""EEGNet: its size, the equality of both orders of its filters, its norms, and what it learns."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from mien.core import DataError, OptionError
from mien.learning import TrainingSettings, train
from mien.recognition.eegnet import EEGNetRecogniser, by_row
from mien.recognition.eegnet_layers import READOUT_NORM, SPATIAL_NORM, build_eegnet, input_moments

SHAPES = [  # epochs, channels, samples, kernel, filters, depth
    (4, 5, 40, 7, 3, 2),  # odd kernel
    (4, 5, 41, 8, 3, 2),  # even kernel: one more zero after than before
    (3, 1, 32, 1, 2, 1),  # no padding
    (3, 2, 33, 2, 2, 3),  # padding on one side only
    (2, 3, 64, 64, 8, 2),  # kernel as long as the epoch
    (3, 8, 160, 33, 8, 2),
]


def pair(shape, *, dtype=torch.float64, dropout=0.25, seed=0):
    """The same network in both orders, and epochs for it with mean, slow drift and noise."""
    n, channels, samples, kernel, filters, depth = shape
    torch.manual_seed(seed)
    published = build_eegnet(
        n_channels=channels, n_samples=samples, n_classes=3, filters=filters, depth=depth, kernel=kernel,
        dropout=dropout, order="temporal-first",
    )  # fmt: skip
    published.norm.weight.data.uniform_(0.5, 1.5)
    published.norm.bias.data.uniform_(-1, 1)
    epochs = torch.randn(n, channels, samples, dtype=dtype) * 0.3 + 0.5
    epochs += torch.randn(n, channels, samples, dtype=dtype).cumsum(-1) / samples**0.5
    reordered = copy.deepcopy(published)
    reordered.order = "spatial-first"
    return published.to(dtype), reordered.to(dtype), epochs


def apart(found, expected, scale=None):
    """Largest difference over the largest value."""
    scale = expected.abs().max() if scale is None else scale
    return float(((found - expected).abs().max() / scale).detach())


def step(network, *given):
    """Logits of one training step with fixed dropout, and all gradients by name."""
    torch.manual_seed(7)
    network.zero_grad()
    logits = network.train()(*given)
    nn.functional.cross_entropy(logits, torch.arange(len(logits)) % logits.shape[1]).backward()
    return logits, {name: p.grad.clone() for name, p in network.named_parameters()}


class TestLayers:
    @pytest.mark.parametrize(
        ("channels", "samples", "classes", "expected"),
        [(64, 1280, 7, 6_615), (64, 1280, 3, 4_051), (320, 1280, 7, 10_711), (64, 128, 4, 2_388)],
    )
    def test_count(self, channels, samples, classes, expected):
        network = build_eegnet(n_channels=channels, n_samples=samples, n_classes=classes)
        assert sum(p.numel() for p in network.parameters() if p.requires_grad) == expected

    def test_by_the_published_table(self):
        network = build_eegnet(n_channels=64, n_samples=1280, n_classes=7).eval()
        lengths = []
        for part in network.rest:
            part.register_forward_hook(lambda m, i, out: lengths.append((type(m), *out.shape[1:])))
        assert network(torch.randn(2, 64, 1280)).shape == (2, 7)
        assert lengths == [
            (nn.BatchNorm1d, 16, 1280), (nn.ELU, 16, 1280), (nn.AvgPool1d, 16, 320), (nn.Dropout, 16, 320),
            (nn.ZeroPad1d, 16, 335), (nn.Conv1d, 16, 320), (nn.Conv1d, 16, 320), (nn.BatchNorm1d, 16, 320),
            (nn.ELU, 16, 320), (nn.AvgPool1d, 16, 40), (nn.Dropout, 16, 40), (nn.Flatten, 640),
        ]  # fmt: skip

    def test_norms_are_held_after_every_step(self):
        _, network, epochs = pair((12, 5, 64, 8, 3, 2), dtype=torch.float32)
        settings = TrainingSettings(epochs=8, learning_rate=0.3, batch_size=4)
        free, most = [], []

        def loss(network, inputs, labels):
            free.append(network.spatial.weight.flatten(1).norm(dim=1).max().item())  # as the step left them
            logits = network(inputs)
            most.append([p.flatten(1).norm(dim=1).max().item() for p in self.held(network)])
            return nn.functional.cross_entropy(logits, labels)

        trained = train(lambda: network, epochs, np.arange(12) % 3, settings, seed=0, loss=loss)
        assert max(free) > 1.2  # there was something to hold
        most.append([p.flatten(1).norm(dim=1).max().item() for p in self.held(trained)])
        assert (np.array(most) <= np.array([SPATIAL_NORM, READOUT_NORM]) * (1 + 2e-6)).all()

    def test_shorter_weights_keep_their_length(self):
        _, network, _ = pair(SHAPES[0])
        before = network.spatial.weight.clone()
        before[0] *= 100
        network.spatial.weight.data.copy_(before)
        network.shorten()
        after = network.spatial.weight
        assert (after[1:] == before[1:]).all()
        assert after[0].allclose(before[0] / before[0].norm(), rtol=1e-5)

    @staticmethod
    def held(network):
        return network.spatial.weight, network.readout.weight

    def test_impossible(self):
        size = {"n_channels": 2, "n_samples": 64, "n_classes": 2}
        for options in ({"kernel": 0}, {"dropout": 1.0}, {"order": "any"}, {"filters": 0}, {"depth": 0}):
            with pytest.raises(OptionError, match="EEGNet"):
                build_eegnet(**size, **options)
        with pytest.raises(DataError, match="at least 65 samples"):
            build_eegnet(**size, kernel=65)
        with pytest.raises(DataError, match="at least 32 samples"):
            build_eegnet(n_channels=2, n_samples=31, n_classes=2, kernel=5)


class TestOrders:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_moments_by_their_definition(self, shape):
        epochs, kernel = pair(shape)[2], shape[3]
        found = input_moments(epochs, kernel)
        padded = nn.functional.pad(epochs, ((kernel - 1) // 2, kernel // 2))
        seen = padded.unfold(-1, kernel, 1)  # (n, channels, samples, kernel)
        assert found.sums.allclose(seen.sum(dim=(1, 2)), rtol=1e-12, atol=1e-12)
        assert found.products.allclose(torch.einsum("nctk,nctl->nkl", seen, seen), rtol=1e-12, atol=1e-11)
        assert found.count == epochs.shape[1] * epochs.shape[2]

    @pytest.mark.parametrize("given", [False, True], ids=["anew", "given"])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_equal_in_float64(self, shape, given):
        published, reordered, epochs = pair(shape)
        for network in (published, reordered):
            network.standardise_by(epochs * 3 + 1)
        for _ in range(2):  # running statistics of running statistics
            expected, by_published = step(published, epochs)
            found, by_reordered = step(reordered, epochs, reordered.moments(epochs) if given else None)
        assert apart(found, expected) < 1e-9
        self.same_gradients(by_reordered, by_published, 1e-9)
        for (name, one), other in zip(reordered.named_buffers(), published.buffers(), strict=True):
            assert one.allclose(other, rtol=1e-9, atol=1e-12), name
        assert int(reordered.norm.num_batches_tracked) == 2
        assert apart(reordered.eval()(epochs), published.eval()(epochs)) < 1e-9

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
    @pytest.mark.parametrize("shape", [*SHAPES[:2], *SHAPES[3:], (4, 64, 256, 64, 8, 2)])
    def test_equal_in_float32(self, shape, scale):
        """Not with a kernel of one sample: its true gradient is next to zero, the rest is rounding."""
        published, reordered, epochs = pair(shape, dtype=torch.float32)
        epochs = epochs * scale
        for network in (published, reordered):
            network.standardise_by(epochs)
        expected, by_published = step(published, epochs)
        found, by_reordered = step(reordered, epochs, reordered.moments(epochs))
        assert apart(found, expected) < 1e-5
        self.same_gradients(by_reordered, by_published, 1e-5)
        for (name, one), other in zip(reordered.named_buffers(), published.buffers(), strict=True):
            assert one.allclose(other, rtol=1e-5, atol=1e-6), name
        assert apart(reordered.eval()(epochs), published.eval()(epochs)) < 1e-5

    def test_equal_by_the_input_too(self):
        gradients = []
        for network in pair(SHAPES[1])[:2]:
            epochs = pair(SHAPES[1])[2].requires_grad_()
            step(network, epochs)
            gradients.append(epochs.grad)
        assert apart(gradients[1], gradients[0]) < 1e-9

    def test_a_filter_that_passes_next_to_nothing(self):
        """A second difference of a drift a thousand times what it passes: float64 moments keep the variance.

        What is left is the rounding of the mixed drift, which the published order does not have.
        """
        published, reordered, _ = pair((4, 3, 256, 5, 2, 2), dtype=torch.float32)
        slow = torch.sin(torch.arange(256.0) / 80)[None, None] * torch.tensor([1.0, 0.5, 2.0])[:, None]
        epochs = slow + 1e-3 * torch.randn(4, 3, 256)
        second = torch.tensor([0.0, 1.0, -2.0, 1.0, 0.0])
        for network in (published, reordered):
            network.temporal.weight.data[:] = second
        exact = step(copy.deepcopy(published).double(), epochs.double())[0]
        errors = [apart(step(network, epochs)[0], exact) for network in (published, reordered)]
        assert max(errors) < 1e-4

    def test_moments_of_chosen_epochs(self):
        _, network, epochs = pair(SHAPES[0])
        rows = torch.tensor([2, 0, 2])
        some, all_ = network.moments(epochs[rows]), network.moments(epochs)[rows]
        assert some.products.allclose(all_.products)
        assert some.sums.allclose(all_.sums)

    @staticmethod
    def same_gradients(found, expected, tolerance):
        """Each within tolerance of its own size, but what shifts a filter before BatchNorm: that is zero."""
        largest = max(float(g.abs().max()) for g in expected.values())
        for name, gradient in expected.items():
            if name in ("norm.bias", "rest.6.bias"):
                assert float(gradient.abs().max()) < tolerance * largest
                assert float(found[name].abs().max()) < tolerance * largest
            else:
                floor = max(float(gradient.abs().max()), 0.02 * largest)
                assert apart(found[name], gradient, floor) < tolerance, name


class TestGradients:
    @pytest.mark.parametrize("order", [0, 1], ids=["temporal-first", "spatial-first"])
    def test_by_the_input(self, order):
        networks = pair((2, 2, 32, 4, 1, 2), dropout=0.0)
        network, epochs = networks[order], networks[2].requires_grad_()
        for mode in (False, True):
            assert gradcheck(network.train(mode), (epochs,), eps=1e-6, atol=1e-7, rtol=1e-4, fast_mode=True)

    def test_by_every_parameter(self):
        """Training mode, statistics of the batch taking part: central differences, parameter by parameter."""
        _, network, epochs = pair((3, 2, 32, 4, 2, 2), dropout=0.0)
        moments, labels = network.moments(epochs), torch.tensor([0, 1, 2])
        for weight in (network.spatial.weight, network.readout.weight):
            weight.data *= 0.5  # so that none is shortened

        def value():
            return nn.functional.cross_entropy(network(epochs, moments), labels)

        gradients = torch.autograd.grad(value(), list(network.parameters()))
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            flat = parameter.data.view(-1)
            for i in range(0, len(flat), max(len(flat) // 8, 1)):
                sides = []
                for sign in (1, -2, 1):
                    flat[i] += sign * 1e-5
                    sides.append(value().item())
                assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(
                    float(gradient.view(-1)[i]), rel=1e-4, abs=1e-8
                )


def sources(n, *, seed, channels=6, samples=128, strength=1.0):
    """Noise at 128 Hz with a source of 8 or 20 Hz through one topography, by class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    t = np.arange(samples) / 128
    topography = np.array([1.0, -0.8, 0.5, 0.0, -0.3, 0.2])[:channels]
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    source = np.sin(2 * np.pi * np.where(y, 20, 8)[:, None] * t + phase)
    X = strength * topography[:, None] * source[:, None] + rng.normal(0, 1.0, (n, channels, samples))
    return 10 * X + np.array([5.0, -40, 0, 3, 100, 0])[:channels, None], y


class TestRecogniser:
    def small(self, **options):
        return EEGNetRecogniser(
            **{"epochs": 15, "learning_rate": 5e-3, "batch_size": 16, "kernel": 32} | options
        )

    def test_learns_a_planted_source(self):
        X, y = sources(64, seed=0)
        others, truth = sources(64, seed=1)
        found = self.small().fit(X, y + 3).predict(others)
        assert set(found) <= {3, 4}
        assert (found == truth + 3).mean() > 0.85

    def test_no_source_no_answer(self):
        X, y = sources(48, seed=2, strength=0.0)
        others, truth = sources(200, seed=3, strength=0.0)
        assert 0.35 < (self.small(epochs=6).fit(X, y).predict(others) == truth).mean() < 0.65

    def test_both_orders_train_alike(self):
        """In float64, where rounding has no time to grow."""
        X, y = sources(24, seed=4)
        epochs = torch.from_numpy(X)
        published, reordered, _ = pair((1, 6, 128, 32, 8, 2))
        settings = TrainingSettings(epochs=3, learning_rate=1e-3, batch_size=8, optimiser="sgd")
        for network in (published, reordered):
            network.standardise_by(epochs)
        one = train(lambda: published, epochs, y, settings, seed=0)
        judge = nn.functional.cross_entropy
        other = train(lambda: reordered, torch.arange(24), y, settings, seed=0, loss=by_row(epochs, judge))
        for (name, expected), found in zip(
            one.state_dict().items(), other.state_dict().values(), strict=True
        ):
            assert found.double().allclose(expected.double(), rtol=1e-9, atol=1e-10), name

    def test_standardises_by_training_samples_only(self):
        X, y = sources(16, seed=5)
        one = self.small(epochs=1).fit(X, y)
        centre, spread = X.mean(axis=(0, 2)), X.std(axis=(0, 2))
        assert one.network_.centre[:, 0].numpy() == pytest.approx(centre, rel=1e-5, abs=1e-5)
        assert one.network_.spread[:, 0].numpy() == pytest.approx(spread, rel=1e-5)
        before = one.predict_proba(X[:4])
        beside = one.predict_proba(np.concatenate([X[:4], X * 1000]))[:4]
        assert beside == pytest.approx(before, abs=1e-6)
        other = self.small(epochs=1)
        other.fit_stages(X, y, watch=X * 1000)
        assert (other.predict_proba(X[:4]) == before).all()

    def test_unit_and_offset_do_not_matter(self):
        X, y = sources(16, seed=6)
        expected = self.small(epochs=2).fit(X, y).predict_proba(X)
        assert self.small(epochs=2).fit(X * 1e-6, y).predict_proba(X * 1e-6) == pytest.approx(
            expected, abs=1e-4
        )

    def test_a_flat_channel(self):
        X, y = sources(16, seed=7)
        X[:, 3] = 7.3
        assert np.isfinite(self.small(epochs=1).fit(X, y).predict_proba(X)).all()

    @pytest.mark.parametrize("imbalance", ["balanced", "weighted", "focal"])
    def test_rare_classes(self, imbalance):
        X, y = sources(17, seed=8)
        one = self.small(epochs=1, imbalance=imbalance).fit(X, y)
        assert one.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(17))

    def test_repeats_and_stages(self):
        X, y = sources(16, seed=9)
        one, other = self.small(epochs=2), self.small(epochs=2)
        stages = one.fit_stages(X, y, watch=X[:5])
        assert stages.shape == (2, 5, 2)
        assert (stages[-1] == one.predict_proba(X[:5])).all()
        assert (other.fit(X, y).predict_proba(X[:5]) == stages[-1]).all()

    def test_save_and_load(self, tmp_path):
        X, y = sources(16, seed=10)
        one = self.small(epochs=2).fit(X, y + 1)
        one.save(tmp_path / "eegnet.safetensors", about={"study": "simulated"})
        other = EEGNetRecogniser.load(tmp_path / "eegnet.safetensors")
        assert other.get_params() == one.get_params()
        assert (other.predict_proba(X) == one.predict_proba(X)).all()
        assert (other.predict(X) == one.predict(X)).all()

    def test_impossible(self):
        X, y = sources(8, seed=11)
        for wrong in (X[:, 0], X.astype(np.int64), np.full_like(X, np.nan)):
            with pytest.raises(DataError, match="input of eegnet"):
                self.small().fit(wrong, y)
        with pytest.raises(DataError, match="at least 64 samples"):
            self.small(kernel=64).fit(X[..., :60], y)
        with pytest.raises(OptionError, match="augment of eegnet"):
            self.small(augment="flow").fit(X, y)
        one = self.small(epochs=1).fit(X, y)
        with pytest.raises(DataError, match=r"samples of shape \(6, 128\)"):
            one.predict(X[..., :64])
