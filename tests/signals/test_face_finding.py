"""Finders and the green screen on rendered faces and, where they are, on real videos."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.recording.formats.openface import Landmarks
from mien.recording.formats.video import read_frames
from mien.signals.face import finding
from mien.signals.face.finding import (
    EYES,
    HaarFinder,
    LandmarkFinder,
    MediaPipeFinder,
    YuNetFinder,
    face_finder,
    template_face,
)
from mien.signals.face.segmentation import green_screen, has_green_screen
from mien.simulate.faces import FaceRenderer, Pose, camera_noise
from mien.simulate.identities import Identity

IDENTITIES = 12


@pytest.fixture(scope="module")
def people():
    return [FaceRenderer(Identity.draw(np.random.default_rng(seed))) for seed in range(IDENTITIES)]


def _eyes(person):
    """The picture's left eye first."""
    return np.array([person.eyes[1], person.eyes[0]])


class TestHaar:
    def test_finds_every_rendered_face_and_its_eyes(self, people):
        finder = HaarFinder()
        for seed, person in enumerate(people):
            picture = camera_noise(person.frame(Pose()), np.random.default_rng(seed))
            [face] = finder.find(picture)
            left, top, width, _ = face.box
            middle = np.array([left, top]) + width / 2
            truth = np.array(person.face_box[:2]) + person.face_px / 2
            assert np.abs(middle - truth).max() < 0.06 * person.face_px
            assert 0.9 < width / person.face_px < 1.35
            assert np.hypot(*(face.eyes - _eyes(person)).T).max() < 0.03 * person.face_px
            assert (face.finder, face.landmarks) == ("haar", None)

    def test_grey_is_the_same_as_its_colour(self, people):
        picture = people[0].frame(Pose())
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        [one], [other] = HaarFinder().find(picture), HaarFinder().find(grey)
        assert one.box == other.box
        np.testing.assert_array_equal(one.eyes, other.eyes)

    def test_follows_a_moved_and_enlarged_picture(self, people):
        picture = people[1].frame(Pose())
        large = cv2.copyMakeBorder(
            cv2.resize(picture, None, fx=3, fy=3), 150, 50, 200, 80, cv2.BORDER_REPLICATE
        )
        [face] = HaarFinder().find(large)
        truth = 3 * (_eyes(people[1]) + 0.5) - 0.5 + (200, 150)
        assert np.hypot(*(face.eyes - truth).T).max() < 0.03 * 3 * people[1].face_px

    def test_largest_first(self, people):
        small = cv2.resize(people[2].frame(Pose()), (128, 128), interpolation=cv2.INTER_AREA)
        both = np.full((192, 330, 3), (0, 177, 64), dtype=np.uint8)
        both[32:160, 4:132], both[:, 138:] = small, people[3].frame(Pose())
        first, second = HaarFinder().find(both)
        assert first.box[2] > second.box[2]
        assert first.box[0] > 138 > second.box[0]

    def test_no_face(self, people):
        assert HaarFinder().find(np.full((120, 120), 90, dtype=np.uint8)) == []
        assert HaarFinder().find(np.rot90(people[0].frame(Pose())).copy()) == []

    def test_opencv_without_cascades(self, monkeypatch):
        monkeypatch.setattr(cv2.data, "haarcascades", "/nowhere/")
        with pytest.raises(OptionError, match=r"opencv-contrib-python-headless<5"):
            HaarFinder()

    @pytest.mark.parametrize("name", ["bbaf2n", "brbk7n", "lwbsza", "sbia1a"])
    def test_talking_faces(self, shared_data, name):
        [path] = (shared_data / "video").rglob(f"{name}.mpg")
        self._one_face(path)

    def test_real_smile(self, shared_data):
        [path] = (shared_data / "video").rglob("single_face.mp4")
        self._one_face(path)

    @staticmethod
    def _one_face(path):
        finder = HaarFinder()
        for _, _, picture in islice(read_frames(path), 0, 31, 30):
            [face] = finder.find(picture)
            left, top, width, _ = face.box
            # Rough anatomy: pupils about a third of the box apart, above its middle.
            (ax, ay), (bx, by) = (face.eyes - (left, top)) / width
            assert 0.28 < bx - ax < 0.45
            assert 0.4 < (ax + bx) / 2 < 0.6
            assert 0.3 < min(ay, by) < max(ay, by) < 0.47

    def test_cartoon_is_no_face(self, shared_data):
        [path] = (shared_data / "video").rglob("no_face.mp4")
        finder = HaarFinder()
        for _, _, picture in islice(read_frames(path), 0, 49, 24):
            assert finder.find(picture) == []


