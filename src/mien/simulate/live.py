"""A simulated person who lives by the session's clock: seen by a camera, felt by sensors, coded afterwards.

For rehearsals without anybody in the room, and for tests of all that watches a participant. The script is
fixed before it begins; what was true is told by `movements`, `restless` and `body`. Every `*_s` that leaves
here is seconds of the session's clock (`elicitation.clock`) unless it says "of the script".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.labels import SEVEN_EMOTIONS
from mien.dataset.layout import CODING_COLUMNS
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.clock import now_s
from mien.simulate.bodies import Body
from mien.simulate.coders import CODERS, Coded, Habits, code_trial, coding_row
from mien.simulate.live_face import LiveFace
from mien.simulate.live_script import LiveScript, LiveSettings, RestlessSpan, write_live_script
from mien.simulate.live_streams import LiveStream, Publication, live_body, live_streams
from mien.simulate.script import Movement, Trial

__all__ = ["LiveCamera", "LiveParticipant", "LiveSettings"]

FloatArray = NDArray[np.float64]
_LATEST = 0.5  # frames: later than that, one is not drawn any more


class LiveParticipant:
    """One simulated person; `of` writes the script, `begin` starts it.

    Examples
    --------
    >>> person = LiveParticipant.of(LiveSettings(seed=3, duration_s=60.0))
    >>> person.begin(now_s())
    >>> len(person.restless_spans_s) == len(person.script.restless)
    True
    """

    def __init__(self, script: LiveScript, settings: LiveSettings) -> None:
        self.script, self.settings = script, settings
        self._begun_s: float | None = None

    @classmethod
    def of(cls, settings: LiveSettings) -> LiveParticipant:
        """The person of these settings, the same for the same settings."""
        return cls(write_live_script(settings), settings)

    def begin(self, at_s: float) -> None:
        """Let time 0 of the script be this time of the session's clock; it may lie ahead, and is set once.

        Raises
        ------
        DataError
            If the script has begun already.
        """
        if self._begun_s is not None:
            raise DataError(
                "simulated participant",
                wanted="one beginning",
                got=f"a second one at {at_s:.3f} s",
                remedy="make another participant",
            )
        self._begun_s = at_s

    @property
    def begun_s(self) -> float:
        """Time 0 of the script; raises DataError before `begin`."""
        if self._begun_s is None:
            raise DataError(
                "simulated participant", wanted="a time at which the script begins", got="none",
                remedy="call begin first",
            )  # fmt: skip
        return self._begun_s

    @property
    def end_s(self) -> float:
        """When the script, the camera's pictures and the streams end."""
        return self.begun_s + self.settings.duration_s

    # --- what is seen and felt

    def camera(self) -> LiveCamera:
        """A camera before this person, which sees them as the time comes."""
        return LiveCamera(self)

    @cached_property
    def body(self) -> Body:
        """Peripheral signals with their true events, seconds of the script."""
        return live_body(self.script, self.settings)

    @cached_property
    def streams(self) -> list[LiveStream]:
        """EEG and peripheral signals as they are sent; the first call takes seconds: make it beforehand."""
        return live_streams(self.script, self.settings, self.body)

    @contextmanager
    def publish(self, room: str = "") -> Iterator[Publication]:
        """Send "simulated-eeg" and "simulated-physio" over Lab Streaming Layer while the context lasts.

        Parameters
        ----------
        room
            Ends the streams' names, where several simulated people are on one network.

        Raises
        ------
        DataError
            Before `begin`.
        """
        begun_s = self.begun_s
        streams = [replace(stream, name=stream.name + room) for stream in self.streams]
        publication = Publication(streams, begun_s, f"mien-simulated-{self.settings.seed}{room}")
        try:
            yield publication
        finally:
            publication.stop()

    # --- what was true

    @property
    def movements(self) -> tuple[Movement, ...]:
        """Every expression, in order; smiles that stay are among them."""
        by = self.begun_s
        return tuple(
            replace(m, onset_s=m.onset_s + by, apex_s=m.apex_s + by, offset_s=m.offset_s + by)
            for m in self.script.trial.movements
        )

    @property
    def restless(self) -> tuple[RestlessSpan, ...]:
        """Every span of restlessness, in order."""
        by = self.begun_s
        return tuple(replace(s, start_s=s.start_s + by, end_s=s.end_s + by) for s in self.script.restless)

    @property
    def restless_spans_s(self) -> tuple[tuple[float, float], ...]:
        """Begin and end of every span of restlessness."""
        return tuple((span.start_s, span.end_s) for span in self.restless)

    # --- what coders say

    def coded(
        self, frame_times_s: Mapping[int, NDArray[np.floating]], *, habits: Habits | None = None
    ) -> dict[str, pd.DataFrame]:
        """Every coder's table of `CODING_COLUMNS`, trial and run alike, for videos of this person.

        Parameters
        ----------
        frame_times_s
            Run -> times of its frames, (n_frames,), increasing. A run's rows are the expressions that lie
            wholly inside it, and the coder's false alarms; frames count from 0 in the run.
        habits
            How the coders err; `Habits()` where left out.

        Raises
        ------
        DataError
            Before `begin`, or if a run has fewer than two frames or times that do not increase.
        """
        habits, tables = habits or Habits(), {}
        for index, coder in enumerate(CODERS):
            rows: list[Coded] = []
            for run in sorted(frame_times_s):
                times_s = _checked_times(run, frame_times_s[run]) - self.begun_s
                rng = self.script.person.stream(4, index, run)
                rows += _coded_run(self._run(run, times_s), times_s, rng, habits)
            tables[coder] = pd.DataFrame([coding_row(row) for row in rows], columns=list(CODING_COLUMNS))
        return tables

    def _run(self, run: int, times_s: FloatArray) -> Trial:
        """What happens wholly within one run."""
        first, last = float(times_s[0]), float(times_s[-1])
        inside = tuple(m for m in self.script.trial.movements if first <= m.onset_s and m.offset_s <= last)
        return replace(self.script.trial, number=run, clip_start_s=first, clip_end_s=last, movements=inside)


