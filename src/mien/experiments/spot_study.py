"""What `mien spot STUDY` composes: videos, faces, methods under nested thresholds, records, and the heart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.core.errors import OptionError
from mien.core.records import Json, ResultRecord
from mien.dataset import open_study
from mien.evaluation import Settings
from mien.evaluation.spotting_run import SpottingRun, evaluate_spotting
from mien.evaluation.spotting_score import KINDS, KindScore
from mien.evaluation.spotting_task import SpottingMethod
from mien.experiments.spotting_filter import Filtered, filter_run
from mien.experiments.spotting_hearts import VideoHeart, read_hearts
from mien.experiments.spotting_methods import find_spotter
from mien.experiments.spotting_study import MissingOffset, SpottingStudy, read_spotting_study
from mien.experiments.spotting_then_recognise import (
    RecogniserRequest,
    SpottedThenRecognised,
    recognise_spotted,
)
from mien.features.face_pass import PassSettings
from mien.jobs import Executor, Store, executor_for, silent
from mien.spotting.heart_rate_filter import FilterSettings

Progress = Callable[[int, int, str], None]
SCORED = (*KINDS, "overall")


@dataclass(frozen=True, slots=True)
class SpotStudyRequest:
    """Which study is searched, by which methods, and how that is judged.

    Parameters
    ----------
    methods
        Names of `SPOTTING_METHODS`.
    protocol, split, n_folds, seed
        As `evaluation.Settings`; `nested` chooses thresholds on training subjects.
    kind
        Which scores stand first: "micro", "macro" or "overall".
    epochs, device, changes
        As `find_spotter`; `changes` maps "parameter" or "method.parameter" to a value.
    finder, finder_model
        As `signals.face.face_finder`.
    missing_offset
        A name of `MISSING_OFFSETS`.
    ccf
        Settings of the heart-rate filter; None: without it.
    recogniser
        By what emotions are named where an expression is proposed; None: not at all.

    Raises
    ------
    OptionError
        If a name is unknown or a number cannot be.
    """

    source: Path
    methods: tuple[str, ...] = ("optical-flow",)
    out: Path = Path("mien-results")
    protocol: str = "nested"
    split: str = "leave-one-subject-out"
    n_folds: int = 5
    seed: int = 0
    kind: str = "micro"
    epochs: int | None = None
    device: str = "cpu"
    changes: Mapping[str, Json] = field(default_factory=dict)
    finder: str = "haar"
    finder_model: Path | None = None
    workers: int = 1
    dask: str | None = None
    missing_offset: MissingOffset = "leave-out"
    ccf: FilterSettings | None = None
    recogniser: RecogniserRequest | None = None

    def __post_init__(self) -> None:
        if self.kind not in SCORED:
            raise OptionError(
                "--kind", wanted=f"one of {', '.join(SCORED)}", got=self.kind, remedy="choose one of them"
            )
        executor_for(self.workers, dask=self.dask)
        self.settings()
        for method in self.chosen():
            try:
                method.build(**method.parameters)
            except (TypeError, ValueError) as error:
                raise OptionError(
                    f"--set for {method.name}",
                    wanted="values that the method can use, as on its card",
                    got=str(error),
                    remedy="correct the value",
                ) from error
        if self.recogniser is not None:
            self.recogniser.method()
        if self.device != "cpu":
            _check_device(self.device)

    def settings(self) -> Settings:
        """How methods are evaluated."""
        return Settings(self.protocol, self.split, self.n_folds, self.seed)

    def chosen(self) -> list[SpottingMethod]:
        """The methods with all that was asked of them."""
        found = []
        used: set[str] = set()
        for name in dict.fromkeys(self.methods):
            has = find_spotter(name).parameters
            mine = {
                key.removeprefix(f"{name}."): value
                for key, value in self.changes.items()
                if key.removeprefix(f"{name}.") in has
            }
            used |= {key for key in self.changes if key.removeprefix(f"{name}.") in mine}
            found.append(find_spotter(name, epochs=self.epochs, device=self.device, changes=mine))
        unused = [key for key in self.changes if key not in used]
        if unused:
            known = sorted({key for one in found for key in one.parameters})
            raise OptionError(
                f"--set {unused[0]}",
                wanted=f"a parameter of the methods: {', '.join(known) or 'none: they have none'}",
                got=unused[0],
                remedy="correct the name",
            )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class StudySpotting:
    """One method's result on a study."""

    request: SpotStudyRequest
    record: ResultRecord
    path: Path
    scores: Mapping[str, KindScore]
    filtered: Filtered | None
    recognised: SpottedThenRecognised | None
    curves: Mapping[str, Mapping[str, Any]]

    def as_json(self) -> dict[str, Json]:
        """The first kind's scores flat, then all kinds, the filter, and where the record is."""
        first = self.scores[self.request.kind]
        dataset = self.record.dataset
        counts = first.counts
        return {
            "method": self.record.method["name"],
            "protocol": self.request.protocol,
            "kind": self.request.kind,
            "n_videos": dataset["n_recordings"],
            "n_subjects": dataset["n_subjects"],
            "n_reference": counts.n_reference,
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "fp_per_minute": first.fp_per_minute,
            "kinds": {name: one.as_json() for name, one in self.scores.items()},
            "other_rules": self.record.scores["other_rules"],
            "thresholds": self.record.protocol["thresholds"],
            "ccf": {} if self.filtered is None else self.filtered.as_json(self.request.kind),
            "strs": None if self.recognised is None else self.recognised.as_json(),
            "warnings": list(self.record.warnings),
            "record": str(self.path),
        }


