"""One clock for a study: what every recorder's time is in seconds of the EEG amplifier.

The polygraph's trigger codes are matched with the EEG's; the camera computer's clock is fitted to the clips,
whose first frame comes at most one frame after the code and whose last at most one before the next; host
stamps become frame times through the camera's counter. Raw files are never changed: the maps are written
to `derivatives/sync` and applied by whoever asks for seconds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.records import to_json, write_atomically
from mien.core.time import FloatArray
from mien.dataset import layout
from mien.dataset.study import Study, StudySession
from mien.recording.clocks import ClockFit, StampFit, fit_clock, fit_stamps
from mien.recording.triggers import Matched, TriggerEvent, find_events, match_events

CLIP_CODES = range(101, 149)
REST_CODE = 100
CODES = frozenset((*CLIP_CODES, REST_CODE))
_CAMERA_TOLERANCE_S = 0.1  # a clip's first frame lies this close to its code, by a line through all clips


@dataclass(frozen=True, slots=True, eq=False)
class StreamSync:
    """One recorder's clock against the EEG's: the fit, and what became of its codes."""

    fit: ClockFit
    matched: Matched
    n_unknown: int

    def as_json(self) -> dict[str, Any]:
        """Maps, residuals and counts as JSON types."""
        residuals = self.fit.residuals_ms
        return {
            "verdict": self.fit.verdict,
            "reason": self.fit.reason,
            "n_matched": len(self.matched.pairs),
            "n_missing": len(self.matched.only_reference),
            "n_unmatched": len(self.matched.only_device),
            "n_unknown_codes": self.n_unknown,
            "residual_sd_ms": float(np.std(residuals)) if residuals.size else None,
            "residual_max_ms": float(np.abs(residuals).max()) if residuals.size else None,
            "pieces": [
                {
                    "from_s": None if math.isinf(piece.from_s) else piece.from_s,
                    "offset_s": piece.map.offset_s,
                    "drift_ppm": piece.map.drift_ppm,
                    "n_anchors": piece.map.n_anchors,
                    "uncertainty_ms": piece.uncertainty_ms,
                }
                for piece in self.fit.pieces
            ],
        }


@dataclass(frozen=True, slots=True, eq=False)
class SessionSync:
    """The clocks of one participant's recorders; `clips`: frame times of each run on the host's clock."""

    participant_id: str
    polygraph: StreamSync | None
    camera: StreamSync | None
    clips: Mapping[int, StampFit]
    counters: Mapping[int, FloatArray]
    latency_s: float

    def frame_times_s(self, run: int) -> FloatArray:
        """Exposure times of a run's frames in master seconds, less the declared latency of the camera.

        Raises DataError if the run's stamps or the camera's clock could not be fitted.
        """
        clip = self.clips.get(run)
        if clip is None or not clip.accepted or self.camera is None:
            raise DataError(
                f"{self.participant_id}, run {run}",
                wanted="a fit of the frames' stamps",
                got="none" if clip is None else clip.reason or "no clock of the camera",
                remedy="look at mien sync; the run has no times until it is fitted",
            )
        return self.camera.fit.to_reference(clip.seconds(self.counters[run])) - self.latency_s

    def as_json(self) -> dict[str, Any]:
        """Everything that was fitted, as JSON types."""
        return {
            "participant_id": self.participant_id,
            "master": "eeg",
            "camera_latency_s": self.latency_s,
            "polygraph": self.polygraph.as_json() if self.polygraph else None,
            "camera": self.camera.as_json() if self.camera else None,
            "clips": {
                str(run): {
                    "accepted": clip.accepted,
                    "reason": clip.reason,
                    "start_s": clip.start_s,
                    "period_s": clip.period_s,
                    "rate_hz": clip.rate_hz,
                    "residual_ms": clip.residual_ms,
                    "late_median_ms": float(np.median(clip.late_ms)),
                    "late_max_ms": float(clip.late_ms.max()),
                }
                for run, clip in self.clips.items()
            },
        }


def synchronise(session: StudySession, *, camera_latency_s: float = 0.0) -> SessionSync:
    """Fit the clocks of one participant's recorders against the EEG's.

    Parameters
    ----------
    camera_latency_s
        Constant time from exposure to the earliest stamp, which stamps cannot show: from the camera's
        data sheet or a measurement with a flash.

    Raises
    ------
    DataError
        If there is no EEG to be the master, or a table cannot be read.
    """
    events = session.events()
    if events is None:
        raise DataError(
            f"{session.participant_id}",
            wanted="events of the EEG, the master clock",
            got="none",
            remedy="write _events.tsv with the amplifier's triggers",
        )
    events = events.dropna(subset=["value"])
    reference = [
        TriggerEvent(float(onset), int(code))
        for onset, code in zip(events["onset"], events["value"], strict=True)
        if code in CODES  # unknown codes stay in the table and are matched with nothing
    ]
    clips, counters = _clips(session)
    return SessionSync(
        participant_id=session.participant_id,
        polygraph=_polygraph(session, reference),
        camera=_camera(session, reference, clips, counters),
        clips=clips,
        counters=counters,
        latency_s=camera_latency_s,
    )


def _polygraph(session: StudySession, reference: list[TriggerEvent]) -> StreamSync | None:
    signals = session.physio()
    trigger = next((signal for signal in signals if signal.name == "trigger"), None)
    if trigger is None:
        return None
    events = find_events(trigger.values, rate_hz=trigger.rate_hz)
    sample_s = 1.0 / trigger.rate_hz
    matched = match_events(events, reference, tolerance_s=max(0.005, 3 * sample_s), codes=CODES)
    fit = fit_clock(
        [events[i].time_s for i, _ in matched.pairs],
        [reference[j].time_s for _, j in matched.pairs],
        step_ms=2.5e3 * sample_s,
    )
    return StreamSync(fit, matched, sum(event.code not in CODES for event in events))


def _clips(session: StudySession) -> tuple[dict[int, StampFit], dict[int, FloatArray]]:
    """Frame times of every run on the host's clock, and their counters."""
    fits, counters = {}, {}
    for run, video in session.videos().items():
        counted = video.counter
        if counted is None:
            continue
        counters[run] = counted.astype(np.float64)
        fits[run] = fit_stamps(counters[run], video.host_stamps_s)
    return fits, counters


