"""Agreement between coders: by hand, against plain loops on random small cases, laws, and bad input."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.coding.agreement import coder_agreement
from mien.coding.agreement_expressions import expression_rows
from mien.coding.agreement_intervals import NO_INTERVAL, NO_SPREAD, ONE_PARTICIPANT, Draws
from mien.coding.agreement_labels import BY_KIND
from mien.coding.agreement_result import AgreementSettings
from mien.coding.agreement_units import kappa_of
from mien.coding.coded_rows import CodedClip, CodedRow
from mien.core.errors import DataError, OptionError
from mien.core.expression import ActionUnit, Expression
from mien.core.records import to_json
from mien.stats import cohen_kappa, fleiss_kappa, subject_bootstrap
from mien.stats.krippendorff import krippendorff_alpha

QUICK = AgreementSettings(n_resamples=50)


def units(*numbers, side="both"):
    return tuple(ActionUnit(number, side) for number in numbers)


def row(clip, coder, onset, apex, offset, aus=(), emotion=None, kind=None, seen=True):
    at = Expression(onset, apex, offset)
    return CodedRow(clip, coder, at, kind, units(*aus), emotion, offset_observed=seen)


def clip(key, participant="sub-001", coders=("A", "B"), order=None):
    return CodedClip(key, participant, tuple(coders), float(key) if order is None else order)


# --- by hand


@pytest.fixture
def by_hand():
    """Two people, three clips; four matched pairs, one missed by B, two missed by A."""
    clips = [clip("1"), clip("2"), clip("3", "sub-002")]
    rows = [
        row("1", "A", 1.0, 1.2, 1.4, (4, 7), "anger", "micro"),
        row("1", "B", 1.1, 1.2, 1.5, (4,), "anger", "micro"),
        row("1", "A", 5.0, 5.5, 6.0, (12,), "happiness", "macro"),
        row("1", "B", 5.0, 5.6, 6.0, (6, 12), "happiness", "macro"),
        row("1", "A", 9.0, 9.1, 9.2, (1,), "fear", "micro"),  # B: nothing
        row("2", "B", 2.0, 2.1, 2.2, (4,), "anger", "micro"),  # A coded the clip and found nothing
        row("3", "A", 1.0, 1.2, 1.2, (1, 2), "surprise", "micro", seen=False),
        row("3", "B", 1.0, 1.2, 2.0, (1, 2), "fear", "macro"),
        row("3", "A", 4.0, 4.2, 4.4, (), None, None),
        row("3", "B", 4.0, 4.2, 4.4, (), "fear", None),
        row("3", "B", 8.0, 8.2, 8.4, (9,), "disgust", "macro"),
    ]
    return coder_agreement(rows, clips, QUICK)


def test_counts_by_hand(by_hand):
    found = by_hand.as_json()
    assert found["n_pairs"] == 4
    rates = {(one["coder"], one["kind"]): (one["n"], one["of"]) for one in found["missed"]}
    assert rates[("A", "all")] == (2, 6)
    assert rates[("B", "all")] == (1, 5)
    assert rates[("A", "micro")] == (1, 2)  # of B's two micro-expressions
    assert rates[("A", "macro")] == (1, 3)
    assert rates[("B", "micro")] == (1, 3)
    assert rates[("B", "macro")] == (0, 1)
    assert rates[("A", "not given")] == (0, 1)
    assert [(c["coder"], c["n_clips"], c["n_expressions"]) for c in found["coders"]] == [
        ("A", 3, 5),
        ("B", 3, 6),
    ]
    assert found["clips"] == {"n": 3, "n_shared": 3, "n_participants": 2}


def test_units_by_hand(by_hand):
    found = by_hand.as_json()
    # 2 (1 + 1 + 2) / (3 + 3 + 4); the pair without units has no weight and no r
    assert found["au_r_micro"] == pytest.approx(8 / 10)
    assert found["au_r_mean"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["au_r"]["n_both_empty"] == 1
    kappas = found["kappa"]["action_units"]
    # AU7: A named it once, B never, of four: observed 3/4, by chance 3/4
    assert kappas["AU7"]["value"] == 0
    assert kappas["AU7"]["low"] is None
    assert "never used it" in kappas["AU7"]["reason"]
    assert kappas["AU4"]["value"] == 1
    assert (kappas["AU6"]["n_first"], kappas["AU6"]["n_second"], kappas["AU6"]["n_both"]) == (0, 1, 0)
    assert kappas["AU9"]["value"] is None  # named in a missed expression only
    assert kappas["AU9"]["reason"] == "no coder used it in these expressions"
    # With missed ones: seven expressions; AU4 A: 1, B: 2, both: 1 -> observed 6/7, by chance (1*2 + 6*5) / 49
    beside = found["kappa"]["with_missed"]["action_units"]["AU4"]
    assert beside["value"] == pytest.approx((6 / 7 - 32 / 49) / (1 - 32 / 49))
    assert beside["n"] == 7


def test_labels_by_hand(by_hand):
    found = by_hand.as_json()["kappa"]
    # emotion: three pairs with two labels: anger, happiness, surprise against fear
    assert found["emotion"]["n"] == 3
    assert found["emotion"]["value"] == pytest.approx((2 / 3 - 2 / 9) / (1 - 2 / 9))
    # kind: micro micro, macro macro, micro macro
    assert found["kind"]["value"] == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))


def test_times_by_hand(by_hand):
    found = by_hand.as_json()
    onset, apex, offset = (found[f"{mark}_ms"] for mark in ("onset", "apex", "offset"))
    assert onset["n"] == 4
    assert onset["mean"] == pytest.approx(-25)  # -100, 0, 0, 0
    assert onset["mae"] == pytest.approx(25)
    assert onset["median_abs"] == pytest.approx(0)
    assert onset["sd"] == pytest.approx(50)
    assert onset["limits"] == pytest.approx([-25 - 98.0, -25 + 98.0], abs=0.01)
    assert apex["mean"] == pytest.approx(-25)  # 0, -100, 0, 0
    assert offset["n"] == 3  # A did not observe one of them
    assert offset["mean"] == pytest.approx(-100 / 3)


def test_rows_of_the_table_tell_everything(by_hand):
    told = expression_rows(by_hand.pooled)
    assert [one["status"] for one in told] == [
        "matched", "matched", "missed by B", "missed by A", "matched", "matched", "missed by A",
    ]  # fmt: skip
    first, lost, unseen = told[0], told[2], told[4]
    assert first["onset_ms"] == pytest.approx(-100)
    assert first["iou"] == pytest.approx(0.3 / 0.5)
    assert (first["action_units_1"], first["action_units_2"]) == ("AU4, AU7", "AU4")
    assert (lost["onset_s_1"], lost["onset_s_2"], lost["au_r"]) == (9.0, None, None)
    assert unseen["offset_s_1"] is None
    assert unseen["offset_s_2"] == 2.0


def test_an_offset_that_one_coder_did_not_see_does_not_make_an_expression_missed():
    """Onset to apex is a tenth of A's span: by whole spans the two would not match."""
    rows = [row("1", "A", 1.0, 1.1, 2.0), row("1", "B", 1.0, 1.1, 1.1, seen=False)]
    found = coder_agreement(rows, [clip("1")], QUICK).pooled
    assert found.n_pairs == 1
    assert found.matched[0].iou == 1
    assert found.times["offset"].n == 0