@dataclass(frozen=True, slots=True, eq=False)
class StudySpottings:
    """All methods' results, and what they share."""

    source: SpottingStudy
    hearts: Mapping[str, VideoHeart]
    results: tuple[StudySpotting, ...]


def spot_study(
    request: SpotStudyRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> StudySpottings:
    """Search every video of a study by every method; writes one record a method into `records/`.

    Everything measured and trained is kept in `store`: the same request goes on where it stopped.

    Raises
    ------
    MienError
        If there is no video that can be searched, or an option cannot be.
    """
    methods = request.chosen()
    study = open_study(request.source)
    store = Store(request.out / "store")
    executor = executor_for(request.workers, dask=request.dask)
    measuring = PassSettings(
        fields=any(one.needs_fields for one in methods), finder=request.finder, model=request.finder_model
    )
    with progress("faces") as show:
        source = read_spotting_study(
            study,
            settings=measuring,
            missing_offset=request.missing_offset,
            store=store,
            executor=executor,
            progress=show,
        )
    hearts: dict[str, VideoHeart] = {}
    if request.ccf is not None:
        with progress("hearts") as show:
            hearts = read_hearts(study, source.videos, store=store, executor=executor, progress=show)
    results = []
    for method in methods:
        with progress(method.name) as show:
            run = evaluate_spotting(
                source.task, method, request.settings(), store=store, executor=executor, progress=show
            )
        results.append(_result(request, source, run, hearts, store, executor, progress))
    return StudySpottings(source, hearts, tuple(results))


def _result(
    request: SpotStudyRequest,
    source: SpottingStudy,
    run: SpottingRun,
    hearts: Mapping[str, VideoHeart],
    store: Store,
    executor: Executor | None,
    progress: Callable[[str], AbstractContextManager[Progress]],
) -> StudySpotting:
    record, filtered, recognised = run.record, None, None
    if request.recogniser is not None:
        with progress(f"{record.method['name']}, {request.recogniser.name}") as show:
            recognised = recognise_spotted(
                source,
                record,
                request.recogniser,
                request.settings(),
                kind="macro" if request.kind == "macro" else "micro",
                store=store,
                executor=executor,
                progress=show,
            )
        record = recognised.record
    if request.ccf is not None:
        filtered = filter_run(record, run.scores, hearts, request.ccf)
        record = filtered.record
    path = record.write(request.out / "records")
    return StudySpotting(request, record, path, run.scores, filtered, recognised, run.curves)


def _check_device(name: str) -> None:
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(
            "--device", wanted="a device that PyTorch has here", got=name, remedy="leave it out for the CPU"
        ) from error
