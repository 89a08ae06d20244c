"""Jobs and plans: what is to be computed, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.records import Json, digest

Output = Mapping[str, Json | NDArray[np.generic]]
"""What a job returns: named JSON values and arrays."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: a readable name, the address of its result, and the function's arguments.

    `address` names everything the result depends on: the function and its declared version, digests of
    its inputs, parameters, seed, the versions of the libraries that compute. Two jobs with equal
    addresses are the same job. `arguments` are handed to the plan's function and must be picklable.
    """

    name: str
    address: Mapping[str, Json]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of the address."""
        return digest(self.address)


@dataclass(frozen=True, slots=True)
class Plan:
    """Jobs that share one function: `function(context, **job.arguments)` returns the job's output.

    `function` must be importable by name and `context` picklable, since workers receive both once.
    `preload` names modules that the function will need: workers find them imported.

    Raises
    ------
    OptionError
        If two jobs have the same address.
    """

    function: Callable[..., Output]
    context: Any
    jobs: Sequence[Job]
    preload: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names: dict[str, str] = {}
        for job in self.jobs:
            key = job.key
            if key in names:
                raise OptionError(
                    f"job '{job.name}'",
                    wanted="an address of its own",
                    got=f"the address of '{names[key]}'",
                    remedy="put what tells them apart into the address",
                )
            names[key] = job.name

    def __len__(self) -> int:
        return len(self.jobs)
