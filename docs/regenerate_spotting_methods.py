"""Write one card per spotting method, docs/spotting-methods/<name>.md, and their index.

    python docs/regenerate_spotting_methods.py            # write all
    python docs/regenerate_spotting_methods.py --check    # name the cards that differ from what would be written

What can be computed is: kinds, parameters, thresholds and layers come from the methods themselves, built as
`mien spot` builds them; scores from docs/results/spotting.json, where it exists. The rest stands in
docs/spotting-methods/facts.yaml.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import yaml
from regenerate_methods import (
    MOST_ROWS,
    Row,
    bullets,
    interval,
    meanings,
    shape_words,
    table,
    value_of,
    walk,
    written_as,
)
from torch import nn

from mien.experiments.spotting_methods import SPOTTING_METHODS
from mien.features.face_fields import BLOCKS, FIELD_HZ, FIELD_SIZE
from mien.features.region_motion import REGIONS
from mien.spotting.abpn_network import CONTEXT, SEGMENT, build_abpn
from mien.spotting.curves import GRID_HZ, PARTS
from mien.spotting.disturbances import SLOWEST_HZ, SLOWEST_MICRO_HZ
from mien.spotting.flow_windows import SIDE
from mien.spotting.frames import frames_of
from mien.spotting.mesnet_clips import CLIP
from mien.spotting.mesnet_layers import INPUT_SIZE, build_mesnet
from mien.spotting.optical_flow import OpticalFlowSettings
from mien.spotting.roi_motion import ROIS
from mien.spotting.softnet import build_softnet

DOCS = Path(__file__).resolve().parent
CARDS = DOCS / "spotting-methods"
RESULTS = DOCS / "results" / "spotting.json"

STYLE = (
    "**Not a reproduction.** The details of this method were never published. What is known of it is kept; the rest is "
    "our own construction, and its scores say nothing about the authors' program."
)
READS = {
    "displacement": (
        f"Displacement fields: how far each of {FIELD_SIZE} × {FIELD_SIZE} places of the aligned face has moved, "
        f"`FIELD_HZ` = {FIELD_HZ:g} times a second, in pixels of a face 128 px wide, the head's motion taken out."
    ),
    "texture": (
        f"Texture: counts of local binary patterns in {BLOCKS} × {BLOCKS} blocks of the aligned face, "
        f"`FIELD_HZ` = {FIELD_HZ:g} times a second."
    ),
    "regions": (
        f"Region motion: the mean displacement of {len(REGIONS)} regions of the face at the frames' own times, the "
        "head's motion taken out. Displacement fields and texture are not needed."
    ),
}
LEARNS = {"nothing": "nothing", "lengths": "lengths of expressions", "network": "a network"}
ARE = {"heights": "height", "shares": "share of mean to maximum"}


def main(words: list[str]) -> int:
    """Write all pages, or with --check name those that differ; the exit code."""
    found = pages()
    differing = [name for name, text in found.items() if not written_as(CARDS / name, text)]
    if words == ["--check"]:
        for name in differing:
            print(
                f"docs/spotting-methods/{name} differs; run python docs/regenerate_spotting_methods.py",
                file=sys.stderr,
            )
        return 1 if differing else 0
    for name in differing:
        (CARDS / name).write_text(found[name])
    print(f"{len(found)} pages, {len(differing)} changed")
    return 0


def pages() -> dict[str, str]:
    """The text of every page by file name; ValueError if a method lacks its facts."""
    known = facts()
    lacking = [name for name in SPOTTING_METHODS if name not in known]
    if lacking:
        raise ValueError(f"docs/spotting-methods/facts.yaml says nothing about {', '.join(lacking)}")
    return {f"{name}.md": card(name) for name in SPOTTING_METHODS} | {"README.md": index()}


@lru_cache
def facts() -> dict[str, dict[str, Any]]:
    """What facts.yaml says, by method, and under "common"."""
    said: dict[str, dict[str, Any]] = yaml.safe_load((CARDS / "facts.yaml").read_text())
    return said


# The pages


def card(name: str) -> str:
    """The card of one method."""
    said = facts()[name]
    layers = ["## Layers", layer_part(name)] if name in NETWORKS else []
    parts = [
        f"# {said['title']}",
        said["sentence"].strip(),
        STYLE if said.get("style") else "",
        f"**Paper.** {said['source'].strip()}  \n**Published code.** {said['code'].strip()}",
        "## Published and ours",
        table(("", "published", "ours"), [filled(name, line) for line in said["lines"]]),
        "## Input",
        bullets([READS[said["reads"]], *filled(name, said.get("input", []))]),
        "## What it finds and learns",
        learning_part(name),
        "## Parameters",
        parameter_part(name),
        "## Thresholds",
        threshold_part(name),
        *layers,
        "## How the published numbers came about",
        protocol_part(said),
        "## Published numbers",
        published_part(said),
        "## Measured here",
        measured_part(name),
        "## Where it fails",
        bullets(list(filled(name, said["weaknesses"]))),
        "## Run it",
        f"    {command(name)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def command(name: str) -> str:
    """The command that runs the method."""
    return f"mien spot STUDY --method {name}"


def index() -> str:
    """The index of all cards."""
    rows = [
        (
            f"[{name}]({name}.md)",
            facts()[name]["sentence"],
            " and ".join(method.kinds),
            LEARNS[method.learns],
            facts()[name]["reads"],
            f"{number_of_parameters(name):,}" if name in NETWORKS else "–",
            leak_words(facts()[name]["leaks"]),
        )
        for name, method in SPOTTING_METHODS.items()
    ]
    head = ("method", "what it does", "finds", "learns", "looks at", "parameters", "leak when published")
    return "\n\n".join(
        (
            "# Spotting methods",
            "One card a method: where it comes from, what is published of it and what is ours, its input, parameters, "
            "thresholds and layers, its scores, and where it fails. A name that ends in `-style` is no reproduction: its "
            "details were never published. `mien spot` runs them all on a study; on a single video, where nothing can be "
            "learned, `optical-flow`.",
            table(head, rows),
            "Published scores of different cards are seldom of the same videos, kinds and rules. "
            + facts()["common"]["table9"].strip(),
            "Written by `python docs/regenerate_spotting_methods.py` from the methods themselves and from "
            "[facts.yaml](facts.yaml).\n",
        )
    )


def leak_words(leaks: list[str]) -> str:
    """What an index says of leaks."""
    return "not known" if leaks == ["unknown"] else "**yes**" if leaks else "none known"


# What a method says of itself


@lru_cache
def spotter(name: str) -> Any:
    """The method's spotter as the command builds it, not fitted."""
    return SPOTTING_METHODS[name].build(**SPOTTING_METHODS[name].parameters)


