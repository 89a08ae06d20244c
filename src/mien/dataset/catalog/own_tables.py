"""What the adapters share whose dataset has no published layout: labels come from a table of the user's own.

The table's columns may be any of the plain ones of `coded_tables.PLAIN`: subject, clip, onset, offset and,
where coded, apex, kind, action_units, emotion, duration, fps. Where SOURCE is a folder, a clip's recording is
the folder of pictures or the video of that name in it; frames of a video count from 1.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from mien.dataset.catalog.media import PICTURES, VIDEOS, Layout

ANYWHERE = Layout(pictures=(r"/(?P<clip>[^/]+)$",), videos=(r"/(?P<clip>[^/]+)$",))
NEGATIVE = ("anger", "contempt", "disgust", "fear", "sadness")
THREE_CLASSES_OF_SEVEN = {
    **dict.fromkeys(NEGATIVE, "negative"),
    "happiness": "positive",
    "surprise": "surprise",
}


def last_part(cell: str) -> str:
    """The last part of a path without the suffix of a picture or video.

    Examples
    --------
    >>> last_part("videos/07.mp4"), last_part("07"), last_part("a.b")
    ('07', '07', 'a.b')
    """
    path = PurePosixPath(cell.strip().replace("\\", "/"))
    return path.stem if path.suffix.lower() in (*PICTURES, *VIDEOS) else path.name


def note(title: str) -> str:
    """What every reading of such a dataset says."""
    return f"No layout of {title} was published: labels are the given table's, recordings found by name."
