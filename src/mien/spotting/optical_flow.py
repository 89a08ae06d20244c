"""The method "optical-flow": needs no labels and no training.

Published is the family (He 2021 and Zhao et al. 2022, MEGC; method sheet 2.5): dense flow of brows, nose
wings and mouth against a reference frame, the head's motion taken out, low-pass at 5 Hz, peaks to intervals
at a share of their height, merged over regions. Ours: flow by dense inverse search, MDMO's regions from a
template by the eyes, top-hats of two lengths in place of windows and of EMD, scores in units of each video's
own median excursion, half-cosine flanks, and what is done about blinks, talk and turning heads. Two
thresholds were chosen on simulated studies (see `OpticalFlowSettings`), never on real video.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.core.errors import OptionError
from mien.core.expression import Kind, is_micro
from mien.core.time import FloatArray, Interval
from mien.features.face_motion import FaceMotion
from mien.spotting.curves import GRID_HZ, PARTS, Segment, heights, part_scores, segments, units_px
from mien.spotting.disturbances import (
    SLOWEST_HZ,
    SLOWEST_MICRO_HZ,
    blinks,
    gaps,
    talk,
    turns,
)
from mien.spotting.peaks import Peak, find_peaks, merged
from mien.spotting.result import Proposal, Spotted, Unjudged

_SCALES: tuple[Kind, ...] = ("micro", "macro")
_COVERED = 0.5  # share of a proposal that lies in a span not judged, in talk or in a blink, or more
_BLINK_LEAK = 0.35  # of a blink's depth: the most that is taken for what it pulls along; ours
_LONGEST_S = 4.0
_MOST_REST = 2.5  # of two regions among many, at rest; more, and an expression would be its own measure
_TIP = 1.5  # times its micro-scale height: what rises so much higher over longer spans is longer
_SHORTEST_S = 0.08  # at half the height of noise that passed the low-pass


@dataclass(frozen=True, slots=True)
class OpticalFlowSettings:
    """How high a peak must be, in units of the part's median excursion in the video.

    The defaults were chosen on a simulated study (seed 900, 13 people, 16 s at 100 Hz each: 1 or 2 micro- and
    one macro-expression, blinks, glances, words). By IoU of at least .5 and equal kind, on these people: 8 of
    21 micro, 12 of 13 macro, 1.2 false alarms a minute; on twelve others (seed 901): 10 of 19 micro, 10 of 12
    macro, 2.2 false alarms a minute, apex off by 31 ms (median). Peaks below about 0.7 px are missed.
    """

    micro_threshold: float = 3.4
    macro_threshold: float = 2.5

    def __post_init__(self) -> None:
        for name in ("micro_threshold", "macro_threshold"):
            value = getattr(self, name)
            if not 1.0 < value < 1000.0:
                raise OptionError(
                    name.replace("_", " "), wanted="a number above 1", got=value, remedy="give 3, or more"
                )


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """One segment: the curves of every part at both scales, and what disturbs."""

    segment: Segment
    scores: dict[tuple[Kind, str], FloatArray]
    moved_px: dict[tuple[Kind, str], FloatArray]
    blinks: list[tuple[Interval, float]]
    talk: list[Interval]


def spot_by_optical_flow(motion: FaceMotion, settings: OpticalFlowSettings | None = None) -> Spotted:
    """Micro- and macro-expressions of one video, and every span that could not be judged.

    Parameters
    ----------
    motion
        Of the whole video.
    settings
        As `OpticalFlowSettings()` where left out.
    """
    settings = settings or OpticalFlowSettings()
    return select(prepare(motion), settings)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All of a video that does not depend on thresholds."""

    motion: FaceMotion
    kinds: tuple[Kind, ...]
    scored: tuple[_Scored, ...]
    not_judged: tuple[Unjudged, ...]
    notes: tuple[str, ...]


