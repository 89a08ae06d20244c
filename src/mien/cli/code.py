"""mien code: the coding bench in a browser, and what keeps it: accounts, proxies, backups, tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.core.errors import OptionError

if TYPE_CHECKING:
    from mien.app.bench import Bench


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("code")(code)


def code(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a proxy with TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8420,
    name: Annotated[
        list[str] | None, typer.Option(help="Another host name under which pages may be asked for.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="postgresql+psycopg://... or sqlite:///...; default: a file in the study."),
    ] = None,
    emotions: Annotated[
        str, typer.Option(help="seven, three, or the study's own words with commas between.")
    ] = "seven",
    suggestions: Annotated[
        Path | None, typer.Option(help="Folder of suggestions that mien spot STUDY wrote, shown as ghosts.")
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the proxies of all clips, and leave.")
    ] = False,
    add_coder: Annotated[
        list[str] | None,
        typer.Option(help="LABEL or LABEL:expert or LABEL:lead: add an account, print its token, and leave."),
    ] = None,
    new_token: Annotated[
        str | None, typer.Option(help="LABEL: print another token for an account, and leave.")
    ] = None,
    import_tables: Annotated[
        bool,
        typer.Option(
            "--import-tables", help="Bring the study's expression tables onto the bench, and leave."
        ),
    ] = False,
    backup: Annotated[
        Path | None, typer.Option(help="Folder: write a dated copy of the store there, and leave.")
    ] = None,
    keep: Annotated[int, typer.Option(min=1, help="With --backup: how many copies stay.")] = 30,
    restore: Annotated[
        Path | None, typer.Option(help="A copy to bring back into an empty store, and leave.")
    ] = None,
) -> None:
    """Code a study's clips in a browser, frame by frame, each coder blind to the others."""
    from mien.app.serve import serve

    words = _emotions(emotions)
    if restore is not None:
        _restore(study, store, restore)
        return
    bench = _bench(study, store, words, suggestions)
    try:
        if prepare:
            _prepare(bench)
        elif add_coder:
            _add(bench, add_coder)
        elif new_token is not None:
            print(f"token of {new_token}: {bench.store.new_token(new_token, by=_by(bench))}")
        elif import_tables:
            _import(bench)
        elif backup is not None:
            _backup(bench, backup, keep)
        else:
            serve(
                bench, host=host, port=port, names=name or [], told=lambda address: _welcome(bench, address)
            )
    finally:
        bench.close()


def _emotions(text: str) -> tuple[str, ...]:
    from mien.coding.annotation import Annotation
    from mien.core.errors import DataError
    from mien.core.labels import SEVEN_EMOTIONS, THREE_CLASSES

    named = {"seven": (*SEVEN_EMOTIONS, "others"), "three": THREE_CLASSES}
    words = named.get(text) or tuple(word.strip() for word in text.split(","))
    try:
        for word in words:
            Annotation(no_action_unit=True, emotion=word)
        wrong = len(set(words)) != len(words)
    except DataError:
        wrong = True
    if wrong:
        raise OptionError(
            "--emotions",
            wanted="seven, three, or different words with commas between",
            got=text,
            remedy="correct it",
        )
    return words


def _bench(study: Path, store: str | None, emotions: tuple[str, ...], suggestions: Path | None) -> Bench:
    from mien.app.bench import Bench
    from mien.app.serve import default_store, install_secret
    from mien.app.suggested import read_suggestions
    from mien.coding.store import CodingStore
    from mien.dataset import open_study

    opened = open_study(study)
    found, method = ({}, None) if suggestions is None else read_suggestions(suggestions)
    kept = CodingStore.open(store or default_store(study), secret=install_secret(study))
    return Bench(opened, kept, emotions=emotions, suggestions=found, method=method)


def _by(bench: Bench) -> str:
    from mien.app.serve import LEAD

    leads = [who.label for who in bench.store.coders() if who.role == "lead" and who.active]
    return leads[0] if leads else LEAD


def _welcome(bench: Bench, address: str) -> None:
    from mien.app.serve import first_lead

    made = first_lead(bench)
    print(f"The coding bench of {bench.folder} is at {address} (Ctrl+C stops it).")
    if made is not None:
        print(f"Sign in as {made[0]} with this link, which is shown this once: {address}/#sign-in={made[1]}")
    else:
        print("Sign in with the token you were given; mien code STUDY --new-token LABEL makes another.")


def _add(bench: Bench, wanted: list[str]) -> None:
    for text in wanted:
        label, _, role = text.partition(":")
        if role not in ("", "coder", "expert", "lead"):
            raise OptionError(
                "--add-coder", wanted="LABEL, LABEL:expert or LABEL:lead", got=text, remedy="correct it"
            )
        token = bench.store.add_coder(label, label, role or "coder", by=_by(bench))  # type: ignore[arg-type]
        print(f"token of {label}: {token}")


def _prepare(bench: Bench) -> None:
    from mien.core.errors import MienError
    from mien.jobs.progress import bar

    failed = []
    with bar("proxies") as show:
        for number, clip in enumerate(bench.clips, start=1):
            try:
                bench.frames.make(clip)
            except MienError as error:
                failed.append(str(error))
            show(number, len(bench.clips), clip.id)
    for sentence in failed:
        print(f"no proxy: {sentence}")
    if failed:
        raise typer.Exit(1)


def _import(bench: Bench) -> None:
    from mien.app.table_import import import_tables

    done = import_tables(bench, by=_by(bench))
    print(f"{done.added} expressions brought onto the bench")
    for label, token in done.tokens.items():
        print(f"token of {label}: {token}")
    for problem in done.problems:
        print(f"note: {problem}")


def _backup(bench: Bench, folder: Path, keep: int) -> None:
    from mien.app.backup_copies import write_copy

    print(write_copy(bench.store, folder, keep=keep))


def _restore(study: Path, store: str | None, copy: Path) -> None:
    from mien.app.serve import default_store, install_secret
    from mien.coding.store import CodingStore
    from mien.dataset import open_study

    open_study(study)
    CodingStore.restore(copy, store or default_store(study), secret=install_secret(study)).close()
    print(f"{copy} is back; tokens hold if the study's bench.secret is the one of then")
