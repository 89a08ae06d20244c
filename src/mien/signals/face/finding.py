"""Where the face is in a picture, and its eyes: by OpenCV's cascades, YuNet, MediaPipe, or landmarks read in.

Conventions: pictures are uint8, RGB (height, width, 3) or grey (height, width); points are (x, y) in pixels,
x to the right and y down, with (0, 0) at the middle of the first pixel. Left and right are the picture's.
Only the cascades work without a file: YuNet and MediaPipe need a model that the user gives by its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray
from mien.recording.formats.openface import Landmarks

Picture = NDArray[np.uint8]

EYES = ((0.34, 0.36), (0.66, 0.36))
"""Where the picture's left and right eye lie in an aligned face, as shares of its side from its edges: at
pixel share * side - 0.5, as (0, 0) is the middle of the first pixel."""

# Eyes in the box of a frontal-face cascade as shares of its width: mean and tolerance of their distance, the
# position of their middle, and their tilt in radians; means over simulated and real faces, tolerances wide.
_PAIR_MEAN, _PAIR_SD = np.array([0.38, 0.50, 0.385, 0.0]), np.array([0.05, 0.04, 0.04, 0.09])
_SEARCH_PX = 400  # of the picture's shorter side when faces are searched: finer finds no more and costs more
_SMALLEST_FACE = 0.12  # of the shorter side
_EYE_PATCH_PX = 160  # width to which a face is brought before its eyes are searched
_DLIB_EYES = ((36, 39), (42, 45))  # corners: their middle stays when the lids close

# Points of MediaPipe's mesh that stand for dlib's 68, in dlib's order, as in common use.
_MESH_TO_DLIB = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,  # jaw
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,  # lips
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture.

    Parameters
    ----------
    box
        Left, top, width, height in pixels; may reach beyond the picture.
    eyes
        Shape (2, 2): (x, y) of the eye at the picture's left, then at its right; None where unknown.
    landmarks
        Shape (68, 2): (x, y) in dlib's order; None where unknown.
    finder
        "haar", "yunet", "mediapipe", "openface" or "template".
    """

    box: tuple[int, int, int, int]
    eyes: FloatArray | None
    landmarks: FloatArray | None
    finder: str


class FaceFinder(Protocol):
    """Anything that finds faces in a picture, the largest first; no face is an empty list."""

    @property
    def name(self) -> str: ...

    def find(self, picture: Picture) -> list[Face]: ...


class HaarFinder:
    """OpenCV's cascades: frontal faces (Viola & Jones 2001, doi:10.1109/CVPR.2001.990517), then their eyes.

    Each face's upper part is searched by two eye cascades, as it is and mirrored: a cascade's boxes lie
    aside of the eye by a few per cent, the same way on both eyes, which the mirrored search takes back. The
    eyes are the mean over the searches that found a plausible pair.

    Raises
    ------
    OptionError
        If the installed OpenCV has no cascades (version 5 ships none).
    """

    name = "haar"

    def __init__(self) -> None:
        self._face = _cascade("haarcascade_frontalface_alt2")
        self._eyes = [_cascade(name) for name in ("haarcascade_eye", "haarcascade_eye_tree_eyeglasses")]

    def find(self, picture: Picture) -> list[Face]:
        """The frontal faces of a picture, upright to within about 15 degrees."""
        import cv2

        grey = _grey(picture)
        scale = min(1.0, _SEARCH_PX / min(grey.shape))
        size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
        least = max(24, round(_SMALLEST_FACE * min(small.shape)))
        boxes = self._face.detectMultiScale(small, 1.1, 5, minSize=(least, least))
        ratio = np.tile([grey.shape[1] / size[0], grey.shape[0] / size[1]], 2)
        found = [_box(row) for row in np.reshape(boxes, (-1, 4)) * ratio]
        return _largest_first([Face(box, self._pair(grey, box), None, self.name) for box in found])

    def _pair(self, grey: Picture, box: tuple[int, int, int, int]) -> FloatArray | None:
        """The two eyes in a face's box, or None."""
        import cv2

        left, top, width, height = box
        left, top, bottom = max(left, 0), max(top + round(0.12 * height), 0), top + round(0.62 * height)
        part = grey[top:bottom, left : box[0] + width]
        scale = _EYE_PATCH_PX / width
        size = (round(part.shape[1] * scale), round(part.shape[0] * scale))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        patch = np.ascontiguousarray(cv2.resize(part, size, interpolation=kind))
        pairs = []
        for cascade in self._eyes:
            for mirrored in (False, True):
                searched = np.ascontiguousarray(patch[:, ::-1]) if mirrored else patch
                least, most = round(0.15 * _EYE_PATCH_PX), round(0.32 * _EYE_PATCH_PX)
                rows = cascade.detectMultiScale(searched, 1.08, 3, minSize=(least,) * 2, maxSize=(most,) * 2)
                rows = np.reshape(rows, (-1, 4)).astype(np.float64)
                centres = rows[:, :2] + (rows[:, 2:] - 1) / 2
                if mirrored:
                    centres[:, 0] = patch.shape[1] - 1 - centres[:, 0]
                centres = (centres + 0.5) / scale + (left - 0.5, top - 0.5)  # in the picture
                pair = _best_pair((centres - (box[0] - 0.5, box[1] - 0.5)) / width)
                if pair is not None:
                    pairs.append(centres[pair])
        return np.mean(pairs, axis=0) if pairs else None


