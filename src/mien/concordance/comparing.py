"""Before against after: every feature in every window, tested three ways, corrected, and set beside the null.

The family is every feature in every window that can be tested (186 tests in MMME). Three tests stand side by
side, each with its own Benjamini-Hochberg q over the family:

* `t`, `p`, `q`: paired t over apexes, the paper's test. It is pseudo-replicated: apexes of one person are
  taken for independent.
* `subject_*`: t over the participants' mean differences. This one carries claims.
* `mixed_*`: difference ~ 1 + (1 | participant) by restricted maximum likelihood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.concordance.measuring import Measured, measure_person
from mien.concordance.null import NullSummary, null_distribution, null_p, summary
from mien.concordance.people import ParticipantData
from mien.concordance.result import Concordance, ContrastRow, Row
from mien.concordance.settings import Settings
from mien.concordance.slope import slope_rates
from mien.core.errors import DataError
from mien.core.time import FloatArray
from mien.signals.physio import TABLE_3
from mien.stats import benjamini_hochberg
from mien.stats.differences import (
    PairedT,
    effect_interval,
    paired_t,
    random_intercept,
    signed_rank,
    subject_means,
)

LEAST_PAIRS, LEAST_SUBJECTS = 5, 3
_PRINTED = {ours: printed for printed, ours in TABLE_3.items()}
Columns = dict[str, Sequence[Any] | NDArray[Any]]


def analyse(
    people: Iterable[ParticipantData],
    settings: Settings | None = None,
    *,
    excluded: Mapping[str, str] | None = None,
) -> Concordance:
    """Measure people and compare: the whole analysis, without a study on disk.

    Parameters
    ----------
    people
        One entry per participant; see `ParticipantData`.
    settings
        Windows, exclusions, null; default MMME's.
    excluded
        Participants left out before, with the reason; they are only handed on.

    Raises
    ------
    DataError
        If there is nobody, no micro-expression that could be compared, or a signal has a wrong unit.
    """
    chosen = settings or Settings()
    return compare([measure_person(person, chosen) for person in people], chosen, excluded=excluded)


def compare(
    people: Sequence[Measured], settings: Settings, *, excluded: Mapping[str, str] | None = None
) -> Concordance:
    """Test what was measured with the same settings; see `analyse`. The people may come in any order."""
    ordered = sorted(people, key=lambda person: person.participant_id)
    if not any(person.micro.any() for person in ordered):
        raise DataError(
            "concordance",
            wanted=f"micro-expressions whose {settings.anchor} is known",
            got=f"none in {len(ordered)} participants",
            remedy="code the study first, or look at mien describe",
        )
    rows, null = _tested(ordered, settings)
    return Concordance(
        settings=settings,
        rows=rows,
        contrast=_contrast(ordered, settings),
        null=null,
        slope=slope_rates(
            [(person.slopes, person.random_slopes) for person in ordered],
            n_resamples=settings.resamples,
            seed=settings.seed,
        ),
        people=tuple(ordered),
        excluded_participants=dict(excluded or {}),
    )


def _tested(
    people: Sequence[Measured], settings: Settings
) -> tuple[tuple[Row, ...], tuple[NullSummary, ...]]:
    before, after = (_stacked([p.values[p.micro][:, :, side] for p in people], settings) for side in (0, 1))
    who = np.repeat([p.participant_id for p in people], [int(p.micro.sum()) for p in people])
    differences = after - before
    missing = np.isnan(differences)
    apex = paired_t(differences, least=LEAST_PAIRS)
    subject = paired_t(subject_means(differences, who), least=LEAST_SUBJECTS)
    null_t = null_distribution(people, settings, least_pairs=LEAST_PAIRS, least_subjects=LEAST_SUBJECTS)
    interval = effect_interval(differences, who, n_resamples=settings.resamples, seed=settings.seed)
    why = _stacked([p.pair_reasons()[p.micro] for p in people], settings)
    columns = {
        **_names(settings),
        "n": apex.n,
        "n_participants": subject.n,
        "n_excluded": missing.sum(axis=0),
        "excluded": [_counted(why[missing[:, i], i]) for i in range(missing.shape[1])],
        **_levels("before", np.where(missing, np.nan, before)),
        **_levels("after", np.where(missing, np.nan, after)),
        **_test("", apex, null_t["apex"]),
        "p_wilcoxon": signed_rank(differences, least=LEAST_PAIRS),
        "low": np.where(apex.reason == "", interval[:, 0], np.nan),
        "high": np.where(apex.reason == "", interval[:, 1], np.nan),
        **_test("subject_", subject, null_t["subject"]),
        **_mixed(differences, who, apex.n),
    }
    null = (
        summary("apex", apex.p, null_t["apex"], (apex.n - 1).astype(np.float64)),
        summary("subject", subject.p, null_t["subject"], (subject.n - 1).astype(np.float64)),
    )
    return tuple(Row(**row) for row in _rows(columns)), null


def _stacked(parts: Sequence[NDArray[Any]], settings: Settings) -> NDArray[Any]:
    """Expressions of all people below each other, windows and features side by side: (n, n_tests)."""
    n_tests = len(settings.windows_s) * len(settings.features)
    return np.concatenate([part.reshape(-1, n_tests) for part in parts])


def _names(settings: Settings) -> Columns:
    """What each test is called; the signal in the words of Table 3: ecg, hrv, ppg, rsp, eda, skt."""
    tests = [(window, feature) for window in settings.windows_s for feature in settings.features]
    return {
        "signal": [feature.split("_", 1)[0] for _, feature in tests],
        "feature": [feature for _, feature in tests],
        "printed": [_PRINTED.get(feature, feature) for _, feature in tests],
        "window_s": [window for window, _ in tests],
    }


def _levels(side: str, values: FloatArray) -> Columns:
    """Mean and standard deviation of each column over the complete pairs."""
    made = paired_t(values)
    return {side: made.mean, f"{side}_sd": made.sd}


def _test(prefix: str, test: PairedT, null_t: FloatArray) -> Columns:
    reason = np.where(test.reason == "few-pairs", "few-subjects", test.reason) if prefix else test.reason
    return {
        f"{prefix}difference": test.mean,
        f"{prefix}t": test.t,
        f"{prefix}p": test.p,
        f"{prefix}q": benjamini_hochberg(test.p),
        f"{prefix}d_z": test.d_z,
        f"{prefix}null_p": null_p(test.t, null_t),
        f"{prefix}reason": reason,
    }


def _mixed(differences: FloatArray, who: NDArray[np.str_], n: NDArray[np.int64]) -> Columns:
    models = [random_intercept(column, who, least=LEAST_SUBJECTS) for column in differences.T]
    few = n < LEAST_PAIRS
    p = np.where(few, np.nan, [model.p for model in models])
    return {
        "mixed_difference": [model.mean for model in models],
        "mixed_error": [model.error for model in models],
        "mixed_p": p,
        "mixed_q": benjamini_hochberg(p),
        "mixed_reason": np.where(few, "few-pairs", [model.reason for model in models]),
    }


def _contrast(people: Sequence[Measured], settings: Settings) -> tuple[ContrastRow, ...]:
    """Participants' mean differences of micro- minus those of macro-expressions, tested against 0."""
    micro, macro = (
        np.concatenate(
            [_mean(_stacked([person.differences()[person.kinds == kind]], settings)) for person in people]
        )
        for kind in ("micro", "macro")
    )
    test = paired_t(micro - macro, least=LEAST_SUBJECTS)
    one_lacks = np.isnan(micro - macro)
    names = _names(settings)
    del names["printed"]
    columns = {
        **names,
        "n_participants": test.n,
        "micro": paired_t(np.where(one_lacks, np.nan, micro)).mean,
        "macro": paired_t(np.where(one_lacks, np.nan, macro)).mean,
        "difference": test.mean,
        "t": test.t,
        "p": test.p,
        "q": benjamini_hochberg(test.p),
        "d_z": test.d_z,
        "reason": np.where(test.reason == "few-pairs", "few-subjects", test.reason),
    }
    return tuple(ContrastRow(**row) for row in _rows(columns))


def _mean(differences: FloatArray) -> FloatArray:
    """One person's mean of each column, (1, n_tests); NaN where there is none."""
    return paired_t(differences).mean[None]


def _counted(words: NDArray[np.str_]) -> dict[str, int]:
    return dict(sorted(Counter(str(word) for word in words).items()))


def _rows(columns: Columns) -> list[dict[str, Any]]:
    """One dictionary per test, with Python's own numbers and words."""
    plain = {name: c.tolist() if isinstance(c, np.ndarray) else list(c) for name, c in columns.items()}
    return [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]
