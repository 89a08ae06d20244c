"""From a published dataset, or a table of labels alone, to a study: `mien import`.

Subjects become sub-001, sub-002...; who is who is written to a table beside the study, never in it. Pictures
become one lossless video per clip, videos are copied as they are, and where a dataset has no recording the
frame times hold those frames that its table names. Rows that contradict themselves are kept, with their
cells verbatim and flags that say what is wrong; a frame that is not there is n/a.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.core.records import digest
from mien.core.signal import Signal
from mien.core.time import FloatArray, IntArray
from mien.dataset import layout, tables
from mien.dataset.catalog.adapter import Clip, CodedRow, DatasetFormat, Reading, SessionFiles
from mien.dataset.manifest import file_digest
from mien.dataset.write import ParticipantWriter, StudyWriter, write_json
from mien.jobs.progress import Progress, silent
from mien.recording.formats import VideoWriter, read_biopac_mat, read_curry, read_eeglab, read_frames
from mien.recording.formats.acqknowledge import read_acqknowledge
from mien.recording.recording import distinct_names
from mien.recording.triggers import decode_lines

if TYPE_CHECKING:
    import mne

CODER = "published"
"""The coder of an imported table whose rows are one opinion; else `layout.UNMERGED`."""

_VERSION = 1
_BLOCK = 200_000  # samples of EEG converted at a time
_STEPS_UV = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_LARGEST = 32_767
_DEEP = 1 << 13  # below, the upper eight of 16 bits keep too few grey levels
_EEG_TYPES = {
    "HEO": "EOG", "VEO": "EOG", "HEOG": "EOG", "VEOG": "EOG", "EKG": "ECG", "ECG": "ECG", "EMG": "EMG",
    "CB1": "MISC", "CB2": "MISC", "TRIGGER": "TRIG", "STATUS": "TRIG", "STI 014": "TRIG",
}  # fmt: skip
_PHYSIO_NAMES = (
    (re.compile(r"ecg rate", re.I), "ecg_rate"),
    (re.compile(r"\b(ppg|pulse|bvp)", re.I), "ppg"),
    (re.compile(r"\b(rsp|resp)", re.I), "rsp"),
    (re.compile(r"\b(eda|gsr|scr)", re.I), "eda"),
    (re.compile(r"\b(ecg|ekg)", re.I), "ecg"),
    (re.compile(r"\bskt b\b", re.I), "skt_b"),
    (re.compile(r"\b(skt|temp)", re.I), "skt"),
)
_UNITS = {"volts": "V", "microsiemens": "uS", "deg c": "degC", "bpm": "bpm", "µs": "uS", "mv": "mV", "v": "V"}
_DIGITAL = re.compile(r"digital", re.I)


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of the coding table that carries flags, for the list that the import prints."""

    participant_id: str
    run: int
    source_row: int
    marks: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportedStudy:
    """What an import wrote; `pseudonyms` is the table of who is who, outside the study."""

    folder: Path
    pseudonyms: Path
    n_participants: int
    n_recordings: int
    n_rows: int
    n_flags: Mapping[str, int]
    flagged: tuple[ImportedRow, ...]
    remarks: tuple[str, ...]