class YuNetFinder:
    """YuNet (Wu, Peng & Yu 2023, doi:10.1007/s11633-023-1423-y) by OpenCV, which also gives the eyes.

    Parameters
    ----------
    model
        The network as an ONNX file, face_detection_yunet_*.onnx of the OpenCV Zoo.

    Raises
    ------
    OptionError
        If there is no such file, or OpenCV cannot read it.
    """

    name = "yunet"

    def __init__(self, model: Path) -> None:
        import cv2

        path = _model(model, "face_detection_yunet_2023mar.onnx from the OpenCV Zoo")
        try:
            self._network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.7)
        except cv2.error as error:
            raise _unreadable(path, "YuNet as an ONNX file", error) from error

    def find(self, picture: Picture) -> list[Face]:
        """The faces of a picture that YuNet is sure of by 0.7 or more."""
        colour = _rgb(picture)
        self._network.setInputSize((colour.shape[1], colour.shape[0]))
        _, rows = self._network.detect(np.ascontiguousarray(colour[..., ::-1]))
        faces = []
        for row in () if rows is None else np.asarray(rows, dtype=np.float64):
            eyes = row[4:8].reshape(2, 2)
            faces.append(Face(_box(row[:4]), eyes[np.argsort(eyes[:, 0])], None, self.name))
        return _largest_first(faces)


class MediaPipeFinder:
    """MediaPipe's face mesh (Kartynnik et al. 2019, arXiv:1907.06724), by its Tasks interface.

    The 68 landmarks are single points of the mesh; along the jaw they lie on the mesh's own outline, which
    is not quite dlib's.

    Parameters
    ----------
    model
        The file face_landmarker.task.

    Raises
    ------
    OptionError
        If MediaPipe is not installed, there is no such file, or MediaPipe cannot read it.
    """

    name = "mediapipe"

    def __init__(self, model: Path) -> None:
        try:
            import mediapipe
        except ImportError as error:
            raise OptionError(
                "face finder mediapipe",
                wanted="the package mediapipe",
                got="none installed",
                remedy="run pip install mediapipe in an environment of its own, or choose haar",
            ) from error
        path = _model(model, "face_landmarker.task from MediaPipe's page of models")
        tasks = mediapipe.tasks
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(path)), num_faces=5
        )
        self._mediapipe = mediapipe
        try:
            self._mesh = tasks.vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise _unreadable(path, "MediaPipe's face landmarker", error) from error

    def find(self, picture: Picture) -> list[Face]:
        """The faces of a picture with 68 landmarks each."""
        colour = np.ascontiguousarray(_rgb(picture))
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=colour)
        size = np.array([colour.shape[1], colour.shape[0]], dtype=np.float64)
        faces = []
        for mesh in self._mesh.detect(image).face_landmarks:
            # The mesh counts from the picture's edge, we from the middle of the first pixel.
            points = np.array([(mesh[i].x, mesh[i].y) for i in _MESH_TO_DLIB]) * size - 0.5
            faces.append(_from_landmarks(points, self.name))
        return _largest_first(faces)


class LandmarkFinder:
    """Landmarks that were found before, by OpenFace: the pictures themselves are not looked at.

    Parameters
    ----------
    landmarks
        As `mien.recording.formats.openface.read_openface` gives them; 68 points, in dlib's order.
    frame
        The number in the table's column `frame` of the picture that `find` is asked about (OpenFace counts
        from 1 in videos); its first row where it is left out.
    least_confidence
        Rows below count as not found, as do those without success.

    Raises
    ------
    DataError
        If there are not 68 points, or the table has no such frame.
    """

    name = "openface"

    def __init__(
        self, landmarks: Landmarks, *, frame: int | None = None, least_confidence: float = 0.7
    ) -> None:
        n_points = landmarks.points.shape[1]
        if n_points != 68:
            raise DataError(
                "landmarks", wanted="68 points a frame", got=n_points, remedy="run OpenFace with -2Dfp"
            )
        self._landmarks, self._least = landmarks, least_confidence
        self._frame = int(landmarks.frame[0]) if frame is None else frame
        self._row(self._frame)

    def find(self, picture: Picture) -> list[Face]:
        """The face of the chosen frame, whatever the picture shows."""
        return self.find_in_frame(self._frame)

    def find_in_frame(self, frame: int) -> list[Face]:
        """The face of a frame by the table's own number: one, or none where it was not tracked well."""
        row = self._row(frame)
        known = self._landmarks
        if not known.success[row] or known.confidence[row] < self._least:
            return []
        return [_from_landmarks(np.array(known.points[row], dtype=np.float64), self.name)]

    def _row(self, frame: int) -> int:
        rows = np.flatnonzero(self._landmarks.frame == frame)
        if not rows.size:
            first, last = self._landmarks.frame[[0, -1]]
            raise DataError(
                "landmarks",
                wanted=f"frame {frame}",
                got=f"frames from {first} to {last}",
                remedy="give the table of this video, or another frame",
            )
        return int(rows[0])


