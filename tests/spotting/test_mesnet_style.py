"""MESNet-style: anchors, matching and sampling against plain arithmetic, and what it learns from toys."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import judging
import toys

from mien.core.expression import Expression
from mien.spotting import mesnet_clips
from mien.spotting.mesnet_clips import LAG, clips_of, flow_pieces, read_clips
from mien.spotting.mesnet_layers import (
    _sampled,
    anchors,
    build_mesnet,
    moved_spans,
    moves_between,
    spans_iou,
)
from mien.spotting.mesnet_loss import _judging_loss, _proposal_loss, matched
from mien.spotting.mesnet_style import MESNetStyleSpotter

HERE = Path(__file__).parent
THRESHOLDS = {"micro": 0.5, "macro": 0.5}


def quick(**given):
    return MESNetStyleSpotter(**{"epochs": 20, "batch_size": 2, "learning_rate": 2e-3, **given})


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(*judging.toy_study(0, 4))


def test_size_of_the_network_by_arithmetic():
    encoder = 2 * 8 * 9 + 8 * 16 * 9 + 16 * 32 * 9 + 3 * (8 + 16 + 32) + 512 * 64 + 64
    time = 3 * (64 * 64 * 3 + 3 * 64)
    heads = 64 * 32 + 32 + 512 * 64 + 64 + 64 * 5 + 5
    assert sum(weights.numel() for weights in build_mesnet(8).parameters()) == encoder + time + heads


def test_anchors_stand_at_every_second_frame():
    assert anchors(5, (8, 12)).tolist() == [[-4, 4], [-6, 6], [-2, 6], [-4, 8], [0, 8], [-2, 10]]


def test_moves_take_spans_to_their_goals_and_no_further():
    spans, goals = torch.tensor([[0.0, 8.0], [4.0, 16.0]]), torch.tensor([[2.0, 12.0], [3.0, 9.0]])
    assert torch.allclose(moved_spans(spans, moves_between(spans, goals)), goals, atol=1e-5)
    far = moved_spans(spans, torch.tensor([[0.0, 99.0], [0.0, -99.0]]))
    lengths = far[:, 1] - far[:, 0]
    assert lengths.tolist() == pytest.approx([8 * math.exp(1.5), 12 * math.exp(-1.5)])


def test_spans_are_matched_at_six_tenths():
    references, kinds = torch.tensor([[[10.0, 20.0], [40.0, 60.0]]]), torch.tensor([[1, 2]])
    spans = torch.tensor([[[10.0, 16.0], [10.0, 15.9], [17.0, 27.0], [40.0, 72.0], [0.0, 0.0]]])
    assert spans_iou(spans, references)[0, 0].tolist() == pytest.approx([0.6, 0])
    classes, goals, _ = matched(spans, references, kinds)
    assert classes.tolist() == [[1, -1, 0, 2, 0]]
    assert goals[0, 3].tolist() == [40, 60]
    none = matched(spans, references, torch.zeros(1, 2, dtype=torch.int64))[0]
    assert none.tolist() == [[0] * 5]


def test_features_are_sampled_in_and_around_a_span():
    features = torch.arange(100.0)[None, :, None].expand(1, 100, 64)
    found = _sampled(features, torch.tensor([0]), torch.tensor([[20.0, 34.0]]))[0, :, 0]
    assert found.tolist() == pytest.approx(np.linspace(16.5, 37.5, 8).tolist())


def test_first_stage_loses_nothing_when_every_anchor_is_right():
    places, references = anchors(64, (8, 16)), torch.tensor([[[12.0, 28.0]]])
    kinds, measured = torch.tensor([[2]]), torch.tensor([64])
    iou = spans_iou(places, references[0])[:, 0]
    right = torch.where(iou >= 0.6, 20.0, -20.0)
    by = moves_between(places, references[0].expand(len(places), 2))[None]

    def loss(sign, by):
        logits = sign * torch.stack([-right, right], dim=1)[None]
        return float(_proposal_loss(logits, by, measured, references, kinds, places))

    assert loss(1, by) == pytest.approx(0, abs=1e-6)
    assert loss(-1, by) == pytest.approx(80)  # 40 of what is there, 40 of what is not
    # Not moved, five anchors of 16 frames are 0, 2 and 4 frames off: smooth L1 of 0, 1/8 and 1/4.
    assert loss(1, torch.zeros_like(by)) == pytest.approx((2 / 8**2 + 2 / 4**2) / 2 / 10)


def test_second_stage_judges_what_is_offered_and_the_references():
    references, kinds = torch.tensor([[[12.0, 28.0], [0.0, 0.0]]]), torch.tensor([[2, 0]])
    offered = torch.tensor([[[12.0, 26.0], [12.0, 20.0], [40.0, 50.0]]])
    macro, none = torch.tensor([-20.0, -20.0, 20.0]), torch.tensor([20.0, -20.0, -20.0])
    asked = []

    class Judge:
        def judge(self, features, clips, spans):
            asked.append(spans.tolist())
            logits = torch.where(spans[:, :1] < 30, macro, none)
            return logits, moves_between(spans, references[0, :1].expand(len(spans), 2))

    loss = _judging_loss(Judge(), torch.zeros(1, 64, 64), offered, references, kinds)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert asked == [[[12, 26], [40, 50], [12, 28]]]  # IoU .5 is neither; filling is no reference


def test_clips_hold_the_expressions_whose_middle_lies_in_them():
    video = toys.toy_video("long", [], length_s=12.0)
    coded = [Expression(1.0, 1.2, 1.4, "micro"), Expression(8.0, 8.6, 9.2, "macro")]
    first, second = clips_of(0, video.fields, coded)
    assert (first.first, first.stop, first.spans) == (0, 256, ((30, 42, 1),))
    assert (second.first, second.stop, second.spans) == (256, 360, ((-16, 20, 2),))
    clips = read_clips([video.fields], [first, second])
    assert clips.measured.tolist() == [256, 104]
    assert not clips.flow[1, 104:].any()
    assert clips.kinds.tolist() == [[1], [2]]


def test_flow_is_over_a_short_lag_and_does_not_depend_on_how_it_is_read(monkeypatch):
    (video, *_), _ = judging.toy_study(0, 4)
    whole = np.concatenate(list(flow_pieces(video.fields, 0, 360, 0, 360)))
    moved = video.fields.displacement(0, 360).reshape(360, 2, 32, 2, 32, 2).mean(axis=(3, 5))
    assert np.allclose(whole[LAG:], moved[LAG:] - moved[:-LAG], atol=2e-3)
    assert not whole[0].any()
    monkeypatch.setattr(mesnet_clips, "PIECE", 50)
    parts = np.concatenate(list(flow_pieces(video.fields, 0, 360, 0, 360)))
    assert (parts == whole).all()


def test_learns_to_spot_in_videos_that_it_has_not_seen(fitted):
    unseen, references = judging.toy_study(100, 3)
    found, by_chance = judging.f1_and_chance(fitted, unseen, references, THRESHOLDS)
    assert found > 0.6 > 2 * by_chance


def test_learns_nothing_from_references_where_nothing_moves():
    videos, references = judging.toy_study(0, 4)
    unseen, truth = judging.toy_study(100, 3)
    moved = quick(epochs=10).fit(videos, judging.at_rest(references))
    assert judging.f1(moved, unseen, truth, THRESHOLDS) < 0.2


def test_curves_are_the_likeliest_span_and_no_two_spans_share_much(fitted):
    (video, *_), _ = judging.toy_study(100, 3)
    scores = fitted.score(video)
    for kind in ("micro", "macro"):
        spans = scores[f"{kind}_spans"]
        assert np.isfinite(spans).all()
        assert np.nanmax(scores[kind]) == pytest.approx(spans[:, 2].max())
        iou = spans_iou(torch.tensor(spans[:, :2]), torch.tensor(spans[:, :2])).numpy()
        assert (np.triu(iou, 1) <= 0.4 + 1e-9).all()


def test_odd_videos_are_scored_without_a_word(fitted):
    low = {"micro": 0.0, "macro": 0.0}
    for video in judging.odd_videos():
        scores = fitted.score(video)
        assert len(scores["times_s"]) == len(scores["micro"]) == len(scores["macro"])
        judging.check(fitted.propose(scores, low), low)


def test_a_kind_that_nobody_coded_is_not_spotted():
    videos, references = judging.toy_study(0, 4)
    micro = [[one for one in of_one if one.kind == "micro"] for of_one in references]
    spotter = quick(epochs=1, max_clips=3).fit([*videos, *judging.odd_videos()], [*micro, *[[]] * 5])
    scores = spotter.score(videos[0])
    assert np.isnan(scores["macro"]).all()
    assert np.isfinite(scores["micro"]).any()
    assert {one.kind for one in spotter.propose(scores, {"micro": 0.0, "macro": 0.0})} <= {"micro"}
    nothing = quick().fit(videos, [[] for _ in videos])
    assert nothing.propose(nothing.score(videos[0]), THRESHOLDS) == []


def test_every_learning_spotter_says_the_same_in_any_process():
    code = "import judging; print(judging.digest_of_learning())"
    other = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7", "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=other, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == judging.digest_of_learning()
