"""mien fuse STUDY: what face, brain and body, or face and voice, say together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import Dask
from mien.cli.output import duration, number, print_json, print_plan, print_table, with_interval
from mien.cli.recognise import _device, _measure_settings, _tested, read_changes


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("fuse")(fuse)


def fuse(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    modalities: Annotated[
        str, typer.Option(help="me, eeg, ecg, eda, ppg, rsp, skt, speech; with commas.")
    ] = "me,eeg,ecg,eda,ppg,rsp,skt",
    classes: Annotated[int, typer.Option(help="3 (negative, positive, surprise) or 7.")] = 3,
    kind: Annotated[list[str] | None, typer.Option(help="micro (default) or macro; repeatable.")] = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Of a modality, as me=htnet; repeatable.")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="vote (the paper's), confusion, soft-vote, product, stacking, dempster-shafer; me,speech: "
            "also amf-style, av-concatenation, av-symmetric.  [vote; me,speech: amf-style]"
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(help="Of a vote: recall (the paper's), precision, log-odds, equal.  [recall]"),
    ] = None,
    split: Annotated[
        str, typer.Option(help="leave-one-subject-out or grouped-k-fold.")
    ] = "leave-one-subject-out",
    folds: Annotated[int, typer.Option(help="Number of folds of grouped-k-fold.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Epochs of members that learn in epochs.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of a member, as eeg.epochs=60.")
    ] = None,
    window: Annotated[float, typer.Option(help="Seconds of EEG and body, centred on the apex.")] = 10.0,
    artefacts: Annotated[
        str, typer.Option(help="Leave the EEG by adjust, iclabel, eog; or none.")
    ] = "adjust",
    order: Annotated[
        str, typer.Option(help="Components on the broadband EEG, or band-split-first as in the paper.")
    ] = "broadband",
    bands: Annotated[bool, typer.Option("--bands", help="The EEG as its five bands, stacked.")] = False,
    recipe: Annotated[
        str, typer.Option(help="Peripheral preprocessing: recommended or paper.")
    ] = "recommended",
    baseline: Annotated[
        str, typer.Option(help="Peripheral features against the own-session, or none.")
    ] = "own-session",
    alignment: Annotated[
        str, typer.Option(help="Faces by their eyes, or as in the paper: fixed-box.")
    ] = "eyes",
    device: Annotated[str, typer.Option(help="Where networks train: auto, cpu, cuda.")] = "auto",
    workers: Annotated[int, typer.Option(help="Processes of one thread each.")] = 1,
    dask: Dask = None,
    out: Annotated[Path, typer.Option(help="Where records, figures and finished folds go.")] = Path(
        "mien-results"
    ),
    attention: Annotated[
        bool, typer.Option("--attention", help="Of me,speech: draw what one answer drew from the sound.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say how long it will take, and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Recognise expressions by face, brain, body and voice, alone and together.

    Every member's weight comes from training subjects; the same answers are fused in every other way beside
    it, and once with weights from the test subjects, to show what that leak would have bought.
    """
    from mien.experiments.fuse import check_attention, estimate
    from mien.experiments.fuse import fuse as run
    from mien.experiments.fusion_request import FuseRequest
    from mien.features.around_apexes import ApexSettings
    from mien.jobs import bar

    chosen = tuple(word.strip() for word in modalities.split(",") if word.strip())
    methods = _methods(method or [])
    request = FuseRequest(
        study=study,
        modalities=chosen,
        out=out,
        methods=methods,
        n_classes=classes,
        kinds=tuple(kind or ("micro",)),
        rule=rule,
        weight=weight,
        split=split,
        n_folds=folds,
        seed=seed,
        epochs=epochs,
        changes=read_changes(settings or []),
        n_workers=workers,
        dask=dask,
        face=_measure_settings(alignment, "haar", None, "refuse", None, "remove"),
        around=ApexSettings(
            window_s=window,
            artefacts=artefacts,  # type: ignore[arg-type]
            order=order,  # type: ignore[arg-type]
            bands=bands,
            recipe=recipe,  # type: ignore[arg-type]
            baseline=baseline,  # type: ignore[arg-type]
        ),
    )
    request = request.on(_device(device, [one.name for one in request.chosen_methods().values()]))
    if attention:
        check_attention(request)
    if plan:
        found = [one.as_json() for one in estimate(request, progress=bar)]
        print_json({"plan": found}) if as_json else _print_plan(found, workers)
        return
    fusion = run(request, progress=bar)
    files = _write_figures(out / "fusion", fusion)
    if attention:
        files += _write_attention(out / "fusion" / "attention.svg", request)
    result: Any = fusion.as_json()
    if as_json:
        print_json({**result, "figures": [str(path) for path in files]})
        return
    _print(study, result)
    for path in files:
        typer.echo(f"written: {path}")


def _methods(pairs: list[str]) -> dict[str, str]:
    from mien.core.errors import OptionError

    found = {}
    for one in pairs:
        modality, sign, name = one.partition("=")
        if not (sign and modality and name):
            raise OptionError("--method", wanted="modality=method", got=one, remedy="write it as me=htnet")
        found[modality] = name
    return found


def _write_figures(folder: Path, fusion: Any) -> list[Path]:
    from mien.core.records import write_atomically
    from mien.report.fusion_figures import confusion_grid, recall_figure, weights_figure

    classes = fusion.task.classes
    rows = [(row.name, row.record) for row in _shown(fusion) if row.record.samples["sample_id"]]
    figures = {}
    if rows:
        figures["figure-9.svg"] = recall_figure(rows, classes)
        figures["figure-10.svg"] = confusion_grid(rows, classes)
    if fusion.weights:
        figures["weights.svg"] = weights_figure(fusion.weights, classes)
    for name in ("figure-9.svg", "figure-10.svg", "weights.svg", "attention.svg"):
        if name not in figures:  # one of an earlier run would be taken for this one's
            (folder / name).unlink(missing_ok=True)
    for name, text in figures.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in figures]