def _camera(
    session: StudySession,
    reference: list[TriggerEvent],
    clips: Mapping[int, StampFit],
    counters: Mapping[int, FloatArray],
) -> StreamSync | None:
    """The host's clock: a code lies half a frame before the first frame to arrive, give or take as much."""
    trials = session.trials()
    if trials is None or not clips:
        return None
    known = trials.dropna(subset=["trial", "code"])
    codes = dict(zip(known["trial"].astype(int), known["code"].astype(int), strict=True))
    events: list[TriggerEvent] = []
    for run, clip in clips.items():
        if not clip.accepted or run not in codes:
            continue
        ends = clip.seconds(counters[run][[0, -1]])
        half = clip.period_s / 2
        events.append(TriggerEvent(float(ends[0]) - half, codes[run]))
        events.append(TriggerEvent(float(ends[1]) + half, REST_CODE))
    matched = match_events(events, reference, tolerance_s=_CAMERA_TOLERANCE_S, codes=CODES)
    period = float(np.median([clip.period_s for clip in clips.values()]))
    fit = fit_clock(
        [events[i].time_s for i, _ in matched.pairs],
        [reference[j].time_s for _, j in matched.pairs],
        step_ms=1e3 * period,
        good_ms=1e3 * period,
    )
    return StreamSync(fit, matched, 0)


def sync_path(study: Path, participant: str) -> Path:
    """Where a participant's clock maps are written."""
    name = layout.participant_id(participant)
    return layout.derivatives(study) / "sync" / name / f"{name}_task-{layout.TASK}_desc-sync_map.json"


def write_sync(study: Study, sync: SessionSync) -> Path:
    """Write a participant's clock maps and return the file."""
    path = sync_path(study.folder, sync.participant_id)
    write_atomically(path, (json.dumps(to_json(sync.as_json()), indent=1) + "\n").encode())
    return path
