"""ABPN: its targets, losses and proposals against the method sheet, and what it learns from toys."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import judging
import toys

from mien.core.expression import Expression
from mien.features.region_motion import REGIONS
from mien.spotting.abpn import ABPNSpotter
from mien.spotting.abpn_network import build_abpn, focal_binary, focal_boundary
from mien.spotting.roi_motion import ROIS, frame_targets, roi_motion
from mien.spotting.suppression import suppressed

THRESHOLDS = {"micro": 0.5, "macro": 0.5}


@pytest.fixture(scope="module")
def fitted():
    return ABPNSpotter(epochs=60).fit(*judging.toy_study(0, 4))


def test_size_of_the_network_is_near_the_published_one():
    assert sum(weights.numel() for weights in build_abpn().parameters()) == 28_428
    assert build_abpn()(torch.zeros(2, 24, 270)).shape == (2, 10, 256)


def test_a_frame_sees_five_frames_on_either_side():
    network = build_abpn().eval()
    flow = torch.randn(1, 24, 64, requires_grad=True)
    network(flow)[0, :, 20].sum().backward()
    assert flow.grad[0].abs().sum(dim=0).nonzero()[:, 0][[0, -1]].tolist() == [22, 32]


def test_twelve_rois_are_regions_of_the_face():
    assert len(ROIS) == 12
    assert {name for names in ROIS.values() for name in names} <= set(REGIONS)


def test_targets_by_hand():
    times = np.arange(60) / 30
    coded = [
        Expression(10 / 30, 14 / 30, 20 / 30, "micro"),
        Expression(1.0, None, 50 / 30, "macro"),
    ]
    micro, macro = (frame_targets(times, coded, kind) for kind in ("micro", "macro"))
    assert np.flatnonzero(micro.boundary == 0).tolist() == [9, 10, 11]
    assert np.flatnonzero(micro.boundary == 1).tolist() == [19, 20, 21]
    near = math.exp(-1 / 32)
    assert micro.apex[12:17].tolist() == pytest.approx([0, near, 1, near, 0])
    assert np.flatnonzero(micro.action).tolist() == list(range(10, 21))
    assert np.flatnonzero(macro.boundary == 0).tolist() == list(range(27, 34))
    assert np.flatnonzero(macro.apex).tolist() == list(range(37, 44))


def test_start_and_end_that_meet_go_to_the_nearer():
    coded = [Expression(10 / 30, 11 / 30, 12 / 30, "micro")]
    assert frame_targets(np.arange(20) / 30, coded, "micro").boundary[8:15].tolist() == [2, 0, 0, 0, 1, 1, 2]


def test_losses_by_hand():
    p, q = 0.7, 0.3
    logit = math.log(p / q)
    given = torch.tensor([logit, logit, logit])
    found = focal_binary(given, torch.tensor([1.0, 0.0, 0.5]), 0.9).tolist()
    positive = -abs(1 - p) * 0.9 * math.log(p)
    negative = -abs(0.16 - p) * 0.1 * math.log(q)
    between = -abs(0.5 - p) * (0.9 * 0.5 * math.log(p) + 0.1 * 0.5 * math.log(q))
    assert found == pytest.approx([positive, negative, between], rel=1e-5)
    logits = torch.log(torch.tensor([[[0.5, 0.5], [0.2, 0.2], [0.3, 0.3]]]))
    boundary = focal_boundary(logits, torch.tensor([[0, 2]]))[0].tolist()
    expected = [-0.45 * 0.5 * math.log(0.5), -0.10 * 0.7 * math.log(0.3)]
    assert boundary == pytest.approx(expected, rel=1e-5)


def test_flow_of_regions_adds_up_to_their_displacement():
    (video, *_), _ = judging.toy_study(0, 4)
    found = roi_motion(video.motion)
    lips = video.motion.motion[:, REGIONS.index("lips"), :2].astype(float)
    joined = found.flow[:, list(ROIS).index("lips")].cumsum(axis=0)
    at = [np.argmin(np.abs(video.motion.times_s - t)) for t in found.times_s[found.stretch == 0]]
    assert np.abs(joined[found.stretch == 0] - (lips[at] - lips[at[0]])).max() < 0.1
    assert not found.flow[found.stretch < 0].any()


def test_segments_with_an_expression_only_and_with_what_surrounds_them():
    spotter = ABPNSpotter()
    coded = [Expression(12.0, 12.2, 12.4, "micro")]
    moved = roi_motion(toys.toy_video("long", coded, length_s=28.0).motion)
    spotter.mean_, spotter.deviation_ = np.zeros(2), np.ones(2)
    found = spotter._segments([moved], [coded])
    assert found.flow.shape == (1, 24, 270)
    first = int(np.flatnonzero(moved.stretch == 0)[0]) + 256
    flow = moved.flow.reshape(len(moved.flow), 24)
    assert np.allclose(found.flow[0].T, flow[first - 7 : first + 263])
    assert found.targets["micro"].action.sum() == 13
    assert found.measured.all()


def hand_made(**changed):
    """Forty frames: an apex at frame 20, likely boundaries at 15 and 26."""
    boundary = np.tile(np.array([0.1, 0.1, 0.8], dtype=np.float32), (40, 1))
    boundary[15], boundary[26] = (0.7, 0.1, 0.2), (0.2, 0.6, 0.2)
    apex = np.full(40, 0.1, dtype=np.float32)
    apex[20] = 0.9
    nan = np.full(40, np.nan, dtype=np.float32)
    scores = {
        "times_s": np.arange(40) / 30,
        "stretch": np.zeros(40, dtype=np.int64),
        "micro": apex,
        "micro_boundary": boundary,
        "macro": nan,
        "macro_boundary": np.stack([nan] * 3, axis=1),
    }
    return scores | changed


def frames(found):
    return [tuple(round(30 * t) for t in (one.onset_s, one.apex_s, one.offset_s)) for one in found]


def test_proposals_by_hand():
    found = ABPNSpotter().propose(hand_made(), THRESHOLDS)
    assert frames(found) == [(15, 20, 26)]
    assert found[0].score == pytest.approx(0.9 * 0.7 * 0.6)
    assert ABPNSpotter().propose(hand_made(), {"micro": 0.95, "macro": 0.5}) == []
    # Where the other boundary is likelier, or the stretch ends before any offset, nothing is proposed.
    other = hand_made()
    other["micro_boundary"][26] = (0.6, 0.6, 0.0)
    assert ABPNSpotter().propose(other, THRESHOLDS) == []
    stretch = np.where(np.arange(40) <= 21, 0, 1)
    assert ABPNSpotter().propose(hand_made(stretch=stretch), THRESHOLDS) == []


def test_spans_that_share_more_than_half_are_one_and_five_stay():
    spans = np.array([[0, 10], [4, 14], [2, 12], [20, 30], [3.4, 13.4]], dtype=float)
    kept = suppressed(spans, np.array([0.9, 0.8, 0.7, 0.95, 0.1]), most_iou=0.5)
    assert kept.tolist() == [3, 0, 1]  # IoU of the first two is 6 / 14
    assert suppressed(spans, np.ones(5), most_iou=0.5, top=2).tolist() == [0, 1]
    many = np.arange(20.0)[:, None] * 10 + [[0.0, 5.0]]
    assert len(suppressed(many, np.ones(20), most_iou=0.5, top=5)) == 5


def test_learns_to_spot_in_videos_that_it_has_not_seen(fitted):
    unseen, references = judging.toy_study(100, 3)
    found, by_chance = judging.f1_and_chance(fitted, unseen, references, THRESHOLDS)
    assert found > 0.7 > 2 * by_chance


def test_learns_nothing_from_references_where_nothing_moves():
    videos, references = judging.toy_study(0, 4)
    unseen, truth = judging.toy_study(100, 3)
    moved = ABPNSpotter(epochs=60).fit(videos, judging.at_rest(references))
    assert judging.f1(moved, unseen, truth, THRESHOLDS) < 0.2


def test_equal_seeds_give_equal_bits():
    videos, references = judging.toy_study(0, 4)
    one, again, other = (
        ABPNSpotter(epochs=3, seed=seed).fit(videos, references).score(videos[0]) for seed in (0, 0, 1)
    )
    assert judging.same(one, again)
    assert not judging.same(one, other)


def test_odd_videos_are_scored_without_a_word(fitted):
    low = {"micro": 0.01, "macro": 0.01}
    for video in judging.odd_videos():
        scores = fitted.score(video)
        assert len(scores["times_s"]) == len(scores["micro"]) == len(scores["macro"])
        judging.check(replace(fitted, top=None).propose(scores, low), low)


def test_a_kind_that_nobody_coded_is_not_spotted():
    videos, references = judging.toy_study(0, 4)
    micro = [[one for one in of_one if one.kind == "micro"] for of_one in references]
    spotter = ABPNSpotter(epochs=3).fit([*videos, *judging.odd_videos()], [*micro, *[[]] * 5])
    scores = spotter.score(videos[0])
    assert np.isnan(scores["macro"]).all()
    assert np.isfinite(scores["micro"]).any()
    assert {one.kind for one in spotter.propose(scores, {"micro": 0.0, "macro": 0.0})} <= {"micro"}
    nothing = ABPNSpotter().fit(videos, [[] for _ in videos])
    assert nothing.propose(nothing.score(videos[0]), THRESHOLDS) == []
