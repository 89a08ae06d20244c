"""Watching the participant: motion of every frame, the baseline, and reminders that nobody has to press.

A thread of its own; frames that come faster than they can be measured are left out, never queued up.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import MienError
from mien.elicitation.monitoring import (
    AutomaticReminder,
    MotionBaseline,
    MotionMonitor,
    MotionSample,
    ReminderRule,
    measure_baseline,
    relative,
)

if TYPE_CHECKING:
    from mien.elicitation.camera_feed import CameraFeed

_BATCH_S = 0.1
_WAIT_S = 0.2
MOTION_COLUMNS = ("time_s", "head", "body", "face", "found", "part")
Point = tuple[float, float, float, float, bool]
"""Time (s), head, body, face, and whether a face was found."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """Automatic reminding: on or off, and its rule."""

    on: bool
    rule: ReminderRule


class Watch:
    """The monitor of one session.

    Parameters
    ----------
    traces
        Called about ten times a second with the newest points, and whether they are relative to the baseline.
    remind
        Called with the reason when the rule asks for a reminder while `wanted()` holds.
    measured
        Called with a new baseline, or with the sentence why there is none.
    kept
        Where every measured point is written as it comes, with the number of this part of the session; None
        as long as nobody consented.
    """

    def __init__(
        self,
        feed: CameraFeed,
        *,
        automatic: Automatic,
        baseline: MotionBaseline | None,
        traces: Callable[[list[Point], bool], None],
        remind: Callable[[str], None],
        wanted: Callable[[], bool],
        measured: Callable[[MotionBaseline | str], None],
        kept: Callable[[], Path | None] = lambda: None,
        part: int = 1,
    ) -> None:
        self._feed, self._traces, self._remind = feed, traces, remind
        self._wanted, self._measured = wanted, measured
        self._kept, self._part = kept, part
        self.automatic, self.baseline = automatic, baseline
        self._rule = AutomaticReminder(automatic.rule)
        self._still: list[MotionSample] | None = None
        self._still_s = 0.0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def take_baseline(self, seconds: float) -> None:
        """Measure the participant's own baseline over the next seconds, which replaces the one there is."""
        with self._lock:
            self._still, self._still_s = [], seconds

    @property
    def baseline_left_s(self) -> float | None:
        """How long the baseline still takes; None while none is measured."""
        with self._lock:
            if self._still is None:
                return None
            spent = self._still[-1].time_s - self._still[0].time_s if self._still else 0.0
            return max(0.0, self._still_s - spent)

    def set_automatic(self, *, on: bool, threshold: float | None, refractory_s: float | None) -> None:
        """Switch automatic reminding, or change its rule; what the rule has seen so far is forgotten."""
        with self._lock:
            rule = self.automatic.rule
            rule = replace(
                rule,
                threshold=rule.threshold if threshold is None else threshold,
                refractory_s=rule.refractory_s if refractory_s is None else refractory_s,
            )
            self.automatic, self._rule = Automatic(on, rule), AutomaticReminder(rule)

    def _run(self) -> None:
        monitor, frames = MotionMonitor(), self._feed.subscribe(room=4)
        points: list[Point] = []
        told_s = -math.inf
        lines = None
        try:
            while not self._ending.is_set():
                frame = frames.get(_WAIT_S)
                sample = None if frame is None else monitor.see(frame)
                if sample is None:
                    continue
                points.append(self._seen(sample))
                with contextlib.suppress(OSError):  # a full disk, which others tell; they wait for room
                    if lines is None and (path := self._kept()) is not None:
                        lines = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
                        if not lines.tell():
                            lines.write("\t".join(MOTION_COLUMNS) + "\n")
                    if lines is not None:
                        lines.write(_line(sample, self._part))
                if sample.time_s - told_s >= _BATCH_S:
                    self._traces(points, self.baseline is not None)
                    points, told_s = [], sample.time_s
                    if lines is not None:
                        with contextlib.suppress(OSError):
                            lines.flush()
        finally:
            frames.close()
            if lines is not None:
                with contextlib.suppress(OSError):
                    lines.close()

    def _seen(self, sample: MotionSample) -> Point:
        self._collect(sample)
        base = self.baseline
        if base is None:
            return (sample.time_s, sample.head, sample.body, sample.face, sample.found)
        motion = relative(sample, base)
        with self._lock:
            reason = self._rule.update(motion)
            wanted = self.automatic.on and self._still is None
        if reason is not None and wanted and self._wanted():
            self._remind(reason)
        return (motion.time_s, motion.head, motion.body, motion.face, motion.found)

    def _collect(self, sample: MotionSample) -> None:
        with self._lock:
            if self._still is None:
                return
            self._still.append(sample)
            if sample.time_s - self._still[0].time_s < self._still_s:
                return
            samples, self._still = self._still, None
        try:
            found: MotionBaseline | str = measure_baseline(samples)
        except MienError as error:
            found = str(error)
        if isinstance(found, MotionBaseline):
            self.baseline = found
            with self._lock:
                self._rule = AutomaticReminder(self.automatic.rule)
        self._measured(found)


def _line(sample: MotionSample, part: int) -> str:
    cells = [f"{v:.5g}" if math.isfinite(v) else "n/a" for v in (sample.head, sample.body, sample.face)]
    return "\t".join([f"{sample.time_s:.4f}", *cells, str(int(sample.found)), str(part)]) + "\n"