def _write_attention(path: Path, request: Any) -> list[Path]:
    """The picture; of level-1 participants alone with the sound itself, as its figure decides."""
    from mien.core.records import write_atomically
    from mien.experiments.fuse import attended
    from mien.report.speech_figures import SpeechAttention, speech_attention_figure
    from mien.signals.speech import SpeechWindow

    one = attended(request)
    if one is None:
        typer.echo("note: no attention to draw: nobody in the first fold's test speaks", err=True)
        return []
    window = SpeechWindow(
        levels_db=one.levels_db,
        heard=one.heard,
        voiced=one.voiced,
        times_s=one.times_s,
        offset_s=0.0,
        reference_db=float("nan"),
        relative=request.around.baseline == "own-session",
        reason="",
    )
    figure = speech_attention_figure(
        SpeechAttention(
            name=one.name,
            participant=one.participant,
            recogniser=one.method,
            label=one.label,
            probability=one.probability,
            attention=one.attention,
            window=window,
            apex_s=0.0,
            consent_level=one.consent_level,
        )
    )
    write_atomically(path, figure.encode())
    return [path]


def _shown(fusion: Any) -> list[Any]:
    """The rows of the paper's tables: face, brain, the body as a whole, all together."""
    if fusion.peripheral is None:
        return [*fusion.members, fusion.fused]
    from mien.experiments.study_members import PERIPHERAL

    singles = [row for row in fusion.members if row.name not in PERIPHERAL]
    return [*singles, fusion.peripheral, fusion.fused]


_METRICS = ("accuracy", "weighted_f1", "uf1", "uar")


def _print(study: Path, result: Any) -> None:
    fused = result["fused"]
    rows = [*result["members"], *([result["peripheral"]] if result["peripheral"] else []), fused]
    answered = [row for row in rows if "scores" in row]
    title = f"{study}: {fused.get('n_samples', 0)} expressions, {fused.get('n_subjects', 0)} subjects, pooled"
    columns = ["", "n", "accuracy", "weighted F1", "UF1", "UAR", "p (chance)"]
    if not answered:
        typer.echo(f"{study}: nobody has an answer to any expression", err=True)
        return
    print_table(title, columns, [_scored(row) for row in answered] + _baselines(answered[-1]))
    n = answered[-1]["over_folds"]["uf1"]["n_folds"]
    print_table(
        f"mean and standard deviation over {n} folds, classes of each fold averaged",
        ["", "accuracy", "weighted F1", "UF1", "UAR"],
        [[row["name"], *(_spread(row["over_folds"][key]) for key in _METRICS)] for row in answered],
    )
    others = [row for row in result["others"] if "scores" in row]
    print_table(
        "the same answers fused otherwise",
        columns,
        [_scored({**row, "name": row["name"] + (" (LEAK)" if row["leaks"] else "")}) for row in others],
    )
    _print_weights(result["weights"])
    _print_paired(result)
    for name, one in result["coverage"].items():
        if one["missing"]:
            told = ", ".join(f"{why} ({count})" for why, count in one["missing"].items())
            typer.echo(f"{name}: {one['n_samples']} expressions; not measured: {told}")
    for warning in result["warnings"]:
        typer.echo(f"note: {warning}", err=True)
    typer.echo(f"record: {result['record']}")


def _scored(row: Any) -> list[str]:
    scores = [with_interval(row["scores"][key]) for key in _METRICS]
    return [row["name"], str(row["n_samples"]), *scores, _tested({"p": row["p_chance"]["uf1"]}, "p")]


def _baselines(row: Any) -> list[list[str]]:
    return [
        [f"[{name}]", "", *(with_interval(values[key]) for key in _METRICS), ""]
        for name, values in row["baselines"].items()
    ]


def _spread(one: Any) -> str:
    return f"{number(one['mean'], 3)} ± {number(one['sd'], 3)}"


def _print_weights(weights: Any) -> None:
    if not weights:
        return
    folds = list(weights.values())
    members = list(dict.fromkeys(name for fold in folds for name in fold))
    words = list(next(iter(folds[0].values())))
    rows = []
    for name in members:
        own = [fold[name] for fold in folds if name in fold]
        rows.append([name, *(f"{sum(one[word] for one in own) / len(own):.3f}" for word in words)])
    print_table(f"weight of a vote for each class, mean of {len(folds)} folds", ["", *words], rows)


def _print_paired(result: Any) -> None:
    test = result["paired_test"]
    if "difference_uf1" not in test:
        return
    typer.echo(
        f"{test['first']} less {test['second']}, the best member ({test['chosen']}): UF1 "
        f"{test['difference_uf1']:+.3f} (p {_tested(test, 'p_uf1')}), UAR {test['difference_uar']:+.3f} "
        f"(p {_tested(test, 'p_uar')}), permutation over {test['n_subjects']} subjects"
    )
    gains = ", ".join(
        f"{name} {one['value']:+.3f} [{number(one['low'], 2)}, {number(one['high'], 2)}]"
        for name, one in result["gain_per_class"].items()
        if one["value"] is not None
    )
    typer.echo(f"recall per class, fused less {test['second']}: {gains}")


def _print_plan(found: list[Any], workers: int) -> None:
    rows = [
        [one["member"], one["method"], f"{one['n_done']} of {one['n_jobs']}", duration(one["core_s"])]
        for one in found
    ]
    print_plan(["member", "method"], rows, sum(one["core_s"] for one in found), workers)
