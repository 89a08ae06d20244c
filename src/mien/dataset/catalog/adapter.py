"""What an adapter says of a published dataset, and what it returns when it reads one.

An adapter reads; it never repairs. Numbers of frames stay as the dataset counts them, every row of the
coding table is returned, and what contradicts itself carries a flag. `dataset.importing` makes a study of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from mien.core.expression import ActionUnit, Kind
from mien.core.time import FloatArray, IntArray

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "order": "onset, apex and offset are not in this order",
        "offset-zero": "the offset is 0: it was not coded",
        "offset-unobserved": "the offset equals the apex: it was not observed",
        "onset-is-apex": "the onset equals the apex",
        "mark-missing": "onset, apex or offset is empty or no number",
        "not-micro": "coded as micro, but longer than 500 ms and slower to its apex than 250 ms",
        "duration-differs": "the table's own duration contradicts its frames",
        "times-differ": "the table's seconds and its frames differ by more than 20 ms",
        "frames-missing": "a frame that the row names is not among the recording's",
        "recording-missing": "the row's clip has no recording, though others have",
        "duplicate": "another row codes the same expression",
        "emotion-unknown": "the emotion is no word of this dataset",
        "action-units-unread": "the action units are spelled in no known way",
        "subject-differs": "the subject's column contradicts the clip's name",
        "cut-inside": "the picture is cut between the expression's marks",
        "corrected": "a stated correction was applied",
    }
)
"""What can be wrong with a row of a coding table; the row is kept and marked."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One published or evident mistake in a coding table, undone where the old value is still found.

    A row is known by subject, clip and onset as the adapter spells them; `column` is "onset", "apex",
    "offset", "emotion" or "action_units"; `source` says who found it (a DOI, an address, a thread).
    """

    subject: str
    clip: str
    onset: int
    column: str
    old: str
    new: str
    source: str


@dataclass(frozen=True, slots=True)
class CodedRow:
    """One row of a coding table.

    `source_row` counts as a spreadsheet does (the header is row 1). `onset`, `apex` and `offset` are frames
    as the dataset numbers them, None where the cell holds no number; `marks` are the cells verbatim, as in
    "46/59/86". `emotion` is the dataset's class in standard spelling, `three_class` negative, positive,
    surprise or None where the dataset's protocol leaves it out. `flags` are keys of `FLAGS`.
    """

    source_row: int
    subject: str
    clip: str
    onset: int | None
    apex: int | None
    offset: int | None
    marks: str
    kind: Kind | None = None
    action_units: tuple[ActionUnit, ...] = ()
    emotion: str | None = None
    three_class: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One recording of a face: pictures, a video file, or only its labels.

    Parameters
    ----------
    subject, name
        As in the coded rows.
    pictures
        One file per frame in order of time; empty for a video file.
    video
        The video file; None for pictures or where only labels are there.
    numbers
        Shape (n_frames,): the dataset's number of every frame, increasing; a gap is a missing frame. None
        for a video file: then frames count from `first_number`.
    host_s
        Shape (n_frames,): measured stamps in seconds; None where the dataset has none and its stated rate
        must serve.
    code, stimulus, emotion
        Trigger code, clip shown and emotion aimed at, where the dataset says so.
    rate_hz
        The clip's own published rate, where its dataset has several; None: the reading's rate holds.
    """

    subject: str
    name: str
    pictures: tuple[Path, ...] = ()
    video: Path | None = None
    numbers: IntArray | None = None
    first_number: int = 0
    host_s: FloatArray | None = None
    code: int | None = None
    stimulus: str | None = None
    emotion: str | None = None
    rate_hz: float | None = None


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """What else was recorded of one subject: paths, None where there is nothing."""

    eeg: Path | None = None
    physio: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Everything that an adapter found: clips and rows in order of subject, clip and source row.

    `rate_hz` is the published rate and used only where frames have no measured stamps. `remarks` are
    sentences on what was found and what was not, `corrected` the corrections that applied. `unmerged` says
    that the table holds rows of several coders without saying whose.
    """

    table: Path
    rate_hz: float
    clips: tuple[Clip, ...]
    rows: tuple[CodedRow, ...]
    sessions: Mapping[str, SessionFiles] = field(default_factory=dict)
    corrected: tuple[Correction, ...] = ()
    remarks: tuple[str, ...] = ()
    unmerged: bool = False


class DatasetFormat(Protocol):
    """An adapter: one published dataset."""

    @property
    def name(self) -> str:
        """The word for it on the command line."""
        ...

    @property
    def title(self) -> str:
        """Its name as people write it."""
        ...

    @property
    def reference(self) -> str:
        """Where it was published."""
        ...

    @property
    def rate_hz(self) -> float:
        """The published rate of its frames."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Its emotions in standard spelling."""
        ...

    def read(self, source: Path, *, labels: Path | None = None) -> Reading:
        """Read a copy of the dataset, or a coding table alone.

        `source` is the folder as it was published, or the table; `labels` a table of the user's own that
        takes the place of the published one. Raises DataError if there is no table or it lacks a column.
        """
        ...
