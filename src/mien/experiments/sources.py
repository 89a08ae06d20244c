"""From a path to tasks: what can be read, and how each becomes samples, labels and input of methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from mien.core.errors import DataError, OptionError
from mien.dataset import layout, open_study
from mien.dataset.catalog import MEGC2019_FLOW
from mien.dataset.catalog.megc2019_flow import MotionMapFormat
from mien.dataset.motion_maps import MotionMaps
from mien.evaluation import Task


class Source(Protocol):
    """Where samples come from: one task for each kind of input that it gives, of the same samples."""

    @property
    def gives(self) -> frozenset[str]:
        """The kinds of input that it has for methods."""

    def task(self, needs: str | None) -> Task:
        """The task for methods that need this kind of input; None takes any."""


@dataclass(frozen=True, slots=True)
class MapSource:
    """A dataset of motion maps: one kind of input, measured by someone else."""

    maps: MotionMaps

    @property
    def gives(self) -> frozenset[str]:
        """Motion maps alone."""
        return frozenset({"motion-map"})

    def task(self, needs: str | None) -> Task:
        """The task of the maps."""
        return task_of(self.maps)


def is_study(source: Path) -> bool:
    """Whether a path is a study's folder rather than a dataset of motion maps."""
    return layout.description(source).is_file() and layout.participants(source).is_file()


@dataclass(frozen=True, slots=True)
class FilmOwner:
    """Whose a video of a study is, and that participant's consent level; None: not known."""

    study: Path
    participant: str
    level: int | None


def owner_of_film(video: Path) -> FilmOwner | None:
    """The study in which a video lies, and whose it is there; None for any other video."""
    parts = video.resolve().parents
    study = next((folder for folder in parts if is_study(folder)), None)
    if study is None:
        return None
    people = open_study(study).participants
    who = next((part for part in video.resolve().relative_to(study).parts if part in people), None)
    return None if who is None else FilmOwner(study, who, people[who].consent_level)


FORMATS: Mapping[str, MotionMapFormat] = MappingProxyType({MEGC2019_FLOW.name: MEGC2019_FLOW})


def read_source(source: Path, *, format_name: str | None = None) -> MotionMaps:
    """The motion maps at a path, in a named format or in the one that recognises it.

    Raises
    ------
    OptionError
        If the format is unknown.
    DataError
        If nothing readable is there.
    """
    if format_name is not None:
        if format_name not in FORMATS:
            raise OptionError(
                "--format",
                wanted=f"one of {', '.join(FORMATS)}",
                got=format_name,
                remedy="choose one of them",
            )
        return FORMATS[format_name].read(source)
    if not source.exists():
        raise DataError(source, wanted="a dataset", got="no such file or folder", remedy="check the path")
    for known in FORMATS.values():
        if known.recognises(source):
            return known.read(source)
    raise DataError(
        source,
        wanted=f"a study, or a dataset in one of the formats {', '.join(FORMATS)}",
        got="a folder in none of them" if source.is_dir() else "a file",
        remedy="name the folder of the study, or the one that holds labels*.csv and the maps",
    )


def task_of(maps: MotionMaps) -> Task:
    """The recognition task that motion maps pose: name the class of each map."""
    return Task(
        name=maps.name,
        digest=maps.digest,
        X=maps.maps,
        y=maps.labels,
        classes=maps.classes,
        sample_ids=maps.sample_ids,
        subjects=maps.subjects,
        datasets=maps.datasets,
        consent=maps.consent,
    )
