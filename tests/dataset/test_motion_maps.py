"""Folders of motion maps: round trip, real folder, and everything that can be wrong with one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.core import DataError
from mien.dataset.catalog import MEGC2019_FLOW
from mien.dataset.motion_maps import read_motion_maps, write_motion_maps
from mien.simulate import MapSettings, simulate_maps


@pytest.fixture
def maps():
    return simulate_maps(MapSettings(participants=4, maps_per_participant=3, seed=0))


@pytest.fixture
def folder(maps, tmp_path):
    write_motion_maps(maps, tmp_path / "maps")
    return tmp_path / "maps"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_round_trip(maps, folder):
    back = MEGC2019_FLOW.read(folder)
    assert (back.maps == maps.maps).all()
    assert (back.labels == maps.labels).all()
    assert (back.subjects, back.sample_ids, back.datasets) == (maps.subjects, maps.sample_ids, maps.datasets)
    assert {s: back.consent[s] for s in back.subjects} == {s: maps.consent[s] for s in maps.subjects}
    assert back.digest == maps.digest


def test_digest_sees_pixels_and_labels(maps, folder):
    before = MEGC2019_FLOW.read(folder).digest
    picture = maps.maps[0].copy()
    picture[0, 0, 0] ^= 1
    cv2.imwrite(str(folder / "maps" / maps.sample_ids[0]), picture[..., ::-1])
    assert MEGC2019_FLOW.read(folder).digest != before


def test_channels_are_u_v_strain(folder, maps):
    raw = cv2.imread(str(folder / "maps" / maps.sample_ids[0]), cv2.IMREAD_UNCHANGED)
    assert (raw[..., 2] == maps.maps[0][..., 0]).all()  # OpenCV's last channel is red, which is u


def test_real_maps(shared_data):
    found = MEGC2019_FLOW.read(shared_data / "me_flow_megc2019")
    by_dataset = {
        name: [int((found.labels[np.array(found.datasets) == name] == c).sum()) for c in range(3)]
        for name in dict.fromkeys(found.datasets)
    }
    assert list(by_dataset.values()) == [[70, 51, 43], [88, 32, 25]]
    assert len(set(found.subjects)) == 40
    assert set(found.consent.values()) == {None}


def labels(text):
    return lambda folder: (folder / "labels.csv").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )


def swap(old, new, file="labels.csv"):
    return lambda folder: edit(folder / file, old, new)


def repeat_row(folder):
    lines = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join([*lines, lines[1]]) + "\n")


def fourth_map(content):
    """Replace a map by a picture of this shape and type, or by these bytes."""

    def change(folder):
        path = sorted((folder / "maps").iterdir())[3]
        path.write_bytes(
            content if isinstance(content, bytes) else cv2.imencode(".png", content)[1].tobytes()
        )

    return change


def drop_maps(folder):
    for path in (folder / "maps").iterdir():
        path.unlink()


CASES = {
    "no folder": (lambda f: f.rename(f.with_name("gone")), "no such folder"),
    "no table": (lambda f: (f / "labels.csv").unlink(), r"one labels\*\.csv .* got none"),
    "two tables": (lambda f: (f / "labels2.csv").write_text("x"), "one labels"),
    "empty table": (labels(""), "got an empty file"),
    "header only": (labels("file,dataset,subject,label,label_name\n"), "at least one row"),
    "not UTF-8": (labels(b"file,dataset\n\xff\xfe,x\n"), "UTF-8"),
    "missing column": (swap("subject", "person"), "got no subject"),
    "unknown label": (swap("0,negative", "7,negative"), "a label among .* got 7 negative"),
    "label and name differ": (swap("0,negative", "1,negative"), "got 1 negative"),
    "empty cell": (swap("simulated", ""), "a value in 'dataset', got none"),
    "NaN": (swap(",0,", ",nan,"), "a value in 'label'"),
    "repeated row": (repeat_row, "twice"),
    "no maps": (drop_maps, "one folder that holds"),
    "map missing": (lambda f: sorted((f / "maps").iterdir())[-1].unlink(), "no such file"),
    "map of another size": (fourth_map(np.zeros((30, 28, 3), np.uint8)), "28 x 28 .* got 30 x 28 x 3"),
    "grey map": (fourth_map(np.zeros((28, 28), np.uint8)), "got 28 x 28 of uint8"),
    "16-bit map": (fourth_map(np.zeros((28, 28, 3), np.uint16)), "of uint16"),
    "broken map": (fourth_map(b"\x89PNG\r\n"), "cannot be decoded"),
    "empty map": (fourth_map(b""), "cannot be decoded"),
    "path outside": (swap("sub-002_01.png", "../maps/sub-002_01.png"), "names of files"),
    "consent unknown": (swap("\t1", "\t5", "participants.tsv"), "1, 2 or n/a, got '5'"),
    "consent column": (swap("consent_level", "level", "participants.tsv"), "got no consent_level"),
}


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=CASES)
def test_one_sentence_for_each(folder, change, message):
    change(folder)
    with pytest.raises(DataError, match=message):
        MEGC2019_FLOW.read(folder)


def test_absent_consent_is_unknown(folder):
    (folder / "participants.tsv").unlink()
    assert set(MEGC2019_FLOW.read(folder).consent.values()) == {None}


def test_consent_cannot_speak_for_two_people(folder):
    edit(folder / "labels.csv", "simulated,001", "other,001")
    with pytest.raises(DataError, match="an id that belongs to one dataset"):
        read_motion_maps(folder, classes=MEGC2019_FLOW.classes)


def test_target_that_holds_something(maps, folder):
    with pytest.raises(DataError, match="an empty or absent folder"):
        write_motion_maps(maps, folder)


def test_failed_write_leaves_nothing(maps, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.dataset.motion_maps.write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        write_motion_maps(maps, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
