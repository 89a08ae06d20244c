"""Candidates with verdicts, their counts under any removal, and what else removes as many of them.

Three competitors of the heart-rate filter: its own verdicts with the heart moved in time, random deletion at
the same keep rate, and a higher score threshold. All count as `mien.metrics.spotting` does with one-to-one
matching where no candidate overlaps two references: a reference is found if a candidate that hits it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray, IntArray
from mien.metrics.spotting import Counts
from mien.signals.physio.heart_rate import Mode
from mien.spotting.heart_rate_filter import FAIL, PASS, Codes, FilterSettings

# MMME section 4.3: coded micro-expressions whose slope exceeds eta times the mean, by eta. The paper prints
# no chance level beside them; see `gaussian_pass_rate`.
PUBLISHED_PASS_RATES: Mapping[float, float] = MappingProxyType({1.0: 464 / 634, 1.5: 345 / 634})


class Instants:
    """Verdicts at instants of subjects, both shape (n,): coded apexes, or random ones.

    `code` holds 1 (pass), 0 (fail) or -1 (undecidable). Raises DataError for other codes, or lengths that
    differ.
    """

    __slots__ = ("code", "subject")

    def __init__(self, subject: ArrayLike, code: ArrayLike) -> None:
        self.subject: NDArray[np.str_] = np.asarray(subject, dtype=np.str_)
        given = np.asarray(code)
        if self.subject.ndim != 1 or given.shape != self.subject.shape:
            raise DataError(
                "verdicts",
                wanted="one for each subject named",
                got=f"shapes {given.shape} and {self.subject.shape}",
                remedy="give one row per instant",
            )
        if not np.isin(given, (-1, 0, 1)).all():
            raise DataError(
                "verdicts",
                wanted="1, 0 or -1",
                got=given[~np.isin(given, (-1, 0, 1))][0],
                remedy="take the codes of `filter_candidates`",
            )
        self.code: Codes = given.astype(np.int8)


class Candidates(Instants):
    """Spotted candidates of a study before the filter, all arrays of shape (n,).

    Parameters
    ----------
    subject, code
        Whose they are, and the filter's verdicts.
    reference
        Row of the reference expression that the candidate hits (IoU at or above the matching threshold), -1
        for none. Several candidates may hit one reference: duplicates. From the `pairs` of a `Matching` over
        the whole study: `reference[pairs[:, 1]] = pairs[:, 0]`; duplicates are then like any false one.
    score
        Confidence, higher is better; None where the method gives none.

    Raises
    ------
    DataError
        If lengths differ, a verdict is none, or a score is NaN.
    """

    __slots__ = ("reference", "score")

    def __init__(
        self, subject: ArrayLike, *, reference: ArrayLike, code: ArrayLike, score: ArrayLike | None = None
    ) -> None:
        super().__init__(subject, code)
        n = len(self.code)
        self.reference: IntArray = np.asarray(reference, dtype=np.int64)
        self.score = None if score is None else np.asarray(score, dtype=np.float64)
        scores = () if self.score is None else (("scores", self.score.shape),)
        for what, shape in (("references hit", self.reference.shape), *scores):
            if shape != (n,):
                raise DataError(
                    what,
                    wanted=f"one for each of {n} candidates",
                    got=f"shape {shape}",
                    remedy="give one row per candidate",
                )
        if self.score is not None and np.isnan(self.score).any():
            raise DataError(
                f"candidate {int(np.argmax(np.isnan(self.score)))}",
                wanted="a score",
                got="NaN",
                remedy="give every candidate a score, or none at all",
            )

    def check(self, references: Instants) -> None:
        """Refuse a candidate that hits a reference which is unknown or another subject's."""
        rows = np.flatnonzero(self.reference >= 0)
        far = rows[self.reference[rows] >= len(references.code)]
        if not len(far):
            far = rows[references.subject[self.reference[rows]] != self.subject[rows]]
        if len(far) or (self.reference < -1).any():
            bad = int(far[0]) if len(far) else int(np.argmax(self.reference < -1))
            raise DataError(
                f"candidate {bad}",
                wanted=f"a reference of its subject among rows 0 to {len(references.code) - 1}, or -1",
                got=int(self.reference[bad]),
                remedy="number the references over the whole study",
            )


@dataclass(frozen=True, slots=True)
class Replicates:
    """The same study filtered n times by something that knows nothing; means and middle 95 %.

    `f1_p` and `lr_p` are the shares of replicates, the real filter among them, that do as well or better: in
    F1, and in the likelihood ratio of passing (see `likelihood_ratio`). NaN where there is no value.
    """

    n: int
    tp: float
    fp: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    f1_p: float
    lr: float
    lr_low: float
    lr_high: float
    lr_p: float


@dataclass(frozen=True, slots=True)
class ScoreRaise:
    """Counts where only candidates with a score at or above `threshold` are kept: `n_kept`, more on ties."""

    threshold: float
    n_kept: int
    counts: Counts


def counts_of_codes(candidates: Candidates, code: Codes, n_references: int) -> Counts:
    """Pooled counts of the candidates that do not fail under the verdicts given, shape (n,)."""
    return counts_of_kept(candidates, code != FAIL, n_references)


def counts_of_kept(candidates: Candidates, kept: NDArray[np.bool_], n_references: int) -> Counts:
    """Pooled counts of the candidates kept, shape (n,)."""
    tp = int(_found(candidates, kept[None])[0].sum())
    return Counts(tp, int(kept.sum()) - tp, n_references - tp)


