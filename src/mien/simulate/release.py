"""A simulated session in the layout of the MMME release, faults and all.

Per participant: EEG re-saved for EEGLAB, the polygraph's MATLAB export of 17 columns with the trigger on
eight digital lines, one picture per frame named by the host's stamp, one video per trial written at a whole
number of frames per second, and rows for `coding_file.xlsx`. What the release leaves out is left out here:
no clock map, no nominal truth, both coders' rows unmerged.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from mien.core.records import write_atomically
from mien.core.signal import Signal
from mien.recording.formats.biopac_mat import write_biopac_mat
from mien.recording.formats.eeglab import write_eeglab
from mien.recording.formats.video import VideoWriter
from mien.simulate import clocks
from mien.simulate.brains import Brain
from mien.simulate.clocks import CameraRun
from mien.simulate.coders import Coded
from mien.simulate.script import Trial
from mien.simulate.session import Session

CODING_FILE = "coding_file.xlsx"
COLUMNS = (
    "Subject", "Filename", "Marker", "OnsetTime", "ApexTime", "OffsetTime", "OnsetFrame", "ApexFrame",
    "OffsetFrame", "Action Units", "Estimated Emotion", "Date", "dif",
)  # fmt: skip
# The release's words for the emotions.
WORDS = {"happiness": "happy", "sadness": "sad", "anger": "angry", "surprise": "surprise", "fear": "fear",
         "disgust": "disgust", "contempt": "contempt"}  # fmt: skip
COUNTER_ENDS = 1000  # the counter in a frame's name runs from 1 to this and begins again
_FIRST_DAY = date(2024, 3, 4)
_SHORT_TOKENS = 0.25  # share of videos whose coder copied the stamps without the counter
_JPEG_QUALITY = 95


def subject(session: Session) -> str:
    """The participant's name in the release."""
    return f"subj{int(session.participant.name):02d}"


def write_release(
    session: Session, root: Path, *, parts: frozenset[str], brain: Brain | None = None
) -> list[dict[str, object]]:
    """Write one participant's files below `root` and return the rows of the coding table.

    `parts` may hold "physio" and "video"; the EEG is written where `brain` is given.
    """
    if brain is not None:
        _write_eeg(session, brain, root / "EEG" / subject(session) / "Acquisition 01.set")
    if "physio" in parts:
        _write_polygraph(session, root / "BIOPAC" / subject(session) / "Untitled1 (001).mat")
    if "video" in parts:
        for trial in session.participant.trials:
            _write_clip(session, trial, root)
    return coding_rows(session)


def _write_eeg(session: Session, made: Brain, path: Path) -> None:
    rate = session.amplifier.rate_hz
    events = [(round(pulse.time_s * rate), pulse.code) for pulse in session.amplifier.pulses]
    write_eeglab(path, made.data_uv, rate_hz=rate, channel_names=made.channels, events=events)


def polygraph_columns(session: Session) -> list[Signal]:
    """The 17 columns of the export: PPG, RSP, EMG A, SKT A, EDA, ECG, EMG B, SKT B, 8 lines, ECG rate."""
    ppg, rsp, skt, eda, ecg = (signal.values for signal in session.body_signals())
    rng, rate = session.participant.stream(15), session.polygraph.rate_hz
    lines = clocks.trigger_lines(session.polygraph, rng)
    emg = 0.004 * rng.standard_normal((2, ppg.size))
    beats = session.body.beats_s
    bpm = np.interp(np.arange(ppg.size) / rate, beats[1:], 60.0 / np.diff(beats))
    named = [
        ("PPG, X, PPG100C", "Volts", ppg), ("RSP, X, RSP100C", "Volts", rsp), ("EMG A", "mV", emg[0]),
        ("SKT A", "deg C", skt), ("EDA, X, EDA100C", "microsiemens", eda), ("ECG, X, ECG100C", "mV", ecg),
        ("EMG B", "mV", emg[1]), ("SKT B", "deg C", skt + 0.4 + 0.01 * rng.standard_normal(skt.size)),
        *((f"Digital (STP Input {i})", "Volts", lines[i]) for i in range(8)),
        ("ECG rate (.5-35 Hz)", "BPM", bpm),
    ]  # fmt: skip
    return [Signal(np.asarray(values), rate, unit, name) for name, unit, values in named]


def _write_polygraph(session: Session, path: Path) -> None:
    write_biopac_mat(path, polygraph_columns(session))


# --- frames and videos


def clip_name(session: Session, trial: Trial) -> str:
    """`<emotion>_<k>_<marker>_<name>_<date>`: the k-th clip of that emotion for this participant."""
    before = [
        t for t in session.participant.trials if t.emotion == trial.emotion and t.number <= trial.number
    ]
    return f"{WORDS[trial.emotion]}_{len(before)}_{trial.code}_{subject(session)}_{_day(session):%Y%m%d}"


