"""A clip as files count it: when its video shows each frame, when they were, and how tables name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mien.app.bench import Bench
from mien.app.study_clips import Clip
from mien.coding.annotation_marks import sheet_of
from mien.coding.exchange import Mark, Sheet
from mien.coding.frame_names import FrameNames
from mien.coding.mmme_layout import CodedVideo
from mien.core.errors import DataError
from mien.core.labels import EMOTION_SPELLINGS
from mien.core.time import FloatArray
from mien.recording.formats.video_parts import frame_times


@dataclass(frozen=True, slots=True)
class FileClip:
    """What reading and writing need of a clip.

    Parameters
    ----------
    name
        The video file's, or the clip's where there is no video.
    shown_s, end_s
        When the file shows every frame, (n_frames,), and its end; seconds of the file.
    times_s
        The measured time of every frame, seconds from the first.
    """

    bench: Bench
    clip: Clip
    name: str
    shown_s: FloatArray
    end_s: float
    times_s: list[float]

    @property
    def emotions(self) -> dict[str, str]:
        """How this study spells emotions, by the spellings of files."""
        own = {word: word for word in self.bench.emotions}
        others = {word: kept for word, kept in EMOTION_SPELLINGS.items() if kept in own}
        return {**others, **{word.lower(): word for word in own}, **own}

    def sheet(self, marks: Sequence[Mark] = ()) -> Sheet:
        """The video with marks, for programs."""
        return sheet_of(self.name, self.shown_s.tolist(), self.end_s, marks)

    def coded_video(self) -> CodedVideo:
        """The video as coding tables name it."""
        names = _frame_names(self.bench, self.clip, len(self.times_s))
        clip = self.clip
        return CodedVideo(clip.participant, self.name, self.shown_s, self.times_s, names, also=(clip.id,))


def file_clip(bench: Bench, clip: Clip, *, in_file: bool) -> FileClip:
    """The clip's times; raises DataError where frames have none, or `in_file` where the file has others."""
    times = bench.clips.times_s(clip)
    if clip.video is None:
        if in_file:
            raise DataError(
                clip.id, wanted="a video, whose times programs count", got="none", remedy="use a table"
            )
        return FileClip(bench, clip, clip.id, times, float(times[-1]), times.tolist())
    frames = frame_times(clip.video)
    if len(frames.times_s) != len(times):
        if in_file:
            raise DataError(
                clip.id,
                wanted=f"{len(times)} frames in the video, as in its table of times",
                got=len(frames.times_s),
                remedy="mend the table of frame times, or use a coding table",
            )
        return FileClip(bench, clip, clip.video.name, times, float(times[-1]), times.tolist())
    return FileClip(bench, clip, clip.video.name, frames.times_s, frames.end_s, times.tolist())


def _frame_names(bench: Bench, clip: Clip, n_frames: int) -> FrameNames:
    video = bench.study.session(clip.participant).videos().get(clip.run)
    if video is None or video.frame_times_path is None:
        return FrameNames(n_frames)
    return FrameNames(n_frames, host_s=video.host_stamps_s, counter=video.counter)