def filled(name: str, lines: list[str]) -> tuple[str, ...]:
    """Lines with the method's own values in place of their names."""
    own = {key: said(value) for key, value in SPOTTING_METHODS[name].parameters.items()}
    own |= {key: said(value) for key, value in vars(spotter(name)).items() if isinstance(value, float)}
    own |= {
        "FIELD_HZ": f"{FIELD_HZ:g}",
        "GRID_HZ": f"{GRID_HZ:g}",
        "SLOWEST_HZ": f"{SLOWEST_HZ:g}",
        "SLOWEST_MICRO_HZ": f"{SLOWEST_MICRO_HZ:g}",
    }
    return tuple(line.format_map(own).strip() for line in lines)


def said(value: Any) -> str:
    """A value in print, with three digits."""
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value))
    return f"{value:.3g}" if isinstance(value, float) and 1e-3 < abs(value) < 1000 else value_of(value)


def learning_part(name: str) -> str:
    """Which kinds it finds, and what it takes from training videos."""
    method = SPOTTING_METHODS[name]
    kinds = (
        "micro- and macro-expressions" if len(method.kinds) == 2 else f"{method.kinds[0]}-expressions only"
    )
    lines = [f"Finds {kinds}.", f"Learns: {facts()[name]['learned'].strip()}"]
    if name in NETWORKS:
        each = " for each kind" if "for each kind" in lines[1] else ""
        lines.append(f"Trainable parameters: **{number_of_parameters(name):,}**{each}.")
    return bullets(lines)


def parameter_part(name: str) -> str:
    """What `--set` can change, and the detectors of a method that has them."""
    method = SPOTTING_METHODS[name]
    words = meanings(type(spotter(name)))
    rows = [(f"`{key}`", f"`{said(value)}`", words.get(key, "")) for key, value in method.parameters.items()]
    parts = [
        table(("parameter", "value", "what it is"), rows),
        f"`--set {name}.PARAMETER=VALUE` changes them.",
    ]
    if name == "optical-flow":
        doc = " ".join((OpticalFlowSettings.__doc__ or "").split())
        parts.append(f"Heights are those of `OpticalFlowSettings`. It says: {doc}")
        regions = "; ".join(f"{part}: {', '.join(of)}" for part, of in PARTS.items())
        parts.append(f"Parts of the face: {regions}.")
    if name == "abpn":
        parts.append(f"Regions: {'; '.join(ROIS)}.")
    if name == "dma-lbp":
        parts += ["Detectors:", detector_table()]
    return "\n\n".join(parts)


def detector_table() -> str:
    """The weak detectors of DMA-LBP in frames."""
    rows = []
    for number, one in enumerate(spotter("dma-lbp").detectors, start=1):
        spans = (one.back_s, one.ahead_s, one.widen_back_s, one.widen_ahead_s)
        back, ahead, left, right = (str(frames_of(span)) for span in spans)
        rows.append((str(number), back, ahead, said(one.share), left, right))
    return table(("", "frames before", "after", "p", "widens before", "after"), rows)


