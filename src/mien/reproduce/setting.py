"""One reproduction as it was asked for, and what its items share while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mien.dataset import Study, open_study
from mien.jobs import Executor, executor_for

Made = TypeVar("Made")
Progress = Callable[[str], AbstractContextManager[Callable[[int, int, str], None]]]
"""A progress bar by its title, as `jobs.bar` is."""


def no_progress(_title: str) -> AbstractContextManager[Callable[[int, int, str], None]]:
    """Says nothing."""
    return nullcontext(lambda _done, _total, _name: None)


@dataclass(frozen=True)
class Setting:
    """One reproduction: the study, others to set beside it, where results go, and how much is spent.

    Parameters
    ----------
    quick
        Light methods in full, networks at a declared small budget.
    epochs
        Of every network; None: as the method's card says (quick: `QUICK_EPOCHS`).
    only
        Whether items were picked out of the whole: their report gets a name of its own, and the whole one
        stays as it is.
    """

    study: Path
    out: Path
    others: tuple[Path, ...] = ()
    quick: bool = False
    epochs: int | None = None
    n_workers: int = 1
    dask: str | None = None
    seed: int = 0
    only: bool = False
    progress: Progress = field(default=no_progress, compare=False)
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def opened(self) -> Study:
        """The study."""
        return open_study(self.study)

    def executor(self) -> Executor:
        """Where its jobs run."""
        return executor_for(self.n_workers, dask=self.dask)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What several items read, made by the first of them and kept for this run."""
        if name not in self.made:
            self.made[name] = make()
        found: Made = self.made[name]
        return found

    @property
    def budget(self) -> int | None:
        """Epochs that networks get; None: all of them."""
        return self.epochs if self.epochs is not None else QUICK_EPOCHS if self.quick else None


QUICK_EPOCHS = 3