def prepare(motion: FaceMotion) -> Prepared:
    """The curves of one video and what disturbs them: the costly part."""
    unjudged = [Unjudged(span, reason) for span, reason in motion.unjudged()]
    notes: list[str] = []
    kinds = _kinds(motion, unjudged, notes)
    found = segments(motion) if kinds else []
    unjudged += _too_short(motion, found) if kinds else []
    unjudged += [Unjudged(span, "no frames") for span in gaps(motion.times_s, motion.rate_hz)]
    scored = _scored(found)
    for one in scored:
        unjudged += [Unjudged(span, "the head turned or moved fast") for span in turns(one.segment)]
    unjudged.sort(key=lambda one: one.span)
    return Prepared(motion, kinds, tuple(scored), tuple(unjudged), tuple(notes))


def select(ready: Prepared, settings: OpticalFlowSettings) -> Spotted:
    """What lies above thresholds."""
    thresholds: dict[Kind, float] = {"micro": settings.micro_threshold, "macro": settings.macro_threshold}
    notes = list(ready.notes)
    proposals: list[Proposal] = []
    for one in ready.scored:
        peaks = [
            peak
            for (kind, part), curve in one.scores.items()
            for peak in find_peaks(
                one.segment.times_s, curve, threshold=thresholds[kind], scale=kind, part=part
            )
        ]
        proposals += _chosen(one, peaks, ready.kinds, ready.not_judged, notes)
    curve_s, curve = curve_of(ready, thresholds, ready.kinds)
    motion = ready.motion
    return Spotted(
        tuple(sorted(proposals)),
        ready.not_judged,
        tuple(notes),
        motion.rate_hz,
        motion.end_s - motion.start_s,
        curve_s,
        curve,
    )


def _kinds(motion: FaceMotion, unjudged: list[Unjudged], notes: list[str]) -> tuple[Kind, ...]:
    """Which kinds the video's rate lets see; the rest is told."""
    rate = motion.rate_hz
    if not rate >= SLOWEST_HZ:
        how = f"{rate:.3g} frames a second" if rate > 0 else "a single frame"
        unjudged[:] = [Unjudged(Interval(motion.start_s, motion.end_s), f"too slow for expressions: {how}")]
        return ()
    if rate < SLOWEST_MICRO_HZ:
        notes.append(
            f"{rate:.3g} frames a second are too slow for micro-expressions ({SLOWEST_MICRO_HZ:g} are "
            "needed): only macro-expressions were looked for"
        )
        return ("macro",)
    return _SCALES


def _too_short(motion: FaceMotion, found: Sequence[Segment]) -> list[Unjudged]:
    """Judged frames that lie in no segment."""
    covered = np.zeros(len(motion.times_s), dtype=bool)
    for one in found:
        covered |= (motion.times_s >= one.times_s[0] - 1e-9) & (
            motion.times_s <= one.times_s[-1] + 1 / GRID_HZ + 1e-9
        )
    alone = (motion.state == 0) & ~covered
    edges = np.flatnonzero(np.diff(alone.astype(np.int8), prepend=0, append=0))
    spans = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        end = motion.times_s[stop] if stop < len(alone) else motion.end_s
        spans.append(Unjudged(Interval(float(motion.times_s[first]), float(end)), "seen too shortly"))
    return spans


def _scored(found: list[Segment]) -> list[_Scored]:
    if not found:
        return []
    scores: list[dict[tuple[Kind, str], FloatArray]] = [{} for _ in found]
    moved: list[dict[tuple[Kind, str], FloatArray]] = [{} for _ in found]
    for kind in _SCALES:
        every = heights(found, kind)
        units = units_px(every, kind)
        for part in PARTS:
            of_part = [part_scores(one, units, part) for one in every]
            rest = float(np.clip(np.median(np.concatenate(of_part)), 1.0, _MOST_REST))
            for one, ratio, score, px in zip(every, of_part, scores, moved, strict=True):
                score[kind, part] = ratio / rest
                px[kind, part] = part_scores(one, np.ones_like(units), part)
    return [
        _Scored(one, score, px, blinks(one), talk(one))
        for one, score, px in zip(found, scores, moved, strict=True)
    ]


