"""What is compared with what: windows, exclusions and the sizes of the random parts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Literal, get_args

from mien.core.errors import OptionError
from mien.core.records import Json, to_json
from mien.signals.physio import TABLE_3

Layout = Literal["each-side", "centred"]
Anchor = Literal["apex", "onset"]
Others = Literal["micro", "any"]
Recipe = Literal["recommended", "paper"]
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """How apexes are compared with what lies before and after them.

    Parameters
    ----------
    windows_s
        Lengths D in seconds, increasing. MMME: 3, 5, 10, 15.
    layout
        "each-side": [apex - D, apex) against [apex, apex + D), which the numbers of MMME's Table 3 imply;
        "centred": D in all, half of it on either side, as its text says.
    anchor
        What is in the middle: "apex" (the table's title) or "onset" (the text).
    others
        Both windows are left out if one of these overlaps them, from onset to offset: another
        "micro"-expression (the paper's rule), or "any" other expression. One whose kind is undecided counts.
    from_reminder_s
        Expressions whose anchor lies closer than this to a reminder, before or after, are left out; None
        keeps all.
    within_trial
        Both windows must lie between the onset of the clip and the next rest code.
    recipe
        Preprocessing of the signals, see `signals.physio`.
    features
        Columns of `signals.physio.measure`; default the 48 rows of Table 3.
    positions, shifts
        The null: how many times the apexes of each trial are moved, and how many whole studies are made of
        these positions; 0 shifts leave the null out.
    resamples, seed
        Replicates of bootstrap intervals, and the seed of everything random.

    Raises
    ------
    OptionError
        For a value that cannot be.
    """

    windows_s: tuple[float, ...] = (3.0, 5.0, 10.0, 15.0)
    layout: Layout = "each-side"
    anchor: Anchor = "apex"
    others: Others = "micro"
    within_trial: bool = True
    from_reminder_s: float | None = None
    recipe: Recipe = "recommended"
    features: tuple[str, ...] = tuple(TABLE_3.values())
    positions: int = 20
    shifts: int = 5000
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (
            ("layout of windows", self.layout, get_args(Layout)),
            ("anchor of windows", self.anchor, get_args(Anchor)),
            ("other expressions", self.others, get_args(Others)),
            ("recipe", self.recipe, get_args(Recipe)),
        ):
            if value not in known:
                raise OptionError(
                    what, wanted=f"one of {', '.join(known)}", got=repr(value), remedy="choose one of them"
                )
        lengths = self.windows_s
        good = all(math.isfinite(d) and 0 < d <= 600 for d in lengths)
        if not lengths or not good or any(b <= a for a, b in pairwise(lengths)):
            raise OptionError(
                "lengths of windows",
                wanted="one or more increasing lengths, up to 600 s",
                got=", ".join(f"{d:g}" for d in lengths) or "none",
                remedy="give seconds, as in 3,5,10,15",
            )
        for what, number, low, high in (
            ("positions of a trial's apexes", self.positions, 1, 10_000),
            ("shifts", self.shifts, 0, 1_000_000),
            ("resamples", self.resamples, 1, 1_000_000),
            ("seed", self.seed, 0, 2**63),
        ):
            if not low <= number <= high:
                raise OptionError(
                    what, wanted=f"{low} to {high}", got=number, remedy="give a number in that range"
                )
        distance = self.from_reminder_s
        if distance is not None and not 0 < distance <= 600:
            raise OptionError(
                "distance from reminders", wanted="above 0 s, up to 600", got=distance, remedy="give seconds"
            )
        if not self.features or len(set(self.features)) != len(self.features):
            raise OptionError(
                "features", wanted="different names", got=str(self.features), remedy="name each once"
            )

    @property
    def arms_s(self) -> tuple[float, ...]:
        """Seconds on either side of the anchor, one per window."""
        return tuple(d / 2 if self.layout == "centred" else d for d in self.windows_s)

    def as_json(self) -> Json:
        """Every setting by name."""
        return to_json(asdict(self))
