"""Options that several commands share word for word."""

from __future__ import annotations

from typing import Annotated

import typer

Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Compute on the workers of this Dask scheduler, as in tcp://10.0.0.1:8786.",
    ),
]
"""Every machine must see the study and the results under the same paths."""
