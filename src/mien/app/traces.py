"""What the body did while a clip was filmed: signals on the clip's own seconds, thinned out for a screen.

Peripheral signals and EEG come through the clocks of `dataset.synchronise` onto the frames' clock. Sound
has no stamps of its own: its first sample is taken for the first frame's time. Thinning keeps the least and
the greatest value of every stretch, so that a peak of one sample stays to be seen.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.app.study_clips import Clip, StudyClips
from mien.core.errors import MienError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.dataset import StudySession, synchronise
from mien.dataset.synchronise import SessionSync
from mien.recording.formats import read_audio

BUCKETS = 1500
_EEG = ("fp1", "fp2", "fz", "cz", "oz")
"""EEG channels shown, as far as they were recorded: the whole cap would not fit under a video."""
_TRIGGERS = ("trig", "sti", "marker", "event")
_SESSIONS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One signal over a clip: seconds from the clip's first frame, and values (NaN: missing), (n,) each."""

    name: str
    unit: str
    t: FloatArray
    y: FloatArray

    def as_json(self) -> dict[str, Any]:
        """As JSON types; missing values are null."""
        values = [None if np.isnan(v) else float(f"{v:.5g}") for v in self.y.tolist()]
        return {"name": self.name, "unit": self.unit, "t": np.round(self.t, 4).tolist(), "y": values}


@dataclass(frozen=True, slots=True, eq=False)
class _Recorded:
    """A participant's signals and clocks; read once for all clips."""

    physio: list[Signal]
    eeg: Any
    sync: SessionSync | None


class Traces:
    """Signals of a study's clips; the last participants' recordings are kept in memory."""

    def __init__(self, clips: StudyClips) -> None:
        self._clips = clips
        self._lock = threading.Lock()
        self._recorded: OrderedDict[str, _Recorded] = OrderedDict()

    def of(self, clip: Clip) -> tuple[list[Trace], str | None]:
        """The traces of a clip, and in one sentence why something is missing (None: nothing is).

        Raises
        ------
        DataError
            If the clip's frames have no times.
        """
        times = self._clips.times_s(clip)
        session = self._clips.study.session(clip.participant)
        found = list(_sound(session, clip, times))
        try:
            with self._lock:
                recorded = self._read(session)
            if recorded.sync is None:
                return found, None if found else "Nothing but the video was recorded."
            master = recorded.sync.frame_times_s(clip.run)
        except MienError as error:
            return found, f"Signals cannot be laid under the video: {error}"
        if len(master) != len(times):
            return found, "Signals cannot be laid under the video: its clocks hold another number of frames."
        return [*_signals(recorded, master, times), *found], None

    def _read(self, session: StudySession) -> _Recorded:
        name = session.participant_id
        if name not in self._recorded:
            physio, eeg = session.physio(), session.eeg()
            sync = synchronise(session) if session.events() is not None and (physio or eeg) else None
            self._recorded[name] = _Recorded(physio, eeg, sync)
            while len(self._recorded) > _SESSIONS:
                self._recorded.popitem(last=False)
        self._recorded.move_to_end(name)
        return self._recorded[name]


def _signals(recorded: _Recorded, master: FloatArray, times: FloatArray) -> Iterator[Trace]:
    assert recorded.sync is not None
    polygraph = recorded.sync.polygraph
    if polygraph is not None and polygraph.fit.verdict != "failed":
        for signal in recorded.physio:
            if not signal.name.lower().startswith(_TRIGGERS):
                at = polygraph.fit.to_reference(np.arange(signal.values.size) / signal.rate_hz)
                yield from _within(signal.name, signal.unit, at, signal.values, master, times)
    if recorded.eeg is not None:
        raw = recorded.eeg
        first, last = np.searchsorted(raw.times, [master[0], master[-1]])
        known = {name.lower(): name for name in raw.ch_names}
        for name in [known[name] for name in _EEG if name in known]:
            microvolts = raw.get_data(picks=[name], start=int(first), stop=int(last) + 1)[0] * 1e6
            at = raw.times[first : last + 1]
            yield from _within(f"EEG {name}", "uV", at, microvolts, master, times)


def _within(
    name: str, unit: str, at: FloatArray, values: FloatArray, master: FloatArray, times: FloatArray
) -> Iterator[Trace]:
    """The part of a signal within the clip, on the clip's seconds; nothing where there is none."""
    first, last = np.searchsorted(at, [master[0], master[-1]])
    if last - first >= 2:
        t, y = thin(np.interp(at[first:last], master, times), values[first:last])
        yield Trace(name, unit, t, y)


def _sound(session: StudySession, clip: Clip, times: FloatArray) -> Iterator[Trace]:
    video = session.videos().get(clip.run)
    if video is not None and video.audio_path is not None:
        sound = read_audio(video.audio_path, channel=0)
        at = np.arange(sound.values.size) / sound.rate_hz
        inside = at <= times[-1]
        if inside.sum() >= 2:
            t, y = thin(at[inside], sound.values[inside])
            yield Trace("sound", "full scale", t, y)


def thin(t: FloatArray, y: FloatArray, *, buckets: int = BUCKETS) -> tuple[FloatArray, FloatArray]:
    """At most two points a bucket: its least and its greatest value in the order in which they came.

    Parameters
    ----------
    t, y
        Shape (n,): increasing times, values; a bucket without a number is one NaN.

    Examples
    --------
    >>> thin(np.arange(6.0), np.array([0.0, 9.0, 1.0, 1.0, 2.0, -5.0]), buckets=2)
    (array([0., 1., 4., 5.]), array([ 0.,  9.,  2., -5.]))
    """
    n = y.size
    if n <= 2 * buckets:
        return t, y
    edges = np.linspace(0, n, buckets + 1).astype(np.int64)
    length = int(np.diff(edges).max())
    index = np.minimum(edges[:-1, None] + np.arange(length), n - 1)
    inside = np.arange(length) < np.diff(edges)[:, None]
    cells = np.where(inside, y[index], np.nan)
    empty = np.isnan(cells).all(axis=1)
    cells[empty, 0] = 0.0
    ends = np.sort(np.stack([np.nanargmin(cells, axis=1), np.nanargmax(cells, axis=1)], axis=1), axis=1)
    ends[empty] = 0
    rows = edges[:-1, None] + ends
    keep = np.ones(rows.shape, dtype=bool)
    keep[:, 1] = rows[:, 1] > rows[:, 0]
    chosen = rows[keep]
    return t[chosen], y[chosen]
