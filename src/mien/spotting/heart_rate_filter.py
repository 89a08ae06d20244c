"""The heart-rate candidate filter of spotting: keep a candidate if the heart rate changes fast at its apex.

MMME's "CCF" (section 4.3, Eq. 11 and 12): a candidate stays iff the slope of the heart rate at its apex
exceeds eta times the mean slope of its trial. Sign, derivative, smoothing and lag are not printed and no code
was published; the choices are those of `mien.signals.physio.heart_rate` (PCHIP at 4 Hz, central differences,
bpm/s), with the absolute slope as the default.

Conventions: apexes, trials and heart rate are seconds on one clock (the caller maps them); the apex of a
candidate is what the method predicts, never a coded one. A verdict is 1 (pass), 0 (fail) or -1 (undecidable);
only a fail removes a candidate. The slope rests on two or three beats, so candidates less than about a second
apart share a verdict; its mean needs the whole trial, so the filter cannot run while recording.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json
from mien.core.signal import Signal
from mien.core.time import FloatArray, IntArray, Interval
from mien.signals import physio
from mien.signals.physio.heart_rate import Mode
from mien.spotting.trial_heart import Heart, HeartTrial

Codes = NDArray[np.int8]

PASS, FAIL, UNDECIDABLE = 1, 0, -1
# Why a verdict is open; the word in `Verdicts.reason`.
NO_HEART, OUTSIDE, LITTLE_KNOWN, EDGE, GAP = "no-heart", "outside-trial", "little-known", "edge", "gap"


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """How a candidate is judged; raises OptionError for values that cannot be.

    Parameters
    ----------
    eta
        Factor on the trial's mean slope, 0 or more; MMME uses 1. In absolute mode 0 keeps everything that
        moves at all.
    mode
        "absolute": |slope| against the mean of |slope|; "signed": the variant as printed (Eq. 12), nearly
        "the heart rate rises", since signed slopes average to (last - first rate) / duration.
    lag_s
        Seconds after the apex at which the heart is looked at; negative is before.
    least_known_s
        Seconds of a trial in which the slope must be known for its mean to count, above 0.
    """

    eta: float = 1.0
    mode: Mode = "absolute"
    lag_s: float = 0.0
    least_known_s: float = 5.0

    def __post_init__(self) -> None:
        _refuse("eta", self.eta, "0 or more", math.isfinite(self.eta) and self.eta >= 0)
        _refuse("mode", self.mode, "absolute or signed", self.mode in get_args(Mode))
        _refuse("lag", self.lag_s, "a finite number of seconds", math.isfinite(self.lag_s))
        known = self.least_known_s
        _refuse("least known time", known, "seconds above 0", math.isfinite(known) and known > 0)


def _refuse(subject: str, value: object, wanted: str, holds: bool) -> None:
    if not holds:
        raise OptionError(
            f"heart-rate filter, {subject}", wanted=wanted, got=value, remedy="give another value"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The verdict on each of n candidates, all arrays of shape (n,).

    Parameters
    ----------
    code
        1 pass, 0 fail, -1 undecidable.
    slope_bpm_s, threshold_bpm_s
        What was compared: |slope| or slope at apex + lag, and eta times its mean over the trial; NaN where
        unknown.
    reason
        Why undecidable: "no-heart" (no ECG or pulse, or too few beats), "outside-trial" (of the apex),
        "little-known" (the trial's mean), "edge" or "gap" (no slope at the apex); else "".
    source
        "ecg", "ppg" (pulse rate stood in) or "none".
    """

    code: Codes
    slope_bpm_s: FloatArray
    threshold_bpm_s: FloatArray
    reason: NDArray[np.str_]
    source: NDArray[np.str_]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which candidates stay: all but those that fail."""
        return self.code != FAIL

    def summary(self) -> dict[str, Json]:
        """Numbers of candidates by verdict, by reason of an open one, and by source of the heart rate."""
        by_reason = Counter(str(word) for word in self.reason if word)
        return {
            "passed": int((self.code == PASS).sum()),
            "failed": int((self.code == FAIL).sum()),
            "undecidable": int((self.code == UNDECIDABLE).sum()),
            "undecidable_reasons": dict(sorted(by_reason.items())),
            "sources": dict(sorted(Counter(self.source.tolist()).items())),
        }


def judge(
    heart: Heart, apexes_s: ArrayLike, trial: Interval, settings: FilterSettings | None = None
) -> Verdicts:
    """The verdict on every candidate of one trial, in the order given.

    Heart, trial and predicted apexes, shape (n,), are seconds on one clock; an apex outside the trial is
    undecidable. Raises DataError if an apex is missing or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> slope = Signal(np.repeat([0.5, 4.0, 0.5], 20), 4.0, "bpm/s", "heart rate slope")
    >>> judge(Heart(slope, "ecg"), [2.0, 7.0, 99.0], Interval(0.0, 15.0)).code.tolist()
    [0, 1, -1]
    """
    return filter_candidates(
        ["trial"] * np.size(apexes_s), apexes_s, {"trial": HeartTrial(trial, heart)}, settings
    )


def filter_candidates(
    trial_ids: Sequence[str],
    apexes_s: ArrayLike,
    trials: Mapping[str, HeartTrial],
    settings: FilterSettings | None = None,
) -> Verdicts:
    """The verdict on every candidate of a study, in the order given; `kept` says which stay.

    Parameters
    ----------
    trial_ids, apexes_s
        Shape (n,): the trial of each candidate, and its apex in seconds on the clock of that trial.
    trials
        The trials by id; one without a candidate does no harm.

    Raises
    ------
    DataError
        If an apex is missing or infinite, a trial unknown, or the lengths differ.
    """
    chosen = settings or FilterSettings()
    apexes = _checked_apexes(trial_ids, apexes_s)
    n = apexes.size
    code, reason = np.full(n, UNDECIDABLE, dtype=np.int8), np.full(n, "", dtype="U16")
    slope, threshold = np.full(n, np.nan), np.full(n, np.nan)
    source = np.full(n, "none", dtype="U4")
    for trial, rows in _by_trial(trial_ids, trials):
        at, heart = apexes[rows], trial.heart
        if heart.slope is None:
            reason[rows] = NO_HEART
            continue
        source[rows] = heart.source
        code[rows] = _codes(trial, at, chosen)
        slope[rows], threshold[rows] = _compared(heart.slope, at, trial.span, chosen)
        reason[rows] = np.where(code[rows] == UNDECIDABLE, _why(heart.slope, at, trial, chosen), "")
    return Verdicts(code, slope, threshold, reason, source)


def shifted_verdicts(
    trial_ids: Sequence[str],
    apexes_s: ArrayLike,
    trials: Mapping[str, HeartTrial],
    settings: FilterSettings | None = None,
    *,
    n_shifts: int = 1000,
    seed: int,
) -> Codes:
    """Verdicts after moving each trial's heart rate around its own span at random, shape (n_shifts, n).

    All candidates of a trial move together, each trial by its own uniform circular shift. Thresholds stay as
    they are. If expressions and heart are unrelated, the real verdicts are one of these like any other.
    Arguments and errors as for `filter_candidates`; OptionError unless n_shifts is 1 or more.
    """
    _refuse("shifts", n_shifts, "1 or more", n_shifts >= 1)
    chosen = settings or FilterSettings()
    apexes = _checked_apexes(trial_ids, apexes_s)
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    found = np.full((n_shifts, apexes.size), UNDECIDABLE, dtype=np.int8)
    for trial, rows in _by_trial(trial_ids, trials):
        begin, length, at = trial.span.start_s, trial.span.duration_s, apexes[rows]
        moves = rng.random((n_shifts, 1)) * length
        if length > 0:
            moved = begin + (at - begin + moves) % length
            found[:, rows] = _codes(trial, moved.ravel(), chosen).reshape(moved.shape)
            found[:, rows[~_inside(at, trial.span)]] = UNDECIDABLE
    return found


def random_instants(
    trials: Mapping[str, HeartTrial], *, per_trial: int = 20, seed: int
) -> tuple[list[str], FloatArray]:
    """Trial ids and uniform instants in seconds, `per_trial` in every trial: the filter's chance level."""
    _refuse("instants per trial", per_trial, "1 or more", per_trial >= 1)
    rng = np.random.Generator(np.random.PCG64([seed, 3]))
    names = [name for name in sorted(trials) for _ in range(per_trial)]
    spans = [trials[name].span for name in names]
    at = [span.start_s + rng.random() * span.duration_s for span in spans]
    return names, np.array(at, dtype=np.float64)


