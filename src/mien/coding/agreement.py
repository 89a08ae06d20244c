"""Agreement between coders who marked the same clips: what they found, named and timed alike, and what not.

Conventions, on which every number rests:

* **Clips.** Two coders are compared over the clips that both coded. A clip in which one found nothing counts:
  there the other's expressions are missed. A clip that one did not code does not count. Rows without usable
  times are left out and counted; the other's row is then a missed one.
* **Matching** is one-to-one within a clip, by the largest overlap in time; see `agreement_matching`. Micro-
  and macro-expressions may match: their kind is then a disagreement. Where one kind is chosen, a matched pair
  belongs to it if either coder says so, and a missed expression if the one who saw it says so.
* **Action units** are compared by number (MMME's eq. 3) and, beside it, by number and side; `au_r_micro` is
  the main number; see `agreement_units`. **Kappas** are over matched expressions; a second view,
  `with_missed`, stands apart and is never mixed in.
* **Missed**: of the expressions that the other coder saw, the share that this coder did not match. Whether
  one overlooked it or the other saw what was not there, two coders cannot tell.
* **Times** are differences in ms; see `agreement_times`. **Drift** is over the order of clips; see
  `agreement_drift`.
* **Pooled** numbers are of all pairs of coders together: an expression that three coders saw counts as three
  pairs. What has a sign is the first coder's minus the second's, labels in order, also when pooled.
* **Intervals** hold 95 % (`level`) of draws of participants: pairs of one person, or of one expression, are
  not independent, so neither is ever drawn alone. With few participants they are too narrow; their number is
  given. Perfect agreement has none, nor has a unit that one coder never named.
* What does not exist is NaN (in JSON null) with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mien.coding.agreement_drift import drift_of
from mien.coding.agreement_intervals import Draws, without_value
from mien.coding.agreement_labels import BY_KIND, AllCoders, all_coders, emotion_of, kind_of, label_kappa
from mien.coding.agreement_matching import (
    Compared,
    MissedExpression,
    compare_coders,
    group_coders,
    pairs_of,
)
from mien.coding.agreement_missed import missed_rates
from mien.coding.agreement_result import Agreement, AgreementSettings, Chosen, CoderCounts, PairAgreement
from mien.coding.agreement_times import MARKS, time_difference
from mien.coding.agreement_units import by_number, by_side, unit_agreement
from mien.coding.coded_rows import CodedClip, CodedRow, check_coding, check_two_coders


def coder_agreement(
    rows: Sequence[CodedRow], clips: Sequence[CodedClip], settings: AgreementSettings | None = None
) -> Agreement:
    """How far coders agree.

    Parameters
    ----------
    rows
        What they wrote down.
    clips
        Every clip that somebody coded, also those without a row.

    Raises
    ------
    DataError
        If no clip was coded by two coders, a clip stands twice, or a row's clip or coder is not known.

    Examples
    --------
    >>> from mien.core.expression import Expression
    >>> clips = [CodedClip("1", "sub-001", ("A", "B"), 1)]
    >>> rows = [CodedRow("1", "A", Expression(1.0, 1.2, 1.4)), CodedRow("1", "B", Expression(1.1, 1.2, 1.4))]
    >>> found = coder_agreement(rows, clips)
    >>> found.pooled.n_pairs, round(found.pooled.times["onset"].mean)
    (1, -100)
    """
    settings = settings or AgreementSettings()
    check_coding(rows, clips)
    check_two_coders(clips)
    coders = sorted({coder for clip in clips for coder in clip.coders})
    usable = _usable(rows)
    compared = [compare_coders(usable, clips, pair, min_iou=settings.min_iou) for pair in pairs_of(coders)]
    together = [part for part in compared if part.clips]
    groups = group_coders(together, min_iou=settings.min_iou)
    chosen = [_of_kind(part, settings.kind) for part in together]
    pairs = tuple(_measure(part.coders, [part], settings) for part in chosen)
    pooled = pairs[0] if len(pairs) == 1 else _measure(coders, chosen, settings)
    return Agreement(
        settings,
        tuple(_counts(coder, rows, clips) for coder in coders),
        tuple(clips),
        pooled,
        pairs,
        _all_coders(groups, together, settings),
        tuple(part.coders for part in compared if not part.clips),
    )


def _usable(rows: Sequence[CodedRow]) -> dict[tuple[str, str], list[CodedRow]]:
    """Rows with times by clip and coder; each a thing of its own, also where one was given twice."""
    found: dict[tuple[str, str], list[CodedRow]] = {}
    given: set[int] = set()
    for row in rows:
        if row.times is not None:
            found.setdefault((row.clip, row.coder), []).append(replace(row) if id(row) in given else row)
            given.add(id(row))
    return found


def _of_kind(part: Compared, kind: Chosen) -> Compared:
    if kind == "all":
        return part
    return replace(
        part,
        matched=tuple(pair for pair in part.matched if kind in (pair.first.kind, pair.second.kind)),
        missed=tuple(one for one in part.missed if one.row.kind == kind),
    )


def _draws(parts: Sequence[Compared], settings: AgreementSettings) -> Draws:
    people = [clip.participant for part in parts for clip in part.clips]
    return Draws(people, n_resamples=settings.n_resamples, level=settings.level, seed=settings.seed)


def _all_coders(
    groups: Sequence[list[tuple[CodedClip, CodedRow]]],
    parts: Sequence[Compared],
    settings: AgreementSettings,
) -> AllCoders:
    chosen = [
        group for group in groups if settings.kind == "all" or settings.kind in {row.kind for _, row in group}
    ]
    return all_coders(chosen, _draws(parts, settings), by_kind=settings.kind != "all")


def _measure(coders: Sequence[str], parts: Sequence[Compared], settings: AgreementSettings) -> PairAgreement:
    """Everything about one pair of coders, or about several pairs together."""
    draws = _draws(parts, settings)
    matched = tuple(pair for part in parts for pair in part.matched)
    missed = tuple(one for part in parts for one in part.missed)
    clips = list({clip.key: clip for part in parts for clip in part.clips}.values())
    by_kind = None if settings.kind == "all" else without_value(0, BY_KIND)
    return PairAgreement(
        coders=tuple(coders),
        n_clips=len(clips),
        n_participants=len(draws.participants),
        matched=matched,
        missed_expressions=missed,
        units=unit_agreement(matched, missed, draws, labels=by_number, first_of=_first_saw),
        sided_units=unit_agreement(matched, missed, draws, labels=by_side, first_of=_first_saw),
        emotion=label_kappa(matched, (), draws, label=emotion_of, first_of=_first_saw),
        kind=by_kind or label_kappa(matched, (), draws, label=kind_of, first_of=_first_saw),
        emotion_with_missed=label_kappa(matched, missed, draws, label=emotion_of, first_of=_first_saw),
        kind_with_missed=by_kind or label_kappa(matched, missed, draws, label=kind_of, first_of=_first_saw),
        times={mark: time_difference(matched, mark, draws) for mark in MARKS},
        missed=missed_rates(coders, matched, missed, draws, level=settings.level),
        drift=drift_of(matched, missed, clips, draws),
    )


def _first_saw(one: MissedExpression) -> bool:
    return one.row.coder < one.missed_by


def _counts(coder: str, rows: Sequence[CodedRow], clips: Sequence[CodedClip]) -> CoderCounts:
    mine = [row for row in rows if row.coder == coder]
    usable = [row for row in mine if row.times is not None]
    times = Counter(
        (row.clip, row.times.onset_s, row.times.apex_s, row.times.offset_s) for row in usable if row.times
    )
    return CoderCounts(
        coder=coder,
        n_clips=sum(coder in clip.coders for clip in clips),
        n_expressions=len(usable),
        n_micro=sum(row.kind == "micro" for row in usable),
        n_macro=sum(row.kind == "macro" for row in usable),
        n_repeated=sum(n - 1 for n in times.values()),
        unused=dict(sorted(Counter(str(row.unused) for row in mine if row.times is None).items())),
    )
