"""Table 3, Figures 7 and 13: does the body move with the face?"""

from __future__ import annotations

import contextlib

from mien.concordance import Concordance, Settings, analyse_study, read_person
from mien.core.errors import OptionError
from mien.dataset.recorders import says_shared_clock
from mien.jobs import ProcessPool, Sequential, Store
from mien.reproduce.item import Cell, Cost, Item, ItemFigure, ItemResult, ItemTable, Need, Setting

_ROWS_SHOWN = 20
_COLUMNS = (
    "signal", "feature", "window, s", "n", "before", "after", "d_z", "p (paper's test)", "q",
    "p over participants", "q over participants",
)  # fmt: skip


def analysed(setting: Setting) -> Concordance:
    """The concordance of the study, kept below `out` like that of `mien concordance`."""
    settings = Settings(seed=setting.seed, shifts=1000 if setting.quick else 5000)
    executor = ProcessPool(setting.n_workers) if setting.n_workers > 1 else Sequential()
    store = Store(setting.out / "store")
    with setting.progress("body around micro-expressions") as show:
        return analyse_study(setting.opened(), settings, store=store, executor=executor, progress=show)


def _make(setting: Setting) -> ItemResult:
    from mien.report.concordance_figures import forest_figure, null_figure

    found = analysed(setting)
    kept, counts = found.discoveries(), found.expressions()
    tested = [row for row in found.rows if row.p == row.p]
    first = sorted(tested, key=lambda row: (row.p, row.window_s, row.feature))[:_ROWS_SHOWN]
    rows = tuple(
        (
            Cell(row.signal), Cell(row.printed), Cell(row.window_s), Cell(row.n), Cell(row.before),
            Cell(row.after), Cell(row.d_z, row.low, row.high), Cell(row.p), Cell(row.q),
            Cell(row.subject_p), Cell(row.subject_q),
        )
        for row in first
    )  # fmt: skip
    null = [
        f"{part.level}: {part.observed} of {part.n_tests} tests below .05, {part.mean:.1f} with apexes "
        f"moved at random (95 % {part.low:.0f} to {part.high:.0f})"
        for part in found.null
        if part.n_shifts
    ]
    verdict = "moves with" if kept["subject_q"] else "is not shown to move with"
    return TABLE.done(
        sentences=(
            f"The body {verdict} micro-expressions: {kept['subject_q']} of {len(tested)} tests over "
            f"participants stand after correction ({kept['p']} of the paper's uncorrected ones are below "
            ".05).",
            *(f"{words}." for words in null),
            f"{counts['micro']} micro-expressions of {len(found.people)} participants were compared.",
        ),
        tables=(ItemTable(f"The {len(first)} smallest p of {len(tested)} tests", _COLUMNS, rows),),
        figures=(
            ItemFigure("Effects", forest_figure(found)),
            ItemFigure("How many tests are significant, and how many would be anyway", null_figure(found)),
        ),
        differs=(
            "The paper tests apexes as if they were independent people, without correction; both are shown "
            "beside tests over participants, which is what counts here.",
            "Windows lie on each side of the apex, as the paper's numbers imply; its text says centred ones.",
        ),
        values={"discoveries": dict(kept), "n_tests": len(tested), "micro": counts["micro"]},
    )


def _trial(setting: Setting) -> ItemResult:
    from mien.report.concordance_figures import clearest_trial, heart_rate_figure, trial_figure

    found = analysed(setting)
    who, trial = clearest_trial(found)
    study = setting.opened()
    person = read_person(study.session(who), shared_clock=says_shared_clock(study))
    if isinstance(person, str) or trial not in person.trials:
        return TRIAL.lacking("no trial can be drawn")
    figures = [ItemFigure("One trial", trial_figure(person, trial, found.settings), participants=(who,))]
    with contextlib.suppress(OptionError):  # no ECG with beats
        drawn = heart_rate_figure(person, trial, found.settings)
        figures.append(ItemFigure("Heart rate", drawn, participants=(who,)))
    rates = [rate for rate in found.slope if rate.mode == "absolute" and rate.eta == 1]
    said = [
        f"Trial {trial} of {who} is shown: the one with most to see, chosen by its numbers and not at random."
    ]
    said += [
        f"{100 * rate.apexes:.1f} % of apexes lie above their trial's mean absolute slope of the heart rate "
        f"(published 73.19 %), {100 * rate.random:.1f} % of random moments."
        for rate in rates
    ]
    return TRIAL.done(
        sentences=tuple(reversed(said)), figures=tuple(figures), values={"trial": trial, "who": who}
    )


def _cost(setting: Setting) -> Cost:
    n = len(setting.opened().participants)
    return Cost(20.0 + 12.0 * n, 5e6 * n, 8e8, n)


_NEEDS: tuple[Need, ...] = ("physio", "coding", "micro-expressions")
TABLE = Item("table-3", "Does the body move with the face?", "Table 3", _NEEDS, _make, _cost)
TRIAL = Item("figure-7-13", "One trial: face, body, heart", "Figures 7 and 13", _NEEDS, _trial, _cost)
