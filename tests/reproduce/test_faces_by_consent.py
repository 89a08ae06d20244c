"""Figures 4 and 11 show the faces of those who allowed publication, and of nobody else."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from filmed import write_study

FIGURES = ("--only", "figure-4", "--only", "figure-11")
FACE = 0.3
"""Share of grey pixels from which a picture is a face: it is grey all over, the template lines on white."""


def pictures(page: Path) -> dict[str, list[np.ndarray]]:
    """The pictures of each section, (height, width) of 0 to 255."""
    found = {}
    for name in ("figure-4", "figure-11"):
        section = page.read_text().partition(f'<section id="{name}">')[2].partition("</section>")[0]
        found[name] = [
            np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("L"))
            for code in re.findall(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", section)
        ]
    return found


def grey(picture: np.ndarray) -> float:
    """Share of pixels that are neither white paper nor nearly so."""
    return float(np.mean(picture < 200))


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people with three expressions each; the first two show no surprise."""
    folder = tmp_path_factory.mktemp("people") / "study"

    def without_surprise(who: str, table: pd.DataFrame) -> pd.DataFrame:
        return table[table["emotion"] != "surprise"] if who in ("sub-001", "sub-002") else table

    return write_study(folder, people=4, change=without_surprise)


@pytest.fixture
def drawn(people: Path, tmp_path: Path, mien: Callable[..., tuple[int, str, str]]):
    """A function that sets consent levels and returns the pictures of the page."""

    def draw(levels: list[int | None]) -> dict[str, list[np.ndarray]]:
        rows = [
            f"sub-{n:03d}\t{'n/a' if level is None else level}" for n, level in enumerate(levels, start=1)
        ]
        (people / "participants.tsv").write_text("\n".join(["participant_id\tconsent_level", *rows]) + "\n")
        status, out, err = mien(
            "reproduce", people, *FIGURES, "--quick", "--epochs", 2, "--out", people.parent / "out"
        )
        assert status == 0, out + err
        return pictures(people.parent / "out" / "only-figure-4+figure-11.html")

    return draw


def test_everybody_nobody_somebody(drawn: Callable[..., dict[str, list[np.ndarray]]]) -> None:
    everybody = drawn([1, 1, 1, 1])
    assert [grey(one) > FACE for one in everybody["figure-4"]] == [True] * 3
    nobody = drawn([2, None, 2, None])
    assert [grey(one) > FACE for one in nobody["figure-4"]] == [False] * 3
    whole, lines = (grey(one["figure-11"][0]) for one in (everybody, nobody))
    assert lines < 0.5 * whole

    # Surprise was shown only by those who did not allow it; figure 11 shows the second and the fourth: two
    # expressions and three.
    some = drawn([1, 1, None, 2])
    assert sorted(grey(one) > FACE for one in some["figure-4"]) == [False, True, True]
    assert 0.25 < (grey(some["figure-11"][0]) - lines) / (whole - lines) < 0.55
