"""Bad input: one sentence on the page and in JSON, the right exit status, everything else done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import light

from mien.core import records

FACES = ("table-4", "figure-4", "table-10", "figure-12")
Run = Callable[..., tuple[int, str, str]]
Copy = Callable[[Path], Path]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def kept(calm: Path, out: Path) -> Path:
    """Like `out`, with everything measured of the filmed study: what is changed shows the sooner."""
    shutil.copytree(calm / "store", out / "store")
    return out


@pytest.fixture
def ask(mien: Run, lightened: None) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Run the command on items; exit status, items as JSON, and the page's text as it is read."""

    def call(study: Path, out: Path, *items: str) -> tuple[int, dict[str, Any], str]:
        before = light.snapshot(study)
        only = [word for name in items for word in ("--only", name)]
        status, said, told = mien(
            "reproduce", study, "--out", out, "--quick", "--epochs", "1", "--json", *only
        )
        assert "Traceback" not in told
        assert light.snapshot(study) == before, "the study was touched"
        assert light.leftovers(out) == []
        found = json.loads(said)
        assert json.loads(Path(found["files"]["numbers"]).read_text())["items"] == found["items"]
        page = Path(found["files"]["page"]).read_text()
        for escaped, plain in (("&#39;", "'"), ("&#34;", '"'), ("&gt;", ">"), ("&lt;", "<"), ("&amp;", "&")):
            page = page.replace(escaped, plain)
        for one in found["items"].values():
            assert (one["status"] == "done") == (one["reason"] == "")
            assert one["reason"] in page
            assert one["reason"].count("\n") == 0
        assert ".." not in "".join(one["reason"] for one in found["items"].values()).replace("../", "")
        return status, found["items"], page

    return call


def states(items: dict[str, Any]) -> dict[str, str]:
    return {name: one["status"] for name, one in items.items()}


def reasons(items: dict[str, Any]) -> dict[str, str]:
    return {name: one["reason"] for name, one in items.items() if one["status"] != "done"}


def share_a_clock(study: Path) -> None:
    """Say that camera and polygraph stamp with one clock: without EEG nothing else maps them."""
    path = study / "dataset_description.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "SharedClock": True}))


