"""A second run computes nothing; what is changed is computed again with what depends on it, no more."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.experiments import methods
from mien.features import measuring
from mien.reproduce import Reproduction, Setting, find_items, reproduce
from mien.reproduce.page import write_reproduction

pytestmark = pytest.mark.usefixtures("lightened")


@pytest.fixture
def out(calm: Path, tmp_path: Path) -> Path:
    """A finished reproduction that may be gone on with."""
    return Path(shutil.copytree(calm, tmp_path / "out"))


def again(study: Path, out: Path, items: tuple[str, ...] = light.ITEMS, **options: object):
    """The run, and how many jobs of which part of the work it computed."""
    told = light.Told()
    setting = Setting(study, out, **{"quick": True, "epochs": 1, "progress": told, **options})  # type: ignore[arg-type]
    made: Reproduction = reproduce(setting, find_items(items))
    assert {one.status for one in made.results} == {"done"}, made.results
    assert made.n_computed == len(told.names)
    return made, Counter(name.partition(":")[0] for name in told.names), told.names


def test_a_second_run_computes_nothing_and_touches_nothing_that_is_kept(
    filmed: Path, calm: Path, out: Path
) -> None:
    before = light.snapshot(out / "store")
    kept = {name: told for name, told in before.items() if not name.startswith("claims")}
    made, computed, _ = again(filmed, out)
    assert (made.n_computed, sum(computed.values())) == (0, 0)
    assert made.n_kept > 0
    now = light.snapshot(out / "store")
    assert {name: told for name, told in now.items() if not name.startswith("claims")} == kept
    write_reproduction(made)
    assert light.report_of(out) == light.report_of(calm)


def test_another_seed_keeps_what_was_measured(filmed: Path, out: Path) -> None:
    _, computed, _ = again(filmed, out, seed=1)
    assert not {"faces and their motion", "faces", "hearts"} & set(computed)
    assert computed["bi-woof, fixed"] == 2 * 3  # folds of both class schemes
    assert computed["members, inner and outer folds"] > 0


def test_another_number_of_epochs_leaves_methods_without_epochs_alone(filmed: Path, out: Path) -> None:
    made, _, _ = again(filmed, out, epochs=2)
    assert made.n_computed == 0


def test_changed_coding_of_one_person_measures_that_person_again(filmed: Path, copied, out: Path) -> None:
    study = copied(filmed)
    for path in (study / "derivatives" / "coding" / "sub-002").iterdir():
        head, first, *rest = path.read_text().splitlines()
        cells = first.split("\t")
        cells[2:5] = [str(int(cell) - 3) for cell in cells[2:5]]
        path.write_text("\n".join([head, "\t".join(cells), *rest]) + "\n")
    _, computed, names = again(study, out)
    assert {one for one in names if one.startswith("body around")} == {
        "body around micro-expressions: sub-002"
    }
    measured = [one for one in names if one.startswith("faces and their motion")]
    assert len(measured) == 1  # the run with the row
    assert "sub-002" in measured[0]
    assert "faces" not in computed  # the pass over videos reads no coding
    assert computed["bi-woof, fixed"] == 2 * 3  # somebody's expression is in every fold


def test_a_raised_version_of_a_feature_measures_that_feature_again(
    filmed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = dict(measuring.FEATURES)
    features["bi-woof"] = dataclasses.replace(features["bi-woof"], version=99)
    monkeypatch.setattr(measuring, "FEATURES", features)
    _, computed, names = again(filmed, out)
    # One pass over a video measures every feature; folds stay, since their numbers came out as before.
    assert computed == {"faces and their motion": 9}, names


def test_a_raised_version_of_a_method_trains_that_method_again(
    filmed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dict(methods.METHODS)
    known["bi-woof"] = dataclasses.replace(known["bi-woof"], version=99)
    monkeypatch.setattr(methods, "METHODS", known)
    _, computed, names = again(filmed, out, items=("table-3", "table-4", "table-10"))
    assert computed == {"bi-woof, fixed": 2 * 3}, names