def test_a_clip_that_one_did_not_code_does_not_count():
    rows = [row("1", "A", 1, 1.1, 1.2), row("2", "A", 1, 1.1, 1.2), row("1", "B", 1, 1.1, 1.2)]
    found = coder_agreement(rows, [clip("1"), clip("2", coders=("A",))], QUICK).as_json()
    assert found["n_pairs"] == 1
    assert [one["n"] for one in found["missed"] if one["kind"] == "all"] == [0, 0]
    # Once B has coded it and found nothing, A's expression was missed.
    found = coder_agreement(rows, [clip("1"), clip("2")], QUICK).as_json()
    assert [one["n"] for one in found["missed"] if one["kind"] == "all"] == [0, 1]


def test_micro_matches_macro_and_kinds_can_be_chosen():
    rows = [
        row("1", "A", 1, 1.2, 1.4, kind="micro"),
        row("1", "B", 1, 1.2, 1.5, kind="macro"),
        row("1", "A", 3, 3.2, 3.9, kind="macro"),
        row("1", "B", 3, 3.2, 3.9, kind="macro"),
        row("1", "A", 6, 6.2, 6.9, kind="macro"),
        row("1", "B", 8, 8.2, 8.3, kind="micro"),
    ]
    found = {
        kind: coder_agreement(rows, [clip("1")], AgreementSettings(kind=kind, n_resamples=0))
        for kind in ("all", "micro", "macro")
    }
    assert {kind: one.pooled.n_pairs for kind, one in found.items()} == {"all": 2, "micro": 1, "macro": 2}
    assert {kind: len(one.pooled.missed_expressions) for kind, one in found.items()} == {
        "all": 2,
        "micro": 1,
        "macro": 1,
    }
    assert found["micro"].pooled.kind.reason == BY_KIND


# --- against plain loops