def test_no_eeg(filmed: Path, copied: Copy, kept: Path, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    study = copied(filmed)
    for folder in study.glob("sub-*/eeg"):
        shutil.rmtree(folder)
    status, items, _ = ask(study, kept, "table-3")
    assert (status, list(reasons(items))) == (0, ["table-3"])
    assert "wanted events of the EEG, the master clock" in items["table-3"]["reason"]
    share_a_clock(study)
    monkeypatch.undo()
    light.lighten(monkeypatch.setattr)
    status, items, page = ask(study, kept, "figure-2", "table-3", "table-8")
    assert (status, reasons(items)) == (0, {})
    assert "not recorded" in page


def test_no_micro_expression(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    for path in study.glob("derivatives/coding/*/*_expressions.tsv"):
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table[table["kind"] != "micro"].to_csv(path, sep="\t", index=False)
    status, items, _ = ask(study, kept, "table-1", "table-2", "table-6", *light.ITEMS, "figure-12")
    assert status == 0
    assert set(reasons(items).values()) == {"no micro-expression was coded"}
    assert set(reasons(items)) == {"table-2", *light.ITEMS, "figure-12"}


def test_no_coding_at_all(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    shutil.rmtree(study / "derivatives" / "coding")
    status, items, _ = ask(study, kept, "table-1", *light.ITEMS)
    assert (status, set(reasons(items))) == (0, set(light.ITEMS))
    assert set(reasons(items).values()) == {"no expression was coded"}


def test_one_participant(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    for gone in ("sub-002", "sub-003"):
        for folder in (study / gone, study / "derivatives" / "coding" / gone):
            shutil.rmtree(folder)
    rows = (study / "participants.tsv").read_text().splitlines()
    (study / "participants.tsv").write_text("\n".join(rows[:2]) + "\n")
    status, items, _ = ask(study, kept, "table-1", "figure-4", *light.ITEMS)
    assert status == 0, reasons(items)
    assert {name: one for name, one in states(items).items() if one != "not possible"} | {
        "table-3": "done"
    } == {"table-1": "done", "figure-4": "done", "table-3": "done"}, reasons(items)
    for name in ("table-4", "table-8", "table-10"):
        assert "two" in items[name]["reason"], items[name]["reason"]


def test_no_video_of_anybody(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    for path in study.glob("sub-*/beh/*_video.mp4"):
        path.unlink()
    status, items, _ = ask(study, kept, "table-1", *light.ITEMS, *FACES)
    assert status == 0
    assert reasons(items) == dict.fromkeys(FACES, "no video of anybody is there")


def test_videos_of_one_person_are_missing(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    for path in study.glob("sub-002/beh/*_video.mp4"):
        path.unlink()
    status, items, page = ask(study, kept, "table-4", "table-10")
    assert (status, reasons(items)) == (0, {})
    for name in items:
        assert items[name]["left_out"], name
        assert all(words in page for words in items[name]["left_out"])
    assert any("no video" in words for words in items["table-4"]["left_out"])


def test_a_damaged_video_is_told_and_the_others_are_used(
    filmed: Path, copied: Copy, kept: Path, ask: Any
) -> None:
    study = copied(filmed)
    path = next(study.glob("sub-002/beh/*run-02_video.mp4"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    status, items, page = ask(study, kept, "table-4", "table-10")
    assert (status, reasons(items)) == (0, {})
    for name in items:
        said = " ".join(items[name]["left_out"])
        assert said, name
        assert said.split(" ")[0] in page
    assert "sub-002_run-02" in " ".join(items["table-10"]["left_out"])


def test_a_damaged_coding_table(filmed: Path, copied: Copy, kept: Path, ask: Any) -> None:
    study = copied(filmed)
    path = next(study.glob("derivatives/coding/sub-002/*coder-A*"))
    words = path.read_text().splitlines()
    cells = words[1].split("\t")
    cells[2] = "soon"
    path.write_text("\n".join([words[0], "\t".join(cells), *words[2:]]) + "\n")
    status, items, page = ask(study, kept, "equation-1-2", "table-6", "table-2", *light.ITEMS)
    assert status == 1  # a damaged file is a problem that was found
    assert {name for name, one in states(items).items() if one == "done"} == {"equation-1-2", "table-6"}
    for one in reasons(items).values():
        assert f"{path}, row 2: wanted a whole number in 'onset_frame', got 'soon'" in one
    assert "sub-003" in page  # people are listed all the same


@pytest.mark.parametrize("change", ["no column", "n/a"])
def test_unknown_consent_is_the_strictest(
    filmed: Path, copied: Copy, kept: Path, ask: Any, change: str
) -> None:
    study = copied(filmed)
    table = pd.read_csv(study / "participants.tsv", sep="\t", dtype=str, keep_default_na=False)
    table = (
        table.drop(columns="consent_level") if change == "no column" else table.assign(consent_level="n/a")
    )
    table.to_csv(study / "participants.tsv", sep="\t", index=False)
    status, items, page = ask(study, kept, "consent", "figure-4")
    assert (status, states(items)) == (0, {"consent": "done", "figure-4": "done"})
    assert items["consent"]["values"] == {"level 1": 0, "level 2": 0, "not known": 3}
    assert "0 show the face" in items["figure-4"]["sentences"][0]
    assert "not known" in page


def test_a_folder_that_is_no_study(mien: Run, tmp_path: Path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        for more in ((), ("--plan",)):
            status, said, told = mien("reproduce", folder, "--out", tmp_path / "out", *more)
            assert (status, said) == (1, "")
            assert told.startswith("error: ")
            assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_with_something_that_is_no_study(bodies: Path, mien: Run, out: Path, tmp_path: Path) -> None:
    status, _, told = mien(
        "reproduce", bodies, "--with", tmp_path / "absent", "--out", out, "--only", "table-1"
    )
    assert status == 1
    assert told.splitlines()[-1].startswith(f"error: {tmp_path / 'absent'}: wanted the folder of a study")
    assert "Traceback" not in told


def test_an_unknown_item_is_wrong_use(bodies: Path, mien: Run, out: Path) -> None:
    status, said, told = mien("reproduce", bodies, "--out", out, "--only", "table-99")
    assert (status, said, told.count("\n")) == (2, "", 1)
    assert "--only: wanted table-1, " in told
    assert not out.exists()


def test_nobody_at_the_address_of_a_cluster_is_wrong_use(
    bodies: Path, mien: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.jobs.dask_scheduler._CONNECT_S", 1)
    status, _, told = mien(
        "reproduce", bodies, "--out", out, "--only", "table-3", "--dask", "tcp://127.0.0.1:9"
    )
    assert status == 2
    assert "wanted the address of a running scheduler" in told
    assert "Traceback" not in told


def test_results_among_the_study_s_own_files_are_refused(bodies: Path, copied: Copy, mien: Run) -> None:
    study = copied(bodies)
    before = light.snapshot(study)
    for inside in (study, study / "results", study / "derivatives", study / "derivatives" / "coding" / "x"):
        status, _, told = mien("reproduce", study, "--out", inside, "--only", "table-1")
        assert status == 2
        assert told.startswith("error: --out: wanted a folder outside the study")
    assert light.snapshot(study) == before
    status, _, told = mien(
        "reproduce", study, "--out", study / "derivatives" / "reproduction", "--only", "table-1"
    )
    assert status == 0, told


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """Something mounted at `place`, which is skipped where this machine does not allow it."""
    place.mkdir(exist_ok=True)
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", *options, str(place)], capture_output=True).returncode
    ):
        pytest.skip("mounting is not allowed here, skipped")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_study_that_cannot_be_written(bodies: Path, tmp_path: Path, out: Path, ask: Any) -> None:
    place = tmp_path / "mounted"
    with mounted(place, "--bind", "-o", "ro", str(bodies)):
        with pytest.raises(OSError, match="Read-only"):
            (place / "x").touch()
        status, items, _ = ask(place, out, "table-1", "figure-2", *light.BODY)
        assert (status, reasons(items)) == (0, {})


def test_a_folder_for_results_that_cannot_be_written(bodies: Path, tmp_path: Path, mien: Run) -> None:
    place = tmp_path / "mounted"
    (tmp_path / "there").mkdir()
    with mounted(place, "--bind", "-o", "ro", str(tmp_path / "there")):
        status, _, told = mien("reproduce", bodies, "--out", place / "out", "--only", "table-1")
    assert status == 1
    assert "Read-only file system" in told.splitlines()[-1]
    assert "Traceback" not in told


def test_no_disk_left_says_so_and_the_same_command_goes_on(
    bodies: Path, calm_bodies: Path, tmp_path: Path, mien: Run, lightened: None
) -> None:
    place = tmp_path / "small"
    only = [word for name in light.BODY for word in ("--only", name)]
    with mounted(place, "-t", "tmpfs", "-o", "size=700k", "tmpfs"):
        filler, out = place / "filler", place / "out"
        filler.write_bytes(bytes(600_000))
        status, _, told = mien("reproduce", bodies, "--quick", "--out", out, *only)
        assert status == 1
        assert "No space left on device" in told
        assert "free disk space" in told
        assert "Traceback" not in told
        assert light.leftovers(out) == []
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=50m", str(place)], check=True)
        status, said, told = mien("reproduce", bodies, "--quick", "--out", out, *only)
        assert status == 0, said + told
        assert light.report_of(out) == light.report_of(calm_bodies)


def test_a_disk_that_is_full_for_one_item_is_that_item_s_failure(
    bodies: Path, out: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes, **_: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("mien.jobs.store.write_atomically", full)
        status, items, _ = ask(bodies, out, "table-1", "table-3")
    assert status == 1
    assert states(items) == {"table-1": "done", "table-3": "failed"}
    assert "No space left on device; free disk space" in items["table-3"]["reason"]
    assert not list((out / "store").glob("*/*/done.json"))
    assert records.write_atomically is not full
    status, items, _ = ask(bodies, out, "table-1", "table-3")
    assert (status, reasons(items)) == (0, {})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_in_one_line_and_the_same_command_goes_on(
    bodies: Path, tmp_path: Path, workers: str, mien: Run
) -> None:
    command = ["reproduce", str(bodies), "--quick", "--workers", workers, "--only", "table-3"]
    command += ["--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, light.__file__, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list((tmp_path / "out" / "store").glob("*/*/done.json")) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody of the group
    out, told = process.communicate(timeout=60)
    assert process.returncode == 130, (out, told)
    assert "Traceback" not in told
    assert told.splitlines()[-1] == "stopped; finished work is kept, the same command goes on"
    n = len(list((tmp_path / "out" / "store").glob("*/*/done.json")))
    assert n < 3
    status, said, told = mien(*command, "--json")
    assert status == 0, told
    assert json.loads(said)["jobs"] == {"computed": 3 - n, "kept": n}
