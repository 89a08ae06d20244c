"""The method "optical-flow" beside others: its thresholds as factors that training people may choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mien.core.expression import Expression, Kind
from mien.spotting.curves import PARTS
from mien.spotting.optical_flow import OpticalFlowSettings, curve_of, prepare, select
from mien.spotting.result import Proposal
from mien.spotting.spotter import FaceVideo, Scores

FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Of the default thresholds: what may be chosen."""
_KINDS: tuple[Kind, ...] = ("micro", "macro")
_SAME = 0.5  # of the shorter one's length: a micro- and a macro-expression that share so much are one event


class OpticalFlowSpotter:
    """Dense flow against a reference, regions, top-hats of two lengths; learns nothing.

    Parameters
    ----------
    micro_threshold, macro_threshold
        As `OpticalFlowSettings`; the thresholds given to `propose` are factors on them, of `FACTORS`.
    """

    def __init__(self, *, micro_threshold: float = 3.0, macro_threshold: float = 2.5) -> None:
        self.settings = OpticalFlowSettings(micro_threshold, macro_threshold)

    def fit(
        self, videos: Sequence[FaceVideo], references: Sequence[Sequence[Expression]]
    ) -> OpticalFlowSpotter:
        """Nothing is learned."""
        return self

    def score(self, video: FaceVideo) -> Scores:
        """Curves of both kinds, 1 at the default threshold, and what is proposed at every factor."""
        ready = prepare(video.motion)
        base: dict[Kind, float] = {
            "micro": self.settings.micro_threshold,
            "macro": self.settings.macro_threshold,
        }
        rows: list[tuple[Any, ...]] = []
        for factor in FACTORS:
            at = replace(
                self.settings, micro_threshold=factor * base["micro"], macro_threshold=factor * base["macro"]
            )
            for one in select(ready, at).proposals:
                parts = sum(1 << i for i, part in enumerate(PARTS) if part in one.regions)
                times = (one.onset_s, one.apex_s, one.offset_s)
                rows.append((factor, *times, _KINDS.index(one.kind), one.score * factor, parts))
        curves = {kind: curve_of(ready, base, (kind,)) for kind in _KINDS if kind in ready.kinds}
        empty = (np.empty(0), np.empty(0))
        longest = next(iter(curves.values()), empty)
        return {
            "times_s": longest[0],
            **{kind: curves.get(kind, (longest[0], np.full_like(longest[0], np.nan)))[1] for kind in _KINDS},
            "proposals": np.array(rows, dtype=np.float64).reshape(len(rows), 7),
        }

    def propose(self, scores: Scores, thresholds: Mapping[Kind, float]) -> list[Proposal]:
        """Those above the factor nearest to the one asked for; `score` is in default thresholds."""
        found: list[Proposal] = []
        for kind, factor in thresholds.items():
            nearest = min(FACTORS, key=lambda known: abs(known - factor))
            for row in scores["proposals"]:
                if row[0] == nearest and row[4] == _KINDS.index(kind):
                    regions = tuple(part for i, part in enumerate(PARTS) if int(row[6]) >> i & 1)
                    onset, apex, offset, score = (float(row[i]) for i in (1, 2, 3, 5))
                    found.append(Proposal(onset, apex, offset, kind, score, regions))
        return sorted(_apart(found))


def _apart(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Of a micro- and a macro-expression that share most of their time, the stronger one."""
    kept: list[Proposal] = []
    for one in sorted(proposals, key=lambda p: -p.score):
        shared = (
            min(one.offset_s, other.offset_s) - max(one.onset_s, other.onset_s)
            > _SAME * min(one.offset_s - one.onset_s, other.offset_s - other.onset_s)
            for other in kept
            if other.kind != one.kind
        )
        if not any(shared):
            kept.append(one)
    return kept