def plain_iou(a, b):
    """Exact: times of the oracle are multiples of a quarter second."""
    whole = a.offset_observed and b.offset_observed
    ends = [Fraction(one.times.offset_s if whole else one.times.apex_s) for one in (a, b)]
    starts = [Fraction(one.times.onset_s) for one in (a, b)]
    shared, union = min(ends) - max(starts), max(ends) - min(starts)
    if union == 0:
        return Fraction(1)
    return max(Fraction(0), shared) / union


def in_time(one):
    return one.times.onset_s, one.times.offset_s if one.offset_observed else one.times.apex_s


def plain_matching(ours, theirs, least):
    """Every one-to-one choice: most pairs, then most overlap, then the earliest."""
    ours, theirs = sorted(ours, key=in_time), sorted(theirs, key=in_time)
    best, chosen = None, []
    for size in range(min(len(ours), len(theirs)) + 1):
        for left in combinations(range(len(ours)), size):
            for right in permutations(range(len(theirs)), size):
                shares = [plain_iou(ours[i], theirs[j]) for i, j in zip(left, right, strict=True)]
                if any(share < least for share in shares):
                    continue
                partner = dict(zip(left, right, strict=True))
                early = tuple(len(theirs) - partner[i] if i in partner else 0 for i in range(len(ours)))
                worth = (size, sum(shares), early)
                if best is None or worth > best:
                    best, chosen = worth, [(ours[i], theirs[j]) for i, j in partner.items()]
    return chosen


def plain_kappa(pairs):
    n = len(pairs)
    words = {word for pair in pairs for word in pair}
    if len(words) < 2:
        return None
    observed = sum(a == b for a, b in pairs) / n
    by_chance = sum(
        sum(a == word for a, _ in pairs) / n * sum(b == word for _, b in pairs) / n for word in words
    )
    return (observed - by_chance) / (1 - by_chance)


def plain(rows, clips, least):
    """The numbers of two coders A and B, in loops."""
    matched, missed = [], []
    for one in clips:
        if set(one.coders) != {"A", "B"}:
            continue
        a, b = ([r for r in rows if r.clip == one.key and r.coder == coder] for coder in "AB")
        pairs = plain_matching(a, b, least)
        matched += pairs
        taken = [id(r) for pair in pairs for r in pair]
        missed += [r for r in (*a, *b) if id(r) not in taken]
    numbers = [({u.number for u in a.action_units}, {u.number for u in b.action_units}) for a, b in matched]
    named = [(a, b) for a, b in numbers if a or b]
    seen = list(numbers)
    for r in missed:
        said = {u.number for u in r.action_units}
        seen.append((said, set()) if r.coder == "A" else (set(), said))
    everything = sorted({n for a, b in seen for n in a | b})
    onsets = [1000 * (a.times.onset_s - b.times.onset_s) for a, b in matched]
    offsets = [
        1000 * (a.times.offset_s - b.times.offset_s)
        for a, b in matched
        if a.offset_observed and b.offset_observed
    ]
    words = [(a.emotion, b.emotion) for a, b in matched if a.emotion and b.emotion]
    by_pair = [2 * len(a & b) / (len(a) + len(b)) for a, b in named]
    weight = sum(len(a) + len(b) for a, b in named)
    return {
        "n_pairs": len(matched),
        "missed": (sum(r.coder == "B" for r in missed), sum(r.coder == "A" for r in missed)),
        "micro": sum(2 * len(a & b) for a, b in named) / weight if named else None,
        "mean": average(by_pair),
        "kappas": {n: plain_kappa([(n in a, n in b) for a, b in numbers]) for n in everything},
        "beside": {n: plain_kappa([(n in a, n in b) for a, b in seen]) for n in everything},
        "emotion": plain_kappa(words),
        "onset": (average(onsets), average([abs(at) for at in onsets])),
        "n_offsets": len(offsets),
        "offset": average(offsets),
    }


def average(values):
    return sum(values) / len(values) if values else None


@st.composite
def codings(draw):
    """Few rows on a coarse grid: equal times, duplicates, zero lengths and ties are common."""
    clips, rows = [], []
    for number in range(draw(st.integers(1, 3))):
        coders = ("A", "B") if number == 0 else draw(st.sampled_from([("A", "B"), ("A",), ("B",)]))
        clips.append(clip(str(number + 1), f"sub-00{number % 2 + 1}", coders))
        for coder in coders:
            for _ in range(draw(st.integers(0, 4))):
                onset = draw(st.integers(0, 8)) / 4
                apex = onset + draw(st.integers(0, 3)) / 4
                offset = apex + draw(st.integers(0, 3)) / 4
                rows.append(
                    row(
                        str(number + 1),
                        coder,
                        onset,
                        apex,
                        offset,
                        draw(st.sets(st.sampled_from((1, 4, 12)))),
                        draw(st.sampled_from([None, "fear", "anger"])),
                        draw(st.sampled_from([None, "micro", "macro"])),
                        seen=offset != apex,
                    )
                )
    return rows, clips


