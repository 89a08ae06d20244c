"""The method "optical-flow": needs no labels and no training.

Published is the family (He 2021 and Zhao et al. 2022, MEGC; method sheet 2.5): dense flow of brows, nose
wings and mouth against a reference frame, the head's motion taken out, low-pass at 5 Hz, peaks to intervals
at a share of their height, merged over regions. Ours: flow by dense inverse search, MDMO's regions from a
template by the eyes, top-hats of two lengths in place of windows and of EMD, scores in units of each video's
own median excursion, half-cosine flanks, and what is done about blinks, talk and turning heads. Constants
were chosen on simulated people (see `OpticalFlowSettings`); one, of talk, was added for a real smile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mien.core.errors import OptionError
from mien.core.expression import Kind, is_micro
from mien.core.time import FloatArray, Interval
from mien.features.face_motion import FaceMotion
from mien.spotting.curves import (
    GRID_HZ,
    PARTS,
    Segment,
    cut_off,
    heights,
    part_scores,
    segments,
    units_px,
)
from mien.spotting.disturbances import (
    BLINK_S,
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
# Shares of a blink's depth that are taken for what it pulls along: twice what the video's other blinks pull
# along, within these bounds; the upper one where there is no other blink. Simulated blinks leave 0.05 to 0.2.
_BLINK_LEAKS = (0.12, 0.35)
_STRICTER = MappingProxyType({"chin": 1.6})
"""Two regions only, and the first to move with words: without it the chin alone made half of all false alarms
on simulated people."""
_TALKS = ("nose", "mouth", "chin")  # what speech moves
TALKING = "talking: the mouth could not be judged"
_LONGEST_S = 4.0
_MOST_REST = 2.5  # of two regions among many, at rest; more, and an expression would be its own measure
_TIP = 1.5  # times its micro-scale height: what rises so much higher over longer spans is longer
_AT_THE_END_S = 0.3
_BESIDE_S = 0.5
_SHORTEST_S = 0.08  # at half the height of noise that passed the low-pass


@dataclass(frozen=True, slots=True)
class OpticalFlowSettings:
    """How high a peak must be, in units of the part's median excursion in the video.

    The micro default was chosen (of 2.7 to 3.4) on the 11 people with odd numbers of a simulated study of 22
    (`mien simulate --participants 22 --trials 7 --clip 9 --seed 6`: 77 clips of 9 s, expressions as three
    simulated coders marked them, also where nothing is or talk goes on). By IoU of at least .5 and equal
    kind, on the other 11 people: 80 of 124 micro (F1 .75), 30 of 36 macro (F1 .83), 1.4 false alarms a
    minute, apex off by 22 ms (median). Of micro-expressions below 0.75 px on a face
    128 px wide, 19 of 49 are found.
    """

    micro_threshold: float = 3.0
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
    leaks: dict[tuple[Kind, str], FloatArray]
    talk: list[Interval]
    cut_off: list[tuple[Interval, bool]]


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
    unjudged += [Unjudged(span, "no frames") for span in gaps(motion)] if kinds else []
    scored = _scored(found)
    for one in scored:
        told = [(span, "the head turned or moved fast") for span in turns(one.segment)]
        told += [(span, _cut_by(motion, span, at_end)) for span, at_end in one.cut_off]
        unjudged += [Unjudged(_to_next_frame(motion, span), reason) for span, reason in told]
    unjudged.sort(key=lambda one: one.span)
    return Prepared(motion, kinds, tuple(scored), tuple(unjudged), tuple(notes))


def _to_next_frame(motion: FaceMotion, span: Interval) -> Interval:
    """A span on the grid, up to the frame that follows it: between them nothing was seen."""
    after = int(np.searchsorted(motion.times_s, span.end_s - 1e-6))
    end = motion.times_s[after] if after < len(motion.times_s) else motion.end_s
    return Interval(span.start_s, float(end))


def _cut_by(motion: FaceMotion, span: Interval, at_end: bool) -> str:
    """What may have cut off an expression at a segment's end or beginning."""
    if at_end:
        by = "the video's end" if span.end_s > motion.end_s - _AT_THE_END_S else "what comes after"
    else:
        by = "the video's beginning" if span.start_s < motion.start_s + _AT_THE_END_S else "what comes before"
    return f"an expression may be cut off by {by}"


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
        tuple(Unjudged(span, TALKING) for one in ready.scored for span in one.talk),
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
    cut: list[dict[str, list[tuple[Interval, bool]]]] = [{} for _ in found]
    for kind in _SCALES:
        every = heights(found, kind)
        units = units_px(every, kind)
        for part in PARTS:
            of_part = [part_scores(one, units, part) for one in every]
            rest = float(np.clip(np.median(np.concatenate(of_part)), 1.0, _MOST_REST))
            rest *= _STRICTER.get(part, 1.0)
            for one, ratio, score, px in zip(every, of_part, scores, moved, strict=True):
                score[kind, part] = ratio / rest
                px[kind, part] = part_scores(one, np.ones_like(units), part)
            if kind == "macro":
                for segment, ends in zip(found, cut, strict=True):
                    ends[part] = cut_off(segment, rest * units, part)
    return [_disturbed(*one) for one in zip(found, scores, moved, cut, strict=True)]


