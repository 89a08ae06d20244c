"""What the heart-rate filter did to a spotting result, and whether anything but the heart would have done it.

Pure functions on arrays: candidates (subject, verdict, score, which reference they hit) and references.
Counts are pooled over all subjects; a reference hit by any kept candidate is one true positive, every other
kept candidate is a false positive (duplicates too), as in `mien.metrics.spotting` with one-to-one matching.

MMME's Table 10 prints the same recall before and after the filter for five detectors, while 26.8 % of its
coded expressions fail the test (section 4.3). A filter that does not look at the labels loses expressions as
it loses false alarms: recall after = keep rate of the true positives x recall, and can only fall or stay.
Rates and likelihood ratios leave undecidable candidates out; counts keep them, as the filter does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from mien.core.records import Json
from mien.core.time import FloatArray
from mien.metrics.spotting import Counts
from mien.spotting.filter_controls import (
    PUBLISHED_PASS_RATES,
    Candidates,
    Instants,
    Replicates,
    ScoreRaise,
    counts_of_codes,
    gaussian_pass_rate,
    raise_score,
    random_deletion,
    replicates,
    subject_counts_of_kept,
)
from mien.spotting.heart_rate_filter import (
    FAIL,
    PASS,
    Codes,
    FilterSettings,
)
from mien.stats.resampling import BootstrapInterval, Statistic, subject_bootstrap


@dataclass(frozen=True, slots=True)
class PassRate:
    """Share of decidable instants that pass, 0 to 1, with its 95 % interval over resampled subjects."""

    n_passed: int
    n_decidable: int
    n_undecidable: int
    share: BootstrapInterval


@dataclass(frozen=True, slots=True)
class FilterReport:
    """The filter's effect beside its controls; every interval is 95 % over resampled subjects (expanded).

    Parameters
    ----------
    before, after
        Pooled counts without and with the filter; undecidable candidates are kept.
    tp_removed, fp_removed, tp_removed_percent, fp_removed_percent
        True and false positives lost, and per cent of those before (NaN where there were none).
    references, true_positives, false_positives, random
        Pass rates at the coded apexes, of candidates that hit a reference (duplicates among them) and of
        those that hit none, and at random instants; None where not given.
    likelihood_ratio
        P(pass | hits a reference) / P(pass | hits none) among decidable candidates; 1 says that the heart
        knows nothing. Infinite where no false positive passes.
    f1_change
        F1 after - F1 before.
    break_even
        Keep rate of false positives below which F1 rises, given that of the true ones; below 0: no filter
        that loses as many true ones can help. `fp_keep_rate` is what came.
    shifted
        The filter with each trial's heart rate moved around its own span; None where not given.
    deletion
        As many decidable candidates removed at random.
    score
        A higher score threshold that keeps as many; None without scores.
    gaussian, published
        Pass rate by chance for Gaussian slopes, and the paper's (MMME section 4.3, coded expressions; NaN
        for an eta it does not print or signed slopes).
    """

    settings: FilterSettings
    before: Counts
    after: Counts
    tp_removed: int
    fp_removed: int
    tp_removed_percent: float
    fp_removed_percent: float
    references: PassRate
    true_positives: PassRate
    false_positives: PassRate
    random: PassRate | None
    likelihood_ratio: BootstrapInterval
    f1_change: BootstrapInterval
    break_even: float
    fp_keep_rate: float
    shifted: Replicates | None
    deletion: Replicates
    score: ScoreRaise | None
    gaussian: float
    published: float

    def as_json(self) -> dict[str, Json]:
        """Everything by name, as JSON types; scores beside the counts they come from."""
        found: dict[str, Json] = asdict(self)
        for name in ("before", "after"):
            found[name] = getattr(self, name).as_json()
        if self.score is not None:
            found["score"] = {**asdict(self.score), "counts": self.score.counts.as_json()}
        return found


def report_filter(
    candidates: Candidates,
    references: Instants,
    settings: FilterSettings,
    *,
    random: Instants | None = None,
    shifted: ArrayLike | None = None,
    n_resamples: int = 2000,
    n_deletions: int = 1000,
    seed: int,
) -> FilterReport:
    """The report on one filtered study; the same seed gives the same report.

    Parameters
    ----------
    candidates, references
        All candidates before the filter, and all coded expressions, found or not, with the verdicts at
        their coded apexes (which only describe; they decide nothing).
    settings
        Those the verdicts were made with.
    random
        Verdicts at random instants of the trials.
    shifted
        Verdicts from `shifted_verdicts`, shape (n_shifts, n_candidates); 1000 shifts or more.

    Raises
    ------
    DataError
        If a candidate hits a reference that is unknown or another subject's, a score is NaN, or arrays differ
        in length.

    Examples
    --------
    >>> seen = Candidates(["a", "a", "b", "b"], reference=[0, -1, 1, -1], code=[1, 0, 1, 1])
    >>> found = report_filter(seen, Instants(["a", "b"], [1, 1]), FilterSettings(), seed=0)
    >>> found.before.fp, found.after.fp, found.after.recall, found.likelihood_ratio.value
    (2, 1, 1.0, 2.0)
    """
    candidates.check(references)
    n_references = len(references.code)
    code = candidates.code
    unfiltered = np.full_like(code, PASS)
    before, after = (counts_of_codes(candidates, c, n_references) for c in (unfiltered, code))
    # Nothing but removal happened: a higher recall would mean that labels took part in it.
    assert after.tp <= before.tp, "the heart-rate filter cannot raise recall"
    assert after.n_estimate <= before.n_estimate, "the heart-rate filter cannot add candidates"
    hits = candidates.reference >= 0
    tp_rate = _pass_rate(candidates.subject[hits], code[hits], n_resamples, seed)
    fp_rate = _pass_rate(candidates.subject[~hits], code[~hits], n_resamples, seed)
    tp_kept, fp_kept = _ratio(after.tp, before.tp), _ratio(after.fp, before.fp)
    eta = settings.eta if settings.mode == "absolute" else math.nan
    return FilterReport(
        settings=settings,
        before=before,
        after=after,
        tp_removed=before.tp - after.tp,
        fp_removed=before.fp - after.fp,
        tp_removed_percent=100 * (1 - tp_kept),
        fp_removed_percent=100 * (1 - fp_kept),
        references=_pass_rate(references.subject, references.code, n_resamples, seed),
        true_positives=tp_rate,
        false_positives=fp_rate,
        random=None if random is None else _pass_rate(random.subject, random.code, n_resamples, seed),
        likelihood_ratio=likelihood_ratio(candidates, n_resamples=n_resamples, seed=seed),
        f1_change=_f1_change(candidates, references, n_resamples, seed),
        break_even=break_even_keep_rate(before, tp_kept),
        fp_keep_rate=fp_kept,
        shifted=None if shifted is None else replicates(candidates, shifted, n_references),
        deletion=random_deletion(candidates, n_references, n=n_deletions, seed=seed),
        score=raise_score(candidates, n_references),
        gaussian=gaussian_pass_rate(settings.eta, settings.mode),
        published=PUBLISHED_PASS_RATES.get(eta, math.nan),
    )


def likelihood_ratio(candidates: Candidates, *, n_resamples: int = 2000, seed: int) -> BootstrapInterval:
    """P(pass | hits a reference) / P(pass | hits none), decidable candidates only, with its interval.

    The bootstrap runs on p / (p + q), which orders replicates as the ratio p / q does and stays finite where
    no false positive passes; replicates in which nothing passes, or one kind is absent, have no value.
    """
    hits, decidable = candidates.reference >= 0, candidates.code >= 0
    columns = [hits & (candidates.code == PASS), hits & decidable]
    columns += [~hits & (candidates.code == PASS), ~hits & decidable]
    found = _bootstrap(candidates.subject, columns, _relative, n_resamples, seed)
    a, b, c, d = (int(column.sum()) for column in columns)
    value = a * d / (b * c) if b * c else _odds(found.value)
    low, high = (_odds(share) for share in (found.low, found.high))
    return BootstrapInterval(
        value, low, high, found.n_subjects, found.n_resamples, found.n_undefined, found.reason
    )


def break_even_keep_rate(before: Counts, tp_keep_rate: float) -> float:
    """The keep rate q of false positives at which F1 stays as it was; it rises below and falls above.

    From 2 p TP / (p TP + q FP + N) = 2 TP / (TP + FP + N) with N references and p the keep rate of the true
    positives: q = p - (1 - p) N / FP. NaN without false positives.

    Examples
    --------
    >>> round(break_even_keep_rate(Counts(tp=50, fp=50, fn=50), 0.73), 2)
    0.19
    """
    return tp_keep_rate - (1 - tp_keep_rate) * _ratio(before.n_reference, before.fp)


def _f1_change(
    candidates: Candidates, references: Instants, n_resamples: int, seed: int
) -> BootstrapInterval:
    names = np.unique(np.concatenate([candidates.subject, references.subject]))
    if not len(names):
        return _nothing()
    kept = np.stack([np.ones(len(candidates.code), dtype=np.bool_), candidates.code != FAIL])
    true, estimates, wanted = subject_counts_of_kept(candidates, references, names, kept)
    counts = np.column_stack([true[0], estimates[0] + wanted, true[1], estimates[1] + wanted])
    return _interval(counts, _gain, n_resamples, seed)


def _pass_rate(subject: NDArray[np.str_], code: Codes, n_resamples: int, seed: int) -> PassRate:
    passed, decidable = code == PASS, code >= 0
    share = _bootstrap(subject, [passed, decidable], _share, n_resamples, seed)
    return PassRate(int(passed.sum()), int(decidable.sum()), int((~decidable).sum()), share)


def _bootstrap(
    subject: NDArray[np.str_],
    columns: Sequence[NDArray[np.bool_]],
    statistic: Statistic,
    n_resamples: int,
    seed: int,
) -> BootstrapInterval:
    """The statistic of each subject's numbers of true values per column; subjects with none are left out."""
    names, number = np.unique(subject, return_inverse=True)
    counts = np.column_stack([np.bincount(number, weights=c, minlength=len(names)) for c in columns])
    table: FloatArray = np.asarray(counts[counts.any(axis=1)], dtype=np.float64)
    if not len(table):
        return _nothing()
    return _interval(table, statistic, n_resamples, seed)