def _day(session: Session) -> date:
    return _FIRST_DAY + timedelta(days=int(session.participant.name))


def stamp(session: Session, run: CameraRun, frame: int) -> str:
    """Host stamp of a frame, `h-m-s-ms`."""
    at = datetime.combine(_day(session), datetime.min.time()) + timedelta(
        milliseconds=round(1e3 * float(run.host_s[frame]))
    )
    return f"{at:%H-%M-%S}-{at.microsecond // 1000:03d}"


def wrapped(counter: int) -> int:
    """The camera's counter as frame names show it."""
    return counter % COUNTER_ENDS + 1


def clip_rate(run: CameraRun) -> int:
    """The whole number of frames per second at which the clip's video is written."""
    span = float(run.host_s[-1] - run.host_s[0])
    return max(1, round((run.host_s.size - 1) / span))


def _write_clip(session: Session, trial: Trial, root: Path) -> None:
    import cv2

    run = session.runs[trial.number]
    name, px = clip_name(session, trial), session.settings.frame_px
    folder = root / "Frames" / subject(session) / name
    folder.mkdir(parents=True, exist_ok=True)
    video = root / "Videos" / subject(session) / f"{name}.avi"
    video.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(video, width=px, height=px, rate_hz=clip_rate(run)) as writer:
        for index, picture in enumerate(session.frames(trial)):
            counter = wrapped(int(run.counter[index]))
            file = f"{_day(session):%Y-%m-%d}-{stamp(session, run, index)}-{counter:03d}-{trial.code}.jpg"
            bgr = np.ascontiguousarray(picture[..., ::-1])
            _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            (folder / file).write_bytes(data.tobytes())
            writer.write(picture)


# --- coding


def coding_rows(session: Session) -> list[dict[str, object]]:
    """Both coders' rows of one participant, in the columns of the release's table."""
    rng = session.participant.stream(16)
    trials = {trial.number: trial for trial in session.participant.trials}
    short = {number: rng.random() < _SHORT_TOKENS for number in trials}
    rows = [
        _row(session, trials[coded.trial], coded, short=short[coded.trial])
        for coder in session.coding.values()
        for coded in coder
    ]
    return sorted(rows, key=lambda row: (str(row["Filename"]), float(str(row["OnsetTime"]))))


def _row(session: Session, trial: Trial, coded: Coded, *, short: bool) -> dict[str, object]:
    run = session.runs[trial.number]
    marks = (coded.onset_frame, coded.apex_frame, coded.offset_frame)
    counters = [wrapped(int(run.counter[mark])) for mark in marks]
    tokens = [
        stamp(session, run, mark) + ("" if short else f"-{counter:03d}")
        for mark, counter in zip(marks, counters, strict=True)
    ]
    if short:  # then the difference is in milliseconds of the stamps, modulo a second
        dif = round(1e3 * float(run.host_s[marks[1]] - run.host_s[marks[0]])) % 1000 + 1
    else:
        dif = (counters[1] - counters[0]) % COUNTER_ENDS + 1
    seconds = [round(mark / clip_rate(run), 2) for mark in marks]
    coded_on = _FIRST_DAY + timedelta(days=60 + int(session.participant.name))
    return dict(
        zip(
            COLUMNS,
            (
                subject(session), f"{clip_name(session, trial)}.avi", trial.code, *seconds, *tokens,
                ", ".join(f"AU{unit.number}" for unit in coded.action_units), WORDS[coded.emotion],
                f"{coded_on:%Y年%m月%d日}-10时00分", dif,
            ),
            strict=True,
        )
    )  # fmt: skip


def write_coding_file(root: Path, rows: list[dict[str, object]]) -> None:
    """Write `coding_file.xlsx`; equal rows give equal bytes."""
    buffer = io.BytesIO()
    pd.DataFrame(rows, columns=list(COLUMNS)).to_excel(buffer, index=False, engine="openpyxl")
    write_atomically(root / CODING_FILE, _without_dates(buffer.getvalue()))


def _without_dates(book: bytes) -> bytes:
    """The workbook with the time of its making taken out of its parts and of its archive."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for part in _parts(source):
            content = source.read(part)
            if part == "docProps/core.xml":
                content = _undated(content)
            target.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _parts(book: zipfile.ZipFile) -> Iterator[str]:
    return iter(sorted(book.namelist(), key=lambda name: (name != "[Content_Types].xml", name)))


def _undated(properties: bytes) -> bytes:
    import re

    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2024-01-01T00:00:00Z", properties)