@settings(max_examples=300)
@given(codings(), st.sampled_from([0.1, 0.25, 0.3, 0.5, 1.0]))
def test_equals_plain_loops(coding, least):
    rows, clips = coding
    found = coder_agreement(rows, clips, AgreementSettings(min_iou=least, n_resamples=0)).as_json()
    expected = plain(rows, clips, Fraction(least).limit_denominator(100))
    assert found["n_pairs"] == expected["n_pairs"]
    missed = {one["coder"]: one["n"] for one in found["missed"] if one["kind"] == "all"}
    assert (missed["A"], missed["B"]) == expected["missed"]
    assert same(found["au_r_micro"], expected["micro"])
    assert same(found["au_r_mean"], expected["mean"])
    for view, name in ((found["kappa"], "kappas"), (found["kappa"]["with_missed"], "beside")):
        values = {int(unit[2:]): one["value"] for unit, one in view["action_units"].items()}
        assert values.keys() == expected[name].keys()
        assert all(same(values[unit], expected[name][unit]) for unit in values)
    assert same(found["kappa"]["emotion"]["value"], expected["emotion"])
    assert same(found["onset_ms"]["mean"], expected["onset"][0])
    assert same(found["onset_ms"]["mae"], expected["onset"][1])
    assert found["offset_ms"]["n"] == expected["n_offsets"]
    assert same(found["offset_ms"]["mean"], expected["offset"])


def same(value, expected):
    if value is None or expected is None:
        return value is expected
    return value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(codings())
def test_json_has_no_nan_and_every_gap_a_reason(coding):
    rows, clips = coding
    text = json.dumps(coder_agreement(rows, clips, QUICK).as_json(), allow_nan=False)

    def look(value):
        if isinstance(value, dict):
            main = next((key for key in ("value", "rate", "mean") if key in value and "n" in value), None)
            if main is not None and value[main] is None:
                assert value["reason"]
            if "low" in value and value["low"] is None:
                assert value["reason"]
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(json.loads(text))


@given(codings())
def test_exchanging_the_coders_changes_signs_only(coding):
    rows, clips = coding
    other = {"A": "B", "B": "A"}
    swapped = [
        CodedRow(r.clip, other[r.coder], r.times, r.kind, r.action_units, r.emotion, r.offset_observed)
        for r in rows
    ]
    turned = [CodedClip(c.key, c.participant, tuple(other[n] for n in c.coders), c.order) for c in clips]
    one = coder_agreement(rows, clips, AgreementSettings(n_resamples=0)).pooled
    two = coder_agreement(swapped, turned, AgreementSettings(n_resamples=0)).pooled
    assert one.n_pairs == two.n_pairs
    total = sum(pair.iou for pair in one.matched), sum(pair.iou for pair in two.matched)
    assert total[0] == pytest.approx(total[1])


# --- intervals


def world(seed=0, people=12, coders=("A", "B"), clips_each=4):
    """Random but related rows of several coders."""
    rng = np.random.default_rng(seed)
    clips, rows = [], []
    for person in range(people):
        for number in range(clips_each):
            key = str(len(clips) + 1)
            clips.append(clip(key, f"sub-{person + 1:03d}", coders))
            onset = float(rng.uniform(0, 5))
            true = set(rng.choice([1, 2, 4, 12], size=2, replace=False).tolist())
            for coder in coders:
                if rng.random() < 0.85:
                    at = onset + rng.normal(0, 0.02)
                    said = {u for u in true if rng.random() < 0.8} | ({9} if rng.random() < 0.1 else set())
                    word = str(rng.choice(["anger", "fear"], p=[0.8, 0.2] if number % 2 else [0.2, 0.8]))
                    rows.append(row(key, coder, at, at + 0.2, at + 0.5, said, word, "micro"))
    return rows, clips


def test_intervals_are_those_of_the_subject_bootstrap():
    rows, clips = world()
    found = coder_agreement(rows, clips, AgreementSettings(n_resamples=300, seed=7)).pooled
    people = list(dict.fromkeys(c.participant for c in clips))
    sums = np.zeros((len(people), 2))
    errors = np.zeros((len(people), 2))
    for pair in found.matched:
        a, b = pair.first.unit_numbers, pair.second.unit_numbers
        place = people.index(pair.clip.participant)
        sums[place] += 2 * len(a & b), len(a) + len(b)
        errors[place] += pair.onset_ms, 1
    for estimate, counts in ((found.units.micro, sums),):
        other = subject_bootstrap(counts, statistic=lambda p: p[:, 0] / p[:, 1], n_resamples=300, seed=7)
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
            (other.value, other.low, other.high)
        )
    onset = found.times["onset"]
    other = subject_bootstrap(errors, statistic=lambda p: p[:, 0] / p[:, 1], n_resamples=300, seed=7)
    assert (onset.mean, onset.low, onset.high) == pytest.approx((other.value, other.low, other.high))


