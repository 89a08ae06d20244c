from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.core.errors import DataError
from mien.dataset import ParticipantWriter, export_study, layout, open_study, validate
from mien.dataset.grow import add_participant, begin_study, say_shared_clock
from mien.dataset.manifest import read_manifest
from mien.dataset.recorders import says_shared_clock


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    begin_study(folder, "Ein Titel", pd.DataFrame({"stimulus": ["clip-101"]}))
    return folder


def _add(study: Path, name: str, **cells: object) -> None:
    with add_participant(study, name, cells) as files:
        files.write_frame_times(1, np.arange(5) / 30)


def test_a_study_without_anybody_is_a_study(study: Path) -> None:
    assert open_study(study).participants == {}
    assert [f for f in validate(study) if f.severity == "error"] == []
    with pytest.raises(DataError, match="got a study"):
        begin_study(study, "again", pd.DataFrame({"stimulus": ["x"]}))


def test_participants_join_one_by_one_with_their_cells(study: Path) -> None:
    _add(study, "sub-002", consent_level=2, sex="F")
    _add(study, "001", consent_level=1, age=30, handedness="left")
    people = open_study(study).participants
    assert list(people) == ["sub-001", "sub-002"]
    assert people["sub-001"].consent_level == 1
    assert people["sub-001"].columns["handedness"] == "left"
    assert people["sub-002"].columns["handedness"] is None
    assert people["sub-002"].columns["sex"] == "F"
    assert set(read_manifest(study)) > {"sub-001/beh/sub-001_task-elicitation_run-01_frametimes.tsv"}
    assert [f for f in validate(study) if f.severity == "error"] == []


def _two_runs(files: ParticipantWriter) -> None:
    """The first is written, the second is refused."""
    files.write_frame_times(1, np.arange(5) / 30)
    raise DataError("run 2", wanted="5 counts", got=4, remedy="restore it")


def test_one_who_fails_leaves_nothing(study: Path) -> None:
    with pytest.raises(DataError, match="wanted 5 counts"), add_participant(study, "001", {}) as files:
        _two_runs(files)
    with pytest.raises(DataError, match="wanted something recorded"), add_participant(study, "001", {}):
        pass
    assert open_study(study).participants == {}
    assert not (study / "sub-001").exists()
    assert not (study / ".sub-001.part").exists()
    _add(study, "001")
    with pytest.raises(DataError, match="who is there"):
        _add(study, "sub-001")


def test_what_was_there_is_not_hashed_again_and_not_forgiven(study: Path) -> None:
    _add(study, "001")
    table = layout.frame_times(study, "001", 1)
    before = read_manifest(study)
    table.write_bytes(table.read_bytes().replace(b"0.033333", b"0.033334"))
    _add(study, "002")
    after = read_manifest(study)
    place = table.relative_to(study).as_posix()
    assert after[place] == before[place]
    assert any(f.place.endswith(table.name) and f.severity == "error" for f in validate(study))


def test_source_data_stay_at_home(study: Path, tmp_path: Path) -> None:
    _add(study, "001", consent_level=1)
    source = layout.source_folder(study, "001")
    (source / "camera").mkdir(parents=True)
    (source / "session.jsonl").write_text("{}\n")
    (source / "camera" / "run-01.mkv").write_bytes(b"a face")
    for audience in ("analysis", "publication"):
        made = export_study(open_study(study), tmp_path / audience, audience=audience)  # type: ignore[arg-type]
        assert not (tmp_path / audience / "sourcedata").exists()
        assert "sourcedata/sub-001/camera/run-01.mkv" in {one.path for one in made.withheld}


def test_a_shared_clock_is_said_once_it_is_known(study: Path) -> None:
    assert not says_shared_clock(open_study(study))
    say_shared_clock(study)
    assert says_shared_clock(open_study(study))
    assert open_study(study).folder == study


def test_a_participant_whose_joining_was_killed_half_way_can_join_again(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mien.dataset.grow._add_row", killed)
        with pytest.raises(KeyboardInterrupt):
            _add(study, "001")
    assert (study / "sub-001").is_dir()  # joined, and nobody knows
    assert open_study(study).participants == {}
    _add(study, "001", consent_level=1)
    assert open_study(study).participants["sub-001"].consent_level == 1
    assert [f for f in validate(study) if f.severity == "error"] == []
    assert not list(study.glob(".joining-*"))
