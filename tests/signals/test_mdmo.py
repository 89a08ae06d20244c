"""MDMO on fields whose answer can be written down, and against the formula vector by vector."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.recognition.mdmo import MDMORecogniser
from mien.signals.face.flow import dis_flow
from mien.signals.face.mdmo import RIGID_POINTS, align_flow, mdmo
from mien.signals.face.regions import (
    REGION_NAMES,
    landmarks_from_eyes,
    mdmo_regions,
    region_masks,
    template_landmarks,
)
from mien.simulate.faces import FaceRenderer, Pose, UnitPose
from mien.simulate.identities import Identity

SIZE = 64
POINTS = template_landmarks(SIZE)
MASKS = region_masks(mdmo_regions(POINTS), (SIZE, SIZE))
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(float)


def uniform(u: float, v: float, n: int = 1) -> np.ndarray:
    return np.broadcast_to(np.array([u, v], dtype=float)[None, :, None, None], (n, 2, SIZE, SIZE)).copy()


def slow(flows: np.ndarray, masks: np.ndarray, alpha: float) -> np.ndarray:
    """The definition: loops over frames, regions and pixels."""
    lengths, angles = [], []
    for mask in masks:
        total = np.zeros(2)
        for flow in flows:
            bins: list[list[np.ndarray]] = [[] for _ in range(8)]
            for y, x in np.argwhere(mask):
                u, v = flow[:, y, x]
                degrees = math.degrees(math.atan2(v, u)) % 360
                nearest = min(range(9), key=lambda k, d=degrees: abs(d - 45 * k))
                bins[nearest % 8].append(flow[:, y, x])
            fullest = max(range(8), key=lambda k, b=bins: (len(b[k]), -k))
            total += np.mean(bins[fullest], axis=0) if bins[fullest] else 0
        mean = total / len(flows)
        lengths.append(math.hypot(*mean))
        angles.append(math.atan2(mean[1], mean[0]))
    return np.array([alpha * rho / max(lengths) for rho in lengths] + [(1 - alpha) * t for t in angles])


class TestFormula:
    def test_against_loops(self) -> None:
        flows = np.random.default_rng(1).standard_normal((3, 2, SIZE, SIZE))
        got = mdmo(flows, alpha=0.7, align=False)
        assert np.allclose(got, slow(flows, MASKS, 0.7), rtol=0, atol=1e-12)
        assert got[:36].max() == pytest.approx(0.7)

    def test_other_landmarks_in_an_oblong_picture(self) -> None:
        points = landmarks_from_eyes(np.array([[30.0, 35.0], [52.0, 41.0]]))
        masks = region_masks(mdmo_regions(points), (60, 80))
        assert not masks.any(axis=(1, 2)).all()  # the chin lies outside
        flows = np.random.default_rng(2).standard_normal((2, 2, 60, 80))
        got = mdmo(flows, landmarks=points, align=False)
        assert np.allclose(got, slow(flows, masks, 0.9), rtol=0, atol=1e-12)
        outside = ~masks.any(axis=(1, 2))
        assert (got[:36][outside] == 0).all()
        assert (got[36:][outside] == 0).all()

    def test_aligned_against_loops(self) -> None:
        """The alignment from its definition, by other arithmetic: normal equations and cv2.remap."""
        flow = np.random.default_rng(3).standard_normal((2, SIZE, SIZE))
        flow = np.stack([cv2.GaussianBlur(part, (0, 0), 3) for part in flow]) * 5
        rigid = POINTS[list(RIGID_POINTS)]
        read = []
        for x, y in rigid:
            i, j, a, b = int(y), int(x), x - int(x), y - int(y)
            square = flow[:, i : i + 2, j : j + 2]
            read.append((square * np.outer([1 - b, b], [1 - a, a])).sum(axis=(1, 2)))
        moved = np.column_stack([rigid + np.array(read), np.ones(13)])
        back = np.linalg.solve(moved.T @ moved, moved.T @ rigid)
        pixels = np.stack([X + flow[0], Y + flow[1], np.ones_like(X)], axis=-1)
        expected = np.moveaxis(pixels @ back, -1, 0) - np.stack([X, Y])
        assert align_flow(flow, POINTS) == pytest.approx(expected, abs=1e-8)
        assert np.allclose(mdmo(flow[None]), slow(expected[None], MASKS, 0.9), rtol=0, atol=1e-7)

    def test_overlapping_regions_each_have_their_pixels(self) -> None:
        """A face whose mouth is drawn up across its nose."""
        points = POINTS.copy()
        points[48:68, 1] -= 12
        masks = region_masks(mdmo_regions(points), (SIZE, SIZE))
        assert masks.sum(axis=0).max() > 1
        flows = np.random.default_rng(4).standard_normal((1, 2, SIZE, SIZE))
        got = mdmo(flows, landmarks=points, align=False)
        assert np.allclose(got, slow(flows, masks, 0.9), rtol=0, atol=1e-12)


class TestFieldsByHand:
    @pytest.mark.parametrize("degrees", [0, 30, 45, 90, 170, -45, -100, -179])
    def test_everything_moves_alike(self, degrees) -> None:
        angle = math.radians(degrees)
        got = mdmo(uniform(2 * math.cos(angle), 2 * math.sin(angle), n=3), alpha=0.8, align=False)
        assert got[:36] == pytest.approx(0.8)
        assert got[36:] == pytest.approx(0.2 * angle)

    def test_one_region_moves(self) -> None:
        """The rest stands still: length 1 and down for the moving one, 0 and 0 elsewhere."""
        flows = np.zeros((2, 2, SIZE, SIZE))
        index = REGION_NAMES.index("inner cheek, left")
        flows[:, 1, MASKS[index]] = 0.3
        got = mdmo(flows, align=False)
        assert np.flatnonzero(got).tolist() == [index, 36 + index]
        assert got[[index, 36 + index]] == pytest.approx([0.9, 0.1 * math.pi / 2])

    def test_the_smaller_part_does_not_count(self) -> None:
        """Two fifths of every region move left, far; three fifths a little to the right."""
        left = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 5 < 2
        got = mdmo(np.stack([np.where(left, -9.0, 0.5), 0 * X])[None], align=False)
        fuller = [int((mask & ~left).sum()) > int((mask & left).sum()) for mask in MASKS]
        assert sum(fuller) > 30
        assert got[36:][fuller] == pytest.approx(0.0, abs=1e-12)

    def test_ties_go_to_the_first_direction(self) -> None:
        flow = np.zeros((2, SIZE, SIZE))
        y, x = np.nonzero(MASKS[15])
        assert len(y) > 8
        flow[1, y[0:3], x[0:3]] = -0.4  # up, sector 6
        flow[0, y[3:6], x[3:6]] = -0.7  # left, sector 4
        flow[1, y[6:8], x[6:8]] = 5.0  # down, but only two
        got = mdmo(flow[None], alpha=0.5, align=False)
        assert got[36 + 15] == pytest.approx(0.5 * math.pi)
        assert got[15] == pytest.approx(0.5)

    @pytest.mark.parametrize("below", [1e-9, 0.1, math.radians(22.4)])
    def test_the_direction_to_the_right_holds_both_sides_of_0(self, below) -> None:
        """Half of the pixels just below 0 (or 2 pi), half just above: one direction, mean 0."""
        turn = np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 2, below, 2 * math.pi - below)
        got = mdmo(np.stack([np.cos(turn), np.sin(turn)])[None], alpha=0.0, align=False)
        assert np.abs(got[36:]).max() <= below  # the mean lies between both, whatever their numbers
        assert np.median(np.abs(got[36:])) < 0.15 * below

    def test_300_degrees_is_a_direction_of_its_own(self) -> None:
        """Sector 7 (292.5 to 337.5 degrees) is not swallowed by sector 0."""
        turn = np.where(
            np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 5 < 2, math.radians(5), math.radians(-45)
        )
        got = mdmo(np.stack([np.cos(turn), np.sin(turn)])[None], alpha=0.0, align=False)
        assert np.median(got[36:]) == pytest.approx(-math.pi / 4)

    def test_frames_are_averaged_as_vectors(self) -> None:
        flows = np.concatenate([uniform(3, 0), uniform(0, 4), uniform(0, 0)])
        flows[:, :, MASKS[3]] *= 0.5
        got = mdmo(flows, align=False, alpha=0.5)
        assert got[36:] == pytest.approx(0.5 * math.atan2(4, 3))
        assert got[:36] == pytest.approx(np.where(np.arange(36) == 3, 0.25, 0.5))

    def test_there_and_back_is_nothing(self) -> None:
        assert not mdmo(np.concatenate([uniform(1, 2), uniform(-1, -2)]), align=False).any()

    def test_nothing_moves(self) -> None:
        assert not mdmo(np.zeros((2, 2, SIZE, SIZE))).any()

    def test_alpha_weighs(self) -> None:
        flows = np.random.default_rng(5).standard_normal((1, 2, SIZE, SIZE))
        lengths, angles = mdmo(flows, alpha=1.0), mdmo(flows, alpha=0.0)
        assert not lengths[36:].any()
        assert not angles[:36].any()
        assert mdmo(flows, alpha=0.3) == pytest.approx(0.3 * lengths + 0.7 * angles)

    def test_cartesian_is_the_same_vectors(self) -> None:
        flows = np.random.default_rng(6).standard_normal((1, 2, SIZE, SIZE))
        got = mdmo(flows, angles="cartesian")
        rho, theta = mdmo(flows, alpha=1.0)[:36], mdmo(flows, alpha=0.0)[36:]
        assert got == pytest.approx(np.concatenate([rho * np.cos(theta), rho * np.sin(theta)]))
        left, nearly = (mdmo(uniform(-1, y), angles="cartesian", align=False) for y in (1e-6, -1e-6))
        assert left == pytest.approx(nearly, abs=1e-5)

    def test_single_precision(self) -> None:
        flows = np.random.default_rng(7).standard_normal((2, 2, SIZE, SIZE)).astype(np.float32)
        assert np.array_equal(mdmo(flows), mdmo(flows.astype(np.float64)))


class TestHeadMotion:
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize(
        ("turn", "zoom", "shift"),
        [(0, 1, (3, -2)), (0.05, 1, (0, 0)), (0, 1.06, (0, 0)), (-0.04, 0.95, (1, 4))],
    )
    def test_a_rigid_head_does_not_move(self, turn, zoom, shift, dtype) -> None:
        cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
        flow = np.stack([cos * X - sin * Y + shift[0] - X, sin * X + cos * Y + shift[1] - Y]).astype(dtype)
        assert mdmo(flow[None], align=False)[:36].max() == pytest.approx(0.9)
        assert not mdmo(flow[None]).any()

    def test_the_expression_is_left(self) -> None:
        """A mouth corner is pulled while the head shifts: what remains is the pull."""
        pull = np.exp(-0.5 * (((X - POINTS[54, 0]) / 2.5) ** 2 + ((Y - POINTS[54, 1]) / 2.5) ** 2))
        expression = np.stack([0.4 * pull, -0.6 * pull])
        head = np.stack([2 + 0.02 * X, -1 - 0.03 * Y])
        # Pulled pixels are shifted from where they were pulled to.
        both = expression + np.stack([2 + 0.02 * (X + expression[0]), -1 - 0.03 * (Y + expression[1])])
        assert align_flow(head, POINTS) == pytest.approx(np.zeros((2, SIZE, SIZE)), abs=1e-9)
        # The points of the outline are moved by 0.02 px at most.
        assert align_flow(both, POINTS) == pytest.approx(expression, abs=0.05)
        assert mdmo(both[None])[:36].argmax() == mdmo(expression[None], align=False)[:36].argmax()

    def test_rendered_smile_with_a_turn_of_the_head(self) -> None:
        """The head's part of a true flow makes no difference once it is aligned; before that it does."""
        face = FaceRenderer(Identity.draw(np.random.default_rng(2)), frame_px=144, face_px=96)
        points = landmarks_from_eyes(np.array(face.eyes))
        smile = (UnitPose(12, 1.5),)
        still, moved = (
            face.displacement(pose)[None]
            for pose in (Pose(units=smile), Pose(units=smile, shift_px=(2.0, 1.0), roll_rad=0.03, scale=1.02))
        )
        expected, aligned = (mdmo(f, landmarks=points, angles="cartesian") for f in (still, moved))
        unaligned = mdmo(moved, landmarks=points, align=False, angles="cartesian")
        assert np.linalg.norm(aligned - expected) < 0.01 * np.linalg.norm(expected)
        assert np.linalg.norm(unaligned - expected) > np.linalg.norm(expected)
        cheeks = [REGION_NAMES.index(f"lower cheek, {side}") for side in ("left", "right")]
        assert np.hypot(aligned[:36], aligned[36:])[cheeks].min() > 0.6
        assert (aligned[36:][cheeks] < -0.3).all()  # up

    def test_measured_flow_of_a_smile(self) -> None:
        face = FaceRenderer(Identity.draw(np.random.default_rng(3)), frame_px=144, face_px=96)
        frames = np.stack(
            [
                cv2.cvtColor(face.frame(Pose(units=(UnitPose(12, px),))), cv2.COLOR_RGB2GRAY)
                for px in (0.0, 1.0, 2.0, 1.0)
            ]
        )
        points = landmarks_from_eyes(np.array(face.eyes))
        found = mdmo(np.stack([dis_flow(frames[0], f) for f in frames[1:]]), landmarks=points)
        assert found.shape == (72,)
        strongest = {REGION_NAMES[i] for i in np.argsort(found[:36])[-4:]}
        sides = {name.split(",")[0] for name in strongest}
        assert sides <= {
            "lower cheek",
            "middle cheek",
            "beside the upper lip",
            "jaw",
            "below the mouth's side",
        }

    def test_rigid_points_outside_the_picture(self) -> None:
        points = POINTS - (14, 0)  # the participant's right side of the face is cut off
        head = np.stack([2 + 0.02 * X - 0.01 * Y, -1 - 0.03 * Y])
        assert align_flow(head, points) == pytest.approx(np.zeros((2, SIZE, SIZE)), abs=1e-9)
        with pytest.raises(DataError, match="4 or more of the 13 rigid points"):
            mdmo(uniform(1, 1), landmarks=POINTS + 200)


