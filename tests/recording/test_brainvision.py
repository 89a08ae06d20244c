"""BrainVision: what MNE reads is what was written."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.recording.formats import read_brainvision, read_brainvision_header, write_brainvision

NAMES = ["Fp1", "Cz", "A,B"]
EVENTS = [(0, 1), (500, 101), (9999, 255)]


@pytest.fixture
def data() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 10_000)) * 50.0


def write(folder: Path, data: np.ndarray, **options: object) -> Path:
    fields: dict = {"rate_hz": 1000.0, "channel_names": NAMES, "events": EVENTS, **options}
    return write_brainvision(folder / "a_eeg", data, **fields)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mne_reads_within_half_a_step(tmp_path: Path, data: np.ndarray, dtype: type) -> None:
    raw = read_brainvision(write(tmp_path, data.astype(dtype)))
    assert raw.ch_names == NAMES
    assert raw.info["sfreq"] == 1000.0
    assert not raw.preload
    assert np.abs(raw.get_data() * 1e6 - data).max() <= 0.05 + 1e-4
    found, _ = mne.events_from_annotations(raw, verbose="ERROR")
    assert [(int(s), int(c)) for s, _, c in found] == EVENTS


def test_units_and_header(tmp_path: Path, data: np.ndarray) -> None:
    header = read_brainvision_header(write(tmp_path, data, units=["µV", "mV", "µV"]))
    assert (header.rate_hz, header.channel_names, header.n_samples) == (1000.0, tuple(NAMES), 10_000)
    raw = read_brainvision(tmp_path / "a_eeg.vhdr")
    assert np.allclose(raw.get_data()[1] * 1e3, data[1], atol=0.051)


def test_equal_content_gives_equal_bytes(tmp_path: Path, data: np.ndarray) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, data)
    for suffix in (".vhdr", ".vmrk", ".eeg"):
        first, second = ((tmp_path / name / f"a_eeg{suffix}").read_bytes() for name in ("one", "two"))
        assert first == second


def test_what_does_not_fit_is_refused(tmp_path: Path, data: np.ndarray) -> None:
    data[1, 9000] = 4000.0
    with pytest.raises(OptionError, match=r"channel Cz: wanted values within .3276.7.*got 4000;"):
        write(tmp_path, data)
    data[1, 9000] = np.nan
    with pytest.raises(OptionError, match=r"channel Cz.*got nan"):
        write(tmp_path, data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"channel_names": ["a", "a", "b"]}, "different channel names"),
        ({"events": [(10_000, 1)]}, "events at samples 0 to 9999"),
        ({"rate_hz": 0.0}, "rate above 0"),
        ({"units": "furlong"}, "furlong"),
        ({"resolution_uv": 0.0}, "resolution above 0"),
    ],
)
def test_wrong_options(tmp_path: Path, data: np.ndarray, options: dict, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        write(tmp_path, data, **options)


def test_damaged_files(tmp_path: Path, data: np.ndarray) -> None:
    path = write(tmp_path, data)
    samples = path.with_suffix(".eeg")
    samples.write_bytes(samples.read_bytes()[:-1])
    with pytest.raises(DataError, match="whole samples of 3 channels"):
        read_brainvision(path)
    samples.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_brainvision(path)
    path.write_bytes(b"\x00\xff\x13")
    with pytest.raises(DataError, match="wanted BrainVision header"):
        read_brainvision(path)
    with pytest.raises(DataError, match="no such file"):
        read_brainvision(tmp_path / "none.vhdr")


def test_missing_markers(tmp_path: Path, data: np.ndarray) -> None:
    path = write(tmp_path, data)
    path.with_suffix(".vmrk").unlink()
    with pytest.raises(DataError, match=r"a_eeg\.vmrk: wanted the markers of a_eeg\.vhdr, got no such file"):
        read_brainvision(path)


def test_damaged_markers_and_lost_samples(tmp_path: Path, data: np.ndarray) -> None:
    """A table of markers that ends in the middle of one has lost triggers, which MNE would not say."""
    path = write(tmp_path, data)
    markers, samples = path.with_suffix(".vmrk"), path.with_suffix(".eeg")
    whole = markers.read_bytes()
    for damaged in (
        whole[:64], whole[: whole.rindex(b",1,0")], whole.replace(b"Mk3=", b"Mk4="),
        whole.replace(b"S101", b"S101,9999999"), whole.replace(b"\r\nMk2", b"\r\nNk2"),
    ):  # fmt: skip
        assert damaged != whole
        markers.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a_eeg\.vmrk: wanted"):
            read_brainvision(path)
    markers.write_bytes(whole)
    samples.write_bytes(samples.read_bytes()[: -3 * 2])
    with pytest.raises(DataError, match="wanted 10000 samples, got 9999"):
        read_brainvision(path)


def test_a_header_cut_within_a_unit(tmp_path: Path, data: np.ndarray) -> None:
    """Without its last letter the channel would be read in another unit."""
    path = write(tmp_path, data)
    path.write_bytes(path.read_bytes()[: -len("V\r\n")])
    with pytest.raises(DataError, match="wanted whole lines, got an end within the last one"):
        read_brainvision(path)


def test_an_older_recorders_header(tmp_path: Path, data: np.ndarray) -> None:
    path = write(tmp_path, data)
    path.write_bytes(path.read_text().replace("Codepage=UTF-8\n", "").encode("cp1252"))
    assert read_brainvision(path).n_times == data.shape[1]
