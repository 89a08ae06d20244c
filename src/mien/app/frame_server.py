"""Frames of a study's videos by number, from proxies that are made once, in the background.

One thread makes proxies, one after another, with little priority: coders who look at another clip do not
wait for it. A proxy that is not of the video as it is now counts as absent and is made again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mien.app.study_clips import Clip, StudyClips
from mien.core.errors import DataError, MienError
from mien.dataset import layout
from mien.recording.frame_proxy import ProxyInfo, ProxyReader, make_proxy, proxy_info

_log = logging.getLogger(__name__)
_JPEG_QUALITY = 90
_READERS = 6
_PICTURES_BYTES = 96 * 2**20

State = Literal["ready", "making", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class ProxyState:
    """How far a clip's proxy is: frames done of how many; `problem` says what is wrong with it."""

    state: State
    done: int = 0
    of: int = 0
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def proxy_path(study: Path, clip: Clip) -> Path:
    """Where a clip's proxy is kept: a folder of the participant, so that a withdrawal removes it."""
    return layout.derivatives(study) / "coding" / "proxies" / clip.participant / f"{clip.id}_proxy.mp4"


class FrameServer:
    """Proxies of a study, readers on them, and pictures ready to be sent."""

    def __init__(self, clips: StudyClips) -> None:
        self._clips = clips
        self._lock = threading.Lock()
        self._states: dict[str, ProxyState] = {}
        self._readers: OrderedDict[str, tuple[ProxyInfo, ProxyReader]] = OrderedDict()
        # A picture is of a proxy as it was: after its video was replaced it is never found again.
        self._pictures: OrderedDict[tuple[str, ProxyInfo, int, int | None], bytes] = OrderedDict()
        self._bytes = 0
        self._waiting: queue.Queue[Clip | None] = queue.Queue()
        self._stopped = threading.Event()
        self._maker: threading.Thread | None = None

    # --- making

    def state(self, clip: Clip) -> ProxyState:
        """How far a clip's proxy is."""
        with self._lock:
            known = self._states.get(clip.id)
        if known is not None and known.state != "ready":
            return known
        info = self.info(clip)
        if info is None:
            return ProxyState("missing", 0, self._clips.n_frames(clip) or 0, clip.problem)
        return _ready(info, clip, self._clips)

    def info(self, clip: Clip) -> ProxyInfo | None:
        """What a clip's proxy holds; None where there is none of the video as it is now."""
        if clip.video is None:
            return None
        return proxy_info(proxy_path(self._clips.study.folder, clip), clip.video)

    def ask(self, clip: Clip) -> ProxyState:
        """Have a clip's proxy made, unless it is there or under way."""
        now = self.state(clip)
        if now.state in ("ready", "making") or clip.video is None:
            return now
        with self._lock:
            at = self._states.get(clip.id)
            if at is None or at.state != "making":
                self._states[clip.id] = ProxyState("making", 0, self._clips.n_frames(clip) or 0)
                self._waiting.put(clip)
                if self._maker is None:
                    self._maker = threading.Thread(target=self._work, name="proxies", daemon=True)
                    self._maker.start()
            return self._states[clip.id]

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # where threads have no priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        while (clip := self._waiting.get()) is not None:
            try:
                self.make(clip, lambda done, clip=clip: self._progress(clip, done))  # type: ignore[misc]
            except InterruptedError:
                return
            except Exception as error:  # whatever it is, the next clip's proxy is made
                if not isinstance(error, (MienError, OSError)):
                    _log.exception("proxy of %s", clip.id, exc_info=error)
                with self._lock:
                    self._states[clip.id] = ProxyState("failed", problem=str(error) or repr(error))
            else:
                with self._lock:
                    self._states.pop(clip.id, None)

    def _progress(self, clip: Clip, done: int) -> bool:
        with self._lock:
            self._states[clip.id] = replace(self._states[clip.id], done=done)
        return not self._stopped.is_set()

    def make(self, clip: Clip, told: Callable[[int], bool] | None = None) -> ProxyInfo:
        """Make a clip's proxy now, unless it is there.

        Raises
        ------
        DataError
            If there is no video, or nothing in it can be decoded.
        """
        info = self.info(clip)
        if info is not None:
            return info
        if clip.video is None:
            raise DataError(
                clip.id, wanted="a video", got="none", remedy="add it, or take the clip out of the work"
            )
        return make_proxy(clip.video, proxy_path(self._clips.study.folder, clip), told=told)

    # --- reading

    def picture(self, clip: Clip, number: int, *, width: int | None = None) -> bytes | None:
        """Frame `number` as JPEG, at most `width` wide; None while there is no proxy.

        Raises
        ------
        DataError
            If the proxy is damaged.
        OptionError
            If the clip has no such frame.
        """
        info, found = self._reader(clip)
        if info is None or found is None:
            return None
        key = (clip.id, info, number, width)
        with self._lock:
            kept = self._pictures.get(key)
            if kept is not None:
                self._pictures.move_to_end(key)
                return kept
        made = _jpeg(self._frame(clip, found, number, width))
        with self._lock:
            if key not in self._pictures:
                self._pictures[key] = made
                self._bytes += len(made)
            while self._bytes > _PICTURES_BYTES:
                self._bytes -= len(self._pictures.popitem(last=False)[1])
        return made

    def pixels(self, clip: Clip, number: int) -> Any:
        """Frame `number` as (height, width, 3), BGR; None while there is no proxy. Raises as `picture`."""
        _, found = self._reader(clip)
        return None if found is None else self._frame(clip, found, number, None)

    def _frame(self, clip: Clip, reader: ProxyReader, number: int, width: int | None) -> Any:
        try:
            return reader.frame(number, width=width)
        except DataError as error:
            with self._lock:
                known = self._readers.get(clip.id)
            if known is not None and known[1] is reader:
                self._give_up(clip, error)
            raise

    def _give_up(self, clip: Clip, error: DataError) -> None:
        """A proxy that cannot be read counts as absent from now on: it is made again when asked for."""
        proxy_path(self._clips.study.folder, clip).unlink(missing_ok=True)
        with self._lock:
            self._readers.pop(clip.id, None)
            self._states[clip.id] = ProxyState("failed", problem=str(error))

    def _reader(self, clip: Clip) -> tuple[ProxyInfo | None, ProxyReader | None]:
        info = self.info(clip)
        with self._lock:
            known = self._readers.get(clip.id)
            if known is not None and known[0] == info:
                self._readers.move_to_end(clip.id)
                return known
            self._readers.pop(clip.id, None)  # of another video than lies there now
            if info is None:
                return None, None
            try:
                reader = ProxyReader(proxy_path(self._clips.study.folder, clip), info)
            except DataError as error:
                broken = error
            else:
                self._readers[clip.id] = (info, reader)
                while len(self._readers) > _READERS:
                    self._readers.popitem(last=False)
                return info, reader
        self._give_up(clip, broken)
        raise broken

    def close(self) -> None:
        """Stop making proxies; what is unfinished leaves nothing."""
        self._stopped.set()
        self._waiting.put(None)
        if self._maker is not None:
            self._maker.join(timeout=10)


def _ready(info: ProxyInfo, clip: Clip, clips: StudyClips) -> ProxyState:
    """A proxy that is there; frames without a time, or times without a frame, are told."""
    problem = None
    try:
        stamped = len(clips.times_s(clip))
    except MienError as error:
        return ProxyState("failed", info.n_frames, info.n_frames, str(error))
    if info.damage is not None:
        problem = f"The video is damaged ({info.damage}): frames after {info.n_frames - 1} cannot be seen."
    elif stamped != info.n_frames:
        problem = (
            f"The video has {info.n_frames} frames and its table {stamped} times: nobody can say which time "
            "belongs to which frame. Mend the table before coding."
        )
        return ProxyState("failed", info.n_frames, info.n_frames, problem)
    return ProxyState("ready", info.n_frames, info.n_frames, problem)


def _jpeg(picture: Any) -> bytes:
    import cv2

    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    return bytes(coded.tobytes())
