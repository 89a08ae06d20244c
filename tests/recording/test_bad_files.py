"""One suite over all readers: what is damaged is refused by name, or read as it was; nothing else happens.

A change of single bytes that no format can notice (a flipped bit in a sample or a scale) may come through:
a study's manifest finds it. A shortened, lengthened or replaced file may not.
"""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small
from every_reader import READERS, content

from mien.core.errors import MienError
from mien.recording import formats
from mien.recording.formats import matlab, number_columns

SECONDS = 10
BYTES = 2 * 1024**3


class TooSlow(BaseException):
    """Not an Exception: no reader may swallow it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Ten seconds and two more GiB of memory."""

    def stop(*_: object) -> None:
        raise TooSlow

    now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


SAMPLES_ONLY = (
    "curry",
    "eeglab samples",
    "brainvision samples",
)  # files that hold samples and nothing to know them by
UNREAD = ("image",)  # of which only the size of the first picture is read


def _field(at: float, text: bytes) -> Callable[[bytes], bytes]:
    """Bytes written over a place of the first part of the file, where headers are."""

    def change(old: bytes) -> bytes:
        start = int(at * min(len(old), 1600)) // 2 * 2
        return old[:start] + text + old[start + len(text) :]

    return change


def _flips(seed: int) -> Callable[[bytes], bytes]:
    def change(old: bytes) -> bytes:
        rng, new = np.random.default_rng(seed), bytearray(old)
        for place in rng.integers(0, min(len(new), 1600), 3):
            new[place] ^= 1 << int(rng.integers(8))
        return bytes(new)

    return change


def _zero_rate(old: bytes) -> bytes:
    """Every way in which one of the small files states its rate, set to nothing."""
    new = old.replace(b"SampleFreqHz = 200", b"SampleFreqHz = 0").replace(
        b"SampleTimeUsec = 5000.0", b"SampleTimeUsec = 0"
    )
    new = new.replace(b"SamplingInterval=5000.0", b"SamplingInterval=0").replace(
        b"<nominal_srate>200", b"<nominal_srate>-1 "
    )
    rate = np.float64(5.0).tobytes()
    new = new.replace(rate, bytes(8)).replace(np.float64(200.0).tobytes(), bytes(8))
    return new.replace((200).to_bytes(2, "little") + bytes(2), bytes(4), 1)


