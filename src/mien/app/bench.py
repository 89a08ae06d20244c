"""The coding bench of one study: its clips, frames, traces, the store of what is coded, and its settings."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.app.frame_server import FrameServer
from mien.app.guard import DeniedError, Tries
from mien.app.motion import face_box
from mien.app.study_clips import Clip, StudyClips, parse_clip_id
from mien.app.suggested import Suggestion
from mien.app.traces import Traces
from mien.coding.annotation import Annotation
from mien.coding.doubts import doubts
from mien.coding.edits import SheetNow
from mien.coding.stages import ClipState, Coder, may_see_clip
from mien.coding.store import CodingStore
from mien.core.errors import DataError, MienError
from mien.core.labels import SEVEN_EMOTIONS
from mien.dataset import Study
from mien.recording.frame_proxy import ProxyInfo

FaceBox = tuple[int, int, int, int]


@dataclass
class Bench:
    """Everything that a request may need.

    Parameters
    ----------
    emotions
        The words that coders choose from, in order.
    suggestions
        By clip, what a method proposes.
    """

    study: Study
    store: CodingStore
    emotions: Sequence[str] = (*SEVEN_EMOTIONS, "others")
    suggestions: Mapping[str, Sequence[Suggestion]] = field(default_factory=dict)
    method: str | None = None
    secure_cookie: bool = False

    def __post_init__(self) -> None:
        self.clips = StudyClips(self.study)
        self.frames = FrameServer(self.clips)
        self.traces = Traces(self.clips)
        self.tries = Tries()
        self.writing = threading.Lock()
        self._faces: dict[str, tuple[ProxyInfo, FaceBox | None]] = {}
        self.store.ensure_clips((clip.participant, clip.run) for clip in self.clips)

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.study.folder

    def clip(self, name: str, who: Coder) -> tuple[Clip, ClipState]:
        """A clip that somebody may know of, and how far it is; raises DeniedError (404) for another."""
        clip = self.clips.get(name) if parse_clip_id(name) else None
        if clip is not None:
            try:
                state = self.store.clip(clip.participant, clip.run)
            except DataError:  # withdrawn while the bench is open
                state = None
            if state is not None and may_see_clip(who, state):
                return clip, state
        raise DeniedError(404, "There is no such clip among yours: look at the list of clips.", "clip")

    def face(self, clip: Clip) -> FaceBox | None:
        """Where the face is in the first frame; None while there is no proxy, or no face."""
        info = self.frames.info(clip)
        if info is None:
            return None
        known = self._faces.get(clip.id)
        if known is None or known[0] != info:  # of another video than lies there now
            try:
                first = self.frames.pixels(clip, 0)
            except MienError:
                return None
            if first is None:
                return None
            known = self._faces[clip.id] = info, face_box(first)
        return known[1]

    def doubts(self, clip: Clip, sheet: SheetNow) -> dict[str, list[dict[str, str]]]:
        """What is doubtful on a sheet, by expression; nothing where the frames have no times."""
        try:
            times = self.clips.times_s(clip)
        except MienError:
            return {}
        found = doubts(_annotations(sheet), times.tolist())
        return {name: [{"code": d.code, "message": d.message} for d in own] for name, own in found.items()}

    def check_frames(self, clip: Clip, annotation: Annotation) -> None:
        """Refuse frames that the clip has not; raises DataError."""
        n = len(self.clips.times_s(clip))
        for name in ("onset", "apex", "offset"):
            frame = getattr(annotation, name)
            if frame is not None and not 0 <= frame < n:
                raise DataError(
                    name, wanted=f"a frame from 0 to {n - 1}", got=frame, remedy="mark it in the clip"
                )

    def check_emotion(self, annotation: Annotation) -> None:
        """Refuse an emotion that is not of the study's list; raises DataError."""
        if annotation.emotion is not None and annotation.emotion not in self.emotions:
            raise DataError(
                "emotion", wanted=f"one of {', '.join(self.emotions)}", got=annotation.emotion,
                remedy="choose one of them, or open the bench with another list",
            )  # fmt: skip

    def close(self) -> None:
        """Stop work in the background and close the store."""
        self.frames.close()
        self.store.close()


def _annotations(sheet: SheetNow) -> dict[str, Annotation]:
    return {kept.id: kept.annotation for kept in sheet.expressions if kept.annotation is not None}
