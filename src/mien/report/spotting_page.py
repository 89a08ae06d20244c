"""Spotted videos as one self-contained HTML page: timelines to zoom into, tables to jump from, reasons.

The page needs no network and shows everything without JavaScript too; a policy in it allows its own script
and nothing else. Faces stand in it only where `dataset.may_leave` lets them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from mien import __version__
from mien.core.errors import DataError, OptionError
from mien.core.expression import Expression
from mien.core.signal import Signal
from mien.dataset import may_leave
from mien.dataset.consent import CONSENT_WORDS, Audience
from mien.report.apex_sheet import KIND_COLOURS, clock
from mien.report.face_crops import FaceCrops, Picture
from mien.report.timeline_chart import LEFT, RIGHT, Chart, draw
from mien.spotting import Proposal, Spotted
from mien.spotting.heart_rate_filter import FAIL, PASS, Verdicts

THUMBNAIL_PX = 80
_QUALITY = 82  # of JPEG
_SOURCES = {"ecg": "heart rate", "ppg": "pulse rate", "none": "heart rate"}
_REASONS = {
    "no-heart": "no heart rate",
    "outside-trial": "outside the trial",
    "little-known": "heart rate known for too short a time",
    "edge": "no slope at the recording's edge",
    "gap": "a gap in the heart rate",
}


@dataclass(frozen=True, slots=True, eq=False)
class SpottedVideo:
    """One video of the page.

    Parameters
    ----------
    name
        As people know it.
    spotted
        What a method said of it.
    method
        The method's name, "" to leave it out.
    level
        The participant's consent level; None where it is not known, which counts as the strictest.
    reference
        Coded expressions, where they are known; seconds of the video, as everything here.
    heart_rate, heart_slope
        In bpm and bpm/s, where they were recorded.
    verdicts
        The heart-rate filter's, one for each proposal.
    crops
        As `report.face_crops.face_crops`, one for each proposal, or None for no faces.

    Raises
    ------
    OptionError
        If there are not as many verdicts or crops as proposals.
    """

    name: str
    spotted: Spotted
    method: str = ""
    level: int | None = None
    reference: tuple[Expression, ...] = ()
    heart_rate: Signal | None = None
    heart_slope: Signal | None = None
    verdicts: Verdicts | None = None
    crops: Sequence[FaceCrops | None] | None = None

    def __post_init__(self) -> None:
        n = len(self.spotted.proposals)
        given: dict[str, Sized | None] = {"face crops": self.crops}
        given["verdicts"] = None if self.verdicts is None else self.verdicts.code
        for what, rows in given.items():
            if rows is not None and len(rows) != n:
                raise OptionError(
                    f"{self.name}, {what}",
                    wanted=f"{n}, as proposals",
                    got=len(rows),
                    remedy="make them again",
                )


@dataclass(frozen=True, slots=True)
class Row:
    """One proposal in the table; `faces` are data URIs of onset, apex and offset, or nothing."""

    proposal: Proposal
    verdict: str
    passed: bool | None
    faces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One video as the template shows it."""

    video: SpottedVideo
    sentence: str
    rows: tuple[Row, ...]
    chart: Chart
    faces_note: str | None


def spotting_page(
    videos: Sequence[SpottedVideo], *, title: str = "Spotted expressions", audience: Audience = "publication"
) -> str:
    """The HTML of the page.

    Parameters
    ----------
    videos
        In the order of the page.
    audience
        Who will see it. Nobody knows where a file ends: without consent level 1 faces need "analysis", and
        the page then says that it is not to be passed on.

    Raises
    ------
    DataError
        If there is no video, or a consent level is none.
    """
    if not videos:
        raise DataError("spotting page", wanted="at least one video", got="none", remedy="spot a video first")
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mien.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clock"] = clock
    script, script_hash = _script()
    parts = [_part(video, number, audience) for number, video in enumerate(videos, start=1)]
    return environment.get_template("spotting.html").render(
        title=title,
        parts=parts,
        private=any(row.faces for part in parts for row in part.rows) and audience == "analysis",
        colours=KIND_COLOURS,
        script=script,
        script_hash=script_hash,
        version=__version__,
        thumbnail_px=THUMBNAIL_PX,
        left=LEFT,
        right=RIGHT,
    )


