"""Table 1: the row that this study has in a table of datasets."""

from __future__ import annotations

from pathlib import Path

from mien.dataset import describe, open_study
from mien.dataset.describe import Description
from mien.reproduce import published
from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemResult, ItemTable, cells
from mien.reproduce.setting import Setting

_COLUMNS = (
    "dataset", "participants", "trials", "micro", "macro", "micro, mean ms", "SD", "modalities",
)  # fmt: skip


def _make(setting: Setting) -> ItemResult:
    found = describe(setting.opened())
    rows = [_row(found)]
    rows += [_row(describe(open_study(Path(other)))) for other in setting.others]
    rows.append(
        (
            *cells("MMME", published=True),
            Cell(published.COUNTS["participants"], published=True),
            Cell(published.TRIALS, published=True),
            Cell(published.COUNTS["micro"], published=True),
            Cell(published.COUNTS["macro"], published=True),
            Cell(published.DURATION_MS[0], published=True),
            Cell(published.DURATION_MS[1], published=True),
            Cell("video, EEG, ECG, PPG, EDA, RSP, SKT", published=True),
        )
    )
    return ITEM.done(
        sentences=(
            f"{found.n_participants} participants in {found.n_trials} trials showed {found.n_micro} micro- "
            f"and {found.n_macro} macro-expressions (rows of several coders counted once).",
        ),
        tables=(ItemTable("The study beside others", _COLUMNS, tuple(rows)),),
        differs=(
            "Trials, participants and expressions are counted from the files; the paper states three numbers "
            "of trials that contradict each other.",
        ),
        values={
            "participants": found.n_participants,
            "trials": found.n_trials,
            "micro": found.n_micro,
            "macro": found.n_macro,
        },
    )


def _row(found: Description) -> tuple[Cell, ...]:
    spread = found.duration_ms["micro"]
    return cells(
        found.title, found.n_participants, found.n_trials, found.n_micro, found.n_macro,
        spread.mean, spread.sd, ", ".join(found.recordings) or "none",
    )  # fmt: skip


ITEM = Item("table-1", "The study in numbers", "Table 1", (), _make, lambda _: reading(1.0))