def test_kappas_are_those_of_stats():
    rows, clips = world(people=30)
    found = coder_agreement(rows, clips, AgreementSettings(n_resamples=0))
    pairs = found.pooled.matched
    for name, one in found.pooled.units.kappas.units.items():
        number = int(name[2:])
        seen = [[number in getattr(p, side).unit_numbers for p in pairs] for side in ("first", "second")]
        assert one.kappa.value == pytest.approx(cohen_kappa(*seen).value)
        counts = [[2 - a - b, a + b] for a, b in zip(*seen, strict=True)]
        many = found.all_coders.units[name]
        assert many.fleiss.value == pytest.approx(fleiss_kappa(counts).value)
        assert many.krippendorff.value == pytest.approx(krippendorff_alpha(seen, measurement="nominal").value)


def test_three_coders():
    rows, clips = world(people=20, coders=("A", "B", "C"))
    found = coder_agreement(rows, clips, QUICK)
    assert [one.coders for one in found.pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert found.pooled.n_pairs == sum(one.n_pairs for one in found.pairs)
    by_clip = {}
    for one in rows:
        by_clip.setdefault(one.clip, []).append(one)
    seen_by_three = [group for group in by_clip.values() if len(group) == 3]
    assert found.all_coders.emotion.n_coders == 3
    assert found.all_coders.emotion.fleiss.n == len(seen_by_three)
    words = [[one.emotion for one in group] for group in by_clip.values() if len(group) > 1]
    cells = [[unit[k] if k < len(unit) else None for unit in words] for k in range(3)]
    expected = krippendorff_alpha(cells, measurement="nominal").value
    assert found.all_coders.emotion.krippendorff.value == pytest.approx(expected)
    assert found.all_coders.n_groups == len(words)


def test_a_chain_of_overlaps_is_not_one_expression_of_three_coders():
    """A meets B and B meets C, but A and C hardly overlap."""
    rows = [row("1", "A", 0, 0.5, 1.0), row("1", "B", 0.5, 0.9, 1.5), row("1", "C", 1.0, 1.2, 2.0)]
    found = coder_agreement(rows, [clip("1", coders=("A", "B", "C"))], QUICK)
    assert found.pooled.n_pairs == 2
    assert found.all_coders.n_groups == 1


def test_pooled_intervals_draw_participants_not_pairs_of_coders():
    """A third coder who copies the second adds pairs and no knowledge: the interval must not shrink."""
    rows, clips = world(people=20)
    copied = [
        CodedRow(r.clip, "C", r.times, r.kind, r.action_units, r.emotion) for r in rows if r.coder == "B"
    ]
    three = [CodedClip(c.key, c.participant, ("A", "B", "C"), c.order) for c in clips]
    settings = AgreementSettings(n_resamples=500)
    two, many = coder_agreement(rows, clips, settings), coder_agreement([*rows, *copied], three, settings)
    alone, with_copy = two.pooled.units.micro, many.pairs[1].units.micro
    assert (alone.value, alone.low, alone.high) == (with_copy.value, with_copy.low, with_copy.high)
    spread = two.pooled.times["onset"]
    wide = many.pooled.times["onset"]  # A - B, A - C equal, B - C zero: two thirds of the mean
    assert wide.mean == pytest.approx(2 * spread.mean * spread.n / wide.n)
    assert wide.high - wide.low == pytest.approx((spread.high - spread.low) * 2 * spread.n / wide.n, rel=0.25)


def test_kappa_of_tables_equals_cohens():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 3, 50).tolist(), rng.integers(0, 3, 50).tolist()
    table = np.zeros((3, 3))
    for i, j in zip(a, b, strict=True):
        table[i, j] += 1
    assert float(kappa_of(table)) == pytest.approx(cohen_kappa(a, b).value)