# What is done to the bytes, and whether the file then holds less, more or other things for certain.
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "empty": (lambda old: b"", True),
    "header only": (lambda old: old[: min(len(old) // 4, 64)], True),
    "cut at a tenth": (lambda old: old[: len(old) // 10], True),
    "cut at a third": (lambda old: old[: len(old) // 3], True),
    "cut at two thirds": (lambda old: old[: 2 * len(old) // 3], True),
    "cut by one byte": (lambda old: old[:-1], True),
    "rubbish behind its first bytes": (
        lambda old: old[:16] + np.random.default_rng(0).bytes(len(old)), True,
    ),
    "zeros": (lambda old: bytes(len(old)), True),
    "not UTF-8": (lambda old: old[: len(old) // 2] + b"\xff\xfe\xe4" + old[len(old) // 2 + 3 :], False),
    "BOM": (lambda old: b"\xef\xbb\xbf" + old, True),
    "CRLF": (lambda old: old.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), True),
    "0 Hz": (_zero_rate, False),
    "duplicate channels": (lambda old: old.replace(b"CZ", b"FP1"[:2]).replace(b"FP1", b"FP "), False),
    **{f"2^31 at {at}": (_field(at, b"\x00\x00\x00\x80"), False) for at in (0.1, 0.4, 0.7)},
    **{f"2^31 - 1 at {at}": (_field(at, b"\x7f\xff\xff\xff"), False) for at in (0.02, 0.25, 0.6)},
    **{f"bit flips {seed}": (_flips(seed), False) for seed in range(4)},
}  # fmt: skip


def judge(read: Callable[[Path], Any], path: Path, folder: Path, wanted: Any) -> None:
    """Read within bounds: a MienError that names a file of this recording, or what was wanted (if stated)."""
    found, told = None, ""
    with bounded():
        try:
            found = content(read(path))
        except MienError as error:
            told = str(error)
    if told:
        assert str(folder) in told
        assert len(told) < 1000
    elif wanted is not None:
        assert found == wanted


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path, Any]]:
    """Folder, path and content of the valid file of every reader."""
    made = {}
    for name, (make, read, _) in READERS.items():
        folder = tmp_path_factory.mktemp("original")
        path = make(folder)
        made[name] = folder, path.relative_to(folder), content(read(path))
    return made


def copy_of(original: tuple[Path, Path, Any], folder: Path, part: str) -> tuple[Path, Path]:
    """A copy of a recording: the path to read, and the file of it that is to be damaged."""
    shutil.copytree(original[0], folder, dirs_exist_ok=True)
    path = folder / original[1]
    if part == "first":
        return path, sorted(path.iterdir())[0]
    return path, path if not part else folder / part


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", READERS)
def test_damaged_bytes(originals: dict, tmp_path: Path, name: str, damage: str) -> None:
    _, read, part = READERS[name]
    path, file = copy_of(originals[name], tmp_path, part)
    change, is_certain = DAMAGES[damage]
    old = file.read_bytes()
    new = change(old)
    file.write_bytes(new)
    hidden = len(new) == len(old) and name in SAMPLES_ONLY  # other samples, and nothing says so
    judge(read, path, tmp_path, originals[name][2] if is_certain and not hidden else None)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["folder", "named pipe", "gone", "forbidden", "device"])
def test_what_is_no_file(originals: dict, tmp_path: Path, name: str, kind: str) -> None:
    _, read, part = READERS[name]
    path, file = copy_of(originals[name], tmp_path, part)
    if kind == "forbidden":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        file.chmod(0)
    else:
        file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "named pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    wanted = None if part in ("a.cdt.ceo", "first") and kind == "gone" else originals[name][2]
    judge(read, path, tmp_path, wanted)


def test_a_bomb_in_gzip(originals: dict, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(number_columns, "MOST_NUMBERS", 3_000_000)
    path, file = copy_of(originals["physio"], tmp_path, "")
    for text, match in (
        (b"1\t1\t1\n" * 2_000_000, "more when it is unpacked"),
        (b"1" * 2**26, "block"),  # one line without an end
    ):
        file.write_bytes(gzip.compress(text, compresslevel=1))
        with bounded(), pytest.raises(MienError, match=f"{path.name}.*{match}"):
            READERS["physio"][1](path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"SamplingFrequency": 1' + "0" * 400 + "}"])
def test_a_description_beyond_all_bounds(originals: dict, tmp_path: Path, text: str) -> None:
    path, file = copy_of(originals["physio description"], tmp_path, "a.json")
    file.write_text(text)
    with bounded(), pytest.raises(MienError, match=r"a\.json"):
        READERS["physio"][1](path)


@pytest.mark.parametrize("name", ["biopac_mat", "eeglab"])
def test_a_bomb_in_matlab(originals: dict, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(matlab, "MOST_BYTES", 1 << 26)
    path, file = copy_of(originals[name], tmp_path, "")
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(8)) + packer.flush()
    file.write_bytes(
        file.read_bytes()[:128] + (15).to_bytes(4, "little") + len(packed).to_bytes(4, "little") + packed
    )
    with bounded(), pytest.raises(MienError, match="when unpacked"):
        READERS[name][1](path)


@pytest.mark.parametrize("name", ["biopac_mat", "eeglab"])
def test_a_matrix_that_states_more_than_it_holds(originals: dict, tmp_path: Path, name: str) -> None:
    path, file = copy_of(originals[name], tmp_path, "")
    old = file.read_bytes()
    shape = (400).to_bytes(4, "little") + (3).to_bytes(4, "little")
    shape = shape if shape in old else shape[4:] + shape[:4]
    assert shape in old
    file.write_bytes(old.replace(shape, (2**31 - 1).to_bytes(4, "little") + shape[4:], 1))
    with bounded(), pytest.raises(MienError, match="values for a shape"):
        READERS[name][1](path)


@pytest.mark.parametrize("name", ["biopac_mat", "eeglab"])
def test_numbers_that_claim_an_imaginary_part(originals: dict, tmp_path: Path, name: str) -> None:
    """scipy ends the whole process on such a file."""
    path, file = copy_of(originals[name], tmp_path, "")
    real, complex_ = b"\x06\x00\x00\x00\x08\x00\x00\x00\x06\x00", b"\x06\x00\x00\x00\x08\x00\x00\x00\x06\x08"
    old = file.read_bytes()
    assert real in old
    file.write_bytes(old.replace(real, complex_))
    with bounded(), pytest.raises(MienError, match="damage"):
        READERS[name][1](path)


def test_a_picture_that_states_a_gigapixel(tmp_path: Path) -> None:
    folder = small.images(tmp_path)
    first = sorted(folder.iterdir())[0]
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    old = first.read_bytes()
    first.write_bytes(old[:12] + head + zlib.crc32(head).to_bytes(4, "big") + old[33:])
    with bounded(), pytest.raises(MienError, match=first.name):
        formats.read_image_folder(folder)


def test_billion_laughs_in_xdf(tmp_path: Path) -> None:
    path = small.xdf(tmp_path)
    entity = b'<!DOCTYPE i [<!ENTITY a "ha">]><info><channel_count>&a;</channel_count></info>'
    path.write_bytes(b"XDF:" + small._chunk(2, b"\x01\x00\x00\x00" + entity))
    with bounded(), pytest.raises(MienError, match=path.name):
        formats.read_xdf(path)
