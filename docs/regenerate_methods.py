"""Write one card per recognition method, docs/methods/<name>.md, and their index.

    python docs/regenerate_methods.py            # write all
    python docs/regenerate_methods.py --check    # name the cards that differ from what would be written

What can be computed is: input, parameters and layers come from the methods themselves, built as
`mien recognise` and `mien fuse` build them; scores from docs/results/recognition.json, where it exists. The
rest stands in docs/methods/facts.yaml.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from mien.experiments.fusion_request import DEFAULT_METHODS, JOINT
from mien.experiments.methods import METHODS, OTHER_METHODS
from mien.experiments.study_members import FACE
from mien.features.body_features import BODY_FEATURES
from mien.features.clip_features import FEATURES
from mien.recognition.audio_visual_input import audio_visual_dtype
from mien.recognition.network import NetworkRecogniser
from mien.signals.face import bi_woof, lbp_top
from mien.signals.face.lbp_top import uniform_bins
from mien.signals.face.mdmo import mdmo

DOCS = Path(__file__).resolve().parent
CARDS = DOCS / "methods"
RESULTS = DOCS / "results" / "recognition.json"
MOST_ROWS = 40
CLASSES = (3, 7)

TABLES = {"Face": METHODS, "Brain, body and voice": OTHER_METHODS}
ALL = {**METHODS, **OTHER_METHODS}

# The size of sample that layers are shown for; with sound: height and width of the map, frames and bands.
SAMPLES = {
    "motion-map": (28, 28, 3),
    "motion-clip": (7, 60, 60, 3),
    "frame-pair": (2, 224, 224, 3),
    "eeg-epoch": (64, 1280),
    "audio-visual": (28, 28, 400, 64),
}
# Networks that look at their weights while they are built, and so need memory for them.
WITH_MEMORY = ("eegnet",)
# The descriptor behind a method without a network.
DESCRIPTORS = {"lbp-top": lbp_top, "mdmo": mdmo, "bi-woof": bi_woof}
OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"}
MEANINGS = {
    "epochs": "Passes over the training samples.",
    "learning_rate": "Step of the optimiser.",
    "batch_size": "Samples a step.",
    "weight_decay": "Pull of the weights towards zero.",
    "label_smoothing": "Share of each label that is spread over all classes.",
    "widths": "Filters of each stage.",
}
NOT_CHOSEN = ("seed", "device")  # given by the run, not by the method


def main(words: list[str]) -> int:
    """Write all pages, or with --check name those that differ; the exit code."""
    found = pages()
    differing = [name for name, text in found.items() if not written_as(CARDS / name, text)]
    if words == ["--check"]:
        for name in differing:
            print(f"docs/methods/{name} differs; run python docs/regenerate_methods.py", file=sys.stderr)
        return 1 if differing else 0
    for name in differing:
        (CARDS / name).write_text(found[name])
    print(f"{len(found)} pages, {len(differing)} changed")
    return 0


def written_as(path: Path, text: str) -> bool:
    """Whether a page is there with this text."""
    return path.is_file() and path.read_text() == text


def pages() -> dict[str, str]:
    """The text of every page by file name; ValueError if a method lacks its facts."""
    known = facts()
    lacking = [name for name in ALL if name not in known]
    if lacking:
        raise ValueError(f"docs/methods/facts.yaml says nothing about {', '.join(lacking)}")
    return {f"{name}.md": card(name) for name in ALL} | {"README.md": index()}


@lru_cache
def facts() -> dict[str, dict[str, Any]]:
    """What facts.yaml says, by method, and under "common"."""
    said: dict[str, dict[str, Any]] = yaml.safe_load((CARDS / "facts.yaml").read_text())
    return {name: {**said[fact["like"]], **fact} if "like" in fact else fact for name, fact in said.items()}


# The pages


def card(name: str) -> str:
    """The card of one method."""
    said = facts()[name]
    parts = [
        f"# {said['title']}",
        said["sentence"].strip(),
        STYLE if said.get("style") else "",
        f"**Paper.** {said['source'].strip()}  \n**Published code.** {said['code'].strip()}",
        "## Published and ours",
        table(("", "published", "ours"), [tuple(map(str, line)) for line in own_lines(name)]),
        "## Input",
        input_part(name),
        "## Parameters",
        parameter_part(name),
        *(["## Layers", layer_part(name)] if is_network(name) else []),
        "## How the published numbers came about",
        protocol_part(said),
        "## Published numbers",
        published_part(said),
        "## Our numbers",
        measured_part(name),
        "## Run it",
        f"    {command(name)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


STYLE = (
    "**Not a reproduction.** The details of this method were never published. What is known of it is kept; the rest is "
    "our own construction, and its scores say nothing about the authors' program."
)


def command(name: str) -> str:
    """The command that runs the method."""
    if name in METHODS:
        return f"mien recognise STUDY --method {name} --classes 3"
    if needs_of(name) == "audio-visual":
        rule = f" --rule {name}" if name in JOINT else ""
        return f"mien fuse STUDY --modalities {FACE},speech{rule} --classes 3"
    modalities = [modality for modality, usual in DEFAULT_METHODS.items() if usual == name]
    return f"mien fuse STUDY --modalities {','.join(modalities)} --classes 3"


def index() -> str:
    """The index of all cards."""
    tables = [f"## {title}\n\n{index_table(list(methods))}" for title, methods in TABLES.items()]
    return "\n\n".join(
        (
            "# Recognition methods",
            "One card a method: where it comes from, what is published of it and what is ours, its input, "
            "parameters and layers, and its scores. A name that ends in `-style` is no reproduction: its "
            "details were never published. `mien recognise` runs methods of the face; `mien fuse` those of "
            "brain, body and voice, alone and with the face.",
            *tables,
            "Written by `python docs/regenerate_methods.py` from the methods themselves and from "
            "[facts.yaml](facts.yaml).\n",
        )
    )


def index_table(names: list[str]) -> str:
    """The table of some cards."""
    rows = []
    for name in names:
        said = facts()[name]
        leaks = said.get("leaks")
        protocol = (
            "–"
            if leaks is None
            else "not known"
            if leaks == ["unknown"]
            else "**yes**"
            if leaks
            else "none known"
        )
        count = f"{number_of_parameters(name, 3):,}" if is_network(name) else "–"
        rows.append((f"[{name}]({name}.md)", said["sentence"], needs_of(name) or "any", count, protocol))
    head = ("method", "what it is", "input", "parameters (3 classes)", "leak in the published protocol")
    return table(head, rows)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines)


def bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line.strip()}" for line in lines)


# What a method says of itself


@lru_cache
def recogniser(name: str) -> Any:
    """The method's recogniser as the commands build it, not fitted."""
    return ALL[name].build(seed=0, **ALL[name].parameters)


