"""From a path to a task: which formats can be read, and how each becomes samples and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mien.core.errors import DataError, OptionError
from mien.dataset.catalog import MEGC2019_FLOW
from mien.dataset.catalog.megc2019_flow import MotionMapFormat
from mien.dataset.motion_maps import MotionMaps
from mien.evaluation import Task

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
    for layout in FORMATS.values():
        if layout.recognises(source):
            return layout.read(source)
    raise DataError(
        source,
        wanted=f"a dataset in one of the formats {', '.join(FORMATS)}",
        got="a folder in none of them" if source.is_dir() else "a file",
        remedy="name the folder that holds labels*.csv and the maps",
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
