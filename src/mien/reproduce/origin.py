"""Where a report comes from: people, settings, versions, the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mien import __version__
from mien.core.errors import MienError
from mien.dataset import Study
from mien.reproduce.item import Cell, ItemTable
from mien.reproduce.study_identity import has_manifest, study_digest

if TYPE_CHECKING:
    from mien.reproduce.run import Reproduction

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "opencv-contrib-python-headless", "mne", "neurokit2")


def participants(study: Study) -> ItemTable:
    """One row a participant: consent, trials, what was recorded of how many of them, coded expressions.

    Where a table of the study is damaged, people and consent alone, and which table it is.
    """
    from mien.dataset import describe

    try:
        found = describe(study)
    except MienError as error:
        people = tuple((Cell(name), Cell(_consent(study, name))) for name in study.participants)
        return ItemTable("Participants", ("participant", "consent"), people, str(error))
    kinds = list(dict.fromkeys(kind for counts in found.completeness.values() for kind in counts))
    rows = []
    for name in study.participants:
        coded, level = _coded(study, name), _consent(study, name)
        complete = found.completeness.get(name, {})
        counted: tuple[str | int, ...] = (name, level, *(complete.get(kind, 0) for kind in kinds), *coded)
        rows.append(tuple(Cell(value) for value in counted))
    note = (
        "Columns from the third on say in how many trials each is there; expressions are rows of all coders."
    )
    return ItemTable("Participants", ("participant", "consent", *kinds, "micro", "macro"), tuple(rows), note)


def _consent(study: Study, name: str) -> str:
    level = study.participants[name].consent_level
    return "not known" if level is None else f"level {level}"


def _coded(study: Study, name: str) -> tuple[int, int]:
    tables = study.session(name).coding().values()
    micro, macro = (sum(int((t["kind"] == kind).sum()) for t in tables) for kind in ("micro", "macro"))
    return micro, macro


def origin(made: Reproduction) -> Iterator[tuple[str, str]]:
    """Name and words of everything that the numbers depend on."""
    setting = made.setting
    yield "study", setting.study.resolve().name
    vouched = "" if has_manifest(setting.study) else " (no manifest: by sizes, not by contents)"
    yield "digest of its files", study_digest(setting.study)[:16] + vouched
    for other in setting.others:
        yield "other study", f"{other.resolve().name}, digest {study_digest(other)[:16]}"
    yield "who is tested", "leave-one-subject-out; thresholds and weights from training subjects only"
    yield "intervals", "95 %, participants resampled; percentile bootstrap"
    budget = "as on the methods' cards" if setting.budget is None else str(setting.budget)
    yield "epochs of networks", f"{budget}{' (the quick plan)' if setting.quick else ''}"
    yield "seed", str(setting.seed)
    yield "mien", __version__
    yield "libraries", ", ".join(f"{name} {found}" for name in _LIBRARIES if (found := _version(name)))
    cores = f"{os.cpu_count()} cores"
    yield "machine", f"{platform.system()} {platform.machine()}, {cores}, Python {platform.python_version()}"
    where = f"on {setting.dask}" if setting.dask else f"{setting.n_workers} processes"
    yield (
        "this run",
        (
            f"{sum(made.seconds.values()):.0f} s, {where}; {made.n_computed} jobs computed, "
            f"{made.n_kept} kept from before"
        ),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
