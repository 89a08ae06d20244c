"""Rated clips as one self-contained HTML page, and the tables beside it.

The page needs no network and no script. It names clips and raters as the tables do, and shows nobody.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien import __version__
from mien.core.records import write_atomically
from mien.elicitation.reliability_words import EQUATIONS
from mien.elicitation.selection import RatedClip, Reliability, Rules, Selection
from mien.report.stimuli_figures import emotion_figure, plane_figure
from mien.report.stimuli_tables import clip_grid, emotion_grid, reliability_grid, selected_grid
from mien.report.stimuli_words import conventions, sentences

PAGE, PLOT, CLIPS, SELECTED = "stimuli.html", "valence-arousal.svg", "clips.tsv", "selected.tsv"
_FIGURES = (
    "n_raters", "hit_rate", "hit_low", "hit_high", "discreteness", "valence", "valence_sd", "arousal",
    "arousal_sd", "valence_holds", "success", "seconds",
)  # fmt: skip


def write_stimuli(
    rated: Sequence[RatedClip],
    agreed: Sequence[Reliability],
    selection: Selection,
    rules: Rules,
    doubtful: Mapping[str, str],
    folder: Path,
    *,
    title: str,
    keep_all: bool = False,
) -> dict[str, Path]:
    """Write page, plot and tables into a folder; returns their paths by name.

    Parameters
    ----------
    doubtful
        Raters who always answer the same, and in what.
    keep_all
        Whether their answers were kept.
    """
    page = stimuli_page(rated, agreed, selection, rules, doubtful, title=title, keep_all=keep_all)
    content = {
        "page": (PAGE, page),
        "plot": (PLOT, plane_figure(rated, frozenset(selection.names))),
        "clips": (CLIPS, clips_table(rated, selection)),
        "selected": (SELECTED, clips_table(rated, selection, selected_only=True)),
    }
    for name, text in content.values():
        write_atomically(folder / name, text.encode())
    return {key: folder / name for key, (name, _) in content.items()}


def clips_table(rated: Sequence[RatedClip], selection: Selection, *, selected_only: bool = False) -> str:
    """Clips with their figures, tab-separated; n/a where there is none.

    `place` counts from 1 within the emotion, best first; `left_out` says why a clip was not taken; columns as
    named_fear count the raters who named an emotion.
    """
    words = sorted({word for clip in rated for word in clip.votes})
    by_name = {clip.name: clip for clip in rated}
    places = {
        clip.name: place for clips in selection.selected.values() for place, clip in enumerate(clips, start=1)
    }
    names = selection.names if selected_only else tuple(by_name)
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(
        ["stimulus", "emotion", "place", "left_out", *_FIGURES, *(f"named_{word}" for word in words)]
    )
    for name in names:
        clip = by_name[name]
        figures = [_cell(getattr(clip, figure)) for figure in _FIGURES]
        votes = [str(clip.votes.get(word, 0)) for word in words]
        why = selection.left_out.get(name)
        writer.writerow([name, _cell(clip.target), _cell(places.get(name)), _cell(why), *figures, *votes])
    return buffer.getvalue()


def _cell(value: object) -> str:
    if value is None or value != value:
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def stimuli_page(
    rated: Sequence[RatedClip],
    agreed: Sequence[Reliability],
    selection: Selection,
    rules: Rules,
    doubtful: Mapping[str, str],
    *,
    title: str,
    keep_all: bool = False,
) -> str:
    """The HTML of the page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    selected = frozenset(selection.names)
    return environment.get_template("stimuli.html").render(
        title=title,
        version=__version__,
        sentences=sentences(rated, agreed, selection, rules, doubtful, keep_all=keep_all),
        reliability=reliability_grid(agreed),
        emotions=emotion_grid(rated, selection),
        selected=selected_grid(selection),
        clips=clip_grid(rated, selection),
        plane=plane_figure(rated, selected),
        by_emotion=emotion_figure(rated, selected) if selection.selected else None,
        equations=EQUATIONS,
        conventions=conventions(rules),
    )
