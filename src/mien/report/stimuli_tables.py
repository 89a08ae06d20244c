"""Tables of rated clips for the page: reliability, emotions, selected clips, every clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mien.elicitation.reliability_words import koo_and_li, koo_and_li_span
from mien.elicitation.selection import RatedClip, Reliability, Selection
from mien.report.agreement_tables import Grid
from mien.report.number_words import number
from mien.report.stimuli_figures import emotions_of
from mien.stats.reliability import CronbachAlpha, IntraclassCorrelation

MEANS = {
    "ICC(1,1)": "one rater, each clip by other raters",
    "ICC(2,1)": "one rater, absolute agreement",
    "ICC(3,1)": "one rater, consistency; eq. 2 of MMME",
    "ICC(1,k)": "mean of all raters, each clip by other raters",
    "ICC(2,k)": "mean of all raters, absolute agreement",
    "ICC(3,k)": "mean of all raters, consistency; equals alpha",
}
_CLIP_COLUMNS = (
    "clip",
    "hit rate",
    "95 %",
    "discreteness",
    "valence",
    "arousal",
    "success index",
    "length, s",
)


def reliability_grid(agreed: Sequence[Reliability]) -> Grid:
    """Alpha and the six forms by scale, with what each is of and the words of Koo & Li."""
    columns = (
        "scale",
        "figure",
        "is the reliability of",
        "value",
        "95 %",
        "value is",
        "interval says",
        "clips",
    )
    rows: list[tuple[str, ...]] = []
    notes = []
    for one in agreed:
        if one.alpha is None or one.icc is None:
            notes.append(f"{one.scale}: no reliability, {one.reason}")
            continue
        figures: list[tuple[str, str, CronbachAlpha | IntraclassCorrelation]] = [
            ("Cronbach's alpha", "mean of all raters; eq. 1 of MMME", one.alpha)
        ]
        figures += [(form, MEANS[form], one.icc[form]) for form in one.icc]
        for name, of, f in figures:
            if f.reason is not None:
                notes.append(f"{one.scale}, {name}: {f.reason}")
            span = "–" if f.low != f.low or f.high != f.high else f"[{f.low:.3f}, {f.high:.3f}]"
            said = "–" if span == "–" else koo_and_li_span(f.low, f.high)
            rows.append(
                (one.scale, name, of, number(f.value), span, koo_and_li(f.value), said, str(one.n_clips))
            )
    return Grid("reliability", "reliability", columns, tuple(rows), tuple(notes))


def emotion_grid(rated: Sequence[RatedClip], selection: Selection) -> Grid:
    """What each emotion has: clips rated and selected, and the selected ones' means."""
    columns = ("emotion", "rated", "selected", "fulfil the rules", "hit rate", "valence", "arousal",
               "the others were left out with")  # fmt: skip
    rows = []
    for emotion in emotions_of(rated):
        own = [clip for clip in rated if clip.target == emotion]
        taken = selection.selected.get(emotion or "", ())
        whys = Counter(_short(selection.left_out[c.name]) for c in own if c.name in selection.left_out)
        beaten = whys.pop(_BEATEN, 0)
        rows.append(
            (
                emotion or "no target",
                *map(str, (len(own), len(taken), len(taken) + beaten)),
                *(number(_mean(taken, name), 2) for name in ("hit_rate", "valence", "arousal")),
                "; ".join(f"{why}: {n}" for why, n in sorted(whys.items())) or "–",
            )
        )
    return Grid("emotions", "emotions", columns, tuple(rows), tuple(
        f"{emotion}: too few, {why}" for emotion, why in selection.lacking.items()
    ))  # fmt: skip


def selected_grid(selection: Selection) -> Grid:
    """The selected clips, emotion by emotion, best first."""
    taken = [clip for clips in selection.selected.values() for clip in clips]
    rows = [
        (emotion or "", str(place), *_figures(clip))
        for emotion in emotions_of(taken)
        for place, clip in enumerate(selection.selected[emotion or ""], start=1)
    ]
    return Grid("selected", "selected clips", ("emotion", "place", *_CLIP_COLUMNS), tuple(rows))


def clip_grid(rated: Sequence[RatedClip], selection: Selection) -> Grid:
    """Every clip by emotion, best first, with why it was left out."""
    order = {emotion: place for place, emotion in enumerate(emotions_of(rated))}
    taken = frozenset(selection.names)

    def rank(clip: RatedClip) -> tuple[object, ...]:
        known = clip.success if clip.success == clip.success else -np.inf
        return order[clip.target], clip.name not in taken, -known, clip.name

    rows = [
        (
            clip.target or "–",
            "yes" if clip.name in taken else selection.left_out.get(clip.name, "–"),
            *_figures(clip),
            str(clip.n_raters),
            ", ".join(f"{word} {n}" for word, n in sorted(clip.votes.items(), key=lambda v: (-v[1], v[0])))
            or "–",
        )
        for clip in sorted(rated, key=rank)
    ]
    columns = ("emotion", "selected, or why not", *_CLIP_COLUMNS, "raters", "named")
    return Grid("clips", "all clips", columns, tuple(rows))


_BEATEN = "beaten"


def _short(why: str) -> str:
    return _BEATEN if why.startswith("place ") else why.split(",")[0].split(":")[0]


def _figures(clip: RatedClip) -> tuple[str, ...]:
    span = "–" if clip.hit_low != clip.hit_low else f"[{clip.hit_low:.2f}, {clip.hit_high:.2f}]"
    return (
        clip.name,
        number(clip.hit_rate, 2),
        span,
        number(clip.discreteness, 2),
        _spread(clip.valence, clip.valence_sd),
        _spread(clip.arousal, clip.arousal_sd),
        number(clip.success, 2),
        "–" if clip.seconds is None else f"{clip.seconds:.1f}",
    )


def _spread(mean: float, sd: float) -> str:
    return number(mean, 2) if sd != sd else f"{number(mean, 2)} ({sd:.2f})"


def _mean(clips: Sequence[RatedClip], name: str) -> float:
    values = [getattr(clip, name) for clip in clips]
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
