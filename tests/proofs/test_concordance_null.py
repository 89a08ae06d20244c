"""Concordance says nothing where there is nothing and finds what was put in: many simulated studies."""

from __future__ import annotations

import importlib.util
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from mien.concordance import Concordance, Settings, analyse
from mien.simulate import Effects

NULL_STUDIES = 100
COUPLED_STUDIES = 25
# What the simulator does at an apex: the heart quickens, and skin conductance rises 1 to 3 s later.
INJECTED = {
    "ecg_rate_mean_bpm": (1, (3.0, 5.0)),
    "ppg_rate_mean_bpm": (1, (3.0, 5.0)),
    "hrv_mean_nn_ms": (-1, (3.0, 5.0)),
    "hrv_min_nn_ms": (-1, (3.0, 5.0)),
    "eda_range_us": (1, (3.0, 5.0)),
    "eda_max_us": (1, (5.0, 10.0)),
    "eda_scr_n": (1, (5.0, 10.0)),
}


def _worlds():
    path = Path(__file__).parents[1] / "concordance" / "worlds.py"
    spec = importlib.util.spec_from_file_location("worlds", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worlds = _worlds()


def _study(seed: int, settings: Settings, **options) -> Concordance:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing may leak
        return analyse(worlds.small_study(seed, **options), settings)


@pytest.mark.slow
def test_null_world_has_no_discovery_after_correction() -> None:
    """8 people, 4 clips of 45 s: q < .05 in at most 10 of 100 studies, uncorrected p < .05 in about 5 %."""
    any_found: Counter[str] = Counter()
    below: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    counted = {"apex": [], "subject": []}
    for seed in range(NULL_STUDIES):
        found = _study(seed, Settings(positions=10, shifts=1000, seed=seed), effects=Effects.none())
        for name in ("q", "subject_q", "mixed_q"):
            any_found[name] += any(getattr(row, name) < 0.05 for row in found.rows)
        for name in ("p", "subject_p", "mixed_p", "p_wilcoxon", "null_p", "subject_null_p"):
            values = np.array([getattr(row, name) for row in found.rows])
            below[name] += int((values < 0.05).sum())
            tests[name] += int(np.isfinite(values).sum())
        any_found["contrast"] += any(row.q < 0.05 for row in found.contrast)
        for part in found.null:
            counted[part.level].append((part.observed, part.mean, part.p))
    for name, n in any_found.items():
        low, high = binomtest(n, NULL_STUDIES).proportion_ci(method="exact")
        print(f"null world: {name} < .05 anywhere in {n} of {NULL_STUDIES} studies [{low:.3f}, {high:.3f}]")
    for name, n in tests.items():
        print(f"null world: {name} < .05 in {100 * below[name] / n:.2f} % of {n} tests")
    for level, rows in counted.items():
        observed, mean, p = np.array(rows).T
        print(
            f"null world, {level}: {observed.mean():.2f} tests below .05 as coded, {mean.mean():.2f} with "
            f"moved apexes; the number's own p < .05 in {(p < 0.05).sum()} of {NULL_STUDIES} studies"
        )
    for name in ("q", "subject_q", "mixed_q", "contrast"):
        assert any_found[name] <= 10
    for name in ("p", "subject_p"):
        assert 0.035 <= below[name] / tests[name] <= 0.065
    for rows in counted.values():
        assert sum(p < 0.05 for _, _, p in rows) <= 10


@pytest.mark.slow
@pytest.mark.parametrize(("participants", "trials"), [(8, 4), (16, 6)])
def test_coupled_world_shows_what_was_put_in(participants: int, trials: int) -> None:
    """The sign of every injected effect is right; its power is said, and high in the larger study."""
    t: dict[tuple[str, float], list[tuple[float, float, float, float]]] = {}
    rates = []
    for seed in range(COUPLED_STUDIES):
        found = _study(
            seed,
            Settings(shifts=0, seed=seed),
            effects=Effects(),
            participants=participants,
            trials=trials,
        )
        for row in found.rows:
            if row.feature in INJECTED and row.window_s in INJECTED[row.feature][1]:
                t.setdefault((row.feature, row.window_s), []).append(
                    (row.subject_t, row.subject_p, row.subject_q, row.q)
                )
        rates.append((found.slope[0].apexes, found.slope[0].random, found.slope[0].low))
    for (feature, window), rows in t.items():
        sign, p, subject_q, q = np.array(rows).T
        right = (np.sign(sign) == INJECTED[feature][0]).sum()
        print(
            f"coupled world, {participants} x {trials}: {feature} {window:g} s: sign right in "
            f"{right} of {len(rows)}; power by participants p {np.mean(p < 0.05):.2f}, "
            f"q {np.mean(subject_q < 0.05):.2f}; by apexes q {np.mean(q < 0.05):.2f}"
        )
        assert right >= 0.9 * len(rows)
    apexes, random, low = np.array(rates).T
    print(
        f"coupled world, {participants} x {trials}: slope passes at {100 * apexes.mean():.1f} % of apexes, "
        f"{100 * random.mean():.1f} % of random instants; interval of the difference above 0 in "
        f"{(low > 0).sum()} of {len(low)}"
    )
    if participants == 16:
        heart = np.array(t[("ecg_rate_mean_bpm", 5.0)])
        assert np.mean(heart[:, 2] < 0.05) >= 0.8
