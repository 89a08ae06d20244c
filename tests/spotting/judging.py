"""What tests of learning spotters share: toy studies, recall of proposals, and references at wrong times."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import toys

from mien.core.expression import Expression
from mien.features.face_fields import fields_of_arrays
from mien.spotting.spotter import FaceVideo

LENGTH_S = 12.0


@lru_cache
def toy_study(first, n):
    """Some videos and their references, from seeds that start at a number."""
    seeds = range(first, first + n)
    references = [toys.toy_expressions(seed, length_s=LENGTH_S) for seed in seeds]
    videos = [
        toys.toy_video(f"toy {seed}", of_one, length_s=LENGTH_S, seed=seed)
        for seed, of_one in zip(seeds, references, strict=True)
    ]
    return videos, references


def at_rest(references, seed=0):
    """As many expressions of the same kinds and lengths, at random times where nothing moves."""
    rng = np.random.default_rng(seed)
    return [[_at_rest(one, of_one, rng) for one in of_one] for of_one in references]


def _at_rest(one, of_one, rng):
    while True:
        by = rng.uniform(0.5, LENGTH_S - 2) - one.onset_s
        moved = Expression(one.onset_s + by, one.apex_s + by, one.offset_s + by, one.kind)
        if not any(iou(moved, other) for other in of_one):
            return moved


def iou(a, b):
    """Of two spans with onset and offset."""
    shared = min(a.offset_s, b.offset_s) - max(a.onset_s, b.onset_s)
    return max(0.0, shared) / (max(a.offset_s, b.offset_s) - min(a.onset_s, b.onset_s))


def f1(spotter, videos, references, thresholds):
    """Of both kinds, from pooled counts; a reference is found once, at IoU .5 or more."""
    return _f1([_found(spotter, video, thresholds) for video in videos], references)


def f1_and_chance(spotter, videos, references, thresholds, *, n_draws=50):
    """F1, and its mean when each video's proposals are moved along the video at random."""
    found = [_found(spotter, video, thresholds) for video in videos]
    rng = np.random.default_rng(0)
    draws = [[[_along(one, rng) for one in of_one] for of_one in found] for _ in range(n_draws)]
    return _f1(found, references), np.mean([_f1(draw, references) for draw in draws])


def _found(spotter, video, thresholds):
    found = spotter.propose(spotter.score(video), thresholds)
    check(found, thresholds)
    return found


def _along(one, rng):
    length = one.offset_s - one.onset_s
    onset = rng.uniform(0, LENGTH_S - length)
    return replace(one, onset_s=onset, apex_s=onset + length / 2, offset_s=onset + length)


def _f1(found, references):
    tp = sum(
        any(one.kind == reference.kind and iou(one, reference) >= 0.5 for one in of_video)
        for of_video, coded in zip(found, references, strict=True)
        for reference in coded
    )
    return 2 * tp / (sum(map(len, found)) + sum(map(len, references)))


def check(found, thresholds):
    """What every list of proposals must be."""
    assert found == sorted(found)
    for one in found:
        assert one.kind in thresholds
        assert one.onset_s <= one.apex_s <= one.offset_s
        assert np.isfinite([one.onset_s, one.offset_s, one.score]).all()


def odd_videos():
    """Videos of no length, without any face, and with stretches that are shorter than any expression."""
    nothing = toys.toy_video("nothing", [], length_s=1.0)
    empty_fields = fields_of_arrays(np.empty(0), np.empty(0, np.int64), np.empty((0, 2, 64, 64), np.float32))
    motion = nothing.motion
    empty = type(motion)(
        times_s=motion.times_s[:0],
        motion=motion.motion[:0],
        head=motion.head[:0],
        state=motion.state[:0],
        reference=motion.reference[:0],
        joins={},
        cuts_s=np.empty(0),
        rate_hz=float("nan"),
        start_s=0.0,
        end_s=0.0,
        damage=None,
    )
    return [
        FaceVideo("empty", empty, empty_fields),
        toys.toy_video("no face", [], length_s=4.0, breaks_s=[(-1.0, 9.0)]),
        toys.toy_video("broken", [], length_s=6.0, breaks_s=[(t, t + 0.1) for t in np.arange(0.3, 6, 0.4)]),
        toys.toy_video("one frame", [], length_s=1 / 30),
        toys.toy_video("no expression", [], length_s=8.0),
    ]


def same(a, b):
    """Whether two scores are equal to the last bit."""
    return set(a) == set(b) and all(
        np.asarray(a[key]).dtype == np.asarray(b[key]).dtype and a[key].tobytes() == b[key].tobytes()
        for key in a
    )


def digest_of_learning():
    """SHA-256 of what every learning spotter says after very little training."""
    # Heavy and slow to import: only who asks for digests pays.
    from mien.spotting.abpn import ABPNSpotter
    from mien.spotting.mesnet_style import MESNetStyleSpotter
    from mien.spotting.sl_swin import SLSwinSpotter
    from mien.spotting.softnet import SOFTNetSpotter

    coded = toys.toy_expressions(7, length_s=6.0, n_micro=1)
    video = toys.toy_video("toy", coded, length_s=6.0, seed=7)
    digest = hashlib.sha256()
    for spotter in (
        SOFTNetSpotter(epochs=1, max_samples=60),
        ABPNSpotter(epochs=2),
        SLSwinSpotter(epochs=1, max_samples=30, dim=24, depths=(1, 1), heads=(2, 4)),
        MESNetStyleSpotter(epochs=2),
    ):
        scores = spotter.fit([video], [coded]).score(video)
        for key in sorted(scores):
            digest.update(key.encode() + np.ascontiguousarray(scores[key]).tobytes())
    return digest.hexdigest()