def _checked_times(run: int, times_s: NDArray[np.floating]) -> FloatArray:
    times = np.asarray(times_s, dtype=np.float64)
    if times.ndim != 1 or times.size < 2 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise DataError(
            f"frame times of run {run}",
            wanted="two or more increasing times",
            got=f"{times.size} times of shape {times.shape}",
            remedy="give the stamps of that run's video",
        )
    return times


def _coded_run(trial: Trial, times_s: FloatArray, rng: np.random.Generator, habits: Habits) -> list[Coded]:
    """A coder's rows; the emotion is each expression's own, unless the coder took it for another."""
    rows = code_trial(trial, times_s, SEVEN_EMOTIONS, rng, habits)
    return [
        replace(row, emotion=trial.movements[row.movement].emotion)
        if row.movement is not None and row.emotion == trial.emotion
        else row
        for row in rows
    ]


class LiveCamera:
    """A camera before a live person: a `Camera` whose pictures are drawn as the time comes.

    Frame k is exposed k / rate seconds after the script's beginning (`counter` k) and arrives at once. It is
    drawn ahead of its time; when drawing, or the reader, is too slow, frames are lost and the counter jumps.
    """

    def __init__(self, person: LiveParticipant) -> None:
        settings = person.settings
        self.name = f"simulated participant {settings.seed}"
        self.width = self.height = settings.frame_px
        self.rate_hz: float | None = settings.rate_hz
        self._person, self._rate = person, settings.rate_hz
        self._face = LiveFace(person.script, settings)
        self._next = 0
        self._closed = threading.Event()

    def read(self) -> CameraFrame | None:
        """The next frame, waited for; None after the script's end or `close`; DataError before `begin`."""
        begun_s, duration_s = self._person.begun_s, self._person.settings.duration_s
        counter = max(self._next, math.ceil((now_s() - begun_s) * self._rate - _LATEST))
        if self._closed.is_set() or counter / self._rate >= duration_s:
            return None
        image = self._face.picture(counter / self._rate)
        wait_s = begun_s + counter / self._rate - now_s()
        if wait_s > 0:
            if wait_s > 0.1 and self._closed.wait(wait_s - 0.1):
                return None
            time.sleep(max(0.0, begun_s + counter / self._rate - now_s()))
        self._next = counter + 1
        return CameraFrame(image=image, stamp_s=now_s(), counter=counter)

    def close(self) -> None:
        """End the pictures; a waiting `read` returns None."""
        self._closed.set()
