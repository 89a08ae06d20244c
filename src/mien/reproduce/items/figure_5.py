"""Figure 5: emotions, people, durations; and who allowed what."""

from __future__ import annotations

from mien.dataset import describe
from mien.reproduce import published
from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemFigure, ItemResult, ItemTable
from mien.reproduce.setting import Setting


def _make(setting: Setting) -> ItemResult:
    from mien.report.study_figures import description_figure

    found = describe(setting.opened())
    rows = []
    for word, counts in found.emotions.items():
        theirs = published.EMOTIONS.get(word)
        rows.append(
            (
                Cell(word),
                Cell(counts["micro"]), Cell(None if theirs is None else theirs[0], published=True),
                Cell(counts["macro"]), Cell(None if theirs is None else theirs[1], published=True),
            )
        )  # fmt: skip
    columns = ("emotion", "micro", "micro in MMME", "macro", "macro in MMME")
    spread = found.duration_ms["micro"]
    said = (
        f"Micro-expressions last {spread.mean:.1f} ms (SD {spread.sd:.1f}, median {spread.median:.1f}, n = "
        f"{spread.n}; published "
        f"{published.DURATION_MS[0]:.1f}, {published.DURATION_MS[1]:.1f})."
        if spread.n
        else "No micro-expression has an observed offset."
    )
    return ITEM.done(
        sentences=(said,),
        tables=(ItemTable("Expressions by emotion", columns, tuple(rows)),),
        figures=(ItemFigure("Emotions, people, durations", description_figure(found)),),
        differs=("Durations are of expressions whose offset was observed, by measured stamps.",),
        values={
            "emotions": {w: dict(c) for w, c in found.emotions.items()},
            "mean_ms": spread.mean,
            "median_ms": spread.median,
        },
    )


def _consent(setting: Setting) -> ItemResult:
    counts = describe(setting.opened()).consent
    rows = tuple(
        (Cell(level), Cell(n), Cell(published.CONSENT.get(level), published=True))
        for level, n in counts.items()
    )
    return CONSENT.done(
        sentences=(
            f"{counts['level 1']} participants allow faces to be published, {counts['level 2']} analysis "
            f"only, {counts['not known']} are not known and count as the strictest.",
        ),
        tables=(ItemTable("Consent", ("level", "participants", "MMME"), rows),),
        differs=(
            "The paper says both that all consented (3.1) and that 13 of 75 forbid publication (section 5).",
        ),
        values=dict(counts),
    )


ITEM = Item(
    "figure-5", "What was shown, and how long", "Figure 5", ("coding",), _make, lambda _: reading(2.0)
)
CONSENT = Item("consent", "Who allowed what", "Section 5", (), _consent, lambda _: reading(0.5))