def threshold_part(name: str) -> str:
    """What thresholds are, their usual values, and what `nested` chooses among."""
    method = SPOTTING_METHODS[name]
    rows = [
        (
            kind,
            ARE[method.thresholds_are],
            said(method.published[kind]),
            ", ".join(f"{one:g}" for one in method.candidates[kind]),
        )
        for kind in method.kinds
    ]
    return "\n\n".join(
        (
            facts()[name]["threshold"].strip(),
            table(("kind", "what it is", "`fixed`", "`nested` chooses among"), rows),
            "`nested` chooses by F1 on training subjects only. `test-selected` chooses on the test subjects themselves: "
            "a leak, there to show its size.",
        )
    )


# Layers


@lru_cache
def network_of(name: str) -> nn.Module:
    """The method's network, untrained."""
    return BUILDERS[name]().eval()


def number_of_parameters(name: str) -> int:
    """Trainable numbers of the method's network."""
    return sum(p.numel() for p in network_of(name).parameters() if p.requires_grad)


def _use_mesnet(network: Any, flow: torch.Tensor) -> None:
    """All that MESNet-style does with a clip: every anchor is judged once."""
    features = network(flow)
    network.offer(features)
    spans = torch.tensor([[0.0, 8.0]])
    network.judge(features, torch.zeros(1, dtype=torch.int64), spans)


def _use(network: nn.Module, given: torch.Tensor) -> None:
    network(given)


BUILDERS: Mapping[str, Callable[[], nn.Module]] = {
    "softnet": build_softnet,
    "abpn": build_abpn,
    "sl-swin": lambda: spotter("sl-swin")._build(),
    "mesnet-style": lambda: build_mesnet(len(spotter("mesnet-style").lengths)),
}
NETWORKS: Mapping[str, tuple[str, tuple[int, ...], Callable[[Any, torch.Tensor], None]]] = {
    "softnet": ("one window", (1, 3, SIDE, SIDE), _use),
    "abpn": ("one segment", (1, 2 * len(ROIS), SEGMENT + 2 * CONTEXT), _use),
    "sl-swin": ("one window", (1, 3, SIDE, SIDE), _use),
    "mesnet-style": ("one clip and one span in it", (1, CLIP, 2, INPUT_SIZE, INPUT_SIZE), _use_mesnet),
}


