"""Vocabularies against the published counts of MMME's Table 2 and its three-class scheme."""

from __future__ import annotations

import pytest

from mien.core import DataError, emotion, three_class
from mien.core.labels import ACTION_UNITS, SEVEN_EMOTIONS


def test_regions_of_table_2():
    regions = [region for _, region in ACTION_UNITS.values()]
    assert len(ACTION_UNITS) == 21
    assert [regions.count(name) for name in ("upper", "mid", "lower")] == [5, 7, 9]


def test_three_classes_add_up_to_the_published_counts():
    counts = dict(zip(SEVEN_EMOTIONS, (92, 105, 55, 50, 163, 124, 45), strict=True))
    totals = {"negative": 0, "positive": 0, "surprise": 0}
    for name, n in counts.items():
        totals[three_class(name)] += n
    assert totals == {"negative": 437, "positive": 92, "surprise": 105}


def test_spellings():
    assert [emotion(w) for w in ("Happy", "sad", "angry")] == ["happiness", "sadness", "anger"]
    assert three_class("others") is None


def test_unknown_word():
    with pytest.raises(DataError, match="got 'bored'"):
        emotion("bored")
