"""mien spot SOURCE: where in a video, or in all videos of a study, there are micro- and macro-expressions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import Dask
from mien.cli.output import number, print_json, print_table
from mien.cli.recognise import read_changes

if TYPE_CHECKING:
    from mien.experiments.spot import SpotResult
    from mien.experiments.spot_study import SpotStudyRequest, StudySpottings

TIMELINE, PAGE, SHEET = "timeline.svg", "timeline.html", "apexes"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("spot")(spot)


def spot(
    source: Annotated[
        Path | None, typer.Argument(help="A video file, or a study.", show_default=False)
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", "-m", help="A method by name; of a study repeatable. Default: optical-flow."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results and measured parts.")] = Path("mien-results"),
    protocol: Annotated[
        str, typer.Option("--protocol", "-p", help="Of a study, thresholds: nested, fixed, test-selected.")
    ] = "nested",
    split: Annotated[
        str, typer.Option(help="leave-one-subject-out or grouped-k-fold.")
    ] = "leave-one-subject-out",
    folds: Annotated[int, typer.Option(help="Number of folds of grouped-k-fold.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    kind: Annotated[str, typer.Option(help="Scores that stand first: micro, macro or overall.")] = "micro",
    missing_offset: Annotated[
        str, typer.Option(help="Coded without an offset: leave-out, apex or mirrored.")
    ] = "leave-out",
    ccf: Annotated[
        bool, typer.Option("--ccf", help="Filter by the heart rate's slope at the apex, and report it.")
    ] = False,
    eta: Annotated[float, typer.Option(help="Of the filter: times the trial's mean slope.")] = 1.0,
    slope: Annotated[str, typer.Option(help="Of the filter: absolute, or signed as printed.")] = "absolute",
    lag_s: Annotated[float, typer.Option(help="Of the filter: seconds after the apex.")] = 0.0,
    recogniser: Annotated[
        str | None, typer.Option(help="Name emotions of what is proposed by this method (spot, recognise).")
    ] = None,
    classes: Annotated[int, typer.Option(help="Of the recogniser: 3 or 7.")] = 3,
    epochs: Annotated[int | None, typer.Option(help="Epochs of methods that learn in epochs.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter's value: softnet.max_samples=5000.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where networks train: cpu, cuda.")] = "cpu",
    finder: Annotated[str, typer.Option(help="haar, yunet or mediapipe.")] = "haar",
    finder_model: Annotated[
        Path | None, typer.Option(help="Model of yunet or mediapipe.", show_default=False)
    ] = None,
    faces: Annotated[
        bool,
        typer.Option("--faces", help="Show faces on the pages of a video, for your own eyes; see consent."),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 2,
    dask: Dask = None,
    list_methods: Annotated[bool, typer.Option("--list-methods", help="Name the methods and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Spot micro- and macro-expressions.

    A video needs no labels and no training; spans that could not be judged are named with their reason. A
    study is searched by methods that have not seen the person, and scored against its coding. A run that was
    stopped goes on when the same command is given again.
    """
    from mien.experiments.sources import is_study

    if list_methods:
        _list_methods(as_json)
        return
    if source is None:
        raise typer.BadParameter("name a SOURCE, as in: mien spot VIDEO, or mien spot STUDY --method mdmd")
    names = tuple(method or ("optical-flow",))
    if not is_study(source):
        _check_of_study(names, ccf, recogniser, settings)
        _spot_video(source, names[0], out, finder, finder_model, workers, dask, faces, as_json)
        return
    if faces:
        raise typer.BadParameter("--faces is for a video: the pages of a study show nobody's face")
    from mien.experiments.spot_study import SpotStudyRequest
    from mien.experiments.spotting_then_recognise import RecogniserRequest
    from mien.features.measuring import MeasureSettings
    from mien.signals.face.preparing import FaceSettings
    from mien.spotting.heart_rate_filter import FilterSettings

    measure = MeasureSettings(FaceSettings(finder=finder, model=finder_model))
    request = SpotStudyRequest(
        source=source,
        methods=names,
        out=out,
        protocol=protocol,
        split=split,
        n_folds=folds,
        seed=seed,
        kind=kind,
        epochs=epochs,
        device=device,
        changes=read_changes(settings or []),
        finder=finder,
        finder_model=finder_model,
        workers=workers,
        dask=dask,
        missing_offset=missing_offset,  # type: ignore[arg-type]
        ccf=FilterSettings(eta, slope, lag_s) if ccf else None,  # type: ignore[arg-type]
        recogniser=None if recogniser is None else RecogniserRequest(recogniser, classes, epochs, measure),
    )
    _spot_study(request, as_json)


