"""The manifest of a study: size, SHA-256, samples and frames of every raw file.

Raw is what lies in `sub-*/` and `stimuli/`; tables at the root and derivatives may change and are not in it.
"""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from mien.core.errors import DataError
from mien.dataset import layout
from mien.dataset.tables import read_table, write_table
from mien.recording.formats import probe, read_brainvision_header, read_physio, read_physio_header


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a study: a stable code, where, what, and what to do about it."""

    code: str
    place: str
    severity: Literal["error", "warning"]
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One raw file; counts are None where they mean nothing, and the rate is of samples or frames."""

    path: str
    size_bytes: int
    sha256: str
    n_samples: int | None = None
    n_frames: int | None = None
    rate_hz: float | None = None


def raw_files(study: Path) -> Iterator[Path]:
    """Every raw file, in order of path; hidden files are none."""
    for folder in sorted([*study.glob("sub-*"), study / "stimuli"]):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits; memory stays flat."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_row(path: Path, study: Path) -> ManifestRow:
    """What the manifest says of one file; raises DataError if a recording cannot be read."""
    samples, frames, rate = _counts(path)
    place = path.relative_to(study).as_posix()
    return ManifestRow(place, path.stat().st_size, file_digest(path), samples, frames, rate)


def _counts(path: Path) -> tuple[int | None, int | None, float | None]:
    """Samples, frames and rate (Hz) of a recording; None throughout for another file."""
    if path.suffix == ".eeg":
        header = read_brainvision_header(path.with_suffix(".vhdr"))
        return header.n_samples, None, header.rate_hz
    if path.name.endswith("_physio.tsv.gz"):
        return len(read_physio(path)[0]), None, read_physio_header(path).rate_hz
    if layout.is_video(path) and layout.run_of(path) is not None:
        video = probe(path)
        return None, video.n_frames, float(video.rate_hz)
    if path.suffix == ".wav":
        return _sound(path)
    return None, None, None


def _sound(path: Path) -> tuple[int, None, float]:
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes(), None, float(sound.getframerate())
    except (wave.Error, EOFError) as error:
        raise DataError(
            path, wanted="sound in whole WAV of integers", got=str(error), remedy="export it again"
        ) from error


def write_manifest(study: Path) -> None:
    """Write `manifest.tsv` over all raw files; raises DataError if a recording cannot be read."""
    write_rows(study, [manifest_row(path, study) for path in raw_files(study)])


def write_rows(study: Path, rows: Sequence[ManifestRow]) -> None:
    """Write these rows as `manifest.tsv`."""
    import pandas as pd

    table = pd.DataFrame([astuple(row) for row in rows], columns=list(layout.MANIFEST_COLUMNS))
    table = table.astype({"n_samples": "Int64", "n_frames": "Int64"})
    write_table(layout.manifest(study), table, columns=layout.MANIFEST_COLUMNS)


def read_manifest(study: Path) -> dict[str, ManifestRow]:
    """The manifest's rows by path; raises DataError if it is absent or not such a table."""
    path = layout.manifest(study)
    table = read_table(
        path,
        columns=layout.MANIFEST_COLUMNS,
        integers=["size_bytes", "n_samples", "n_frames"],
        numbers=["rate_hz"],
        filled=["path", "size_bytes", "sha256"],
    )
    repeated = table["path"].duplicated()
    if repeated.any():
        raise DataError(
            path,
            wanted="each file once",
            got=f"{table['path'][repeated].iloc[0]} twice",
            remedy="write the manifest again",
        )
    import pandas as pd

    rows = {}
    for place, size, sha256, *counts in table[list(layout.MANIFEST_COLUMNS)].itertuples(index=False):
        known = [None if pd.isna(count) else count for count in counts]
        rows[place] = ManifestRow(place, int(size), sha256, *known)
    return rows


def check_manifest(study: Path) -> list[Finding]:
    """Files that changed, are missing or are not in the manifest; a damaged manifest is one finding."""
    try:
        rows = read_manifest(study)
    except DataError as error:
        return [
            Finding("manifest-invalid", "manifest.tsv", "error", _said(error), "write the manifest again")
        ]
    found = {path.relative_to(study).as_posix(): path for path in raw_files(study)}
    findings = [
        Finding("manifest-missing", place, "error", "the manifest names a file that is not there", _RESTORE)
        for place in rows
        if place not in found
    ]
    for place, path in found.items():
        if place not in rows:
            findings.append(
                Finding("manifest-extra", place, "error", "the manifest does not name this file", _EXTRA)
            )
        elif (got := _difference(path, rows[place])) is not None:
            findings.append(Finding("manifest-changed", place, "error", got, _RESTORE))
    return findings


def _difference(path: Path, row: ManifestRow) -> str | None:
    size = path.stat().st_size
    if size != row.size_bytes:
        return f"the file has {size} bytes, the manifest says {row.size_bytes}"
    if file_digest(path) != row.sha256:
        return "the file's content is not that of its SHA-256 in the manifest"
    return None


def _said(error: DataError) -> str:
    return f"wanted {error.wanted}, got {error.got}"


_RESTORE = "restore the file from a copy; if the change is meant, write the manifest again"
_EXTRA = "remove the file; if it belongs here, write the manifest again"
