"""The works that the design asks to be measured, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from mien.core.errors import OptionError
from mien.speed import (
    eegnet,
    heart_rate_variability,
    hour_of_video,
    interval_matching,
    lbp_top,
    leave_one_subject_out,
    luma,
    spotting_front_end,
)
from mien.speed.row import Work

WORKS: tuple[Work, ...] = (
    lbp_top.WORK,
    heart_rate_variability.WORK,
    eegnet.WORK,
    interval_matching.WORK,
    luma.WORK,
    spotting_front_end.WORK,
    hour_of_video.WORK,
    leave_one_subject_out.WORK,
)


def find_works(names: Sequence[str]) -> tuple[Work, ...]:
    """The works of these names in the table's order, all without a name; raises OptionError for another."""
    known = [work.name for work in WORKS]
    for name in names:
        if name not in known:
            raise OptionError(
                "--only", wanted=f"one of {', '.join(known)}", got=name, remedy="choose one of these"
            )
    return tuple(work for work in WORKS if not names or work.name in names)
