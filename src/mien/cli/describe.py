"""mien describe: what a study holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from mien.dataset.clip_marks import MarkCounts
    from mien.dataset.describe import Description, Spread
    from mien.dataset.reminders import Reminders


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("describe")(describe_study)


def describe_study(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    plot: Annotated[Path | None, typer.Option(help="Write the figure there, as SVG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Count a study: participants, trials, expressions, emotions, action units, durations, completeness."""
    from mien.dataset import describe, open_study

    found = describe(open_study(study))
    if plot is not None:
        from mien.core.records import write_atomically
        from mien.report.study_figures import description_figure

        write_atomically(plot, description_figure(found).encode())
    if as_json:
        print_json({"study": str(study), **asdict(found)})
        return
    _print(str(study), found)


def _print(title: str, d: Description) -> None:
    said: list[list[object]] = [
        ["participants", d.n_participants],
        ["age", _spread(d.age, 1)],
        ["sex", _counts(d.sex)],
        ["consent", _counts(d.consent)],
        ["trials", d.n_trials],
        ["coded rows", d.n_rows],
        ["of these with unusable times", d.n_unused],
        ["expressions (rows merged)", d.n_expressions],
        ["micro", d.n_micro],
        ["macro", d.n_macro],
        ["kind undecided", d.n_undecided],
    ]
    said += [[kind, words] for kind, words in d.recordings.items()]
    print_table(f"{title}: {d.title}", ["what", "count"], said)
    _by_kind("emotions", "emotion", d.emotions)
    _by_kind("three classes", "class", d.three_classes)
    if d.action_units:
        rows = [
            [au, u["description"], u["region"], u["micro"], u["macro"]] for au, u in d.action_units.items()
        ]
        print_table("action units", ["AU", "description", "region", "micro", "macro"], rows)
    rows = [
        [k, s.n, number(s.mean, 1), number(s.sd, 1), number(s.median, 1), d.n_without_offset[k]]
        for k, s in d.duration_ms.items()
    ]
    rows += [
        [f"micro, {name}", "-", number(m, 1), number(sd, 1), "-", "-"]
        for name, (m, sd, _) in d.other_duration_ms.items()
    ]
    columns = ["onset to offset, ms", "n", "mean", "SD", "median", "without an observed offset"]
    print_table("durations", columns, rows)
    if any(s.n for s in d.valence.values()):
        rows = [
            [word, d.valence[word].n, _spread(d.valence[word]), _spread(d.arousal[word])]
            for word in d.valence
        ]
        print_table("ratings by the clip's emotion", ["emotion", "n", "valence", "arousal"], rows)
    if d.completeness:
        names = list(next(iter(d.completeness.values())))
        rows = [[who, *(counts[name] for name in names)] for who, counts in d.completeness.items()]
        print_table("trials with each modality", ["participant", *names], rows)
    if d.shown_ms:
        rows = [[words, s.n, number(s.mean, 1), number(s.sd, 1)] for words, s in d.shown_ms.items()]
        print_table("times of the session, ms", ["what", "trials", "mean", "SD"], rows)
    if d.marks is not None:
        _print_marks(d.marks)
    if d.reminders is not None:
        _print_reminders(d.reminders)
    if d.flags:
        print_table("flags of imported rows", ["flag", "rows"], [list(item) for item in d.flags.items()])


def _print_marks(m: MarkCounts) -> None:
    said: list[list[object]] = [
        ["shot cuts", _counts(m.n_cuts) or "none"],
        ["clips with one", m.n_runs_with_cut],
    ]
    said += [[f"voice, s: {verdict}", number(seconds, 1)] for verdict, seconds in m.voice_s.items()]
    said.append(["clips without sound", m.n_without_sound])
    print_table("cuts, and who speaks (for people to look at)", ["what", "value"], said)


def _print_reminders(r: Reminders) -> None:
    def signed(value: float) -> str:
        return "-" if value != value else f"{value:+.2f}"

    recovered = sum(row.recovered_s is not None for row in r.rows)
    said: list[list[object]] = [
        ["reminders", len(r.rows)],
        ["by", _counts(r.by)],
        ["reasons", _counts(r.reasons)],
        ["participants who were monitored", len(r.per_trial)],
        ["reminders per trial, by participant", _counts({w: number(v, 2) for w, v in r.per_trial.items()})],
        [
            "change per ten trials [95 %]",
            f"{signed(r.trend_mean)} [{signed(r.trend_low)}, {signed(r.trend_high)}]",
        ],
        ["still again after, s (median)", f"{number(r.recovery_median_s, 1)} ({recovered} of {len(r.rows)})"],
        ["rank correlation of that with the trial", signed(r.recovery_trend)],
    ]
    said += [[f"not still again: {why}", n] for why, n in r.not_recovered.items()]
    print_table(
        "reminders (no control group: what follows one need not come from it)", ["what", "value"], said
    )


def _by_kind(title: str, column: str, counts: object) -> None:
    assert isinstance(counts, dict)
    rows = [[word, n["micro"], n["macro"]] for word, n in counts.items()]
    print_table(title, [column, "micro", "macro"], rows)


def _spread(s: Spread, digits: int = 2) -> str:
    return "-" if not s.n else f"{number(s.mean, digits)} (SD {number(s.sd, digits)})"


def _counts(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{word}: {n}" for word, n in counts.items())