class TestYuNet:
    def test_rows_become_faces(self, tmp_path, monkeypatch):
        model = tmp_path / "yunet.onnx"
        model.write_bytes(b"model")
        seen = {}

        class Network:
            def setInputSize(self, size):
                seen["size"] = size

            def detect(self, picture):
                seen["blue first"] = picture[0, 0].tolist()
                small = [10, 11, 20.4, 30, 14, 20, 24, 21, *[0] * 6, 0.8]
                large = [40, 5, 50, 60, 80, 20, 55, 22, *[0] * 6, 0.9]
                return 1, np.array([small, large], dtype=np.float32)

        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Network())
        picture = np.zeros((70, 100, 3), dtype=np.uint8)
        picture[0, 0] = (200, 100, 50)
        first, second = YuNetFinder(model).find(picture)
        assert seen == {"size": (100, 70), "blue first": [50, 100, 200]}
        assert (first.box, second.box) == ((40, 5, 50, 60), (10, 11, 20, 30))
        np.testing.assert_array_equal(first.eyes, [[55, 22], [80, 20]])  # the picture's left one first
        assert first.finder == "yunet"

    def test_nothing_found(self, tmp_path, monkeypatch):
        model = tmp_path / "yunet.onnx"
        model.write_bytes(b"model")
        network = SimpleNamespace(setInputSize=lambda size: None, detect=lambda picture: (1, None))
        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: network)
        assert YuNetFinder(model).find(np.zeros((50, 50), dtype=np.uint8)) == []

    def test_file_that_is_no_network(self, tmp_path):
        model = tmp_path / "yunet.onnx"
        model.write_bytes(b"no network")
        with pytest.raises(OptionError, match=r"yunet.onnx: wanted YuNet as an ONNX file"):
            YuNetFinder(model)


class TestMediaPipe:
    def test_not_installed(self, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "mediapipe", None)
        with pytest.raises(OptionError, match="pip install mediapipe"):
            MediaPipeFinder(tmp_path / "face_landmarker.task")

    def test_mesh_becomes_68_points(self, tmp_path, monkeypatch):
        model = tmp_path / "face_landmarker.task"
        model.write_bytes(b"model")
        rng = np.random.default_rng(0)
        mesh = rng.uniform(0.3, 0.7, size=(478, 2))
        # Corners of the eyes in MediaPipe's mesh, as its documentation draws them.
        corners = {33: (0.35, 0.4), 133: (0.45, 0.42), 362: (0.55, 0.42), 263: (0.65, 0.4)}
        for index, point in corners.items():
            mesh[index] = point
        points = [SimpleNamespace(x=x, y=y) for x, y in mesh]
        landmarker = SimpleNamespace(detect=lambda image: SimpleNamespace(face_landmarks=[points]))
        vision = SimpleNamespace(
            FaceLandmarkerOptions=lambda **_: None,
            FaceLandmarker=SimpleNamespace(create_from_options=lambda options: landmarker),
        )
        fake = SimpleNamespace(
            tasks=SimpleNamespace(vision=vision, BaseOptions=lambda **_: None),
            Image=lambda image_format, data: data,
            ImageFormat=SimpleNamespace(SRGB=1),
        )
        monkeypatch.setitem(__import__("sys").modules, "mediapipe", fake)
        [face] = face_finder("mediapipe", model).find(np.zeros((100, 200, 3), dtype=np.uint8))
        assert face.landmarks.shape == (68, 2)
        assert len({tuple(point) for point in face.landmarks}) == 68
        np.testing.assert_allclose(face.eyes, [[79.5, 40.5], [119.5, 40.5]])
        np.testing.assert_allclose(face.landmarks[8], mesh[152] * (200, 100) - 0.5)  # chin
        assert face.finder == "mediapipe"


