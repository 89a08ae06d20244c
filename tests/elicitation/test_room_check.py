"""The check of a room: rendered faces in good and bad light, before good and bad cameras."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_cameras as small

from mien.core.errors import DataError
from mien.elicitation.cameras import CameraFeed
from mien.elicitation.room_check import CheckResult, check_room
from mien.elicitation.room_pictures import Light, background_mask, measure_flicker, moving_share
from mien.elicitation.streams import StreamHealth
from mien.elicitation.trigger_devices import Sent, open_trigger
from mien.simulate.faces import FaceRenderer, Pose, camera_noise
from mien.simulate.identities import Identity

GREY = (150, 150, 150)
PICTURES = ("exposure", "flicker", "face", "background", "frame-rate", "dropped-frames")
N_NOISY = 12


@cache
def face() -> tuple[small.Picture, ...]:
    """One still face, 160 px wide, in several pictures with a camera's noise."""
    identity = Identity.draw(np.random.default_rng(0))
    renderer = FaceRenderer(identity, frame_px=320, face_px=160, background=GREY)
    still, rng = renderer.frame(Pose()), np.random.default_rng(1)
    return tuple(camera_noise(still, rng) for _ in range(N_NOISY))


def lit(change: Callable[[int], float]) -> Callable[[int], small.Picture]:
    """The face in light that changes with the picture's number."""
    return lambda n: np.clip(face()[n % N_NOISY] * change(n), 0, 255).astype(np.uint8)


def good(n: int) -> small.Picture:
    """The face in good light."""
    return face()[n % N_NOISY]


def checked(
    picture: Callable[[int], small.Picture] = good,
    folder: Path | None = None,
    *,
    trigger: Any = None,
    streams: tuple[StreamHealth, ...] = (),
    planned_s: float = 60.0,
    tmp_path: Path,
    **camera: Any,
) -> dict[str, CheckResult]:
    feed = CameraFeed(small.PacedCamera(picture, **{"rate_hz": 30.0, **camera}))
    feed.start()
    results = check_room(
        feed, trigger=trigger, streams=streams, folder=folder or tmp_path, planned_s=planned_s, seconds=1.2
    )
    feed.stop()
    for result in results:
        assert result.sentence.endswith(".")
        assert "\n" not in result.sentence
    return {result.name: result for result in results}


def failed(results: dict[str, CheckResult], *apart: str) -> list[str]:
    return [name for name, result in results.items() if not result.passed and name not in apart]


# A busy computer delays frames: only where arrival itself is asked about may it decide a test.
ARRIVAL = ("frame-rate", "dropped-frames")


def test_a_good_room_passes(tmp_path: Path) -> None:
    results = checked(trigger=open_trigger("null"), tmp_path=tmp_path)
    assert list(results) == ["camera", *PICTURES, "disk", "trigger", "streams"]
    assert failed(results, *ARRIVAL) == []
    assert results["dropped-frames"].passed
    assert results["face"].value == pytest.approx(160, rel=0.15)
    assert results["camera"].sentence == "paced camera: 320 x 320 pixels, 30 frames/s."
    assert list(tmp_path.iterdir()) == []  # nothing is left of the try


@pytest.mark.parametrize(("light", "word"), [(0.2, "too dark"), (2.6, "too bright")])
def test_light_that_is_wrong(tmp_path: Path, light: float, word: str) -> None:
    result = checked(lit(lambda n: light), tmp_path=tmp_path)["exposure"]
    assert not result.passed
    assert word in result.sentence


def test_light_that_flickers(tmp_path: Path) -> None:
    results = checked(lit(lambda n: 1 + 0.04 * np.sin(2 * np.pi * 0.25 * n)), tmp_path=tmp_path)
    assert failed(results, *ARRIVAL) == ["flicker"]
    assert results["flicker"].value == pytest.approx(4, rel=0.3)
    assert "direct current" in results["flicker"].sentence


def test_faces_that_are_too_small_too_many_or_absent(tmp_path: Path) -> None:
    far = [np.pad(picture[::2, ::2], ((80, 80), (80, 80), (0, 0)), "edge") for picture in face()]
    result = checked(lambda n: far[n % N_NOISY], tmp_path=tmp_path)["face"]
    assert not result.passed
    assert "less than 128: bring the camera nearer" in result.sentence
    two = [np.concatenate([face()[n], face()[n][:, ::-1]], axis=1) for n in range(N_NOISY)]
    result = checked(lambda n: two[n % N_NOISY], tmp_path=tmp_path)["face"]
    assert not result.passed
    assert "More than one face" in result.sentence
    empty = np.full((240, 320, 3), 128, dtype=np.uint8)
    results = checked(lambda n: empty, tmp_path=tmp_path)
    assert failed(results, *ARRIVAL) == ["face"]
    assert "found in 0% of the pictures" in results["face"].sentence


def test_somebody_who_passes_behind(tmp_path: Path) -> None:
    def passing(n: int) -> small.Picture:
        picture = np.concatenate([np.full((320, 160, 3), 150, dtype=np.uint8), face()[n % N_NOISY]], axis=1)
        at = 4 * n % 120
        picture[:, at : at + 40] = 60
        return picture

    results = checked(passing, tmp_path=tmp_path)
    assert "background" in failed(results)
    assert "nobody may pass" in results["background"].sentence


def test_frames_that_are_lost(tmp_path: Path) -> None:
    result = checked(lost=lambda n: n % 10 == 9, tmp_path=tmp_path)["dropped-frames"]
    assert not result.passed
    assert result.value is not None
    assert result.value >= 3
    assert "were lost" in result.sentence


