"""The face at onset, apex and offset of proposals, cut out of a video: only those frames are kept.

Conventions: grey uint8 pictures, (128, 128), with the eyes where `signals.face` puts them; the three of a
proposal are cut by one alignment that follows the head, and stretched by one contrast, so that they can be
compared. Crops are faces: who shows them asks `dataset.may_leave` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.time import FloatArray
from mien.features.region_motion import ReferenceFace
from mien.recording.formats.video_parts import FrameTimes, frame_times, read_luma_part
from mien.signals.face import face_finder
from mien.signals.face.finding import FaceFinder
from mien.spotting import Proposal

Picture = NDArray[np.uint8]

_GAP_S = 5.0  # of frames that nobody wants: beyond, seeking is cheaper than decoding
_SEEKABLE = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
)  # others would be decoded from their beginning each time
_DARKEST, _BRIGHTEST = 1, 99  # percentiles


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrops:
    """A face at onset, apex and offset, (128, 128) uint8 each."""

    onset: Picture
    apex: Picture
    offset: Picture


def face_crops(
    path: Path,
    proposals: Sequence[Proposal],
    *,
    finder: str = "haar",
    finder_model: Path | None = None,
    frames: FrameTimes | None = None,
) -> list[FaceCrops | None]:
    """The crops of every proposal in its order; None where the apex shows no face with eyes.

    Parameters
    ----------
    path
        The video in which the proposals are; times are seconds of the file.
    finder, finder_model
        As `signals.face.face_finder`.
    frames
        As `frame_times` of the video, where they are known already.

    Raises
    ------
    DataError
        If the file is absent or no video.
    OptionError
        If the finder cannot be.
    """
    if not proposals:
        return []
    frames = frames or frame_times(path)
    found = face_finder(finder, finder_model)
    wanted = [_indexes(frames.times_s, one) for one in proposals]
    users: dict[int, list[int]] = {}
    for number, indexes in enumerate(wanted):
        for index in set(indexes):
            users.setdefault(index, []).append(number)
    left = [len(set(indexes)) for indexes in wanted]
    held: dict[int, Picture] = {}
    crops: list[FaceCrops | None] = [None] * len(proposals)
    for index, picture in _pictures(path, frames, sorted(users)):
        held[index] = picture
        for number in users[index]:
            left[number] -= 1
            if not left[number]:
                crops[number] = _cut([held[at] for at in wanted[number]], found)
        held = {at: kept for at, kept in held.items() if any(left[number] for number in users[at])}
    return crops


def _indexes(times_s: FloatArray, one: Proposal) -> tuple[int, int, int]:
    """The frames nearest to onset, apex and offset."""
    at = np.array([one.onset_s, one.apex_s, one.offset_s])
    right = np.searchsorted(times_s, at).clip(1, max(len(times_s) - 1, 1)) if len(times_s) > 1 else at * 0
    right = right.astype(np.int64)
    left = np.maximum(right - 1, 0)
    onset, apex, offset = np.where(at - times_s[left] <= times_s[right] - at, left, right).tolist()
    return onset, apex, offset


def _pictures(path: Path, frames: FrameTimes, indexes: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    """Index and luma of the frames, in order, as far as they can be decoded; long gaps are jumped over."""
    gap_s = _GAP_S if path.suffix.lower() in _SEEKABLE else np.inf
    runs: list[list[int]] = []
    for index in indexes:
        if runs and frames.times_s[index] - frames.times_s[runs[-1][-1]] <= gap_s:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs:
        asked = set(run)
        for index, picture in read_luma_part(path, frames, run[0], only=asked.__contains__):
            yield index, picture
            if index >= run[-1]:
                break


def _cut(pictures: Sequence[Picture], finder: FaceFinder) -> FaceCrops | None:
    """Onset, apex and offset aligned by the apex's face."""
    apex = pictures[1]
    faces = [face for face in finder.find(apex) if face.eyes is not None]
    if not faces:
        return None
    reference = ReferenceFace(apex, faces[0])
    cut = []
    for picture in pictures:
        reference.shift = np.zeros(2)
        reference.measure(picture)  # moves the shift to where the head is in this picture
        cut.append(reference.aligner.cut(picture, reference.shift))
    dark, bright = np.percentile(cut[1], [_DARKEST, _BRIGHTEST])
    by = 255 / max(float(bright - dark), 1.0)
    onset, middle, offset = (
        np.asarray(np.rint((one - float(dark)) * by).clip(0, 255), dtype=np.uint8) for one in cut
    )
    return FaceCrops(onset, middle, offset)