def _chosen(
    one: _Scored,
    peaks: Sequence[Peak],
    kinds: tuple[Kind, ...],
    unjudged: Sequence[Unjudged],
    notes: list[str],
) -> list[Proposal]:
    """Peaks that are expressions; what is left out as talk or unjudged is noted."""
    kept = [peak for peak in peaks if not _is_blink(one, peak)]
    chosen = []
    for peak in merged(_right_scale(one, kept)):
        span = Interval(peak.onset_s, peak.offset_s)
        if not _SHORTEST_S <= span.duration_s <= _LONGEST_S:
            continue
        kind: Kind = "micro" if is_micro(peak.onset_s, peak.apex_s, peak.offset_s) else "macro"
        if kind not in kinds:
            continue
        at = f"{peak.onset_s:.2f} to {peak.offset_s:.2f} s"
        talking = _share(span, one.talk) >= _COVERED
        if talking and set(peak.parts) <= {"mouth", "chin"}:
            notes.append(f"{at}: left out, the mouth moves in the rhythm of talk")
            continue
        if any(inside.span.overlaps(span) for inside in unjudged) and (
            _share(span, [inside.span for inside in unjudged]) >= _COVERED or _holds(unjudged, peak.apex_s)
        ):
            notes.append(f"{at}: left out, most of it or its apex could not be judged")
            continue
        chosen.append(Proposal(peak.onset_s, peak.apex_s, peak.offset_s, kind, peak.score, peak.parts))
    notes += [f"{span.start_s:.2f} to {span.end_s:.2f} s: talking" for span in one.talk]
    return chosen


def _right_scale(one: _Scored, peaks: Sequence[Peak]) -> list[Peak]:
    """Without the tips that long expressions show at the short scale, and short ones' echoes."""
    dropped: set[int] = set()
    longs = [j for j, peak in enumerate(peaks) if peak.scale == "macro"]
    onsets, offsets = (np.array([getattr(peaks[j], name) for j in longs]) for name in ("onset_s", "offset_s"))
    for i, short in enumerate(peaks):
        if short.scale != "micro" or not longs:
            continue
        for k in np.flatnonzero((onsets <= short.apex_s) & (offsets >= short.apex_s)):
            j = longs[k]
            if peaks[j].parts != short.parts:
                continue
            at = int(np.searchsorted(one.segment.times_s, short.apex_s))
            low, high = max(at - 3, 0), at + 4
            px = [float(one.moved_px[kind, short.parts[0]][low:high].max()) for kind in _SCALES]
            dropped.add(i if px[1] >= _TIP * px[0] else j)
    return [peak for i, peak in enumerate(peaks) if i not in dropped]


def _is_blink(one: _Scored, peak: Peak) -> bool:
    """Whether a peak is what a blink pulled along: of its time, and small beside it."""
    for span, depth in one.blinks:
        wide = Interval(span.start_s - 0.1, span.end_s + 0.1)
        if _share(Interval(peak.onset_s, peak.offset_s), [wide]) < _COVERED:
            continue
        inside = (one.segment.times_s >= peak.onset_s) & (one.segment.times_s <= peak.offset_s)
        kind: Kind = "micro" if peak.scale == "micro" else "macro"
        moved = one.moved_px[kind, peak.parts[0]][inside]
        if len(moved) and moved.max() < _BLINK_LEAK * depth:
            return True
    return False


def _holds(unjudged: Sequence[Unjudged], at_s: float) -> bool:
    return any(at_s in one.span for one in unjudged)


def _share(span: Interval, others: Sequence[Interval]) -> float:
    """The share of a span that lies in others; those do not overlap much."""
    if span.duration_s == 0:
        return float(any(span.start_s in other for other in others))
    shared = sum(part.duration_s for other in others if (part := span.intersection(other)))
    return shared / span.duration_s


def curve_of(
    ready: Prepared, thresholds: Mapping[Kind, float], kinds: Sequence[Kind]
) -> tuple[FloatArray, FloatArray]:
    """The highest score of all parts at each time, 1 at the threshold, with a NaN between segments."""
    times, scores = [np.empty(0)], [np.empty(0)]
    for one in ready.scored if kinds else ():
        best = np.max([one.scores[kind, part] / thresholds[kind] for kind in kinds for part in PARTS], axis=0)
        for inside in ready.not_judged:
            within = (one.segment.times_s >= inside.span.start_s) & (one.segment.times_s < inside.span.end_s)
            best[within] = np.nan
        times += [one.segment.times_s, one.segment.times_s[-1:] + 1 / GRID_HZ]
        scores += [best, np.array([np.nan])]
    return np.concatenate(times), np.concatenate(scores)
