"""Pictures of explanations: a face only with consent, the template otherwise, nothing in files but pixels."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from mien.experiments.explain import Explanation
from mien.recognition.attribution import region_shares
from mien.report.attribution_figures import (
    contact_sheet_png,
    explanation_png,
    fine_heat,
    shown_of,
    template_curves,
    write_contact_sheet,
    write_explanations,
)
from mien.signals.face.regions import template_landmarks

# A face of one shrill colour: any pixel of it would be seen.
FACE = np.zeros((64, 64, 3), np.uint8)
FACE[..., 0] = 255


def explanation(**more) -> Explanation:
    heat = np.zeros((28, 28))
    heat[19, 9:12] = 1.0
    whole = {
        "name": "sub-001_run-01_frame-000120",
        "recogniser": "ststnet",
        "method": "integrated-gradients",
        "label": "positive",
        "probability": 0.75,
        "heat": heat,
        "landmarks": template_landmarks(28),
        "regions": tuple(region_shares(heat)),
        "participant": "sub-001",
        "consent_level": 1,
        "face": FACE,
    }
    return Explanation(**{**whole, **more})


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def reddish(picture: np.ndarray) -> int:
    """Pixels in which red stands out by far: of the face, as no colour of the figure is red."""
    return int((picture[..., 0] > picture[..., 1:].max(axis=-1) + 40).sum())


@pytest.mark.parametrize("draw", [explanation_png, lambda one: contact_sheet_png([one])])
@pytest.mark.parametrize("level", [1, 2, None])
def test_face_only_with_consent(draw, level):
    picture = pixels(draw(explanation(consent_level=level)))
    assert (reddish(picture) > 2000) is (level == 1)
    if level != 1:
        # Not a pixel depends on the face.
        assert (picture == pixels(draw(explanation(consent_level=level, face=255 - FACE)))).all()
        assert (picture == pixels(draw(explanation(consent_level=level, face=FACE[:8, :8])))).all()


def test_template_where_there_is_no_picture():
    assert shown_of(explanation(face=None)) == "template"
    assert reddish(pixels(explanation_png(explanation(face=None)))) == 0
    # It says why: the words differ from those of somebody who did not consent.
    words = [explanation_png(explanation(face=None, consent_level=level)) for level in (1, 2)]
    assert words[0] != words[1]


def test_files_hold_pixels_and_nothing_else(tmp_path):
    person = explanation(name="clip", participant="sub-secret")
    (one,) = write_explanations([person], tmp_path)
    sheet = write_contact_sheet([person], tmp_path / "sheet.png")
    for path in (one.picture, sheet):
        data = path.read_bytes()
        assert b"secret" not in data
        assert set(Image.open(io.BytesIO(data)).info) <= {"dpi"}
        assert not any(chunk in data for chunk in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"))
    assert explanation_png(person) == explanation_png(person)


def test_names_of_files(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.report.attribution_figures.explanation_png", lambda one: b"")
    names = ["smic/s01/a.png", "smic/s01/a.png", "../../up", "a b", "…"]
    drawn = write_explanations([explanation(name=name) for name in names], tmp_path)
    assert [one.picture.name for one in drawn] == [
        "smic-s01-a.png.png", "smic-s01-a.png-2.png", "up.png", "a-b.png", "expression.png",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(one.picture.name for one in drawn)


def test_what_programs_are_told(tmp_path):
    drawn = write_explanations([explanation(), explanation(consent_level=2)], tmp_path)
    first, second = (one.as_json() for one in drawn)
    assert (first["shows"], second["shows"]) == ("face", "template")
    assert first["method"] == "integrated-gradients"
    assert first["regions"][0]["name"] in ("AU12 lip corner puller", "AU14 dimpler", "AU20 lip stretcher")
    assert first["regions"][0]["share"] > 0.8
    assert "consent" not in str(first)


def test_without_any_heat(tmp_path):
    still = np.zeros((28, 28))
    one = explanation(heat=still, regions=tuple(region_shares(still)))
    assert len(explanation_png(one)) > 1000
    assert (fine_heat(still) == 0).all()
    assert write_contact_sheet([], tmp_path / "sheet.png") is None


def test_heat_lies_where_it_was_found():
    fine = fine_heat(explanation().heat)
    y, x = np.unravel_index(fine.argmax(), fine.shape)
    scale = len(fine) / 28
    assert [(x + 0.5) / scale, (y + 0.5) / scale] == pytest.approx([10.5, 19.5], abs=0.2)
    # In the picture, too: yellow left of the middle, below it.
    picture = pixels(explanation_png(explanation(consent_level=2)))
    hot = (picture[..., 0] > 180) & (picture[..., 1] > 180) & (picture[..., 2] < 110)
    rows, columns = np.nonzero(hot[:, 200 : picture.shape[1] // 2])
    assert len(rows) > 50
    assert 0.55 < rows.mean() / picture.shape[0] < 0.75
    assert columns.mean() + 200 < picture.shape[1] * 0.29


def test_sheet_has_a_row_per_class_or_method():
    few = [explanation(label=label) for label in ("a", "b")]
    more = [*few, explanation(label="c")]
    sheet = pixels(contact_sheet_png(more))
    assert sheet.shape[0] > 1.25 * pixels(contact_sheet_png(few)).shape[0]
    methods = [explanation(recogniser=name) for name in ("ststnet", "htnet", "linear-svm")]
    assert pixels(contact_sheet_png(methods)).shape == sheet.shape


def test_row_of_a_class_shows_its_surest():
    many = [explanation(name=f"clip-{i}", probability=i / 20) for i in range(8)]
    shown = contact_sheet_png(many)
    assert shown == contact_sheet_png([replace(many[0], heat=np.eye(28)), *many[:0:-1]])
    assert shown != contact_sheet_png([*many[:-1], replace(many[-1], heat=np.eye(28))])


def test_template_is_a_face_of_curves():
    landmarks = template_landmarks(100)
    curves = template_curves(landmarks)
    ink = np.concatenate(curves)
    assert all(curve.shape == (60, 2) for curve in curves)
    # It passes through what it is drawn from, left as right, and closes above the brows.
    for point in landmarks[[0, 8, 16, 17, 21, 36, 39, 48, 51, 54, 57]]:
        assert np.linalg.norm(ink - point, axis=1).min() < 1.5
    assert np.sort(99 - ink[:, 0]) == pytest.approx(np.sort(ink[:, 0]), abs=0.5)
    assert ink[:, 1].min() < landmarks[19, 1] - 5
