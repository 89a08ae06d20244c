"""Every recognition method has a card, and what the card says is so."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import re
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.experiments.fusion_request import FuseRequest
from mien.experiments.methods import METHODS, OTHER_METHODS
from mien.recognition.audio_visual_input import audio_visual_dtype

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCORES = {"uf1": {"value": 0.5, "low": 0.4, "high": 0.6}, "uar": {"value": 0.7, "low": 0.65, "high": 0.8}}
SIZES = {
    "motion-map": (28, 28, 3),
    "motion-clip": (7, 60, 60, 3),
    "frame-pair": (2, 224, 224, 3),
    "eeg-epoch": (64, 1280),
    "audio-visual": (28, 28, 400, 64),
}
ALL = {**METHODS, **OTHER_METHODS}


def recogniser(name):
    return ALL[name].build(seed=0, **ALL[name].parameters)


NETWORKS = [name for name in ALL if hasattr(recogniser(name), "_network")]


@pytest.fixture(scope="session")
def generator():
    """docs/regenerate_methods.py as a module."""
    place = importlib.util.spec_from_file_location("regenerate_methods", DOCS / "regenerate_methods.py")
    module = importlib.util.module_from_spec(place)
    sys.modules[place.name] = module
    place.loader.exec_module(module)
    return module


def card(name):
    return (DOCS / "methods" / f"{name}.md").read_text()


def section(name, title):
    return card(name).split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def cells(line):
    return [cell.strip() for cell in line.strip("| \n").split(" | ")]


def number(words):
    return int(words.replace(",", "").strip("*"))


class TestPages:
    def test_are_those_that_the_generator_writes(self, generator):
        found = generator.pages()
        assert set(found) == {"README.md", *(f"{name}.md" for name in ALL)}
        folder = DOCS / "methods"
        differing = [name for name, text in found.items() if not generator.written_as(folder / name, text)]
        assert differing == [], "run python docs/regenerate_methods.py"
        assert {path.name for path in folder.glob("*.md")} == set(found)

    def test_method_without_facts(self, generator, monkeypatch):
        known = {name: fact for name, fact in generator.facts().items() if name != "moext"}
        monkeypatch.setattr(generator, "facts", lambda: known)
        with pytest.raises(ValueError, match=r"says nothing about moext$"):
            generator.pages()

    def test_facts_are_whole(self, generator):
        for name, fact in generator.facts().items():
            if name != "common":
                assert {"title", "sentence", "source", "code", "lines", "protocol"} <= set(fact), name
                assert [line for line in fact["lines"] if len(line) != 3] == [], name
                assert bool(fact.get("style")) == name.endswith("-style")

    @pytest.mark.parametrize("name", [name for name in ALL if name.endswith("-style")])
    def test_style_is_no_reproduction(self, name):
        assert "**Not a reproduction.**" in card(name)

    def test_others_do_not_say_so(self):
        assert not [n for n in ALL if "Not a reproduction" in card(n) and not n.endswith("-style")]

    def test_index_names_every_card(self):
        index = (DOCS / "methods" / "README.md").read_text()
        assert re.findall(r"\]\(([\w-]+)\.md\)", index) == list(ALL)
        face, others = index.split("\n## Face\n")[1].split("\n## Brain, body and voice\n")
        assert all(f"[{name}]({name}.md)" in face for name in METHODS)
        assert all(f"[{name}]({name}.md)" in others for name in OTHER_METHODS)

    @pytest.mark.parametrize("name", ALL)
    def test_parameters_are_the_constructor_s(self, name):
        rows = [line for line in section(name, "Parameters").splitlines() if line.startswith("| `")]
        keys = [cells(line)[0].strip("`") for line in rows]
        known = inspect.signature(type(recogniser(name))).parameters
        assert [key for key in keys if key not in known] == []
        assert [key for key in ALL[name].parameters if key not in keys] == []

    @pytest.mark.parametrize("name", OTHER_METHODS)
    def test_command_runs_the_method(self, name):
        options = section(name, "Run it").split()
        given = dict(itertools.pairwise(options))
        request = FuseRequest(
            Path(), tuple(given["--modalities"].split(",")), Path(), rule=given.get("--rule")
        )
        assert options[:3] == ["mien", "fuse", "STUDY"]
        used = {method.name for method in request.chosen_methods().values()}
        assert name in ((request.chosen_rule,) if "--rule" in given else used)

    @pytest.mark.parametrize("name", OTHER_METHODS)
    def test_numbers_stand_in_fusion(self, name):
        assert "[fusion](../results/fusion.md)" in section(name, "Our numbers")

    def test_published_numbers_of_other_modalities(self):
        eeg, body = (section(name, "Published numbers") for name in ("eegnet", "peripheral-svm"))
        assert "| 3 | 69.12 ± 5.66 | 0.6628 ± 0.0572 | 0.5834 ± 0.0480 | 0.5522 ± 0.0452 |" in eeg
        assert "| 7 | 42.19 ± 2.47 | 0.4089 ± 0.0311 | 0.3447 ± 0.0256 | 0.3312 ± 0.0305 |" in eeg
        assert "| 3 | 52.45 ± 3.29 | 0.5034 ± 0.0452 | 0.4205 ± 0.0438 | 0.4137 ± 0.0578 |" in body
        assert "| 7 | 33.45 ± 3.23 | 0.3256 ± 0.0322 | 0.2998 ± 0.0277 | 0.2776 ± 0.0286 |" in body
        assert "| vision and sound | 81.90 |" in section("amf-style", "Published numbers")
        assert section("av-symmetric", "Published numbers").strip() == "None."


class TestMeasured:
    def test_from_the_results(self, generator, monkeypatch, tmp_path):
        real = {
            "method": "ststnet",
            "protocol": "test-selected",
            "split": "leave-one-subject-out",
            "epochs": 500,
        }
        simulated = {"method": "ststnet", "classes": 7, "p": 0.0123}
        found = {
            "real_maps": [real | SCORES | {"leaks": True}, real | SCORES | {"leaks": False}],
            "simulated": [simulated | SCORES, simulated | SCORES | {"method": "moext"}],
        }
        path = tmp_path / "recognition.json"
        path.write_text(json.dumps(found))
        monkeypatch.setattr(generator, "RESULTS", path)
        said = generator.measured_part("ststnet")
        scores = "0.500 [0.400, 0.600] | 0.700 [0.650, 0.800] |"
        assert f"| test-selected (**leak**) | leave-one-subject-out | 500 | {scores}" in said
        assert f"| test-selected | leave-one-subject-out | 500 | {scores}" in said
        assert said.count(f"| 7 | {scores} 0.0123 |") == 1
        assert "Not yet measured" in generator.measured_part("htnet")

    def test_without_results(self, generator, monkeypatch, tmp_path):
        monkeypatch.setattr(generator, "RESULTS", tmp_path / "none.json")
        assert "Not yet measured" in generator.measured_part("ststnet")


class TestImpossibleScores:
    def test_range_is_that_of_all_confusion_tables(self, generator):
        clips, uar = (4, 3, 2), (2 / 4 + 1 / 3 + 1 / 2) / 3
        ways = [[(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)] for n in clips]
        found = []
        for rows in itertools.product(*ways):
            if abs(sum(row[c] / clips[c] for c, row in enumerate(rows)) / 3 - uar) < 1e-4:
                given = [sum(column) for column in zip(*rows, strict=True)]
                f1 = [2 * row[c] / (clips[c] + given[c]) for c, row in enumerate(rows)]
                found.append(sum(f1) / 3)
        *_, last = generator.uf1_ranges(clips, uar)
        assert last == pytest.approx((min(found), max(found)))

    def test_published_pairs(self, generator):
        assert "0.388 to 0.558" in generator.impossible("SMIC", 0.2, 0.528)
        assert generator.impossible("SMIC", 0.6801, 0.7013) == ""
        assert generator.impossible("CAS(ME)3", 0.9, 0.1) == ""  # clips of its classes not known


def device_of(name):
    return "cpu" if name == "eegnet" else "meta"  # EEGNet looks at the norms of its weights


@lru_cache
def network(name):
    with torch.device(device_of(name)):
        built = recogniser(name)._network(SIZES[ALL[name].needs], 3).eval()
    if name == "eegnet":
        built.order = "temporal-first"  # the published one, in which every layer is used as one
    return built


def sample(name):
    size = SIZES[ALL[name].needs]
    if ALL[name].needs == "audio-visual":
        return np.zeros(1, audio_visual_dtype(*size))
    return np.zeros((1, *size), np.float32)


def shape_of(given):
    """The shape of a result; of several, that of the first."""
    return tuple((given[0] if isinstance(given, tuple) else given).shape)


@lru_cache
def outputs(name):
    """The shapes that every part of the network gives for one sample, in the order of its uses."""
    given = recogniser(name)._tensor(sample(name)).to(device_of(name))
    found = {}
    parts = dict(network(name).named_modules())
    hooks = [
        part.register_forward_hook(lambda p, i, out, key=key: found.setdefault(key, []).append(shape_of(out)))
        for key, part in parts.items()
    ]
    with torch.no_grad():
        network(name)(given)
    for hook in hooks:
        hook.remove()
    return found


def layer_rows(name):
    lines = section(name, "Layers").splitlines()
    return [cells(line) for line in lines if line.startswith("| `")]


def meant(words):
    """The paths that `a.0-2.b` stands for."""
    segments = []
    for segment in words.strip("`").split("."):
        ends = re.fullmatch(r"(\d+)-(\d+)", segment)
        segments.append([str(i) for i in range(int(ends[1]), int(ends[2]) + 1)] if ends else [segment])
    return [".".join(path) for path in itertools.product(*segments)]


@pytest.mark.parametrize("name", NETWORKS)
class TestLayers:
    def test_every_parameter_stands_in_one_row(self, name):
        whole = {key: p.numel() for key, p in network(name).named_parameters()}
        left = dict(whole)
        for label, _, _, _, count in layer_rows(name):
            inside = [
                key for key in left if any(key == path or key.startswith(f"{path}.") for path in meant(label))
            ]
            assert sum(left.pop(key) for key in inside) == number(count), label
        assert left == {}
        total = re.search(r"\| \*\*all\*\* .*\| \*\*([\d,]+)\*\* \|", section(name, "Layers"))
        assert number(total[1]) == sum(whole.values())
        assert sum(number(row[4]) for row in layer_rows(name)) == sum(whole.values())

    def test_outputs(self, name):
        rows, seen = layer_rows(name), outputs(name)
        assert 0 < len(rows) <= 40
        parameters = dict(network(name).named_parameters())
        for label, _, said, uses, _ in rows:
            for path in meant(label):
                if path in parameters:
                    expected = [tuple(parameters[path].shape)]
                else:
                    found = seen.get(path, [])
                    assert int(uses) == len(found), path
                    expected = list(dict.fromkeys(found))
                words = ", then ".join(" × ".join(map(str, shape)) for shape in expected)
                assert said == (words or "–"), path

    def test_last_row_names_the_classes(self, name):
        assert layer_rows(name)[-1][2] == "1 × 3"


@pytest.mark.parametrize(
    ("name", "three", "seven"),
    [
        ("ststnet", 1_683, 3_287),
        ("rcn-a", 15_331, 18_535),
        ("htnet", 139_582_982, 139_582_982 + 4 * 1025),
        ("htnet-repaired", 139_582_991, 139_582_991 + 4 * 1025),
        ("eegnet", 4_051, 6_615),
    ],
)
def test_counts(name, three, seven):
    found = re.search(
        r"Trainable parameters: \*\*([\d,]+)\*\* for 3 classes and \*\*([\d,]+)\*\*", card(name)
    )
    assert (number(found[1]), number(found[2])) == (three, seven)
    assert sum(p.numel() for p in network(name).parameters()) == three


def test_eegnet_s_published_count():
    assert re.search(r"Published: 6,615 for 7 classes and 4,051 for 3\b", card("eegnet"))
    assert "take no part" not in card("eegnet")
