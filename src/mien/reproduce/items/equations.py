"""Equations 1 to 3: alpha and ICC of the raters of clips, agreement of the coders on action units."""

from __future__ import annotations

from mien.elicitation.ratings import doubtful_raters, read_ratings
from mien.elicitation.selection import reliability
from mien.experiments.coder_agreement import agreement_of_study
from mien.reproduce import published
from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemResult, ItemTable, LackingError, counted
from mien.reproduce.setting import Setting
from mien.reproduce.tables import plain

_COLUMNS = ("figure", "scale", "value", "MMME", "over")


def _ratings(setting: Setting) -> ItemResult:
    path = next(iter(sorted((setting.study / "stimuli").glob("ratings.*"))))
    ratings = read_ratings(path)
    doubtful = doubtful_raters(ratings)
    kept = ratings.without(doubtful)
    rows, said = [], []
    for scale in ("valence", "arousal"):
        found = reliability(kept, scale)
        if found.alpha is None or found.icc is None:
            raise LackingError(
                path, wanted="ratings of two clips by two raters", got=str(found.reason), remedy="rate more"
            )
        over = f"{found.n_clips} clips, {found.n_raters} raters"
        icc = found.icc["ICC(3,1)"]
        alpha = Cell(found.alpha.value, found.alpha.low, found.alpha.high)
        rows.append(
            (
                Cell("Cronbach's alpha (eq. 1)"),
                Cell(scale),
                alpha,
                Cell(published.ALPHA, published=True),
                Cell(over),
            )
        )
        rows.append(
            (Cell("ICC(3,1) (eq. 2)"), Cell(scale), Cell(icc.value, icc.low, icc.high),
             Cell(published.ICC[scale], published=True), Cell(over))
        )  # fmt: skip
        said.append(f"{scale}: alpha {plain(alpha)}, ICC(3,1) {plain(Cell(icc.value, icc.low, icc.high))}")
    left = f" Left out: {', '.join(doubtful)} (always the same answer)." if doubtful else ""
    return RATINGS.done(
        sentences=(f"Agreement of the raters of clips, {'; '.join(said)}.{left}",),
        tables=(ItemTable("Reliability of the ratings", _COLUMNS, tuple(rows)),),
        differs=(
            "The paper words n in equation 2 as the number of subjects; with a residual mean square it is "
            "ICC(3,1), and n the number of raters.",
        ),
        values={"rows": [[str(r[0].value), str(r[1].value), r[2].value] for r in rows]},
    )


def _agreement(setting: Setting) -> ItemResult:
    found = agreement_of_study(setting.opened())
    units = found.pooled.units
    rows = tuple(
        (Cell(words), Cell("action units"), Cell(one.value, one.low, one.high),
         Cell(published.AU_AGREEMENT if name == "micro" else None, published=True),
         Cell(f"{found.pooled.n_pairs} expressions that both coded"))
        for name, words, one in (
            ("micro", "r, pooled (eq. 3)", units.micro),
            ("mean", "r, mean over expressions", units.mean),
        )
    )  # fmt: skip
    return AGREEMENT.done(
        sentences=(
            f"Agreement of coders on action units, r = {plain(rows[0][2])} over "
            f"{counted(found.pooled.n_pairs, 'expression')} that both coded (published: "
            f"{published.AU_AGREEMENT:.2f}).",
        ),
        tables=(ItemTable("Agreement on action units", _COLUMNS, rows),),
        differs=(
            "The paper does not say how r is summed over expressions, nor how they were matched: ours sums "
            "numerators and denominators over pairs that overlap in time.",
        ),
        values={"r": units.micro.value, "r_mean": units.mean.value, "n": found.pooled.n_pairs},
    )


RATINGS = Item("equation-1-2", "Do raters of the clips agree?", "Equations 1 and 2", ("ratings",), _ratings,
               lambda _: reading(1.0))  # fmt: skip
AGREEMENT = Item("equation-3", "Do the coders agree?", "Equation 3", ("two coders",), _agreement,
                 lambda _: reading(5.0))  # fmt: skip
