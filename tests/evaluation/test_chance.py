"""Better than chance, by labels exchanged within subjects."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mien.evaluation.chance import chance_test
from mien.metrics import recognition

CLASSES = ("a", "b", "c")


def samples(reference, estimate, subject):
    return {"reference": list(reference), "estimate": list(estimate), "subject_id": list(subject)}


def test_equals_all_permutations_of_a_small_case():
    """Two subjects with 4 and 3 samples: 4! x 3! orders, counted one by one."""
    reference, estimate = "aabc" + "abc", "aabb" + "acc"
    values = []
    for first in itertools.permutations(range(4)):
        for second in itertools.permutations(range(4, 7)):
            order = [*first, *second]
            counts = recognition.confusion_counts(
                [reference[i] for i in order], list(estimate), classes=CLASSES
            )
            values.append((float(recognition.uf1(counts)), float(recognition.uar(counts))))
    values = np.array(values)
    expected = (values >= values[0] - 1e-12).mean(axis=0)
    found = chance_test(samples(reference, estimate, "xxxxyyy"), classes=CLASSES, n_permutations=40000)
    assert found["uf1"] == pytest.approx(expected[0], abs=0.01)
    assert found["uar"] == pytest.approx(expected[1], abs=0.01)


def test_answers_by_person_are_no_evidence():
    """Who knows only whom he sees, and each person shows one class mostly, knows nothing of expressions."""
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(12), 10)
    leaning = np.array(CLASSES)[subject % 3]
    reference = np.where(rng.random(120) < 0.8, leaning, rng.choice(CLASSES, 120))
    found = chance_test(samples(reference, leaning, subject), classes=CLASSES)
    assert found["uar"] == 1.0  # every exchange within a person leaves the hits as they are


def test_a_method_that_knows_is_found_and_one_that_guesses_is_not():
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(20), 6)
    reference = rng.choice(CLASSES, 120)
    knows = np.where(rng.random(120) < 0.4, reference, rng.choice(CLASSES, 120))
    assert chance_test(samples(reference, knows, subject), classes=CLASSES)["uf1"] < 0.001
    values = [
        chance_test(
            samples(reference, rng.choice(CLASSES, 120), subject), classes=CLASSES, n_permutations=200
        )
        for _ in range(200)
    ]
    # Under the null, p-values are uniform: 5 % lie below .05, give or take three standard errors.
    assert np.mean([value["uf1"] < 0.05 for value in values]) < 0.1
    assert 0.4 < np.mean([value["uf1"] for value in values]) < 0.62


def test_nothing_to_exchange():
    found = chance_test(samples("abc", "abc", "xyz"), classes=CLASSES)
    assert np.isnan(found["uf1"])
    assert np.isnan(found["uar"])


def test_whole_trials_equal_all_their_exchanges_counted_one_by_one():
    """One subject with trials of 2, 1 and 3 expressions, another with 2 and 1: 3! x 2! exchanges."""
    trials = ["p", "p", "q", "r", "r", "r", "s", "s", "t"]
    reference, estimate = "aabcccbba", "abbccabba"
    mine = {name: [row for row, one in enumerate(trials) if one == name] for name in "pqrst"}
    values = []
    for first in itertools.permutations("pqr"):
        for second in itertools.permutations("st"):
            answers = list(estimate)
            for target, source in zip("pqrst", (*first, *second), strict=True):
                for place, row in enumerate(mine[target]):
                    answers[row] = estimate[mine[source][place % len(mine[source])]]
            counts = recognition.confusion_counts(list(reference), answers, classes=CLASSES)
            values.append((float(recognition.uf1(counts)), float(recognition.uar(counts))))
    values = np.array(values)
    expected = (values >= values[0] - 1e-12).mean(axis=0)
    found = chance_test(
        samples(reference, estimate, "xxxxxxyyy"), classes=CLASSES, trials=trials, n_permutations=40000
    )
    assert 0 < expected[0] < 1
    assert found["uf1"] == pytest.approx(expected[0], abs=0.01)
    assert found["uar"] == pytest.approx(expected[1], abs=0.01)


def test_one_answer_to_everything_is_no_evidence_whatever_the_trials_hold():
    rng = np.random.default_rng(3)
    trials = np.repeat(np.arange(40), rng.integers(1, 4, 40))
    reference = np.array(CLASSES)[rng.integers(0, 3, 40)][trials]
    given = samples(reference, ["a"] * len(trials), trials // 5)
    assert chance_test(given, classes=CLASSES, trials=[f"t{one}" for one in trials])["uf1"] == 1.0


def test_trials_that_are_answered_as_one_are_noise_only_if_exchanged_as_one():
    """Answers that know nothing, the same to all three expressions of a trial, which show one emotion."""
    rng = np.random.default_rng(4)
    trials, subject = np.repeat(np.arange(60), 3), np.repeat(np.arange(10), 18)
    below = {"single": 0, "whole": 0}
    for _ in range(200):
        reference, estimate = (np.array(CLASSES)[rng.integers(0, 3, 60)][trials] for _ in range(2))
        given = samples(reference, estimate, subject)
        for way, names in (("single", None), ("whole", [f"t{one:02d}" for one in trials])):
            p = chance_test(given, classes=CLASSES, trials=names, n_permutations=200)["uf1"]
            below[way] += p < 0.05
    assert below["single"] > 30
    assert below["whole"] < 20


def test_trials_of_a_subject_that_hold_the_same_leave_nothing_to_exchange():
    given = samples("abab", "abab", "xxyy")
    assert np.isnan(chance_test(given, classes=CLASSES, trials=["p", "p", "q", "q"])["uf1"])


def test_longer_trials_of_people_who_show_one_class_are_no_evidence():
    """Each person shows one class, in a trial of three that is answered rightly and one that is not."""
    reference = [one for person in range(10) for one in CLASSES[person % 3] * 4]
    answers = [one for person in range(10) for one in [CLASSES[person % 3]] * 3 + [CLASSES[person % 3 - 1]]]
    subject, trials = np.repeat(np.arange(10), 4), [f"{k // 4}-{k % 4 == 3}" for k in range(40)]
    alone = samples(reference, answers, subject)
    assert np.isnan(chance_test(alone, classes=CLASSES, trials=trials)["uf1"])
    # Beside somebody who shows two classes, only that person's answers are exchanged: two ways, one as good.
    given = samples([*reference, "a", "b"], [*answers, "a", "b"], [*subject, 99, 99])
    found = chance_test(given, classes=CLASSES, trials=[*trials, "x", "y"])
    assert found["uf1"] == pytest.approx(0.5, abs=0.03)