def test_one_participant_and_no_draws_and_no_spread_have_reasons():
    rows = [row("1", "A", 1, 1.1, 1.2, (4,)), row("1", "B", 1, 1.1, 1.3, (4,))]
    assert coder_agreement(rows, [clip("1")], QUICK).pooled.units.micro.reason == ONE_PARTICIPANT
    rows, clips = world()
    none = coder_agreement(rows, clips, AgreementSettings(n_resamples=0))
    assert none.pooled.units.micro.reason == NO_INTERVAL
    same = [r for r in rows if r.coder == "A"]
    same += [CodedRow(r.clip, "B", r.times, r.kind, r.action_units, r.emotion) for r in same]
    perfect = coder_agreement(same, clips, QUICK)
    assert perfect.pooled.units.micro.value == 1
    assert perfect.pooled.units.micro.reason == NO_SPREAD
    assert perfect.as_json()["onset_ms"]["reason"] == NO_SPREAD


def test_a_share_of_none_has_wilsons_interval():
    rows, clips = world()
    same = [r for r in rows if r.coder == "A"]
    same += [CodedRow(r.clip, "B", r.times, r.kind, r.action_units, r.emotion) for r in same]
    missed = coder_agreement(same, clips, QUICK).pooled.missed[0]
    assert (missed.rate.value, missed.interval) == (0, "wilson")
    assert missed.rate.high > 0.05


def test_equal_seeds_give_equal_results():
    rows, clips = world()
    one, two, other = (
        coder_agreement(rows, clips, AgreementSettings(n_resamples=200, seed=seed)).as_json()
        for seed in (1, 1, 2)
    )
    assert one == two
    assert one["au_r"] != other["au_r"]
    assert one["au_r_micro"] == other["au_r_micro"]


def test_draws_pool_by_participant():
    draws = Draws(["x", "y", "x"], n_resamples=10, level=0.95, seed=0)
    index = draws.index(["x", "y", "x"])
    assert draws.sums(index, np.array([1.0, 2.0, 4.0])).tolist() == [5.0, 2.0]


# --- drift


def drifting(slope_ms, people=15, clips_each=10, seed=0):
    """Coder B's onsets wander off by `slope_ms` per 100 clips, on a base of 50 ms."""
    rng = np.random.default_rng(seed)
    clips, rows = [], []
    for person in range(people):
        for _ in range(clips_each):
            place = len(clips)
            key = str(place + 1)
            clips.append(clip(key, f"sub-{person + 1:03d}"))
            late = (50 + slope_ms * place / 100 + rng.normal(0, 2)) / 1000
            rows += [row(key, "A", 1.0, 1.6, 2.0, (4,)), row(key, "B", 1.0 + late, 1.6, 2.0, (4,))]
    return rows, clips


@pytest.mark.parametrize("slope", [0.0, 20.0])
def test_drift_is_found_where_it_is(slope):
    found = coder_agreement(*drifting(slope), AgreementSettings(n_resamples=500)).pooled.drift
    over = found.slopes["onset_abs_ms"]
    assert over.value == pytest.approx(slope, abs=1.0)
    assert over.low <= slope <= over.high
    assert (over.low > 0) == (slope > 0)
    assert found.slopes_within["onset_abs_ms"].value == pytest.approx(slope, abs=8)
    assert [one.participant for one in found.participants][:2] == ["sub-001", "sub-002"]
    assert found.participants[0].n_pairs == 10


def test_drift_equals_least_squares_and_ranks_times():
    rows, clips = drifting(10.0)
    later = [CodedClip(c.key, c.participant, c.coders, 1.7e9 + 60 * c.order**1.5) for c in clips]
    one, two = (coder_agreement(rows, part, QUICK).pooled for part in (clips, later))
    x = np.arange(len(clips)) / 100
    y = [abs(pair.onset_ms) for pair in one.matched]
    expected = np.polyfit(x, y, 1)[0]
    assert one.drift.slopes["onset_abs_ms"].value == pytest.approx(expected)
    assert two.drift.slopes["onset_abs_ms"] == one.drift.slopes["onset_abs_ms"]


def test_differences_between_people_are_no_drift_within_them():
    rng = np.random.default_rng(2)
    clips, rows = [], []
    for person in range(20):
        for _ in range(6):
            key = str(len(clips) + 1)
            clips.append(clip(key, f"sub-{person + 1:03d}"))
            late = (5 * person + rng.normal(0, 1)) / 1000
            rows += [row(key, "A", 1.0, 1.6, 2.0), row(key, "B", 1.0 + late, 1.6, 2.0)]
    found = coder_agreement(rows, clips, AgreementSettings(n_resamples=500)).pooled.drift
    assert found.slopes["onset_abs_ms"].value > 50
    within = found.slopes_within["onset_abs_ms"]
    assert within.low < 0 < within.high


