"""What a spotting method suggests to coders: read from the tables that `mien spot` writes beside its results.

A suggestion is nobody's coding: it is shown as a ghost until a coder confirms or rejects it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.app.study_clips import clip_id
from mien.core.errors import DataError
from mien.dataset import layout, tables


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposal in frames of its clip; `id` names it for good: method, clip and frames."""

    id: str
    onset: int
    apex: int | None
    offset: int | None
    kind: str | None
    score: float | None
    regions: tuple[str, ...]
    method: str

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {**asdict(self), "regions": list(self.regions)}


def read_suggestions(folder: Path) -> tuple[dict[str, Sequence[Suggestion]], str | None]:
    """Suggestions by clip, and the method's name, from a folder `suggestions` that `mien spot STUDY` wrote.

    Raises
    ------
    DataError
        If there are none, several methods lie in the folder, or a table is damaged.
    """
    inside = folder / "suggestions"
    folder = inside if inside.is_dir() else folder
    files = sorted(folder.glob("sub-*/*_expressions.tsv"))
    methods = {layout.coder_of(path) or "" for path in files}
    if len(methods) != 1:
        got = f"those of {', '.join(sorted(methods))}" if methods else "none"
        raise DataError(
            folder,
            wanted="one method's suggestions, as mien spot STUDY writes them",
            got=got,
            remedy="name the folder OUT/METHOD/suggestions",
        )
    method = methods.pop()
    found: dict[str, list[Suggestion]] = {}
    for path in files:
        for row in tables.rows(tables.read_coding(path)):
            if row["onset_frame"] is not None:
                clip = clip_id(path.parent.name, int(row["run"]))
                found.setdefault(clip, []).append(_suggestion(clip, method, row))
    return {name: tuple(own) for name, own in found.items()}, method


def _suggestion(clip: str, method: str, row: dict[str, Any]) -> Suggestion:
    onset, apex, offset = (
        None if row[name] is None else int(row[name]) for name in layout.CODING_COLUMNS[2:5]
    )
    assert onset is not None
    score = row.get("score")
    return Suggestion(
        id=f"{method}:{clip}:{onset}-{apex}-{offset}",
        onset=onset,
        apex=apex,
        offset=offset,
        kind=row["kind"],
        score=None if score is None else float(score),
        regions=tuple((row.get("regions") or "").split("; ")) if row.get("regions") else (),
        method=method,
    )
