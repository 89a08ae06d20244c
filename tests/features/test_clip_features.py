"""What is measured of one clip."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core import DataError
from mien.features import FEATURES, FaceClip, find_apex
from mien.features.key_frames import key_frame_motion, key_frames
from mien.recognition.inputs import INPUTS


@pytest.fixture
def moving():
    """A textured square that moves to the right by up to two pixels and back, (12, 64, 64)."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(60, 200, (20, 20)), np.ones((4, 4)))
    shift = np.rint(2 * np.sin(np.linspace(0, np.pi, 12))).astype(int)
    return np.stack([texture[8:72, 8 - s : 72 - s] for s in shift]).astype(np.uint8)


class TestSamples:
    def test_lbp_top_of_a_clip_of_any_length(self, moving):
        measure = FEATURES["lbp-top"].measure
        first, second = (measure(FaceClip(clip, None, 3)) for clip in (moving, moving[::2]))
        assert first.shape == second.shape == (3 * 59 * 25,)
        assert first.reshape(-1, 59).sum(axis=1) == pytest.approx(1.0)
        with pytest.raises(DataError, match="at least two frames"):
            measure(FaceClip(moving[:1], None, 0))

    def test_bi_woof_of_motion_to_the_right_and_of_none(self, moving):
        measure = FEATURES["bi-woof"].measure
        found = measure(FaceClip(moving, None, 6, steady=False)).reshape(25, 8)
        assert np.linalg.norm(found) == pytest.approx(1.0)
        assert found[:, 3:5].sum() > 0.8 * found.sum()  # -45 to 45 degrees
        assert (measure(FaceClip(moving[[0, 0]], None, 1, steady=False)) == 0).all()

    def test_key_frames_hold_onset_apex_offset_and_the_largest_changes(self, moving):
        still = np.repeat(moving[:1], 10, axis=0)
        still[4:] += 5
        assert key_frames(still, apex=7, count=4).tolist() == [0, 4, 7, 9]
        assert key_frames(still[:3], apex=1, count=5).tolist() == [0, 1, 2, 2, 2]
        assert key_frames(still, apex=0, count=3).tolist() == [0, 4, 9]

    def test_motion_between_key_frames(self, moving):
        motion = key_frame_motion(moving, apex=6, count=4, size=64)
        assert motion.shape == (3, 64, 64, 3)
        u = np.median(motion[:, 16:48, 16:48, 0], axis=(1, 2))
        assert u.sum() == pytest.approx(0.0, abs=0.3)  # there and back
        assert np.abs(u).sum() > 2.0
        assert (motion[..., 2] >= 0).all()

    @pytest.mark.parametrize(("n", "apex"), [(1, 0), (5, 5), (5, -1)])
    def test_apex_outside_the_clip(self, moving, n, apex):
        with pytest.raises(DataError, match="an apex among them"):
            key_frame_motion(moving[:n], apex=apex)

    def test_a_map_of_motion_to_the_right(self, moving):
        found = FEATURES["motion-map"].measure(FaceClip(moving, None, 6, steady=False))
        assert found.shape == (28, 28, 3)
        assert found.dtype == np.uint8
        assert found.max(axis=(0, 1)).tolist() == [255, 255, 255]
        assert found.min(axis=(0, 1)).tolist() == [0, 0, 0]

    def test_beside_the_person_nothing_moves(self, moving):
        seen = np.zeros((64, 64), dtype=np.bool_)
        seen[:, 16:48] = True
        clip = FaceClip(moving, None, 6, steady=False, seen=seen)
        flow = clip.flow_to(6, engine="dis")
        assert (flow[:, ~seen] == 0).all()
        assert np.median(flow[0, 16:48, 20:44]) > 1.5
        between = FEATURES["motion-clip"].measure(clip)
        assert (between[:, :, :14] == 0).all()
        assert np.abs(between[:, :, 20:40]).max() > 0.5
        still = FEATURES["motion-map"].measure(clip)[..., 0][:, :6]
        assert len(np.unique(still)) == 1  # whatever grey zero has become

    def test_the_apex_is_the_frame_farthest_from_the_onset(self, moving):
        assert np.abs(moving[0].astype(int) - moving[find_apex(moving)]).sum() == max(
            np.abs(moving[0].astype(int) - frame).sum() for frame in moving
        )

    def test_pairs_are_onset_and_apex(self, moving):
        grey = FEATURES["frame-pair"].measure(FaceClip(moving, None, 6))
        assert (grey[0] == moving[0][..., None]).all()
        assert (grey[1] == moving[6][..., None]).all()
        colour = np.stack([moving, moving + 1, moving + 2], axis=-1)
        found = FEATURES["frame-pair"].measure(FaceClip(moving, colour, 6))
        assert (found == colour[[0, 6]]).all()


def test_every_input_of_a_method_is_measured_and_fits_it(moving):
    assert set(FEATURES) == set(INPUTS)
    for name, feature in FEATURES.items():
        clips = [feature.measure(FaceClip(moving, None, apex)) for apex in (5, 6)]
        INPUTS[name].check(np.stack(clips), method="any")
