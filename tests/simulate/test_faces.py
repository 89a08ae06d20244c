"""The renderer's truth is checked by measuring: what flow engines and detectors see in its frames."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
pytest.importorskip("skimage")

from mien.core.errors import OptionError  # noqa: E402
from mien.signals.face.flow import dis_flow  # noqa: E402
from mien.simulate.action_units import BUMPS  # noqa: E402
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise  # noqa: E402
from mien.simulate.identities import Identity  # noqa: E402

NEUTRAL = Pose()


@pytest.fixture(scope="module")
def person() -> FaceRenderer:
    return FaceRenderer(Identity.draw(np.random.default_rng(0)))


@pytest.fixture(scope="module")
def crowd() -> list[FaceRenderer]:
    rngs = [np.random.default_rng([7, i]) for i in range(40)]
    return [FaceRenderer(Identity.draw(rng), frame_px=144, face_px=96) for rng in rngs]


def luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def measured(person: FaceRenderer, pose: Pose) -> np.ndarray:
    return dis_flow(luma(person.frame(NEUTRAL)), luma(person.frame(pose)))


def taken_back(person: FaceRenderer, pose: Pose) -> np.ndarray:
    """What the posed frame shows where the flow leads, grey levels off the neutral frame, without borders."""
    flow = person.displacement(pose)
    y, x = np.mgrid[0 : person.frame_px, 0 : person.frame_px].astype(np.float32)
    posed = person.frame(pose).astype(np.float32)
    seen = cv2.remap(posed, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    return np.abs(seen - person.frame(NEUTRAL)).max(axis=-1)[16:-16, 16:-16]


@pytest.mark.parametrize("unit", BUMPS)
def test_flow_engine_recovers_every_action_unit_of_one_pixel(person: FaceRenderer, unit: int) -> None:
    pose = Pose(units=(UnitPose(unit, 1.0),))
    true, found = person.displacement(pose), measured(person, pose)
    length = np.hypot(*true)
    assert length.max() == pytest.approx(1.0, abs=0.02)
    peak, moving = length > 0.9 * length.max(), length > 0.5 * length.max()
    cosine = (true * found).sum(axis=0)[peak] / (length * np.hypot(*found))[peak]
    assert np.degrees(np.arccos(np.clip(np.median(cosine), -1, 1))) < 10
    assert np.hypot(*(found - true))[moving].mean() < (0.35 if unit == 42 else 0.22)


@pytest.mark.parametrize("unit", BUMPS)
def test_displacement_leads_to_what_the_neutral_frame_shows(person: FaceRenderer, unit: int) -> None:
    off = taken_back(person, Pose(units=(UnitPose(unit, 1.5),)))
    assert off.mean() < 0.5
    assert np.percentile(off, 99) < 3


def test_displacement_holds_for_everything_at_once(person: FaceRenderer) -> None:
    units = (UnitPose(12, 1.5), UnitPose(4, 1.0, "left"))
    pose = Pose(
        units=units,
        gaze=(1.5, 0.5),
        jaw_px=2,
        shift_px=(2.3, -1.2),
        roll_rad=0.04,
        scale=1.03,
        eyes_closed=0.2,
    )
    off = taken_back(person, pose)
    assert off.mean() < 1
    assert np.percentile(off, 99) < 5


def test_head_shift_of_half_a_pixel_is_found(person: FaceRenderer) -> None:
    pose = Pose(shift_px=(0.5, 0.0))
    np.testing.assert_allclose(person.displacement(pose)[0], 0.5, atol=1e-4)
    np.testing.assert_allclose(person.displacement(pose)[1], 0.0, atol=1e-4)
    left, top, width, height = person.face_box
    inside = measured(person, pose)[:, top : top + height, left : left + width]
    assert np.median(inside, axis=(1, 2)) == pytest.approx([0.5, 0.0], abs=0.03)


def test_roll_and_scale_move_the_eyes_where_geometry_says(person: FaceRenderer) -> None:
    pose = Pose(roll_rad=0.1, scale=1.1)
    middle = np.full(2, (person.frame_px - 1) / 2)
    turn = 1.1 * np.array([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    flow = person.displacement(pose)
    for eye in person.eyes:
        x, y = (round(part) for part in eye)
        wanted = turn @ (np.array([x, y]) - middle) + middle - [x, y]
        assert flow[:, y, x] == pytest.approx(wanted, abs=1e-3)


def test_zero_pose_moves_nothing(person: FaceRenderer) -> None:
    zero = Pose(units=(UnitPose(12, 0.0),))
    assert not person.displacement(NEUTRAL).any()
    assert not person.displacement(zero).any()
    np.testing.assert_array_equal(person.frame(zero), person.frame(NEUTRAL))


def test_participants_left_is_the_images_right(person: FaceRenderer) -> None:
    middle = round((person.eyes[0][0] + person.eyes[1][0]) / 2)
    assert person.eyes[0][0] > person.eyes[1][0]
    assert person.landmarks["left mouth corner"][0] > person.landmarks["right mouth corner"][0]
    for side, moves, rests in (("left", slice(middle + 5, None), slice(0, middle - 20)),
                               ("right", slice(0, middle - 5), slice(middle + 20, None))):  # fmt: skip
        pose = Pose(units=(UnitPose(12, 2.0, side),))
        for flow in (person.displacement(pose), measured(person, pose)):
            assert np.hypot(*flow)[:, moves].max() > 1.2
            assert np.hypot(*flow)[:, rests].max() < 0.5


@pytest.mark.parametrize(
    ("unit", "landmark", "direction"),
    [
        (1, "left inner brow", (0, -1)),
        (2, "left outer brow", (0, -1)),
        (4, "left inner brow", (-1, 1)),
        (12, "left mouth corner", (1, -1)),
        (12, "right mouth corner", (-1, -1)),
        (15, "left mouth corner", (0, 1)),
        (20, "left mouth corner", (1, 0)),
        (26, "chin", (0, 1)),
    ],
)
def test_units_pull_the_part_they_are_named_for(
    person: FaceRenderer, unit: int, landmark: str, direction: tuple[int, int]
) -> None:
    x, y = (round(part) for part in person.landmarks[landmark])
    flow = person.displacement(Pose(units=(UnitPose(unit, 4.0),)))[:, y, x]
    assert np.hypot(*flow) > 1.5
    for part, sign in zip(flow, direction, strict=True):
        assert sign == 0 or sign * part > 0.5


def test_one_pose_is_one_movement_at_every_resolution() -> None:
    identity = Identity.draw(np.random.default_rng(3))
    small = FaceRenderer(identity, frame_px=96, face_px=64)
    large = FaceRenderer(identity, frame_px=192, face_px=128)
    pose = Pose(units=(UnitPose(9, 2.0),), shift_px=(1.0, 0.0))
    ratio = np.hypot(*large.displacement(pose)).max() / np.hypot(*small.displacement(pose)).max()
    assert ratio == pytest.approx(2.0, rel=0.02)


def cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / name))


def test_detector_finds_each_face_where_the_renderer_says(crowd: list[FaceRenderer]) -> None:
    face_finder, eye_finder = cascade("haarcascade_frontalface_default.xml"), cascade("haarcascade_eye.xml")
    exactly_one, two_eyes = 0, 0
    for person in crowd:
        gray = luma(person.frame(NEUTRAL))
        boxes = face_finder.detectMultiScale(gray, 1.05, 5, minSize=(48, 48))
        if len(boxes) == 1:
            exactly_one += 1
            (x, y, w, h), (left, top, width, height) = boxes[0], person.face_box
            assert abs(x + w / 2 - left - width / 2) < 8
            assert abs(y + h / 2 - top - height / 2) < 9
            assert 0.8 < w / width < 1.25
        found = eye_finder.detectMultiScale(gray, 1.05, 4, minSize=(12, 12), maxSize=(36, 36))
        middles = [np.array([x + w / 2, y + h / 2]) for x, y, w, h in found]
        near = [any(np.hypot(*(middle - eye)) < 6 for middle in middles) for eye in person.eyes]
        two_eyes += all(near)
    assert exactly_one >= 38
    assert two_eyes >= 30


def test_identities_differ_more_than_noise(crowd: list[FaceRenderer]) -> None:
    rng = np.random.default_rng(0)
    faces = [luma(person.frame(NEUTRAL))[30:114, 30:114].astype(float) for person in crowd]
    noisy = luma(camera_noise(crowd[0].frame(NEUTRAL), rng))[30:114, 30:114]
    noise = np.abs(noisy - faces[0]).mean()
    flat = [(face - face.mean()) / face.std() for face in faces]  # brightness apart
    apart = [np.abs(a - b).mean() for i, a in enumerate(faces) for b in faces[:i]]
    alike = [(a * b).mean() for i, a in enumerate(flat) for b in flat[:i]]
    assert min(apart) > 4 * noise
    assert max(alike) < 0.97


def test_equal_generators_give_equal_bytes() -> None:
    pose = Pose(units=(UnitPose(12, 1.0),), shift_px=(0.3, 0.2))
    frames = [
        camera_noise(FaceRenderer(Identity.draw(rng)).frame(pose), rng)
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    ]
    assert frames[0].tobytes() == frames[1].tobytes()


def test_a_blink_covers_the_eye_and_nothing_else(person: FaceRenderer) -> None:
    open_, closed = luma(person.frame(NEUTRAL)), luma(person.frame(Pose(eyes_closed=1.0)))
    for x, y in person.eyes:
        eye = (slice(round(y) - 3, round(y) + 4), slice(round(x) - 8, round(x) + 9))
        assert closed[eye].std() < 0.6 * open_[eye].std()
    mouth = slice(round(person.landmarks["nose tip"][1]), None)
    np.testing.assert_array_equal(open_[mouth], closed[mouth])


def test_gaze_stays_within_the_eyes(person: FaceRenderer) -> None:
    flow = np.hypot(*person.displacement(Pose(gaze=(3.0, 1.0))))
    y, x = np.mgrid[0:192, 0:192]
    near = np.zeros(flow.shape, dtype=bool)
    for eye_x, eye_y in person.eyes:
        near |= (np.abs(x - eye_x) < 20) & (np.abs(y - eye_y) < 9)
        assert flow[round(eye_y), round(eye_x)] > 2
    assert flow[~near].max() == 0


def test_the_jaw_parts_the_lips(person: FaceRenderer) -> None:
    flow = person.displacement(Pose(jaw_px=4.0))[1]
    (x, above), (_, below) = person.landmarks["upper lip"], person.landmarks["lower lip"]
    assert flow[round(below) + 2, round(x)] - flow[round(above) - 2, round(x)] > 1.5


def test_camera_noise_has_its_strength_and_changes_from_frame_to_frame() -> None:
    rng = np.random.default_rng(0)
    grey = np.full((192, 192, 3), 128, np.uint8)
    first, second = camera_noise(grey, rng, sd=2.0), camera_noise(grey, rng, sd=2.0)
    assert (first.astype(float) - 128).std() == pytest.approx(2.0, abs=0.1)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(0.0, abs=0.02)
    np.testing.assert_array_equal(camera_noise(grey, rng, sd=0.0), grey)


@pytest.mark.parametrize(
    "values",
    [
        {"eyes_closed": 2.0},
        {"eyes_closed": float("nan")},
        {"jaw_px": -1.0},
        {"gaze": (9.0, 0.0)},
        {"scale": 0.0},
        {"shift_px": (0.0, 99.0)},
        {"roll_rad": 2.0},
    ],
)
def test_impossible_poses_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="wanted"):
        dataclasses.replace(NEUTRAL, **values)


@pytest.mark.parametrize("values", [(3, 1.0, "both"), (12, -1.0, "both"), (12, 1.0, "top")])
def test_impossible_units_are_refused(values: tuple[int, float, str]) -> None:
    with pytest.raises(OptionError, match="wanted"):
        UnitPose(*values)


@pytest.mark.parametrize("sizes", [{"frame_px": 63}, {"face_px": 400}, {"background": (0, 300, 0)}])
def test_impossible_frames_are_refused(sizes: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="wanted"):
        FaceRenderer(Identity.draw(np.random.default_rng(0)), **sizes)


def test_impossible_noise_is_refused() -> None:
    with pytest.raises(OptionError, match="noise"):
        camera_noise(np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0), sd=-1.0)