@lru_cache(maxsize=1)
def _script() -> tuple[str, str]:
    """The page's script and the hash by which its policy knows it."""
    text = (files("mien.report") / "templates" / "spotting.js").read_text(encoding="utf-8")
    return text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _part(video: SpottedVideo, number: int, audience: Audience) -> Part:
    shown = may_leave("face", video.level, audience=audience)
    crops = video.crops if shown and video.crops is not None else [None] * len(video.spotted.proposals)
    rows = tuple(
        Row(proposal, *_verdict(video.verdicts, k), _faces(crop))
        for k, (proposal, crop) in enumerate(zip(video.spotted.proposals, crops, strict=True))
    )
    chart = draw(
        video.spotted,
        reference=video.reference,
        heart_rate=video.heart_rate,
        heart_slope=video.heart_slope,
        passed=[row.passed for row in rows] if video.verdicts is not None else None,
        ident=f"v{number}",
    )
    note = None
    if video.crops is not None and not shown:
        note = f"Faces are left out: the participant's consent is {CONSENT_WORDS[video.level]}."
    return Part(video, _sentence(video), rows, chart, note)


def _sentence(video: SpottedVideo) -> str:
    """The answer in one sentence or two."""
    spotted = video.spotted
    kinds = [one.kind for one in spotted.proposals]
    n, micro = len(kinds), kinds.count("micro")
    found = "No expression" if not n else f"{n} expression{'s' if n > 1 else ''}"
    parts = f" ({micro} micro, {n - micro} macro)" if n else ""
    said = f"{found}{parts} above the threshold in {spoken(spotted.duration_s)} of video"
    unjudged = min(spotted.unjudged_s, spotted.duration_s)
    if unjudged > 0:
        share = unjudged / spotted.duration_s if spotted.duration_s > 0 else 1.0
        said += f"; {spoken(unjudged)} ({share:.0%}) could not be judged"
    if video.verdicts is not None:
        failed = int((video.verdicts.code == FAIL).sum())
        said += f". The heart-rate filter removes {failed} of them" if n else ""
    if video.reference:
        m = len(video.reference)
        said += f". Coded as reference: {m} expression{'s' if m > 1 else ''}"
    return said + "."


def spoken(length_s: float) -> str:
    """A length of time in words.

    Examples
    --------
    >>> spoken(9.5), spoken(754), spoken(4000)
    ('9.5 s', '12 min 34 s', '1 h 7 min')
    """
    if round(length_s, 1) < 60:
        return f"{length_s:.1f} s"
    minutes, seconds = divmod(round(length_s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    minutes = round(length_s / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _verdict(verdicts: Verdicts | None, k: int) -> tuple[str, bool | None]:
    """What the filter says of a proposal, in words, and whether it passes; None: open, or not asked."""
    if verdicts is None:
        return "", None
    code, source = int(verdicts.code[k]), _SOURCES.get(str(verdicts.source[k]), "heart rate")
    slope, threshold = float(verdicts.slope_bpm_s[k]), float(verdicts.threshold_bpm_s[k])
    if code == PASS:
        return f"kept: {source} changes by {slope:.2f}, more than {threshold:.2f} bpm/s", True
    if code == FAIL:
        return f"removed: {source} changes by {slope:.2f}, not more than {threshold:.2f} bpm/s", False
    reason = str(verdicts.reason[k])
    return f"kept, undecided: {_REASONS.get(reason, reason)}", None


def _faces(crop: FaceCrops | None) -> tuple[str, ...]:
    return () if crop is None else tuple(_data_uri(one) for one in (crop.onset, crop.apex, crop.offset))


def _data_uri(picture: Picture) -> str:
    """A small JPEG without anything but pixels."""
    import cv2

    by_area: Any = cv2.INTER_AREA
    small = cv2.resize(np.ascontiguousarray(picture), (2 * THUMBNAIL_PX,) * 2, interpolation=by_area)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
