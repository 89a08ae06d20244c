"""What a coder should look at again before a sheet is done; warnings, since only a person sees the video.

Conventions: times are given frame by frame in seconds. Expressions that touch do not overlap; one whose end
is not known lasts to the last of its frames, one frame at least. Which action units go with an emotion is our
joined reading of CASME II's criteria for labelling (Yan et al. 2014, doi:10.1371/journal.pone.0086041), of
CASME's (Yan et al. 2013, doi:10.1109/FG.2013.6553799), and of the prototypes on which EMFACS rests (Ekman,
Friesen & Hager 2002): a wide list on purpose, for a hint and no verdict. A doubt is raised where not one of
its units was coded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mien.coding.annotation import Annotation, kind_by_rule

LONG_S = 4.0
"""Expressions of the face last up to 4 s; longer ones are looked at again."""

UNITS_OF_EMOTION: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "happiness": frozenset({6, 12}),
        "surprise": frozenset({1, 2, 5, 25, 26, 27}),
        "disgust": frozenset({4, 7, 9, 10, 15, 16, 17}),
        "sadness": frozenset({1, 4, 11, 15, 17}),
        "fear": frozenset({1, 2, 4, 5, 7, 20, 25, 26, 27}),
        "anger": frozenset({4, 5, 7, 10, 17, 22, 23, 24, 25, 26}),
        "contempt": frozenset({10, 12, 14}),
        "repression": frozenset({14, 15, 17}),
    }
)
"""Units of which at least one is named for the emotion; emotions that have none are not judged."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One doubt: a code that programs know, and a sentence for people."""

    code: str
    message: str


def doubts(sheet: Mapping[str, Annotation], times_s: Sequence[float]) -> dict[str, list[Doubt]]:
    """What is doubtful in a sheet, by the expressions' ids; expressions without a doubt are left out.

    Parameters
    ----------
    sheet
        Annotations by their ids.
    times_s
        The time of every frame of the clip, seconds.

    Examples
    --------
    >>> seen = doubts({"a": Annotation(onset=1, apex=1, no_action_unit=True, emotion="others")}, [0.0, 0.1])
    >>> [doubt.code for doubt in seen["a"]]
    ['onset-is-apex']
    """
    found: dict[str, list[Doubt]] = defaultdict(list)
    for ident, annotation in sheet.items():
        found[ident] += _of_times(annotation, times_s)
        found[ident] += _of_kind(annotation, times_s)
        found[ident] += _of_labels(annotation)
    for ident, doubt in _overlaps(sheet, times_s):
        found[ident].append(doubt)
    return {ident: rows for ident, rows in found.items() if rows}


def _of_times(annotation: Annotation, times_s: Sequence[float]) -> Iterator[Doubt]:
    onset, apex, offset = annotation.onset, annotation.apex, annotation.offset
    if onset is None:
        yield Doubt("no-onset", "The onset is not marked: nothing can be said of its duration.")
    if apex is not None and onset is not None and apex < onset:
        yield Doubt("order", "The apex lies before the onset.")
    if apex is not None and offset is not None and apex > offset:
        yield Doubt("order", "The apex lies after the offset.")
    if onset is not None and offset is not None and offset < onset:
        yield Doubt("order", "The offset lies before the onset.")
    if apex is not None and apex == onset:
        yield Doubt("onset-is-apex", "The apex is the onset: nothing has moved yet.")
    if apex is not None and apex == offset:
        yield Doubt(
            "offset-is-apex", "The offset is the apex: it counts as not observed, and only the rise decides."
        )
    if onset is not None and offset is not None and onset <= offset < len(times_s):
        length_s = times_s[offset] - times_s[onset]
        if length_s > LONG_S:
            yield Doubt("long", f"It lasts {length_s:.1f} s; more than {LONG_S:.0f} s are rare.")


def _of_kind(annotation: Annotation, times_s: Sequence[float]) -> Iterator[Doubt]:
    rule = kind_by_rule(annotation, times_s)
    if annotation.kind is None or rule is None or rule == annotation.kind:
        return
    if annotation.kind == "micro":
        yield Doubt("too-long", "It is coded as micro; by its times it is too long for that.")
    else:
        yield Doubt(
            "too-long", "It is coded as macro; by its times it is short enough for a micro-expression."
        )


def _of_labels(annotation: Annotation) -> Iterator[Doubt]:
    if not annotation.coded_units:
        yield Doubt("no-units", "No action units are coded, nor that there are none.")
        return
    if annotation.emotion is None:
        yield Doubt("emotion-missing", "No emotion is coded.")
        return
    named = UNITS_OF_EMOTION.get(annotation.emotion)
    if named and annotation.action_units and not named & {unit.number for unit in annotation.action_units}:
        units = ", ".join(map(str, annotation.action_units))
        wanted = ", ".join(f"AU{number}" for number in sorted(named))
        yield Doubt(
            "au-emotion",
            f"{units}: published criteria name none of these for {annotation.emotion}, but {wanted}.",
        )


# --- overlaps


@dataclass(frozen=True, slots=True, order=True)
class _Span:
    """First frame, and the one behind the last."""

    first: int
    behind: int
    id: str


def _overlaps(sheet: Mapping[str, Annotation], times_s: Sequence[float]) -> Iterator[tuple[str, Doubt]]:
    """One doubt for every expression that overlaps others: which one, and how many more.

    In order of onset, a span overlaps an earlier one if it overlaps the one that ends last, and a later one
    if it overlaps the next: no pair need be looked at twice.
    """
    spans = sorted(span for ident, annotation in sheet.items() if (span := _span(ident, annotation)))
    starts = [span.first for span in spans]
    ends = sorted(span.behind for span in spans)
    longest: _Span | None = None
    for index, span in enumerate(spans):
        after = spans[index + 1] if index + 1 < len(spans) else None
        other = None
        if longest is not None and span.first < longest.behind:
            other = longest
        elif after is not None and after.first < span.behind:
            other = after
        if other is not None:
            # All that begin before its end, without those that ended before its begin, and itself.
            n = bisect_left(starts, span.behind) - bisect_right(ends, span.first) - 1
            yield span.id, Doubt("overlap", _told(other, n - 1, times_s))
        if longest is None or span.behind > longest.behind:
            longest = span


def _span(ident: str, annotation: Annotation) -> _Span | None:
    if annotation.onset is None:
        return None
    ends = (frame for frame in (annotation.offset, annotation.apex) if frame is not None)
    return _Span(annotation.onset, max(annotation.onset + 1, next(ends, 0)), ident)


def _told(other: _Span, more: int, times_s: Sequence[float]) -> str:
    first, last = (_time(frame, times_s) for frame in (other.first, other.behind))
    rest = f", and {more} more" if more > 0 else ""
    return f"It overlaps the expression from {first} to {last}{rest}."


def _time(frame: int, times_s: Sequence[float]) -> str:
    return f"{times_s[frame]:.3f} s" if frame < len(times_s) else f"frame {frame}"
