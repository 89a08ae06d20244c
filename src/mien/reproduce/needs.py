"""What items need of a study, and what of that a study lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from mien.dataset import Study

Need = Literal[
    "videos", "physio", "eeg", "coding", "speech", "others", "ratings", "micro-expressions", "two coders"
]


def missing(study: Study, needs: tuple[Need, ...]) -> Iterator[str]:
    """What a study lacks of what is needed, in words; nothing is decoded for it.

    Raises DataError if a coding table that is needed is damaged.
    """
    from mien.dataset import layout

    names = list(study.participants)
    if not names:
        yield "the study has no participant"
        return
    sessions = [study.session(name) for name in names]
    if "videos" in needs and not any(v.path for s in sessions for v in s.videos().values()):
        yield "no video of anybody is there"
    if "physio" in needs and not any(layout.physio(study.folder, n).is_file() for n in names):
        yield "no peripheral signal was recorded"
    if "eeg" in needs and not any(layout.eeg(study.folder, n).is_file() for n in names):
        yield "no EEG was recorded"
    if "speech" in needs and not any(v.audio_path for s in sessions for v in s.videos().values()):
        yield "no voice was recorded"
    if {"coding", "micro-expressions", "two coders"} & set(needs):
        yield from _missing_of_coding(sessions, needs)
    if "ratings" in needs and not any((study.folder / "stimuli").glob("ratings.*")):
        yield "stimuli/ holds no ratings of the clips"


def _missing_of_coding(sessions: list[Any], needs: tuple[Need, ...]) -> Iterator[str]:
    coders = [set(s.coding()) for s in sessions]
    if not any(coders):
        yield "no expression was coded"
    elif "two coders" in needs and not any(len(found) > 1 for found in coders):
        yield "nobody was coded by two coders"
    elif "micro-expressions" in needs and not _has_micro(sessions):
        yield "no micro-expression was coded"


def _has_micro(sessions: list[Any]) -> bool:
    return any((table["kind"] == "micro").any() for s in sessions for table in s.coding().values())
