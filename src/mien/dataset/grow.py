"""A study that grows while it is recorded: begun without anybody, then participant by participant."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.dataset import layout, tables
from mien.dataset.manifest import manifest_row, raw_files, read_manifest, write_rows
from mien.dataset.recorders import SHARED_CLOCK
from mien.dataset.study import check_is_study
from mien.dataset.write import (
    BIDS_VERSION,
    EVENT_WORDS,
    PARTICIPANT_WORDS,
    README,
    ParticipantWriter,
    write_json,
)

if TYPE_CHECKING:
    import pandas as pd


def begin_study(folder: Path, title: str, stimuli: pd.DataFrame, *, simulated: bool = False) -> None:
    """Make a study that nobody has taken part in yet; its clips must lie in `stimuli/` already or come later.

    Parameters
    ----------
    stimuli
        One row per clip, with at least a column `stimulus`.

    Raises
    ------
    DataError
        If the folder is a study already.
    """
    if layout.description(folder).exists():
        raise DataError(
            folder, wanted="a folder without a study", got="a study", remedy="go on with it, or name another"
        )
    folder.mkdir(parents=True, exist_ok=True)
    import pandas as pd

    tables.write_table(layout.stimuli(folder), stimuli, columns=["stimulus"])
    write_atomically(layout.readme(folder), f"{title}\n\n{README}\n".encode())
    write_atomically(layout.ignored(folder), ("\n".join(layout.BIDS_LACKS) + "\n").encode())
    nobody = pd.DataFrame({"participant_id": pd.Series(dtype=str)})
    tables.write_participants(layout.participants(folder), nobody)
    write_json(layout.participants_json(folder), PARTICIPANT_WORDS)
    update_manifest(folder)
    fields = {
        "Name": title,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "Simulated": simulated,
        "GeneratedBy": [{"Name": "mien"}],
    }
    write_json(layout.description(folder), fields)  # last: it makes the folder a study


@contextmanager
def add_participant(study: Path, name: str, columns: Mapping[str, object]) -> Iterator[ParticipantWriter]:
    """Write one more participant; the files join the study when the block ends, none does when it raises.

    Parameters
    ----------
    name
        As in `sub-001`.
    columns
        The participant's cells in `participants.tsv`, as far as they are known: consent_level, age, sex...

    Raises
    ------
    DataError
        If the folder is no study, the participant is there already, or a recording cannot be read back.
    """
    check_is_study(study)
    name = layout.participant_id(name)
    with _alone(study):
        people = tables.read_participants(layout.participants(study))
        joining = study / f".joining-{name}"
        if joining.exists() and name not in set(people["participant_id"]):
            shutil.rmtree(layout.participant_folder(study, name), ignore_errors=True)  # killed half-way
        if name in set(people["participant_id"]) or layout.participant_folder(study, name).exists():
            raise DataError(
                study, wanted="a new participant", got=f"{name}, who is there", remedy="choose another number"
            )
        part = study / f".{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield ParticipantWriter(part, name)
            joining.touch()
            _join(study, part, name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _add_row(study, people, {"participant_id": name, **columns})
        if any(study.glob("sub-*/*/*_events.tsv")):
            write_json(layout.events_json(study), EVENT_WORDS)
        update_manifest(study)
        joining.unlink(missing_ok=True)


def _join(study: Path, part: Path, name: str) -> None:
    if not (part / name).is_dir():
        raise DataError(name, wanted="something recorded", got="nothing", remedy="record a trial")
    for made in sorted(layout.derivatives(part).glob(f"*/{name}")):
        target = study / made.relative_to(part)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, target)
    os.replace(part / name, study / name)


def _add_row(study: Path, people: pd.DataFrame, row: Mapping[str, object]) -> None:
    import pandas as pd

    cells = {key: None if value is None else str(value) for key, value in row.items()}
    both = pd.concat([people, pd.DataFrame([cells])], ignore_index=True)
    tables.write_participants(layout.participants(study), both.sort_values("participant_id"))


def update_manifest(study: Path) -> None:
    """Add raw files that the manifest does not name, drop those that are gone; what it names stays as it is.

    A file that was changed since is thus still found. Raises DataError if a recording cannot be read.
    """
    known = read_manifest(study) if layout.manifest(study).is_file() else {}
    found = []
    for path in raw_files(study):
        place = path.relative_to(study).as_posix()
        found.append(known[place] if place in known else manifest_row(path, study))
    write_rows(study, found)


def say_shared_clock(study: Path) -> None:
    """State in the description that camera and polygraph stamp with one clock."""
    path = layout.description(study)
    write_json(path, {**json.loads(path.read_bytes()), SHARED_CLOCK: True})


@contextmanager
def _alone(study: Path) -> Iterator[None]:
    """Hold the study while it grows: two sessions that end together come one after the other."""
    path = study / ".growing"
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
