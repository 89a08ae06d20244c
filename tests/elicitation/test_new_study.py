"""Tables of clips as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DataError, OptionError
from mien.elicitation.new_study import new_study, read_clip_list
from mien.simulate.clips import simulate_clips


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.mp4,fear,trial,105.0,", r"wanted a code from 101 to 148, or none, got 105\.0"),
        ("a.mp4,fear,trial,300,", "wanted a code from 101 to 148, or none, got 300"),
        ("a.mp4,fear,trial,,../../../evil", r"wanted a name of letters, digits, .* got \.\./"),
        ("a.mp4,fear,trial,,happy/sad", "wanted a name"),
        ("a.mp4,fear,trial,,#1?", "wanted a name"),
    ],
)
def test_an_odd_code_or_name_is_refused(tmp_path: Path, row: str, said: str) -> None:
    table = tmp_path / "clips.csv"
    table.write_text(f"file,emotion,role,code,stimulus\n{row}\n")
    with pytest.raises(DataError, match=said):
        read_clip_list(table)


def test_a_code_twice_and_no_title_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    made = simulate_clips(tmp_path / "made", emotions=("fear", "anger"), seconds=1.0, neutral_s=1.0)
    files = [clip.file for clip in made if clip.role == "trial"]
    table = tmp_path / "clips.csv"
    table.write_text("file,emotion,role,code\n" + "".join(f"{file},fear,trial,105\n" for file in files))
    with pytest.raises(DataError, match="wanted every code once, got 105 again"):
        new_study(tmp_path / "study", read_clip_list(table), title="A study")
    with pytest.raises(OptionError, match="title"):
        new_study(tmp_path / "study", made, title="")
    assert not (tmp_path / "study").exists()
