"""A small valid file of every format, made of the same few numbers."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from mien.core.signal import Signal
from mien.recording.formats import (
    VideoWriter,
    write_biopac_mat,
    write_brainvision,
    write_eeglab,
    write_physio,
)

RATE = 200
NAMES = ["FP1", "CZ", "VEO"]
N = 400


def eeg_uv() -> np.ndarray:
    """Three smooth channels of 400 samples, microvolts, whole multiples of a tenth."""
    t = np.arange(N) / RATE
    rows = [40 * np.sin(2 * np.pi * 10 * t), 25 * np.cos(2 * np.pi * 6 * t), 90 * np.sin(2 * np.pi * t)]
    return np.rint(np.array(rows) * 10) / 10


def signals() -> list[Signal]:
    rows = eeg_uv()
    names = ["PPG", "SKT A", "Digital (STP Input 0)"]
    return [Signal(row, float(RATE), unit, name) for row, unit, name in zip(rows, "VFV", names, strict=True)]


def biopac_mat(folder: Path) -> Path:
    write_biopac_mat(folder / "a.mat", signals())
    return folder / "a.mat"


def eeglab(folder: Path) -> Path:
    write_eeglab(
        folder / "a.set", eeg_uv().astype("f4"), rate_hz=RATE, channel_names=NAMES, events=[(5, 101)]
    )
    return folder / "a.set"


def eeglab_with_fdt(folder: Path) -> Path:
    """As EEGLAB saves two files: the samples' name in place of the samples."""
    from scipy.io import loadmat, savemat

    path = eeglab(folder)
    content = loadmat(path, squeeze_me=False)["EEG"]
    content["data"][0, 0] = "a.fdt"
    savemat(path, {"EEG": content})
    path.with_suffix(".fdt").write_bytes(eeg_uv().astype("<f4").T.tobytes())
    return path


def brainvision(folder: Path) -> Path:
    return write_brainvision(folder / "a", eeg_uv(), rate_hz=RATE, channel_names=NAMES, events=[(5, 101)])


def physio(folder: Path) -> Path:
    write_physio(folder / "a.tsv.gz", signals(), start_time_s=0.0)
    return folder / "a.tsv.gz"


def video(folder: Path) -> Path:
    path = folder / "a.mp4"
    with VideoWriter(path, width=32, height=32, rate_hz=20) as writer:
        for i in range(20):
            writer.write(np.full((32, 32, 3), 10 * i, dtype=np.uint8))
    return path


def avi(folder: Path) -> Path:
    return _filmed(folder / "a.avi")


def _filmed(path: Path) -> Path:
    """Twenty frames with something to see, and B-frames nowhere."""
    rows, columns = np.mgrid[:32, :48]
    with VideoWriter(path, width=48, height=32, rate_hz=20) as writer:
        for i in range(20):
            wave = 128 + 90 * np.sin((columns + 2 * i) / 5) * np.cos(rows / 4)
            writer.write(np.repeat(wave.astype(np.uint8)[..., None], 3, axis=2))
    return path


def mkv(folder: Path) -> Path:
    """The same frames with B-frames, in Matroska, beside a second of sound."""
    return _with_sound(folder / "a.mkv", "matroska", "libx264", "pcm_s16le")


def mpg(folder: Path) -> Path:
    return _with_sound(folder / "a.mpg", "mpeg", "mpeg1video", "mp2")


