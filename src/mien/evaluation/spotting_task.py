"""What a run of spotting is about, and what it asks of a method.

Times are seconds of each recording's own clock. A method says how it learns: from nothing, from the lengths
of coded expressions alone, or by training a network; what it must be given again for another fold follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.expression import Expression, Kind
from mien.core.records import Json
from mien.evaluation.method import installed_version

Learns = Literal["nothing", "lengths", "network"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One video that is searched, and what was coded in it.

    Parameters
    ----------
    name, subject, dataset
        Unique name, and whose it is.
    start_s, end_s
        The span of the video.
    references
        Coded expressions with onset, offset and kind.
    unscored
        Coded expressions without an offset or a kind: nobody can say whether a proposal matches one, so
        proposals that overlap it and match nothing else do not count.
    coded
        Whether somebody coded it: what is proposed in one that nobody coded is neither right nor wrong.
    """

    name: str
    subject: str
    dataset: str
    start_s: float
    end_s: float
    references: tuple[Expression, ...]
    unscored: tuple[Expression, ...] = ()
    coded: bool = True

    @property
    def duration_s(self) -> float:
        """Seconds of video."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class UnsearchedRecording:
    """A recording that could not be given to methods, its number of references by kind, and why."""

    name: str
    subject: str
    n_references: Mapping[Kind, int]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class SpottingTask:
    """Recordings to be searched.

    Parameters
    ----------
    name, digest
        The dataset's name and the SHA-256 of everything that methods see.
    recordings, videos
        Of equal length; `videos[i]` is what methods are given of `recordings[i]`, read when it is asked for.
    consent
        Consent level per subject, None where it is not known.
    unsearched
        Recordings without input; their references count as missed in a second set of scores.
    about
        What else the dataset's description in records should say.
    notes
        Sentences for the record's warnings.
    inputs
        SHA-256 of what a search can see: videos and references; where it is left out, the `digest`.

    Raises
    ------
    DataError
        If there is no recording, or only one subject.
    """

    name: str
    digest: str
    recordings: tuple[Recording, ...]
    videos: Sequence[Any]
    consent: Mapping[str, int | None] = field(default_factory=dict)
    unsearched: tuple[UnsearchedRecording, ...] = ()
    about: Mapping[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    inputs: str = ""

    def __post_init__(self) -> None:
        if not self.recordings or len(self.recordings) != len(self.videos):
            raise DataError(
                self.name,
                wanted="one video or more that can be searched",
                got=self.unsearched[0].reason if self.unsearched else "none",
                remedy="look at mien validate",
            )
        if len(set(self.subjects)) < 2:
            raise DataError(
                self.name,
                wanted="videos of two or more subjects",
                got=f"only {self.subjects[0]}",
                remedy="give one of the videos by path: it is then searched without labels",
            )

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subject of every recording."""
        return tuple(one.subject for one in self.recordings)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The dataset of every recording."""
        return tuple(one.dataset for one in self.recordings)


class Proposed(Protocol):
    """What a method proposes: times in seconds, a kind, and how sure it is."""

    @property
    def onset_s(self) -> float: ...
    @property
    def apex_s(self) -> float: ...
    @property
    def offset_s(self) -> float: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def score(self) -> float: ...


class SpotterLike(Protocol):
    """As `mien.spotting.spotter.Spotter`; one that learns lengths also tells what by `learned()`."""

    def fit(self, videos: Sequence[Any], references: Sequence[Sequence[Expression]]) -> Any: ...
    def score(self, video: Any) -> Mapping[str, NDArray[Any]]: ...
    def propose(
        self, scores: Mapping[str, NDArray[Any]], thresholds: Mapping[Kind, float]
    ) -> Sequence[Proposed]: ...


@dataclass(frozen=True, slots=True)
class SpottingMethod:
    """A named way to make spotters.

    Parameters
    ----------
    name, version
        The name in tables; the version is raised whenever its results may change.
    build
        `build(seed=..., **parameters)` returns a fresh spotter. Importable by name.
    learns
        What `fit` looks at.
    published
        Threshold by kind, as published or by default; the kinds that the method knows.
    candidates
        Thresholds by kind that `nested` and `test-selected` choose among, ascending.
    parameters, libraries, imports
        As `evaluation.Method`.
    needs_fields
        Whether it is given displacement and texture of all places.
    thresholds_are
        "heights" of a curve, or "shares" of the way from its mean to its maximum (Moilanen et al. 2014).
    """

    name: str
    version: int
    build: Callable[..., SpotterLike]
    learns: Learns
    published: Mapping[Kind, float]
    candidates: Mapping[Kind, tuple[float, ...]]
    parameters: Mapping[str, Json] = field(default_factory=dict)
    libraries: tuple[str, ...] = ("numpy",)
    imports: tuple[str, ...] = ()
    needs_fields: bool = False
    thresholds_are: Literal["heights", "shares"] = "heights"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it can find."""
        return tuple(self.published)

    def library_versions(self) -> dict[str, str]:
        """The installed version of every library that may change the result."""
        return {name: installed_version(name) for name in self.libraries}


def spans(expressions: Sequence[Expression | Proposed]) -> NDArray[np.float64]:
    """Onsets and offsets in seconds, (n, 2)."""
    rows = [(one.onset_s, one.offset_s) for one in expressions]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)