def _checked_apexes(trial_ids: Sequence[str], apexes_s: ArrayLike) -> FloatArray:
    apexes = np.asarray(apexes_s, dtype=np.float64)
    if apexes.shape != (len(trial_ids),):
        raise DataError(
            "candidates",
            wanted="one apex for each of the trial ids",
            got=f"{len(trial_ids)} ids and apexes of shape {apexes.shape}",
            remedy="give one row per candidate",
        )
    if not np.isfinite(apexes).all():
        row = int(np.argmin(np.isfinite(apexes)))
        raise DataError(
            f"candidate {row}",
            wanted="a finite apex",
            got=f"{apexes[row]} s",
            remedy="take the arg-max of its score, else its midpoint",
        )
    return apexes


def _by_trial(
    trial_ids: Sequence[str], trials: Mapping[str, HeartTrial]
) -> Iterator[tuple[HeartTrial, IntArray]]:
    """Every trial that is named, with the rows that name it."""
    names, number = np.unique(np.asarray(trial_ids, dtype=np.str_), return_inverse=True)
    order = np.argsort(number, kind="stable")
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(number))[:-1]), strict=False):
        if str(name) not in trials:
            raise DataError(
                f"candidate {int(rows[0])}",
                wanted="a trial that is known",
                got=str(name),
                remedy="give its span, with Heart(None, 'none') where nothing was recorded",
            )
        yield trials[str(name)], rows


