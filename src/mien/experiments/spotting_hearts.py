"""The hearts of a study's trials, and the moments of its videos on their clocks.

A heart is read from a participant's ECG, or from the pulse where there is no ECG that gives a rate. Frames
reach the recorder of the heart through the maps of `mien sync`, or at once where all recorders share a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.records import Json
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval
from mien.dataset import Study, layout
from mien.dataset.expressions import frame_seconds
from mien.dataset.manifest import file_digest
from mien.dataset.recorders import ReadOnce, says_shared_clock
from mien.dataset.synchronise import SessionSync, synchronise
from mien.experiments.spotting_study import StudyVideo
from mien.jobs import Executor, Job, Output, Plan, Store, run_plan, silent
from mien.spotting.trial_heart import Heart, HeartTrial, heart_from_signals

HEART_VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class VideoHeart:
    """The heart during one video.

    Parameters
    ----------
    trial
        Its span and heart, on the heart's clock.
    video_s, heart_s
        Shape (n_frames,): the same moments on the video's clock (from its first frame) and the heart's.
    """

    trial: HeartTrial
    video_s: FloatArray
    heart_s: FloatArray

    def at(self, video_s: FloatArray | float) -> FloatArray:
        """Moments of the video on the heart's clock; beyond its ends both clocks go on alike."""
        at = np.asarray(video_s, dtype=np.float64)
        beyond = at - np.clip(at, self.video_s[0], self.video_s[-1])
        return np.asarray(np.interp(at, self.video_s, self.heart_s) + beyond, dtype=np.float64)

    def trace(self, signal: Signal | None) -> Signal | None:
        """The rate or slope on the video's clock, as far as the video goes; None where there is none."""
        if signal is None:
            return None
        shift = float(self.video_s[0] - self.heart_s[0])
        first = max(int(np.floor((self.heart_s[0] - signal.start_s) * signal.rate_hz)), 0)
        last = int(np.ceil((self.heart_s[-1] - signal.start_s) * signal.rate_hz)) + 1
        start = signal.start_s + first / signal.rate_hz + shift
        return Signal(
            signal.values[first : max(last, first)], signal.rate_hz, signal.unit, signal.name, start
        )


def read_hearts(
    study: Study,
    videos: Mapping[str, StudyVideo],
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> dict[str, VideoHeart]:
    """The heart of every video by its name; one without a slope says why."""
    people = list(dict.fromkeys(one.participant for one in videos.values()))
    jobs = [Job(f"{who}, heart", _address(study, who), {"participant": who}) for who in people]
    outputs = run_plan(Plan(_slope, study, jobs), store, executor=executor, progress=progress)
    hearts = {who: _heart(output) for who, output in zip(people, outputs, strict=True)}
    shared = says_shared_clock(study)
    found: dict[str, VideoHeart] = {}
    for who in people:
        session = ReadOnce(study.folder, who)
        sync = _clocks(session, shared)
        for name, video in videos.items():
            if video.participant == who:
                found[name] = _of_video(video, hearts[who], session, sync)
    return found


def _address(study: Study, who: str) -> dict[str, Json]:
    path = layout.physio(study.folder, who)
    return {
        "function": "experiments.heart_slope",
        "function_version": HEART_VERSION,
        "participant": who,
        "physio": file_digest(path) if path.is_file() else None,
    }


def _slope(study: Study, *, participant: str) -> Output:
    """The slope of one participant's heart rate: the costly part."""
    signals = ReadOnce(study.folder, participant).peripheral()
    try:
        heart = heart_from_signals(ecg=signals.get("ecg"), ppg=signals.get("ppg"))
    except DataError as error:
        heart = Heart(None, "none", str(error))
    told: dict[str, Any] = {"source": heart.source, "reason": heart.reason}
    for name, signal in (("slope", heart.slope), ("rate", heart.rate)):
        told[name] = np.empty(0) if signal is None else signal.values
        told[f"{name}_hz"] = None if signal is None else signal.rate_hz
        told[f"{name}_start_s"] = None if signal is None else signal.start_s
    return told


def _heart(output: Output) -> Heart:
    told: dict[str, Any] = dict(output)
    found = {}
    for name, unit, words in (("slope", "bpm/s", "heart rate slope"), ("rate", "bpm", "heart rate")):
        known = told[f"{name}_hz"] is not None
        start = told[f"{name}_start_s"]
        found[name] = Signal(told[name], told[f"{name}_hz"], unit, words, start) if known else None
    return Heart(found["slope"], told["source"], told["reason"], found["rate"])


def _clocks(session: ReadOnce, shared: bool) -> SessionSync | str | None:
    """The maps to the master clock; None where the recorders share one; else why there are none."""
    if session.events() is None:
        return None if shared else "no events of the EEG by which the clocks could be mapped"
    try:
        sync = synchronise(session)
    except DataError as error:
        return str(error)
    for what, stream in (("camera", sync.camera), ("recorder of the heart", sync.polygraph)):
        if stream is None or stream.fit.verdict == "failed":
            return f"the clock of the {what} could not be mapped"
    return sync


def _of_video(
    video: StudyVideo, heart: Heart, session: ReadOnce, sync: SessionSync | str | None
) -> VideoHeart:
    since = video.since_first_s
    lost = VideoHeart(
        HeartTrial(Interval(0.0, float(since[-1])), Heart(None, "none", str(sync))), since, since
    )
    if isinstance(sync, str):
        return lost
    clock = frame_seconds(session.videos()[video.run], video.run, sync)
    if isinstance(clock, str):
        return VideoHeart(HeartTrial(lost.trial.span, Heart(None, "none", clock)), since, since)
    on_heart = clock
    if sync is not None:
        assert sync.polygraph is not None  # `_clocks` has seen to it
        mapped, holds = sync.polygraph.fit.windows_on_device(np.stack([clock, clock], axis=1))
        whole = np.array([[clock[0], clock[-1]]])
        if not holds.all() or not sync.polygraph.fit.windows_on_device(whole)[1].all():
            reason = "the clock of the heart's recorder steps within the video"
            return VideoHeart(HeartTrial(lost.trial.span, Heart(None, "none", reason)), since, since)
        on_heart = mapped[:, 0]
    span = Interval(float(on_heart[0]), float(on_heart[-1]))
    return VideoHeart(HeartTrial(span, heart), since, on_heart)