def is_network(name: str) -> bool:
    return isinstance(recogniser(name), NetworkRecogniser)


def needs_of(name: str) -> str | None:
    return getattr(ALL[name], "needs", None)


def own_lines(name: str) -> list[list[str]]:
    """The lines published / ours, with the method's own values in place of their names."""
    own = {"optimiser": OPTIMISERS.get(getattr(recogniser(name), "optimiser", ""), "")}
    if name in DESCRIPTORS:
        signature = inspect.signature(DESCRIPTORS[name]).parameters.values()
        own |= {p.name: value_of(p.default, " x " if p.name == "blocks" else ", ") for p in signature}
    own |= {key: value_of(value) for key, value in recogniser(name).get_params().items()}
    return [[what, published, str(ours).format_map(own)] for what, published, ours in facts()[name]["lines"]]


def value_of(value: Any, between: str = ", ") -> str:
    """A parameter's value in print."""
    if isinstance(value, list | tuple):
        return between.join(value_of(one) for one in value)
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def input_part(name: str) -> str:
    """What one sample is, and how it is made."""
    lines = []
    if needs_of(name) is None:
        lines.append("Any kind of input.")
    else:
        kind = recogniser(name).needs
        lines.append(f"`{kind.name}`: {kind.words}; one sample is ({', '.join(map(str, kind.axes))}).")
        if kind.signed:
            stretched = ", as in maps stretched to 0..255," if name in METHODS else ""
            lines.append(f"Whole numbers{stretched} are refused.")
        if kind.name in FEATURES:
            said = inspect.getdoc(FEATURES[kind.name].measure) or ""
            lines.append(f"Measured of a clip here: {' '.join(said.split())}")
        if kind.name == "body-features":
            lines += [f"{modality}: {', '.join(names)}." for modality, names in BODY_FEATURES.items()]
    return bullets(lines + facts()[name].get("input", []))


