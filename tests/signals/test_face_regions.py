"""Regions of a face: the template's geometry, masks against another rule, and faces that really move."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.signals.face.finding import EYES
from mien.signals.face.regions import (
    ACTION_UNIT_REGIONS,
    REGION_NAMES,
    TEMPLATE_EYES,
    action_unit_masks,
    landmarks_from_eyes,
    mdmo_regions,
    region_masks,
    template_landmarks,
)
from mien.simulate.faces import FaceRenderer, Pose, UnitPose
from mien.simulate.identities import Identity

# dlib's numbers of the points that a simulated face knows, on the participant's left.
KNOWN = {
    "left mouth corner": 54, "right mouth corner": 48, "nose tip": 30, "upper lip": 62, "lower lip": 66,
    "left inner eye corner": 42, "left outer eye corner": 45, "right inner eye corner": 39,
    "left inner brow": 22, "right inner brow": 21, "left outer brow": 26, "right outer brow": 17,
}  # fmt: skip


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2


@pytest.fixture(scope="module")
def faces() -> list[FaceRenderer]:
    # A face is refused below 64 pixels; 96 keep the lids apart.
    return [
        FaceRenderer(Identity.draw(np.random.default_rng(s)), frame_px=144, face_px=96) for s in (2, 3, 4)
    ]


class TestTemplate:
    def test_eyes_lie_where_an_aligned_picture_has_them(self) -> None:
        points = template_landmarks(200)
        assert points.shape == (68, 2)
        assert points[36:42].mean(axis=0) == pytest.approx(200 * np.array(TEMPLATE_EYES[0]) - 0.5)
        assert points[42:48].mean(axis=0) == pytest.approx(200 * np.array(TEMPLATE_EYES[1]) - 0.5)
        assert TEMPLATE_EYES == EYES

    def test_is_symmetric_and_upright(self) -> None:
        points = template_landmarks(1) + 0.5
        jaw, brows = points[:17], points[17:27]
        for row in (jaw, brows, points[31:36], points[48:55]):
            assert row == pytest.approx(row[::-1] * (-1, 1) + (1, 0))
            assert (np.diff(row[:, 0]) > 0).all()
        heights = points[[19, 37, 30, 33, 51, 62, 66, 57, 8], 1]
        assert (np.diff(heights) > 0).all()
        assert 0.90 < points[8, 1] < 1.0
        assert points[:, 0].min() > 0.1

    def test_follows_turn_size_and_place_of_the_eyes(self) -> None:
        eyes = np.array([[40.0, 60.0], [80.0, 75.0]])
        points = landmarks_from_eyes(eyes)
        assert points[36:42].mean(axis=0) == pytest.approx(eyes[0])
        assert points[42:48].mean(axis=0) == pytest.approx(eyes[1])
        base = template_landmarks(1)

        def lengths(p: np.ndarray) -> np.ndarray:
            return np.linalg.norm(p[:, None] - p, axis=-1)

        assert lengths(points) == pytest.approx(lengths(base) * np.hypot(40, 15) / 0.32)
        assert points[8, 1] > 75  # the chin below, not above the eyes
        assert np.array_equal(landmarks_from_eyes(eyes[::-1]), points)

    def test_lies_on_simulated_faces(self, faces) -> None:
        for face in faces:
            points = landmarks_from_eyes(np.array(face.eyes))
            side = np.linalg.norm(np.subtract(*face.eyes)) / 0.32  # of the aligned picture
            for name, index in KNOWN.items():
                off = np.linalg.norm(np.array(face.landmarks[name]) - points[index]) / side
                assert off < 0.05, name

    @pytest.mark.parametrize("eyes", [np.zeros((2, 2)), np.full((2, 2), np.nan), np.zeros((3, 2))])
    def test_no_eyes(self, eyes) -> None:
        with pytest.raises(DataError, match="one left of the other"):
            landmarks_from_eyes(eyes)

    def test_no_size(self) -> None:
        with pytest.raises(OptionError, match="1 pixel or more"):
            template_landmarks(0)


class TestRegions:
    def test_36_that_mirror_each_other(self) -> None:
        polygons = mdmo_regions(template_landmarks(1) + 0.5)
        assert len(polygons) == len(REGION_NAMES) == len(set(REGION_NAMES)) == 36
        centres = dict(zip(REGION_NAMES, (p.mean(axis=0) for p in polygons), strict=True))
        sizes = dict(zip(REGION_NAMES, map(area, polygons), strict=True))
        for name in REGION_NAMES:
            part, side = name.split(", ")
            other = f"{part}, {'left' if side == 'right' else 'right'}"
            assert centres[other] == pytest.approx(centres[name] * (-1, 1) + (1, 0))
            assert sizes[other] == pytest.approx(sizes[name])
            assert (centres[name][0] < 0.5) == (side == "right")  # the participant's

    def test_corners_written_out(self) -> None:
        """The mid points and the lifted brow of regions 1, 3, 16 and 33, from the landmarks by hand."""
        points = template_landmarks(100)
        polygons = mdmo_regions(points)
        lift = np.array([0, -0.18 * 32])
        assert polygons[0] == pytest.approx(
            np.array([points[17], points[17] + lift, points[19] + lift, points[19]])
        )
        top = (points[21] + points[22]) / 2 + lift
        assert polygons[2] == pytest.approx(np.array([points[21], points[21] + lift, top, points[27]]))
        cheek = [(points[3] + points[29]) / 2, (points[2] + points[41]) / 2, points[41], points[39]]
        assert polygons[15] == pytest.approx(np.array(cheek))
        jaw = [points[6], points[5], (points[5] + points[59]) / 2, (points[6] + points[58]) / 2]
        assert polygons[32] == pytest.approx(np.array(jaw))

    def test_turn_with_the_face(self) -> None:
        turn = 30 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
        base = template_landmarks(1)
        for ours, moved in zip(mdmo_regions(base), mdmo_regions(base @ turn.T + 7), strict=True):
            assert moved == pytest.approx(ours @ turn.T + 7)

    def test_lie_on_their_parts_of_simulated_faces(self, faces) -> None:
        face = faces[0]
        masks = region_masks(mdmo_regions(landmarks_from_eyes(np.array(face.eyes))), (144, 144))
        where = {"nose tip": "nose wing", "chin": None, "left eye": None}
        for name, region in where.items():
            x, y = np.rint(face.landmarks[name]).astype(int)
            found = [REGION_NAMES[i].split(",")[0] for i in np.flatnonzero(masks[:, y, x])]
            assert found == ([region] if region else [])

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            (np.zeros((66, 2)), "got shape"),
            (np.full((68, 2), np.inf), "not finite"),
            (np.ones((68, 2)), "one place"),
        ],
    )
    def test_no_landmarks(self, bad, words) -> None:
        with pytest.raises(DataError, match=words):
            mdmo_regions(bad)


class TestMasks:
    def test_against_another_rule(self) -> None:
        """Convex polygons: a pixel is inside if it lies on one side of every edge."""
        rng = np.random.default_rng(3)
        y, x = np.mgrid[0:40, 0:50]
        for _ in range(5):
            turns = np.sort(rng.uniform(0, 2 * np.pi, 6))
            corners = np.stack([25 + 30 * np.cos(turns), 20 + 15 * np.sin(turns)], axis=1)
            sides = []
            for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                sides.append((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) > 0)
            assert np.array_equal(region_masks([corners], (40, 50))[0], np.all(sides, axis=0))

    @pytest.mark.parametrize("size", [28, 100, 128])
    def test_regions_share_no_pixel_and_none_is_lost(self, size) -> None:
        polygons = mdmo_regions(template_landmarks(size))
        masks = region_masks(polygons, (size, size))
        assert masks.shape == (36, size, size)
        assert masks.sum(axis=0).max() == 1
        assert masks.sum() == pytest.approx(sum(map(area, polygons)), rel=0.05)

    def test_touching_squares_fill_the_picture_once(self) -> None:
        corners = np.array([0.0, 3.0, 6.0])  # edges run through pixel centres
        square = np.array([[0, 0], [3, 0], [3, 3], [0, 3]])
        masks = region_masks([square + np.array([x, y]) for x in corners[:2] for y in corners[:2]], (6, 6))
        assert (masks.sum(axis=0) == 1).all()

    def test_outside_the_picture(self) -> None:
        square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
        inside, cut, out = region_masks([square + 1, square - 2, square + 50], (8, 9))
        assert (inside.sum(), cut.sum(), out.sum()) == (16, 4, 0)
        assert cut[:2, :2].all()

    def test_are_kept_and_cannot_be_changed(self) -> None:
        polygons = mdmo_regions(template_landmarks(64))
        first = region_masks(polygons, (64, 64))
        assert region_masks(polygons, (64, 64)) is first
        with pytest.raises(ValueError, match="read-only"):
            first[0] = True

    def test_refusals(self) -> None:
        with pytest.raises(DataError, match="three or more finite corners"):
            region_masks([np.zeros((2, 2))], (8, 8))
        with pytest.raises(OptionError, match="height and width"):
            region_masks([np.zeros((3, 2))], (0, 8))


class TestActionUnits:
    def test_names_and_parts(self) -> None:
        masks = action_unit_masks(template_landmarks(128), (128, 128))
        assert {"AU12 lip corner puller", "AU1 inner brow raiser", "AU24 lip pressor", "AU45 blink"} <= set(
            masks
        )
        wanted = {1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 45}
        assert wanted <= set(ACTION_UNIT_REGIONS)
        assert len(masks) == len(ACTION_UNIT_REGIONS)
        for mask in masks.values():
            assert mask.shape == (128, 128)
            assert 100 < mask.sum() < 2500
            assert np.array_equal(mask, mask[:, ::-1])

    def test_every_named_part_exists(self) -> None:
        """A wrong name of a part would leave it out without a word."""
        points = template_landmarks(128)
        masks = action_unit_masks(points, (128, 128))
        one = {
            names[0]: m
            for m, names in zip(masks.values(), ACTION_UNIT_REGIONS.values(), strict=True)
            if len(names) == 1
        }
        corner, lips = one["mouth corner"], one["lips"]
        x, y = np.rint(points[48]).astype(int)
        assert corner[y, x]
        assert lips[tuple(np.rint(points[[62, 66]].mean(axis=0)).astype(int)[::-1])]
        sizes = {unit: int(m.sum()) for unit, m in zip(ACTION_UNIT_REGIONS, masks.values(), strict=True)}
        regions = region_masks(mdmo_regions(points), (128, 128))
        plain = {}
        for name, mask in zip(REGION_NAMES, regions, strict=True):
            plain[name.split(",")[0]] = plain.get(name.split(",")[0], 0) + int(mask.sum())
        for unit, names in ACTION_UNIT_REGIONS.items():
            if set(names) <= set(plain):
                assert sizes[unit] == sum(plain[name] for name in names)
            else:
                assert sizes[unit] > max([plain[n] for n in names if n in plain], default=0)

    @pytest.mark.parametrize("unit", [1, 2, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 26])
    def test_simulated_units_move_their_own_part(self, faces, unit) -> None:
        """Within the mask a unit moves pixels at least 4 times as far as outside, and its peak is near."""
        for face in faces:
            masks = action_unit_masks(landmarks_from_eyes(np.array(face.eyes)), (144, 144))
            mask = next(m for name, m in masks.items() if name.startswith(f"AU{unit} "))
            moved = np.hypot(*face.displacement(Pose(units=(UnitPose(unit, 1.0),))))
            assert moved[mask].mean() > 4 * moved[~mask].mean()
            assert moved[mask].max() > 0.8 * moved.max()
