"""The filter's report by hand, against the paper's tables, by law, and on bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from mien.core.errors import DataError, OptionError
from mien.metrics.matching import one_to_one
from mien.metrics.spotting import Counts
from mien.spotting.eta_choice import choose_eta
from mien.spotting.filter_controls import (
    PUBLISHED_PASS_RATES,
    Candidates,
    Instants,
    counts_of_kept,
    gaussian_pass_rate,
    raise_score,
    random_deletion,
    replicates,
)
from mien.spotting.filter_report import break_even_keep_rate, likelihood_ratio, report_filter
from mien.spotting.heart_rate_filter import FilterSettings

SETTINGS = FilterSettings()

# Two people with 4 references; 10 candidates: 3 hits (one of them undecidable), a duplicate, 6 false ones.
SEEN = Candidates(
    ["a"] * 5 + ["b"] * 5,
    reference=[0, 1, 1, -1, -1, 3, -1, -1, -1, -1],
    code=[1, 0, 1, 0, 0, -1, 1, 0, 1, -1],
    score=[0.9, 0.8, 0.3, 0.5, 0.1, 0.7, 0.6, 0.2, 0.4, 0.05],
)
WANTED = Instants(["a", "a", "a", "b"], [1, 0, 1, -1])


def report(seen=SEEN, wanted=WANTED, **knobs):
    return report_filter(seen, wanted, SETTINGS, n_resamples=200, n_deletions=200, seed=0, **knobs)


# --- by hand ------------------------------------------------------------------------------------------------


def test_counts_and_rates_by_hand():
    found = report()
    assert found.before == Counts(tp=3, fp=7, fn=1)
    # reference 1 is still found by its duplicate; 4 candidates fail
    assert found.after == Counts(tp=3, fp=3, fn=1)
    assert (found.tp_removed, found.fp_removed) == (0, 4)
    assert found.fp_removed_percent == pytest.approx(100 * 4 / 7)
    hits, others = found.true_positives, found.false_positives
    assert (hits.n_passed, hits.n_decidable, hits.n_undecidable) == (2, 3, 1)
    assert (others.n_passed, others.n_decidable, others.n_undecidable) == (2, 5, 1)
    assert found.likelihood_ratio.value == pytest.approx((2 / 3) / (2 / 5))
    assert (found.references.n_passed, found.references.n_decidable) == (2, 3)
    assert found.random is None
    assert found.shifted is None
    assert found.f1_change.value == pytest.approx(6 / 10 - 6 / 14)
    assert found.gaussian == pytest.approx(0.425, abs=5e-4)
    assert found.published == pytest.approx(0.7319, abs=5e-5)


def test_the_score_keeps_as_many():
    found = report().score
    assert (found.threshold, found.n_kept) == (0.4, 6)
    assert found.counts == Counts(tp=3, fp=3, fn=1)


def test_ties_at_the_score_threshold_all_stay():
    tied = Candidates(["a"] * 4, reference=[-1] * 4, code=[1, 0, 0, 0], score=[0.5] * 4)
    assert raise_score(tied, 1).n_kept == 4
    nobody = Candidates(["a"] * 4, reference=[-1] * 4, code=[0] * 4, score=[0.5] * 4)
    assert (raise_score(nobody, 1).n_kept, raise_score(nobody, 1).threshold) == (0, math.inf)


def test_chance_and_the_published_rates():
    assert PUBLISHED_PASS_RATES[1.0] == pytest.approx(0.7319, abs=5e-5)
    assert PUBLISHED_PASS_RATES[1.5] == pytest.approx(0.5442, abs=5e-5)  # printed as 54.41 %
    for eta in (0.0, 0.5, 1.0, 1.5):
        assert gaussian_pass_rate(eta) == pytest.approx(2 * norm.sf(eta * math.sqrt(2 / math.pi)))
    assert gaussian_pass_rate(1.5, "signed") == 0.5
    with pytest.raises(OptionError, match="eta"):
        gaussian_pass_rate(-1.0)


@pytest.mark.parametrize(
    ("precision", "recall", "expected"),
    [(0.4356, 0.4122, 0.230), (0.3104, 0.2547, 0.258), (0.2290, 0.2694, 0.436), (0.1350, 0.2453, 0.561),
     (0.0372, 0.2963, 0.697)],
)  # fmt: skip
def test_break_even_of_the_papers_detectors(precision, recall, expected):
    """The sheet's own calculation from MMME's Table 9 and 73.19 %."""
    n = 10_000_000
    tp = round(recall * n)
    before = Counts(tp, round(tp / precision) - tp, n - tp)
    assert break_even_keep_rate(before, 464 / 634) == pytest.approx(expected, abs=5e-4)


def test_f1_stays_at_the_break_even():
    before = Counts(tp=300, fp=1000, fn=100)
    q = break_even_keep_rate(before, 0.75)
    after = Counts(tp=225, fp=round(1000 * q), fn=175)
    assert after.f1 == pytest.approx(before.f1, abs=1e-3)
    assert math.isnan(break_even_keep_rate(Counts(5, 0, 5), 0.7))


def test_random_deletion_is_hypergeometric():
    rng = np.random.default_rng(0)
    reference = np.where(np.arange(300) < 60, np.arange(300), -1)
    seen = Candidates(["a"] * 300, reference=reference, code=(rng.random(300) < 0.4).astype(int))
    kept = int(seen.code.sum())
    found = random_deletion(seen, 80, n=4000, seed=1)
    law = hypergeom(300, 60, kept)
    assert found.tp == pytest.approx(law.mean(), abs=4 * law.std() / math.sqrt(4000))
    assert found.f1 == pytest.approx(2 * law.mean() / (kept + 80), rel=0.01)
    assert found.f1_low == pytest.approx(2 * law.ppf(0.025) / (kept + 80), abs=0.01)
    assert found.lr == pytest.approx(1.0, abs=0.05)


def test_random_deletion_leaves_the_undecidable_alone():
    seen = Candidates(["a"] * 4, reference=[0, -1, -1, -1], code=[-1, 0, 0, 1])
    assert random_deletion(seen, 1, n=50, seed=0).tp == 1.0


def test_replicates_compare_with_the_real_filter():
    seen = Candidates(["a"] * 4, reference=[0, 1, -1, -1], code=[1, 1, 0, 0])
    found = replicates(seen, [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], 2)
    assert (found.n, found.tp, found.fp, found.recall) == (3, 1.0, 1.0, 0.5)
    assert found.f1_p == 2 / 4
    assert (found.lr_p, found.lr_high) == (2 / 4, math.inf)


def test_the_likelihood_ratio_stays_defined_where_no_false_positive_passes():
    seen = Candidates(["a", "a", "b", "b"], reference=[0, -1, 1, -1], code=[1, 0, 1, 0])
    found = likelihood_ratio(seen, n_resamples=100, seed=0)
    assert (found.value, found.low, found.high) == (math.inf, math.inf, math.inf)
    nothing = Candidates(["a", "b"], reference=[0, -1], code=[0, 0])
    assert math.isnan(likelihood_ratio(nothing, n_resamples=100, seed=0).value)


# --- choosing eta -------------------------------------------------------------------------------------------


def test_eta_is_chosen_without_the_subject():
    """The second setting removes what is false of "a" and "b" and what is true of "c": only "c" is fooled."""
    subject = np.repeat(["a", "b", "c"], 4)
    reference = np.array([0, -1, -1, -1, 1, -1, -1, -1, 2, 3, 4, 5])
    strict = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    seen = Candidates(subject, reference=reference, code=np.ones(12, int))
    wanted = Instants(["a", "b", "c", "c", "c", "c"], [1] * 6)
    options = [FilterSettings(eta=0.0), FilterSettings(eta=1.0)]
    found = choose_eta(seen, wanted, options, [np.ones(12, int), strict])
    assert found.settings == {"a": options[0], "b": options[0], "c": options[1]}
    assert found.code.tolist() == [1] * 8 + [0] * 4
    assert found.after == Counts(tp=2, fp=6, fn=4)


@given(st.integers(0, 1000))
def test_the_labels_of_a_subject_never_move_its_own_choice(seed):
    rng = np.random.default_rng(seed)
    subject = np.repeat(["a", "b", "c"], 20)
    reference = np.where(rng.random(60) < 0.4, np.arange(60), -1)
    codes = rng.integers(0, 2, (3, 60))
    options = [FilterSettings(eta=e) for e in (0.0, 1.0, 1.5)]
    wanted = Instants(subject, np.ones(60, int))
    one = choose_eta(Candidates(subject, reference=reference, code=codes[0]), wanted, options, codes)
    own = subject == "b"
    other = np.where(own, np.where(rng.random(60) < 0.5, np.arange(60), -1), reference)
    two = choose_eta(Candidates(subject, reference=other, code=codes[0]), wanted, options, codes)
    assert one.settings["b"] == two.settings["b"]
    assert (one.code[own] == two.code[own]).all()


def test_ties_go_to_the_mildest_and_bad_choices_are_refused():
    seen = Candidates(["a", "b"], reference=[0, 1], code=[1, 1])
    wanted = Instants(["a", "b"], [1, 1])
    options = [FilterSettings(eta=0.0), FilterSettings(eta=1.0)]
    assert set(choose_eta(seen, wanted, options, np.ones((2, 2), int)).settings.values()) == {options[0]}
    with pytest.raises(DataError, match="a row of verdicts for each of one or more settings, got 0 settings"):
        choose_eta(seen, wanted, [], np.ones((2, 2), int))
    alone = Candidates(["a"], reference=[0], code=[1])
    with pytest.raises(DataError, match="two subjects or more, got 1"):
        choose_eta(alone, Instants(["a"], [1]), options, np.ones((2, 1), int))


# --- laws ---------------------------------------------------------------------------------------------------


@st.composite
def studies(draw):
    n, m = draw(st.integers(0, 25)), draw(st.integers(0, 6))
    owners = [draw(st.sampled_from("abc")) for _ in range(m)]
    reference = [draw(st.integers(-1, m - 1)) for _ in range(n)]
    subject = [draw(st.sampled_from("abc")) if row < 0 else owners[row] for row in reference]
    code = [draw(st.sampled_from([-1, 0, 1])) for _ in range(n)]
    score = [draw(st.sampled_from([0.1, 0.2, 0.5, 0.9])) for _ in range(n)]
    return Candidates(subject, reference=reference, code=code, score=score), Instants(owners, [1] * m)


@given(studies())
def test_recall_only_falls_or_stays_and_everything_is_json(study):
    seen, wanted = study
    shifted = np.array([np.roll(seen.code, k) for k in range(1, 4)])
    found = report_filter(
        seen, wanted, SETTINGS, shifted=shifted, random=wanted, n_resamples=20, n_deletions=20, seed=0
    )
    assert found.after.tp <= found.before.tp
    assert not found.after.recall > found.before.recall
    assert found.after.n_reference == found.before.n_reference == len(wanted.code)
    assert found.after.n_estimate == (seen.code != 0).sum()
    assert found.score.n_kept >= found.after.n_estimate
    json.dumps(found.as_json())


@given(st.integers(0, 300))
def test_true_positives_are_those_of_one_to_one_matching(seed):
    """Separated references, candidates around them: matching what is kept again gives the same counts."""
    rng = np.random.default_rng(seed)
    references = np.arange(5)[:, None] * 10.0 + [0.0, 1.0]
    begin = rng.choice(references[:, 0], 12) + rng.uniform(-0.6, 0.6, 12)
    candidates = np.stack([begin, begin + 1.0], axis=1)
    owner = np.round(begin / 10).astype(int)
    overlap = np.maximum(0, 1 - np.abs(begin - references[owner, 0]))
    reference = np.where(overlap / (2 - overlap) >= 0.5, owner, -1)
    seen = Candidates(["a"] * 12, reference=reference, code=rng.integers(0, 2, 12))
    kept = seen.code != 0
    again = one_to_one(references, candidates[kept])
    assert counts_of_kept(seen, kept, 5) == Counts(again.tp, again.fp, again.fn)


def test_the_same_seed_gives_the_same_report():
    assert json.dumps(report().as_json()) == json.dumps(report().as_json())


# --- empty and malformed ------------------------------------------------------------------------------------


def test_no_candidates_and_a_subject_without_any():
    none = Candidates([], reference=[], code=[])
    found = report(none, WANTED, shifted=np.empty((3, 0)))
    assert found.before == found.after == Counts(0, 0, 4)
    assert math.isnan(found.likelihood_ratio.value)
    assert found.likelihood_ratio.reason == "nothing decidable"
    assert found.score is None
    assert found.shifted.tp == 0
    assert (found.f1_change.value, found.f1_change.n_subjects) == (0.0, 2)
    nothing = report(none, Instants([], []))
    assert math.isnan(nothing.before.recall)
    assert math.isnan(nothing.f1_change.value)
    # "c" has expressions and no candidate: it counts in the recall and in the interval of F1
    more = report(SEEN, Instants(["a", "a", "a", "b", "c"], [1, 0, 1, 1, 1]))
    assert more.before.fn == 2
    assert (more.f1_change.n_subjects, more.likelihood_ratio.n_subjects) == (3, 2)


def test_one_subject_has_no_interval():
    alone = Candidates(["a"] * 3, reference=[0, -1, -1], code=[1, 1, 0])
    found = report(alone, Instants(["a"], [1])).likelihood_ratio
    assert found.value == 2.0
    assert math.isnan(found.low)
    assert "one subject" in found.reason


@pytest.mark.parametrize(
    ("knobs", "match"),
    [
        ({"score": [0.5, math.nan]}, "candidate 1: wanted a score, got NaN"),
        ({"score": [0.5]}, r"scores: wanted one for each of 2 candidates, got shape \(1,\)"),
        ({"reference": [0]}, r"references hit: wanted one for each of 2 candidates, got shape \(1,\)"),
        ({"code": [1, 2]}, "verdicts: wanted 1, 0 or -1, got 2"),
        ({"code": [1]}, "verdicts: wanted one for each subject named"),
    ],
)
def test_malformed_candidates(knobs, match):
    with pytest.raises(DataError, match=match):
        Candidates(["a", "a"], **{"reference": [0, -1], "code": [1, 1], **knobs})


@pytest.mark.parametrize("reference", [[0, 9], [0, -2], [3, -1]])
def test_a_reference_must_exist_and_be_the_subjects_own(reference):
    seen = Candidates(["a", "a"], reference=reference, code=[1, 1])
    with pytest.raises(DataError, match="wanted a reference of its subject among rows 0 to 3, or -1"):
        report(seen, WANTED)


def test_controls_must_fit():
    with pytest.raises(DataError, match=r"control verdicts: wanted shape \(n, 10\)"):
        report(shifted=np.ones((5, 9)))
    with pytest.raises(OptionError, match="random deletion: wanted 1 or more replicates"):
        random_deletion(SEEN, 4, n=0, seed=0)