def parameter_part(name: str) -> str:
    """The parameters that the method table sets, then those that only the constructor knows."""
    method, built = ALL[name], recogniser(name)
    words = meanings(type(built))
    keys = dict.fromkeys([*method.parameters, *inspect.signature(type(built)).parameters])
    rows = [
        (f"`{key}`", f"`{value_of(getattr(built, key))}`", words.get(key, ""))
        for key in keys
        if key in method.parameters or (key not in NOT_CHOSEN and (key != "augment" or built.needs.flow))
    ]
    lines = choice_lines(name) if name in METHODS else [fused_line(name)]
    lines.append(count_line(name))
    return "\n\n".join([table(("parameter", "value", "what it is"), rows), *lines] if rows else lines)


def fused_line(name: str) -> str:
    """How `mien fuse`, which chooses nothing, goes about a method's parameters."""
    method = OTHER_METHODS[name]
    last = f", and takes the last of the `{method.stage_parameter}`" if method.stage_parameter else ""
    keys = ", ".join(f"`{key}`" for key in method.parameters)
    return f"`mien fuse` chooses none of them{last}. `--set MODALITY.PARAMETER=VALUE` changes {keys}."


def choice_lines(name: str) -> list[str]:
    """What the protocols and options of `mien recognise` do about a method's parameters."""
    method, lines = METHODS[name], []
    others = [changes for changes in method.candidates if changes]
    if others:
        said = "; ".join(", ".join(f"`{key}` {value_of(v)}" for key, v in one.items()) for one in others)
        lines.append(f"`nested` chooses between these values and {said}, on training subjects only.")
    if method.stage_parameter:
        lines.append(
            f"`fixed` takes the last of the `{method.stage_parameter}`; `nested` chooses one on training subjects only."
        )
    if getattr(method, "imbalance", {}):
        kinds = ", ".join(f"`{kind}`" for kind in method.imbalance)
        augments = " `--augment` changes motion at random while training." if method.augments else ""
        lines.append(f"`--imbalance` can be {kinds}.{augments}")
    return lines


def count_line(name: str) -> str:
    """How many numbers are learned."""
    said = facts()[name]
    if is_network(name):
        counts = " and ".join(f"**{number_of_parameters(name, n):,}** for {n} classes" for n in CLASSES)
        idle = sum(row.parameters for row in rows_of(name) if not row.calls)
        line = f"Trainable parameters: {counts}."
        if idle:
            line += f" {idle:,} of them are in layers that take no part in naming the class."
        if "count" in said:
            published = (
                said["count"] if isinstance(said["count"], str) else f"{said['count']:,} for 3 classes"
            )
            line += f" Published: {published}."
        return line
    line = f"Learned: {said['learned'].strip()}"
    if name in DESCRIPTORS:
        line = f"Length of a vector: {vector_length(name):,}. {line}"
    if needs_of(name) == "motion-map":
        counts = " and ".join(f"**{fitted_numbers(name, n):,}** numbers for {n} classes" for n in CLASSES)
        line += f" For {shape_words(SAMPLES['motion-map'])} that is {counts}."
    return line


