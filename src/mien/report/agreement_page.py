"""Agreement between coders as one self-contained HTML page, and the files beside it.

The page needs no network and no script. It shows numbers and marks in time, nobody's face and no voice.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from mien import __version__
from mien.coding.agreement_expressions import expression_rows
from mien.coding.agreement_result import Agreement
from mien.coding.agreement_times import MARKS
from mien.core.records import Json, write_atomically
from mien.report.agreement_figures import (
    difference_figure,
    drift_figure,
    kappa_figure,
    missed_figure,
    pair_figure,
)
from mien.report.agreement_tables import QUANTITY_WORDS, agreement_grids, interval
from mien.report.number_words import number, several

PAGE, NUMBERS, PAIRS = "agreement.html", "agreement.json", "pairs.tsv"


def write_agreement(found: Agreement, folder: Path, *, title: str) -> dict[str, Path]:
    """Write page, numbers and pairs into a folder; returns their paths by name."""
    content = {
        "page": (PAGE, agreement_page(found, title=title)),
        "numbers": (NUMBERS, json.dumps({"title": title, **found.as_json()}, indent=1, allow_nan=False)),
        "pairs": (PAIRS, pairs_table(found)),
    }
    for name, text in content.values():
        write_atomically(folder / name, text.encode())
    return {key: folder / name for key, (name, _) in content.items()}


def pairs_table(found: Agreement) -> str:
    """Every matched pair and missed expression, tab-separated; n/a where nothing was marked."""
    rows = expression_rows(found.pooled)
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(_PAIR_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in _PAIR_COLUMNS])
    return buffer.getvalue()


_OF_A_CODER = ("row", "onset_s", "apex_s", "offset_s", "kind", "action_units", "emotion")
_PAIR_COLUMNS = (
    *("status", "participant_id", "clip", "coder_1", "coder_2"),
    *(f"{name}_1" for name in _OF_A_CODER),
    *(f"{name}_2" for name in _OF_A_CODER),
    *("iou", "onset_ms", "apex_ms", "offset_ms", "au_r"),
)


def _cell(value: Json) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def agreement_page(found: Agreement, *, title: str) -> str:
    """The HTML of the page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pooled = found.pooled
    return environment.get_template("agreement.html").render(
        title=title,
        version=__version__,
        scope=scope_words(found),
        sentences=_sentences(found),
        notes=left_out_words(found),
        tables={grid.key: grid for grid in agreement_grids(found)},
        figures={
            "differences": difference_figure(pooled),
            "pairs": pair_figure(found.pairs) if len(found.pairs) > 1 else None,
            "kappas": kappa_figure(pooled),
            "missed": missed_figure(pooled),
            "drift": drift_figure(pooled),
        },
        conventions=_conventions(found),
    )


def scope_words(found: Agreement) -> str:
    """How much was compared."""
    chosen = "all kinds" if found.settings.kind == "all" else f"{found.settings.kind}-expressions"
    return (
        f"{several(found.pooled.n_clips, 'clip')} of {several(found.pooled.n_participants, 'participant')} "
        f"coded by two coders or more; {chosen}."
    )


def _sentences(found: Agreement) -> list[str]:
    pooled, units = found.pooled, found.pooled.units
    names = " and ".join(pooled.coders) if len(pooled.coders) < 3 else several(len(pooled.coders), "coder")
    missed = len(pooled.missed_expressions)
    said = [
        f"{names} matched {several(pooled.n_pairs, 'pair')} of expressions; "
        f"{missed} {'was' if missed == 1 else 'were'} seen by one coder of a pair only."
    ]
    if pooled.n_pairs:
        said.append(
            f"Agreement on action units is r = {interval(units.micro)} (pooled; mean over expressions "
            f"{interval(units.mean)}); kappa of emotion {interval(pooled.emotion)}."
        )
        said.append(
            "Marks differ by "
            + ", ".join(f"{number(pooled.times[m].mae, 1)} ms at the {m}" for m in MARKS if pooled.times[m].n)
            + " on average."
        )
    drifts = [
        QUANTITY_WORDS[name] for name, one in pooled.drift.slopes.items() if one.low > 0 or one.high < 0
    ]
    if drifts:
        said.append(
            f"The slope over the order of clips lies on one side of 0 for: {'; '.join(drifts)} "
            f"({len(QUANTITY_WORDS)} slopes were looked at)."
        )
    return said


def left_out_words(found: Agreement) -> list[str]:
    """What was left out or looks odd, a sentence each."""
    notes = []
    for one in found.coders:
        for reason, n in one.unused.items():
            notes.append(f"{one.coder}: {several(n, 'row')} left out, {reason}.")
        if one.n_repeated:
            notes.append(f"{one.coder}: {several(one.n_repeated, 'row')} with the times of another row.")
    notes += [f"{a} and {b} coded no common clip." for a, b in found.apart]
    return notes


def _conventions(found: Agreement) -> list[str]:
    s = found.settings
    return [
        f"Expressions of one clip are matched one to one if spans overlap by IoU {s.min_iou:g} at least; "
        "spans end at the apex where one of the coders did not observe the offset. Micro may match macro.",
        "r = 2 |A and B| / (|A| + |B|), by number of the unit: pooled is the sum of numerators over the sum "
        "of denominators, mean is over expressions in which a coder named a unit.",
        "Kappa is Cohen's over matched expressions. With missed ones, an expression that a coder did not see "
        "has no unit, emotion or kind for that coder. Fleiss' and Krippendorff's are over all coders.",
        "Times are the first coder's minus the second's, labels in order; the offset only where both "
        "observed it. Limits of agreement: mean ± 1.96 SD.",
        "Missed: the share of what others saw that a coder did not match, in clips that both coded.",
        f"Intervals hold {s.level:.0%} of {s.n_resamples} draws of participants (seed {s.seed}); a share of "
        "none or all has Wilson's. With few participants they are too narrow.",
    ]
