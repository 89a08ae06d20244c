"""What a reliability is called, and which of the figures are the equations of MMME."""

from __future__ import annotations

import math

EQUATIONS = (
    "MMME's eq. 1 is alpha, its eq. 2 ICC(3,1) with n the number of raters (the paper words n otherwise)"
)
_WORDS = ((0.9, "excellent"), (0.75, "good"), (0.5, "moderate"), (-math.inf, "poor"))


def koo_and_li(value: float) -> str:
    """The word of Koo & Li (2016, doi:10.1016/j.jcm.2016.02.012) for a reliability.

    Examples
    --------
    >>> koo_and_li(0.697), koo_and_li(0.768)
    ('moderate', 'good')
    """
    return "-" if math.isnan(value) else next(word for least, word in _WORDS if value >= least)


def koo_and_li_span(low: float, high: float) -> str:
    """The words for an interval, as Koo & Li ask for: a reliability is known no better than its bounds.

    Examples
    --------
    >>> koo_and_li_span(0.60, 0.79), koo_and_li_span(0.91, 0.95)
    ('moderate to good', 'excellent')
    """
    first, last = koo_and_li(low), koo_and_li(high)
    return first if first == last else f"{first} to {last}"
