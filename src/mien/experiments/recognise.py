"""What `mien recognise` composes: source -> task -> runs -> records -> comparisons."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, ResultRecord, to_json
from mien.dataset import open_study
from mien.evaluation import (
    Comparison,
    Method,
    Settings,
    compare_records,
    evaluate_method,
    score_record,
)
from mien.evaluation.chance import chance_test, unanswered_as_wrong
from mien.evaluation.protocol import n_fits
from mien.evaluation.run import plan_evaluation
from mien.experiments.examples import write_examples
from mien.experiments.methods import check_needs, find_method
from mien.experiments.models import train_model
from mien.experiments.sources import MapSource, Source, is_study, read_source
from mien.experiments.study_source import CLASSES, StudySource, read_study_source
from mien.features.measuring import MeasureSettings
from mien.jobs import Executor, Store, executor_for, silent

Progress = Callable[[int, int, str], None]
_WARM_S = 60.0


@dataclass(frozen=True, slots=True)
class RecogniseRequest:
    """What to evaluate, how, and where results go; `protocols` are crossed with `methods`.

    Parameters
    ----------
    n_classes, kinds, measure
        Of a study: 3 or 7 classes, "micro" or "macro" expressions or both, and how faces are measured.
    imbalance, augment, device, changes
        As in `find_method`; `changes` maps "parameter" or "method.parameter" to a value.
    save
        Where to write the model trained on everything; for one method.
    """

    source: Path
    methods: tuple[str, ...]
    out: Path
    format_name: str | None = None
    protocols: tuple[str, ...] = ("fixed",)
    split: str = "leave-one-subject-out"
    n_folds: int = 5
    seed: int = 0
    epochs: int | None = None
    n_workers: int = 1
    dask: str | None = None
    n_classes: int = 3
    kinds: tuple[str, ...] = ("micro",)
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    imbalance: str | None = None
    augment: bool = False
    device: str = "cpu"
    changes: Mapping[str, Json] = field(default_factory=dict)
    save: Path | None = None

    def chosen_methods(self) -> list[Method]:
        """The methods with all that was asked of them; raises OptionError for what cannot be."""
        names = list(dict.fromkeys(self.methods))
        has = {name: find_method(name).parameters for name in names}
        for key in self.changes:
            method, _, parameter = key.rpartition(".")
            asked = [method] if method else names
            if not any(parameter in has.get(name, ()) for name in asked):
                known = sorted({p for name in asked for p in has.get(name, ())})
                raise OptionError(
                    f"--set {key}",
                    wanted=f"a parameter of {', '.join(names)}"
                    + (f" ({', '.join(known)})" if known else ", which have none"),
                    got=key,
                    remedy="correct the name",
                )
        return [
            find_method(
                name,
                epochs=self.epochs,
                imbalance=self.imbalance,
                augment=self.augment,
                device=self.device,
                changes={
                    parameter: self.changes[key]
                    for parameter in has[name]
                    for key in (parameter, f"{name}.{parameter}")
                    if key in self.changes
                },
            )
            for name in names
        ]


@dataclass(frozen=True, slots=True)
class Recognition:
    """The records of one request with the paths they were written to, and their paired comparisons.

    `model` is where the model trained on everything was written, if one was asked for.
    """

    records: tuple[ResultRecord, ...]
    paths: tuple[Path, ...]
    comparisons: tuple[Comparison, ...]
    model: Path | None = None

    def as_json(self) -> Json:
        """One object for one run; for several an object with `results` and `comparisons`."""
        results = [_result(r, p) for r, p in zip(self.records, self.paths, strict=True)]
        if self.model is not None:
            results[0]["model"] = str(self.model)
        if len(results) == 1:
            return results[0]
        return to_json({"results": results, "comparisons": [asdict(c) for c in self.comparisons]})


def recognise(
    request: RecogniseRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> Recognition:
    """Evaluate every method under every protocol and write one record each into `out/records`.

    Finished folds and measured clips are kept in `out/store`; a run that was killed goes on where it stopped.

    Raises
    ------
    MienError
        For whatever is wrong with the source, an option or a fold; no record is then written for it.
    """
    methods, settings = _checked(request)
    executor = _executor(request)
    source = open_source(request, executor=executor, progress=progress)
    for method in methods:
        check_needs(method, given=source.gives)
    first = source.task("motion-map")
    store = Store(request.out / "store")
    store.sweep()
    examples = write_examples(first, request.out)
    records, paths = [], []
    for method in methods:
        task = source.task(getattr(method, "needs", None))
        for setting in settings:
            with progress(f"{method.name}, {setting.protocol}") as show:
                record = evaluate_method(
                    task, method, setting, store=store, executor=executor, progress=show, artefacts=examples
                )
            records.append(record)
            paths.append(record.write(request.out / "records"))
    model = None
    if request.save is not None:
        task = source.task(getattr(methods[0], "needs", None))
        measure = request.measure if isinstance(source, StudySource) else None
        with progress(f"{methods[0].name}, trained on everything"):
            train_model(task, methods[0], request.save, seed=request.seed, measure=measure)
        model = request.save
    return Recognition(
        tuple(records), tuple(paths), tuple(compare_records(records, seed=request.seed)), model
    )


def open_source(
    request: RecogniseRequest,
    *,
    executor: Executor,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> Source:
    """The samples of the request: a study, whose clips are measured now, or a dataset of motion maps.

    Raises
    ------
    MienError
        If there is neither, or it cannot be used.
    """
    if request.format_name is not None or not is_study(request.source):
        return MapSource(read_source(request.source, format_name=request.format_name))
    with progress("faces and their motion") as show:
        return read_study_source(
            open_study(request.source),
            n_classes=request.n_classes,
            kinds=request.kinds,
            settings=request.measure,
            store=Store(request.out / "store"),
            executor=executor,
            progress=show,
        )


def _checked(request: RecogniseRequest) -> tuple[list[Method], list[Settings]]:
    if not request.methods or not request.protocols:
        raise OptionError(
            "--method", wanted="at least one method and protocol", got="none", remedy="name one"
        )
    for what, value, known in (
        ("--classes", request.n_classes, tuple(CLASSES)),
        *(("--kind", kind, ("micro", "macro")) for kind in request.kinds or ("none",)),
    ):
        if value not in known:
            raise OptionError(
                what, wanted=f"one of {', '.join(map(str, known))}", got=value, remedy="choose one of them"
            )
    if request.save is not None and len(request.methods) != 1:
        raise OptionError(
            "--save", wanted="one method to train", got=len(request.methods), remedy="name one --method"
        )
    if request.save is not None:
        _check_save(request.save, request.chosen_methods()[0], is_study(request.source))
    settings = [
        Settings(protocol, request.split, request.n_folds, request.seed)
        for protocol in dict.fromkeys(request.protocols)
    ]
    return request.chosen_methods(), settings


def _check_save(path: Path, method: Method, of_study: bool) -> None:
    """Find out before hours of training whether the model can be written and asked."""
    if of_study and getattr(method, "needs", "motion-map") is None:
        raise OptionError(
            "--save",
            wanted="a method that says what it looks at",
            got=method.name,
            remedy="choose another, or give your own method needs='motion-map'",
        )
    folder = next((one for one in path.absolute().parents if one.exists()), Path("/"))
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(
            path, wanted="a file that can be written", got="none", remedy="name another with --save"
        )


def _executor(request: RecogniseRequest) -> Executor:
    return executor_for(request.n_workers, dask=request.dask)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a method under a protocol will take: folds, those done, and seconds of one core for the rest."""

    method: str
    protocol: str
    n_folds: int
    n_done: int
    core_s: float


