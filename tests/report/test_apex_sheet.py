"""Contact sheets: faces only with consent, drawn faces otherwise; crops of the right frames of a film."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("cv2")

from PIL import Image

from mien.core.errors import DataError, OptionError
from mien.report.apex_sheet import apex_sheets, clock, moved_polygons, shortened
from mien.report.face_crops import FaceCrops, face_crops
from mien.signals.face.regions import template_landmarks
from mien.spotting import Proposal
from mien.spotting.curves import PARTS

sys.path.insert(0, str(Path(__file__).parent.parent / "spotting"))

import films

MICRO = Proposal(1.5, 1.68, 1.9, "micro", 2.2, ("mouth",))
MACRO = Proposal(4.0, 4.7, 5.6, "macro", 6.8, ("brows", "nose"))
# A face of one grey that nothing else on a sheet has.
CROP = FaceCrops(*(np.full((128, 128), 137, np.uint8) for _ in range(3)))


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def of_the_face(png):
    return int((pixels(png) == 137).all(axis=-1).sum())


@pytest.mark.parametrize("level", [1, 2, None])
def test_faces_only_with_consent(level):
    (sheet,) = apex_sheets([MICRO, MACRO], [CROP, None], level=level)
    assert (of_the_face(sheet) > 10_000) is (level == 1)
    if level != 1:
        other = FaceCrops(*(np.zeros((128, 128), np.uint8) for _ in range(3)))
        assert sheet == apex_sheets([MICRO, MACRO], [other, other], level=level)[0]
        assert of_the_face(apex_sheets([MICRO], [CROP], level=level, audience="analysis")[0]) > 10_000


def test_pages():
    assert apex_sheets([]) == []
    pages = apex_sheets([MICRO] * 14, most=6, title="a $x_1$ <b>.mp4")
    assert len(pages) == 3
    assert pixels(pages[0]).shape[1] > pixels(pages[2]).shape[1]
    assert apex_sheets([MICRO] * 14, most=6, title="a $x_1$ <b>.mp4") == pages
    assert pixels(apex_sheets([MICRO] * 48)[0]).shape[0] < 3000
    with pytest.raises(OptionError, match="1 or more"):
        apex_sheets([MICRO], most=0)
    with pytest.raises(OptionError, match="as proposals"):
        apex_sheets([MICRO], [])


def test_files_hold_pixels_and_nothing_else():
    (sheet,) = apex_sheets([MICRO], title="sub-secret")
    assert b"secret" not in sheet
    assert not any(chunk in sheet for chunk in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"))


def test_parts_that_moved():
    landmarks = template_landmarks(100)
    brows = moved_polygons(["brows"], landmarks)
    assert len(brows) == 6
    assert all(polygon[:, 1].mean() < landmarks[36:48, 1].mean() for polygon in brows)
    mouth = moved_polygons(["mouth"], landmarks)
    assert all(polygon[:, 1].mean() > landmarks[30, 1] for polygon in mouth)
    assert all(moved_polygons([part], landmarks) for part in PARTS)
    assert len(moved_polygons(["glabella, left"], landmarks)) == 1
    assert moved_polygons(["elsewhere"], landmarks) == []
    # What moved is filled: more of the colour where more moved.
    colour = [
        (pixels(apex_sheets([Proposal(1, 2, 3, "macro", 2, p)])[0])[..., 2] > 200) for p in ((), ("brows",))
    ]
    assert colour[0].sum() != colour[1].sum()


def test_words():
    assert [clock(at) for at in (0, 59.9996, 3599.9, -0.5)] == [
        "0:00.000",
        "1:00.000",
        "59:59.900",
        "-0:00.500",
    ]
    assert shortened("brows, mouth", 8) == "brows, …"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return films.write(tmp_path_factory.mktemp("film") / "a.mp4", films.story()[:600:2], films.clock(6.0, 50))


def test_crops_show_onset_apex_and_offset(film):
    pytest.importorskip("av")
    smile, brows = face_crops(film, [MICRO, MACRO])
    assert smile.apex.shape == (128, 128)
    assert smile.apex.dtype == np.uint8
    # The mouth moves to the apex and back; the brows do not, and the other way round.
    low, high = np.s_[78:108, 34:94], np.s_[24:46, 24:104]
    change = lambda a, b, part: np.abs(a[part].astype(float) - b[part]).mean()  # noqa: E731
    assert change(smile.onset, smile.apex, low) > 1.5 * change(smile.onset, smile.offset, low)
    assert change(smile.onset, smile.apex, low) > change(smile.onset, smile.apex, high)
    assert change(brows.onset, brows.apex, high) > change(brows.onset, brows.apex, low)


def test_crops_in_any_order_and_without_a_face(film, tmp_path):
    pytest.importorskip("av")
    alone = face_crops(film, [MACRO])[0]
    late, early = face_crops(film, [MACRO, MICRO])
    assert (late.apex == alone.apex).all()
    assert (early.apex == face_crops(film, [MICRO])[0].apex).all()
    beyond = Proposal(5.9, 7.0, 8.0, "macro", 2.0)
    assert face_crops(film, [beyond])[0] is not None  # the last frame stands in
    wall = films.write(tmp_path / "wall.mp4", films.nothing(20), films.clock(1.0, 20))
    assert face_crops(wall, [Proposal(0.1, 0.2, 0.3, "micro", 1.5)]) == [None]
    assert face_crops(wall, []) == []
    with pytest.raises(DataError):
        face_crops(tmp_path / "absent.mp4", [MICRO])