@lru_cache
def rows_of(name: str) -> tuple[Row, ...]:
    """The layers, as finely as a readable table allows."""
    network, (_, shape, use) = network_of(name), NETWORKS[name]
    seen: dict[nn.Module, list[tuple[int, ...]]] = {part: [] for part in network.modules()}
    hooks = [
        part.register_forward_hook(lambda part, given, out: seen[part].append(tuple(out.shape)))
        for part in seen
    ]
    with torch.inference_mode():
        use(network, torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    finest: tuple[Row, ...] = ()
    for depth in range(1, 12):
        rows = tuple(walk(network, "", depth, 1, seen))
        if finest and (len(rows) > MOST_ROWS or rows == finest):
            break
        finest = rows
    if sum(row.parameters for row in finest) != number_of_parameters(name):
        raise ValueError(f"layers of {name} do not add up to {number_of_parameters(name)}")
    return finest


def layer_part(name: str) -> str:
    """The table of layers."""
    words, shape, _ = NETWORKS[name]
    rows = []
    for row in rows_of(name):
        given = ", then ".join(shape_words(one) for one in row.shapes) if row.calls else "–"
        rows.append((f"`{row.name}`", row.kind, given, str(row.calls), f"{row.parameters:,}"))
    rows.append(("**all**", "", "", "", f"**{number_of_parameters(name):,}**"))
    lines = [
        f"For {words}, which the network reads as {shape_words(shape)}. `uses` counts how often a layer works on it. "
        "What has no layer of its own (sums, products, functions without parameters inside a block) is not listed.",
        facts()[name].get("layers", ""),
    ]
    head = ("layer", "kind", "output", "uses", "parameters")
    return "\n\n".join([" ".join(filter(None, lines)), table(head, rows)])


# Published and measured numbers


def protocol_part(said: dict[str, Any]) -> str:
    """Who chose what for the published numbers, and what leaks."""
    common = facts()["common"]
    lines = list(common["window_protocol"] if said["protocol"] == "window" else said["protocol"])
    leaks = [common["window_leak"] if leak == "window" else leak for leak in said["leaks"]]
    if leaks == ["unknown"]:
        lines.append("Leaks: not known.")
    else:
        lines += [f"**Leak.** {leak.strip()}" for leak in leaks]
    return bullets(lines)


def published_part(said: dict[str, Any]) -> str:
    """The published numbers, each with its set."""
    head = ("set", "kinds", "labels", "TP", "predictions", "P", "R", "F1", "chosen on test labels")
    parts = [table(head, [published_row(one) for one in said["published"]])]
    notes = []
    if any("column" in one for one in said["published"]):
        notes.append(
            f"[…]: the column of MMME's Table 9 that prints it. {facts()['common']['table9'].strip()}"
        )
    if any(one.get("inferred") for one in said["published"]):
        notes.append(
            "*Counts in italics* are our arithmetic: the whole numbers that give the printed scores."
        )
    if any(one.get("cut") for one in said["published"]):
        notes.append("†: cut off at its last digit, not rounded.")
    if any(one.get("recalled") for one in said["published"]):
        notes.append("(?): recalled, not verified.")
    notes += [remark.strip() for remark in said.get("remarks", [])]
    if "mmme" in said:
        parts += mmme_parts(said["mmme"])
    return "\n\n".join([parts[0], bullets(notes), *parts[1:]])


def published_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One published set in the table."""
    where = one["set"] + (f" [{one['column']}]" if "column" in one else "")
    where += f" (counts {one['counts_from']})" if "counts_from" in one else ""
    mark = "*" if one.get("inferred") else ""
    predictions = one.get("predictions")
    if isinstance(predictions, list):
        predictions = f"{predictions[0]:,} to {predictions[1]:,}"
    elif predictions is not None:
        predictions = f"{predictions:,}"
    counts = [one.get("labels"), one.get("tp"), predictions]
    shown = ["–" if count is None else f"{mark}{count}{mark}" for count in counts[1:]]
    labels = "–" if counts[0] is None else str(counts[0])
    scores = [printed(one, name) for name in ("P", "R", "F1")]
    return (where, one["kinds"], labels, *shown, *scores, one["chosen"])


def printed(one: Mapping[str, Any], name: str) -> str:
    """A score as it was printed."""
    if name not in one:
        return "–"
    cut = " †" if name in one.get("cut", []) else ""
    doubt = " (?)" if one.get("recalled") else ""
    return f"{one[name]:.{one.get('digits', 4)}f}{cut}{doubt}"


def mmme_parts(scores: Mapping[str, list[float]]) -> list[str]:
    """MMME's own numbers, with what P and R would give."""
    rows = []
    for words, key in (("without", "without"), ("with", "with")):
        p, r, f1 = scores[key]
        rows.append((words, f"{p:.4f}", f"{r:.4f}", f"{f1:.4f}", f"{harmonic(p, r):.4f}"))
    return [
        "On MMME, Tables 9 and 10 (published):",
        table(("heart-rate filter", "P", "R", "F1 printed", "harmonic mean of P and R"), rows),
        facts()["common"]["mmme"].strip(),
    ]


def harmonic(p: float, r: float) -> float:
    """F1 of a precision and a recall."""
    return 2 * p * r / (p + r)


def measured_part(name: str) -> str:
    """What docs/results/spotting.json holds of the method."""
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    mine = found.get("methods", {}).get(name)
    if mine is None:
        return "Not yet measured: `python docs/regenerate_spotting.py` writes the scores."
    rows = [measured_row(kind, one) for kind, one in mine["kinds"].items() if asked(name, kind)]
    head = (
        "kind", "TP", "FP", "FN", "precision", "recall", "F1 [95 %]", "FP a minute", "apex error, ms",
        "F1 at random times", "F1 of even windows",
    )  # fmt: skip
    about = found.get("dataset", {})
    where = (
        f"{about['name']}: {about['n_recordings']} videos of {about['n_subjects']} subjects, {mine['settings']}."
        if "name" in about
        else f"{mine['settings']}."
    )
    return "\n\n".join(
        (
            where,
            table(head, rows),
            "At random times: the method's own proposals, thrown anywhere in the same videos. Even windows: end to end, as "
            "long as the coded expressions on average. Written by `python docs/regenerate_spotting.py`.",
        )
    )


def asked(name: str, kind: str) -> bool:
    """Whether a method looks for a kind; both together only where it looks for both."""
    kinds: tuple[str, ...] = SPOTTING_METHODS[name].kinds
    return kind in kinds or (kind == "overall" and len(kinds) == 2)


def measured_row(kind: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    """One kind's scores."""
    counts = one["counts"]
    return (
        kind,
        *(f"{counts[key]:,}" for key in ("tp", "fp", "fn")),
        *(number(counts[key]) for key in ("precision", "recall")),
        "–" if one["f1"]["value"] is None else interval(one["f1"]),
        number(one["fp_per_minute"], 2),
        number(one["apex_error_ms"], 0),
        number(one["random"]["value"]),
        number(one["uniform"]),
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
