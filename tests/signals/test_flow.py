"""Flow engines on a picture moved by a known sub-pixel field."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.core import DataError, OptionError
from mien.signals.face import FLOW_ENGINES, flow_engine

SIZE = 128
# Mean endpoint error in pixels where the field moves, for a peak of 0.8 px; doing nothing gives about 0.45.
BOUNDS = {"dis": 0.12, "tv-l1": 0.15, "farneback": 0.2}


@pytest.fixture(scope="module")
def pair():
    """A face-like texture, the same moved by a smooth field of 0.8 px, the field, and where it moves."""
    from skimage.data import astronaut

    first = cv2.resize(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)[60:190, 160:290], (SIZE, SIZE))
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    bump = np.exp(-0.5 * (((x - 64) / 16) ** 2 + ((y - 80) / 12) ** 2)).astype(np.float32)
    u, v = 0.6 * bump, -0.53 * bump
    # The second picture shows at p + d what the first shows at p; to first order it samples at p - d.
    second = cv2.remap(first, x - u, y - v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return first, second, np.stack([u, v]), bump > 0.5


@pytest.mark.parametrize("name", FLOW_ENGINES)
class TestEngines:
    def test_recovers_a_known_field(self, name, pair):
        first, second, truth, moving = pair
        error = np.hypot(*(flow_engine(name)(first, second) - truth))[moving].mean()
        assert error < BOUNDS[name]
        assert error < 0.5 * np.hypot(*truth)[moving].mean()

    def test_still_picture_does_not_move(self, name, pair):
        # Farneback's outermost pixels have nothing to compare with in OpenCV.
        assert np.abs(flow_engine(name)(pair[0], pair[0]))[:, 8:-8, 8:-8].max() < 0.02

    def test_shape_and_type(self, name, pair):
        flow = flow_engine(name)(pair[0], pair[1])
        assert (flow.shape, flow.dtype) == ((2, SIZE, SIZE), np.float32)

    @pytest.mark.parametrize(
        "bad", [np.zeros((8, 8), np.uint8), np.zeros((64, 64)), np.zeros((64, 64, 3), np.uint8)]
    )
    def test_malformed(self, name, bad):
        with pytest.raises(DataError, match="grey 8-bit pictures"):
            flow_engine(name)(bad, bad)

    def test_two_sizes(self, name):
        with pytest.raises(DataError, match="two pictures of one size"):
            flow_engine(name)(np.zeros((64, 64), np.uint8), np.zeros((64, 65), np.uint8))


def test_unknown_engine():
    with pytest.raises(OptionError, match="one of dis, tv-l1, farneback"):
        flow_engine("raft")


@pytest.mark.parametrize("engine", list(FLOW_ENGINES))
def test_a_cut_out_flows_like_its_copy(engine) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2, 60, 60), dtype=np.uint8)
    first, second = frames[:, 10:50, 5:45]
    flow = flow_engine(engine)
    assert np.array_equal(flow(first, second), flow(first.copy(), second.copy()))
