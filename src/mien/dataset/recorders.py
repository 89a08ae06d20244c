"""What several recorders of one participant say together: peripheral signals and whose clock they are on."""

from __future__ import annotations

import json
from functools import cached_property

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.dataset import layout
from mien.dataset.study import Study, StudySession

PERIPHERAL = ("ecg", "ppg", "rsp", "eda", "skt")
SHARED_CLOCK = "SharedClock"


class ReadOnce(StudySession):
    """A session whose physiology, the largest file, is read once for the clocks and the features."""

    @cached_property
    def _physio(self) -> list[Signal]:
        return super().physio()

    def physio(self) -> list[Signal]:
        """Peripheral signals with their trigger; empty where there are none."""
        return self._physio

    def peripheral(self) -> dict[str, Signal]:
        """The signals by kind, of `PERIPHERAL`; those that were not recorded are not there."""
        return {signal.name: signal for signal in self.physio() if signal.name in PERIPHERAL}


def says_shared_clock(study: Study) -> bool:
    """Whether dataset_description.json says that all recorders share one clock.

    Frame stamps and the StartTime of the physiology are then seconds of it.
    """
    path = layout.description(study.folder)
    try:
        fields = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(path, wanted="JSON", got=str(error), remedy="correct it") from error
    return isinstance(fields, dict) and fields.get(SHARED_CLOCK) is True
