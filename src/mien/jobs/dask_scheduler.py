"""Talking to a Dask scheduler: whether one is there, and a client of it that says nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mien.core.errors import OptionError

_CONNECT_S = 20
_ADDRESS = re.compile(r"[a-z]+://(\[[^\s\[\]/]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
"""Scheme, host and port."""


def check_scheduler(address: str) -> None:
    """Raise OptionError if no scheduler answers at the address within 20 s."""
    with connected(address):
        pass


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what a client logs of failures that are told in a sentence."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address, until it is left.

    Raises OptionError if none answers there within 20 s.
    """
    import distributed

    client_of: Any = distributed.Client
    if not _ADDRESS.fullmatch(address):
        raise _no_scheduler(address, "no such address")
    try:
        # A client that finds nobody complains when it is thrown away: it is made where somebody has answered.
        with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has a loop already
            thread.submit(asyncio.run, _answer(address)).result()
        client = client_of(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise _no_scheduler(address, said) from error
    with _quiet():
        try:
            yield client
        finally:
            client.close()


async def _answer(address: str) -> None:
    """Ask who is there; raises OSError, TimeoutError or ValueError if it is no scheduler."""
    import distributed

    remote: Any = distributed.rpc
    security: Any = distributed.Security
    arguments = security().get_connection_args("client")
    asked = remote(address, timeout=_CONNECT_S, connection_args=arguments, deserialize=False)
    try:
        told = await asyncio.wait_for(asked.identity(), _CONNECT_S)
    finally:
        await asked.close_rpc()
    if told.get("type") != "Scheduler":
        raise ValueError(f"a {str(told.get('type')).lower()} at this address")


def _no_scheduler(address: str, got: str) -> OptionError:
    return OptionError(
        f"--dask {address}",
        wanted="the address of a running scheduler, as in tcp://10.0.0.1:8786",
        got=got,
        remedy="start dask scheduler and its workers, on folders that all of them see",
    )
