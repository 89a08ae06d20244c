"""Serving the bench: one server a study, a port on this machine only, and a link to begin with."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mien.app.application import STATIC, create_application
from mien.app.bench import Bench
from mien.app.only_one import StateAddress, only_one
from mien.app.study_tables import write_missing_tables
from mien.core.errors import DataError, OptionError
from mien.dataset import layout

LEAD = "lead"
"""The account that is made with a study's first bench."""

_ANYWHERE = ("0.0.0.0", "::")
_WAITING = 128


def bench_folder(study: Path) -> Path:
    """Where a study keeps its bench: store, secret, lock and proxies."""
    return layout.derivatives(study) / "coding"


def default_store(study: Path) -> str:
    """The URL of the store that a study has unless another is named."""
    return f"sqlite:///{(bench_folder(study) / 'bench.sqlite').absolute()}"


def install_secret(study: Path) -> bytes:
    """The secret of this study's bench, made at the first start; only its owner can read the file."""
    path = bench_folder(study) / "bench.secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    secret = path.read_bytes()
    if len(secret) != 32:
        raise DataError(
            path, wanted="32 bytes", got=len(secret), remedy="delete it; coders then need new tokens"
        )
    return secret


def only_server(study: Path, address: str) -> contextlib.AbstractContextManager[StateAddress]:
    """Hold the study's lock while a server runs; raises DataError where another one runs already."""
    return only_one(bench_folder(study) / "bench.lock", study, "no other bench on this study", address)


def check_page() -> None:
    """Refuse to serve without the built page; raises DataError."""
    if not (STATIC / "index.html").is_file():
        raise DataError(
            STATIC,
            wanted="the built page of the bench",
            got="none",
            remedy="run make web (it needs Node.js 20 or newer), or install a released wheel",
        )


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises OptionError where it is taken."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it; without it a frame waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
        listening.listen(_WAITING)  # from now on who asks is answered, if only once the server is up
    except OSError as error:
        listening.close()
        raise OptionError(
            f"--host {host} --port {port}",
            wanted="an address of this machine that nobody uses",
            got=error.strerror or str(error),
            remedy="choose another port, or 0 for a free one",
        ) from None
    return listening


def host_names(host: str, port: int, more: Sequence[str]) -> list[str]:
    """What a request may give as its host; browsers leave out the port of a proxy with TLS."""
    here = host in ("127.0.0.1", "localhost", *_ANYWHERE)
    names = [*(["127.0.0.1", "localhost"] if here else []), *([] if host in _ANYWHERE else [host])]
    found = [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names]
    for name in more:
        found += [name] if ":" in name else [name, f"{name}:{port}"]
    return list(dict.fromkeys(found))


def first_lead(bench: Bench) -> tuple[str, str] | None:
    """Label and token of a lead that is made where the store has none who is active; None where it has."""
    people = bench.store.coders()
    if any(who.role == "lead" and who.active for who in people):
        return None
    taken = {who.label for who in people}
    names = (LEAD, *(f"{LEAD}{n}" for n in range(2, len(taken) + 3)))
    label = next(name for name in names if name not in taken)
    return label, bench.store.add_coder(label, "Lead", "lead", by=LEAD)


def serve(
    bench: Bench,
    *,
    host: str,
    port: int,
    names: Sequence[str] = (),
    told: Callable[[str], None],
) -> None:
    """Serve until interrupted; `told` gets the address once it listens.

    Raises
    ------
    DataError
        If another server runs on the study, or the page was not built.
    OptionError
        If the address is taken.
    """
    import uvicorn

    check_page()
    listening = listening_socket(host, port)
    at = listening.getsockname()[1]
    shown = "127.0.0.1" if host in _ANYWHERE else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{at}"
    with contextlib.closing(listening), only_server(bench.folder, address):
        write_missing_tables(bench.study, bench.store, bench.clips)
        application = create_application(bench, hosts=host_names(host, at, names))
        settings = uvicorn.Config(
            application, log_level="warning", access_log=False, server_header=False, date_header=False,
            lifespan="off", timeout_graceful_shutdown=5,
        )  # fmt: skip
        told(address)
        sys.stdout.flush()
        uvicorn.Server(settings).run(sockets=[listening])
