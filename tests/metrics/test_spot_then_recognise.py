"""Spot-then-recognise by hand and on published pairs."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mien.core import DataError, OptionError
from mien.metrics import spot_then_recognise

COLUMNS = ["recording_id", "onset", "offset", "emotion"]
REFERENCE = pd.DataFrame(
    [["a", 0, 9, "joy"], ["a", 20, 29, "fear"], ["b", 0, 9, "fear"], ["c", 0, 9, "joy"]], columns=COLUMNS
)


def test_hand_calculation():
    estimate = pd.DataFrame(
        [["a", 0, 9, "joy"], ["a", 20, 29, "joy"], ["b", 0, 9, "fear"], ["d", 0, 9, "joy"]], columns=COLUMNS
    )
    found = spot_then_recognise.evaluate(REFERENCE, estimate, unit="frame")
    assert (found.spotting.tp, found.spotting.fp, found.spotting.fn) == (3, 1, 1)
    precision, recall = (1 / 2 + 1) / 2, (1 + 1 / 2) / 2  # joy, fear
    assert (found.mean_precision, found.uar) == pytest.approx((precision, recall))
    assert found.strs == pytest.approx(0.75 * 2 * precision * recall / (precision + recall))


def test_perfect_and_left_out():
    assert spot_then_recognise.evaluate(REFERENCE, REFERENCE, unit="frame").strs == 1.0
    found = spot_then_recognise.evaluate(REFERENCE, REFERENCE, unit="frame", leave_out=["fear"])
    assert found.n_matched == 2
    assert math.isnan(found.uar)  # one class is no task


def test_empty():
    found = spot_then_recognise.evaluate(REFERENCE, REFERENCE.iloc[:0], unit="frame")
    assert found.spotting.fn == 4
    assert math.isnan(found.strs)


def test_malformed():
    with pytest.raises(DataError, match="no emotion"):
        spot_then_recognise.evaluate(REFERENCE.drop(columns="emotion"), REFERENCE, unit="frame")
    with pytest.raises(DataError, match="row 1: wanted a value in 'onset'"):
        spot_then_recognise.evaluate(REFERENCE, REFERENCE.assign(onset=math.nan), unit="frame")

    with pytest.raises(DataError, match="row 4: wanted an offset at or after the onset"):
        spot_then_recognise.evaluate(REFERENCE, REFERENCE.assign(offset=[9, 29, 9, -1]), unit="frame")


def test_a_misspelt_emotion_to_leave_out_is_refused():
    with pytest.raises(OptionError, match="wanted emotions among fear, joy, got feer"):
        spot_then_recognise.evaluate(REFERENCE, REFERENCE, unit="frame", leave_out=["feer"])


def test_emotions_may_be_numbers():
    coded = REFERENCE.assign(emotion=[1, 2, 2, 1])
    assert spot_then_recognise.evaluate(coded, coded, unit="frame").strs == 1.0


def test_published_pairs(shared_data):
    tables = []
    for name in ("gt", "pred"):
        raw = pd.read_csv(shared_data / "spotting" / "STRS_metric" / "data" / f"{name}.csv")
        tables.append(raw.assign(recording_id=raw.subject.astype(str) + "/" + raw.video))
    found = spot_then_recognise.evaluate(*tables, unit="frame")
    assert (found.spotting.tp, round(found.spotting.f1, 4)) == (159, 0.6516)
    assert (round(found.mean_precision, 4), round(found.uar, 4)) == (0.5983, 0.5872)
    assert (round(found.analysis_f1, 4), round(found.uf1, 4), round(found.strs, 4)) == (
        0.5927,
        0.5766,
        0.3862,
    )
    exclusive = spot_then_recognise.evaluate(*tables, unit="s")
    assert (exclusive.spotting.tp, round(exclusive.spotting.f1, 4)) == (158, 0.6475)
