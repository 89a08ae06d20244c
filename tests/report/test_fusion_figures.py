"""Figures of a fusion: the numbers that stand in them are those of the records."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from mien.core.records import ResultRecord
from mien.report.fusion_figures import confusion_grid, recall_figure, weights_figure

CLASSES = ("negative", "positive", "surprise")


def record(estimates, references=None):
    references = references or ["negative"] * 4 + ["positive"] * 4 + ["surprise"] * 2
    n = len(references)
    samples = {
        "sample_id": [f"x{i}" for i in range(n)],
        "subject_id": [f"s{i % 4}" for i in range(n)],
        "dataset": ["d"] * n,
        "fold": ["f"] * n,
        "reference": references,
        "estimate": estimates,
    }
    return ResultRecord("recognition", {}, {}, {}, 0, {"classes": list(CLASSES)}, {}, samples, {}, {})


RIGHT = ["negative"] * 4 + ["positive"] * 4 + ["surprise"] * 2
HALF = ["negative"] * 2 + ["positive"] * 6 + ["surprise", "negative"]


def words(svg):
    ET.fromstring(svg)
    return re.findall(r">([^<>]+)</text>", svg)


def test_confusion_shares_are_in_percent_of_the_reference():
    found = words(confusion_grid([("me", record(HALF))], CLASSES))
    assert "me (%), n = 10" in found
    cells = [word for word in found if word.isdigit()]
    assert cells == ["50", "50", "0", "0", "100", "0", "50", "0", "50"]


def test_a_class_without_samples_has_no_share():
    few = record(["negative", "positive"], ["negative", "positive"])
    assert words(confusion_grid([("me", few)], CLASSES)).count("-") == 3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_one_matrix_for_each_way_of_answering(n):
    rows = [(f"way {k}", record(RIGHT)) for k in range(n)]
    titles = [word for word in words(confusion_grid(rows, CLASSES)) if word.startswith("way")]
    assert titles == [f"way {k} (%), n = 10" for k in range(n)]


def test_recall_bars_are_as_high_as_recall():
    svg = recall_figure([("me", record(HALF)), ("fused", record(RIGHT))], CLASSES)
    assert {"me", "fused", "chance", *CLASSES} <= set(words(svg))
    bars = re.findall(r'<path d="([^"]+)"[^>]*style="fill: #0072b2"', svg, flags=re.IGNORECASE)
    heights = []
    for bar in bars[:3]:
        at = [float(y) for _, y in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", bar)]
        heights.append(max(at) - min(at))
    assert heights[0] / heights[1] == pytest.approx(0.5, abs=1e-3)
    assert heights[2] / heights[1] == pytest.approx(0.5, abs=1e-3)


def test_a_class_that_a_member_never_met_has_no_bar():
    few = record(["negative", "positive"], ["negative", "positive"])
    assert "surprise" in words(
        recall_figure([("me", replace(few, dataset={"classes": ["negative", "positive"]}))], CLASSES)
    )


def test_weights_name_members_classes_and_folds():
    weights = {fold: {"me": dict.fromkeys(CLASSES, 0.5), "eeg": dict.fromkeys(CLASSES, 0.1)} for fold in "ab"}
    weights["a"].pop("eeg")
    found = words(weights_figure(weights, CLASSES))
    assert {"me", "eeg", *CLASSES} <= set(found)
    assert any("each of 2 folds" in word for word in found)
