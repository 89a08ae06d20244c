"""What a session is recorded with, as far as it is there: camera, streams, trigger device, markers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import DataError
from mien.elicitation.clock import now_s

if TYPE_CHECKING:
    from mien.elicitation.camera_feed import CameraFeed
    from mien.elicitation.camera_recording import FrameRecorder
    from mien.elicitation.stream_recording import FoundStream
    from mien.elicitation.streams import MarkerOutlet, StreamRecorder
    from mien.elicitation.trigger_devices import SteadyTrigger

LEAST_FREE_BYTES = 2 * 10**9
"""Below this much free disk the experimenter is warned."""
_RATE_AFTER_S = 5.0
_STALE_S = 2.0


@dataclass
class Equipment:
    """The devices of one session; each may be absent. A device that fails never stops the session.

    `troubles()` names what is wrong now, one sentence per place.
    """

    folder: Path
    feed: CameraFeed | None = None
    recorder: FrameRecorder | None = None
    streams: StreamRecorder | None = None
    trigger: SteadyTrigger | None = None
    markers: MarkerOutlet | None = None
    failed: dict[str, str] = field(default_factory=dict)
    streams_path: Path | None = None
    _run: int | None = None
    _written: tuple[float, int] | None = None

    def keep_streams(self) -> None:
        """Somebody has consented: from now on streams are kept; what came before is not."""
        if self.streams is None or self.streams_path is None or self.streams.path == self.streams_path:
            return
        before, chosen = self.streams.path, self.streams.streams
        self._guarded("streams", self.streams.stop)
        before.unlink(missing_ok=True)
        self._guarded("streams", partial(self._record_streams, chosen))

    def _record_streams(self, chosen: Sequence[FoundStream]) -> None:
        from mien.elicitation.streams import StreamRecorder

        assert self.streams_path is not None
        self.streams = StreamRecorder(self.streams_path, chosen)
        self.streams.start()

    def clip_begins(self, run: int, code: int) -> float | None:
        """Send the code and keep frames from now on; when it was sent (s), None if it could not be."""
        sent = self._code(code)
        if self.recorder is not None:
            self._guarded("recording", partial(self.recorder.begin, run, code))
            self._run = run
        return sent

    def clip_ends(self, code: int) -> tuple[float | None, dict[str, Any] | None]:
        """Send the code of the end, keep no more frames; when it was sent, and what was recorded."""
        sent = self._code(code)
        return sent, self.stop_run()

    def stop_run(self) -> dict[str, Any] | None:
        """Keep no more frames; what was recorded of the run, None where nothing was."""
        if self.recorder is None or self._run is None:
            return None
        run, self._run = self._run, None
        try:
            made = self.recorder.end()
        except (DataError, OSError) as error:
            self.failed["recording"] = str(error)
            return {"run": run, "frames": 0, "lost": 0, "trouble": str(error)}
        if made.trouble:
            self.failed["recording"] = made.trouble
        return {"run": run, "frames": made.n_frames, "lost": made.n_lost, "trouble": made.trouble}

    def _code(self, code: int) -> float | None:
        sent = None
        if self.trigger is not None:
            answer = self.trigger.send(code)
            sent = answer.at_s
            if answer.trouble:
                self.failed["trigger"] = answer.trouble
            elif answer.at_s is not None:
                self.failed.pop("trigger", None)
        self.mark(str(code), now_s() if sent is None else sent)
        return sent if self.trigger is not None else now_s()

    def mark(self, text: str, at_s: float) -> None:
        """Push a marker to Lab Streaming Layer."""
        if self.markers is not None:
            self._guarded("markers", partial(self.markers.push, text, at_s))

    def _guarded(self, place: str, act: Any) -> None:
        try:
            act()
        except (DataError, OSError, RuntimeError) as error:
            self.failed[place] = str(error)

    def troubles(self) -> dict[str, str]:
        """Place -> what is wrong there now."""
        found = dict(self.failed)
        if self.feed is not None:
            health = self.feed.health()
            if health.error:
                found["camera"] = health.error
            elif health.age_s is not None and health.age_s > _STALE_S:
                found["camera"] = (
                    f"camera: wanted a frame now, got none for {health.age_s:.0f} s; check its cable."
                )
        if self.streams is not None:
            for stream in self.streams.health():
                if stream.error:
                    found[f"stream {stream.name}"] = stream.error
                elif stream.age_s is not None and stream.age_s > _STALE_S:
                    found[f"stream {stream.name}"] = (
                        f"stream {stream.name}: wanted samples now, got none for {stream.age_s:.0f} s; "
                        "check its program."
                    )
        free = self.free_bytes()
        if free is not None and free < LEAST_FREE_BYTES:
            found["disk"] = (
                f"{self.folder}: wanted {LEAST_FREE_BYTES / 1e9:.0f} GB of free disk, got {free / 1e9:.1f}; "
                "free some in the next break."
            )
        return found

    def free_bytes(self) -> int | None:
        """Free bytes on the disk of the session; None where it cannot be asked."""
        try:
            return shutil.disk_usage(self.folder).free
        except OSError:
            return None

    def left_s(self) -> float | None:
        """How long the disk lasts at the rate of the last seconds; None while nothing is known."""
        free, now = self.free_bytes(), now_s()
        if free is None:
            return None
        if self._written is None:
            self._written = (now, free)
            return None
        since, before = self._written
        if now - since < _RATE_AFTER_S or free >= before:
            return None
        return free / ((before - free) / (now - since))

    @property
    def run(self) -> int | None:
        """The run that is being recorded."""
        return self._run

    def close(self) -> None:
        """Stop and give back every device; what fails in this is told by nobody and loses nothing."""
        self.stop_run()
        for part, verb in (
            (self.recorder, "close"),
            (self.streams, "stop"),
            (self.feed, "stop"),
            (self.trigger, "close"),
            (self.markers, "close"),
        ):
            if part is not None:
                self._guarded("closing", getattr(part, verb))
        if self.streams is not None and self.streams_path not in (None, self.streams.path):
            self.streams.path.unlink(missing_ok=True)  # nobody consented
