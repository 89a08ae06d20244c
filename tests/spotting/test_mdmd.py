"""MDMD on made videos, and against its formula written out point by point."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.expression import Expression
from mien.spotting import mdmd
from mien.spotting.frames import PIECE
from mien.spotting.mdmd import MDMDSpotter, frame_feature
from mien.spotting.spotter import FaceVideo

sys.path.insert(0, str(Path(__file__).parent))

import spotter_checks as checks
import toys

BOTH = {"micro": 0.1, "macro": 0.1}


@pytest.fixture(scope="module")
def story():
    return toys.toy_video("story", checks.STORY, length_s=checks.STORY_S)


@pytest.fixture(scope="module")
def scores(story):
    return MDMDSpotter().score(story)


def largest_third(values):
    kept = sorted(values, reverse=True)[: max(len(values) // 3, 1)]
    return sum(kept) / len(kept)


def by_hand(displacement, i, k, *, published):
    """A frame's feature as the method sheet words it, one point after another."""
    before, here, later = (displacement[j].astype(np.float64) for j in (i - k, i, i + k))
    edges = [round(j * 64 / 6) for j in range(7)]
    blocks = []
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            bins = {number: [] for number in range(4)}
            for y in range(top, bottom):
                for x in range(left, right):
                    u, v = here[:, y, x] - before[:, y, x]
                    angle = math.atan(u / v) if published else math.atan2(v, u)
                    difference = math.hypot(u, v) - math.hypot(*(later[:, y, x] - before[:, y, x]))
                    bins[int(math.degrees(angle) % 360 // 90)].append(difference)
            blocks.append(largest_third(max(bins.values(), key=len)))
    return largest_third(blocks)


@pytest.mark.parametrize("published", [False, True])
def test_the_contrast_is_that_of_the_formula(published):
    k, n = 3, 16
    rng = np.random.default_rng(4)
    moved = rng.normal(size=(n, 2, 64, 64)).astype(np.float32)
    spotter = MDMDSpotter(micro_k_s=k / 30, macro_k_s=k / 30, published_bins=published)
    curve = spotter.score(checks.fields_video([0] * n, moved))["micro"]
    feature = {i: by_hand(moved, i, k, published=published) for i in range(k, n - k)}
    assert np.flatnonzero(np.isfinite(curve)).tolist() == list(range(2 * k - 1, n - 2 * k + 1))
    for i in range(2 * k - 1, n - 2 * k + 1):
        expected = feature[i] - 0.5 * (feature[i - k + 1] + feature[i + k - 1])
        assert curve[i] == pytest.approx(expected, abs=1e-6)


def test_opposite_directions_are_one_only_as_published():
    # everywhere about 40 % of points go right by 1, 35 % left by 3, the rest up by 0.1
    y, x = np.mgrid[:64, :64]
    share = (x * 7 + y * 3) % 20 / 20
    here = np.zeros((1, 2, 64, 64), dtype=np.float32)
    here[0, 0] = np.where(share < 0.4, 1.0, np.where(share < 0.75, -3.0, 0.0))
    here[0, 1] = np.where(share < 0.4, 0.01, np.where(share < 0.75, -0.01, 0.0))
    here[0, 1][share >= 0.75] = -0.1
    later = np.zeros_like(here)
    assert frame_feature(here, later)[0] == pytest.approx(1.0, abs=0.01)
    assert frame_feature(here, later, published_bins=True)[0] == pytest.approx(3.0, abs=0.01)


def test_expressions_are_found_with_their_kinds(scores):
    found = MDMDSpotter().propose(scores, BOTH)
    checks.sound(found)
    assert checks.hits(checks.STORY, found) == [True] * 3
    outside = [one for one in found if not any(e.onset_s <= one.apex_s <= e.offset_s for e in checks.STORY)]
    assert outside == []
    for one in found:
        inside = (scores["times_s"] >= one.onset_s) & (scores["times_s"] <= one.offset_s)
        apex = np.searchsorted(scores["times_s"], one.apex_s)
        assert scores[one.kind][apex] == scores[one.kind][inside].max()


def test_noise_shows_nothing_at_a_third_of_its_height():
    still = MDMDSpotter().score(toys.toy_video("still", [], length_s=12.0, seed=5))
    assert MDMDSpotter().propose(still, {"micro": 0.33, "macro": 0.33}) == []


def test_a_higher_threshold_keeps_fewer_frames(scores):
    spotter = MDMDSpotter(micro_lengths_s=(0.0, None), macro_lengths_s=(0.0, None))
    at = scores["times_s"]
    last = np.ones(len(at), dtype=bool)
    for share in (0.0, 0.01, 0.2, 0.7, 1.0):
        now = np.zeros(len(at), dtype=bool)
        for one in spotter.propose(scores, {"micro": share}):
            now |= (at >= one.onset_s) & (at <= one.offset_s)
        assert not (now & ~last).any()
        assert now.sum() < last.sum()
        last = now
    assert not last.any()  # at 1 nothing passes the maximum


def test_lengths_count_frames_of_a_run():
    curve = np.zeros(60)
    curve[5:11], curve[20:27], curve[40:57] = 1.0, 2.0, 3.0  # 6, 7 and 17 frames
    scores = {"times_s": np.arange(60) / 30, "micro": curve, "macro": curve}
    found = MDMDSpotter().propose(scores, {"micro": 0.01, "macro": 0.01})
    assert [(one.kind, round(one.onset_s * 30), round(one.offset_s * 30)) for one in found] == [
        ("micro", 20, 26),
        ("macro", 40, 56),
    ]
    mean, deviation = curve.mean(), curve.std()
    height = (3.0 - (mean + 0.01 * (3.0 - mean))) / deviation
    assert found[1].score == pytest.approx(1 + height)


def test_a_kind_that_is_left_out_is_not_looked_for(scores):
    assert {one.kind for one in MDMDSpotter().propose(scores, {"macro": 0.1})} == {"macro"}
    assert MDMDSpotter().propose(scores, {}) == []


def test_pieces_change_nothing_and_memory_stays_flat(monkeypatch, story):
    assert checks.most_frames_read(MDMDSpotter(), story) <= PIECE + 2 * 39
    checks.same_in_pieces(monkeypatch, mdmd, MDMDSpotter(), story)


def test_nothing_is_joined_across_a_break():
    video = toys.toy_video("broken", checks.STORY, length_s=checks.STORY_S, breaks_s=[(4.2, 4.3)])
    scores = MDMDSpotter().score(video)
    near = np.abs(scores["times_s"] - 4.25) < (2 * 12 - 1) / 30
    assert np.isnan(scores["micro"][near]).all()
    assert np.isfinite(scores["micro"][(scores["times_s"] > 5.1) & (scores["times_s"] < 16)]).all()
    found = MDMDSpotter().propose(scores, BOTH)
    assert not any(one.onset_s < 4.3 and one.offset_s > 4.2 for one in found)
    assert checks.hits(checks.STORY, found) == [False, True, True]


@pytest.mark.parametrize("case", checks.EDGES)
def test_where_nothing_can_be_seen_nothing_is_proposed(case):
    video = checks.fields_video(checks.EDGES[case])
    scores = MDMDSpotter().score(video)
    assert scores["micro"].shape == scores["macro"].shape == scores["times_s"].shape
    assert MDMDSpotter().propose(scores, {"micro": 0.0, "macro": 0.0}) == []


@pytest.mark.parametrize(("n", "k"), [(156, 39), (155, 39), (154, 19), (74, 9), (5, 2)])
def test_k_is_halved_until_the_longest_stretch_holds_it(n, k):
    moved = np.random.default_rng(0).normal(size=(n, 2, 64, 64)).astype(np.float32)
    curve = MDMDSpotter().score(checks.fields_video([0] * n, moved))["macro"]
    assert np.isfinite(curve).sum() == max(n - 2 * (2 * k - 1), 0)


def test_k_is_the_mean_length_of_training_labels():
    shown = [
        [Expression(0.0, 0.1, 0.3, "micro"), Expression(0.0, 0.1, 0.1, "micro")],  # the second has no offset
        [Expression(5.0, 5.2, 5.5, "micro"), Expression(7.0, 7.2, None, "macro")],
    ]
    fitted = MDMDSpotter()
    assert fitted.fit([], shown) is fitted
    assert fitted.lags == {"micro": 12, "macro": 39}
    assert MDMDSpotter().fit([], [[Expression(0.0, 1.0, 2.0, "macro")]]).lags == {"micro": 12, "macro": 60}
    assert (
        MDMDSpotter(k_from_labels=False).fit([], [[Expression(0.0, 1.0, 2.0, "macro")]]).lags["macro"] == 39
    )


def test_what_cannot_be_is_refused(scores):
    with pytest.raises(OptionError, match="micro threshold"):
        MDMDSpotter().propose(scores, {"micro": 1.01})
    with pytest.raises(OptionError, match="macro threshold"):
        MDMDSpotter().propose(scores, {"macro": float("nan")})
    with pytest.raises(DataError, match="fields"):
        MDMDSpotter().score(FaceVideo("bare", None))
