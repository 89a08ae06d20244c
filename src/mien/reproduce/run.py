"""Going through the items: what can be made is made, what cannot is listed with the reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from mien.core.errors import MienError
from mien.reproduce.item import Cost, Item, ItemResult, LackingError, Setting, missing


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of every item, in the papers' order; seconds each took this time."""

    setting: Setting
    results: tuple[ItemResult, ...]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan: what an item will take, or why it cannot be made."""

    item: Item
    cost: Cost | None
    reason: str = ""


def plan(setting: Setting, items: Sequence[Item]) -> list[Planned]:
    """What every item will take; computes nothing. Raises DataError if the folder is no study."""
    study = setting.opened()
    planned = []
    for item in items:
        reason = "; ".join(missing(study, item.needs)) or _without_others(setting, item)
        if reason:
            planned.append(Planned(item, None, reason))
            continue
        try:
            planned.append(Planned(item, item.cost(setting)))
        except MienError as error:
            planned.append(Planned(item, None, str(error)))
    return planned


def reproduce(setting: Setting, items: Sequence[Item]) -> Reproduction:
    """Make every item that the study allows; finished work is kept below `setting.out` and not done again.

    Raises
    ------
    DataError
        If the folder is no study.
    """
    study = setting.opened()
    setting.out.mkdir(parents=True, exist_ok=True)
    results: list[ItemResult] = []
    seconds: dict[str, float] = {}
    for item in items:
        begun = time.perf_counter()
        reason = "; ".join(missing(study, item.needs)) or _without_others(setting, item)
        results.append(item.lacking(reason) if reason else _made(item, setting))
        seconds[item.name] = time.perf_counter() - begun
    return Reproduction(setting, tuple(results), seconds)


def _without_others(setting: Setting, item: Item) -> str:
    if "others" in item.needs and not setting.others:
        return "it sets several studies side by side: give others with --with"
    return ""


def _made(item: Item, setting: Setting) -> ItemResult:
    """An item's result; what a study does not allow is a reason, not an end."""
    try:
        return item.make(setting)
    except LackingError as error:
        return item.lacking(str(error))
    except MienError as error:
        return item.lacking(f"it failed: {error}")
