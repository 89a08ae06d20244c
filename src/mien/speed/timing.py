"""Times of one thread, taken by turns so that what else the machine does hits both sides.

Seconds are the processor's by default: other processes do not count, but for the caches that they share.
"""

from __future__ import annotations

import contextlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

LEAST_S = 0.1  # of one run: shorter work is called more often and its mean taken


def quiet(words: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How much is measured: `quick` takes fewer runs and shorter work; `told` hears where the work is."""

    quick: bool = False
    told: Callable[[str], None] = quiet

    @property
    def runs(self) -> int:
        """Timed runs of each side, at least 5 unless quick."""
        return 3 if self.quick else 7


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of every run, in the order in which they were taken."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.runs)

    @property
    def lowest(self) -> float:
        """The shortest run."""
        return min(self.runs)

    @property
    def highest(self) -> float:
        """The longest run."""
        return max(self.runs)


def by_turns(
    sides: Mapping[str, Callable[[], object]],
    setting: Setting,
    *,
    runs: int | None = None,
    clock: Callable[[], float] = time.process_time,
    warm: bool = True,
) -> dict[str, Times]:
    """Seconds of one call of every side: calls to warm up, then round after round, each side once.

    A run calls its side as often as fills `LEAST_S` and gives the mean. Without `warm` nothing is called
    before: for work of many seconds that the caller has warmed up in a smaller size.
    """
    calls = dict.fromkeys(sides, 1)
    for name, work in sides.items() if warm else ():
        setting.told(f"{name}, warming up")
        for _ in range(2):  # the first call compiles and imports
            start = clock()
            work()
            spent = clock() - start
            calls[name] = max(1, int(LEAST_S / max(spent, 1e-9)))
            if spent > 1:
                break
    taken: dict[str, list[float]] = {name: [] for name in sides}
    rounds = runs or setting.runs
    for k in range(rounds):
        for name, work in sides.items():
            setting.told(f"{name}, run {k + 1} of {rounds}")
            start = clock()
            for _ in range(calls[name]):
                work()
            taken[name].append((clock() - start) / calls[name])
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP, OpenCV and PyTorch, as far as they are installed; restored after."""
    from threadpoolctl import threadpool_limits

    with contextlib.ExitStack() as stack:
        if importlib.util.find_spec("cv2") is not None:
            import cv2

            stack.callback(cv2.setNumThreads, cv2.getNumThreads())
            cv2.setNumThreads(1)
        if importlib.util.find_spec("torch") is not None:
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        stack.enter_context(threadpool_limits(limits=1))
        yield
