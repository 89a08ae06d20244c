"""What `mien recognise` composes: source -> task -> runs -> records -> comparisons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from mien.core.errors import OptionError
from mien.core.records import Json, ResultRecord, to_json
from mien.evaluation import Comparison, Settings, compare_records, evaluate_method, score_record
from mien.experiments.examples import write_examples
from mien.experiments.methods import check_needs, find_method
from mien.experiments.sources import read_source, task_of
from mien.jobs import ProcessPool, Sequential, Store, silent

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class RecogniseRequest:
    """What to evaluate, how, and where results go; `protocols` are crossed with `methods`."""

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


@dataclass(frozen=True, slots=True)
class Recognition:
    """The records of one request with the paths they were written to, and their paired comparisons."""

    records: tuple[ResultRecord, ...]
    paths: tuple[Path, ...]
    comparisons: tuple[Comparison, ...]

    def as_json(self) -> Json:
        """One object for one run; for several an object with `results` and `comparisons`."""
        results = [_result(r, p) for r, p in zip(self.records, self.paths, strict=True)]
        if len(results) == 1:
            return results[0]
        return to_json({"results": results, "comparisons": [asdict(c) for c in self.comparisons]})


def recognise(
    request: RecogniseRequest,
    *,
    progress: Callable[[str], AbstractContextManager[Progress]] = lambda _: nullcontext(silent),
) -> Recognition:
    """Evaluate every method under every protocol and write one record each into `out/records`.

    Finished folds are kept in `out/store`; a run that was killed goes on where it stopped.

    Raises
    ------
    MienError
        For whatever is wrong with the source, an option or a fold; no record is then written for it.
    """
    if not request.methods or not request.protocols:
        raise OptionError(
            "--method", wanted="at least one method and protocol", got="none", remedy="name one"
        )
    if request.n_workers < 1:
        raise OptionError(
            "--workers", wanted="1 or more", got=request.n_workers, remedy="give another number"
        )
    methods = [find_method(name, epochs=request.epochs) for name in dict.fromkeys(request.methods)]
    for method in methods:
        check_needs(method, given="motion-map")
    settings = [
        Settings(protocol, request.split, request.n_folds, request.seed)
        for protocol in dict.fromkeys(request.protocols)
    ]
    executor = ProcessPool(request.n_workers) if request.n_workers > 1 else Sequential()
    maps = read_source(request.source, format_name=request.format_name)
    task = task_of(maps)
    store = Store(request.out / "store")
    store.sweep()
    examples = write_examples(maps, request.out)
    records, paths = [], []
    for method in methods:
        for setting in settings:
            with progress(f"{method.name}, {setting.protocol}") as show:
                record = evaluate_method(
                    task, method, setting, store=store, executor=executor, progress=show, artefacts=examples
                )
            records.append(record)
            paths.append(record.write(request.out / "records"))
    return Recognition(tuple(records), tuple(paths), tuple(compare_records(records, seed=request.seed)))


def _result(record: ResultRecord, path: Path) -> dict[str, Json]:
    scores = score_record(record).as_json()
    return {
        "method": record.method["name"],
        "protocol": record.protocol["name"],
        "leaks": record.protocol["leaks"],
        "split": record.split["name"],
        "seed": record.seed,
        "dataset": {key: record.dataset[key] for key in ("name", "digest", "class_counts")},
        **scores,
        "warnings": list(record.warnings),
        "wall_s": record.run["wall_s"],
        "fold_wall_s_total": round(sum(record.run["fold_wall_s"]), 3),  # type: ignore[arg-type]
        "record": str(path),
    }