def _list_methods(as_json: bool) -> None:
    from mien.experiments.spotting_methods import all_spotters

    methods = all_spotters()
    if as_json:
        learns = {name: one.learns for name, one in methods.items()}
        kinds = {name: list(one.kinds) for name, one in methods.items()}
        print_json({"methods": list(methods), "learns": learns, "kinds": kinds})
        return
    words = {"nothing": "no training", "lengths": "lengths of coded expressions", "network": "a network"}
    width = max(map(len, methods))
    for name, one in methods.items():
        typer.echo(f"{name:<{width}}  {words[one.learns]}; {' and '.join(one.kinds)}")


def _check_of_study(
    names: tuple[str, ...], ccf: bool, recogniser: str | None, settings: list[str] | None
) -> None:
    """Refuse what only a study can be asked for."""
    asked = {
        "several --method": len(names) > 1,
        "--ccf": ccf,
        "--recogniser": recogniser is not None,
        "--set": bool(settings),
    }
    for option, given in asked.items():
        if given:
            raise typer.BadParameter(f"{option} is for a STUDY; a video is searched by one method as it is")


def _spot_video(
    source: Path,
    method: str,
    out: Path,
    finder: str,
    finder_model: Path | None,
    workers: int,
    dask: str | None,
    faces: bool,
    as_json: bool,
) -> None:
    from mien.experiments.spot import SpotRequest
    from mien.experiments.spot import spot as run
    from mien.jobs import bar

    request = SpotRequest(source, method, out, finder, finder_model, workers, dask)
    result = run(request, progress=bar)
    files = {name: str(path) for name, path in {**result.files, **_pictures(result, faces)}.items()}
    _tell_whose(result, files, faces)
    if as_json:
        print_json({**result.as_json(), "files": files})
    else:
        _print_video(result, files)


def _tell_whose(result: SpotResult, files: dict[str, str], faces: bool) -> None:
    """Beside the files, whose they are and what they show: a withdrawal finds them by that."""
    import json

    from mien.core.records import write_atomically

    shown = faces or result.level == 1
    told = {
        "source": str(result.request.source.resolve()),
        "method": result.request.method,
        "participants": [] if result.participant is None else [result.participant],
        "consent_level": result.level,
        "shows": {
            name: "face" if shown and name.startswith(("page", "apexes")) else "trace" for name in files
        },
        "files": {name: Path(path).name for name, path in files.items()},
    }
    write_atomically(result.request.out / "spot.json", json.dumps(told, indent=1).encode())


def _pictures(result: SpotResult, faces: bool) -> dict[str, Path]:
    """The timeline, the page and the sheet of apexes; faces only where somebody may see them."""
    from mien.core.records import write_atomically
    from mien.report.apex_sheet import apex_sheets
    from mien.report.face_crops import face_crops
    from mien.report.spotting_figures import timeline
    from mien.report.spotting_page import SpottedVideo, spotting_page

    request, spotted = result.request, result.spotted
    audience: Any = "analysis" if faces else "publication"
    title = request.source.name
    crops = None
    if faces or result.level == 1:
        crops = face_crops(
            request.source,
            spotted.proposals,
            finder=request.finder,
            finder_model=request.finder_model,
            frames=result.frames,
        )
    written = {
        "timeline": (TIMELINE, timeline(spotted, title=title).encode()),
        "page": (
            PAGE,
            spotting_page(
                [SpottedVideo(title, spotted, method=request.method, level=result.level, crops=crops)],
                title=title,
                audience=audience,
            ).encode(),
        ),
    }
    for old in (*request.out.glob(f"{SHEET}.png"), *request.out.glob(f"{SHEET}-*.png")):
        old.unlink()  # of another run: it may show somebody else
    heading = f"{title} - shows a face: do not pass it on" if faces and result.level != 1 else title
    sheets = apex_sheets(spotted.proposals, crops, level=result.level, audience=audience, title=heading)
    for place, sheet in enumerate(sheets, start=1):
        name = f"{SHEET}.png" if len(sheets) == 1 else f"{SHEET}-{place}.png"
        written["apexes" if place == 1 else f"apexes {place}"] = (name, sheet)
    for name, content in written.values():
        write_atomically(request.out / name, content)
    return {key: request.out / name for key, (name, _) in written.items()}