def test_a_rate_that_is_not_kept(tmp_path: Path) -> None:
    result = checked(stated_hz=60.0, tmp_path=tmp_path)["frame-rate"]
    assert not result.passed
    assert "instead of 60: add light" in result.sentence
    assert result.value is not None
    assert result.value < 40
    result = checked(rate_hz=12.0, stated_hz=None, tmp_path=tmp_path)["frame-rate"]
    assert "fewer than 24" in result.sentence


def test_a_camera_that_gives_nothing(tmp_path: Path) -> None:
    results = checked(end=0, error=DataError("usb", wanted="a", got="b", remedy="c"), tmp_path=tmp_path)
    assert list(results) == ["camera", "disk", "trigger", "streams"]
    assert results["camera"].sentence == "usb: wanted a, got b; c."
    results_without = check_room(None, trigger=None, streams=(), folder=tmp_path, planned_s=60)
    assert [result.name for result in results_without] == ["camera", "disk", "trigger", "streams"]
    assert not results_without[0].passed
    assert all(result.passed for result in results_without[1:])


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = checked(planned_s=1e9, tmp_path=tmp_path)
    assert not results["disk"].passed
    assert "free the disk" in results["disk"].sentence
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000_000))
    (result,) = (
        r
        for r in check_room(None, trigger=None, streams=(), folder=tmp_path, planned_s=60)
        if r.name == "disk"
    )
    assert not result.passed
    assert "0.1 GB free, 0.5 needed for 1 min" in result.sentence


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    result = checked(folder=tmp_path / "plain", tmp_path=tmp_path)["disk"]
    assert not result.passed
    assert "wanted room to record" in result.sentence


class Answering:
    """A trigger device that answers, or fails, as told."""

    name = "port"

    def __init__(self, back_ms: float | None, sent: Any) -> None:
        self._back_ms, self._sent = back_ms, sent

    def round_trip_ms(self) -> float | None:
        return self._back_ms

    def send(self, code: int) -> Any:
        if isinstance(self._sent, Exception):
            raise self._sent
        return self._sent

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("device", "passed", "part"),
    [
        (Answering(1.5, None), True, "a byte is back after 1.5 ms"),
        (Answering(None, 12.0), True, "code 255 was sent"),
        (Answering(None, Sent(12.0)), True, "look for it in the recorder"),
        (Answering(None, Sent(None, "port: gone.")), False, "port: gone."),
        (Answering(None, Sent(None)), False, "no code could be sent"),
        (Answering(None, DataError("port", wanted="a", got="b", remedy="c")), False, "port: wanted a"),
        (open_trigger("null"), True, "No trigger device is used."),
    ],
)
def test_triggers(tmp_path: Path, device: Any, passed: bool, part: str) -> None:
    result = check_room(None, trigger=device, streams=(), folder=tmp_path, planned_s=60)[2]
    assert (result.name, result.passed) == ("trigger", passed)
    assert part in result.sentence


def health(rate_hz: float | None = 500.0, error: str | None = None, stated_hz: float = 500.0) -> StreamHealth:
    return StreamHealth("eeg", 5000, rate_hz, 0.01, error, "EEG", stated_hz)


@pytest.mark.parametrize(
    ("stream", "passed", "part"),
    [
        (health(), True, "All 1 streams come at their rates."),
        (health(504.0), True, "rates"),
        (health(490.0), False, "eeg: 490.00 samples/s instead of 500"),
        (health(None), False, "too few samples"),
        (health(None, stated_hz=0.0), True, "rates"),
        (health(error="eeg: lost."), False, "eeg: lost."),
    ],
)
def test_streams(tmp_path: Path, stream: StreamHealth, passed: bool, part: str) -> None:
    result = check_room(None, trigger=None, streams=[stream], folder=tmp_path, planned_s=60)[3]
    assert (result.name, result.passed) == ("streams", passed)
    assert part in result.sentence


def test_flicker_is_measured_in_the_bands_of_a_rolling_shutter() -> None:
    at = np.arange(90) / 30 + np.random.default_rng(0).normal(0, 0.002, 90)
    rows = np.arange(120)[None, :, None] / 120 / 30  # s: every row is seen a little later
    lamp = 100 * (1 + 0.03 * np.sin(2 * np.pi * 100 * (np.arange(90) / 30)[:, None, None] + 628 * rows))
    pictures = np.broadcast_to(lamp, (90, 120, 160)).astype(np.float32)
    still = np.ones((120, 160), dtype=bool)
    flicker = measure_flicker(pictures, at, still)
    assert flicker.percent > 1.5
    assert flicker.hz == pytest.approx(10, abs=0.5)  # 100 Hz seen 30 times a second
    steady = np.random.default_rng(1).normal(100, 0.5, (90, 120, 160)).astype(np.float32)
    assert measure_flicker(steady, at, still).percent < 0.1
    assert measure_flicker(steady[:3], at[:3], still).percent == 0


def test_what_is_behind_the_person() -> None:
    mask = background_mask((100, 160), (140, 60, 80, 80), 0.5)
    assert not mask[50, 90]  # the face
    assert not mask[90, 40]  # the body
    assert mask[5, 90]  # above the head
    assert mask[50, 20]
    assert background_mask((4, 4), None, 1.0).all()
    pictures = np.full((20, 100, 160), 100, dtype=np.float32)
    pictures[::2, :10, :16] = 140
    assert moving_share(pictures, np.ones((100, 160), dtype=bool), least=12) == pytest.approx(0.01)
    assert np.isnan(moving_share(pictures, np.zeros((100, 160), dtype=bool), least=12))
    assert Light(1.0, 0.0, 0.0).mean == 1.0
