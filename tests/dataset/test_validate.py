"""Every code of `validate`, provoked once by damaging a sound study."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core.errors import DataError
from mien.dataset import layout, validate
from mien.dataset.manifest import write_manifest
from mien.dataset.synchronise import sync_path

sys.path.insert(0, str(Path(__file__).parent))
import tiny_study as tiny

P = "sub-001"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_tiny_study(tmp_path_factory.mktemp("studies") / "tiny")


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def change(path: Path, row: int, column: str, value: str) -> None:
    """Set one cell; row 0 is the first below the header."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines[row + 1][lines[0].index(column)] = value
    path.write_text("".join("\t".join(line) + "\n" for line in lines))


def drop_last_row(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def add_row(path: Path, row: str) -> None:
    path.write_text(path.read_text() + row + "\n")


def simulated(study: Path) -> None:
    (study / layout.TRUTH).mkdir(parents=True)


def coded(column: str, value: str) -> Callable[[Path], None]:
    return lambda s: change(layout.coding(s, P, "A"), 0, column, value)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "file-missing": lambda s: layout.eeg_json(s, P).unlink(),
    "description-invalid": lambda s: layout.description(s).write_text("{}"),
    "truth-unexpected": simulated,
    "participants-invalid": lambda s: layout.participants(s).write_text("name\nx\n"),
    "participants-id": lambda s: change(layout.participants(s), 0, "participant_id", "one"),
    "participants-duplicate": lambda s: add_row(layout.participants(s), "sub-001\t1\tF\t1\tleft"),
    "participants-folder": lambda s: drop_last_row(layout.participants(s)),
    "consent-level": lambda s: change(layout.participants(s), 0, "consent_level", "3"),
    "consent-absent": lambda s: change(layout.participants(s), 0, "consent_level", "n/a"),
    "eeg-invalid": lambda s: layout.eeg_stem(s, P).with_name(f"{P}_task-elicitation_eeg.vmrk").unlink(),
    "eeg-channels": lambda s: drop_last_row(layout.channels(s, P)),
    "eeg-length": lambda s: layout.eeg_json(s, P).write_text(
        layout.eeg_json(s, P).read_text().replace("10.0", "11.0")
    ),
    "events-range": lambda s: change(layout.events(s, P), 1, "onset", "10.5"),
    "physio-invalid": lambda s: layout.physio_json(s, P).unlink(),
    "trials-duplicate": lambda s: add_row(layout.trials(s, P), "1\t101\tc\tdisgust\tn/a\t1\t1"),
    "table-invalid": lambda s: change(layout.trials(s, P), 0, "valence", "much"),
    "video-name": lambda s: layout.video(s, P, 1).with_name(f"{P}_video.mp4").write_bytes(b""),
    "video-invalid": lambda s: layout.video(s, P, 1).write_bytes(b"no video"),
    "frames-missing": lambda s: layout.frame_times(s, P, 1).unlink(),
    "frames-count": lambda s: drop_last_row(layout.frame_times(s, P, 1)),
    "frames-numbers": lambda s: change(layout.frame_times(s, P, 1), 3, "frame", "7"),
    "frames-order": lambda s: change(layout.frame_times(s, P, 1), 3, "host_time_s", "1.0"),
    "coding-onset": coded("onset_frame", "n/a"),
    "coding-name": lambda s: (layout.coding_folder(s, P) / "mine.tsv").write_text("x\n"),
    "coding-order": coded("onset_frame", "8"),
    "coding-range": coded("offset_frame", "30"),
    "coding-run": coded("run", "2"),
    "coding-trial": coded("trial", "5"),
    "coding-kind": coded("kind", "tiny"),
    "coding-action-units": coded("action_units", "brow"),
    "label-emotion": coded("emotion", "hangry"),
    "label-apex": coded("apex_frame", "3"),
    "label-kind": coded("kind", "macro"),
    "label-duplicate": lambda s: add_row(layout.coding(s, P, "A"), "1\t1\t4\t6\t9\tmicro\tAU4\tdisgust"),
    "label-flagged": lambda s: flagged(layout.coding(s, P, "A")),
    "timing-code": lambda s: change(layout.events(s, P), 0, "value", "107"),
    "timing-frames-lost": lambda s: change(layout.frame_times(s, P, 1), 29, "counter", "200"),
    "timing-sync": lambda s: failed_sync(s),
    "privacy-path": lambda s: (s / "derivatives" / "notes.json").write_text('{"a": "/home/anna/x.acq"}'),
    "privacy-day": lambda s: (s / "derivatives" / "notes.json").write_text('{"a": "2024-03-05"}'),
    "privacy-header": lambda s: (s / "old.edf").write_bytes(b"0".ljust(8) + b"P1 F X Anna".ljust(248)),
    "privacy-metadata": lambda s: tagged(layout.audio(s, P, 1)),
    "privacy-column": lambda s: layout.participants(s).write_text(
        layout.participants(s).read_text().replace("hand", "surname")
    ),
    "privacy-pseudonyms": lambda s: (s / "who-pseudonyms.tsv").write_text("subject\tparticipant_id\n"),
    "manifest-invalid": lambda s: layout.manifest(s).write_text("path\nx\n"),
}


