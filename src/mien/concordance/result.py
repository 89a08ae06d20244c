"""What the analysis says, as values: one row per feature and window, the contrast, the null, the slope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mien.concordance.measuring import Measured
from mien.concordance.null import NullSummary
from mien.concordance.settings import ALPHA, Settings
from mien.concordance.slope import SlopeRate
from mien.core.records import Json, to_json


@dataclass(frozen=True, slots=True)
class Row:
    """One feature in one window; a value that does not exist is NaN, and a reason says why.

    `before` and `after` are means over the n complete pairs, in the feature's unit; `excluded` counts the
    reasons of the other pairs; `low` and `high` bound `d_z` (95 %, participants resampled). `printed` is the
    row's name in MMME's Table 3. `t`, `p`, `q` are the paper's test over apexes, `subject_*` the test over
    participants' means, `mixed_*` the model with a random intercept per participant.
    """

    signal: str
    feature: str
    printed: str
    window_s: float
    n: int
    n_participants: int
    n_excluded: int
    excluded: Mapping[str, int]
    before: float
    before_sd: float
    after: float
    after_sd: float
    difference: float
    t: float
    p: float
    q: float
    p_wilcoxon: float
    d_z: float
    low: float
    high: float
    null_p: float
    reason: str
    subject_difference: float
    subject_t: float
    subject_p: float
    subject_q: float
    subject_d_z: float
    subject_null_p: float
    subject_reason: str
    mixed_difference: float
    mixed_error: float
    mixed_p: float
    mixed_q: float
    mixed_reason: str


@dataclass(frozen=True, slots=True)
class ContrastRow:
    """Micro against macro: after minus before of either kind, compared within participants who have both."""

    signal: str
    feature: str
    window_s: float
    n_participants: int
    micro: float
    macro: float
    difference: float
    t: float
    p: float
    q: float
    d_z: float
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Concordance:
    """Everything that `mien concordance` says; `people` holds the measured participants behind it."""

    settings: Settings
    rows: tuple[Row, ...]
    contrast: tuple[ContrastRow, ...]
    null: tuple[NullSummary, ...]
    slope: tuple[SlopeRate, ...]
    people: tuple[Measured, ...]
    excluded_participants: Mapping[str, str]

    def discoveries(self) -> dict[str, int]:
        """Number of tests below .05 by each way of counting: uncorrected p and corrected q."""
        names = ("p", "q", "subject_p", "subject_q", "mixed_p", "mixed_q")
        return {name: sum(getattr(row, name) < ALPHA for row in self.rows) for name in names}

    def expressions(self) -> dict[str, Json]:
        """How many expressions of either kind were compared, and why others were not."""
        unused: Counter[str] = Counter()
        for person in self.people:
            unused.update(person.unused)
        kinds = Counter(str(kind) for person in self.people for kind in person.kinds)
        return {"micro": kinds["micro"], "macro": kinds["macro"], "unused": dict(sorted(unused.items()))}

    def as_json(self) -> dict[str, Json]:
        """The settings, counts and all rows as JSON types."""
        made = to_json(
            {
                "settings": self.settings.as_json(),
                "n_participants": len(self.people),
                "participants": [person.participant_id for person in self.people],
                "excluded_participants": dict(self.excluded_participants),
                "expressions": self.expressions(),
                "alpha": ALPHA,
                "primary": "subject_q",
                "n_tests": sum(row.p == row.p for row in self.rows),
                "discoveries": self.discoveries(),
                "null": [asdict(part) for part in self.null],
                "slope": [asdict(rate) for rate in self.slope],
                "rows": [asdict(row) for row in self.rows],
                "contrast": [asdict(row) for row in self.contrast],
            }
        )
        assert isinstance(made, dict)
        return made
