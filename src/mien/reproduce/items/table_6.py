"""Table 6: the peripheral features that fusion reads, and which of them this study can give."""

from __future__ import annotations

from mien.reproduce.costs import reading
from mien.reproduce.item import Cell, Item, ItemResult, ItemTable
from mien.reproduce.setting import Setting
from mien.signals.physio import TABLE_6

_SIGNAL = {"ppg": "ppg", "ecg": "ecg", "hrv": "ecg", "eda": "eda", "rsp": "rsp", "skt": "skt"}


def _make(setting: Setting) -> ItemResult:
    study = setting.opened()
    recorded = {signal.name for name in study.participants for signal in study.session(name).physio()}
    rows, n = [], 0
    for printed, column in TABLE_6.items():
        needs = _SIGNAL[column.partition("_")[0]]
        n += needs in recorded
        rows.append(
            (
                Cell(printed, published=True),
                Cell(column),
                Cell(needs),
                Cell("yes" if needs in recorded else "no"),
            )
        )
    columns = ("MMME's name", "column here, with its unit", "from", "recorded here")
    return ITEM.done(
        sentences=(
            f"The signals of {n} of the {len(TABLE_6)} printed peripheral features are recorded here.",
        ),
        tables=(ItemTable("Peripheral features of the fusion", columns, tuple(rows)),),
        differs=(
            "Features are measured in windows around apexes; what a short window cannot hold is missing.",
        ),
        values={"features": n},
    )


ITEM = Item("table-6", "What fusion reads of the body", "Table 6", ("physio",), _make, lambda _: reading(5.0))
