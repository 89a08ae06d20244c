"""Table 2: action units of micro-expressions and their regions."""

from __future__ import annotations

from mien.core.labels import ACTION_UNITS
from mien.dataset import describe
from mien.reproduce import published
from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemResult, ItemTable
from mien.reproduce.setting import Setting

_COLUMNS = ("action unit", "description", "region", "micro-expressions", "share", "MMME", "share in MMME")


def _make(setting: Setting) -> ItemResult:
    found = describe(setting.opened())
    units = found.action_units
    known = {f"AU{number}": words for number, words in ACTION_UNITS.items()}
    names = sorted({*units, *published.ACTION_UNITS}, key=lambda name: int(name[2:]))
    counts = {name: int(units[name]["micro"]) if name in units else 0 for name in names}
    total, theirs = sum(counts.values()), sum(published.ACTION_UNITS.values())
    rows = []
    for name in names:
        words, region = known.get(name, ("", "n/a"))
        printed = published.ACTION_UNITS.get(name)
        rows.append(
            (
                Cell(name), Cell(words), Cell(region), Cell(counts[name]),
                Cell(counts[name] / total if total else None),
                Cell(printed, published=True),
                Cell(None if printed is None else printed / theirs, published=True),
            )
        )  # fmt: skip
    most = sorted(names, key=lambda name: (-counts[name], int(name[2:])))[:3]
    return ITEM.done(
        sentences=(
            f"{total} action units in {found.n_micro} micro-expressions"
            + (f", most often {', '.join(f'{n} ({counts[n]})' for n in most)}." if total else "."),
        ),
        tables=(ItemTable("Action units", _COLUMNS, tuple(rows)),),
        differs=(
            "The paper's text names AU1, AU2 and AU12 as the most frequent; its table says AU4, AU14, and "
            "AU1 with AU7: the table adds up and is set beside ours.",
        ),
        values={"units": counts, "total": total},
    )


ITEM = Item("table-2", "Action units of micro-expressions", "Table 2", ("micro-expressions",), _make,
            lambda _: reading(1.0))  # fmt: skip