def subject_counts_of_kept(
    candidates: Candidates, references: Instants, names: NDArray[np.str_], kept: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Per subject (names sorted): references found and candidates kept, (k, n_names); references, (n_names,).

    `kept` has the shape (k, n): k ways to keep.
    """
    of_candidate, of_reference = (np.searchsorted(names, s.subject) for s in (candidates, references))
    owner = of_reference[np.unique(candidates.reference[candidates.reference >= 0])]
    subjects = np.arange(len(names))
    found = _found(candidates, kept).astype(np.float64) @ (owner[:, None] == subjects)
    n_kept = kept.astype(np.float64) @ (of_candidate[:, None] == subjects)
    return found, n_kept, np.bincount(of_reference, minlength=len(names)).astype(np.float64)


def _found(candidates: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each reference that any candidate hits is hit by a kept one, (k, n_hit), under keeps (k, n)."""
    rows = np.flatnonzero(candidates.reference >= 0)
    rows = rows[np.argsort(candidates.reference[rows], kind="stable")]
    if not len(rows):
        return np.zeros((len(kept), 0), dtype=np.bool_)
    _, first = np.unique(candidates.reference[rows], return_index=True)
    return np.logical_or.reduceat(kept[:, rows], first, axis=1)


def replicates(candidates: Candidates, codes: ArrayLike, n_references: int) -> Replicates:
    """What n other sets of verdicts, shape (n, n_candidates), make of the candidates, beside the real one.

    Raises DataError for another shape or no replicate.
    """
    table = np.asarray(codes, dtype=np.int8)
    if table.ndim != 2 or table.shape[1] != len(candidates.code) or not len(table):
        raise DataError(
            "control verdicts",
            wanted=f"shape (n, {len(candidates.code)}) with n >= 1",
            got=f"shape {table.shape}",
            remedy="judge the same candidates in the same order",
        )
    # The last row is the real filter, so that equal counts give equal floats.
    table = np.concatenate([table, candidates.code[None]])
    kept = table != FAIL
    tp = _found(candidates, kept).sum(axis=1)
    n_kept = kept.sum(axis=1)
    f1 = _over(2.0 * tp, n_kept + float(n_references))
    share = _relative_share(candidates, table)
    with np.errstate(divide="ignore"):
        lr = share / (1 - share)
    return Replicates(
        len(table) - 1,
        float(tp[:-1].mean()),
        float((n_kept - tp)[:-1].mean()),
        float(tp[:-1].mean()) / n_references if n_references else math.nan,
        *_against(f1),
        *_against(lr),
    )


def _relative_share(candidates: Candidates, table: Codes) -> FloatArray:
    """p / (p + q) of the pass rates of hits and others among decidable ones, shape (k,)."""
    hits = candidates.reference >= 0
    rates = [
        _over((table[:, side] == PASS).sum(axis=1), (table[:, side] >= 0).sum(axis=1))
        for side in (hits, ~hits)
    ]
    return _over(rates[0], rates[0] + rates[1])


def _against(values: FloatArray) -> tuple[float, float, float, float]:
    """Mean, bounds of the middle 95 %, p of the last value among all; a replicate without value counts."""
    null, real = values[:-1], values[-1]
    known = null[~np.isnan(null)]
    p = float((1 + np.sum(~(null < real))) / len(values)) if not np.isnan(real) else math.nan
    if not len(known):
        return math.nan, math.nan, math.nan, p
    # "lower" and "higher" choose a replicate instead of averaging two, of which one may be infinite.
    low = np.quantile(known, 0.025, method="lower")
    return float(known.mean()), float(low), float(np.quantile(known, 0.975, method="higher")), p


def random_deletion(candidates: Candidates, n_references: int, *, n: int = 1000, seed: int) -> Replicates:
    """As many candidates removed as the filter removes, at random among the decidable ones, n times.

    Without duplicates the true positives kept are hypergeometric: on average their keep rate is that of all.
    """
    if n < 1:
        raise OptionError("random deletion", wanted="1 or more replicates", got=n, remedy="ask for 1000")
    rng = np.random.Generator(np.random.PCG64([seed, 4]))
    table = np.tile(candidates.code, (n, 1))
    decidable = np.flatnonzero(candidates.code >= 0)
    table[:, decidable] = rng.permuted(table[:, decidable], axis=1)
    return replicates(candidates, table, n_references)


def raise_score(candidates: Candidates, n_references: int) -> ScoreRaise | None:
    """The score threshold that keeps as many candidates as the filter: the fair competitor.

    Where several share the score at the threshold all of them stay. None without scores.
    """
    if candidates.score is None:
        return None
    n_kept = int((candidates.code != FAIL).sum())
    threshold = float(np.sort(candidates.score)[::-1][n_kept - 1]) if n_kept else math.inf
    kept = candidates.score >= threshold
    if not n_kept:
        kept = np.zeros_like(kept)
    return ScoreRaise(threshold, int(kept.sum()), counts_of_kept(candidates, kept, n_references))


def gaussian_pass_rate(eta: float, mode: Mode = "absolute") -> float:
    """The share of instants that pass if slopes are Gaussian around 0, independent of the instants.

    Absolute: P(|z| > eta sqrt(2 / pi)) = erfc(eta / sqrt(pi)). Signed: one half, whatever eta is.

    Examples
    --------
    >>> [round(gaussian_pass_rate(eta), 3) for eta in (1.0, 1.5)], gaussian_pass_rate(1.5, "signed")
    ([0.425, 0.231], 0.5)
    """
    chosen = FilterSettings(eta=eta, mode=mode)
    return 0.5 if chosen.mode == "signed" else math.erfc(chosen.eta / math.sqrt(math.pi))


def _over(part: NDArray[np.generic], whole: NDArray[np.generic]) -> FloatArray:
    divisor = np.asarray(whole, dtype=np.float64)
    found = np.full(divisor.shape, np.nan)
    return np.divide(np.asarray(part, dtype=np.float64), divisor, out=found, where=divisor > 0)
