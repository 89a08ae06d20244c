"""Settings refuse what cannot be, in one sentence."""

import pytest

from mien.concordance import Settings
from mien.core.errors import OptionError


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"windows_s": ()}, "increasing lengths, up to 600 s, got none"),
        ({"windows_s": (5.0, 3.0)}, "increasing lengths"),
        ({"windows_s": (float("nan"),)}, "increasing lengths"),
        ({"windows_s": (0.0,)}, "increasing lengths"),
        ({"layout": "left"}, "one of each-side, centred, got 'left'"),
        ({"anchor": "offset"}, "one of apex, onset"),
        ({"others": "none"}, "one of micro, any"),
        ({"recipe": "raw"}, "one of recommended, paper"),
        ({"positions": 0}, "1 to 10000"),
        ({"shifts": -1}, "0 to 1000000"),
        ({"seed": -1}, "seed"),
        ({"features": ()}, "different names"),
    ],
)
def test_impossible(values, words):
    with pytest.raises(OptionError, match=words):
        Settings(**values)


def test_arms():
    assert Settings(windows_s=(3.0, 10.0)).arms_s == (3.0, 10.0)
    assert Settings(windows_s=(3.0, 10.0), layout="centred").arms_s == (1.5, 5.0)
