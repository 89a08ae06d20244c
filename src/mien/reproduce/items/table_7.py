"""Tables 7 and 8, Figures 9 and 10; AMF-Net's table: what fusing face, brain, body and voice is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mien.evaluation import score_record
from mien.experiments.fuse import fuse
from mien.experiments.fusion_request import FuseRequest
from mien.reproduce import published
from mien.reproduce.item import Cell, Cost, Item, ItemFigure, ItemResult, ItemTable, Need, Setting, missing

_METRICS = ("accuracy", "weighted_f1", "uf1", "uar")
_BODY = ("ecg", "eda", "ppg", "rsp", "skt")


def modalities_of(setting: Setting) -> tuple[str, ...]:
    """Face, brain and the peripheral signals, as far as the study has them."""
    study = setting.opened()
    found: list[str] = []
    if not list(missing(study, ("videos",))):
        found.append("me")
    if not list(missing(study, ("eeg",))):
        found.append("eeg")
    kinds = {signal.name for name in study.participants for signal in study.session(name).physio()}
    return (*found, *(kind for kind in _BODY if kind in kinds))


def fused(setting: Setting, modalities: Sequence[str], n_classes: int) -> Any:
    """The fusion, kept below `out` like that of `mien fuse`."""
    request = FuseRequest(
        study=setting.study,
        modalities=tuple(modalities),
        out=setting.out,
        n_classes=n_classes,
        epochs=setting.budget,
        n_workers=setting.n_workers,
        seed=setting.seed,
    )
    return fuse(request, progress=setting.progress)


_PRINTED = {"me": "ME", "eeg": "EEG", "peripheral": "PERI"}


def _row(row: Any, theirs: tuple[float, ...] | None) -> tuple[Cell, ...]:
    scores = score_record(row.record).scores
    made = [Cell(row.name)]
    for k, metric in enumerate(_METRICS):
        one = scores[metric]
        printed = None if theirs is None else theirs[k] / (100 if k == 0 else 1)
        made += [Cell(one.value, one.low, one.high), Cell(printed, published=True)]
    return tuple(made)


def _columns() -> tuple[str, ...]:
    columns = ["what"]
    for metric in ("accuracy", "weighted F1", "UF1", "UAR"):
        columns += [metric, "MMME"]
    return tuple(columns)


def _table(setting: Setting, item: Item, n_classes: int) -> ItemResult:
    from mien.report.fusion_figures import confusion_grid, recall_figure

    modalities = modalities_of(setting)
    if len(modalities) < 2:
        return item.lacking(
            f"fusing needs two modalities or more, the study has {', '.join(modalities) or 'none'}"
        )
    found = fused(setting, modalities, n_classes)
    theirs = published.FUSION[n_classes]
    rows = [_row(one, theirs.get(_PRINTED.get(one.name, ""))) for one in found.members]
    if found.peripheral is not None:
        rows.append(_row(found.peripheral, theirs["PERI"]))
    rows.append(_row(found.fused, theirs["ME+EEG+PERI"]))
    rows += [_row(one, None) for one in found.others]
    best = max(found.members, key=lambda one: score_record(one.record).scores["uf1"].value)
    alone, together = (score_record(one.record).scores["uf1"] for one in (best, found.fused))
    shown = [
        (one.name, one.record) for one in (*found.members, found.fused) if one.record.samples["sample_id"]
    ]
    classes = found.task.classes
    return item.done(
        sentences=(
            f"In {n_classes} classes the fusion reaches UF1 {together.value:.3f} [{together.low:.3f}, "
            f"{together.high:.3f}], the best modality alone ({best.name}) {alone.value:.3f} "
            f"[{alone.low:.3f}, {alone.high:.3f}].",
        ),
        tables=(ItemTable("Each modality and all together", _columns(), tuple(rows)),),
        figures=(
            ItemFigure("Recall of each class (Figure 9)", recall_figure(shown, classes)),
            ItemFigure("Confusion (Figure 10)", confusion_grid(shown, classes)),
        ),
        differs=(
            "Weights come from training subjects; the last row shows what weights from the test subjects "
            "would have bought, and is a leak.",
            *(
                ()
                if setting.budget is None
                else (f"Networks got {setting.budget} epochs: floors, not verdicts.",)
            ),
        ),
        records=tuple(one.path for one in (*found.members, found.fused)),
        values={"uf1": together.value, "best_alone": best.name, "uf1_alone": alone.value},
    )


def _seven(setting: Setting) -> ItemResult:
    return _table(setting, TABLE_7, 7)


def _three(setting: Setting) -> ItemResult:
    return _table(setting, TABLE_8, 3)


_AMF = {"amf-style": "audio+visual", "me": "visual", "speech": "audio"}


def _voices(setting: Setting) -> ItemResult:
    found = fused(setting, ("me", "speech"), 3)
    rows = []
    for one in (*found.members, found.fused, *found.others):
        accuracy, uf1 = (score_record(one.record).scores[m] for m in ("accuracy", "uf1"))
        printed = published.AMF.get(_AMF.get(one.name, ""))
        rows.append(
            (
                Cell(one.name), Cell(accuracy.value, accuracy.low, accuracy.high),
                Cell(None if printed is None else printed / 100, published=True),
                Cell(uf1.value, uf1.low, uf1.high),
            )
        )  # fmt: skip
    accuracy = score_record(found.fused.record).scores["accuracy"]
    return AMF.done(
        sentences=(
            f"Face and voice together are right in {100 * accuracy.value:.1f} % [{100 * accuracy.low:.1f}, "
            f"{100 * accuracy.high:.1f}] (published 81.90 %).",
        ),
        tables=(ItemTable("Face and voice", ("what", "accuracy", "AMF-Net", "UF1"), tuple(rows)),),
        differs=("AMF-Net's layers were never published: amf-style is built after its description.",),
        records=tuple(one.path for one in (*found.members, found.fused)),
        values={"accuracy": accuracy.value},
    )


def _cost(setting: Setting) -> Cost:
    n = len(setting.opened().participants)
    return Cost(n * (60.0 + 20.0 * (setting.budget or 100)), 5e7 * n, 3e9, 8 * n)


_NEEDS: tuple[Need, ...] = ("coding", "micro-expressions")
TABLE_7 = Item(
    "table-7", "Do brain and body help? (seven classes)", "Table 7, Figures 9 and 10", _NEEDS, _seven, _cost
)
TABLE_8 = Item(
    "table-8", "Do brain and body help? (three classes)", "Table 8, Figures 9 and 10", _NEEDS, _three, _cost
)
AMF = Item(
    "amf-net", "Does the voice help?", "AMF-Net's table", (*_NEEDS, "videos", "speech"), _voices, _cost
)
