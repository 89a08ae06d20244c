"""MSOF-style on made videos, and its signal against its formula written out point by point."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.expression import Expression
from mien.spotting import msof_style
from mien.spotting.frames import PIECE
from mien.spotting.msof_style import ROIS, MSOFStyleSpotter, region_signal
from mien.spotting.spotter import FaceVideo

sys.path.insert(0, str(Path(__file__).parent))

import spotter_checks as checks
import toys

BOTH = {"micro": 0.3, "macro": 0.3}
MICRO_FRAMES = 12


@pytest.fixture(scope="module")
def story():
    return toys.toy_video("story", checks.STORY, length_s=checks.STORY_S)


@pytest.fixture(scope="module")
def scores(story):
    return MSOFStyleSpotter().score(story)


def in_two_directions(vectors):
    bins = [[] for _ in range(8)]
    for u, v in vectors:
        bins[int(math.degrees(math.atan2(v, u)) % 360 // 45)].append(math.hypot(u, v))
    main, second = sorted(bins, key=len, reverse=True)[:2]
    return sum(main + second) / len(main + second)


def test_the_signal_is_that_of_the_formula():
    k, n, points = 3, 20, 30
    moved = np.random.default_rng(1).normal(size=(n, 2, points)).astype(np.float32)
    signal = region_signal(moved, k)
    assert signal.shape == (n - 2 * k,)
    for i in range(k, n - k):
        both = []
        for j in (i + k, i - k):
            flow = moved[j].astype(np.float64) - moved[i].astype(np.float64)
            both.append(in_two_directions(flow.T.tolist()))
        assert signal[i - k] == pytest.approx(min(both), abs=1e-6)


def test_the_two_fullest_directions_count_and_no_other():
    moved = np.zeros((3, 2, 10), dtype=np.float32)
    moved[1, :, :5] = [[1.0], [0.1]]  # five to the right, by 1
    moved[1, :, 5:8] = [[0.2], [3.0]]  # three down, by 3
    moved[1, :, 8:] = [[-9.0], [0.1]]  # two to the left, by 9
    expected = (5 * math.hypot(1, 0.1) + 3 * math.hypot(0.2, 3)) / 8
    assert region_signal(moved, 1)[0] == pytest.approx(expected, abs=1e-6)


def test_regions_lie_where_their_names_say():
    middles = {}
    for name, mask in zip(ROIS, msof_style._masks(), strict=True):
        y, x = np.nonzero(mask)
        assert len(x) >= 40
        middles[name] = x.mean() * 2, y.mean() * 2
    for name, (x, y) in middles.items():
        assert (x < 60) == name.endswith("right")
        assert (x > 67) == name.endswith("left")
        low, high = {"brow": (20, 40), "nose": (55, 80), "mouth": (80, 110)}[name.split()[0].strip(",")]
        assert low < y < high


def one_region(level):
    """A video in which all points move by the same amount, to the right and down."""
    moved = np.broadcast_to(np.asarray(level, dtype=np.float32)[:, None, None, None], (len(level), 2, 64, 64))
    return checks.fields_video([0] * len(level), np.ascontiguousarray(moved))


def test_a_step_and_a_drift_are_no_expressions():
    at = np.arange(210) / 30
    step, drift = (at > 3).astype(float), 0.2 * at
    bump = toys.rise_and_fall(at, 3.0, 3.2, 3.4)
    heights = [
        np.nanmax(MSOFStyleSpotter().score(one_region(level))["micro"]) for level in (step, drift, bump)
    ]
    assert heights[0] < 0.1
    assert heights[1] < 0.01
    assert heights[2] == pytest.approx(math.sqrt(2), rel=0.1)


def test_what_lasts_longer_than_an_expression_and_what_shakes_is_taken_out():
    at = np.arange(900) / 30
    short, long = ((np.abs(at - 15) < half).astype(float) for half in (1.0, 3.0))
    shaking = np.sin(2 * np.pi * 12 * at)
    curves = msof_style._excursions(np.stack([short, long, shaking], axis=1), 126)  # 4.2 s
    assert curves[450, 0] == pytest.approx(1.0, abs=0.05)
    assert np.abs(curves[(np.abs(at - 15) < 2.5), 1]).max() < 0.15  # ringing of the low-pass at its ends
    assert np.abs(curves[100:800, 2]).max() < 0.1


def test_expressions_are_found_with_kinds_and_regions(scores):
    found = MSOFStyleSpotter().propose(scores, BOTH)
    checks.sound(found)
    assert checks.hits(checks.STORY, found) == [True] * 3
    assert len(found) == 3
    assert [{name.split(",")[0] for name in one.regions} & {"brow", "mouth"} for one in found] == [
        {"brow"}, {"mouth"}, {"brow"}
    ]  # fmt: skip
    for one, truth in zip(found, checks.STORY, strict=True):
        assert one.apex_s == pytest.approx(truth.apex_s, abs=0.05)
        of_region = scores[f"{one.kind}_regions"][:, list(ROIS).index(one.regions[0])]
        inside = (scores["times_s"] >= one.onset_s) & (scores["times_s"] <= one.offset_s)
        assert of_region[np.searchsorted(scores["times_s"], one.apex_s)] == of_region[inside].max()


def test_the_curve_is_the_highest_of_all_regions(scores):
    for kind in ("micro", "macro"):
        highest = scores[f"{kind}_regions"].max(axis=1)
        np.testing.assert_allclose(scores[kind], highest, rtol=1e-6)
        assert np.nanmax(scores[kind]) > 0.9


def test_a_kind_that_is_left_out_is_not_looked_for(scores):
    assert {one.kind for one in MSOFStyleSpotter().propose(scores, {"macro": 0.3})} == {"macro"}
    assert MSOFStyleSpotter().propose(scores, {}) == []


def test_noise_shows_nothing_at_a_fifteenth_of_an_expression():
    still = MSOFStyleSpotter().score(toys.toy_video("still", [], length_s=12.0, seed=5))
    assert MSOFStyleSpotter().propose(still, {"micro": 0.1, "macro": 0.1}) == []
    assert np.nanmax(still["micro"]) > 0.0


def test_a_higher_threshold_keeps_fewer(scores):
    counts = [len(MSOFStyleSpotter().propose(scores, {"macro": at, "micro": at})) for at in (0.3, 1.1, 5.0)]
    assert counts[0] > counts[1] > counts[2] == 0


def test_the_score_is_the_height_over_the_threshold(scores):
    low, high = (MSOFStyleSpotter().propose(scores, {"macro": at})[0].score for at in (0.3, 0.6))
    assert low == pytest.approx(2 * high)
    assert high == pytest.approx(np.nanmax(scores["macro_regions"][230:290]) / 0.6, rel=1e-5)


def test_pieces_change_nothing_and_memory_stays_flat(monkeypatch, story):
    assert checks.most_frames_read(MSOFStyleSpotter(), story) <= PIECE + 2 * 39
    checks.same_in_pieces(monkeypatch, msof_style, MSOFStyleSpotter(), story)


def test_nothing_is_joined_across_a_break():
    video = toys.toy_video("broken", checks.STORY, length_s=checks.STORY_S, breaks_s=[(4.2, 4.3)])
    scores = MSOFStyleSpotter().score(video)
    near = np.abs(scores["times_s"] - 4.25) < MICRO_FRAMES / 30
    assert np.isnan(scores["micro"][near]).all()
    assert np.isfinite(scores["micro"][(scores["times_s"] > 4.8) & (scores["times_s"] < 16.5)]).all()
    found = MSOFStyleSpotter().propose(scores, BOTH)
    assert not any(one.onset_s < 4.3 and one.offset_s > 4.2 for one in found)
    assert checks.hits(checks.STORY, found) == [False, True, True]


@pytest.mark.parametrize("case", checks.EDGES)
def test_where_nothing_can_be_seen_nothing_is_proposed(case):
    scores = MSOFStyleSpotter().score(checks.fields_video(checks.EDGES[case]))
    assert scores["micro"].shape == scores["macro"].shape == scores["times_s"].shape
    assert MSOFStyleSpotter().propose(scores, {"micro": 0.02, "macro": 0.02}) == []


@pytest.mark.parametrize("n", [24, 25, 26, 30])
def test_a_stretch_that_just_holds_the_lag_is_judged(n):
    moved = np.random.default_rng(0).normal(size=(n, 2, 64, 64)).astype(np.float32)
    curve = MSOFStyleSpotter().score(checks.fields_video([0] * n, moved))["micro"]
    assert np.isfinite(curve).sum() == n - 2 * MICRO_FRAMES


def test_k_is_the_mean_length_of_training_labels():
    shown = [[Expression(0.0, 0.1, 0.3, "micro")], [Expression(5.0, 5.2, 5.4, "micro")]]
    fitted = MSOFStyleSpotter()
    assert fitted.fit([], shown) is fitted
    assert fitted.lags == {"micro": 10, "macro": 39}
    assert MSOFStyleSpotter(k_from_labels=False).fit([], shown).lags["micro"] == MICRO_FRAMES


def test_what_cannot_be_is_refused(scores):
    for height in (0.0, -1.0, float("nan")):
        with pytest.raises(OptionError, match="macro threshold"):
            MSOFStyleSpotter().propose(scores, {"macro": height})
    with pytest.raises(DataError, match="fields"):
        MSOFStyleSpotter().score(FaceVideo("bare", None))