def _print_video(result: SpotResult, files: dict[str, str]) -> None:
    spotted = result.spotted
    rows = [
        [
            one.kind,
            *(number(at, 3) for at in (one.onset_s, one.apex_s, one.offset_s)),
            number(one.score, 2),
            " ".join(one.regions),
        ]
        for one in spotted.proposals
    ]
    columns = ["expression", "onset, s", "apex, s", "offset, s", "score", "where"]
    print_table(f"{result.request.source.name}, {result.request.method}", columns, rows)
    for one in spotted.not_judged:
        typer.echo(f"not judged: {one.span.start_s:.2f} to {one.span.end_s:.2f} s, {one.reason}")
    for note in spotted.notes:
        typer.echo(note)
    typer.echo(f"to look at: {files['page']}; all files are in {result.request.out}")


def _spot_study(request: SpotStudyRequest, as_json: bool) -> None:
    from mien.experiments.spot_exports import write_study_exports
    from mien.experiments.spot_study import spot_study
    from mien.jobs import bar
    from mien.report.spotted_study import write_pages

    found = spot_study(request, progress=bar)
    told = []
    for method, result in zip(request.chosen(), found.results, strict=True):
        folder = request.out / method.name
        videos = list(found.source.videos.values())
        files = write_study_exports(folder, result.record, videos, method=method.name)
        pages = write_pages(found, result, method, folder / "pages")
        places = {name: str(path) for name, path in {**files, "pages": pages}.items()}
        told.append({**result.as_json(), "files": places})
    if as_json:
        print_json(told[0] if len(told) == 1 else {"methods": told})
    else:
        _print_study(request, found)


def _print_study(request: SpotStudyRequest, found: StudySpottings) -> None:
    columns = [
        "method",
        "kind",
        "TP",
        "FP",
        "FN",
        "precision",
        "recall",
        "F1 [95 %]",
        "FP/min",
        "apex, ms",
        "by chance",
    ]
    rows = []
    for result in found.results:
        for kind, one in result.scores.items():
            c = one.counts
            rows.append(
                [
                    result.record.method["name"],
                    kind,
                    *_cells(c),
                    _f1(one.f1),
                    number(one.fp_per_minute, 2),
                    number(one.apex_error_ms, 0),
                    number(one.random.value, 3),
                ]
            )
            if result.filtered is not None:
                after = result.filtered.after[kind]
                rows.append(
                    [
                        "  with the heart",
                        kind,
                        *_cells(after.counts),
                        _f1(after.f1),
                        number(after.fp_per_minute, 2),
                        number(after.apex_error_ms, 0),
                        number(after.random.value, 3),
                    ]
                )
    dataset = found.results[0].record.dataset
    title = f"{dataset['name']}: {dataset['n_recordings']} videos of {dataset['n_subjects']} people"
    print_table(title, columns, rows)
    for result in found.results:
        _print_more(request, result)


def _cells(counts: Any) -> list[str]:
    return [
        str(counts.tp),
        str(counts.fp),
        str(counts.fn),
        number(counts.precision, 3),
        number(counts.recall, 3),
    ]


def _f1(estimate: Any) -> str:
    return f"{number(estimate.value, 3)} [{number(estimate.low, 3)}, {number(estimate.high, 3)}]"


def _print_more(request: SpotStudyRequest, result: Any) -> None:
    """The filter, spot-then-recognise, what was left out, and where the record is."""
    name = result.record.method["name"]
    if result.filtered is not None:
        report = result.filtered.reports[request.kind]
        ratio = report.likelihood_ratio
        typer.echo(
            f"{name}, heart-rate filter ({request.kind}): likelihood ratio {number(ratio.value, 2)} "
            f"[{number(ratio.low, 2)}, {number(ratio.high, 2)}]; removes {report.tp_removed} true and "
            f"{report.fp_removed} false ones; pass rate of coded apexes "
            f"{number(report.references.share.value, 3)}, of random moments "
            f"{number(report.random.share.value, 3)}"
        )
    if result.recognised is not None:
        score = result.recognised.score
        typer.echo(
            f"{name}, then {result.recognised.recogniser}: STRS {number(score.strs, 4)} = F1 of spotting "
            f"{number(score.spotting.f1, 3)} x F1 of analysis {number(score.analysis_f1, 3)} on "
            f"{score.n_matched} matched pairs"
        )
    for warning in result.record.warnings:
        typer.echo(f"{name}: {warning}")
    typer.echo(f"{name}: {result.path}")