def flagged(path: Path) -> None:
    lines = path.read_text().splitlines()
    notes = ["flags", "order", ""]
    path.write_text("".join(f"{line}\t{note}\n" for line, note in zip(lines, notes, strict=True)))


def failed_sync(study: Path) -> None:
    path = sync_path(study, P)
    path.parent.mkdir(parents=True)
    camera = {"verdict": "failed", "reason": "no codes"}
    path.write_text(json.dumps({"camera": camera, "polygraph": None, "clips": {}}))


def tagged(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"LIST\4\0\0\0Anna")


def codes(study: Path) -> set[str]:
    return {finding.code for finding in validate(study)}


def test_a_sound_study(study: Path) -> None:
    assert validate(study) == []


@pytest.mark.parametrize("code", DAMAGE)
def test_every_code(copy: Path, code: str) -> None:
    DAMAGE[code](copy)
    if code != "manifest-invalid":
        try:
            write_manifest(copy)  # the damage is seen without the manifest's help
        except DataError:
            layout.manifest(copy).unlink()
    found = codes(copy) - ({"file-missing"} if code != "file-missing" else set())
    also = {
        "participants-id": {"participants-folder"},
        "video-name": {"frames-missing"},
        "privacy-header": {"privacy-day"},
    }
    consequences = {"video-invalid": {"coding-run"}, "table-invalid": {"coding-trial"}}
    allowed = {code} | also.get(code, set()) | consequences.get(code, set())
    assert code in found | codes(copy)
    assert found <= allowed


def test_frame_times_stand_for_a_withheld_video(copy: Path) -> None:
    layout.video(copy, P, 1).unlink()
    write_manifest(copy)
    assert codes(copy) == set()
    coded("offset_frame", "30")(copy)
    assert codes(copy) == {"coding-range"}


def test_the_manifest_finds_every_change(copy: Path) -> None:
    samples = layout.eeg(copy, P).with_suffix(".eeg")
    content = bytearray(samples.read_bytes())
    content[1000] ^= 1  # one bit
    samples.write_bytes(content)
    layout.audio(copy, P, 1).unlink()
    (copy / "stimuli" / "new.mp4").write_bytes(b"x")
    found = {(f.code, Path(f.place).name) for f in validate(copy)}
    assert found == {
        ("manifest-changed", samples.name),
        ("manifest-missing", layout.audio(copy, P, 1).name),
        ("manifest-extra", "new.mp4"),
    }


def test_the_source_has_no_other_code() -> None:
    """So that a new code cannot come without a test."""
    import re

    folder = Path(__file__).parents[2] / "src" / "mien" / "dataset"
    text = "".join((folder / name).read_text() for name in ("validate.py", "label_checks.py", "manifest.py"))
    heads = "file|description|truth|participants|consent|eeg|events|physio|trials|table|video|frames|coding"
    heads += "|label|timing|privacy"
    known = set(re.findall(rf'"((?:{heads}|manifest)-[a-z-]+)"', text))
    assert known == set(DAMAGE) | {"manifest-changed", "manifest-missing", "manifest-extra"}


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted the folder of a study, got one without"):
        validate(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        validate(tmp_path / "none")


def test_the_command(study: Path, copy: Path) -> None:
    run = CliRunner().invoke
    sound = run(program(), ["validate", str(study)])
    assert (sound.exit_code, "0 errors" in sound.stdout) == (0, True)
    DAMAGE["consent-absent"](copy)
    assert run(program(), ["validate", str(copy)]).exit_code == 0  # a warning
    DAMAGE["frames-count"](copy)
    damaged = run(program(), ["validate", str(copy), "--json"])
    result = json.loads(damaged.stdout)
    assert (damaged.exit_code, result["n_warnings"]) == (1, 1)
    assert {f["code"] for f in result["findings"]} >= {"frames-count", "manifest-changed"}
    table = run(program(), ["validate", str(copy)])
    assert (table.exit_code, "frames-count" in table.stdout) == (1, True)
