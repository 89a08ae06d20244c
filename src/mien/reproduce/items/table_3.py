"""Table 3, Figures 7 and 13: does the body move with the face?"""

from __future__ import annotations

import contextlib

from mien.concordance import Concordance, Settings, analyse_study, read_person
from mien.concordance.null import NullSummary
from mien.core.errors import OptionError
from mien.dataset.recorders import says_shared_clock
from mien.jobs import Store
from mien.reproduce.costs import concordance
from mien.reproduce.counts import counts
from mien.reproduce.item import Answer, Cell, Cost, Item, ItemFigure, ItemResult, ItemTable, counted
from mien.reproduce.needs import Need
from mien.reproduce.setting import Setting

_ROWS_SHOWN = 20
_COLUMNS = (
    "signal", "feature", "window, s", "n", "before", "after", "d_z", "p (paper's test)", "q",
    "p over participants", "q over participants",
)  # fmt: skip


def analysed(setting: Setting) -> Concordance:
    """The concordance of the study, kept below `out` like that of `mien concordance`."""
    return setting.once("concordance", lambda: _analysed(setting))


def _analysed(setting: Setting) -> Concordance:
    settings = Settings(seed=setting.seed, shifts=1000 if setting.quick else 5000)
    store = Store(setting.out / "store")
    with setting.progress("body around micro-expressions") as show:
        return analyse_study(
            setting.opened(), settings, store=store, executor=setting.executor(), progress=show
        )


def _make(setting: Setting) -> ItemResult:
    from mien.report.concordance_figures import forest_figure, null_figure

    found = analysed(setting)
    kept, counts = found.discoveries(), found.expressions()
    tested = [row for row in found.rows if row.p == row.p]
    first = sorted(tested, key=lambda row: (row.p, row.window_s, row.feature))[:_ROWS_SHOWN]
    rows = tuple(
        (
            Cell(row.signal), Cell(row.printed), Cell(f"{row.window_s:g}"), Cell(row.n), Cell(row.before),
            Cell(row.after), Cell(row.d_z, row.low, row.high), Cell(row.p), Cell(row.q),
            Cell(row.subject_p), Cell(row.subject_q),
        )
        for row in first
    )  # fmt: skip
    return TABLE.done(
        sentences=(
            f"{counted(int(str(counts['micro'])), 'micro-expression')} of "
            f"{counted(len(found.people), 'participant')} are coded; with both windows, before and after the "
            f"apex, {_compared(found)}.",
            f"Of {counted(len(tested), 'test')} over apexes, the paper's, {kept['p']} have p < .05, "
            f"{kept['q']} after correction; of {_n_subject_tests(found)} over participants "
            f"{kept['subject_p']} and {kept['subject_q']}.",
            *(_beside_chance(part) for part in found.null if part.n_shifts and part.n_tests),
        ),
        answers=(_answer(found),),
        left_out=(*(f"{who}: {why}" for who, why in found.excluded_participants.items()), *_excluded(found)),
        tables=(ItemTable(f"The {len(first)} smallest p of {len(tested)} tests", _COLUMNS, rows),),
        figures=(
            ItemFigure("Effects", forest_figure(found)),
            ItemFigure("How many tests are significant, and how many would be anyway", null_figure(found)),
        ),
        differs=(
            "The paper tests apexes as if they were independent people, without correction; both are shown "
            "beside tests over participants, which is what counts here.",
            "Windows lie on each side of the apex, as the paper's numbers imply; its text says centred ones.",
            "A test that cannot be made with moved apexes counts as significant there, so that p does not "
            "profit from it.",
        ),
        values={"discoveries": dict(kept), "n_tests": len(tested), "micro": counts["micro"]},
    )


def _compared(found: Concordance) -> str:
    """At most how many expressions have both windows, by their length."""
    most = {row.window_s: 0 for row in found.rows}
    for row in found.rows:
        most[row.window_s] = max(most[row.window_s], row.n)
    return ", ".join(f"{n or 'none'} for {length:g} s" for length, n in most.items()) or "none"


def _n_subject_tests(found: Concordance) -> int:
    return sum(row.subject_p == row.subject_p for row in found.rows)


def _excluded(found: Concordance) -> list[str]:
    """Why expressions are missing in the windows of each length: the reasons of the row that lost least."""
    told = []
    for length in dict.fromkeys(row.window_s for row in found.rows):
        row = min((row for row in found.rows if row.window_s == length), key=lambda row: row.n_excluded)
        told += [f"windows of {length:g} s: {n} expressions, {why}" for why, n in row.excluded.items() if n]
    return told


_COUNTED = {"apex": "over apexes", "subject": "over participants"}


def _beside_chance(part: NullSummary) -> str:
    return (
        f"With apexes moved at random within their trials, {part.mean:.1f} tests {_COUNTED[part.level]} have "
        f"p < .05 (95 % of such studies: {part.low:.0f} to {part.high:.0f}); where they are coded, "
        f"{part.observed} do (p = {part.p:.4f})."
    )


def _answer(found: Concordance) -> Answer:
    """By the number of small p over participants, beside that of apexes at random times."""
    by_level = {part.level: part for part in found.null if part.n_shifts}
    part = by_level.get("subject")
    question = "Does the body move with the face?"
    if part is None or not part.n_tests:
        return Answer(question, None, "", "", "Too few participants have both windows around an apex.")
    words = (
        f"{part.observed} of {part.n_tests} tests over participants have p < .05 at the coded apexes, "
        f"{part.mean:.1f} on average at random moments of the same trials (95 %: {part.low:.0f} to "
        f"{part.high:.0f})."
    )
    return Answer(question, part.p, words, words)


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
    rates = [rate for rate in found.slope if rate.eta == 1 and rate.apexes == rate.apexes]
    said = [
        f"Trial {trial} of {who} is shown: the one with most to see, chosen by its numbers and not at random."
    ]
    said += [
        f"{100 * rate.apexes:.1f} % [{100 * rate.apexes_low:.1f}, {100 * rate.apexes_high:.1f}] of "
        f"apexes lie above their trial's mean {rate.mode} slope of the heart rate, "
        f"{100 * rate.random:.1f} % of random moments."
        for rate in sorted(rates, key=lambda rate: rate.mode, reverse=True)
    ]
    return TRIAL.done(
        sentences=tuple(reversed(said)),
        figures=tuple(figures),
        differs=(
            "The paper prints 73.19 % for coded apexes. Its equation 12 is signed, its numbers fit the "
            "absolute slope better (a signed mean over a trial is nearly zero): both are given here.",
        ),
        values={"trial": trial, "who": who},
    )


def _cost(setting: Setting) -> Cost:
    return concordance(counts(setting)).cost("signals")


_NEEDS: tuple[Need, ...] = ("physio", "coding", "micro-expressions")
TABLE = Item("table-3", "Does the body move with the face?", "Table 3", _NEEDS, _make, _cost, work="body")
TRIAL = Item("figure-7-13", "One trial: face, body, heart", "Figures 7 and 13", _NEEDS, _trial, _cost,
             work="body")  # fmt: skip
