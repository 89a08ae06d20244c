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
    said = _read(layout.coded_runs(study, participant, coder))
    return None if said is None else set(said["runs"])


def read_runs_from_elsewhere(study: Path, participant: str, coder: str) -> set[int]:
    """Those of the runs that a table from elsewhere brought, before the coder used the bench.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    said = _read(layout.coded_runs(study, participant, coder))
    return set() if said is None else set(said["elsewhere"])


def _read(path: Path) -> dict[str, list[int]] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        said = {"runs": content["runs"], "elsewhere": content.get("elsewhere", [])}
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        said = {"runs": None}
    for runs in said.values():
        if not isinstance(runs, list) or not all(type(run) is int and run > 0 for run in runs):
            raise DataError(
                path,
                wanted='{"runs": [1, 2]}, the runs that this coder went through',
                got="something else",
                remedy="correct the file, or delete it if nobody knows",
            )
    return said


def write_coded_runs(
    study: Path, participant: str, coder: str, runs: Iterable[int], *, elsewhere: Iterable[int] = ()
) -> None:
    """Say which runs a coder went through, and which of them a table from elsewhere brought."""
    others = sorted(set(elsewhere))
    said = {
        "participant_id": layout.participant_id(participant),
        "coder": coder,
        "runs": sorted({*runs, *others}),
        **({"elsewhere": others} if others else {}),
    }
    write_atomically(
        layout.coded_runs(study, participant, coder), (json.dumps(said, indent=1) + "\n").encode()
    )
