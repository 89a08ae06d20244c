"""Figures and selection of clips: by their definitions, on known truth, permuted, at the edges."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mien.core.errors import DataError, OptionError
from mien.elicitation.ratings import Ratings, Said, gather
from mien.elicitation.selection import RatedClip, Rules, rate_clips, reliability, select_clips
from mien.simulate.coders import Rating
from mien.simulate.raters import simulate_ratings

FORMS = {"ICC(1,1)": "ICC(1,1)", "ICC(2,1)": "ICC(A,1)", "ICC(3,1)": "ICC(C,1)",
         "ICC(1,k)": "ICC(1,k)", "ICC(2,k)": "ICC(A,k)", "ICC(3,k)": "ICC(C,k)"}  # fmt: skip


def of(ratings: tuple[Rating, ...] | list[Rating]) -> Ratings:
    rows = [Said("", r.clip, r.rater, r.category, r.valence, r.arousal, r.target) for r in ratings]
    return gather("test", rows)


def random_ratings(seed: int, n: int = 25, k: int = 6) -> Ratings:
    rng = np.random.default_rng(seed)
    scores = np.clip(np.rint(5 + rng.normal(0, 2, (2, n, 1)) + rng.normal(0, 1.5, (2, n, k))), 1, 9)
    words = tuple(tuple(str(w) for w in rng.choice(["fear", "anger", "happiness"], k)) for _ in range(n))
    names = tuple(f"c{i}" for i in range(n)), tuple(f"r{j}" for j in range(k))
    return Ratings(*names, scores[0], scores[1], words, ("fear",) * n)


def clip(name: str, **more: Any) -> RatedClip:
    given = {
        "target": "fear", "n_raters": 10, "valence": 2.0, "valence_sd": 1.0, "arousal": 7.0,
        "arousal_sd": 1.0, "votes": {"fear": 8, "anger": 2}, "hit_rate": 0.8, "hit_low": 0.5,
        "hit_high": 0.9, "discreteness": 0.5, "valence_holds": True, "success": 1.0, "seconds": 30.0,
    }  # fmt: skip
    return RatedClip(name=name, **{**given, **more})


# --- reliability


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", ["valence", "arousal"])
def test_alpha_and_all_forms_equal_pingouin(seed: int, scale: Any) -> None:
    pingouin = pytest.importorskip("pingouin")
    ratings = random_ratings(seed)
    values = getattr(ratings, scale)
    found = reliability(ratings, scale)
    assert found.alpha is not None
    assert found.icc is not None
    table = pd.DataFrame(values).reset_index().melt("index")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        icc = pingouin.intraclass_corr(table, "index", "variable", "value").set_index("Type")
        alpha, bounds = pingouin.cronbach_alpha(pd.DataFrame(values))
    assert found.alpha.value == pytest.approx(alpha, abs=1e-9)
    assert (found.alpha.low, found.alpha.high) == pytest.approx(tuple(bounds), abs=6e-4)  # it rounds them
    for form, name in FORMS.items():
        assert found.icc[form].value == pytest.approx(icc.loc[name, "ICC"], abs=1e-9)
        bounds = icc.loc[name, next(c for c in icc.columns if c.startswith("CI95"))]
        assert (found.icc[form].low, found.icc[form].high) == pytest.approx(tuple(bounds), abs=6e-3)


def test_clips_that_a_rater_left_out_are_dropped_and_counted() -> None:
    ratings = random_ratings(1)
    ratings.valence[3, 2] = ratings.valence[7, 0] = np.nan
    found, other = reliability(ratings, "valence"), reliability(ratings, "arousal")
    assert (found.n_clips, found.n_dropped, other.n_clips, other.n_dropped) == (23, 2, 25, 0)
    complete = Ratings(
        ratings.stimuli[:23], ratings.raters, np.delete(ratings.valence, [3, 7], 0), ratings.arousal[:23],
        ratings.emotion[:23], ratings.target[:23],
    )  # fmt: skip
    assert found.alpha == reliability(complete, "valence").alpha


def test_two_raters_are_enough_and_one_is_not() -> None:
    two = reliability(random_ratings(2, k=2), "valence")
    assert two.icc is not None
    assert 0 < two.icc["ICC(3,1)"].value < 1
    one = reliability(random_ratings(2, k=1), "valence")
    assert one.alpha is one.icc is None
    assert one.reason == "25 clips were rated by all 1 raters: wanted two clips and two raters or more"
    nothing = random_ratings(2)
    nothing.valence[:, 0] = np.nan
    assert reliability(nothing, "valence").alpha is None


def test_equal_ratings_have_a_reason_and_no_number() -> None:
    ratings = random_ratings(2)
    ratings.valence[:] = 5
    found = reliability(ratings, "valence")
    assert found.alpha is not None
    assert found.icc is not None
    assert math.isnan(found.alpha.value)
    assert found.alpha.reason == "all ratings are equal"
    assert all(math.isnan(found.icc[form].value) and found.icc[form].reason for form in FORMS)


# --- figures of a clip, once more from their definitions


@pytest.mark.parametrize("seed", range(3))
def test_figures_by_plain_counting(seed: int) -> None:
    ratings = of(simulate_ratings(seed, n_clips=60, n_raters=7).ratings)
    found = rate_clips(ratings)
    words = sorted({word for row in ratings.emotion for word in row if word})
    hits, arousals, entropies = [], [], []
    for i, named in enumerate(ratings.emotion):
        hits.append(sum(word == ratings.target[i] for word in named) / len(named))
        arousals.append(sum(ratings.arousal[i]) / len(named))
        shares = [sum(word == one for word in named) / len(named) for one in words]
        entropies.append(-sum(p * math.log(p) for p in shares if p > 0) / math.log(len(words)))

    def z(values: list[float]) -> list[float]:
        mean = sum(values) / len(values)
        sd = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
        return [(v - mean) / sd for v in values]

    for one, hit, arousal, entropy, a, h in zip(
        found, hits, arousals, entropies, z(arousals), z(hits), strict=True
    ):
        assert one.hit_rate == pytest.approx(hit, abs=1e-12)
        assert one.arousal == pytest.approx(arousal, abs=1e-12)
        assert one.discreteness == pytest.approx(1 - entropy, abs=1e-12)
        assert one.success == pytest.approx(a + h, abs=1e-9)
        n, q = 7, 1.959963984540054
        middle = (hit + q * q / (2 * n)) / (1 + q * q / n)
        half = q * math.sqrt(hit * (1 - hit) / n + q * q / (4 * n * n)) / (1 + q * q / n)
        assert (one.hit_low, one.hit_high) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_a_clip_without_target_aims_at_what_most_name_and_at_nothing_in_a_tie() -> None:
    rows = [Said("", "clear", f"r{n}", word, 2, 8) for n, word in enumerate(("fear", "fear", "anger"))]
    rows += [Said("", "tie", f"r{n}", word, 2, 8) for n, word in enumerate(("fear", "anger"))]
    rows += [Said("", "nobody", "r0", None, 2, 8)]
    clear, tie, nobody = rate_clips(gather("test", rows))
    assert (clear.target, clear.hit_rate) == ("fear", pytest.approx(2 / 3))
    assert tie.target is nobody.target is None
    found = select_clips((clear, tie, nobody), Rules(per_emotion=1, fewer=True))
    assert found.names == ("clear",)
    assert found.left_out["tie"].startswith("no target")


@pytest.mark.parametrize(
    ("target", "valence", "holds"),
    [("happiness", 6, True), ("happiness", 5, False), ("fear", 4, True), ("fear", 5, False),
     ("contempt", 6, False), ("surprise", 9, None), ("surprise", 1, None), ("awe", 1, None)],
)  # fmt: skip
def test_the_side_of_valence(target: str, valence: int, holds: bool | None) -> None:
    (found,) = rate_clips(gather("test", [Said("", "c", "r", target, valence, 5, target)]))
    assert found.valence_holds is holds


# --- selection on known truth


def test_selection_finds_the_clips_that_were_made_good() -> None:
    """42 of 320, 20 raters, 12 seeds: at least 41 of the 42 each time, and 99.5 % of all."""
    found = []
    for seed in range(12):
        made = simulate_ratings(seed)
        chosen = select_clips(rate_clips(of(made.ratings)))
        assert len(chosen.names) == 42
        assert all(len(clips) == 6 for clips in chosen.selected.values())
        found.append(len(set(chosen.names) & made.good))
    assert min(found) >= 41
    assert sum(found) / (12 * 42) >= 0.995


def test_what_was_made_lesser_fails_at_what_it_was_made_lesser_in() -> None:
    made = simulate_ratings(1)
    chosen = select_clips(rate_clips(of(made.ratings)))
    reasons = {"mixed": "a hit rate below", "wrong-side": "a valence on the other side"}
    for kind, why in reasons.items():
        names = [name for name, how in made.made.items() if how == kind]
        share = sum(chosen.left_out[name].startswith(why) for name in names) / len(names)
        assert share > 0.9, (kind, share)


def test_raters_at_chance_select_nothing() -> None:
    """A hit rate of .5 by 20 raters among seven words comes by chance once in 6000 clips."""
    clips = [c for seed in range(10) for c in rate_clips(of(simulate_ratings(seed, at_chance=True).ratings))]
    passing = sum(c.hit_rate >= 0.5 for c in clips)
    assert passing <= binom.ppf(0.9999, len(clips), binom.sf(9, 20, 1 / 7))
    with pytest.raises(DataError, match="wanted 6 clips that fulfil the rules, got 0 of"):
        select_clips(rate_clips(of(simulate_ratings(0, at_chance=True).ratings)))


@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_of_rows_raters_and_clips_changes_nothing(random: Any, seed: int) -> None:
    made = simulate_ratings(seed, n_clips=49, n_raters=5, good=3)
    rules = Rules(per_emotion=3, fewer=True)
    plain = select_clips(rate_clips(of(made.ratings)), rules)
    rows = list(made.ratings)
    random.shuffle(rows)
    names = sorted({row.rater for row in rows})
    other = dict(zip(names, random.sample(names, len(names)), strict=True))
    shuffled = [replace(row, rater=other[row.rater]) for row in rows]
    again = select_clips(rate_clips(of(shuffled)), rules)
    assert plain.names == again.names
    assert dict(plain.left_out) == dict(again.left_out)
    assert dict(plain.lacking) == dict(again.lacking)


@given(st.permutations(["a", "b", "c", "d", "e", "f"]))
def test_ties_fall_the_same_way_in_any_order(order: list[str]) -> None:
    clips = {
        "a": clip("a", hit_rate=0.8), "b": clip("b", hit_rate=0.9), "c": clip("c", arousal=8.0),
        "d": clip("d", discreteness=0.6), "e": clip("e", seconds=20.0), "f": clip("f", success=1.0 + 1e-13),
    }  # fmt: skip
    found = select_clips([clips[name] for name in order], Rules(per_emotion=6))
    assert found.names == ("b", "c", "d", "e", "a", "f")


@pytest.mark.parametrize(
    ("score", "best"), [("success", "s"), ("hit-rate", "h"), ("arousal", "a"), ("discreteness", "d")]
)
def test_the_four_scores(score: Any, best: str) -> None:
    clips = [
        clip("s", success=3.0), clip("h", hit_rate=0.95), clip("a", arousal=8.5), clip("d", discreteness=0.9)
    ]  # fmt: skip
    assert select_clips(clips, Rules(per_emotion=1, score=score)).names == (best,)


def test_each_rule_refuses_and_says_why() -> None:
    clips = [
        clip("good"), clip("missed", hit_rate=0.49), clip("long", seconds=60.1),
        clip("unknown", seconds=None), clip("wrong", valence_holds=False, valence=7.0),
        clip("unnamed", hit_rate=math.nan),
        clip("unrated", success=math.nan, arousal=math.nan), clip("edge", hit_rate=0.5, seconds=60.0),
    ]  # fmt: skip
    found = select_clips(clips, Rules(per_emotion=3))
    assert set(found.names) == {"good", "unknown", "edge"}
    assert dict(found.left_out) == {
        "missed": "a hit rate below 0.50, 0.49", "long": "more than 60 s, 60.1 s",
        "wrong": "a valence on the other side, 7.00", "unnamed": "no emotion named by anybody",
        "unrated": "no success: too little was rated",
    }  # fmt: skip
    loose = Rules(per_emotion=7, least_hit_rate=0, longest_s=100, valence_must_hold=False, fewer=True)
    assert set(select_clips(clips, loose).names) == {"good", "unknown", "edge", "missed", "long", "wrong"}


def test_an_emotion_without_enough_clips_says_what_failed() -> None:
    clips = [clip("a"), clip("b", hit_rate=0.2), clip("c", hit_rate=0.1), clip("d", seconds=99.0)]
    clips += [clip("e", target="anger", hit_rate=0.0)]
    with pytest.raises(DataError) as caught:
        select_clips(clips, Rules(per_emotion=2))
    assert str(caught.value) == (
        "emotion anger: wanted 2 clips that fulfil the rules, got 0 of 1 (1 with a hit rate below 0.50), "
        "and as little for fear; rate more clips, loosen the rules, or allow fewer."
    )
    found = select_clips(clips, Rules(per_emotion=2, fewer=True))
    assert found.names == ("a",)
    assert found.lacking["fear"] == "1 of 4 (2 with a hit rate below 0.50; 1 with more than 60 s)"


def test_no_target_and_no_emotion_is_no_empty_selection() -> None:
    clips = [clip("a", target=None, votes={}, hit_rate=math.nan)]
    with pytest.raises(DataError, match="wanted an emotion that each aims at"):
        select_clips(clips)
    assert select_clips(clips, Rules(fewer=True)).names == ()


@pytest.mark.parametrize(
    "wrong",
    [{"per_emotion": 0}, {"least_hit_rate": 1.1}, {"least_hit_rate": math.nan}, {"longest_s": 0},
     {"longest_s": math.nan}, {"score": "best"}],
)  # fmt: skip
def test_rules_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Rules(**wrong)


def test_the_path_is_named() -> None:
    with pytest.raises(DataError, match="wanted ratings, got none"):
        gather(Path("r.csv"), [])
