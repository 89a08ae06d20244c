"""Tables of agreement between coders, for page and terminal: numbers as text, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mien.coding.agreement_drift import PER_CLIPS, QUANTITIES
from mien.coding.agreement_intervals import Estimate
from mien.coding.agreement_result import Agreement, PairAgreement
from mien.coding.agreement_times import MARKS
from mien.report.number_words import number

QUANTITY_WORDS: Mapping[str, str] = {
    "au_r": "agreement on units, r",
    "onset_abs_ms": "onset apart, ms",
    "apex_abs_ms": "apex apart, ms",
    "offset_abs_ms": "offset apart, ms",
    "missed": "seen by one coder only, share",
}
_TIMES_DIGITS = 1


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of page and terminal; `notes` say what is missing in it, and why."""

    key: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def agreement_grids(found: Agreement) -> list[Grid]:
    """The tables of page and terminal, in order."""
    return [
        _coders_grid(found),
        _pairs_grid(found),
        _times_grid(found),
        _units_grid(found),
        _missed_grid(found.pooled),
        _drift_grid(found.pooled),
        _participants_grid(found.pooled),
    ]


def _coders_grid(found: Agreement) -> Grid:
    columns = ("coder", "clips", "expressions", "micro", "macro", "rows left out")
    rows = [
        _words(c.coder, c.n_clips, c.n_expressions, c.n_micro, c.n_macro, sum(c.unused.values()))
        for c in found.coders
    ]
    return Grid("coders", "coders", columns, tuple(rows))


def _pairs_grid(found: Agreement) -> Grid:
    columns = ("coders", "clips", "participants", "matched", "seen by one", "r, pooled", "r, mean",
               "kappa emotion", "kappa kind")  # fmt: skip
    rows = []
    for one in scopes(found):
        estimates = (one.units.micro, one.units.mean, one.emotion, one.kind)
        rows.append(
            (
                scope_name(one, found),
                *_words(one.n_clips, one.n_participants, one.n_pairs, len(one.missed_expressions)),
                *(interval(estimate) for estimate in estimates),
            )
        )
    return Grid("pairs", "pairs of coders", columns, tuple(rows))


def _times_grid(found: Agreement) -> Grid:
    columns = ("coders", "mark", "mean, ms", "SD", "mean absolute", "median absolute", "95 % below",
               "limits of agreement", "n")  # fmt: skip
    rows = []
    for one in scopes(found):
        for mark in MARKS:
            t = one.times[mark]
            rows.append(
                (
                    scope_name(one, found),
                    mark,
                    _bounded(t.mean, t.low, t.high, _TIMES_DIGITS),
                    number(t.sd, _TIMES_DIGITS),
                    _bounded(t.mae, t.mae_low, t.mae_high, _TIMES_DIGITS),
                    number(t.median_abs, _TIMES_DIGITS),
                    number(t.p95_abs, _TIMES_DIGITS),
                    " to ".join(number(limit, _TIMES_DIGITS) for limit in t.limits),
                    str(t.n),
                )
            )
    return Grid("times", "time differences, first minus second", columns, tuple(rows))


def _units_grid(found: Agreement) -> Grid:
    columns = ("unit", "first", "second", "both", "kappa", "with missed", "Fleiss", "Krippendorff")
    kappas, beside, many = (
        found.pooled.units.kappas,
        found.pooled.units.kappas_with_missed.units,
        found.all_coders,
    )
    rows = []
    missing = [(name, one.kappa.reason) for name, one in kappas.units.items()]
    for name, one in kappas.units.items():
        all_of = many.units.get(name)
        rows.append(
            (
                name,
                *_words(one.n_first, one.n_second, one.n_both),
                interval(one.kappa),
                interval(beside[name].kappa),
                interval(all_of.fleiss) if all_of else "–",
                interval(all_of.krippendorff) if all_of else "–",
            )
        )
    pooled = interval(kappas.pooled), interval(found.pooled.units.kappas_with_missed.pooled)
    rows.append(("all units", "", "", "", *pooled, "", ""))
    for name, own, missed, all_coders in (
        ("emotion", found.pooled.emotion, found.pooled.emotion_with_missed, many.emotion),
        ("kind", found.pooled.kind, found.pooled.kind_with_missed, many.kind),
    ):
        numbers = (own, missed, all_coders.fleiss, all_coders.krippendorff)
        rows.append((name, "", "", "", *(interval(one) for one in numbers)))
        missing.append((name, own.reason))
    return Grid("units", "kappa by action unit", columns, tuple(rows), _notes(missing))


def _missed_grid(pooled: PairAgreement) -> Grid:
    columns = ("coder", "kind", "missed", "of", "share", "interval")
    rows = [
        (one.coder, one.kind, *_words(one.n, one.rate.n), interval(one.rate), one.interval or "–")
        for one in pooled.missed
    ]  # fmt: skip
    return Grid(
        "missed",
        "missed expressions",
        columns,
        tuple(rows),
        _notes((f"{one.coder}, {one.kind}", one.rate.reason) for one in pooled.missed),
    )


def _drift_grid(pooled: PairAgreement) -> Grid:
    columns = ("quantity", f"per {PER_CLIPS} clips", "within participants", "n")
    rows = []
    for name in QUANTITIES:
        over, within = pooled.drift.slopes[name], pooled.drift.slopes_within[name]
        rows.append((QUANTITY_WORDS[name], interval(over), interval(within), str(over.n)))
    return Grid(
        "drift",
        "drift over the order of clips",
        columns,
        tuple(rows),
        _notes((QUANTITY_WORDS[name], one.reason) for name, one in pooled.drift.slopes.items()),
    )


def _participants_grid(pooled: PairAgreement) -> Grid:
    columns = ("participant", "matched", "seen by one", "r", "onset, ms", "apex, ms", "offset, ms")
    rows = [
        (
            one.participant,
            *_words(one.n_pairs, one.n_missed),
            number(one.means["au_r"], 2),
            *(number(one.means[f"{mark}_abs_ms"], _TIMES_DIGITS) for mark in MARKS),
        )
        for one in pooled.drift.participants
    ]
    return Grid("participants", "participants", columns, tuple(rows))


def _notes(missing: Iterable[tuple[str, str | None]]) -> tuple[str, ...]:
    """Names by the reason for what they lack."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in missing:
        if reason is not None:
            by_reason.setdefault(reason, []).append(name)
    return tuple(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def scopes(found: Agreement) -> Sequence[PairAgreement]:
    """Each pair of coders, and all together where there are several."""
    return found.pairs if len(found.pairs) == 1 else (*found.pairs, found.pooled)


def scope_name(one: PairAgreement, found: Agreement) -> str:
    """The coders' names, or that they are all."""
    return "all pairs" if one is found.pooled and len(found.pairs) > 1 else " - ".join(one.coders)


def interval(estimate: Estimate, digits: int = 3) -> str:
    """A value with its interval, where it has them."""
    return _bounded(estimate.value, estimate.low, estimate.high, digits)


def _bounded(value: float, low: float, high: float, digits: int) -> str:
    shown = number(value, digits)
    return shown if value != value or low != low else f"{shown} [{low:.{digits}f}, {high:.{digits}f}]"


def _words(*values: object) -> tuple[str, ...]:
    return tuple(map(str, values))