def _disturbed(
    one: Segment,
    scores: dict[tuple[Kind, str], FloatArray],
    moved_px: dict[tuple[Kind, str], FloatArray],
    cut: Mapping[str, Sequence[tuple[Interval, bool]]],
) -> _Scored:
    """With what disturbs the curves."""
    shut, talks = blinks(one), talk(one)
    leaks = {which: _leaks(one, px, shut) for which, px in moved_px.items()}
    cut_off = [
        found
        for part, ends in cut.items()
        for found in ends
        if (part not in _TALKS or _share(found[0], talks) < _COVERED) and not _is_seen(one, scores, *found)
    ]
    return _Scored(one, scores, moved_px, shut, leaks, talks, cut_off)


def _is_seen(
    one: Segment, scores: Mapping[tuple[Kind, str], FloatArray], span: Interval, at_end: bool
) -> bool:
    """Whether what seems cut off is rest beside an expression that is seen."""
    edge = span.start_s if at_end else span.end_s
    first, stop = np.searchsorted(
        one.times_s, (edge - _BESIDE_S, edge) if at_end else (edge, edge + _BESIDE_S)
    )
    beside = max(float(scores["macro", part][first:stop].max(initial=0.0)) for part in PARTS)
    return beside >= OpticalFlowSettings().macro_threshold


def _chosen(
    one: _Scored,
    peaks: Sequence[Peak],
    kinds: tuple[Kind, ...],
    unjudged: Sequence[Unjudged],
    notes: list[str],
) -> list[Proposal]:
    """Peaks that are expressions; what is left out as talk or unjudged is noted."""
    kept = [peak for peak in peaks if not _is_blink(one, peak)]
    talked = [peak.parts[0] in _TALKS and _lies_in(peak, one.talk) for peak in kept]
    words = merged([peak for peak, out in zip(kept, talked, strict=True) if out])
    notes += [f"{_at(peak)}: left out, the mouth was talking" for peak in words]
    others = [peak for peak, out in zip(kept, talked, strict=True) if not out]
    spans, chosen = [inside.span for inside in unjudged], []
    for peak in merged(_right_scale(one, others)):
        if not _SHORTEST_S <= peak.offset_s - peak.onset_s <= _LONGEST_S:
            continue
        kind: Kind = "micro" if is_micro(peak.onset_s, peak.apex_s, peak.offset_s) else "macro"
        if kind not in kinds:
            continue
        if _lies_in(peak, spans):
            notes.append(f"{_at(peak)}: left out, most of it or its apex could not be judged")
            continue
        chosen.append(Proposal(peak.onset_s, peak.apex_s, peak.offset_s, kind, peak.score, peak.parts))
    notes += [f"{span.start_s:.2f} to {span.end_s:.2f} s: {TALKING}" for span in one.talk]
    return chosen


def _at(peak: Peak) -> str:
    return f"{peak.onset_s:.2f} to {peak.offset_s:.2f} s"


def _lies_in(peak: Peak, spans: Sequence[Interval]) -> bool:
    """Whether spans hold a peak's apex or most of it."""
    near = [span for span in spans if span.start_s < peak.offset_s and span.end_s > peak.onset_s]
    return any(peak.apex_s in span for span in near) or (
        _share(Interval(peak.onset_s, peak.offset_s), near) >= _COVERED
    )


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
    kind: Kind = "micro" if peak.scale == "micro" else "macro"
    moved_px, leaks = one.moved_px[kind, peak.parts[0]], one.leaks[kind, peak.parts[0]]
    first = bisect_left(one.blinks, peak.onset_s - 2 * BLINK_S[1], key=lambda blink: blink[0].start_s)
    for number in range(first, len(one.blinks)):
        span, depth = one.blinks[number]
        wide = Interval(span.start_s - 0.1, span.end_s + 0.1)
        if wide.start_s >= peak.offset_s:
            break
        if _share(Interval(peak.onset_s, peak.offset_s), [wide]) < _COVERED:
            continue
        others = np.delete(leaks, number)
        leak = np.clip(2 * np.median(others), *_BLINK_LEAKS) if len(others) else _BLINK_LEAKS[1]
        if _highest(moved_px, one.segment.times_s, peak.onset_s, peak.offset_s) < leak * depth:
            return True
    return False


def _leaks(one: Segment, moved_px: FloatArray, of_blinks: Sequence[tuple[Interval, float]]) -> FloatArray:
    """How far a part moves in each blink, as a share of the blink's depth."""
    moved = [_highest(moved_px, one.times_s, span.start_s, span.end_s) / depth for span, depth in of_blinks]
    return np.array(moved)


def _highest(values: FloatArray, times_s: FloatArray, start_s: float, end_s: float) -> float:
    first, stop = np.searchsorted(times_s, (start_s, end_s))
    return float(values[first : max(stop, first + 1)].max(initial=0.0))


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