def _with_sound(path: Path, container: str, pictures: str, sound: str) -> Path:
    import av

    rows, columns = np.mgrid[:32, :48]
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as file:
        film = file.add_stream(pictures, rate=25)
        film.width, film.height, film.pix_fmt = 48, 32, "yuv420p"
        film.codec_context.thread_count = 1
        track = file.add_stream(sound, rate=16_000, layout="mono")
        for i in range(25):
            wave = 128 + 90 * np.sin((columns + 2 * i) / 5) * np.cos(rows / 4)
            grey = np.repeat(wave.astype(np.uint8)[..., None], 3, axis=2)
            file.mux(film.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        file.mux(film.encode(None))
        tone = (8000 * np.sin(np.arange(16_128) / 20)).astype("<i2")
        for i, part in enumerate(tone.reshape(-1, 1152)):
            heard = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            heard.sample_rate, heard.pts = 16_000, 1152 * i
            file.mux(track.encode(heard))
        file.mux(track.encode(None))
    return path


def edf_plus(folder: Path) -> Path:
    """EDF+ with two annotations."""
    import edfio

    rows = [
        edfio.EdfSignal(row, RATE, label=name, physical_dimension="uV", physical_range=(-3276.8, 3276.7))
        for row, name in zip(eeg_uv(), NAMES, strict=True)
    ]
    marks = [edfio.EdfAnnotation(0.025, None, "101"), edfio.EdfAnnotation(1.5, 0.25, "rest")]
    edfio.Edf(rows, annotations=marks).write(folder / "a.edf")
    return folder / "a.edf"


def packed_mat(folder: Path) -> Path:
    """As `biopac_mat`, compressed as MATLAB does."""
    from scipy.io import loadmat, savemat

    content = {k: v for k, v in loadmat(biopac_mat(folder)).items() if not k.startswith("__")}
    savemat(folder / "a.mat", content, do_compression=True)
    return folder / "a.mat"


def table(folder: Path) -> Path:
    """An exported table: a time in seconds and two columns of numbers, one of them with a gap."""
    lines = ["time_s,ECG,EDA", *(f"{i / 50:.2f},{np.sin(i / 3):.4f},{2 + i / 100:g}" for i in range(40))]
    lines[5] = lines[5].rsplit(",", 1)[0] + ","
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    return folder / "a.csv"


_CODED = [["Subject", "Filename", "Onset", "Emotion", "Apex"]] + [
    [f"{n:02d}", f"EP{n:02d}_1", 40 + 3 * n, "disgust", 50 + 3 * n] for n in range(1, 15)
]


def sheet(folder: Path) -> Path:
    """A coding table as a workbook."""
    from openpyxl import Workbook

    book = Workbook()
    for row in _CODED:
        book.active.append(row)
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx"


def text_sheet(folder: Path) -> Path:
    """The same table as text."""
    (folder / "a.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in _CODED))
    return folder / "a.csv"


def cnt(folder: Path, sample_format: str = "int16", stated: int = 0, table: int = 2) -> Path:
    """A Neuroscan file whose scale is 0.1 uV per count for 16 bits, and 0.001 uV for 32.

    Its event lies at sample 5, counted from 0, in a table of type 1, 2 or 3.
    """
    counts = np.rint(eeg_uv() * (10 if sample_format == "int16" else 1000))
    head = bytearray(900)
    head[:11] = b"Version 3.0"
    struct.pack_into("<H", head, 370, len(NAMES))
    struct.pack_into("<H", head, 376, RATE)
    struct.pack_into("<i", head, 864, stated)
    samples = counts.T.astype("<i2" if sample_format == "int16" else "<i4").tobytes()
    start = 900 + 75 * len(NAMES)
    struct.pack_into("<i", head, 886, start + len(samples))
    rows = b""
    for number, name in enumerate(NAMES):
        row = bytearray(75)
        row[: len(name)] = name.encode()
        struct.pack_into("<ff", row, 19, 0.1 * number, 0.2)
        struct.pack_into("<f", row, 59, 20.48 if sample_format == "int16" else 0.2048)
        struct.pack_into("<f", row, 71, 1.0)
        rows += bytes(row)
    width = 2 if sample_format == "int16" else 4
    place = 6 if table == 3 else start + 6 * width * len(NAMES)
    event = struct.pack("<HBbi", 101, 0, 0, place) + bytes(0 if table == 1 else 11)
    events = struct.pack("<Bii", table, len(event), 0) + event
    path = folder / "a.cnt"
    path.write_bytes(bytes(head) + rows + samples + events)
    return path


def cnt_type_3(folder: Path) -> Path:
    return cnt(folder, "int32", table=3)


def curry(folder: Path, **fields: object) -> Path:
    told = {"NumSamples": N, "NumChannels": 3, "NumTrials": 1, "SampleFreqHz": RATE, **fields}
    told |= {"TriggerOffsetUsec": 0, "DataFormat": "FLOAT", "DataSampOrder": "SAMP", "DataByteOrder": "INTEL"}
    told |= {"SampleTimeUsec": 1e6 / RATE} if "SampleTimeUsec" not in fields else {}
    date = {"StartYear": 2020, "StartMonth": 1, "StartDay": 1, "StartHour": 0, "StartMin": 0, "StartSec": 0}
    lines = ["FileVersion = 903", "DATA_PARAMETERS START"]
    lines += [f"   {k} = {v}" for k, v in (told | date | {"StartMillisec": 0}).items()]
    lines += ["DATA_PARAMETERS END", "AmplifierInfo = ", "", "DEVICE_PARAMETERS START"]
    lines += ["   DataUnit = uV", "   NumChanThisGroup = 3", "DEVICE_PARAMETERS END", ""]
    for what, rows in (
        ("LABELS", NAMES),
        ("SENSORS", ["1 2 3", "4 5 6", "7 8 9"]),
    ):
        lines += [f"{what} START", f"   ListSize = {len(rows)}", f"{what} END"]
        lines += [f"{what} START_LIST", *rows, f"{what} END_LIST", ""]
    lines += ["IMPEDANCE_VALUES START_LIST", "1 1 1", "IMPEDANCE_VALUES END_LIST", ""]
    path = folder / "a.cdt"
    path.write_bytes(eeg_uv().astype("<f4").T.tobytes())
    (folder / "a.cdt.dpo").write_text("\n".join(lines))
    marks = ["NUMBER_LIST START_LIST", "5 0 101 0 5 5 0 0 0 0 0", "NUMBER_LIST END_LIST"]
    marks += ["REMARK_LIST START_LIST", "101", "REMARK_LIST END_LIST", ""]
    (folder / "a.cdt.ceo").write_text("\n".join(marks))
    return path


def edf(folder: Path, *, suffix: str = ".edf", counts: tuple[int, ...] = (RATE, RATE, RATE)) -> Path:
    """Two records of one second; physical = 0.1 * stored; channels may have other rates."""
    n_records, width = 2, 2 if suffix == ".edf" else 3
    columns = [
        [name.ljust(16) for name in NAMES], [" " * 80] * 3, ["uV      "] * 3,
        ["-3276.8 "] * 3, ["3276.7  "] * 3, ["-32768  "] * 3, ["32767   "] * 3,
        [" " * 80] * 3, [str(count).ljust(8) for count in counts], [" " * 32] * 3,
    ]  # fmt: skip
    start = b"0".ljust(8) if width == 2 else b"\xffBIOSEMI"
    start += b"SECRET PATIENT".ljust(80) + b"Startdate".ljust(80) + b"01.01.2001.00.00" + b"1024".ljust(8)
    start += (b"" if width == 2 else b"24BIT").ljust(44)
    start += str(n_records).encode().ljust(8) + b"1".ljust(8) + b"3".ljust(4)
    body = b""
    for record in range(n_records):
        for row, count in zip(eeg_uv(), counts, strict=True):
            part = np.rint(row[record * RATE :][:count] * 10).astype("<i4")
            body += part.view("u1").reshape(-1, 4)[:, :width].tobytes()
    path = folder / f"a{suffix}"
    path.write_bytes(start + "".join(map("".join, columns)).encode() + body)
    return path


def bdf(folder: Path) -> Path:
    return edf(folder, suffix=".bdf")


def fif(folder: Path) -> Path:
    import mne

    raw = mne.io.RawArray(eeg_uv() * 1e-6, mne.create_info(NAMES, RATE, "eeg"), verbose="ERROR")
    raw.save(folder / "a_raw.fif", verbose="ERROR")
    return folder / "a_raw.fif"


def _chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def xdf(folder: Path) -> Path:
    """An EEG stream and one of markers."""
    channels = "".join(f"<channel><label>{n}</label><unit>uV</unit></channel>" for n in NAMES)
    first = f"<info><name>Amp</name><type>EEG</type><channel_count>3</channel_count><nominal_srate>{RATE}"
    first += f"</nominal_srate><channel_format>float32</channel_format><desc><channels>{channels}"
    first += "</channels></desc></info>"
    second = "<info><name>Marks</name><type>Markers</type><channel_count>1</channel_count><nominal_srate>0"
    second += "</nominal_srate><channel_format>string</channel_format></info>"
    samples = b"".join(
        b"\x08" + struct.pack("<d", 50 + i / RATE) + row.astype("<f4").tobytes()
        for i, row in enumerate(eeg_uv().T)
    )
    one, two = struct.pack("<I", 1), struct.pack("<I", 2)
    path = folder / "a.xdf"
    path.write_bytes(
        b"XDF:"
        + _chunk(1, b"<info><version>1.0</version></info>")
        + _chunk(2, one + first.encode())
        + _chunk(2, two + second.encode())
        + _chunk(3, one + b"\x04" + struct.pack("<I", N) + samples)
        + _chunk(3, two + b"\x01\x01\x08" + struct.pack("<d", 50.5) + b"\x01\x03101")
        + _chunk(6, one + b"<info></info>")
    )
    return path


def wav(folder: Path) -> Path:
    import soundfile

    soundfile.write(folder / "a.wav", np.rint(eeg_uv()[0] * 300) / 32768, RATE * 40, subtype="PCM_16")
    return folder / "a.wav"


def flac(folder: Path) -> Path:
    import soundfile

    soundfile.write(folder / "a.flac", np.rint(eeg_uv()[0] * 300) / 32768, RATE * 40, subtype="PCM_16")
    return folder / "a.flac"


def openface(folder: Path) -> Path:
    names = ["frame", "timestamp", "confidence", "success", "gaze_0_x"]
    names += [f"{axis}_{i}" for axis in "xy" for i in range(4)]
    rows = [[i + 1, round(i / 30, 3), 0.98, 1, 0.1, *(10.5 + i + k for k in range(8))] for i in range(12)]
    path = folder / "a.csv"
    lines = [", ".join(names), *(", ".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def images(folder: Path, *, first: int = 995, count: int = 12) -> Path:
    """Frames at about 150 per second whose counter begins again after 1000."""
    target = folder / "frames"
    target.mkdir()
    for i in range(count):
        ms, counter = 250 + round(i * 1000 / 150), (first + i - 1) % 1000 + 1
        name = f"2024-05-09-18-10-{58 + ms // 1000}-{ms % 1000}-{counter:03d}-101.png"
        cv2.imwrite(str(target / name), np.full((6, 8), i, dtype=np.uint8))
    return target


def acq(
    folder: Path, *, names: tuple[str, ...] = ("EDA", "ECG", "EDA"), dividers: tuple[int, ...] = (1, 2, 1)
) -> Path:
    """AcqKnowledge 3.7.3 (revision 39): 16-bit samples, one marker at sample 5."""
    counts = [N // divider for divider in dividers]
    graph = bytearray(2398)
    struct.pack_into("<hiih", graph, 0, 0, 39, 2398, len(names))
    struct.pack_into("<d", graph, 16, 1000.0 / RATE)
    rows = b""
    for number, (name, divider, count) in enumerate(zip(names, dividers, counts, strict=True)):
        row = bytearray(254)
        struct.pack_into("<ih", row, 0, 254, number)
        row[6 : 6 + len(name)] = name.encode()
        row[68:70] = b"mV"
        struct.pack_into("<idd", row, 88, count, 0.1, 0.0)
        struct.pack_into("<h", row, 250, divider)
        rows += bytes(row)
    foreign = struct.pack("<hh", 8, 0) + bytes(4)
    kinds = struct.pack("<hh", 2, 2) * len(names)
    stored = [np.rint(eeg_uv()[i % 3] * 10).astype("<i2") for i in range(len(names))]
    samples = b""
    for tick in range(N):
        for i, divider in enumerate(dividers):
            if tick % divider == 0:
                samples += stored[i][tick // divider].tobytes()
    text = b"Mark 1\0"
    marker = struct.pack("<ihhhh", 5, 0, 0, 0, len(text)) + text
    markers = struct.pack("<ii", 8 + len(marker), 1) + marker
    journal = bytes(0)
    path = folder / "a.acq"
    path.write_bytes(bytes(graph) + rows + foreign + kinds + samples + markers + journal)
    return path
