"""What tells one state of a study from another: its raw files by the manifest, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import DataError, OptionError
from mien.core.records import digest
from mien.dataset import layout
from mien.dataset.manifest import file_digest, read_manifest

_TABLES = ("participants.tsv", "stimuli/*.tsv", "derivatives/coding/**/*.tsv", "derivatives/sync/**/*")


def study_digest(study: Path) -> str:
    """SHA-256 over raw files, as the manifest states them, and over tables of people, clips and coding.

    Without a readable manifest sizes stand for contents.
    """
    try:
        raw = {place: [row.size_bytes, row.sha256] for place, row in read_manifest(study).items()}
    except DataError:
        raw = {
            path.relative_to(study).as_posix(): [path.stat().st_size, ""]
            for path in sorted(study.glob("sub-*/**/*"))
            if path.is_file()
        }
    found = sorted({path for pattern in _TABLES for path in study.glob(pattern) if path.is_file()})
    tables = {path.relative_to(study).as_posix(): file_digest(path) for path in found}
    return digest([raw, tables])


def check_different(study: Path, others: Sequence[Path]) -> None:
    """Raise OptionError if a study is given twice, or two have one name: columns are named after folders."""
    if not others:
        return
    known: dict[str, Path] = {}
    contents: dict[str, Path] = {}
    for path in (study, *others):
        name, content = path.resolve().name, study_digest(path)
        if content in contents:
            raise OptionError(
                f"--with {path}",
                wanted="another study",
                got=f"the same files as in {contents[content]}",
                remedy="give each study once",
            )
        if name in known:
            raise OptionError(
                f"--with {path}",
                wanted="a folder with a name of its own",
                got=f"the name of {known[name]}",
                remedy="rename one of the two: tables name their columns after folders",
            )
        known[name] = contents[content] = path


def has_manifest(study: Path) -> bool:
    """Whether the study says what its raw files must hold."""
    return layout.manifest(study).is_file()
