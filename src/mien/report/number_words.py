"""Numbers as reports print them: an en dash where there is none."""

from __future__ import annotations

from mien.evaluation import Estimate


def interval(estimate: Estimate) -> str:
    """A value with its 95 % interval, where it has one."""
    if estimate.value != estimate.value:
        return "–"
    if estimate.low != estimate.low:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def p_value(p: float) -> str:
    """A p value with three digits."""
    return "–" if p != p else ("< 0.001" if p < 0.001 else f"{p:.3f}")


def number(value: float, digits: int = 3) -> str:
    """A number with some digits behind the point."""
    return "–" if value != value else f"{value:.{digits}f}"


def brief(value: object) -> str:
    """A parameter's value: numbers with six digits, lists by their values."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(brief, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def several(n: int, word: str) -> str:
    """A count with its noun in the singular or the plural."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
