"""Spotting scores by hand, by law, and on published predictions."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mien.core import DataError, OptionError
from mien.metrics import spotting
from mien.metrics.matching import label_hit, one_to_one

COLUMNS = ["recording_id", "kind", "onset", "offset", "apex"]


def table(*rows):
    return pd.DataFrame([[*row, math.nan][:5] for row in rows], columns=COLUMNS)


REFERENCE = table(("a", "micro", 10, 19, 14), ("a", "macro", 50, 99, 70), ("b", "micro", 5, 14, 9))
ESTIMATE = table(
    ("a", "micro", 12, 19, 16), ("a", "micro", 11, 20, 15), ("c", "micro", 1, 9, 3), ("a", "macro", 60, 99)
)


def test_hand_calculation():
    found = spotting.evaluate(REFERENCE, ESTIMATE, unit="frame", total_duration_s=120)
    assert (found.micro.tp, found.micro.fp, found.micro.fn) == (1, 2, 1)
    assert (found.macro.tp, found.macro.fp, found.macro.fn) == (1, 0, 0)
    assert found.micro.f1 == pytest.approx(2 / 5)
    assert found.overall.precision == pytest.approx(2 / 4)
    assert found.overall.recall == pytest.approx(2 / 3)
    assert found.fp_per_minute == 1.0
    assert found.n_recordings == 3
    # the pair with the larger overlap: frames 11..20 against 10..19 share 9 of 11
    assert (found.apex_error.n, found.apex_error.mean_absolute, found.apex_error.unit) == (1, 1.0, "frame")


def test_kinds_do_not_match_each_other():
    found = spotting.evaluate(table(("a", "micro", 0, 9)), table(("a", "macro", 0, 9)), unit="frame")
    assert (found.overall.tp, found.overall.fp, found.overall.fn) == (0, 1, 1)


def test_apex_error_in_milliseconds():
    found = spotting.evaluate(
        table(("a", "micro", 1.0, 1.4, 1.2)), table(("a", "micro", 1.0, 1.4, 1.25)), unit="s"
    )
    assert found.apex_error.mean_absolute == pytest.approx(50.0)
    assert found.apex_error.unit == "ms"


def test_pooled_over_recordings_is_one_long_recording():
    far = REFERENCE.assign(recording_id="x", onset=lambda t: t.onset + 1000 * (t.recording_id == "b"))
    far["offset"] = REFERENCE.offset + 1000 * (REFERENCE.recording_id == "b")
    near = ESTIMATE.assign(recording_id="x", onset=lambda t: t.onset + 3000 * (t.recording_id == "c"))
    near["offset"] = ESTIMATE.offset + 3000 * (ESTIMATE.recording_id == "c")
    apart, together = (spotting.evaluate(r, e, unit="frame") for r, e in ((REFERENCE, ESTIMATE), (far, near)))
    assert (apart.micro, apart.macro) == (together.micro, together.macro)


def test_per_subject_counts_add_up():
    found = spotting.evaluate(
        REFERENCE.assign(subject_id=["1", "1", "2"]),
        ESTIMATE.assign(subject_id=["1", "1", "3", "1"]),
        unit="frame",
    )
    assert set(found.by_subject) == {"1", "2", "3"}
    assert sum(found.by_subject.values(), spotting.Counts()) == found.overall


def test_perfect():
    found = spotting.evaluate(REFERENCE, REFERENCE, unit="frame")
    assert (found.micro.f1, found.macro.f1, found.apex_error.mean_absolute) == (1.0, 1.0, 0.0)


def test_empty_sides():
    nothing = REFERENCE.iloc[:0]
    assert spotting.evaluate(REFERENCE, nothing, unit="frame").overall == spotting.Counts(0, 0, 3)
    assert spotting.evaluate(nothing, ESTIMATE, unit="frame").overall == spotting.Counts(0, 4, 0)
    both = spotting.evaluate(nothing, nothing, unit="frame")
    assert math.isnan(both.overall.f1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="kind"), "no kind"),
        (lambda t: t.assign(onset=[1.0, math.nan, 2.0]), "row 2: wanted a value in 'onset'"),
        (lambda t: t.assign(kind=["micro", "tiny", "micro"]), "wanted kind micro or macro, got tiny"),
        (
            lambda t: t.assign(offset=[1, 1, 1]),
            "row 1: wanted an offset at or after the onset, got 1 and 2 more",
        ),
        (lambda t: t.assign(onset=["x", "y", "z"]), "wanted numbers in 'onset'"),
    ],
)
def test_malformed(change, message):
    with pytest.raises(DataError, match=message):
        spotting.evaluate(change(REFERENCE), ESTIMATE, unit="frame")


def test_impossible_options():
    with pytest.raises(OptionError, match="s or frame"):
        spotting.evaluate(REFERENCE, ESTIMATE, unit="ms")
    with pytest.raises(OptionError, match="seconds above 0"):
        spotting.evaluate(REFERENCE, ESTIMATE, unit="s", total_duration_s=0)
    with pytest.raises(OptionError, match="frames per second above 0"):
        spotting.evaluate(REFERENCE, ESTIMATE, unit="frame", rate_hz=-1)


def test_one_estimate_on_two_labels_counts_as_megc2020_does():
    reference = table(("a", "micro", 0, 4), ("a", "micro", 5, 9), ("b", "micro", 0, 9))
    estimate = table(("a", "micro", 0, 9), ("b", "micro", 50, 60))
    counts = spotting.evaluate(reference, estimate, unit="frame", matching=label_hit).micro
    assert (counts.tp, counts.n_estimate, counts.n_reference) == (2, 2, 3)
    assert counts.f1 == pytest.approx(2 * 2 / (2 + 3))


def test_apex_error_of_frames_in_milliseconds():
    found = spotting.evaluate(REFERENCE, ESTIMATE, unit="frame", rate_hz=200)
    assert (found.apex_error.mean_absolute, found.apex_error.unit) == (5.0, "ms")


def test_no_false_positive_is_lost_from_the_subjects():
    found = spotting.evaluate(REFERENCE.assign(subject_id=["1", "1", "2"]), ESTIMATE, unit="frame")
    assert found.by_subject["n/a"] == spotting.Counts(0, 1, 0)  # recording c is nobody's
    assert sum(found.by_subject.values(), spotting.Counts()) == found.overall


def test_a_recording_of_two_subjects_is_refused():
    rows = table(("1", "micro", 0, 9), ("1", "micro", 100, 109)).assign(subject_id=["s1", "s2"])
    with pytest.raises(DataError, match="recording 1: wanted one subject, got s1 and s2"):
        spotting.evaluate(rows, rows, unit="frame")


def test_ids_that_could_never_meet_are_refused():
    with pytest.raises(DataError, match="text in both tables or numbers in both"):
        spotting.evaluate(table((1, "micro", 0, 9)), table(("1", "micro", 0, 9)), unit="frame")


def test_the_named_row_is_the_row_of_the_table():
    with pytest.raises(DataError, match=r"row 3: wanted whole frames in 'onset', got 4.5"):
        spotting.evaluate(REFERENCE.assign(onset=[10, 50, 4.5]), ESTIMATE, unit="frame")
    with pytest.raises(DataError, match="row 3: wanted a finite 'offset', got inf"):
        spotting.evaluate(REFERENCE.assign(offset=[19, 99, math.inf]), ESTIMATE, unit="s")


def megc2020(shared_data, kind):
    """Reference and raw estimates of the MEGC-2020 baseline on SAMM Long Videos."""
    root = shared_data / "spotting" / "MDMD_MEGC2020"
    names = ["subject", "video", "word", "onset", "apex", "offset"]
    info = pd.read_csv(
        root / "gt" / "SAMM_MEGC_Sets" / "all_Info.txt", sep=r"\s+", header=None, names=names, dtype=str
    )
    info = info[info.word == f"{kind}-expression"].astype({"onset": int, "offset": int})
    reference = info.assign(recording_id=info.subject + "_" + info.video, kind=kind)
    rows = [
        (file.stem, kind, *map(float, line.split()))
        for file in sorted((root / "results_API" / f"SAMM_MEGC_{kind}_txtClips" / "p1").glob("*.txt"))
        for line in file.read_text().splitlines()
        if line.strip()
    ]
    return reference, pd.DataFrame(rows, columns=["recording_id", "kind", "onset", "offset", "score"])


@pytest.mark.parametrize(
    ("kind", "kept", "n_raw", "n_kept", "tp", "n_reference", "f1"),
    [
        ("micro", {"shortest": 47, "longest": 105}, 10830, 1436, 29, 159, 0.036364),
        ("macro", {"shortest": 106}, 11540, 356, 22, 343, 0.062947),
    ],
)
def test_published_baseline(shared_data, kind, kept, n_raw, n_kept, tp, n_reference, f1):
    reference, raw = megc2020(shared_data, kind)
    assert len(raw) == n_raw
    estimate = spotting.kept_by_length(raw, **kept)
    assert len(estimate) == n_kept
    for rule in (label_hit, one_to_one):  # the default rule gives the same here
        counts = getattr(spotting.evaluate(reference, estimate, unit="frame", matching=rule), kind)
        assert (counts.tp, counts.tp + counts.fp, counts.tp + counts.fn) == (tp, n_kept, n_reference)
        assert counts.f1 == pytest.approx(f1, abs=1e-6)
