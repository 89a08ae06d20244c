"""What every function of the room asks of its arguments."""

import pytest

from mien.core.errors import DataError, OptionError
from mien.stats.arguments import equal_lengths, known_option, upper_tail


def test_upper_tail():
    assert upper_tail(0.9, subject="kappa") == pytest.approx(0.95)


@pytest.mark.parametrize("level", [0, 1, -1, 95, float("nan")])
def test_impossible_level(level):
    with pytest.raises(OptionError, match="kappa: wanted a level between 0 and 1"):
        upper_tail(level, subject="kappa")


def test_options():
    known_option("weights", None, known=(None, "linear"))
    with pytest.raises(OptionError, match="weights: wanted one of None, linear, got cubic"):
        known_option("weights", "cubic", known=(None, "linear"))


def test_lengths():
    equal_lengths(2, 2, subject="kappa", unit="subject")
    for lengths in ((0, 0), (2, 3)):
        with pytest.raises(DataError, match="kappa: wanted equally many subjects"):
            equal_lengths(*lengths, subject="kappa", unit="subject")