def _interval(counts: FloatArray, statistic: Statistic, n_resamples: int, seed: int) -> BootstrapInterval:
    """The expanded percentile interval of 95 % (Hesterberg 2015, doi:10.1080/00031305.2015.1089789).

    Its percentiles lie further out by t quantile x sqrt(n / (n - 1)): plain ones of 8 subjects cover 90 %.
    """
    n = len(counts)
    expanded = 2 * norm.sf(math.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1)) if n > 1 else 0.05
    level = 1 - max(float(expanded), 1e-4)
    return subject_bootstrap(counts, statistic=statistic, n_resamples=n_resamples, level=level, seed=seed)


def _nothing() -> BootstrapInterval:
    return BootstrapInterval(math.nan, math.nan, math.nan, 0, 0, 0, "nothing decidable")


def _share(pooled: FloatArray) -> FloatArray:
    return _divided(pooled[:, 0], pooled[:, 1])


def _relative(pooled: FloatArray) -> FloatArray:
    p, q = _divided(pooled[:, 0], pooled[:, 1]), _divided(pooled[:, 2], pooled[:, 3])
    return _divided(p, p + q)


def _gain(pooled: FloatArray) -> FloatArray:
    return _divided(2 * pooled[:, 2], pooled[:, 3]) - _divided(2 * pooled[:, 0], pooled[:, 1])


def _divided(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _odds(share: float) -> float:
    return math.inf if share == 1 else share / (1 - share)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
