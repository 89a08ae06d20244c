"""Video: frames come back in order, nothing else does."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.recording.formats import VideoWriter, count_frames, probe, read_frames

N = 40


def pictures() -> list[np.ndarray]:
    """Grey frames whose brightness is their number, with a bright corner that keeps sides apart."""
    frames = [np.full((48, 64, 3), 20 + 4 * i, dtype=np.uint8) for i in range(N)]
    for frame in frames:
        frame[:16, :16] = (250, 30, 30)
    return frames


def write(path: Path, **options: object) -> Path:
    fields: dict = {"width": 64, "height": 48, "rate_hz": 20, **options}
    with VideoWriter(path, **fields) as writer:
        for frame in pictures():
            writer.write(frame)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_frames_come_back_in_order(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"v{suffix}")
    found = list(read_frames(path))
    assert [index for index, _, _ in found] == list(range(N))
    for (_, _, was), frame in zip(found, pictures(), strict=True):
        assert was.shape == (48, 64, 3)
        assert np.abs(was[24:, 24:].astype(int) - frame[24:, 24:]).mean() < 2
        assert np.abs(was[2:12, 2:12].mean(axis=(0, 1)) - (250, 30, 30)).max() < 8
    assert count_frames(path) == N
    info = probe(path)
    assert (info.n_frames, info.rate_hz, info.width, info.height) == (N, 20, 64, 48)
    assert info.duration_s == pytest.approx(N / 20)


def test_times_and_luma(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", rate_hz=Fraction(30_000, 1001))
    found = list(read_frames(path, luma=True))
    assert [at for _, at, _ in found] == pytest.approx(np.arange(N) * 1001 / 30_000)
    levels = np.array([picture[24:, 24:].mean() for _, _, picture in found])
    assert found[0][2].shape == (48, 64)
    assert (np.diff(levels) > 2).all()


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.mp4").read_bytes() == write(tmp_path / "b.mp4").read_bytes()


def fail_midway(path: Path) -> None:
    with VideoWriter(path, width=64, height=48, rate_hz=20) as writer:
        writer.write(pictures()[0])
        raise OSError(28, "disk full")


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"):
        fail_midway(tmp_path / "v.mp4")
    with (
        pytest.raises(OptionError, match="at least one frame"),
        VideoWriter(tmp_path / "v.mp4", width=64, height=48, rate_hz=20),
    ):
        pass
    with (
        pytest.raises(OptionError, match="48 x 64 x 3 uint8"),
        VideoWriter(tmp_path / "v.mp4", width=64, height=48, rate_hz=20) as writer,
    ):
        writer.write(pictures()[0][:-2])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"width": 63}, "even width"),
        ({"rate_hz": 0}, "rate above 0"),
        ({"quality": 52}, "quality from 0 to 51"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        write(tmp_path / "v.mp4", **options)
    with pytest.raises(OptionError, match="ending with"):
        write(tmp_path / "v.gif")


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_damaged_files(tmp_path: Path, suffix: str) -> None:
    whole = write(tmp_path / f"v{suffix}").read_bytes()
    path = tmp_path / f"cut{suffix}"
    for content in (b"", b"no video at all", whole[:40], whole[: len(whole) // 2]):
        path.write_bytes(content)
        for read in (count_frames, probe, lambda p: list(read_frames(p))):
            with pytest.raises(DataError, match=r"cut.*wanted .*; .*\.$"):
                read(path)
    for absent in (tmp_path, tmp_path / "none.mp4"):
        with pytest.raises(DataError, match="no such file"):
            count_frames(absent)


def test_frames_that_an_edit_list_hides_are_not_counted(shared_data) -> None:
    path = shared_data / "video" / "pyfeat" / "no_face.mp4"
    assert count_frames(path) == probe(path).n_frames == sum(1 for _ in read_frames(path, luma=True)) == 95
