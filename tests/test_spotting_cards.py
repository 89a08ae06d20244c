"""Every spotting method has a card, and what the card says is so."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.evaluation.score import Estimate
from mien.evaluation.spotting_score import KindScore
from mien.experiments.spotting_methods import SPOTTING_METHODS
from mien.metrics.spotting import Counts

DOCS = Path(__file__).resolve().parent.parent / "docs"
COUNTS = {"abpn": 28_428, "softnet": 314_817, "sl-swin": 27_552_061, "mesnet-style": 111_581}


@pytest.fixture(scope="session")
def generator():
    """docs/regenerate_spotting_methods.py as a module."""
    sys.path.insert(0, str(DOCS))
    try:
        place = importlib.util.spec_from_file_location(
            "regenerate_spotting_methods", DOCS / "regenerate_spotting_methods.py"
        )
        module = importlib.util.module_from_spec(place)
        sys.modules[place.name] = module
        place.loader.exec_module(module)
    finally:
        sys.path.remove(str(DOCS))
    return module


def card(name):
    return (DOCS / "spotting-methods" / f"{name}.md").read_text()


def section(name, title):
    return card(name).split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def cells(line):
    return [cell.strip() for cell in line.strip("| \n").split(" | ")]


def rows(name, title):
    lines = [line for line in section(name, title).splitlines() if line.startswith("| ")]
    return [cells(line) for line in lines[2:]]


class TestPages:
    def test_are_those_that_the_generator_writes(self, generator):
        found = generator.pages()
        assert set(found) == {"README.md", *(f"{name}.md" for name in SPOTTING_METHODS)}
        folder = DOCS / "spotting-methods"
        differing = [name for name, text in found.items() if not generator.written_as(folder / name, text)]
        assert differing == [], "run python docs/regenerate_spotting_methods.py"
        assert {path.name for path in folder.glob("*.md")} == set(found)

    def test_method_without_facts(self, generator, monkeypatch):
        known = {name: fact for name, fact in generator.facts().items() if name != "abpn"}
        monkeypatch.setattr(generator, "facts", lambda: known)
        with pytest.raises(ValueError, match=r"says nothing about abpn$"):
            generator.pages()

    def test_style_is_no_reproduction(self, generator):
        for name in SPOTTING_METHODS:
            style = name.endswith("-style")
            assert bool(generator.facts()[name].get("style")) == style
            assert ("**Not a reproduction.**" in card(name)) == style

    def test_index_names_every_card(self):
        index = (DOCS / "spotting-methods" / "README.md").read_text()
        assert re.findall(r"\]\(([\w-]+)\.md\)", index) == list(SPOTTING_METHODS)

    @pytest.mark.parametrize("name", SPOTTING_METHODS)
    def test_input_is_what_the_method_asks_for(self, generator, name):
        reads = generator.facts()[name]["reads"]
        assert SPOTTING_METHODS[name].needs_fields == (reads != "regions")

    @pytest.mark.parametrize("name", SPOTTING_METHODS)
    def test_parameters_and_thresholds(self, name):
        method = SPOTTING_METHODS[name]
        assert [row[0].strip("`") for row in rows(name, "Parameters") if "`" in row[0]] == list(
            method.parameters
        )
        for kind, row in zip(method.kinds, rows(name, "Thresholds"), strict=True):
            assert row[0] == kind
            assert row[1].startswith(method.thresholds_are.removesuffix("s"))
            assert float(row[2]) == method.published[kind]
            assert [float(one) for one in row[3].split(", ")] == list(method.candidates[kind])

    @pytest.mark.parametrize("name", SPOTTING_METHODS)
    def test_command_runs_the_method(self, name):
        words = section(name, "Run it").split()
        assert words == ["mien", "spot", "STUDY", "--method", name]
        listed = CliRunner().invoke(program(), ["spot", "--list-methods", "--json"])
        assert name in listed.output


class TestNetworks:
    def test_exactly_those_have_layers(self, generator):
        networks = {name for name, one in SPOTTING_METHODS.items() if one.learns == "network"}
        assert set(generator.NETWORKS) == networks == set(COUNTS)
        assert {name for name in SPOTTING_METHODS if "\n## Layers\n" in card(name)} == networks

    @pytest.mark.parametrize(("name", "count"), COUNTS.items())
    def test_counts(self, generator, name, count):
        assert sum(p.numel() for p in generator.network_of(name).parameters()) == count
        assert f"Trainable parameters: **{count:,}**" in card(name)
        *layers, total = rows(name, "Layers")
        assert total[0] == "**all**"
        assert total[-1] == f"**{count:,}**"
        assert sum(int(row[-1].replace(",", "")) for row in layers) == count
        assert 0 < len(layers) <= 40

    @pytest.mark.parametrize("name", COUNTS)
    def test_every_layer_is_used(self, name):
        assert [row[0] for row in rows(name, "Layers")[:-1] if row[3] == "0"] == []

    @pytest.mark.parametrize(
        ("name", "last"),
        [("softnet", "1 × 1"), ("sl-swin", "1 × 1"), ("abpn", "1 × 10 × 260"), ("mesnet-style", "1 × 5")],
    )
    def test_last_layer(self, name, last):
        # ABPN then takes two frames off at both ends: 256 remain.
        assert rows(name, "Layers")[-2][2] == last


def agrees(value, printed, *, cut, digits=4):
    """Whether a value is printed so: rounded, or cut off."""
    shift = 10**digits
    shown = math.floor(value * shift + 1e-9) / shift if cut else round(value, digits)
    return shown == pytest.approx(printed, abs=1e-9)


def scores_of(tp, predictions, labels):
    return {"P": tp / predictions, "R": tp / labels, "F1": 2 * tp / (predictions + labels)}


def entries(generator):
    return [(name, one) for name in SPOTTING_METHODS for one in generator.facts()[name]["published"]]


class TestPublishedNumbers:
    def test_follow_from_their_counts(self, generator):
        n = 0
        for name, one in entries(generator):
            if "tp" not in one:
                continue
            every = one["predictions"] if isinstance(one["predictions"], list) else [one["predictions"]]
            for predictions in every:
                found = scores_of(one["tp"], predictions, one["labels"])
                for key in [key for key in found if key in one]:
                    cut = key in one.get("cut", [])
                    assert agrees(found[key], one[key], cut=cut), (name, one["set"], key)
                    # What is called cut would not be printed so by rounding.
                    assert not (cut and agrees(found[key], one[key], cut=False)), (name, key)
                    n += 1
        assert n > 40

    def test_ranges_are_as_wide_as_can_be(self, generator):
        ranges = [one for _, one in entries(generator) if isinstance(one.get("predictions"), list)]
        assert ranges
        for one in ranges:
            low, high = one["predictions"]
            for beyond in (low - 1, high + 1):
                found = scores_of(one["tp"], beyond, one["labels"])
                assert not all(agrees(found[key], one[key], cut=False) for key in found)

    def test_f1_follows_from_p_and_r_where_counts_are_not_known(self, generator):
        seen = {}
        for name, one in entries(generator):
            if "tp" not in one and {"P", "R", "F1"} <= set(one):
                # P and R of MESNet have three and two digits only.
                halves = [0.5 * 10.0 ** -len(f"{one[key]:g}"[2:]) for key in ("P", "R")]
                ends = [(one["P"] + sign * halves[0], one["R"] + sign * halves[1]) for sign in (-1, 1)]
                least, most = (generator.harmonic(*end) for end in ends)
                margin = 0.5 * 10.0 ** -one.get("digits", 4)
                seen[name, one["set"]] = least - margin <= one["F1"] <= most + margin
        assert [key for key, fits in seen.items() if not fits] == [("mesnet-style", "CAS(ME)²")]

    def test_pooled_kinds_add_up(self, generator):
        groups = {}
        for one in generator.facts()["mdmd"]["published"]:
            groups.setdefault(one["set"], {})[one["kinds"]] = one
        for of_set in groups.values():
            for key in ("tp", "predictions", "labels"):
                assert of_set["micro and macro"][key] == of_set["micro"][key] + of_set["macro"][key]

    def test_mmme_prints_no_harmonic_mean_and_no_share_of_634(self, generator):
        known = {name: f["mmme"] for name, f in generator.facts().items() if "lines" in f and "mmme" in f}
        assert set(known) == {"mesnet-style", "abpn", "sl-swin", "dma-lbp", "msof-style"}
        for scores in known.values():
            assert scores["with"][1] == scores["without"][1]
            for p, r, f1 in scores.values():
                assert not agrees(generator.harmonic(p, r), f1, cut=False)
                assert all(not agrees(n / 634, r, cut=cut) for n in range(635) for cut in (True, False))

    def test_columns_of_table_9(self, generator):
        columns = {"SAMM", "CASME II", "CAS(ME)³"}
        for name, one in entries(generator):
            if "column" in one:
                assert one["column"] in columns
                assert f"[{one['column']}]" in section(name, "Published numbers")
        assert len([one for _, one in entries(generator) if "column" in one]) == 13


class TestMeasured:
    def result(self, tmp_path):
        spread = Estimate(0.5, 0.4, 0.6)
        one = KindScore(
            counts=Counts(10, 5, 15),
            with_unsearched=Counts(10, 5, 20),
            precision=spread,
            recall=spread,
            f1=spread,
            fp_per_minute=1.25,
            n_apexes=10,
            apex_error_ms=31.4,
            random=Estimate(0.05, 0.02, 0.08),
            uniform=0.01,
            p_random=0.005,
        )
        kinds = {kind: one.as_json() for kind in ("micro", "macro", "overall")}
        found = {
            "methods": {name: {"settings": "nested", "kinds": kinds} for name in ("mdmd", "dma-lbp")},
            "dataset": {"name": "film", "n_recordings": 8, "n_subjects": 4},
        }
        path = tmp_path / "spotting.json"
        path.write_text(json.dumps(found))
        return path

    def test_from_the_results(self, generator, monkeypatch, tmp_path):
        monkeypatch.setattr(generator, "RESULTS", self.result(tmp_path))
        said = generator.measured_part("mdmd")
        assert said.startswith("film: 8 videos of 4 subjects, nested.")
        scores = "10 | 5 | 15 | 0.667 | 0.400 | 0.500 [0.400, 0.600] | 1.25 | 31 | 0.050 | 0.010 |"
        for kind in ("micro", "macro", "overall"):
            assert f"| {kind} | {scores}" in said
        assert "| macro |" not in generator.measured_part("dma-lbp")
        assert "Not yet measured" in generator.measured_part("abpn")

    def test_without_results(self, generator, monkeypatch, tmp_path):
        monkeypatch.setattr(generator, "RESULTS", tmp_path / "none.json")
        assert "python docs/regenerate_spotting.py" in generator.measured_part("mdmd")


def test_check_names_pages_that_differ(generator, monkeypatch, tmp_path, capsys):
    for name, text in generator.pages().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "facts.yaml").write_text((DOCS / "spotting-methods" / "facts.yaml").read_text())
    monkeypatch.setattr(generator, "CARDS", tmp_path)
    assert generator.main(["--check"]) == 0
    (tmp_path / "mdmd.md").write_text("changed")
    assert generator.main(["--check"]) == 1
    assert "mdmd.md differs" in capsys.readouterr().err
    assert generator.main([]) == 0
    assert "1 changed" in capsys.readouterr().out
    assert generator.main(["--check"]) == 0


def test_links_lead_somewhere():
    for path in (DOCS / "spotting-methods").glob("*.md"):
        links = re.findall(r"\]\(([^)]+)\)", path.read_text())
        assert [link for link in links if not (path.parent / link).exists()] == []


def test_facts_say_nothing_of_others(generator):
    assert list(generator.facts()) == ["common", *SPOTTING_METHODS]