def import_study(
    dataset: DatasetFormat,
    source: Path,
    folder: Path,
    *,
    labels: Path | None = None,
    recordings: bool = True,
    pseudonyms: Path | None = None,
    progress: Progress = silent,
) -> ImportedStudy:
    """Write a study from a copy of a published dataset.

    An import that was killed leaves no study, and the same call goes on where it stood.

    Parameters
    ----------
    dataset
        The adapter, one of `catalog.DATASETS`.
    source
        The dataset's folder, or its coding table alone.
    folder
        The study; absent or empty.
    labels
        A table of the user's own instead of the published one.
    recordings
        Whether pictures, videos and signals come along; without, labels only.
    pseudonyms
        The table of who is who, outside `folder`; default `NAME-pseudonyms.tsv` beside it. What it holds
        already stays: a second import gives the same subject the same number.

    Raises
    ------
    DataError
        If the source holds no readable table, a recording cannot be read, or the target is occupied.
    OptionError
        If the table of pseudonyms would lie in the study.
    """
    folder = folder if folder.name not in ("", "..") else folder.resolve()
    people = pseudonyms or folder.absolute().parent / f"{folder.name}-pseudonyms.tsv"
    if people.resolve().is_relative_to(folder.resolve()):
        raise OptionError(
            people, wanted="a table of pseudonyms outside the study", got=str(folder), remedy="name another"
        )
    reading = dataset.read(source, labels=labels)
    _refuse_empty(dataset, reading)
    names = _pseudonyms(people, dataset.name, reading)
    told = digest([dataset.name, recordings, file_digest(reading.table), sorted(names.items())])
    writer = StudyWriter(folder, identity=f"import {_VERSION} {told}")  # a person keeps the number begun with
    _write_pseudonyms(people, dataset.name, names)
    clips = _by_subject(reading.clips)
    rows = _by_clip(reading.rows)
    flagged: list[ImportedRow] = []
    counts: Counter[str] = Counter()
    progress(0, len(clips), "")
    for done, (subject, own) in enumerate(clips.items(), start=1):
        runs = {
            run: _Run.of(clip, rows.get((subject, clip.name), []), reading, recordings)
            for run, clip in enumerate(own, start=1)
        }
        for number, run in runs.items():
            for row, flags in run.coded:
                counts.update(flags)
                if flags:
                    flagged.append(ImportedRow(names[subject], number, row.source_row, row.marks, flags))
        if not writer.has(names[subject]):
            with writer.participant(names[subject]) as files:
                session = reading.sessions.get(subject) if recordings else None
                _write_participant(files, runs, session or SessionFiles(), reading, dataset)
        progress(done, len(clips), names[subject])
    said = _said(dataset, reading, counts)
    write_json(layout.derivatives(writer.part) / "coding" / "import.json", said)
    writer.write_description(f"{dataset.title} (imported)", text=_readme(dataset, reading))
    import pandas as pd

    writer.finish(pd.DataFrame({"participant_id": [names[subject] for subject in clips]}))
    return ImportedStudy(
        folder=folder,
        pseudonyms=people,
        n_participants=len(clips),
        n_recordings=sum(bool(c.pictures or c.video) for c in reading.clips) if recordings else 0,
        n_rows=len(reading.rows),
        n_flags=dict(counts),
        flagged=tuple(flagged),
        remarks=reading.remarks,
    )


def _refuse_empty(dataset: DatasetFormat, reading: Reading) -> None:
    if not reading.rows or not reading.clips:
        raise DataError(
            reading.table,
            wanted=f"coded expressions of {dataset.title}",
            got="none",
            remedy="check the table",
        )


