"""mien clean STUDY: which components leave the EEG, and why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.output import number, print_json, print_table
from mien.core.errors import DataError

if TYPE_CHECKING:
    from mien.dataset import StudySession
    from mien.signals.eeg.cleaning_settings import CleaningSettings

REPORT_VERSION = 1
"""Raised whenever a session may be cleaned in another way."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("clean")(clean)


def clean(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    participant: Annotated[
        list[str] | None, typer.Option(help="Only these, as sub-001; repeatable.", show_default=False)
    ] = None,
    method: Annotated[str, typer.Option(help="adjust, iclabel, eog; or none.")] = "adjust",
    with_iclabel: Annotated[
        bool, typer.Option("--with-iclabel", help="Say beside it what ICLabel thinks.")
    ] = False,
    remove_muscle: Annotated[
        bool,
        typer.Option("--remove-muscle", help="Muscle-like components go too: they may be the expression."),
    ] = False,
    save: Annotated[bool, typer.Option("--save", help="Write the cleaned EEG as FIF, for MNE.")] = False,
    out: Annotated[Path, typer.Option(help="Where reports and scalp maps go.")] = Path("mien-results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Clean every participant's EEG and show what was taken out: scalp maps, features, reasons.

    `mien fuse` cleans in the same way. A participant whose report is there, of the same files and settings,
    is not cleaned again.
    """
    from mien.dataset import open_study
    from mien.jobs import bar
    from mien.signals.eeg.cleaning_settings import CleaningSettings

    settings = CleaningSettings(method=method, with_iclabel=with_iclabel, remove_muscle=remove_muscle)
    opened = open_study(study)
    names = [opened.session(one).participant_id for one in participant or opened.participants]
    folder = _folder(out / "eeg")
    found: dict[str, Any] = {}
    with bar("participants") as progress:
        for place, who in enumerate(names):
            progress(place, len(names), who)
            try:
                found[who] = _one(opened.session(who), settings, folder, save)
            except DataError as error:
                found[who] = {"failed": str(error)}
        progress(len(names), len(names), "")
    print_json({"participants": found}) if as_json else _print(found)
    if any("failed" in one for one in found.values()):
        raise typer.Exit(1)


def _folder(path: Path) -> Path:
    """The folder of the reports, made before anything is cleaned."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            path,
            wanted="a folder that can be written",
            got=error.strerror or "an error",
            remedy="name another",
        ) from error
    return path


def _one(session: StudySession, settings: CleaningSettings, folder: Path, save: bool) -> dict[str, Any]:
    from mien.core.records import to_json, write_atomically
    from mien.report.scalp_maps import component_figure
    from mien.signals.eeg.cleaning import clean_session

    raw = session.eeg()
    if raw is None:
        return {"skipped": "no EEG"}
    who = session.participant_id
    report, picture, fif = (folder / f"{who}{end}" for end in (".json", ".svg", "_eeg.fif"))
    address = _address(session, settings)
    kept = _kept(report)
    there = [Path(kept[name]).is_file() for name in ("figure", "eeg") if kept.get(name)]
    if kept.get("address") == address and all(there) and (kept.get("eeg") or not save):
        return kept
    for old in (report, picture, fif):  # of other settings or files, or without one of the others
        old.unlink(missing_ok=True)
    cleaned = clean_session(raw, settings)
    if cleaned.components is not None:
        write_atomically(picture, component_figure(cleaned).encode())
    if save:
        cleaned.as_raw().save(fif, overwrite=True, verbose="ERROR")
    told: dict[str, Any] = {
        **cleaned.report,
        "address": address,
        "figure": str(picture) if cleaned.components is not None else None,
        "eeg": str(fif) if save else None,
    }
    write_atomically(report, json.dumps(to_json(told), indent=1).encode())
    return told


def _address(session: StudySession, settings: CleaningSettings) -> str:
    """What a report depends on: content of the files, settings, and the versions that decide over numbers."""
    from dataclasses import asdict
    from importlib.metadata import version

    from mien import __version__
    from mien.core.records import digest
    from mien.dataset.manifest import file_digest

    files = sorted((session.study / session.participant_id / "eeg").glob("*"))
    libraries = ["numpy", "scipy", "mne"]
    if settings.with_iclabel or settings.method == "iclabel":
        libraries += ["mne-icalabel", "onnxruntime"]
    return digest(
        {
            "files": {path.name: file_digest(path) for path in files if path.is_file()},
            "settings": asdict(settings),
            "versions": {"mien": __version__, **{name: version(name) for name in libraries}},
            "version": REPORT_VERSION,
        }
    )


def _kept(report: Path) -> dict[str, Any]:
    """A report of an earlier run; empty where there is none that can be read."""
    try:
        found = json.loads(report.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _print(found: dict[str, Any]) -> None:
    rows = []
    for who, one in found.items():
        if "skipped" in one or "failed" in one:
            rows.append([who, one.get("skipped", "failed"), "", "", ""])
            continue
        kinds = Counter(kind for row in one["components"] if row["removed"] for kind in row["kinds"])
        share = sum(row["variance_share"] for row in one["components"] if row["removed"])
        words = ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))
        removed = f"{len(one['removed'])} of {len(one['components'])}" + (f": {words}" if words else "")
        bad = ", ".join(one["bad_channels"])
        rows.append([who, removed, number(share, 2), len(one["muscle_like"]), bad])
    columns = ["", "components taken out", "share of variance", "muscle-like, kept or not", "bad channels"]
    print_table("EEG", columns, rows)
    for who, one in found.items():
        if "failed" in one:
            typer.echo(f"error: {who}: {one['failed']}", err=True)
        for note in one.get("notes", []):
            typer.echo(f"note: {who}: {note}", err=True)
        if one.get("figure"):
            typer.echo(f"written: {one['figure']}")
