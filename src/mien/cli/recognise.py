"""mien recognise SOURCE --method M: leave-one-subject-out recognition."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import Dask
from mien.cli.output import duration, number, print_json, print_plan, print_table, with_interval

Source = Annotated[
    Path | None,
    typer.Argument(help="A study, or a dataset such as a folder of motion maps.", show_default=False),
]
Methods = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="A method by name; repeat for several.")
]
Protocols = Annotated[
    list[str] | None,
    typer.Option("--protocol", "-p", help="fixed (default), nested or test-selected; repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("recognise")(recognise)


def recognise(
    source: Source = None,
    method: Methods = None,
    protocol: Protocols = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="The dataset's format; default: found out.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="leave-one-subject-out, grouped-k-fold or leave-one-dataset-out.")
    ] = "leave-one-subject-out",
    folds: Annotated[int, typer.Option(help="Number of folds of grouped-k-fold.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Epochs of methods that learn in epochs.")] = None,
    classes: Annotated[int, typer.Option(help="Of a study: 3 (negative, positive, surprise) or 7.")] = 3,
    kind: Annotated[
        list[str] | None, typer.Option(help="Of a study: micro (default) or macro; repeatable.")
    ] = None,
    alignment: Annotated[
        str, typer.Option(help="Faces by their eyes, or as in the paper: fixed-box.")
    ] = "eyes",
    finder: Annotated[str, typer.Option(help="haar, yunet, mediapipe or openface (tables).")] = "haar",
    finder_model: Annotated[
        Path | None,
        typer.Option(help="Model of yunet or mediapipe; folder of OpenFace tables.", show_default=False),
    ] = None,
    no_face: Annotated[
        str, typer.Option(help="Where no face is found: refuse the clip, or use a template.")
    ] = "refuse",
    flow: Annotated[
        str | None, typer.Option(help="dis, tv-l1 or farneback; default: each method's own.")
    ] = None,
    head_motion: Annotated[str, typer.Option(help="In the flow: remove or keep.")] = "remove",
    imbalance: Annotated[
        str | None,
        typer.Option(help="Rare classes: plain, weighted, focal or balanced; default: the method's own way."),
    ] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Change motion at random while training.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter's value: learning_rate=0.001, htnet.epochs=20."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where networks train: auto, cpu, cuda.")] = "auto",
    save: Annotated[
        Path | None, typer.Option(help="Train on everything at last and write the model.", show_default=False)
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say how long it will take, and leave.")] = False,
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 1,
    dask: Dask = None,
    out: Annotated[Path, typer.Option(help="Where records and finished folds go.")] = Path("mien-results"),
    list_methods: Annotated[bool, typer.Option("--list-methods", help="Name the methods and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Evaluate recognition methods; no subject is ever in training and test at once.

    Finished folds are kept: run the same command again to go on where it stopped.
    """
    from dataclasses import asdict

    from mien.experiments import RecogniseRequest
    from mien.experiments import recognise as run
    from mien.experiments.recognise import estimate
    from mien.jobs import bar

    if list_methods:
        _list_methods(as_json)
        return
    if source is None or not method:
        raise typer.BadParameter(
            "name a SOURCE and at least one --method, as in: mien recognise DATA --method ststnet"
        )
    request = RecogniseRequest(
        source=source,
        methods=tuple(method),
        out=out,
        format_name=format_name,
        protocols=tuple(protocol or ("fixed",)),
        split=split,
        n_folds=folds,
        seed=seed,
        epochs=epochs,
        n_workers=workers,
        dask=dask,
        n_classes=classes,
        kinds=tuple(kind or ("micro",)),
        measure=_measure_settings(alignment, finder, finder_model, no_face, flow, head_motion),
        imbalance=imbalance,
        augment=augment,
        device=_device(device, method),
        changes=read_changes(settings or []),
        save=save,
    )
    if plan:
        found = [asdict(one) for one in estimate(request, progress=bar)]
        print_json({"plan": found}) if as_json else _print_plan(found, workers)
        return
    result = run(request, progress=bar).as_json()
    print_json(result) if as_json else _print(result)


def _list_methods(as_json: bool) -> None:
    from mien.experiments.methods import needs_by_name

    needs = needs_by_name()
    if as_json:
        print_json({"methods": list(needs), "needs": needs})
        return
    width = max(map(len, needs))
    for name, kind in needs.items():
        typer.echo(f"{name:<{width}}  {kind or 'any input'}")