def vector_length(name: str) -> int:
    """How many numbers describe a clip."""
    if name == "mdmo":
        return len(mdmo(np.zeros((1, 2, 128, 128))))
    if name == "bi-woof":
        return len(bi_woof(np.zeros((128, 128, 2))))
    own = inspect.signature(lbp_top).parameters  # compiling it takes longer than all else here
    return int(3 * (uniform_bins(own["neighbours"].default).max() + 1) * np.prod(own["blocks"].default))


def fitted_numbers(name: str, n_classes: int) -> int:
    """Numbers of weights and offsets after a fit, where the method is no network."""
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 256, (4 * n_classes, *SAMPLES["motion-map"]), dtype=np.uint8)
    fitted = METHODS[name].build(seed=0, **METHODS[name].parameters)
    fitted.fit(maps, np.arange(4 * n_classes) % n_classes)
    return int(fitted.weights_.size + fitted.offsets_.size)


def meanings(kind: type) -> dict[str, str]:
    """What a class and its parents say of each parameter, under "Parameters" of their docstrings."""
    found: dict[str, str] = {}
    for one in kind.__mro__:
        if one.__module__.startswith("mien."):
            found = documented(inspect.cleandoc(one.__doc__ or "")) | found
    return found | MEANINGS


def documented(docstring: str) -> dict[str, str]:
    """The entries under "Parameters"."""
    found: dict[str, str] = {}
    _, _, entries = docstring.partition("Parameters\n----------\n")
    for entry in re.split(r"\n(?=\S)", entries):
        if entry.startswith("---"):
            break
        names, *lines = entry.splitlines() or [""]
        found |= {key.strip(): " ".join(map(str.strip, lines)) for key in names.split(",") if lines}
    return found


# Layers


@dataclass(frozen=True)
class Row:
    """A layer, or several equal ones, of a network.

    Parameters
    ----------
    name
        Where in the network; `2-5` stands for each of 2, 3, 4, 5.
    kind
        What it is.
    shapes
        Of what it gives, in the order of first use.
    calls
        How often it is used for one sample.
    parameters
        Trainable ones, of all that the row stands for.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]
    calls: int
    parameters: int


Seen = Mapping[nn.Module, list[tuple[int, ...]]]


@lru_cache
def network_of(name: str, n_classes: int) -> nn.Module:
    """The method's network, without memory for its weights where that can be."""
    with torch.device(device_of(name)):
        network: nn.Module = recogniser(name)._network(sample_shape(name), n_classes).eval()
    if name == "eegnet":
        # The published order, of equal outputs: in the other one the first layers lend only their weights.
        network.order = "temporal-first"
    return network


def device_of(name: str) -> str:
    return "cpu" if name in WITH_MEMORY else "meta"


def sample_shape(name: str) -> tuple[int, ...]:
    """The size of sample that the card shows layers for."""
    needs = needs_of(name)
    if needs not in SAMPLES:
        raise ValueError(f"{name} needs {needs}: say in SAMPLES which size its layers are to be shown for")
    return SAMPLES[needs]


def number_of_parameters(name: str, n_classes: int) -> int:
    return sum(p.numel() for p in network_of(name, n_classes).parameters() if p.requires_grad)


def network_input(name: str) -> torch.Tensor:
    """One sample as the method's network reads it."""
    shape = sample_shape(name)
    empty: Any = np.zeros((1, *shape), np.float32)
    if needs_of(name) == "audio-visual":
        empty = np.zeros(1, audio_visual_dtype(*shape))
    read: torch.Tensor = recogniser(name)._tensor(empty)
    return read.to(device_of(name))