def test_drift_of_too_little_has_a_reason():
    rows = [row("1", "A", 1, 1.1, 1.2), row("1", "B", 1, 1.1, 1.2)]
    assert coder_agreement(rows, [clip("1")], QUICK).pooled.drift.slopes["au_r"].reason == (
        "fewer than three expressions"
    )
    many = [one for k in range(4) for one in (row("1", "A", k, k, k + 0.5), row("1", "B", k, k, k + 0.5))]
    slopes = coder_agreement(many, [clip("1")], QUICK).pooled.drift.slopes
    assert "one place" in slopes["onset_abs_ms"].reason


# --- unusual and bad input


def test_no_expression_at_all():
    found = coder_agreement([], [clip("1"), clip("2", "sub-002")], QUICK).as_json()
    assert found["n_pairs"] == 0
    assert found["au_r_micro"] is None
    assert found["au_r"]["micro"]["reason"] == "no matched expression"
    assert found["onset_ms"]["reason"] == "no matched expression"
    assert all(one["rate"] is None and one["reason"] for one in found["missed"])


def test_all_missed():
    rows = [
        row("1", "A", 1, 1.1, 1.2, (4,), "fear", "micro"),
        row("1", "B", 5, 5.1, 5.2, (4,), "fear", "macro"),
    ]
    found = coder_agreement(rows, [clip("1")], QUICK).as_json()
    assert found["n_pairs"] == 0
    assert [one["rate"] for one in found["missed"] if one["kind"] == "all"] == [1.0, 1.0]
    assert found["kappa"]["with_missed"]["emotion"]["value"] < 0


def test_unusable_rows_are_counted_and_compared_with_nothing():
    rows = [
        row("1", "A", 1, 1.1, 1.2),
        CodedRow("1", "B", None, unused="outside-recording"),
        CodedRow("1", "B", None, unused="order"),
        CodedRow("9", "B", None, unused="no-clip"),  # also of a clip that is not there
    ]
    found = coder_agreement(rows, [clip("1")], QUICK)
    assert found.coders[1].unused == {"no-clip": 1, "order": 1, "outside-recording": 1}
    assert found.coders[1].n_expressions == 0
    assert {one.coder: one.n for one in found.pooled.missed if one.kind == "all"} == {"A": 0, "B": 1}


def test_repeated_rows_are_counted_and_one_of_them_is_missed():
    twice = row("1", "A", 1, 1.1, 1.2)
    found = coder_agreement([twice, twice, row("1", "B", 1, 1.1, 1.2)], [clip("1")], QUICK)
    assert found.coders[0].n_repeated == 1
    assert (found.pooled.n_pairs, len(found.pooled.missed_expressions)) == (1, 1)


def test_instants_match_instants_only():
    rows = [row("1", "A", 1, None, None, seen=False), row("1", "B", 1, None, None, seen=False)]
    rows += [row("1", "A", 2, None, None, seen=False), row("1", "B", 2, 2.2, 2.4)]
    found = coder_agreement(rows, [clip("1")], QUICK).pooled
    assert found.n_pairs == 1
    assert found.times["apex"].reason == "no matched expression with an apex of both coders"


def test_sides_matter_only_beside():
    rows = [
        CodedRow("1", "A", Expression(1, 1.1, 1.2), action_units=units(12, side="left")),
        CodedRow("1", "B", Expression(1, 1.1, 1.2), action_units=units(12)),
    ]
    found = coder_agreement(rows, [clip("1")], QUICK).as_json()
    assert found["au_r_micro"] == 1
    assert found["au_r"]["micro_by_side"]["value"] == 0
    assert set(found["kappa"]["by_side"]["action_units"]) == {"LAU12", "AU12"}


def test_intensity_and_naming_a_unit_twice_play_no_part():
    a = (ActionUnit(4, "both", "B"), ActionUnit(4, "both", "C"))
    rows = [
        CodedRow("1", "A", Expression(1, 1.1, 1.2), action_units=a),
        CodedRow("1", "B", Expression(1, 1.1, 1.2), action_units=units(4)),
    ]
    assert coder_agreement(rows, [clip("1")], QUICK).pooled.units.micro.value == 1


def test_the_earlier_label_is_first_whatever_the_order_of_rows_and_clips():
    rows = [row("1", "zoe", 1.0, 1.1, 1.2), row("1", "ann", 1.05, 1.1, 1.2)]
    found = coder_agreement(rows, [clip("1", coders=("zoe", "ann"))], QUICK).pooled
    assert found.coders == ("ann", "zoe")
    assert found.times["onset"].mean == pytest.approx(50)


