"""Rated clips in sentences: how reliable, how many selected, what is lacking, and how it was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mien.elicitation.reliability_words import koo_and_li, koo_and_li_span
from mien.elicitation.selection import RatedClip, Reliability, Rules, Selection
from mien.report.number_words import several
from mien.stats.reliability import CronbachAlpha, IntraclassCorrelation

PUBLISHED_ALPHA = 0.80
PUBLISHED_ICC: Mapping[str, float] = {"valence": 0.768, "arousal": 0.697}
"""What MMME prints for pleasure and arousal (eq. 2), and calls good for both."""

_SCORES = {
    "success": "the success index: the z score of mean arousal plus that of the hit rate, over all rated "
    "clips (after Gross & Levenson 1995)",
    "hit-rate": "the hit rate",
    "arousal": "mean arousal",
    "discreteness": "discreteness",
}


def sentences(
    rated: Sequence[RatedClip],
    agreed: Sequence[Reliability],
    selection: Selection,
    rules: Rules,
    doubtful: Mapping[str, str],
    *,
    keep_all: bool,
) -> list[str]:
    """The answer, a sentence each."""
    n_raters = agreed[0].n_raters if agreed else 0
    said = [f"{several(n_raters, 'rater')} rated {several(len(rated), 'clip')}."]
    said += [_reliable(one) for one in agreed]
    said += [_selected(selection, rules)]
    said += [
        f"{emotion[:1].upper()}{emotion[1:]} has too few clips that fulfil the rules: {why}."
        for emotion, why in selection.lacking.items()
    ]
    for one in agreed:
        if one.n_dropped and one.alpha is not None:
            said.append(
                f"{several(one.n_dropped, 'clip')} without {one.scale} by every rater "
                f"{'is' if one.n_dropped == 1 else 'are'} not in the reliability of {one.scale}."
            )
    what = "kept all the same" if keep_all else "left out of everything here"
    return [*said, *(f"Rater {rater} answers {why}, and was {what}." for rater, why in doubtful.items())]


def _reliable(one: Reliability) -> str:
    name = one.scale[:1].upper() + one.scale[1:]
    if one.alpha is None or one.icc is None:
        return f"{name} has no reliability: {one.reason}."
    alpha, single = one.alpha, one.icc["ICC(3,1)"]
    if alpha.value != alpha.value:
        return f"{name} has no reliability: {alpha.reason}."
    than = "above" if alpha.value > PUBLISHED_ALPHA else "not above"
    words = f", {koo_and_li(single.value)}" if single.value == single.value else ""
    if single.low == single.low:
        words += f" ({koo_and_li_span(single.low, single.high)} by its interval)"
    return (
        f"{name}: Cronbach's alpha {_bounded(alpha)}, {than} the .80 of MMME; "
        f"a single rater's ICC(3,1) {_bounded(single)}{words}."
    )


def _selected(selection: Selection, rules: Rules) -> str:
    taken = [clip for clips in selection.selected.values() for clip in clips]
    if not taken:
        return "No clip was selected."
    full = all(len(clips) == rules.per_emotion for clips in selection.selected.values())
    each = f"{rules.per_emotion} of each" if full else f"at most {rules.per_emotion} of each"
    hits, arousals = [c.hit_rate for c in taken], [c.arousal for c in taken]
    return (
        f"{several(len(taken), 'clip')} of {several(len(selection.selected), 'emotion')} "
        f"{'was' if len(taken) == 1 else 'were'} selected, {each}: hit rates from "
        f"{min(hits):.2f} to {max(hits):.2f}, mean arousal from {min(arousals):.1f} to {max(arousals):.1f}."
    )


def conventions(rules: Rules) -> list[str]:
    """How it was computed, and what MMME did."""
    valence = (
        "happiness must be rated above 5 in valence, anger, disgust, fear, sadness and contempt below; "
        "surprise may be either"
        if rules.valence_must_hold
        else "valence was not asked for"
    )
    return [
        "Eq. 1 of MMME is Cronbach's alpha, n/(n-1) (1 - sum of s_i² / s_T²), here with raters as items and "
        "clips as cases: the reliability of the mean of all raters, equal to ICC(3,k). It grows with the "
        "number of raters.",
        "Eq. 2 of MMME, (MS_r - MS_e) / (MS_r + (n-1) MS_e), is ICC(3,1): a single rater's consistency, "
        "whatever the leniency of each, with n the number of raters (the paper words n as the number of "
        "subjects; with that the value would be another).",
        "MMME (published): 320 clips, 20 raters, alpha above .80; ICC .768 for pleasure, .697 for arousal, "
        "both called good there. Koo & Li (2016) call a reliability below .50 poor, up to .75 moderate, up "
        "to .90 good, above that excellent, and go by the interval: "
        f".768 is {koo_and_li(0.768)}, .697 {koo_and_li(0.697)}.",
        f"A clip is selected by {_SCORES[rules.score]}; at most {rules.per_emotion} of an emotion. MMME "
        "states no rule (“representative, high arousal, single target”).",
        f"A clip must have a hit rate of {rules.least_hit_rate:g} or more and be no longer than "
        f"{rules.longest_s:g} s where its length is known; {valence}. Ties fall by hit rate, arousal, "
        "discreteness, length, name.",
        "Hit rate: the share of raters who named the clip's target, with Wilson's 95 % interval. "
        "Discreteness: 1 minus the entropy of what was named over that of even votes. In brackets: the "
        "standard deviation over raters.",
    ]


def _bounded(f: CronbachAlpha | IntraclassCorrelation) -> str:
    if f.value != f.value:
        return "–"
    return f"{f.value:.3f}" if f.low != f.low else f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]"
