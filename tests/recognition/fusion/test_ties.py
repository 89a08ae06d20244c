"""Every step of the tie rule, alone and against a slow version of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.recognition.fusion import TIES, DecisionFusion
from mien.recognition.fusion.ties import decide


def once(scores, sums, cast, accuracy, prior):
    estimate, how = decide(
        np.array([scores], dtype=float),
        sums=np.array([sums], dtype=float),
        cast=np.array(cast, dtype=np.int64)[:, None],
        member_accuracy=np.array(accuracy, dtype=float),
        prior=np.array(prior, dtype=float),
    )
    return int(estimate[0]), str(how[0])


@pytest.mark.parametrize(
    ("scores", "sums", "cast", "accuracy", "prior", "wanted"),
    [
        ([1, 2, 0], [9, 0, 0], [0, 1], [0.9, 0.1], [9, 0, 0], (1, "")),
        ([2, 2, 0], [1, 1.5, 9], [0, 0], [0.9, 0.1], [9, 0, 0], (1, "summed-scores")),
        ([2, 2, 0], [1, 1, 9], [0, 1], [0.6, 0.7], [9, 0, 0], (1, "best-member")),
        # The best member votes for a class that has already lost: the best of the others is heard.
        ([2, 2, 0], [1, 1, 9], [2, 0, 1], [0.9, 0.6, 0.7], [9, 0, 0], (1, "best-member")),
        ([2, 2, 0], [1, 1, 9], [0, 1], [0.7, 0.7], [1, 2, 9], (1, "prior")),
        ([2, 2, 0], [1, 1, 9], [2, -1], [0.7, 0.8], [1, 2, 9], (1, "prior")),
        ([0, 2, 2], [9, 1, 1], [0, -1], [0.7, 0.8], [9, 3, 3], (1, "lowest-class")),
        # One step may leave two, which the next one settles.
        ([2, 2, 2], [1, 3, 3], [0, 2], [0.9, 0.5], [9, 3, 3], (2, "best-member")),
        ([0.3, 0.1 + 0.2, 0], [1, 2, 0], [0, 1], [0.9, 0.5], [1, 1, 1], (1, "summed-scores")),
    ],
)
def test_ties_by_hand(scores, sums, cast, accuracy, prior, wanted) -> None:
    assert once(scores, sums, cast, accuracy, prior) == wanted
    assert wanted[1] in TIES


def slow_decision(scores, sums, cast, accuracy, prior):
    left = [j for j in range(len(scores)) if scores[j] == max(scores)]
    if len(left) == 1:
        return left[0], ""
    left = [j for j in left if sums[j] == max(sums[k] for k in left)]
    if len(left) == 1:
        return left[0], "summed-scores"
    heard = [i for i in range(len(cast)) if cast[i] in left]
    if heard:
        best = max(accuracy[i] for i in heard)
        left = sorted({cast[i] for i in heard if accuracy[i] == best})
        if len(left) == 1:
            return left[0], "best-member"
    left = [j for j in left if prior[j] == max(prior[k] for k in left)]
    return left[0], "prior" if len(left) == 1 else "lowest-class"


small = st.integers(0, 2)


@given(
    st.lists(small, min_size=4, max_size=4),
    st.lists(small, min_size=4, max_size=4),
    st.lists(st.integers(-1, 3), min_size=3, max_size=3),
    st.lists(small, min_size=3, max_size=3),
    st.lists(small, min_size=4, max_size=4),
)
def test_ties_are_settled_as_the_slow_rule_does(scores, sums, cast, accuracy, prior) -> None:
    assert once(scores, sums, cast, accuracy, prior) == slow_decision(scores, sums, cast, accuracy, prior)


@given(arrays(np.int64, (4, 12, 3), elements=st.integers(1, 3)), st.permutations(range(4)))
def test_the_order_of_members_never_matters(scores, order) -> None:
    # Few different scores: most samples are tied somewhere.
    y = np.arange(12) % 3
    for rule in ("vote", "confusion", "soft-vote", "product", "dempster-shafer"):
        one = DecisionFusion(rule, weight="equal").fit(scores, y).fuse(scores)
        other = DecisionFusion(rule, weight="equal").fit(scores[order], y).fuse(scores[order])
        assert one.estimate.tolist() == other.estimate.tolist()
        assert one.tie.tolist() == other.tie.tolist()
        assert one.votes[order].tolist() == other.votes.tolist()