GOOD = Expression(1.0, 1.1, 1.2)
BAD_ROWS = {
    "no times and no reason": {"times": None},
    "times and a reason": {"times": GOOD, "unused": "order"},
    "an observed offset that is not there": {"times": Expression(1.0, 1.1, None)},
    "an unknown kind": {"times": GOOD, "kind": "mini"},
    "an empty kind": {"times": GOOD, "kind": ""},
}
BAD_CLIPS = {
    "a coder twice": {"coders": ("A", "A")},
    "an empty coder": {"coders": ("A", "")},
    "an empty key": {"key": ""},
    "an empty participant": {"participant": ""},
    "an order that is no number": {"order": math.nan},
    "an endless order": {"order": math.inf},
}
BAD_SETTINGS = {
    "no overlap": {"min_iou": 0},
    "negative overlap": {"min_iou": -0.1},
    "overlap above 1": {"min_iou": 1.1},
    "overlap that is no number": {"min_iou": math.nan},
    "unknown kind": {"kind": "mini"},
    "empty kind": {"kind": ""},
    "negative draws": {"n_resamples": -1},
    "level 0": {"level": 0},
    "level 1": {"level": 1},
    "level above 1": {"level": 95},
    "level that is no number": {"level": math.nan},
}
A, B, AB = ("A",), ("B",), ("A", "B")
BAD_CODINGS = {
    "nothing": ([], [], "no coder"),
    "one coder": ([row("1", "A", 1, 1, 1)], [clip("1", coders=A)], "1 clips by A"),
    "no coder of a clip": ([], [clip("1", coders=())], "no coder"),
    "two coders, never the same clip": ([], [clip("1", coders=A), clip("2", coders=B)], "each clip by one"),
    "a clip twice": ([], [clip("1"), clip("1")], "1 twice"),
    "a row of an unknown clip": ([row("7", "A", 1, 1, 1)], [clip("1")], "one of the clips"),
    "a row of an unknown coder": ([row("1", "C", 1, 1, 1)], [clip("1")], "a coder who coded it: A, B"),
    "a row of a clip that its coder did not code": (
        [row("1", "B", 1, 1, 1)],
        [clip("1", coders=A), clip("2", coders=AB)],
        "clip 1: wanted a coder who coded it",
    ),
    "a row of a clip that nobody coded": ([row("1", "A", 1, 1, 1)], [clip("1", coders=())], "nobody did"),
    "a coder's name in other letters": ([row("1", "a", 1, 1, 1)], [clip("1")], "got a;"),
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_bad_rows_are_refused(what):
    with pytest.raises(DataError, match="row of A in clip 1"):
        CodedRow("1", "A", **BAD_ROWS[what])


@pytest.mark.parametrize("what", BAD_CLIPS)
def test_bad_clips_are_refused(what):
    fields = {"key": "1", "participant": "sub-001", "coders": AB, "order": 1.0, **BAD_CLIPS[what]}
    with pytest.raises(DataError, match="clip"):
        CodedClip(**fields)


@pytest.mark.parametrize("what", BAD_SETTINGS)
def test_bad_settings_are_refused(what):
    with pytest.raises(OptionError):
        AgreementSettings(**BAD_SETTINGS[what])


@pytest.mark.parametrize("what", BAD_CODINGS)
def test_bad_codings_are_refused(what):
    rows, clips, match = BAD_CODINGS[what]
    with pytest.raises(DataError, match=match):
        coder_agreement(rows, clips, QUICK)


@pytest.mark.parametrize(
    "times", [(2.0, 1.0, 3.0), (math.nan, 1.0, 2.0), (1.0, 2.0, math.inf), (1.0, None, 0.5)]
)
def test_times_out_of_order_are_refused(times):
    with pytest.raises(DataError, match="onset <= apex <= offset"):
        row("1", "A", *times)


def test_coders_without_a_common_clip_are_named_beside_those_who_have_one():
    clips = [clip("1", coders=AB), clip("2", coders=("B", "C"))]
    found = coder_agreement([], clips, QUICK)
    assert [one.coders for one in found.pairs] == [("A", "B"), ("B", "C")]
    assert found.as_json()["pairs_without_common_clip"] == [["A", "C"]]


def test_top_level_of_the_json():
    rows, clips = world()
    found = coder_agreement(rows, clips, QUICK).as_json()
    wanted = "n_pairs au_r_micro au_r_mean kappa onset_ms apex_ms offset_ms pairs missed drift coders clips"
    wanted = {*wanted.split(), "settings"}
    assert wanted <= set(found)
    assert {"mean", "sd", "mae", "median_abs", "p95_abs", "limits", "low", "high", "n"} <= set(
        found["onset_ms"]
    )
    assert {"action_units", "emotion", "kind", "action_units_pooled"} <= set(found["kappa"])
    assert found["pairs"][0]["n_pairs"] == found["n_pairs"]
    assert to_json(found) == found