@lru_cache
def rows_of(name: str) -> tuple[Row, ...]:
    """The layers for three classes, as finely as a readable table allows."""
    network = network_of(name, 3)
    seen: dict[nn.Module, list[tuple[int, ...]]] = {part: [] for part in network.modules()}

    def look(part: nn.Module, given: Any, out: Any) -> None:
        # Of several results, as of a recurrent layer or of attention, the first goes on.
        seen[part].append(tuple((out[0] if isinstance(out, tuple) else out).shape))

    hooks = [part.register_forward_hook(look) for part in seen]
    with torch.inference_mode():
        network(network_input(name))
    for hook in hooks:
        hook.remove()
    finest: tuple[Row, ...] = ()
    for depth in range(1, 12):
        rows = tuple(walk(network, "", depth, 1, seen))
        if finest and (len(rows) > MOST_ROWS or rows == finest):
            break
        finest = rows
    total = number_of_parameters(name, 3)
    if sum(row.parameters for row in finest) != total:
        raise ValueError(f"layers of {name} do not add up to {total}")
    return finest


def walk(part: nn.Module, name: str, depth: int, times: int, seen: Seen) -> Iterator[Row]:
    """The rows of a part of a network, down to a depth; lists of parts are no depth of their own."""
    children = list(part.named_children())
    if isinstance(part, nn.ModuleList):
        for first, last, one in runs(part, seen):
            label = str(first) if first == last else f"{first}-{last}"
            yield from walk(one, f"{name}.{label}", depth, times * (last - first + 1), seen)
    elif not children or depth == 0 or isinstance(part, nn.MultiheadAttention):
        n = sum(p.numel() for p in part.parameters())
        shapes = tuple(dict.fromkeys(seen[part]))
        yield Row(name, several(times, kind_of(part)), shapes, len(seen[part]), times * n)
    else:
        dot = f"{name}." if name else ""
        for key, own in part.named_parameters(recurse=False):
            kind = several(times, f"parameter of {type(part).__name__}")
            yield Row(dot + key, kind, (tuple(own.shape),), len(seen[part]), times * own.numel())
        for key, child in children:
            yield from walk(child, dot + key, depth - 1, times, seen)


def runs(parts: nn.ModuleList, seen: Seen) -> Iterator[tuple[int, int, nn.Module]]:
    """First and last index of parts that are built alike and give alike, and the first of them."""
    like = [
        (repr(part), [seen[one] for one in part.modules()], [tuple(p.shape) for p in part.parameters()])
        for part in parts
    ]
    first = 0
    for i in range(1, len(parts) + 1):
        if i == len(parts) or like[i] != like[first]:
            yield first, i - 1, parts[first]
            first = i


def several(times: int, kind: str) -> str:
    return kind if times == 1 else f"{times} × {kind}"


def kind_of(part: nn.Module) -> str:
    """The kind of a layer in words: its class, with the size of a window where it has one."""
    if isinstance(part, nn.Sequential):
        kinds = [several(len(list(same)), kind) for kind, same in groupby(map(kind_of, part))]
        return kinds[0] if len(kinds) == 1 else "(" + ", ".join(kinds) + ")"
    if isinstance(part, nn.MultiheadAttention):
        return f"MultiheadAttention, {part.num_heads} heads"  # its layers are used as weights, not called
    if not any(True for _ in part.children()):
        return type(part).__name__ + window(part)
    inner = Counter(type(one).__name__ for one in part.modules() if not list(one.children()))
    return f"{type(part).__name__} ({', '.join(several(n, kind) for kind, n in inner.items())})"


def window(part: nn.Module) -> str:
    """Size and stride of a layer's window, where it has one."""
    if not hasattr(part, "kernel_size"):
        return ""
    n = 3 if "3d" in type(part).__name__ else 2
    size, stride = (x if isinstance(x, tuple) else (x,) * n for x in (part.kernel_size, part.stride))
    words = f" {shape_words(size)}"
    if "Conv" in type(part).__name__ and set(stride) == {1}:
        return words
    return f"{words}, stride {stride[0] if len(set(stride)) == 1 else shape_words(stride)}"