def estimate(
    request: RecogniseRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> list[Estimate]:
    """How long the request would take, from one epoch of every method on its first fold; nothing is scored.

    Motion of a study's faces is measured first, if it has not been.
    """
    methods, settings = _checked(request)
    source = open_source(request, executor=_executor(request), progress=progress)
    store = Store(request.out / "store")
    found: list[Estimate] = []
    trained: set[str] = set()
    for method in methods:
        check_needs(method, given=source.gives)
        task = source.task(getattr(method, "needs", None))
        with progress(f"one epoch of {method.name}"):
            train = next(iter(settings[0].folds(task))).train
            fit_s = fit_seconds(method, task.X[train], task.y[train])
        for setting in settings:
            plan = plan_evaluation(task, method, setting)
            keys = {job.key for job in plan.jobs}
            done = sum(store.wall_s(key) is not None for key in keys)
            fits = n_fits(method, setting.protocol) * len(keys - trained) * (len(keys) - done) / len(keys)
            found.append(Estimate(method.name, setting.protocol, len(keys), done, fit_s * fits))
            trained |= keys
    return found


def fit_seconds(method: Method, X: NDArray[Any], y: NDArray[np.int64]) -> float:
    """Seconds that one fit takes on these samples, epochs scaled up from a few."""
    counts = [name for name in method.parameters if name.endswith("epochs")]
    epochs = max((int(method.parameters[name]) for name in counts), default=1)  # type: ignore[arg-type]

    def once(n: int) -> float:
        recogniser = method.build(seed=0, **method.with_parameters(dict.fromkeys(counts, n)))
        start = time.perf_counter()
        with threadpool_limits(limits=1):
            recogniser.fit(X, y)
        return time.perf_counter() - start

    first = once(1)
    if not counts:
        return first
    more = 1
    if first < _WARM_S:  # most of it may be what is loaded and compiled once
        first, more = once(1), 4
    return first + (epochs - 1) * max(once(1 + more) - first, 0.0) / more


def _result(record: ResultRecord, path: Path) -> dict[str, Json]:
    scores = score_record(record).as_json()
    classes = [str(name) for name in record.dataset["classes"]]  # type: ignore[union-attr]
    unmeasured = record.dataset.get("unmeasured") or []
    return {
        "method": record.method["name"],
        "protocol": record.protocol["name"],
        "leaks": record.protocol["leaks"],
        "split": record.split["name"],
        "seed": record.seed,
        "dataset": {key: record.dataset[key] for key in ("name", "digest", "class_counts")},
        **scores,
        "p_chance": to_json(chance_test(record.samples, classes=classes)),
        "parameters": record.method["parameters"],
        "n_unmeasured": len(unmeasured),  # type: ignore[arg-type]
        "unmeasured": unmeasured,
        "left_out": record.dataset.get("left_out", {}),
        "absent_classes": record.dataset.get("absent_classes", []),
        "scores_if_unmeasured_are_missed": to_json(unanswered_as_wrong(record)),
        "warnings": list(record.warnings),
        "wall_s": record.run["wall_s"],
        "fold_wall_s_total": round(sum(record.run["fold_wall_s"]), 3),  # type: ignore[arg-type]
        "record": str(path),
    }
