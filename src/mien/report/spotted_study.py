"""The pages of a study that was searched: one for each participant, coded and proposed side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mien.core.records import write_atomically
from mien.evaluation.spotting_task import Recording, SpottingMethod
from mien.experiments.spot_exports import proposals_of
from mien.experiments.spot_study import StudySpotting, StudySpottings
from mien.experiments.spotting_hearts import VideoHeart
from mien.experiments.spotting_methods import relative_curve
from mien.report.spotting_page import SpottedVideo, spotting_page
from mien.spotting import Spotted
from mien.spotting.heart_rate_filter import FilterSettings, Verdicts, filter_candidates
from mien.spotting.optical_flow import prepare
from mien.spotting.spotter import FaceVideo


def write_pages(found: StudySpottings, result: StudySpotting, method: SpottingMethod, folder: Path) -> Path:
    """Write `sub-001.html` and so on into a folder, for one method; they show nobody's face."""
    task = found.source.task
    pages: dict[str, list[SpottedVideo]] = {}
    folds = {int(row): fold.name for fold in result.request.settings().folds(task) for row in fold.test}
    for number, recording in enumerate(task.recordings):
        spotted = spotted_of(task.videos[number], recording, result, method, folds[number])
        level = task.consent.get(recording.subject)
        heart = found.hearts.get(recording.name)
        shown = SpottedVideo(
            recording.name,
            spotted,
            method=method.name,
            level=level,
            reference=recording.references,
            heart_rate=None if heart is None else heart.trace(heart.trial.heart.rate),
            heart_slope=None if heart is None else heart.trace(heart.trial.heart.slope),
            verdicts=verdicts_of(recording.name, spotted, heart, result.request.ccf),
        )
        pages.setdefault(recording.subject, []).append(shown)
    for old in folder.glob("sub-*.html"):
        old.unlink()
    for who, videos in pages.items():
        page = spotting_page(videos, title=f"{who}, {method.name}")
        write_atomically(folder / f"{who}.html", page.encode())
    return folder


def spotted_of(
    video: FaceVideo, recording: Recording, result: StudySpotting, method: SpottingMethod, fold: str
) -> Spotted:
    """What the record says of one recording, with the curve at the thresholds of its fold."""
    ready = prepare(video.motion)
    scores = result.curves[recording.name]
    thresholds: Any = result.record.protocol["thresholds"]
    chosen = thresholds.get(fold, method.published)
    return Spotted(
        tuple(proposals_of(result.record, recording.name)),
        ready.not_judged,
        ready.notes,
        video.motion.rate_hz,
        recording.duration_s,
        np.asarray(scores["times_s"], dtype=np.float64),
        relative_curve(method, scores, chosen),
    )


def verdicts_of(
    name: str, spotted: Spotted, heart: VideoHeart | None, settings: FilterSettings | None
) -> Verdicts | None:
    if heart is None or settings is None:
        return None
    apexes = heart.at(np.array([one.apex_s for one in spotted.proposals], dtype=np.float64))
    return filter_candidates([name] * len(apexes), apexes, {name: heart.trial}, settings)