def layer_part(name: str) -> str:
    """The table of layers."""
    rows = []
    for row in rows_of(name):
        given = ", then ".join(shape_words(shape) for shape in row.shapes) if row.calls else "–"
        rows.append((f"`{row.name}`", row.kind, given, str(row.calls), f"{row.parameters:,}"))
    rows.append(("**all**", "", "", "", f"**{number_of_parameters(name, 3):,}**"))
    read = shape_words(tuple(network_input(name).shape))
    lines = [
        f"For one sample of {sample_words(name)} and three classes; the network reads it as {read}. "
        "`uses` counts how often a layer works on that sample. What has no layer of its own (sums, products, "
        "functions without parameters inside a block) is not listed.",
        facts()[name].get("layers", ""),
    ]
    if any(re.search(r"\d-\d", row.name) for row in rows_of(name)):
        lines.append(
            "`a-b` in a name stands for equal layers: their output is that of each, their parameters are all."
        )
    head = ("layer", "kind", "output", "uses", "parameters")
    return "\n\n".join([" ".join(filter(None, lines)), table(head, rows)])


def sample_words(name: str) -> str:
    """The sample that layers are shown for."""
    if needs_of(name) != "audio-visual":
        return shape_words(sample_shape(name))
    height, width, frames, bands = sample_shape(name)
    return (
        f"a map of {shape_words((height, width, 3))} and {frames} frames of {bands} bands, with their masks,"
    )


