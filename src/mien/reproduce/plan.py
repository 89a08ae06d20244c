"""What every item will take, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mien.core.errors import MienError
from mien.dataset import Study, open_study
from mien.reproduce.item import Cost, Item
from mien.reproduce.ledger import Ledger
from mien.reproduce.needs import missing
from mien.reproduce.setting import Setting
from mien.reproduce.study_identity import check_different


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan: what an item will take, or why it cannot be made."""

    item: Item
    cost: Cost | None
    reason: str = ""
    finished: bool = False

    def seconds_on(self, n_workers: int) -> float:
        """Of the clock, with so many processes; 0 for what cannot be made."""
        return 0.0 if self.cost is None else self.cost.seconds / n_workers


def plan(setting: Setting, items: Sequence[Item]) -> list[Planned]:
    """What every item will take; computes nothing.

    Raises DataError if a folder is no study, OptionError if one is given twice.
    """
    study = opened(setting)
    done = Ledger(setting).seconds
    planned = []
    for item in items:
        try:
            reason = lacking(study, item, setting)
            if reason:
                planned.append(Planned(item, None, reason))
                continue
            cost = item.cost(setting)
        except MienError as error:
            planned.append(Planned(item, None, str(error)))
            continue
        if item.work and any(one.item.work == item.work and one.cost for one in planned):
            cost = cost.again()
        finished = item.name in done
        if finished:  # what is read again, and not what was computed
            cost = replace(cost, seconds=min(cost.seconds, done[item.name] * setting.n_workers), n_jobs=0)
        planned.append(Planned(item, cost, finished=finished))
    return planned


def opened(setting: Setting) -> Study:
    """The study; those beside it are looked at, too, before work begins."""
    for other in setting.others:
        open_study(other)
    study = setting.opened()
    check_different(setting.study, setting.others)
    return study


def lacking(study: Study, item: Item, setting: Setting) -> str:
    """What an item needs and is not there, in words; "" if nothing. Raises DataError for damaged tables."""
    reason = "; ".join(missing(study, item.needs))
    if not reason and "others" in item.needs and not setting.others:
        return "it sets several studies side by side: give others with --with"
    return reason
