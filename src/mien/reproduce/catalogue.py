"""The items in the papers' order, and which of them a command asks for."""

from __future__ import annotations

from collections.abc import Sequence

from mien.core.errors import OptionError
from mien.reproduce.item import Item
from mien.reproduce.items import (
    equations,
    figure_3,
    figure_4,
    figure_5,
    figure_11,
    figure_12,
    table_1,
    table_2,
    table_3,
    table_4,
    table_6,
    table_7,
    table_10,
)

ITEMS: tuple[Item, ...] = (
    table_1.ITEM,
    figure_3.SETUP,
    figure_5.CONSENT,
    equations.RATINGS,
    figure_3.PROTOCOL,
    equations.AGREEMENT,
    table_2.ITEM,
    figure_4.ITEM,
    figure_5.ITEM,
    table_3.TRIAL,
    table_3.TABLE,
    table_6.ITEM,
    table_4.TABLE_4,
    table_4.TABLE_5,
    table_7.TABLE_7,
    table_7.TABLE_8,
    figure_11.ITEM,
    table_10.TABLE_9,
    table_10.TABLE_10,
    figure_12.ITEM,
    table_7.AMF,
)


def find_items(names: Sequence[str] = ()) -> tuple[Item, ...]:
    """The items of these names, all where none is named; raises OptionError for an unknown one."""
    known = {item.name: item for item in ITEMS}
    for name in names:
        if name not in known:
            raise OptionError("--only", wanted=", ".join(known), got=name, remedy="choose one of them")
    chosen = set(names)
    return tuple(item for item in ITEMS if not chosen or item.name in chosen)
