"""The consent policy, whole: every kind of material x level x audience."""

from __future__ import annotations

from itertools import product

import pytest

from mien.core import DataError
from mien.dataset import may_leave


def test_whole_table():
    for shows, level, audience in product(
        ("face", "voice", "trace"), (1, 2, None), ("analysis", "publication")
    ):
        expected = shows == "trace" or audience == "analysis" or level == 1
        assert may_leave(shows, level, audience=audience) is expected


def test_publication_is_the_default():
    assert not may_leave("face", None)
    assert not may_leave("voice", 2)


@pytest.mark.parametrize("level", [0, 3, -1])
def test_unknown_level_is_an_error_not_a_permission(level):
    with pytest.raises(DataError, match="1, 2 or n/a"):
        may_leave("face", level)