def _by_subject(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        found.setdefault(clip.subject, []).append(clip)
    return dict(sorted(found.items()))


def _by_clip(rows: Iterable[CodedRow]) -> dict[tuple[str, str], list[CodedRow]]:
    found: dict[tuple[str, str], list[CodedRow]] = {}
    for row in rows:
        found.setdefault((row.subject, row.clip), []).append(row)
    return found


# --- who is who


def _pseudonyms(path: Path, dataset: str, reading: Reading) -> dict[str, str]:
    """The participant of every subject, those of the table as they are there."""
    columns = ["dataset", "subject", "participant_id"]
    known: dict[str, str] = {}
    if path.exists():
        table = tables.read_table(path, columns=columns, filled=columns)
        if (table["dataset"] != dataset).any():
            raise DataError(
                path,
                wanted=f"pseudonyms of {dataset}",
                got=f"some of {table['dataset'].iloc[0]}",
                remedy="name another file with --pseudonyms",
            )
        known = dict(zip(table["subject"], table["participant_id"], strict=True))
    taken = {int(name.removeprefix("sub-")) for name in known.values() if name[4:].isdigit()}
    number = max(taken, default=0)
    for subject in _by_subject(reading.clips):
        if subject not in known:
            number += 1
            known[subject] = f"sub-{number:03d}"
    return known


def _write_pseudonyms(path: Path, dataset: str, names: Mapping[str, str]) -> None:
    """Who is who, for its owner's eyes alone."""
    import pandas as pd

    columns = ["dataset", "subject", "participant_id"]
    rows = pd.DataFrame([(dataset, s, p) for s, p in sorted(names.items())], columns=columns)
    tables.write_table(path, rows, columns=columns, mode=0o600)


def _anonymous(name: str, subject: str) -> str | None:
    """A clip's name without its subject, as 1_2 of 006_1_2: who is who stays outside the study."""
    number = re.search(r"(\d+)$", subject)
    spellings = [re.escape(subject)]
    if number:  # s15 stands before its clips as 15 and as s015 too
        spellings.append(rf"(?:{re.escape(subject[: number.start()])})?0*{int(number[1])}")
    rest = re.sub(rf"^(?:{'|'.join(spellings)})[_ -]+", "", name, flags=re.I)
    if not subject.isdigit():  # the 4 in fear_4_121 is no subject
        rest = re.sub(rf"(?<![0-9A-Za-z]){re.escape(subject)}(?![0-9A-Za-z])", "", rest, flags=re.I)
    rest = rest.strip("_ -")
    return None if not rest or rest.lower() == subject.lower() else rest


# --- one recording with its rows


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A clip as it will be written: frame times, and its rows with the flags that they end up with."""

    clip: Clip
    filmed: bool
    times_s: FloatArray
    counter: IntArray
    stated: str | None
    coded: tuple[tuple[CodedRow, tuple[str, ...]], ...]

    @classmethod
    def of(cls, clip: Clip, rows: Sequence[CodedRow], reading: Reading, recordings: bool) -> _Run:
        filmed = recordings and bool(clip.pictures or clip.video)
        times: FloatArray | None
        rate_hz = clip.rate_hz or reading.rate_hz
        stated: str | None = f"{rate_hz:g} Hz as published"
        if filmed and clip.video is not None:
            times = np.array([at for _, at, _ in read_frames(clip.video, luma=True)])
            counter = np.arange(times.size, dtype=np.int64) + clip.first_number
            stated = "presentation times of the video file"
        elif clip.numbers is not None and (filmed or clip.host_s is not None):
            counter, times = clip.numbers, clip.host_s
        else:
            marks = set().union(*(_named(row) for row in rows))
            counter, times = np.array(sorted(marks), dtype=np.int64), None
        if times is None:
            times = counter / rate_hz
        elif clip.host_s is not None and clip.video is None:
            stated = None  # measured
        frames = set(counter.tolist())
        coded = tuple((row, _flags(row, frames, filmed, recordings, reading)) for row in rows)
        return cls(clip, filmed, np.asarray(times, dtype=np.float64), counter, stated, coded)

    def frame(self, number: int | None) -> int | None:
        """The frame, from 0, that the dataset gives this number; None where it is not there."""
        if number is None:
            return None
        index = int(np.searchsorted(self.counter, number))
        return index if index < self.counter.size and self.counter[index] == number else None


def _flags(
    row: CodedRow, frames: set[int], filmed: bool, recordings: bool, reading: Reading
) -> tuple[str, ...]:
    flags = list(row.flags)
    if filmed and not _named(row) <= frames and "frames-missing" not in flags:
        flags.append("frames-missing")
    others = any(clip.pictures or clip.video for clip in reading.clips)
    if recordings and others and not filmed and "recording-missing" not in flags:
        flags.append("recording-missing")
    return tuple(flags)


def _named(row: CodedRow) -> set[int]:
    """The frames that a row names; an offset of 0 that stands for none is not one."""
    offset = None if "offset-zero" in row.flags else row.offset
    return {mark for mark in (row.onset, row.apex, offset) if mark is not None}


def _write_participant(
    files: ParticipantWriter,
    runs: Mapping[int, _Run],
    session: SessionFiles,
    reading: Reading,
    dataset: DatasetFormat,
) -> None:
    import pandas as pd

    trials, coded = [], []
    for number, run in runs.items():
        clip = run.clip
        source = _anonymous(clip.name, clip.subject)
        if run.filmed and clip.video is not None:
            files.copy_video(number, clip.video)
        elif run.filmed:
            _write_pictures(files, number, run, clip.rate_hz or reading.rate_hz)
        if run.times_s.size:
            counter = run.counter if run.filmed else None  # else they number what is named, and count nothing
            files.write_frame_times(number, run.times_s, counter=counter, stated=run.stated)
        trials.append(
            {
                "trial": number, "code": clip.code, "stimulus": clip.stimulus, "emotion": clip.emotion,
                "self_report": None, "valence": None, "arousal": None, "source": source,
            }
        )  # fmt: skip
        coded += [_coded(number, run, row, flags) for row, flags in run.coded]
    table = pd.DataFrame(trials)
    files.write_trials(table.astype({"code": "Int64"}))
    columns = [*layout.CODING_COLUMNS, *layout.CODING_NOTES]
    frame = pd.DataFrame(coded, columns=columns)
    marks = dict.fromkeys(layout.CODING_COLUMNS[2:5], "Int64")
    files.write_coding(layout.UNMERGED if reading.unmerged else CODER, frame.astype(marks))
    if session.eeg is not None:
        _write_eeg(files, session.eeg)
    if session.physio is not None:
        _write_physio(files, session.physio)


def _coded(number: int, run: _Run, row: CodedRow, flags: tuple[str, ...]) -> dict[str, Any]:
    return {
        "trial": number,
        "run": number,
        "onset_frame": run.frame(row.onset),
        "apex_frame": run.frame(row.apex),
        "offset_frame": None if "offset-zero" in flags else run.frame(row.offset),
        "kind": row.kind,
        "action_units": tables.spell_action_units(row.action_units),
        "emotion": row.emotion,
        "three_class": row.three_class,
        "flags": " ".join(flags) or None,
        "source_row": row.source_row,
        "source_marks": row.marks,
    }


def _write_pictures(files: ParticipantWriter, number: int, run: _Run, published_hz: float) -> None:
    """One lossless video of a clip's pictures; its stated rate is the measured one, to the hundredth."""
    spent, passed = float(np.ptp(run.times_s)), int(np.ptp(run.counter))
    rate = passed / spent if spent > 0 else published_hz
    first = _picture(run.clip.pictures[0])
    path = layout.video(files.folder, files.participant_id, number)
    with VideoWriter(
        path,
        width=first.shape[1],
        height=first.shape[0],
        rate_hz=Fraction(round(100 * min(max(rate, 1.0), 9999.0)), 100),
        exact=True,
    ) as video:
        for picture in run.clip.pictures:
            frame = _picture(picture)
            if frame.shape != first.shape:
                raise DataError(
                    picture,
                    wanted=f"a picture of {first.shape[1]} x {first.shape[0]} pixels as the clip's first",
                    got=f"{frame.shape[1]} x {frame.shape[0]}",
                    remedy="leave the clip's recording out with --labels-only, or repair the folder",
                )
            video.write(frame)


def _picture(path: Path) -> np.ndarray:
    """A picture as RGB, (height, width, 3) uint8; 16-bit grey keeps its upper eight bits."""
    from mien.recording.opening import file_size, refusing

    file_size(path, "a picture")
    with refusing(path, "a whole picture"):
        from PIL import Image

        with Image.open(path) as image:
            if image.mode.startswith("I;16") or image.mode == "I":
                deep = np.asarray(image).astype(np.uint32)
                if 255 < deep.max(initial=0) < _DEEP:
                    raise DataError(
                        path,
                        wanted="a 16-bit picture that uses its upper bits",
                        got=f"grey levels up to {deep.max()}",
                        remedy="convert the pictures to 8 bits by their true depth",
                    )
                return np.repeat(np.minimum(deep >> 8, 255).astype(np.uint8)[..., None], 3, axis=2)
            if image.mode == "F":
                raise DataError(
                    path,
                    wanted="a picture of 8 or 16 bits",
                    got="one of fractions, whose white nobody states",
                    remedy="convert the pictures to 8 bits",
                )
            return np.asarray(image.convert("RGB"))


# --- EEG and peripheral signals


def _write_eeg(files: ParticipantWriter, path: Path) -> None:
    raw = _eeg_reader(path)(path)
    types = [_EEG_TYPES.get(name.upper(), "EEG") for name in raw.ch_names]
    rate = float(raw.info["sfreq"])
    data = np.empty((len(raw.ch_names), raw.n_times), dtype=np.float32)
    for first in range(0, raw.n_times, _BLOCK):
        last = min(first + _BLOCK, raw.n_times)
        data[:, first:last] = 1e6 * raw.get_data(start=first, stop=last)
    largest = float(np.abs(data).max(initial=0.0))
    step = next((s for s in _STEPS_UV if largest < s * _LARGEST), None)
    if step is None:
        raise DataError(
            path,
            wanted=f"an EEG within {_STEPS_UV[-1] * _LARGEST / 1e3:.0f} mV",
            got=f"{largest / 1e3:.0f} mV",
            remedy="check the unit of the recording",
        )
    marks = _events(raw)
    files.write_eeg(
        data,
        rate_hz=rate,
        channel_names=raw.ch_names,
        channel_types=types,
        events=[(round(at * rate), code) for at, code, _ in marks if code],
        resolution_uv=step,
    )
    import pandas as pd

    rows = [
        {"onset": f"{at:.6f}", "duration": 0, "trial_type": word, "value": code} for at, code, word in marks
    ]
    table = pd.DataFrame(rows, columns=list(layout.EVENT_COLUMNS))
    files.write_events(table.astype({"value": "Int64"}))


def _eeg_reader(path: Path) -> Any:
    readers = {".set": read_eeglab, ".cdt": read_curry}
    try:
        return readers[path.suffix.lower()]
    except KeyError:
        raise DataError(
            path, wanted=f"an EEG of {', '.join(readers)}", got=path.suffix, remedy="convert it"
        ) from None


def _events(raw: mne.io.BaseRaw) -> list[tuple[float, int | None, str]]:
    """Time (s), code where the mark is a number, and what it means."""
    found: list[tuple[float, int | None, str]] = []
    for at, text in zip(raw.annotations.onset, raw.annotations.description, strict=True):
        number = re.fullmatch(r"\D*(\d{1,5})(?:\.0)?", str(text))
        code = int(number[1]) if number else None
        found.append((float(at), code, _word(code) if code is not None else str(text)))
    return sorted(found, key=lambda mark: mark[0])


def _word(code: int) -> str:
    if code == 100:
        return "rest"
    return "clip" if 101 <= code <= 148 else "unknown"


def _write_physio(files: ParticipantWriter, path: Path) -> None:
    recording = _physio_reader(path)(path)
    lines = [signal for signal in recording.signals if _DIGITAL.search(signal.name)]
    others = [signal for signal in recording.signals if not _DIGITAL.search(signal.name)]
    rates = {(signal.rate_hz, len(signal)) for signal in recording.signals}
    if len(rates) != 1 or not others:
        raise DataError(
            path,
            wanted="peripheral signals of one rate and length",
            got=", ".join(sorted(f"{n} samples at {rate:g} Hz" for rate, n in rates)) or "none",
            remedy="export them at one rate",
        )
    names = distinct_names([_physio_name(signal.name) for signal in others])
    signals = [
        Signal(s.values, s.rate_hz, _UNITS.get(s.unit.lower(), s.unit), name)
        for name, s in zip(names, others, strict=True)
    ]
    trigger = decode_lines(np.stack([line.values for line in lines])) if lines else None
    files.write_physio(signals, start_time_s=0.0, trigger=trigger)


def _physio_reader(path: Path) -> Any:
    readers: dict[str, Any] = {".mat": read_biopac_mat, ".acq": read_acqknowledge}
    try:
        return readers[path.suffix.lower()]
    except KeyError:
        raise DataError(
            path, wanted=f"peripheral signals of {', '.join(readers)}", got=path.suffix, remedy="convert them"
        ) from None


def _physio_name(label: str) -> str:
    for pattern, name in _PHYSIO_NAMES:
        if pattern.search(label):
            return name
    return re.sub(r"\W+", "_", label.strip().lower()).strip("_") or "unnamed"


# --- what is said about the import


def _said(dataset: DatasetFormat, reading: Reading, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "format": dataset.name,
        "title": dataset.title,
        "reference": dataset.reference,
        "table_sha256": file_digest(reading.table),
        "rate_hz": reading.rate_hz,
        "n_rows": len(reading.rows),
        "flags": dict(sorted(counts.items())),
        "corrections": [
            {key: word for key, word in asdict(correction).items() if key not in ("subject", "clip")}
            for correction in reading.corrected
        ],
        "remarks": list(reading.remarks),
    }


def _readme(dataset: DatasetFormat, reading: Reading) -> str:
    return (
        f"Imported by mien from {dataset.title} ({dataset.reference}). Its licence and release agreement "
        "hold for this study too. Participants have new numbers; the table of who is who is not in this "
        "folder. Rows of derivatives/coding that contradict themselves carry flags; source_row and "
        "source_marks are the row and the cells of the table they came from. " + " ".join(reading.remarks)
    )
