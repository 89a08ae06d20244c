"""The two-part rule of micro-expressions, by hand and on the coding table of a real study."""

from __future__ import annotations

import math

import pytest

from mien.core import ActionUnit, DataError, Expression, is_micro


@pytest.mark.parametrize(
    ("onset", "apex", "offset", "expected"),
    [
        (0.0, 0.2, 0.5, True),  # both parts
        (0.0, 0.3, 0.5, True),  # exactly 500 ms
        (0.0, 0.25, 2.0, True),  # exactly 250 ms to the apex
        (0.0, 0.26, 0.51, False),
        (0.0, 0.3, 0.3, False),  # offset not observed: only the second part
        (0.0, 0.2, 0.2, True),
        (0.0, None, 0.4, True),
        (0.0, None, 0.6, False),
        (0.0, 0.3, None, False),
        (0.0, None, None, None),
        (10.1, 10.35, 11.0, True),  # 0.25 s in floating point is a little more
    ],
)
def test_rule(onset, apex, offset, expected):
    assert is_micro(onset, apex, offset) is expected


def test_out_of_order_is_refused():
    with pytest.raises(DataError, match="onset <= apex <= offset"):
        Expression(1.0, 0.5, 2.0)
    with pytest.raises(DataError, match="finite"):
        Expression(math.nan, None, None)


def test_action_unit_in_words():
    assert [str(ActionUnit(12)), str(ActionUnit(14, "left", "C"))] == ["AU12", "LAU14C"]


def test_counts_on_the_real_coding_table(shared_data):
    """Published counts of the table: 238 at face value by the frame tokens."""
    import openpyxl

    sheet = openpyxl.load_workbook(shared_data / "mmme" / "coding_file.xlsx", read_only=True).active
    rows = [row for row in sheet.iter_rows(values_only=True) if row[0] is not None]
    header = [str(name) for name in rows[0]]

    def seconds(token):
        h, m, s, ms = (int(part) for part in str(token).split("-")[:4])
        return 3600 * h + 60 * m + s + ms / 1000

    columns = [header.index(name) for name in ("OnsetFrame", "ApexFrame", "OffsetFrame")]
    times = [[seconds(row[c]) for c in columns] for row in rows[1:]]
    at_face_value = sum(
        offset - onset <= 0.5 + 1e-9 or apex - onset <= 0.25 + 1e-9 for onset, apex, offset in times
    )
    assert at_face_value == 238
    by_rule = sum(bool(is_micro(*t)) for t in times)
    assert 108 <= by_rule < 238  # unobserved offsets leave the second part only
