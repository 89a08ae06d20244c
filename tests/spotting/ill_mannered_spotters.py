"""Spotters that break one rule each, on purpose, and otherwise behave."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

import numpy as np

from mien.spotting.result import Proposal


class Decent:
    """Spans in which some region moves more than the threshold, in pixels; keeps every rule."""

    def fit(self, videos, references):
        return self

    def score(self, video):
        moved = video.motion.motion[:, :, 2].astype(np.float64).max(axis=1)  # NaN where there is no face
        return {"times_s": video.motion.times_s.copy(), "micro": moved, "macro": moved.copy()}

    def propose(self, scores, thresholds):
        return sorted(one for kind in thresholds for one in self.spans(scores, kind, thresholds[kind]))

    @staticmethod
    def spans(scores, kind, threshold):
        times, curve = scores["times_s"], scores[kind]
        edges = np.flatnonzero(np.diff(curve > threshold, prepend=False, append=False))
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            apex = first + int(np.argmax(curve[first:stop]))
            onset_s, apex_s, offset_s = (float(times[i]) for i in (first, apex, stop - 1))
            if (kind == "micro") == (offset_s - onset_s <= 0.5):
                yield Proposal(onset_s, apex_s, offset_s, kind, float(curve[apex] / threshold))


class Ungrateful(Decent):
    def fit(self, videos, references):
        return None


class Ragged(Decent):
    def score(self, video):
        found = super().score(video)
        return {**found, "micro": found["micro"][1:]}


class Worded(Decent):
    def score(self, video):
        return {**super().score(video), "told": np.array(["smile", None], dtype=object)}


class Infinite(Decent):
    def score(self, video):
        found = super().score(video)
        found["micro"][0] = np.inf
        return found


class Beyond(Decent):
    def propose(self, scores, thresholds):
        return [
            *super().propose(scores, thresholds),
            *(Proposal(90, 91, 92, kind, 1.0) for kind in thresholds),
        ]


class Unasked(Decent):
    def propose(self, scores, thresholds):
        return super().propose(scores, {"micro": 0.2, "macro": 0.2})


class Unsure(Decent):
    def propose(self, scores, thresholds):
        at = float(scores["times_s"][0])
        return [*(Proposal(at, at, at, kind, np.nan) for kind in thresholds)]


class Backward(Decent):
    def propose(self, scores, thresholds):
        return super().propose(scores, thresholds)[::-1]


class Windowed(Decent):
    def score(self, video):
        np.lib.stride_tricks.sliding_window_view(video.motion.times_s, 30)
        return super().score(video)


class Filling(Decent):
    def score(self, video):
        found = super().score(video)
        return {name: np.nan_to_num(one) for name, one in found.items()}


class Inventing(Decent):
    def propose(self, scores, thresholds):
        if np.isfinite(scores["micro"]).any():
            return super().propose(scores, thresholds)
        at = float(scores["times_s"][0])
        return [Proposal(at, at, at, kind, 1.0) for kind in thresholds]


class Fragile(Decent):
    def score(self, video):
        if np.isnan(video.motion.motion).all():
            raise ValueError("no face")
        return super().score(video)


class Bridging(Decent):
    """Takes a gap for something that happened."""

    def propose(self, scores, thresholds):
        found = super().propose(scores, thresholds)
        gone = scores["times_s"][np.isnan(scores["micro"])]
        if 0 < len(gone) < len(scores["times_s"]):
            onset, apex, offset = gone[len(gone) // 3], gone[len(gone) // 2], gone[2 * len(gone) // 3]
            found += [Proposal(float(onset), float(apex), float(offset), kind, 1.0) for kind in thresholds]
        return sorted(found)


class Lengths(Decent):
    """Learns the longest coded expression, and makes no use of it."""

    def fit(self, videos, references):
        self.longest = max((one.offset_s - one.onset_s for own in references for one in own), default=0.0)
        return self

    def learned(self):
        return {"longest_s": self.longest}


class Expecting(Lengths):
    def fit(self, videos, references):
        self.longest = max(one.offset_s - one.onset_s for own in references for one in own)
        return self


class BothKinds(Lengths):
    def fit(self, videos, references):
        kinds = {one.kind for own in references for one in own}
        if kinds and kinds != {"micro", "macro"}:
            raise KeyError("macro")
        return super().fit(videos, references)


class Network(Decent):
    """What training recordings show on average, without those that show nothing."""

    def __init__(self, *, seed):
        self.seed = seed

    def fit(self, videos, references):
        means = [self.mean(videos[i].motion.motion[:, :, 2].astype(np.float64)) for i in range(len(videos))]
        self.rest = np.nanmean([0.0, *means])
        return self

    @staticmethod
    def mean(moved):
        return np.nan if np.isnan(moved).all() else np.nanmean(moved)

    def score(self, video):
        found = super().score(video)
        return {**found, **{kind: found[kind] - self.rest for kind in ("micro", "macro")}}


class Poisoned(Network):
    def fit(self, videos, references):
        self.rest = np.sum([videos[i].motion.motion[:, :, 2].sum() for i in range(len(videos))]) * 1e-9
        return self


class SecretLearner(Network):
    """Says that it learns nothing."""

    def __init__(self):
        super().__init__(seed=0)


class LengthsAndMore(SecretLearner):
    """Says that it learns lengths, and tells them."""

    def learned(self):
        return {"longest_s": 1.3}


class LengthsTellingMore(LengthsAndMore):
    def learned(self):
        return {"rest_px": float(self.rest)}


class Careless(Decent):
    def score(self, video):
        moved = video.motion.motion
        moved -= moved[:1]
        return super().score(video)


class Clearing(Decent):
    def fit(self, videos, references):
        references.clear()
        return self


class Scaling(Decent):
    def propose(self, scores, thresholds):
        found = super().propose(scores, thresholds)
        scores["micro"] *= 2
        return found


class Counting(Decent):
    """Proposes something else each time that it is asked."""

    asked = 0

    def propose(self, scores, thresholds):
        self.asked += 1
        return [replace(one, score=self.asked) for one in super().propose(scores, thresholds)]


class Remembering(Decent):
    """Proposes by what fit told it."""

    def fit(self, videos, references):
        self.longest_s = 4.0
        return self

    def propose(self, scores, thresholds):
        found = super().propose(scores, thresholds)
        return [one for one in found if one.offset_s - one.onset_s <= self.longest_s]


class Adapting(Decent):
    def fit(self, videos, references):
        self.asked = 0
        return self

    def score(self, video):
        self.asked += 1
        found = super().score(video)
        found["micro"] += 1e-6 * self.asked
        return found


class Moody(Decent):
    def fit(self, videos, references):
        self.shift = 1e-6 * np.random.random()
        return self

    def score(self, video):
        found = super().score(video)
        found["micro"] += self.shift
        return found


class Peering(Decent):
    """Looks at fields."""

    def score(self, video):
        texture = video.fields.texture(0, 1)
        return {**super().score(video), "texture": np.nan_to_num(texture.mean(axis=(1, 2)))}


class Peeking(Decent):
    """Looks at fields where there are any."""

    def score(self, video):
        return {**super().score(video), "seen": np.array([video.fields is not None])}


class Local(Decent):
    def score(self, video):
        found = super().score(video)
        found["micro"] += 1e-6 * os.getpid()
        return found


class Outliving(Decent):
    """Its proposals are a little surer after every fit of anybody."""

    fits: ClassVar[list[int]] = []

    def fit(self, videos, references):
        Outliving.fits.append(1)
        return self

    def propose(self, scores, thresholds):
        return [replace(one, score=len(Outliving.fits)) for one in super().propose(scores, thresholds)]


def spoils(*, options):
    options["deep"] = 0
    return Decent()
