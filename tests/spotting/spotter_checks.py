"""What tests of training-free spotters share: a made story, matching, and videos at the edge."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mien.core.expression import Expression
from mien.core.time import Interval
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE, PATTERNS, fields_of_arrays
from mien.spotting.frames import PIECE, pieces
from mien.spotting.spotter import FaceVideo

STORY = [
    Expression(4.0, 4.2, 4.4, "micro"),
    Expression(8.0, 8.5, 9.3, "macro"),
    Expression(13.0, 13.2, 13.4, "micro"),
]
STORY_S = 17.0


def hits(expressions, proposals):
    """For each expression, whether a proposal of its kind has an IoU of at least .5 with it."""
    spans = [(one.kind, Interval(one.onset_s, one.offset_s)) for one in proposals]
    return [
        any(kind == one.kind and span.iou(Interval(one.onset_s, one.offset_s)) >= 0.5 for kind, span in spans)
        for one in expressions
    ]


def sound(proposals):
    """Asserts order in time and within each proposal, and scores that are numbers of 1 or more."""
    assert proposals == sorted(proposals)
    for one in proposals:
        assert one.onset_s <= one.apex_s <= one.offset_s
        assert 1.0 <= one.score < np.inf


def fields_video(stretch, displacement=None, texture=None):
    """A video that has fields only; zeros where left out, NaN where the stretch is -1."""
    stretch = np.asarray(stretch, dtype=np.int64)
    n = len(stretch)
    if displacement is None:
        displacement = np.zeros((n, 2, FIELD_SIZE, FIELD_SIZE), dtype=np.float32)
    if texture is None:
        texture = np.ones((n, BLOCKS**2, PATTERNS), dtype=np.float32)
    displacement, texture = displacement.copy(), texture.copy()
    displacement[stretch < 0] = np.nan
    texture[stretch < 0] = np.nan
    return FaceVideo("made", None, fields_of_arrays(np.arange(n) / FIELD_HZ, stretch, displacement, texture))


EDGES = {
    "no frames": [],
    "no stretch": [-1] * 40,
    "one frame": [0],
    "short stretches": [0] * 3 + [-1] + [1] * 5,
    "still": [0] * 200,
}


def same_in_pieces(monkeypatch, module, spotter, video):
    """Asserts that scores do not depend on where the video is cut into pieces to be read."""
    every = []
    for size in (10**6, 37):
        monkeypatch.setattr(module, "pieces", partial(pieces, size=size))
        every.append(spotter.score(video))
    assert every[0].keys() == every[1].keys()
    for name, whole in every[0].items():
        np.testing.assert_array_equal(every[1][name], whole)
        assert name == "times_s" or np.isfinite(whole).any()


def most_frames_read(spotter, video):
    """The most frames that scoring reads at once, of a video longer than a piece."""
    reads = []

    def read(channel, first, stop):
        reads.append(stop - first)
        return video.fields.read(channel, first, stop)

    watched = replace(video.fields, read=read)
    spotter.score(FaceVideo("watched", video.motion, watched))
    assert len(video.fields) > PIECE
    return max(reads)
