"""The adapters on real coding tables, against the counts that were made of these files by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mien.dataset.catalog import DATASETS
from mien.dataset.catalog.adapter import Reading
from mien.dataset.catalog.joining import count_flags

TABLES = {
    "casme2": ("CASME2/CASME2-coding-20140508.xlsx", 255, 26, 255),
    "samm": ("SAMM/SAMM.xlsx", 159, 29, 159),
    "smic": ("SMIC/smic_apex.xlsx", 164, 16, 164),
    "casme3": ("CASME3/HTNet_casme3_partA_edited.csv", 687, 87, 378),
    "casme-sq": ("CASME_sq/USTC_casme_sq.csv", 357, 22, 95),
    "samm-lv": ("SAMM_LV/LGSNet_samm_annotation.csv", 499, 30, 146),
}


@pytest.fixture(scope="module")
def read(shared_data: Path):
    found = {
        name: DATASETS[name].read(shared_data / "annotations" / table[0]) for name, table in TABLES.items()
    }
    return found.__getitem__


def emotions(reading: Reading) -> Counter:
    return Counter(row.emotion for row in reading.rows)


def three(reading: Reading) -> tuple[int, int, int]:
    counts = Counter(row.three_class for row in reading.rows)
    return counts["negative"], counts["positive"], counts["surprise"]


@pytest.mark.parametrize("name", TABLES)
def test_every_row_once(read, name: str) -> None:
    _, n_rows, n_subjects, n_clips = TABLES[name]
    reading = read(name)
    assert sorted(row.source_row for row in reading.rows) == list(range(2, n_rows + 2))
    assert len({row.subject for row in reading.rows}) == n_subjects
    assert len(reading.clips) == n_clips
    assert reading.corrected == ()


def test_casme2(read) -> None:
    reading = read("casme2")
    assert emotions(reading) == {
        "others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7,
        "fear": 2,
    }  # fmt: skip
    assert three(reading) == (90, 32, 25)
    assert count_flags(reading.rows) == {
        "offset-unobserved": 4, "onset-is-apex": 1, "not-micro": 5, "action-units-unread": 5,
    }  # fmt: skip


def test_samm(read) -> None:
    reading = read("samm")
    assert emotions(reading) == {
        "anger": 57, "happiness": 26, "others": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
        "sadness": 6,
    }  # fmt: skip
    assert three(reading) == (92, 26, 15)
    first = min(reading.rows, key=lambda row: row.source_row)
    assert (first.subject, first.source_row) == ("006", 2)
    assert count_flags(reading.rows) == {"action-units-unread": 5}


def test_smic(read) -> None:
    reading = read("smic")
    assert three(reading) == (70, 51, 43)
    assert count_flags(reading.rows) == {"mark-missing": 7, "not-micro": 2}


def test_casme3(read) -> None:
    reading = read("casme3")
    assert emotions(reading) == {
        "disgust": 247, "surprise": 184, "fear": 83, "anger": 64, "sadness": 55, "happiness": 54,
    }  # fmt: skip
    assert three(reading) == (449, 54, 184)
    counts = count_flags(reading.rows)
    assert counts == {"order": 1, "onset-is-apex": 27, "not-micro": 133, "duplicate": 2}


def test_casme_sq(read) -> None:
    reading = read("casme-sq")
    assert Counter(row.kind for row in reading.rows) == {"macro": 300, "micro": 57}
    late = [row for row in reading.rows if row.apex > row.offset]
    assert (len([row for row in reading.rows if row.offset == 0]), len(late)) == (44, 47)
    assert all({"offset-zero", "order"} & set(row.flags) for row in late)
    counts = count_flags(reading.rows)
    assert counts == {"order": 4, "offset-zero": 44, "duplicate": 15}


def test_samm_lv(read) -> None:
    reading = read("samm-lv")
    assert Counter(row.kind for row in reading.rows) == {"macro": 340, "micro": 159}
    counts = count_flags(reading.rows)
    assert counts["duration-differs"] == 67
    assert set(counts) == {"duration-differs", "duplicate"}


def test_what_is_not_understood_of_the_action_units(read) -> None:
    """Five question marks of CASME II, and five choices of SAMM: all others are read."""
    for name in ("casme2", "samm", "casme3", "casme-sq"):
        rows = read(name).rows
        unread = [row for row in rows if "action-units-unread" in row.flags]
        assert len(unread) == {"casme2": 5, "samm": 5}.get(name, 0)
        assert all(row.action_units for row in rows if row not in unread)


def test_the_challenge_takes_no_other_negative_clips_of_casme2(read, shared_data: Path) -> None:
    """MEGC-2019's list has 88 negative, 32 positive and 25 surprised clips of CASME II."""
    listed = {}
    for line in (shared_data / "me_flow_megc2019/labels_dev.csv").read_text().splitlines()[1:]:
        cells = dict(
            zip(
                ("file", "upstream", "dataset", "subject", "clip", "label", "name"),
                line.split(","),
                strict=True,
            )
        )
        if cells["dataset"] == "CASME2":
            listed[cells["subject"], cells["clip"]] = cells["name"]
    assert Counter(listed.values()) == {"negative": 88, "positive": 32, "surprise": 25}
    ours = {(row.subject, row.clip): row.three_class for row in read("casme2").rows}
    assert all(ours[clip] == name for clip, name in listed.items())
    assert sum(name is not None for name in ours.values()) == len(listed) + 2