def shape_words(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "1"


# Published and measured numbers


def protocol_part(said: dict[str, Any]) -> str:
    """Who chose what for the published numbers, and what leaks."""
    lines = list(said["protocol"])
    leaks = said.get("leaks")
    if leaks == ["unknown"]:
        lines.append("Leaks: not known.")
    elif leaks:
        lines += [f"**Leak.** {leak.strip()}" for leak in leaks]
    elif leaks is not None:
        lines.append("Leaks: none known.")
    return bullets(lines)


def published_part(said: dict[str, Any]) -> str:
    """The published numbers, suspicious ones marked."""
    parts, doubts = [], []
    if "megc2019" in said:
        found, doubts = megc2019_parts(said)
        parts += found
    if "mmme" in said:
        parts += mmme_parts(said)
    if "mmme_modality" in said:
        parts += mmme_modality_parts(said)
    if said.get("mmed"):
        rows = [(given, f"{accuracy:.2f}") for given, accuracy in said["mmed"].items()]
        parts += [
            "MMED, three classes, leaving one subject out (published):",
            table(("given", "accuracy, %"), rows),
        ]
    remarks = doubts + [remark.strip() for remark in said.get("remarks", [])]
    if not parts:
        parts = ["None."]
    return "\n\n".join([*parts, bullets(remarks)] if remarks else parts)


def megc2019_parts(said: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Published numbers of MEGC-2019, and what is wrong with them."""
    rows, doubts = [], []
    for dataset, (uf1, uar) in said["megc2019"].items():
        doubt = impossible(dataset, uf1, uar)
        doubts += [doubt] if doubt else []
        mark = " (!)" if doubt or "megc2019_doubt" in said else ""
        rows.append((dataset, f"{uf1:.4f}{mark}", f"{uar:.4f}{mark}"))
    if "megc2019_doubt" in said:
        doubts.insert(0, f"(!) All: {said['megc2019_doubt']}.")
    source = f", {said['megc2019_source']}" if "megc2019_source" in said else ""
    parts = [
        f"MEGC-2019, three classes, leaving one subject out (published{source}):",
        table(("dataset", "UF1", "UAR"), rows),
    ]
    return parts, doubts


def mmme_parts(said: dict[str, Any]) -> list[str]:
    """Published numbers of MMME's faces."""
    marks = dict.fromkeys(said.get("mmme_doubt", []), " (!)")
    rows = []
    for n, (acc, f1, uf1, uar) in said["mmme"].items():
        mark = marks.get(n, "")
        rows.append((str(n), f"{acc:.2f}", f"{f1:.4f}", f"{uf1:.4f}{mark}", f"{uar:.4f}{mark}"))
    return [
        "MMME, Table 4 (published):",
        table(("classes", "accuracy, %", "F1", "UF1", "UAR"), rows),
        facts()["common"]["mmme"].strip(),
    ]


def mmme_modality_parts(said: dict[str, Any]) -> list[str]:
    """Published numbers of one of MMME's other modalities, each with its standard deviation."""
    rows = []
    for n, (acc, *others) in said["mmme_modality"].items():
        scores = [f"{value:.4f} ± {deviation:.4f}" for value, deviation in others]
        rows.append((str(n), f"{acc[0]:.2f} ± {acc[1]:.2f}", *scores))
    return [
        "MMME, Tables 8 and 7 (published), mean ± standard deviation:",
        table(("classes", "accuracy, %", "F1", "UF1", "UAR"), rows),
        facts()["common"]["mmme_modality"].strip(),
    ]


@lru_cache
def impossible(dataset: str, uf1: float, uar: float) -> str:
    """Why no pooled predictions give both scores; empty if some do, or the classes' clips are not known."""
    clips = facts()["common"]["megc2019"].get(dataset)
    if clips is None:
        return ""
    for low, high in uf1_ranges(tuple(clips), uar):
        if low - 1e-4 <= uf1 <= high + 1e-4:
            return ""
    n = " / ".join(map(str, clips))
    return (
        f"(!) {dataset}: no pooled predictions of {n} clips have both scores: with this UAR their UF1 is "
        f"{low:.3f} to {high:.3f}."
    )


def uf1_ranges(clips: tuple[int, ...], uar: float) -> Iterator[tuple[float, float]]:
    """Least and largest UF1 of more and more confusion tables with a UAR, in the end of all.

    A printed UAR may be rounded or cut off at its fourth decimal.
    """
    low, high = np.inf, -np.inf
    n = np.array(clips)
    likely = [sorted(range(m + 1), key=lambda hit, m=m: abs(hit - uar * m)) for m in clips]
    for b, c in product(*likely[1:]):
        exact = (3 * uar - b / n[1] - c / n[2]) * n[0]
        for a in {int(np.floor(exact)), int(np.ceil(exact))}:
            if not 0 <= a <= n[0] or abs((a / n[0] + b / n[1] + c / n[2]) / 3 - uar) > 1.05e-4:
                continue
            hits = np.array([a, b, c])
            missed = n - hits
            # How many missed clips of each class go to the first of the other classes.
            i, j, k = np.meshgrid(*(np.arange(m + 1) for m in missed), indexing="ij", sparse=True)
            wrong = (j + k, i + missed[2] - k, missed[0] - i + missed[1] - j)
            uf1 = sum(2 * h / (m + h + w) for h, m, w in zip(hits, n, wrong, strict=True)) / 3
            low, high = min(low, float(uf1.min())), max(high, float(uf1.max()))
            yield low, high


def measured_part(name: str) -> str:
    """What docs/results/recognition.json holds of the method, or where it is fused."""
    if name in OTHER_METHODS:
        return "They stand in [fusion](../results/fusion.md)."
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    real = [one for one in found.get("real_maps", []) if one["method"] == name]
    simulated = [one for one in found.get("simulated", []) if one["method"] == name]
    parts = []
    if real:
        rows = []
        for one in real:
            leak = " (**leak**)" if one["leaks"] else ""
            epochs = "–" if one.get("epochs") is None else str(one["epochs"])
            scores = (interval(one["uf1"]), interval(one["uar"]))
            rows.append((one["protocol"] + leak, one["split"], epochs, *scores))
        head = ("protocol", "split", "epochs", "UF1", "UAR")
        parts += ["Real motion maps of MEGC-2019, three classes:", table(head, rows)]
    if simulated:
        rows = [
            (str(one["classes"]), interval(one["uf1"]), interval(one["uar"]), f"{one['p']:.4f}")
            for one in simulated
        ]
        parts += ["A simulated study:", table(("classes", "UF1", "UAR", "p against chance"), rows)]
    if not parts:
        parts = ["Not yet measured."]
    return "\n\n".join([*parts, "More: [results of recognition](../results/recognition.md)."])


def interval(estimate: Mapping[str, float]) -> str:
    """A value with its 95 % interval."""
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