class TestLandmarks:
    @staticmethod
    def _table(n_points=68):
        rng = np.random.default_rng(1)
        points = rng.uniform(50, 150, size=(4, n_points, 2))
        success = np.array([True, True, False, True])
        return Landmarks(
            np.arange(1, 5), np.arange(4) / 30, np.array([0.98, 0.4, 0.98, 0.9]), success, points
        )

    def test_face_of_a_frame(self):
        table = self._table()
        picture = np.zeros((200, 200), dtype=np.uint8)
        [face] = LandmarkFinder(table).find(picture)
        np.testing.assert_array_equal(face.landmarks, table.points[0])
        np.testing.assert_allclose(face.eyes[1], (table.points[0, 42] + table.points[0, 45]) / 2)
        left, top, width, height = face.box
        assert (table.points[0] > (left, top)).all()
        assert (table.points[0] < (left + width, top + height)).all()
        [fourth] = LandmarkFinder(table, frame=4).find(picture)
        np.testing.assert_array_equal(fourth.landmarks, table.points[3])

    def test_unsure_and_lost_rows_are_no_face(self):
        finder = LandmarkFinder(self._table())
        assert [len(finder.find_in_frame(frame)) for frame in (1, 2, 3, 4)] == [1, 0, 0, 1]
        assert LandmarkFinder(self._table(), frame=2, least_confidence=0.3).find(np.zeros((9, 9))) != []

    def test_refused(self):
        with pytest.raises(DataError, match="frames from 1 to 4"):
            LandmarkFinder(self._table(), frame=9)
        with pytest.raises(DataError, match="68 points a frame, got 5"):
            LandmarkFinder(self._table(5))


@pytest.mark.parametrize(
    ("name", "model", "words"),
    [
        ("dlib", None, "one of haar, yunet, mediapipe, got dlib"),
        ("yunet", None, "path of its model file"),
        ("yunet", Path("/nowhere/yunet.onnx"), "got no such file"),
        ("haar", Path("/nowhere/yunet.onnx"), "no model file"),
    ],
)
def test_factory_refuses(name, model, words):
    with pytest.raises(OptionError, match=words):
        face_finder(name, model)


def test_factory():
    assert face_finder("haar").name == "haar"
    assert set(finding.FACE_FINDERS) == {"haar", "yunet", "mediapipe"}


def test_template_is_the_middle_square():
    face = template_face((100, 160, 3))
    assert (face.box, face.finder) == ((30, 0, 100, 100), "template")
    np.testing.assert_allclose(face.eyes, np.array(EYES) * 100 + (29.5, -0.5))


class TestGreenScreen:
    def test_cuts_the_person_out_under_noise(self, people):
        for seed, person in enumerate(people[:4]):
            picture = person.frame(Pose())
            # A screen of the other kind leaves the truth: what the background's colour changes.
            other = FaceRenderer(Identity.draw(np.random.default_rng(seed)), background=(255, 0, 255))
            truth = np.abs(picture.astype(int) - other.frame(Pose())).max(axis=2) < 20
            noisy = camera_noise(picture, np.random.default_rng(seed), sd=12)
            found = green_screen(noisy)
            assert found.green_screen
            assert (found.foreground != truth).mean() < 0.02
            assert cv2.connectedComponents(found.foreground.astype(np.uint8))[0] == 2

    def test_shadow_on_the_screen(self, people):
        shade = np.linspace(0.45, 1.0, 192)[None, :, None]
        picture = (people[0].frame(Pose()) * shade).astype(np.uint8)
        assert green_screen(picture).foreground.mean() == pytest.approx(
            green_screen(people[0].frame(Pose())).foreground.mean(), abs=0.02
        )

    def test_other_backgrounds_are_all_foreground(self, people):
        blue = FaceRenderer(Identity.draw(np.random.default_rng(0)), background=(40, 60, 200))
        for picture in (blue.frame(Pose()), np.full((64, 64), 150, dtype=np.uint8)):
            found = green_screen(picture)
            assert not found.green_screen
            assert not has_green_screen(picture)
            assert found.foreground.all()

    def test_green_thing_in_the_middle_is_no_screen(self):
        picture = np.full((100, 100, 3), 120, dtype=np.uint8)
        picture[20:80, 20:80] = (0, 177, 64)
        assert not has_green_screen(picture)

    def test_nobody_before_the_screen(self):
        picture = np.full((100, 100, 3), (0, 177, 64), dtype=np.uint8)
        assert has_green_screen(picture)
        assert not green_screen(picture).foreground.any()

    @pytest.mark.parametrize("bad", [np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3))])
    def test_malformed(self, bad):
        with pytest.raises(DataError, match="RGB or grey"):
            green_screen(bad)
