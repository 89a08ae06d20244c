"""SL-Swin: its layers against plain arithmetic, and what it learns from toys."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import judging

from mien.core.errors import OptionError
from mien.spotting.sl_swin import SLSwinSpotter
from mien.spotting.sl_swin_layers import build_sl_swin, local_attention, patch_merging, shifted_patches

THRESHOLDS = {"micro": 0.6, "macro": 0.6}
SMALL = {"dim": 24, "depths": (1, 1), "heads": (2, 4)}


def quick(**given):
    set_up = {"epochs": 7, "learning_rate": 0.015, "batch_size": 12, "max_samples": 450, **SMALL}
    return SLSwinSpotter(**(set_up | given))


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(*judging.toy_study(0, 4))


def test_size_of_the_network_by_arithmetic():
    def block(width, heads, side):
        attention = 4 * width**2 + 4 * width + heads + heads * (2 * side - 1) ** 2
        return attention + 8 * width**2 + 5 * width + 4 * width

    merging = sum(8 * width + 8 * width**2 for width in (96, 192, 384))
    stages = zip((2, 2, 6, 2), (96, 192, 384, 768), (3, 6, 12, 24), (7, 4, 2, 1), strict=True)
    blocks = sum(depth * block(width, heads, side) for depth, width, heads, side in stages)
    tokens = 2 * 540 + 540 * 96 + 96 + 49 * 96
    expected = tokens + blocks + merging + 2 * 768 + 769
    assert sum(weights.numel() for weights in build_sl_swin().parameters()) == expected == 27_552_061


def test_tokens_are_patches_of_the_picture_and_of_four_moved_ones():
    layer = shifted_patches(8)
    layer.embed = torch.nn.Identity()
    layer.place = torch.nn.Parameter(torch.zeros(1))
    pictures = torch.rand(1, 3, 42, 42)
    token = layer(pictures)[0, 7 + 2].view(5, 3, 6, 6)  # second row, third column
    moved = [(0, 0), (-3, -3), (-3, 3), (3, -3), (3, 3)]
    for number, (y, x) in enumerate(moved):
        expected = pictures[0, :, 6 + y : 12 + y, 12 + x : 18 + x]
        assert torch.equal(token[number], expected)


def test_attention_leaves_the_own_token_out():
    layer = local_attention(8, 2, 3)
    tokens = torch.rand(1, 9, 8, requires_grad=True)
    q, k, v = (part[0].view(9, 2, 4) for part in layer.qkv(tokens).split(8, dim=2))
    seen = torch.zeros(9, 2, 4)
    for head in range(2):
        for i in range(9):
            others = [j for j in range(9) if j != i]
            place = [(i // 3 - j // 3 + 2) * 5 + (i % 3 - j % 3 + 2) for j in others]
            logits = layer.temperature[head, 0] * (k[others, head] @ q[i, head]) + layer.bias[head, place]
            seen[i, head] = logits.softmax(0) @ v[others, head]
    assert torch.allclose(layer(tokens)[0], layer.project(seen.view(9, 8)), atol=1e-6)


def test_a_single_token_attends_to_itself():
    layer = local_attention(8, 2, 1)
    tokens = torch.rand(2, 1, 8)
    value = layer.qkv(tokens)[..., 16:]
    assert torch.allclose(layer(tokens), layer.project(value), atol=1e-6)


def test_merging_joins_neighbours_and_fills_odd_sides_with_zeros():
    layer = patch_merging(2, 3)
    layer.norm = layer.reduce = torch.nn.Identity()
    grid = torch.arange(1.0, 19).view(1, 9, 2)
    found = layer(grid)[0]
    assert found.shape == (4, 8)
    assert sorted(found[0].tolist()) == sorted(grid[0, [0, 1, 3, 4]].flatten().tolist())
    assert sorted(found[3].tolist()) == [0] * 6 + grid[0, 8].tolist()


def test_published_sizes_run():
    network = build_sl_swin().eval()
    with torch.inference_mode():
        answer = network(torch.randint(0, 256, (2, 3, 42, 42), dtype=torch.uint8))
    assert answer.shape == (2, 1)
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize(
    "wrong", [{"heads": (5, 4)}, {"heads": (2,)}, {"depths": (), "heads": ()}, {"depths": (0, 1)}]
)
def test_sizes_that_make_no_network_are_refused(wrong):
    with pytest.raises(OptionError, match="sl-swin"):
        quick(**wrong)


def test_learns_to_spot_in_videos_that_it_has_not_seen(fitted):
    unseen, references = judging.toy_study(100, 3)
    found, by_chance = judging.f1_and_chance(fitted, unseen, references, THRESHOLDS)
    assert found > 0.5 > 2 * by_chance


def test_learns_nothing_from_references_where_nothing_moves():
    videos, references = judging.toy_study(0, 4)
    unseen, truth = judging.toy_study(100, 3)
    moved = quick(epochs=3, max_samples=200).fit(videos, judging.at_rest(references))
    assert judging.f1(moved, unseen, truth, THRESHOLDS) < 0.3


def test_equal_seeds_give_equal_bits(fitted):
    (video, *_), _ = judging.toy_study(100, 3)
    one, again, other = (
        quick(epochs=1, max_samples=60, seed=seed).fit(*judging.toy_study(0, 4)).score(video)
        for seed in (0, 0, 1)
    )
    assert judging.same(one, again)
    assert not judging.same(one, other)


def test_odd_videos_are_scored_without_a_word(fitted):
    for video in judging.odd_videos():
        scores = fitted.score(video)
        assert len(scores["times_s"]) == len(scores["micro"]) == len(scores["macro"])
        judging.check(fitted.propose(scores, THRESHOLDS), THRESHOLDS)


def test_nothing_coded_is_nothing_learned():
    videos, _ = judging.toy_study(0, 4)
    nothing = quick().fit(videos, [[] for _ in videos])
    assert np.isnan(nothing.score(videos[0])["micro"]).all()
    assert nothing.propose(nothing.score(videos[0]), THRESHOLDS) == []
