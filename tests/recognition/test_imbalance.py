"""What is done about rare classes, and motion changed at random while training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import OptionError
from mien.learning.losses import class_weights, logit_loss
from mien.learning.train import TrainingSettings, train
from mien.recognition.augmentation import augment_flow, rotated
from mien.recognition.csarnet_style import CSARNetStyleRecogniser
from mien.recognition.featref_style import FeatRefStyleRecogniser
from mien.recognition.mersiamc3d_style import MERSiamC3DStyleRecogniser
from mien.recognition.moext import MoExtRecogniser
from mien.recognition.network import IMBALANCE
from mien.recognition.ststnet import STSTNetRecogniser

CODES = np.array([0, 0, 0, 1])


class TestLosses:
    def test_weights_by_hand(self):
        assert class_weights(CODES).tolist() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])

    def test_each_by_hand(self):
        logits, labels = torch.log(torch.tensor([[0.8, 0.2], [0.4, 0.6]])), torch.tensor([0, 1])
        terms = -np.log([0.8, 0.6])
        w = np.array([4 / 6, 2.0])
        expected = {
            "plain": terms.mean(),
            "weighted": (w * terms).sum() / w.sum(),
            "focal": (np.array([0.2, 0.4]) ** 2 * terms).mean(),
        }
        for kind, value in expected.items():
            assert float(logit_loss(kind, CODES)(logits, labels)) == pytest.approx(value, rel=1e-5)

    def test_balanced_sampling_draws_every_class_equally_often(self):
        seen = []

        def watch(network, inputs, labels):
            seen.extend(inputs[:, 0].int().tolist())
            return network(inputs).sum() * 0.0

        y = np.repeat([0, 1, 2], [180, 15, 5])
        settings = TrainingSettings(10, 1e-3, batch_size=50, sampling="balanced")
        rows = torch.arange(200.0)[:, None]
        train(lambda: nn.Linear(1, 3), rows, y, settings, seed=0, loss=watch)
        counts = np.bincount(y[seen], minlength=3)
        assert counts.sum() == 2000
        assert (abs(counts - 2000 / 3) < 100).all()  # 4.7 standard deviations


@pytest.mark.parametrize("imbalance", IMBALANCE)
@pytest.mark.parametrize("kind", [STSTNetRecogniser, FeatRefStyleRecogniser, CSARNetStyleRecogniser])
def test_every_option_trains_and_changes_the_answer(kind, imbalance, maps):
    small = {"n_shared": 16} if kind is FeatRefStyleRecogniser else {}
    small |= {"widths": (4, 8)} if kind is CSARNetStyleRecogniser else {}
    plain = kind(epochs=2, **small).fit(maps.maps, maps.labels).predict_proba(maps.maps)
    other = kind(epochs=2, imbalance=imbalance, **small).fit(maps.maps, maps.labels)
    same = (other.predict_proba(maps.maps) == plain).all()
    # None of these three does anything about rare classes by itself.
    assert same == (imbalance in ("as-published", "plain"))


def test_mersiamc3d_style_weighs_by_itself_until_told_otherwise():
    rng = np.random.default_rng(0)
    clips, y = rng.normal(size=(8, 3, 16, 16, 3)), np.array([0, 0, 0, 0, 0, 1, 1, 1])
    answers = [
        MERSiamC3DStyleRecogniser(epochs=2, pair_epochs=1, imbalance=name).fit(clips, y).predict_proba(clips)
        for name in ("as-published", "plain")
    ]
    assert not (answers[0] == answers[1]).all()


def test_unknown_options_are_refused(maps):
    with pytest.raises(OptionError, match="imbalance of ststnet: wanted as-published or plain or weighted"):
        STSTNetRecogniser(imbalance="smote").fit(maps.maps, maps.labels)
    pairs = np.zeros((4, 2, 32, 32, 3), np.uint8)
    with pytest.raises(OptionError, match="its input is no motion map"):
        MoExtRecogniser(augment="flow").fit(pairs, np.array([0, 1, 0, 1]))


class TestAugmentation:
    def test_turning_a_rotation_field_by_any_angle_leaves_it(self):
        """A swirl about the middle looks the same from all sides."""
        y, x = torch.meshgrid(torch.linspace(-1, 1, 41), torch.linspace(-1, 1, 41), indexing="ij")
        swirl = torch.stack([-y, x, x * 0])[None]
        found = rotated(swirl, torch.tensor([0.3]))
        assert (found - swirl)[..., 10:31, 10:31].abs().max() < 1e-5

    def test_a_uniform_motion_turns_its_direction(self):
        field = torch.zeros(1, 3, 9, 9)
        field[:, 0] = 2.0
        found = rotated(field, torch.tensor([np.pi / 6]))
        assert found[0, 0].numpy() == pytest.approx(2 * np.cos(np.pi / 6), abs=1e-5)
        assert found[0, 1].numpy() == pytest.approx(2 * np.sin(np.pi / 6), abs=1e-5)  # clockwise: down

    def test_a_spot_moves_clockwise_and_height_and_width_may_differ(self):
        field = torch.zeros(1, 3, 40, 80)
        field[0, 2, 20, 70] = 1.0  # right of the middle, strain alone
        found = rotated(field, torch.tensor([0.3]))[0, 2]
        row, column = divmod(int(found.argmax()), 80)
        assert row == pytest.approx(19.5 + 30.5 * np.sin(0.3), abs=1.5)
        assert column == pytest.approx(39.5 + 30.5 * np.cos(0.3), abs=1.5)

    @pytest.mark.parametrize("signed", [True, False])
    def test_what_does_not_move_stays_without_motion(self, signed):
        still = torch.zeros(6, 3, 12, 12) if signed else torch.full((6, 3, 12, 12), 90.0)
        still[:, 2] = 0.0
        torch.manual_seed(0)
        found = augment_flow(still, signed=signed)
        if signed:
            assert (found == 0).all()
        else:
            assert set(found[:, 0].unique().round().tolist()) == {90.0, 165.0}  # mirrored: 255 - 90
            assert found[:, 1].numpy() == pytest.approx(90.0)
            assert (found[:, 2] == 0).all()

    def test_clips_turn_as_a_whole_and_amplitudes_stay_in_their_range(self):
        torch.manual_seed(1)
        clips = torch.zeros(400, 3, 4, 8, 8)
        clips[:, 1] = 1.0
        found = augment_flow(clips, signed=True)
        assert found.shape == clips.shape
        length = found[:, :2].square().sum(1).sqrt()
        assert length.std(dim=(1, 2, 3)).max() < 1e-5
        assert 0.7 - 1e-5 <= float(length.min()) < 0.72
        assert 1.28 < float(length.max()) <= 1.3 + 1e-5

    def test_signed_motion_is_mirrored_with_its_sign(self):
        torch.manual_seed(2)
        clips = torch.zeros(300, 3, 1, 9, 9)
        clips[:, 0, :, :, 6:] = 1.0
        found = augment_flow(clips, signed=True)[:, 0, 0, 4]
        right, left = found[:, -1] > 0.5, found[:, 0] < -0.5
        assert (right ^ left).all()
        assert 110 < int(left.sum()) < 190
