"""Long proof: where nothing has to do with anything, a whole study with videos answers "nothing found"."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.dataset import open_study
from mien.reproduce import ITEMS, Setting, find_items, reproduce
from mien.reproduce.verdicts import Verdict, verdicts
from mien.simulate import Effects, StudySettings, simulate_study

SPOTTED = "Are micro-expressions found in the videos?"


def answers(study: Path, out: Path, *only: str) -> dict[str, Verdict]:
    made = reproduce(Setting(study, out, quick=True, n_workers=2), find_items(only))
    failed = [(one.key, one.reason) for one in made.results if one.status == "failed"]
    assert failed == []
    found = verdicts(made.results)
    for one in found:
        print(f"{one.item}: {one.question} {one.status}: {one.words} p {one.p}, q {one.q}")
    return {one.question: one for one in found}


def move_coded_times(study: Path, *, seed: int) -> None:
    """Every expression to a random place of its own video, the same for all coders."""
    opened, rng = open_study(study), np.random.default_rng(seed)
    for name in opened.participants:
        lengths = {
            run: len(pd.read_csv(video.frame_times_path, sep="\t"))
            for run, video in opened.session(name).videos().items()
            if video.frame_times_path is not None
        }
        moves = {run: int(rng.integers(n // 5, n - n // 5)) for run, n in sorted(lengths.items())}
        for path in (study / "derivatives" / "coding" / name).glob("*_expressions.tsv"):
            table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
            for row in table.index:
                run = int(table.loc[row, "run"])
                frames = table.loc[row, ["onset_frame", "apex_frame", "offset_frame"]].astype(int)
                # Round the video, whole: an expression that would cross its end starts it.
                onset = (frames["onset_frame"] + moves[run]) % lengths[run]
                if onset + frames.max() - frames["onset_frame"] >= lengths[run]:
                    onset = 0
                table.loc[row, frames.index] = [str(one - frames["onset_frame"] + onset) for one in frames]
            table.to_csv(path, sep="\t", index=False)


@pytest.mark.slow
def test_a_null_study_finds_nothing_but_its_faces_and_those_not_at_random_times(tmp_path: Path) -> None:
    study = tmp_path / "null"
    simulate_study(
        StudySettings(participants=6, trials=4, seed=11, effects=Effects.none()), study, n_workers=2
    )
    found = answers(study, tmp_path / "out")
    assert len(found) >= 8
    assert len({one.item for one in found.values()}) >= 5
    # Faces move in the null world, too; what they show has nothing to do with what was seen.
    assert found.pop(SPOTTED).status == "found"
    assert [one for one in found.values() if one.status == "found"] == []
    # The others may be "not tested": so few people with few expressions do not allow every test.
    assert sum(one.status == "nothing found" for one in found.values()) >= 6

    moved = tmp_path / "moved"
    shutil.copytree(study, moved)
    move_coded_times(moved, seed=5)
    again = answers(moved, tmp_path / "out", "table-10")
    assert again[SPOTTED].status == "nothing found"
    assert {item.name for item in ITEMS} >= {one.item for one in found.values()}