def _codes(trial: HeartTrial, times_s: FloatArray, settings: FilterSettings) -> Codes:
    """1, 0 or -1 at each instant of one trial, by the project's one definition of the test."""
    codes = np.full(times_s.shape, UNDECIDABLE, dtype=np.int8)
    if trial.heart.slope is None or _little_known(trial, settings):
        return codes
    found = physio.slope_exceeds_mean(
        trial.heart.slope, times_s, trial.span, mode=settings.mode, eta=settings.eta, lag_s=settings.lag_s
    )
    known = (found != np.array(None)).astype(np.bool_) & _inside(times_s, trial.span)
    codes[known] = found[known].astype(np.int8)
    return codes


def _compared(
    slope: Signal, apexes: FloatArray, span: Interval, settings: FilterSettings
) -> tuple[FloatArray, float]:
    """Slope at apex + lag and threshold, bpm/s, as a record of what `_codes` compared."""
    at = np.interp(apexes + settings.lag_s, slope.times_s, slope.values, left=np.nan, right=np.nan)
    values = slope.between(span).values
    if settings.mode == "absolute":
        at, values = np.abs(at), np.abs(values)
    known = values[np.isfinite(values)]
    return at, settings.eta * float(known.mean()) if known.size else math.nan


def _why(slope: Signal, apexes: FloatArray, trial: HeartTrial, settings: FilterSettings) -> NDArray[np.str_]:
    """What leaves each apex open, if anything does."""
    known = slope.times_s[np.isfinite(slope.values)]
    at = apexes + settings.lag_s
    beyond = (at < known.min(initial=np.inf)) | (at > known.max(initial=-np.inf))
    near = np.where(beyond, EDGE, GAP)
    return np.where(
        _inside(apexes, trial.span), LITTLE_KNOWN if _little_known(trial, settings) else near, OUTSIDE
    )


def _little_known(trial: HeartTrial, settings: FilterSettings) -> bool:
    slope = trial.heart.slope
    known = 0 if slope is None else np.isfinite(slope.between(trial.span).values).sum() / slope.rate_hz
    return bool(known < settings.least_known_s)


def _inside(times_s: FloatArray, span: Interval) -> NDArray[np.bool_]:
    return (times_s >= span.start_s) & (times_s <= span.end_s)
