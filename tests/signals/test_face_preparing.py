"""Cutting, aligning and following rendered faces whose true motion is known; motion fields made by hand."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.signals.face import dis_flow
from mien.signals.face.finding import Face, HaarFinder, template_face
from mien.signals.face.head_motion import MODELS, HeadTracker, remove_head_motion, rigid_weights
from mien.signals.face.preparing import EYES, FaceSettings, as_8_bit, prepare_faces
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity

GOAL = np.array(EYES) * 128 - 0.5  # pixels


class Known:
    """A finder that knows the neutral face of a renderer, or answers what it is told."""

    name = "haar"

    def __init__(self, *faces):
        self.faces, self.asked = list(faces), 0

    def find(self, picture):
        self.asked += 1
        return self.faces


def _face(person, **changes):
    eyes = np.array([person.eyes[1], person.eyes[0]])
    return Face(**{"box": person.face_box, "eyes": eyes, "landmarks": None, "finder": "haar"} | changes)


@pytest.fixture(scope="module")
def people():
    return [FaceRenderer(Identity.draw(np.random.default_rng(seed))) for seed in range(3)]


@pytest.fixture(scope="module")
def person(people):
    return people[0]


def _noisy(person, *poses, sd=1.5):
    rng = np.random.default_rng(5)
    return [camera_noise(person.frame(pose), rng, sd=sd) for pose in poses]


class TestAlignment:
    def test_eyes_come_to_their_places(self, people):
        for person in people:
            frame = person.frame(Pose(roll_rad=0.12, scale=0.8))
            prepared = prepare_faces([frame], finder=HaarFinder())
            head = person._head(Pose(roll_rad=0.12, scale=0.8))
            truth = np.array([person.eyes[1], person.eyes[0]]) @ head[:, :2].T + head[:, 2]
            placed = truth @ prepared.to_face[:, :2].T + prepared.to_face[:, 2]
            assert np.abs(placed - GOAL).max() < 0.03 * 128
            found = prepared.face.eyes @ prepared.to_face[:, :2].T + prepared.to_face[:, 2]
            np.testing.assert_allclose(found, GOAL, atol=1e-9)
            assert prepared.grey.shape == (1, 128, 128)

    def test_picture_is_what_the_map_says(self, person):
        frame = person.frame(Pose())
        # Eyes so near that a pixel stays a pixel: nothing is smoothed.
        face = _face(person, eyes=np.array([[75.3, 80.2], [116.1, 81.0]]))
        prepared = prepare_faces([frame], FaceSettings(green_screen=False), finder=Known(face))
        back = np.linalg.inv(np.vstack([prepared.to_face, [0, 0, 1]]))[:2]
        x, y = np.meshgrid(np.arange(30, 100), np.arange(30, 100))
        where = np.einsum("ij,jkl->ikl", back, np.stack([x, y, np.ones_like(x)])).astype(np.float32)
        expected = cv2.remap(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), *where, cv2.INTER_CUBIC)
        assert np.abs(prepared.grey[0, 30:100, 30:100].astype(int) - expected).mean() < 0.8

    @pytest.mark.parametrize("times", [1.7, 5])
    def test_large_pictures_give_the_same_face(self, person, times):
        frame = person.frame(Pose())
        large = cv2.resize(frame, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
        eyes = times * (_face(person).eyes + 0.5) - 0.5
        one, other = (
            prepare_faces([picture], FaceSettings(green_screen=False), finder=Known(face))
            .grey[0]
            .astype(float)
            for picture, face in ((frame, _face(person)), (large, _face(person, eyes=eyes)))
        )
        assert np.abs(one - other)[20:110, 20:110].mean() < 3
        moved, _ = cv2.phaseCorrelate(one, other, cv2.createHanningWindow((128, 128), cv2.CV_64F))
        np.testing.assert_allclose(moved, 0, atol=0.1)

    def test_landmarks_go_with_the_face(self, person):
        points = np.random.default_rng(0).uniform(40, 150, size=(68, 2))
        points[0] = person.eyes[0]
        prepared = prepare_faces([person.frame(Pose())], finder=Known(_face(person, landmarks=points)))
        np.testing.assert_allclose(prepared.landmarks[0], GOAL[1], atol=1e-9)

    def test_grey_frames(self, person):
        frame = person.frame(Pose())
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        prepared = prepare_faces([grey, grey], finder=Known(_face(person)))
        assert prepared.colour is None
        assert prepared.grey.shape == (2, 128, 128)
        coloured = prepare_faces([frame], FaceSettings(green_screen=False), finder=Known(_face(person)))
        assert coloured.colour.shape == (1, 128, 128, 3)
        assert np.abs(prepared.grey[0].astype(int) - coloured.grey[0]).max() <= 2

    def test_background_becomes_black(self, person):
        prepared = prepare_faces([person.frame(Pose())] * 2, finder=Known(_face(person)))
        green = prepared.colour[..., 1].astype(int) - prepared.colour[..., 0] > 60
        assert prepared.colour[:, :12, :12].max() == 0
        assert green.mean() < 0.09  # the rim
        assert prepared.foreground[64, 64]
        assert not prepared.foreground[2, 2]


class TestFixedBox:
    SETTINGS = FaceSettings(alignment="fixed-box", green_screen=False)

    def test_is_the_box_scaled(self, person):
        frames = [person.frame(Pose(shift_px=(k, 0))) for k in (0, 2)]
        finder = Known(_face(person, box=(20, 30, 140, 150)))
        prepared = prepare_faces(frames, self.SETTINGS, finder=finder)
        for frame, colour in zip(frames, prepared.colour, strict=True):
            expected = cv2.resize(frame[30:180, 20:160], (128, 128), interpolation=cv2.INTER_AREA)
            np.testing.assert_array_equal(colour, expected)
        assert finder.asked == 1
        assert not prepared.shifts_px.any()
        assert prepared.notes == ()
        np.testing.assert_allclose(prepared.to_face @ (19.5, 29.5, 1), [-0.5, -0.5])
        np.testing.assert_allclose(prepared.to_face @ (159.5, 179.5, 1), [127.5, 127.5])

    def test_box_beyond_the_picture_repeats_its_border(self, person):
        frame = person.frame(Pose())
        face = _face(person, box=(100, -28, 128, 128))
        prepared = prepare_faces([frame], self.SETTINGS, finder=Known(face))
        padded = cv2.copyMakeBorder(frame, 28, 0, 0, 36, cv2.BORDER_REPLICATE)
        np.testing.assert_array_equal(prepared.colour[0], padded[:128, 100:228])
        assert prepared.notes == ("leaves-frame",)


class TestTracking:
    @pytest.mark.parametrize("units", [(12,), (1,), (4,), (2,), (9,), (6, 12), (1, 2, 4), (15, 17)])
    def test_expression_is_not_absorbed(self, people, units):
        pose = Pose(units=tuple(UnitPose(unit, 1.5) for unit in units))
        for person in people:
            prepared = prepare_faces(_noisy(person, Pose(), pose), finder=Known(_face(person)))
            assert np.abs(prepared.shifts_px[1]).max() < 0.1
            assert "lost-track" not in prepared.notes

    def test_blink_speech_and_light_are_no_shift(self, person):
        frames = _noisy(person, Pose(), Pose(eyes_closed=1.0), Pose(jaw_px=3.0))
        frames.append((frames[0] * 0.8 + 15).astype(np.uint8))
        prepared = prepare_faces(frames, finder=Known(_face(person)))
        assert np.abs(prepared.shifts_px).max() < 0.1

    @pytest.mark.parametrize("shift", [(0.3, -0.2), (0.5, 0.5), (-1.37, 0.8), (3.0, -2.6), (9.3, 6.1)])
    def test_shift_is_recovered_and_leaves_the_flow(self, people, shift):
        for person in people[:2]:
            frames = _noisy(person, Pose(), Pose(shift_px=shift))
            prepared = prepare_faces(frames, finder=Known(_face(person)))
            np.testing.assert_allclose(prepared.shifts_px[1], shift, atol=0.1)
            flow = dis_flow(*prepared.grey)[:, 30:110, 30:98]
            assert np.abs(np.median(flow, axis=(1, 2))).max() < 0.05
            assert np.median(np.hypot(*flow)) < 0.12

    def test_expression_on_a_moving_head(self, person):
        pose = Pose(units=(UnitPose(12, 1.5),), shift_px=(1.3, 0.7))
        prepared = prepare_faces(_noisy(person, Pose(), pose), finder=Known(_face(person)))
        np.testing.assert_allclose(prepared.shifts_px[1], (1.3, 0.7), atol=0.1)

    def test_drift_does_not_add_up(self, person):
        poses = [Pose(shift_px=(0.4 * k, -0.15 * k)) for k in range(30)]
        prepared = prepare_faces(_noisy(person, *poses), finder=Known(_face(person)))
        np.testing.assert_allclose(prepared.shifts_px, [pose.shift_px for pose in poses], atol=0.1)

    def test_scale_of_large_pictures(self, person):
        frames = [
            cv2.resize(frame, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            for frame in _noisy(person, Pose(), Pose(shift_px=(1.2, -0.7)))
        ]
        box = tuple(4 * part for part in person.face_box)
        face = _face(person, box=box, eyes=4 * (_face(person).eyes + 0.5) - 0.5)
        prepared = prepare_faces(frames, finder=Known(face))
        np.testing.assert_allclose(prepared.shifts_px[1], (4.8, -2.8), atol=0.4)

    def test_lost_keeps_the_last_place_and_finds_it_again(self, person):
        frames = _noisy(person, *[Pose(shift_px=(k, 0)) for k in (0, 1, 2, 2.5)])
        frames[2] = np.random.default_rng(0).integers(0, 255, frames[2].shape, dtype=np.uint8)
        prepared = prepare_faces(frames, finder=Known(_face(person)))
        assert "lost-track" in prepared.notes
        np.testing.assert_array_equal(prepared.shifts_px[2], prepared.shifts_px[1])
        np.testing.assert_allclose(prepared.shifts_px[3], (2.5, 0), atol=0.1)

    def test_without_tracking_nothing_is_moved(self, person):
        frames = _noisy(person, Pose(), Pose(shift_px=(2, 1)))
        prepared = prepare_faces(frames, FaceSettings(track=False), finder=Known(_face(person)))
        assert not prepared.shifts_px.any()
        flow = dis_flow(*prepared.grey)[:, 40:90, 40:90]
        scale = np.sqrt(np.linalg.det(prepared.to_face[:, :2]))
        assert np.median(flow[0]) == pytest.approx(2 * scale, abs=0.25)

    def test_blank_face_is_still(self):
        tracker = HeadTracker(np.full((128, 128), 90, dtype=np.uint8))
        moved = tracker.follow(np.full((128, 128), 91, dtype=np.uint8))
        assert moved is None or np.abs(moved).max() < 1e-6


class TestNotesAndRefusals:
    def test_nobody(self):
        blank = np.full((120, 160), 90, dtype=np.uint8)
        with pytest.raises(DataError, match="no face found in the first frame by haar; start the clip"):
            prepare_faces([blank])
        prepared = prepare_faces([blank], FaceSettings(on_no_face="template"))
        assert prepared.notes == ("template",)
        assert prepared.face.box == template_face(blank.shape).box
        np.testing.assert_allclose(prepared.to_face @ (19.5, -0.5, 1), [-0.5, -0.5])

    @pytest.mark.parametrize("angle", [90, 180, 270])
    def test_turned_video(self, person, angle):
        frame = np.rot90(person.frame(Pose()), angle // 90)
        with pytest.raises(DataError, match=f"turn by {angle} degrees clockwise; set rotate to {angle}"):
            prepare_faces([frame])
        mended = prepare_faces([frame], FaceSettings(rotate=angle))
        upright = prepare_faces([person.frame(Pose())])
        np.testing.assert_array_equal(mended.grey, upright.grey)

    def test_box_without_eyes(self, person):
        prepared = prepare_faces([person.frame(Pose())], finder=Known(_face(person, eyes=None)))
        assert "no-eyes" in prepared.notes
        placed = np.array([person.eyes[1], person.eyes[0]]) @ prepared.to_face[:, :2].T
        assert np.abs(placed + prepared.to_face[:, 2] - GOAL).max() < 0.1 * 128

    def test_several_faces(self, person):
        eyeless = _face(person, box=(0, 0, 180, 180), eyes=None)
        prepared = prepare_faces([person.frame(Pose())], finder=Known(eyeless, _face(person)))
        assert "several-faces" in prepared.notes
        assert prepared.face.box == person.face_box

    def test_face_on_the_screen_is_none(self, person):
        ghost = _face(person, box=(0, 0, 24, 24), eyes=np.array([[6.0, 8.0], [16.0, 8.0]]))
        prepared = prepare_faces([person.frame(Pose())], finder=Known(ghost, _face(person)))
        assert prepared.face.box == person.face_box
        assert "several-faces" not in prepared.notes

    def test_leaving_head(self, person):
        wide = FaceRenderer(person.identity, frame_px=256, face_px=128)
        poses = [
            Pose(),
            Pose(shift_px=(9, 0)),
            Pose(shift_px=(18, 0)),
            Pose(shift_px=(27, 0)),
            Pose(shift_px=(32, 0)),
        ]
        finder = Known(_face(wide))
        assert prepare_faces([wide.frame(poses[0])], finder=finder).notes == ()
        frames = [np.roll(wide.frame(pose), 20, axis=1) for pose in poses]
        face = _face(wide, eyes=_face(wide).eyes + np.array([20, 0]))
        assert prepare_faces(frames, finder=Known(face)).notes == ("leaves-frame",)

    def test_no_frame_and_changing_shape(self, person):
        with pytest.raises(DataError, match="at least one frame, got none"):
            prepare_faces([])
        frame = person.frame(Pose())
        with pytest.raises(
            DataError, match=re.escape("frame 1: wanted the first frame's shape (192, 192, 3)")
        ):
            prepare_faces([frame, frame[:-2]], finder=Known(_face(person)))
        with pytest.raises(DataError, match="eyes at least 4 pixels apart"):
            prepare_faces([frame], finder=Known(_face(person, eyes=np.zeros((2, 2)))))

    def test_frames_are_not_kept(self, person):
        alive = []

        def stream():
            for _ in range(5):
                frame = person.frame(Pose())
                alive.append(__import__("weakref").ref(frame))
                yield frame
                del frame
                assert sum(ref() is not None for ref in alive) <= 2

        assert len(prepare_faces(stream(), finder=Known(_face(person))).grey) == 5

    @pytest.mark.parametrize(
        "bad", [{"size": 16}, {"alignment": "nose"}, {"on_no_face": "guess"}, {"rotate": 45}]
    )
    def test_settings(self, bad):
        with pytest.raises(OptionError, match=str(next(iter(bad.values())))):
            FaceSettings(**bad)


class TestAs8Bit:
    def test_16_bit_is_divided_by_257(self):
        wide = np.array([[0, 257, 32896, 65535] * 4] * 16, dtype=np.uint16)
        assert as_8_bit(wide)[0, :4].tolist() == [0, 1, 128, 255]
        narrow = np.arange(256, dtype=np.uint16).reshape(16, 16)
        np.testing.assert_array_equal(as_8_bit(narrow * 257), narrow)

    def test_axes(self):
        picture = np.random.default_rng(0).integers(0, 255, (20, 30, 4), dtype=np.uint8)
        np.testing.assert_array_equal(as_8_bit(picture), picture[..., :3])
        np.testing.assert_array_equal(as_8_bit(picture[..., :1]), picture[..., 0])

    @pytest.mark.parametrize(
        "bad",
        [
            np.zeros((20, 20)),
            np.zeros((20, 20, 2), np.uint8),
            np.zeros((8, 8), np.uint8),
            np.zeros(9, np.uint8),
        ],
    )
    def test_refused(self, bad):
        with pytest.raises(DataError, match="8 or 16 bit"):
            as_8_bit(bad)


def _field(a):
    y, x = np.mgrid[0:128, 0:128]
    return np.stack([row[0] * x + row[1] * y + row[2] for row in a]).astype(np.float32)


def _bump(x0, y0, sd, u, v):
    y, x = np.mgrid[0:128, 0:128]
    shape = np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / sd**2)
    return np.stack([u * shape, v * shape]).astype(np.float32)


SHIFT = np.array([[0, 0, 1.3], [0, 0, -0.7]])
ROLL = 0.02 * np.array([[0, -1, 63.5], [1, 0, -63.5]])
ZOOM = 0.03 * np.array([[1, 0, -63.5], [0, 1, -63.5]])
SHEAR = np.array([[0.01, 0.02, -1.0], [-0.005, 0.015, 0.4]])


class TestRemoveHeadMotion:
    @pytest.mark.parametrize(
        ("motion", "models"),
        [
            (SHIFT, MODELS),
            (SHIFT + ROLL, ("affine", "similarity")),
            (SHIFT + ROLL + ZOOM, ("affine", "similarity")),
            (SHEAR, ("affine",)),
        ],
    )
    def test_known_motion_goes_and_expression_stays(self, motion, models):
        # A smile's corner of the mouth, and a brow, which reaches into a temple.
        bump = _bump(82, 87, 8, 0.7, -0.8) + _bump(90, 40, 9, 0.1, -1.0)
        for model in models:
            rest, found = remove_head_motion(_field(motion) + bump, model=model)
            np.testing.assert_allclose(found.affine @ (63.5, 63.5, 1), motion @ (63.5, 63.5, 1), atol=0.02)
            np.testing.assert_allclose(found.affine[:, :2], motion[:, :2], atol=3e-4)
            np.testing.assert_allclose(found.field((128, 128)), _field(found.affine), atol=1e-5)
            for x, y in ((82, 87), (90, 40)):
                before, after = np.hypot(*bump[:, y, x]), np.hypot(*rest[:, y, x])
                assert after == pytest.approx(before, rel=0.03)
            assert found.residual_px < 0.05
            assert rest.dtype == np.float32

    def test_a_moving_rigid_place_is_thrown_out(self):
        bump = _bump(23, 47, 9, 0.0, -2.0)  # one temple
        rest, found = remove_head_motion(_field(SHIFT) + bump)
        assert np.abs(found.field((128, 128)) - _field(SHIFT)).max() < 0.1
        assert rest[1, 47, 23] == pytest.approx(-2.0, rel=0.05)
        assert found.n_used < np.count_nonzero(rigid_weights((128, 128)))

    def test_expression_alone_stays_as_it_is(self):
        bump = _bump(82, 87, 8, 0.7, -0.8)
        rest, _ = remove_head_motion(bump)
        np.testing.assert_allclose(rest, bump, atol=0.02)

    @pytest.mark.parametrize(
        "head",
        [
            {"shift_px": (1.5, -1.0)},
            {"roll_rad": 0.02},
            {"scale": 1.015},
            {"shift_px": (0.8, 0.5), "roll_rad": -0.015, "scale": 0.99},
        ],
    )
    def test_rendered_head(self, people, head):
        units = (UnitPose(12, 1.5),)
        for person in people:
            frames = _noisy(
                person, Pose(), Pose(**head), Pose(units=units, **head), Pose(units=units), sd=1.0
            )
            still = FaceSettings(track=False, green_screen=False)
            prepared = prepare_faces(frames, still, finder=Known(_face(person)))
            grey = prepared.grey
            inner = np.s_[:, 35:115, 34:94]
            before = dis_flow(grey[0], grey[1])
            after, _ = remove_head_motion(before)
            assert np.median(np.hypot(*after[inner])) < 0.1
            assert np.median(np.hypot(*after[inner])) < 0.4 * np.median(np.hypot(*before[inner]))
            # How much of the true expression is seen: as much as the same engine sees on a still head.
            truth = np.einsum("ij,jkl->ikl", prepared.to_face[:, :2], person.displacement(Pose(units=units)))
            truth = np.stack([cv2.warpAffine(part, prepared.to_face, (128, 128)) for part in truth])
            truth *= np.hypot(*truth) > 0.5 * np.hypot(*truth).max()
            moving, _ = remove_head_motion(dis_flow(grey[0], grey[2]))
            seen, on_still = (
                (flow * truth).sum() / (truth**2).sum() for flow in (moving, dis_flow(grey[0], grey[3]))
            )
            assert on_still > 0.5
            assert seen == pytest.approx(on_still, abs=0.12)

    def test_landmarks_place_the_weights(self):
        points = np.full((68, 2), 100.0)
        points[[27, 28, 29]] = (64, 50)
        weights = rigid_weights((128, 128), points)
        assert weights[50, 64] > 0.99
        assert weights[20, 20] == 0
        with pytest.raises(DataError, match=re.escape("(68, 2) points")):
            rigid_weights((128, 128), points[:5])

    def test_template_leaves_out_what_expresses(self):
        weights = rigid_weights((128, 128))
        # Brows, eyes, mouth, chin, in shares of the side.
        for x, y in (
            (0.37, 0.28),
            (0.63, 0.28),
            (0.34, 0.36),
            (0.66, 0.36),
            (0.5, 0.69),
            (0.64, 0.68),
            (0.5, 0.85),
        ):
            assert weights[round(y * 128), round(x * 128)] < 0.02
        assert weights[round(0.43 * 128), 64] > 0.9

    @pytest.mark.parametrize(
        ("flow", "options", "error", "words"),
        [
            (np.zeros((128, 128, 2)), {}, DataError, "finite pixels"),
            (np.full((2, 64, 64), np.nan), {}, DataError, "not finite"),
            (np.zeros((2, 64, 64)), {"model": "rigid"}, OptionError, "affine, similarity, translation"),
            (np.zeros((2, 64, 64)), {"weights": np.ones((3, 3))}, DataError, "one weight for every pixel"),
            (np.zeros((2, 64, 64)), {"weights": -np.ones((64, 64))}, DataError, "0 or more"),
            (
                np.zeros((2, 64, 64)),
                {"weights": np.eye(64)[:, ::-1] * (np.arange(64) < 9)},
                DataError,
                "16 pixels",
            ),
        ],
    )
    def test_malformed(self, flow, options, error, words):
        with pytest.raises(error, match=words):
            remove_head_motion(flow, **options)

    def test_still_field(self):
        rest, found = remove_head_motion(np.zeros((2, 64, 64), dtype=np.float32))
        assert not rest.any()
        assert not found.affine.any()
