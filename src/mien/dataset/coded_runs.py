"""Which runs a coder has gone through: a JSON beside a coding table, written by the coding bench.

A run that is named and has no row is one in which the coder found nothing. Tables from elsewhere have no such
file: then nobody can say whether a run without a row was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mien.core.errors import DataError
from mien.core.records import write_atomically
from mien.dataset import layout


def read_coded_runs(study: Path, participant: str, coder: str) -> set[int] | None:
    """The runs that a coder went through; None where nobody says.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    path = layout.coded_runs(study, participant, coder)
    if not path.is_file():
        return None
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        runs = None
    if not isinstance(runs, list) or not all(type(run) is int and run > 0 for run in runs):
        raise DataError(
            path,
            wanted='{"runs": [1, 2]}, the runs that this coder went through',
            got="something else",
            remedy="correct the file, or delete it if nobody knows",
        )
    return set(runs)


def write_coded_runs(study: Path, participant: str, coder: str, runs: Iterable[int]) -> None:
    """Say which runs a coder went through."""
    said = {"participant_id": layout.participant_id(participant), "coder": coder, "runs": sorted(set(runs))}
    write_atomically(
        layout.coded_runs(study, participant, coder), (json.dumps(said, indent=1) + "\n").encode()
    )
