import json
from pathlib import Path

import pytest

from mien.core.errors import DataError
from mien.elicitation.journal import Journal, read_journal
from mien.elicitation.session_work import one_clock


def _three(path: Path) -> bytes:
    journal = Journal(path)
    for n in range(3):
        journal.append("note", 10.0 + n, text=f"ä {n}\n", value=float("nan"))
    journal.close()
    return path.read_bytes()


def test_a_journal_cut_at_any_byte_keeps_every_whole_row_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    whole = _three(path)
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    assert len(ends) == 3  # a line break within a text is no end of a row
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)
        assert [row["n"] for row in read_journal(path)] == list(range(1, kept + 1))
        journal = Journal(path)
        journal.append("note", 20.0)
        journal.close()
        rows = read_journal(path)
        assert [row["n"] for row in rows] == list(range(1, kept + 2))
        assert rows[-1]["at_s"] == 20.0


def test_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = _three(path).splitlines(keepends=True)
    for wrong in (b"{}\n", b"torn\n", lines[2]):
        path.write_bytes(lines[0] + wrong + lines[1])
        with pytest.raises(DataError, match="line 2: wanted row 2"):
            Journal(path)
    with pytest.raises(DataError, match="no such file"):
        read_journal(tmp_path / "none.jsonl")


def test_a_disk_that_refuses_leaves_no_half_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "session.jsonl"
    journal = Journal(path)
    journal.append("note", 1.0)

    def refuse(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mien.elicitation.journal.os.fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            journal.append("note", 2.0)
    journal.append("note", 3.0)
    journal.close()
    assert [(row["n"], row["at_s"]) for row in read_journal(path)] == [(1, 1.0), (2, 3.0)]


def test_a_row_that_the_disk_refused_does_not_come_with_the_next_one(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits on this system, skipped")
    path = tmp_path / "session.jsonl"
    journal = Journal(path)
    journal.append("note", 1.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(OSError):  # noqa: PT011 - too large or no space, as the system says it
            journal.append("note", 2.0, text="longer than ten bytes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append("note", 3.0)
    journal.close()
    assert [(row["n"], row["at_s"]) for row in read_journal(path)] == [(1, 1.0), (2, 3.0)]


def test_a_clock_that_began_anew_and_went_further_is_noticed() -> None:
    rows = [
        {"n": 1, "what": "opened", "at_s": 100.0, "part": 1, "wall_s": 1e9, "boot": "a"},
        {"n": 2, "what": "note", "at_s": 160.0},
        {"n": 3, "what": "opened", "at_s": 300.0, "part": 2, "wall_s": 1e9 + 4000, "boot": "b"},
        {"n": 4, "what": "note", "at_s": 310.0},
    ]
    assert [row["at_s"] for row in one_clock(rows)[0]] == [100.0, 160.0, 4100.0, 4110.0]
    assert one_clock([*rows[:2], {**rows[2], "boot": "a"}])[1] == {1: 0.0, 2: 0.0}


def test_a_computer_that_was_started_again_goes_on_by_its_wall_clock() -> None:
    rows = [
        {"n": 1, "what": "opened", "at_s": 5000.0, "part": 1, "wall_s": 1e9},
        {"n": 2, "what": "reminder", "at_s": 5100.0, "pressed_s": 5099.9},
        {"n": 3, "what": "opened", "at_s": 20.0, "part": 2, "wall_s": 1e9 + 300},  # the clock began anew
        {"n": 4, "what": "reminder", "at_s": 30.0, "pressed_s": 29.9},
    ]
    moved, shifts = one_clock(rows)
    assert [row["at_s"] for row in moved] == [5000.0, 5100.0, 5300.0, 5310.0]
    assert moved[3]["pressed_s"] == pytest.approx(5309.9)
    assert shifts == {1: 0.0, 2: 5280.0}
    again, none = one_clock([rows[0], rows[1], {**rows[2], "at_s": 5200.0}])
    assert none == {1: 0.0, 2: 0.0}  # only the program was
    assert json.dumps(again)
