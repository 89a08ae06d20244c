"""Video: frames come back in order, nothing else does."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from mien.core.errors import DataError, OptionError
from mien.recording.formats import VideoWriter, count_frames, probe, read_audio, read_frames, read_luma

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


def test_a_part_of_the_luma_is_that_part_of_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", rate_hz=Fraction(30_000, 1001))
    wholes, parts = list(read_frames(path, luma=True)), list(read_luma(path, crop=(8, 4, 20, 31)))
    assert [at for at, _ in parts] == [at for _, at, _ in wholes]
    for (_, _, whole), (_, part) in zip(wholes, parts, strict=True):
        assert np.array_equal(part, whole[4:35, 8:28])
        assert part.base is None  # the caller's own, not the decoder's
    assert np.array_equal(next(read_luma(path))[1], wholes[0][2])


@pytest.mark.parametrize("crop", [(0, 0, 65, 48), (-1, 0, 4, 4), (0, 0, 0, 4), (60, 40, 5, 5), (0, 44, 4, 5)])
def test_a_part_beyond_the_picture_is_refused(tmp_path: Path, crop: tuple[int, int, int, int]) -> None:
    path = write(tmp_path / "v.mp4")
    with pytest.raises(OptionError, match="a part within 64 x 48 pixels"):
        next(read_luma(path, crop=crop))


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
    for absent, match in ((tmp_path, "a folder"), (tmp_path / "none.mp4", "no such file")):
        with pytest.raises(DataError, match=match):
            count_frames(absent)


def test_a_film_that_was_cut_where_its_container_counts_no_frames(tmp_path: Path) -> None:
    for make in (small.mkv, small.mpg):
        path = make(tmp_path)
        n, whole = count_frames(path), path.read_bytes()
        assert n == len(list(read_luma(path)))
        path.write_bytes(whole[:-100])
        for read in (count_frames, probe, lambda p: list(read_frames(p)), read_audio):
            with pytest.raises(DataError, match=r"wanted a (segment|packet) up to byte"):
                read(path)


def test_a_lost_frame_is_no_shift(tmp_path: Path) -> None:
    """A decoder passes over what it does not know: every later frame would have a wrong number."""
    import av

    path = small.mkv(tmp_path)
    with av.open(str(path)) as file:
        packets = [bytes(p) for p in file.demux(file.streams.video[0]) if p.size]
    content = path.read_bytes()
    lost = packets[10]
    assert content.count(lost) == 1
    path.write_bytes(content.replace(lost, lost[:4] + bytes([10]) + lost[5:]))
    seen = []
    with pytest.raises(DataError, match=r"one after another, got one lost before 0\.400 s"):
        seen += [at for at, _ in read_luma(path)]
    assert count_frames(path) == 25


def test_an_unknown_codec(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    for read in (count_frames, probe, lambda p: list(read_frames(p))):
        with pytest.raises(DataError, match="a known kind of video"):
            read(path)


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile a.mkv\n", "#EXTM3U\n#EXTINF:1,\na.mkv\n"])
def test_a_list_of_other_files_is_no_video(tmp_path: Path, text: str) -> None:
    small.mkv(tmp_path)
    (tmp_path / "v.mp4").write_text(text)
    with pytest.raises(DataError, match=r"v\.mp4: wanted a whole video file"):
        count_frames(tmp_path / "v.mp4")


def test_frames_that_an_edit_list_hides_are_not_counted(shared_data) -> None:
    path = shared_data / "video" / "pyfeat" / "no_face.mp4"
    assert count_frames(path) == probe(path).n_frames == sum(1 for _ in read_frames(path, luma=True)) == 95
