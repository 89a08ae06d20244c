"""Frame n of a proxy is frame n of its source, whatever codec, order of frames, or path taken to it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.recording.formats.video import read_frames
from mien.recording.frame_proxy import ProxyReader, make_proxy, proxy_info

sys.path.insert(0, str(Path(__file__).parents[1] / "app"))
from numbered import HEIGHT, WIDTH, painted, read_number, write_numbered

EVEN = np.arange(90) / 30
UNEVEN = np.cumsum(np.random.default_rng(1).choice([0.007, 0.02, 0.033, 0.12], 90))
FILMS = {
    "h264, frames that refer to later ones": (".mp4", "libx264", EVEN, {"bf": "3", "g": "250"}),
    "h264, variable rate": (".mp4", "libx264", UNEVEN, {"bf": "2", "g": "60"}),
    "mpeg4 in avi": (".avi", "mpeg4", EVEN, {"g": "12", "q": "3"}),
    "mjpeg in matroska, variable rate": (".mkv", "mjpeg", UNEVEN, {}),
    "vp9": (".mkv", "libvpx-vp9", EVEN, {"deadline": "realtime", "cpu-used": "8", "b": "2000k"}),
}


def film(folder: Path, name: str = "h264, frames that refer to later ones") -> Path:
    suffix, codec, stamps, options = FILMS[name]
    path = folder / f"film{suffix}"
    # AVI has no times of its own: it fills what lies between with empty frames.
    write_numbered(path, stamps, codec=codec, ticks_hz=30 if suffix == ".avi" else 1000, **options)
    return path


@pytest.mark.parametrize("name", FILMS)
def test_every_frame_says_its_own_number_on_every_path_to_it(tmp_path: Path, name: str) -> None:
    source, proxy = film(tmp_path, name), tmp_path / "proxy.mp4"
    info = make_proxy(source, proxy)
    assert (info.n_frames, info.width, info.height) == (90, WIDTH, HEIGHT)
    assert [index for index, _, _ in read_frames(source)] == list(range(90))
    reader = ProxyReader(proxy, info)
    forwards = list(range(90))
    paths = [forwards, forwards[::-1], list(np.random.default_rng(2).integers(0, 90, 120)), forwards[::7]]
    for path in paths:
        assert [read_number(reader.frame(int(n))) for n in path] == path
    assert [read_number(reader.frame(n, width=WIDTH // 2)) for n in (0, 41, 89)] == [0, 41, 89]


def test_a_picture_looks_as_the_source_does(tmp_path: Path) -> None:
    source, proxy = film(tmp_path), tmp_path / "proxy.mp4"
    reader = ProxyReader(proxy, make_proxy(source, proxy))
    for index, _, picture in read_frames(source, only=lambda n: n % 30 == 0):
        if index % 30 == 0:
            shown = reader.frame(index)[:, :, ::-1].astype(int)
            assert np.abs(shown - picture).mean() < 4


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    proxy = tmp_path / "proxy.mp4"
    reader = ProxyReader(proxy, make_proxy(film(tmp_path), proxy))
    for number in (-1, 90):
        with pytest.raises(OptionError, match="wanted 0 to 89"):
            reader.frame(number)


def test_threads_that_ask_at_once_get_their_own_frames(tmp_path: Path) -> None:
    proxy = tmp_path / "proxy.mp4"
    reader = ProxyReader(proxy, make_proxy(film(tmp_path), proxy))
    wrong: list[int] = []

    def ask(seed: int) -> None:
        for number in np.random.default_rng(seed).integers(0, 90, 60):
            if read_number(reader.frame(int(number))) != number:
                wrong.append(int(number))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_proxy_of_another_video_counts_as_none(tmp_path: Path) -> None:
    source, proxy = film(tmp_path), tmp_path / "proxy.mp4"
    assert proxy_info(proxy, source) is None
    info = make_proxy(source, proxy)
    assert proxy_info(proxy, source) == info
    os.utime(source, ns=(1, 1))
    assert proxy_info(proxy, source) is None
    make_proxy(source, proxy)
    proxy.with_suffix(".json").write_text("{")
    assert proxy_info(proxy, source) is None
    make_proxy(source, proxy)
    proxy.unlink()
    assert proxy_info(proxy, source) is None


def test_an_interrupted_proxy_leaves_nothing(tmp_path: Path) -> None:
    source = film(tmp_path)
    with pytest.raises(InterruptedError):
        make_proxy(source, tmp_path / "made" / "proxy.mp4", told=lambda done: done < 40)
    assert list((tmp_path / "made").iterdir()) == []


def test_a_video_with_a_damaged_middle_gives_the_frames_before_and_says_so(tmp_path: Path) -> None:
    source, proxy = film(tmp_path, "mjpeg in matroska, variable rate"), tmp_path / "proxy.mp4"
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 12_000] = bytes(12_000)
    source.write_bytes(content)
    info = make_proxy(source, proxy)
    assert info.damage is not None
    assert 20 < info.n_frames < 90
    assert proxy_info(proxy, source) == info
    reader = ProxyReader(proxy, info)
    assert [read_number(reader.frame(n)) for n in range(info.n_frames - 1)] == list(range(info.n_frames - 1))


def test_a_video_that_was_cut_off_is_refused_as_everywhere(tmp_path: Path) -> None:
    source = film(tmp_path)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=r"film\.mp4"):
        make_proxy(source, tmp_path / "proxy.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_what_is_no_video_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"film\.mp4"):
        make_proxy(tmp_path / "film.mp4", tmp_path / "proxy.mp4")
    assert not (tmp_path / "proxy.mp4").exists()


def test_odd_sizes_and_videos_on_their_side_keep_their_shape(tmp_path: Path) -> None:
    import av

    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 101, 67, "bgr0"
        for number in range(5):
            picture = painted(number)[:67, :101]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    info = make_proxy(path, tmp_path / "proxy.mp4")
    assert (info.width, info.height) == (101, 67)
    assert ProxyReader(tmp_path / "proxy.mp4", info).frame(4).shape == (67, 101, 3)
