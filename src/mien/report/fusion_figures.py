"""Figures of a fusion as SVG text: recall of each class by modality (MMME Figure 9), confusion of each way of
answering (Figure 10), and the weights that every fold gave its members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.core.records import ResultRecord
from mien.core.time import FloatArray
from mien.metrics.recognition import class_recall, counts_by_group
from mien.report.canvas import BLUE, GREEN, GREY, ORANGE, subplots, svg
from mien.report.figures import draw_shares
from mien.stats.resampling import subject_bootstrap

_COLOURS = (BLUE, GREEN, "#E69F00", "#CC79A7", "#56B4E9", "#F0E442", GREY)
_SEED = 20190519
Named = Sequence[tuple[str, ResultRecord]]


def recall_figure(rows: Named, classes: Sequence[str]) -> str:
    """Recall of each class by each way of answering, with 95 % intervals over subjects.

    The last row is the fusion. Figure 9 calls recall the accuracy of an emotion.
    """
    figure, ((axis,),) = subplots(1, 1, width=2.2 + 1.15 * len(classes), height=3.6, squeeze=False)
    step = 0.8 / len(rows)
    for number, (name, record) in enumerate(rows):
        colour = ORANGE if number == len(rows) - 1 else _COLOURS[number % len(_COLOURS)]
        for place, word in enumerate(classes):
            found = _recall(record, word)
            if found is None:
                continue
            value, low, high = found
            x = place + (number - (len(rows) - 1) / 2) * step
            axis.bar(x, value, width=0.9 * step, color=colour, label=name if place == 0 else None)
            if np.isfinite([low, high]).all():
                axis.plot([x, x], [low, high], color="black", lw=1)
    axis.axhline(1 / len(classes), color=GREY, lw=1, ls=":")
    axis.annotate(
        "chance", (len(classes) - 0.55, 1 / len(classes)), (2, 2), textcoords="offset points", fontsize=7,
        color=GREY,
    )  # fmt: skip
    axis.set_xticks(range(len(classes)), classes)
    axis.set(ylim=(0, 1), ylabel="recall, 0 to 1\n(95 % interval over subjects)")
    axis.grid(axis="y", color="#EEEEEE")
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, fontsize=8, frameon=False)
    return svg(figure)


def _recall(record: ResultRecord, word: str) -> tuple[float, float, float] | None:
    classes = [str(name) for name in record.dataset["classes"]]  # type: ignore[union-attr]
    if word not in classes or word not in record.samples["reference"]:
        return None
    place = classes.index(word)
    _, counts = counts_by_group(
        record.samples["reference"], record.samples["estimate"], record.samples["subject_id"], classes=classes
    )

    def of_class(pooled: FloatArray) -> FloatArray:
        return np.asarray(class_recall(pooled)[:, place])

    found = subject_bootstrap(counts, statistic=of_class, seed=_SEED)
    return found.value, found.low, found.high


def confusion_grid(rows: Named, classes: Sequence[str]) -> str:
    """Shares of each reference class, in percent, one matrix for each way of answering."""
    n = len(classes)
    columns = min(len(rows), 4 if n <= 3 else 2)
    lines = -(-len(rows) // columns)
    side = 1.0 + 0.55 * n
    figure, axes = subplots(
        lines, columns, width=0.8 + side * columns, height=0.5 + side * lines, squeeze=False
    )
    flat = list(np.ravel(axes))
    for axis in flat[len(rows) :]:
        axis.set_visible(False)
    for axis, (name, record) in zip(flat, rows, strict=False):
        _confusion(axis, record, classes, name)
    return svg(figure)


def _confusion(axis: Any, record: ResultRecord, classes: Sequence[str], name: str) -> None:
    n = len(classes)
    place = {word: number for number, word in enumerate(classes)}
    counts = np.zeros((n, n))
    for reference, estimate in zip(record.samples["reference"], record.samples["estimate"], strict=True):
        counts[place[str(reference)], place[str(estimate)]] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    words = [
        [f"{100 * shares[row, column]:.0f}" if counts[row].sum() else "-" for column in range(n)]
        for row in range(n)
    ]
    draw_shares(axis, shares, words, fontsize=8)
    short = [word[:3] for word in classes] if n > 3 else list(classes)
    axis.set_xticks(range(n), short, fontsize=7)
    axis.set_yticks(range(n), short, fontsize=7)
    axis.set_xlabel("estimate", fontsize=8)
    axis.set_ylabel("reference", fontsize=8)
    axis.set_title(f"{name} (%), n = {int(counts.sum())}", fontsize=9)


def weights_figure(weights: Mapping[str, Mapping[str, Mapping[str, float]]], classes: Sequence[str]) -> str:
    """Each member's weight for each class: a dot a fold, a line at their mean."""
    members = list(dict.fromkeys(name for fold in weights.values() for name in fold))
    figure, axes = subplots(
        1, len(classes), width=1.2 + 1.5 * len(classes), height=0.9 + 0.36 * len(members), sharey=True,
        sharex=True, squeeze=False,
    )  # fmt: skip
    spread = np.random.default_rng(0)
    for axis, word in zip(axes[0], classes, strict=True):
        for place, name in enumerate(members):
            values = np.array([fold[name][word] for fold in weights.values() if name in fold])
            axis.plot(
                values, place + spread.uniform(-0.18, 0.18, len(values)), ".", color=BLUE, ms=4, alpha=0.6
            )
            axis.plot([values.mean()] * 2, [place - 0.3, place + 0.3], color=ORANGE, lw=2)
        axis.set_title(word, fontsize=9)
        axis.grid(axis="x", color="#EEEEEE")
        axis.set_ylim(len(members) - 0.5, -0.5)
    axes[0][0].set_yticks(range(len(members)), members)
    figure.supxlabel(f"weight of a vote; a dot for each of {len(weights)} folds, their mean", fontsize=8)
    return svg(figure)