_BY_MODEL: Mapping[str, Callable[[Path], FaceFinder]] = MappingProxyType(
    {"yunet": YuNetFinder, "mediapipe": MediaPipeFinder}
)
FACE_FINDERS = ("haar", *_BY_MODEL)


def face_finder(name: str, model: Path | None = None) -> FaceFinder:
    """The finder with this name, one of `FACE_FINDERS`; `model` is its file where it needs one.

    Raises
    ------
    OptionError
        If there is no such finder, its file is missing or was not asked for, or its package is not there.
    """
    if name not in FACE_FINDERS:
        raise OptionError(
            "face finder", wanted=f"one of {', '.join(FACE_FINDERS)}", got=name, remedy="choose one of them"
        )
    if name in _BY_MODEL:
        if model is None:
            raise OptionError(
                f"face finder {name}",
                wanted="the path of its model file",
                got="none",
                remedy="download the model and give its path, or choose haar",
            )
        return _BY_MODEL[name](model)
    if model is not None:
        raise OptionError(
            f"face finder {name}", wanted="no model file", got=model, remedy="leave it out, or choose yunet"
        )
    return HaarFinder()


def template_face(shape: tuple[int, ...]) -> Face:
    """The face of a picture in which none was found: its middle square, with the eyes where `EYES` says.

    Right for pictures that were cut to the face before, as several published datasets are; a guess for all
    others.

    Parameters
    ----------
    shape
        Height and width in pixels first.
    """
    height, width = shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    eyes = np.array(EYES) * side + (left - 0.5, top - 0.5)
    return Face((left, top, side, side), eyes, None, "template")


def eyes_in_box(box: tuple[int, int, int, int]) -> FloatArray:
    """Where the eyes lie in the box of a frontal-face cascade on average, (2, 2) in pixels: a guess."""
    left, top, width, _ = box
    distance, x, y, _ = _PAIR_MEAN
    middle = np.array([left - 0.5 + x * width, top - 0.5 + y * width])
    half = np.array([distance * width / 2, 0.0])
    return np.stack([middle - half, middle + half])


def _best_pair(centres: FloatArray) -> list[int] | None:
    """Indices of the two that look most like eyes, left one first; centres are shares of the box's width."""
    best, least = None, 3.0**2
    for i, j in combinations(np.argsort(centres[:, 0], kind="stable"), 2):
        apart = centres[j] - centres[i]
        middle = (centres[i] + centres[j]) / 2
        seen = np.array([np.hypot(*apart), *middle, np.arctan2(apart[1], apart[0])])
        off = ((seen - _PAIR_MEAN) / _PAIR_SD) ** 2
        if off.max() < 3.0**2 and off.mean() < least:
            best, least = [int(i), int(j)], float(off.mean())
    return best


def _from_landmarks(points: FloatArray, finder: str) -> Face:
    """Box, eyes and points; the box is a square from above the brows to the chin, as detectors draw it."""
    eyes = np.array([points[list(corners)].mean(axis=0) for corners in _DLIB_EYES])
    low, high = points.min(axis=0), points.max(axis=0)
    side = 1.1 * float((high - low).max())
    middle_x, bottom = (low[0] + high[0]) / 2, high[1] + 0.02 * side
    return Face(_box(np.array([middle_x - side / 2, bottom - side, side, side])), eyes, points, finder)


def _largest_first(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: (-face.box[2] * face.box[3], face.box))


def _box(row: FloatArray) -> tuple[int, int, int, int]:
    left, top, width, height = (round(float(value)) for value in row)
    return left, top, width, height


def _grey(picture: Picture) -> Picture:
    import cv2

    if picture.ndim == 3:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return np.ascontiguousarray(picture)


def _rgb(picture: Picture) -> Picture:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _cascade(name: str) -> Any:
    import cv2

    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"{name}.xml"
    if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
        raise OptionError(
            "face finder haar",
            wanted=f"OpenCV's cascade {name}",
            got=f"OpenCV {cv2.__version__} without it",
            remedy='run pip install "opencv-contrib-python-headless<5"',
        )
    return cv2.CascadeClassifier(str(path))


def _model(path: Path, wanted: str) -> Path:
    if not path.is_file():
        raise OptionError(
            path,
            wanted=f"the model file {wanted}",
            got="no such file",
            remedy="download it and give its path",
        )
    return path


def _unreadable(path: Path, wanted: str, error: Exception) -> OptionError:
    got = (str(error).strip().splitlines() or ["a file that cannot be read"])[0]
    return OptionError(path, wanted=wanted, got=got, remedy="download the model file again")