def _measure_settings(
    alignment: str, finder: str, model: Path | None, no_face: str, flow: str | None, head_motion: str
) -> Any:
    from mien.core.errors import OptionError
    from mien.features.measuring import OPENFACE, MeasureSettings
    from mien.signals.face import FaceSettings, face_finder, flow_engine

    if flow is not None:
        flow_engine(flow)
    if finder != OPENFACE:
        face_finder(finder, model)
    if head_motion not in ("remove", "keep"):
        raise OptionError(
            "--head-motion", wanted="remove or keep", got=head_motion, remedy="choose one of them"
        )
    face = FaceSettings(
        alignment=alignment,  # type: ignore[arg-type]
        finder=finder,
        model=model,
        on_no_face=no_face,  # type: ignore[arg-type]
    )
    return MeasureSettings(face, flow, head_motion == "remove")


def _device(name: str, methods: list[str]) -> str:
    """The device by name; "auto" is the first GPU if there is one that networks can use."""
    from mien.core.errors import OptionError
    from mien.experiments import find_method

    if name == "cpu" or all(find_method(method).stage_parameter is None for method in methods):
        return "cpu"
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] != "cuda" or not torch.cuda.is_available():
        found = "cuda" if torch.cuda.is_available() else "cpu alone, no GPU was found"
        raise OptionError("--device", wanted=found, got=name, remedy="choose another, or auto")
    return name


def read_changes(settings: list[str]) -> dict[str, Any]:
    """Values by parameter, from "name=value"; values are read as JSON, and as words where they are none."""
    import json

    from mien.core.errors import OptionError

    found: dict[str, Any] = {}
    for one in settings:
        name, sign, text = one.partition("=")
        if not sign or not name or not text:
            raise OptionError("--set", wanted="name=value", got=one, remedy="write it as learning_rate=0.001")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _print_plan(found: list[Any], workers: int) -> None:
    rows = [
        [one["method"], one["protocol"], f"{one['n_done']} of {one['n_folds']}", duration(one["core_s"])]
        for one in found
    ]
    print_plan(["method", "protocol"], rows, sum(one["core_s"] for one in found), workers)


def _print(result: Any) -> None:
    runs = result.get("results", [result])
    first = runs[0]
    rows = [
        [
            f"{r['method']} ({r['protocol']}{', LEAK' if r['leaks'] else ''})",
            *map(with_interval, r["scores"].values()),
            _tested({"p": r["p_chance"]["uf1"]}, "p"),
        ]
        for r in runs
    ]
    rows += [
        [f"[{name}]", *map(with_interval, values.values()), ""] for name, values in first["baselines"].items()
    ]
    size = f"{first['n_samples']} samples, {first['n_subjects']} subjects"
    title = f"{first['dataset']['name']}: {size}, {first['split']}"
    print_table(title, ["method", "accuracy", "weighted F1", "UF1", "UAR", "p (chance)"], rows)
    _print_unmeasured(first)
    _print_datasets(runs)
    _print_comparisons(result.get("comparisons", []))
    for warning in first["warnings"]:
        typer.echo(f"note: {warning}", err=True)
    for run in runs:
        typer.echo(f"record: {run['record']}")


def _print_unmeasured(run: Any) -> None:
    for one in run["unmeasured"]:
        typer.echo(f"not measured: {one['sample_id']} ({one['reference']}): {one['reason']}", err=True)
    worst = run["scores_if_unmeasured_are_missed"]
    if worst:
        told = ", ".join(f"{name.upper()} {number(worst[name])}" for name in ("uf1", "uar"))
        typer.echo(f"if the {run['n_unmeasured']} expressions not measured count as missed: {told}")


def _print_datasets(runs: list[Any]) -> None:
    if len(runs[0]["per_dataset"]) < 2:
        return
    rows = [
        [f"{r['method']} ({r['protocol']})", name, with_interval(scores["uf1"]), with_interval(scores["uar"])]
        for r in runs
        for name, scores in r["per_dataset"].items()
    ]
    print_table("per dataset", ["method", "dataset", "UF1", "UAR"], rows)


def _print_comparisons(comparisons: list[Any]) -> None:
    if not comparisons:
        return
    rows = [
        [
            f"{c['first']} - {c['second']}",
            *(
                cell
                for metric in ("uf1", "uar")
                for cell in (_difference(c, metric), _tested(c, f"p_{metric}"), _tested(c, f"q_{metric}"))
            ),
            _tested(c, "p_mcnemar"),
        ]
        for c in comparisons
    ]
    columns = ["paired, by subject", "UF1 diff", "p", "q", "UAR diff", "p", "q", "McNemar p"]
    print_table(
        "differences [95 % interval over subjects] (p: permutation by subject; q: Benjamini-Hochberg)",
        columns,
        rows,
    )


def _difference(comparison: Any, metric: str) -> str:
    return with_interval(
        {"value": comparison[f"difference_{metric}"]}
        | {end: comparison[f"{end}_{metric}"] for end in ("low", "high")}
    )


def _tested(comparison: Any, key: str) -> str:
    value = comparison[key]
    return "<0.0001" if value is not None and key[0] in "pq" and value < 1e-4 else number(value)