class TestRefusals:
    @pytest.mark.parametrize(
        ("flows", "words"),
        [
            (np.zeros((3, 2, 32, 32), np.uint8), "stretched map has lost its sign"),
            (np.zeros((2, 32, 32)), "got shape"),
            (np.zeros((3, 32, 32, 2)), "got shape"),
            (np.zeros((0, 2, 32, 32)), "got shape"),
            (np.zeros((1, 2, 32, 32), complex), "got shape"),
            (np.full((1, 2, 32, 32), np.nan), "not finite"),
            (np.zeros((1, 2, 32, 40)), "a square aligned picture, or landmarks"),
        ],
    )
    def test_flows(self, flows, words) -> None:
        with pytest.raises(DataError, match=words):
            mdmo(flows)

    @pytest.mark.parametrize("options", [{"alpha": 1.1}, {"alpha": math.nan}, {"angles": "degrees"}])
    def test_options(self, options) -> None:
        with pytest.raises(OptionError, match=next(iter(options))):
            mdmo(uniform(1, 0), **options)

    def test_landmarks(self) -> None:
        with pytest.raises(DataError, match=r"\(68, 2\) finite pixels"):
            mdmo(uniform(1, 0), landmarks=np.zeros((49, 2)))
        with pytest.raises(DataError, match=r"\(2, height, width\) pixels"):
            align_flow(np.zeros((32, 32, 2)), POINTS)


class TestRecogniser:
    def test_learns_lengths_and_angles(self) -> None:
        """Brows that go up or down, mouths that go up: three classes, with noise in every region."""
        rng = np.random.default_rng(8)
        y = np.arange(45) % 3
        field = np.zeros((45, 36, 2))
        field[y == 0, 0:6, 1], field[y == 1, 0:6, 1], field[y == 2, 22:24, 1] = -1, 1, -1
        field += rng.normal(0, 0.1, field.shape)
        rho, theta = np.hypot(*field.T).T, np.arctan2(field[..., 1], field[..., 0])
        X = np.hstack([0.9 * rho / rho.max(axis=1, keepdims=True), 0.1 * theta])
        fitted = MDMORecogniser().fit(X[:30], y[:30])
        assert fitted.get_params()["kernel"] == "poly"
        assert (fitted.predict(X[30:]) == y[30:]).mean() > 0.9

    def test_stretched_vectors(self) -> None:
        with pytest.raises(DataError, match="input of mdmo"):
            MDMORecogniser().fit(np.zeros((4, 72), np.uint8), np.array([0, 1, 0, 1]))
