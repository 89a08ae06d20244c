"""The quick way of a face's motion against the plain one: what is faster gives the same numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mien.features.region_motion import (
    CHANNELS,
    REGIONS,
    SIZE,
    Aligner,
    ReferenceFace,
    region_flow_engine,
    region_means,
)
from mien.signals.face import face_finder, optical_strain, remove_head_motion
from mien.signals.face.head_motion import MODELS, rigid_weights, template_fit
from mien.signals.face.regions import mdmo_regions, region_masks, template_landmarks

sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))

import films

CLOSE_PX = 1e-6


@pytest.fixture(scope="module")
def shown():
    return films.frames(films.clock(2.0, 20) + 1.0, movements=films.STORY)


@pytest.fixture(scope="module")
def face(shown):
    return next(one for one in face_finder("haar", None).find(shown[0]) if one.eyes is not None)


def plain_flow(first, second):
    flow = region_flow_engine().calc(first, second, np.zeros((SIZE, SIZE, 2), np.float32))
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def plain_means(field):
    """Every channel everywhere, then each region's mean."""
    u, v = field.astype(np.float64)
    channels = np.stack([u, v, np.hypot(u, v), optical_strain(u, v)])
    points = template_landmarks(SIZE)
    eyes = [points[first : first + 6] for first in (36, 42)]
    wide = [eye.mean(axis=0) + (eye - eye.mean(axis=0)) * (1.15, 2.2) for eye in eyes]
    masks = region_masks([*mdmo_regions(points), *wide, points[48:60]], (SIZE, SIZE))
    return np.array([channels[:, mask].mean(axis=1) for mask in masks])


def plain_fit(flow, model):
    """The same robust fit in real numbers, u of all points and then v."""
    weights = rigid_weights((SIZE, SIZE))
    step = max(1, int(np.ceil(np.sqrt(np.count_nonzero(weights) / 1000))))
    rows, columns = (step * at for at in np.nonzero(weights[::step, ::step]))
    x, y = (columns - 63.5) / 64, (rows - 63.5) / 64
    one, no = np.ones_like(x), np.zeros_like(x)
    design = {
        "translation": [[one, no], [no, one]],
        "similarity": [[one, no, x, -y], [no, one, y, x]],
        "affine": [[one, x, y, no, no, no], [no, no, no, one, x, y]],
    }[model]
    design = np.concatenate([np.stack(part, axis=1) for part in design])
    wanted, chosen = flow[:, rows, columns].astype(np.float64).ravel(), weights[rows, columns]
    now, last = chosen, np.zeros(design.shape[1])
    for k in range(14):
        root = np.sqrt(np.tile(now, 2))
        found = np.linalg.lstsq(design * root[:, None], wanted * root, rcond=None)[0]
        length = np.hypot(*(wanted - design @ found).reshape(2, -1))
        spread = max(np.sort(length)[len(length) // 2] / 1.1774, 0.01)
        now = chosen * np.maximum(1 - (length / (4.685 * spread)) ** 2, 0) ** 2
        if k < 3:
            now = chosen / np.maximum(length, spread / 4)
        elif k > 3 and np.abs(found - last).max() < 2e-3:
            break
        last = found
    return np.array([np.broadcast_to(part @ found, 9) for part in _at_places(model)]).T


def _at_places(model):
    """What the parameters do to (u, v) at nine places of the picture."""
    x, y = (part.ravel() for part in np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]))
    one, no = np.ones(9), np.zeros(9)
    if model == "translation":
        return np.stack([one, no], 1), np.stack([no, one], 1)
    if model == "similarity":
        return np.stack([one, no, x, -y], 1), np.stack([no, one, y, x], 1)
    return np.stack([one, x, y, no, no, no], 1), np.stack([no, no, no, one, x, y], 1)


@pytest.mark.parametrize("model", MODELS)
def test_the_compiled_fit_is_the_plain_one(shown, face, model):
    reference = ReferenceFace(shown[0], face)
    x, y = (part.ravel() for part in np.meshgrid([-0.5, 63.5, 127.5], [-0.5, 63.5, 127.5]))
    for k in (3, 13, 30):
        flow = plain_flow(reference.grey, reference.aligner.cut(shown[k], np.zeros(2)))
        affine = remove_head_motion(flow, model=model)[1].affine
        found = (affine @ np.stack([x, y, np.ones(9)])).T
        assert found == pytest.approx(plain_fit(flow, model), abs=CLOSE_PX)


def test_regions_of_one_pass_are_those_of_the_plain_way(shown, face):
    reference = ReferenceFace(shown[0], face)
    assert len(REGIONS) == 39
    for picture in shown[1::4]:
        shift = reference.shift
        motion = reference.measure(picture, whole=True)
        rest, head = remove_head_motion(plain_flow(reference.grey, reference.aligner.cut(picture, shift)))
        assert np.abs(motion.regions - plain_means(rest)).max() < CLOSE_PX
        assert np.array_equal(motion.field, rest)
        assert motion.head[4] == pytest.approx(head.residual_px, abs=CLOSE_PX)


def test_the_field_that_is_asked_for_changes_no_mean(shown, face):
    alone, both = ReferenceFace(shown[0], face), ReferenceFace(shown[0], face)
    for picture in shown[1:12]:
        a, b = alone.measure(picture), both.measure(picture, whole=True)
        assert np.array_equal(a.regions, b.regions)
        assert np.array_equal(a.head, b.head)
        assert a.field is None


def test_a_known_field_has_known_means():
    """A stretch by 2 % across and a turn of 1 %, over the whole face: no head's motion taken out."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] - 63.5
    flow = np.stack([0.02 * x - 0.01 * y, 0.01 * x], axis=-1).astype(np.float32)
    means = region_means(flow, np.zeros((2, 3)))
    assert means.shape == (len(REGIONS), len(CHANNELS))
    assert means[:, 3] == pytest.approx(np.full(len(REGIONS), 0.02), abs=1e-5)
    assert means == pytest.approx(plain_means(flow.transpose(2, 0, 1)), abs=CLOSE_PX)
    fitted = template_fit((SIZE, SIZE))(*flow[template_fit((SIZE, SIZE)).at].T)
    assert np.abs(region_means(flow, fitted.affine)).max() < 1e-4


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (-60.0, -75.0), (300.0, 10.0), (-400.0, -400.0)])
def test_a_face_at_or_beyond_the_border_is_cut_as_if_the_picture_went_on(shown, face, times, shift):
    import cv2

    picture = cv2.resize(shown[0], None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    eyes = (face.eyes + 0.5) * times - 0.5
    turn = (64 - 40) / (eyes[1, 0] - eyes[0, 0])
    aligner = Aligner(np.array([[turn, 0, 40 - turn * eyes[0, 0]], [0, turn, 50 - turn * eyes[0, 1]]]))
    cut = aligner.cut(picture, np.array(shift) * times)
    assert cut.shape == (SIZE, SIZE)
    edge = 480 * times
    wide = cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    expected = aligner.cut(wide, np.array(shift) * times + edge)
    away = np.abs(cut.astype(int) - expected)  # far beyond the border one cut averages noise and one does not
    assert np.median(away) <= 5
    assert np.median(away[40:90, 40:90]) <= (0 if shift == (0.0, 0.0) else 5)
