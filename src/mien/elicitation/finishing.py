"""From what a session left to a participant of the study: recordings, trials, events, on the EEG's clock.

The journal says what happened when on the session's clock; the EEG's first sample is second 0 of the study.
Without EEG it is the moment at which the session was opened, and all recorders share that clock.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import FloatArray
from mien.dataset import ParticipantWriter, layout, tables
from mien.dataset.grow import add_participant, say_shared_clock
from mien.dataset.recorders import PERIPHERAL
from mien.dataset.reminders import MOTION_COLUMNS, RELATIVE, TRACES
from mien.dataset.synchronise import REST_CODE
from mien.dataset.write import write_json
from mien.elicitation.clips import Clip, read_clips
from mien.elicitation.continuing import is_rehearsal
from mien.elicitation.journal import Row, read_journal
from mien.elicitation.motion_traces import MotionBaseline
from mien.elicitation.progress import Progress, progress_of
from mien.elicitation.recorded_streams import EvenStream, read_parts
from mien.elicitation.reminder_rule import ReminderRule
from mien.recording.formats import count_frames

if TYPE_CHECKING:
    import pandas as pd

PULSE_S = 0.05
"""How long a code stands in the trigger column that is written beside peripheral signals."""
_MICROVOLTS = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "mv": 1e3, "millivolt": 1e3}
_MICROVOLTS |= {"v": 1e6, "volt": 1e6, "n/a": 1.0}
_EVENTS = ("onset", "duration", "trial_type", "value", "trial", "reason", "by")


Coded = Callable[[Mapping[int, FloatArray]], "Mapping[str, pd.DataFrame]"]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a session: trials and recordings that joined the study, and what could not, with why."""

    participant_id: str
    n_trials: int
    n_videos: int
    n_frames: int
    recorded: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass
class _Work:
    """What is known while a session is turned into a participant."""

    study: Path
    name: str
    folder: Path
    rows: Sequence[Row]
    progress: Progress
    clips: Mapping[str, Clip]
    shifts: Mapping[int, float]
    zero_s: float = 0.0
    eeg: EvenStream | None = None
    left_out: list[str] = field(default_factory=list)

    def since_s(self, at_s: float) -> float:
        """Seconds since second 0 of the study, on the session's clock."""
        return at_s - self.zero_s

    def eeg_s(self, at_s: float) -> float:
        """The same in the EEG's own seconds, which are the study's."""
        return self.since_s(at_s) if self.eeg is None else self.eeg.own_s(at_s)


def finish_session(
    study: Path,
    participant: str,
    *,
    columns: Mapping[str, object] | None = None,
    coded: Coded | None = None,
) -> Finished:
    """Make a participant of the study from the session that lies in `sourcedata/`; that stays as it is.

    Parameters
    ----------
    columns
        More cells of `participants.tsv`, as in age and sex.
    coded
        Who codes at once, as a rehearsal's simulated coders do: frame stamps (s) of each run -> their tables.

    Raises
    ------
    DataError
        If there is no session, nobody consented, no trial was done, the participant is in the study already,
        or a recording is damaged.
    """
    name = layout.participant_id(participant)
    folder = layout.source_folder(study, name)
    work = _opened(study, name, folder)
    done = [key for key in work.progress.attempts if not key[0] and work.progress.done(key)]
    if not done:
        remedy = "go on with the session" if not work.progress.stopped else "delete it with --discard"
        raise DataError(folder, wanted="a trial that was done", got="none", remedy=remedy)
    streams = read_parts(folder, work.shifts)
    work.left_out += [
        f"the stated rate of stream {s.name}, {s.stated_hz:g} Hz: by its stamps it is {s.rate_hz:g} Hz"
        for s in streams
        if s.rate_hz != s.stated_hz
    ]
    work.eeg = _eeg(streams, work)
    if work.eeg is not None:
        work.zero_s = work.eeg.start_s
    cells = {"consent_level": work.progress.consent, **(columns or {})}
    with add_participant(study, name, cells) as files:
        recorded = [f"EEG: {len(work.eeg.channel_names)} channels"] if work.eeg is not None else []
        if work.eeg is not None:
            _write_eeg(work, files, work.eeg)
        physio = _physio(streams, work)
        if physio is not None:
            recorded.append("peripheral signals: " + ", ".join(_write_physio(work, files, physio)))
        stamps = _write_videos(work, files, {number for _, number in done})
        for coder, table in (coded(stamps) if coded is not None else {}).items():
            files.write_coding(coder, table)
        files.write_trials(_trials(work, done))
        _write_events(work, files)
        _keep_motion(work, files)
    if work.eeg is None and not layout.events(study, name).is_file():
        say_shared_clock(study)
    n_frames = sum(times.size for times in stamps.values())
    return Finished(name, len(done), len(stamps), n_frames, tuple(recorded), tuple(work.left_out))


def discard_session(study: Path, participant: str) -> list[str]:
    """Remove everything that a session left; returns the files, relative to the study.

    Raises DataError if there is none, or it has joined the study.
    """
    folder = layout.source_folder(study, participant)
    if not folder.is_dir():
        raise DataError(folder, wanted="a session", got="none", remedy="check the participant")
    if layout.participant_folder(study, participant).exists():
        raise DataError(
            folder,
            wanted="a session that has not joined the study",
            got="a participant's recordings",
            remedy="to remove all of the participant, call mien withdraw",
        )
    removed = [p.relative_to(study).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    shutil.rmtree(folder)
    return removed


def _opened(study: Path, name: str, folder: Path) -> _Work:
    rows, shifts = one_clock(read_journal(folder / "session.jsonl"))
    progress = progress_of(rows)
    if is_rehearsal(rows) and not json.loads(layout.description(study).read_bytes()).get("Simulated"):
        raise DataError(
            folder, wanted="a session of a person", got="a rehearsal", remedy="delete it with --discard"
        )
    if progress.consent is None:
        raise DataError(
            folder, wanted="a participant who consented", got="none", remedy="discard the session"
        )
    if progress.choice == "discard":
        raise DataError(
            folder,
            wanted="a session that is to be kept",
            got="the choice to discard it",
            remedy="call mien present STUDY --discard",
        )
    clips = {clip.name: clip for clip in read_clips(study)}
    return _Work(study, name, folder, rows, progress, clips, shifts, zero_s=float(rows[0]["at_s"]))


def one_clock(rows: Sequence[Row]) -> tuple[list[Row], dict[int, float]]:
    """The journal with times that never go back, and what was added in each part (s).

    The session's clock begins anew when the computer does; then the wall clock bridges the gap, as well as it
    can. Times of pages and devices in a row move with it.
    """
    moved: list[Row] = []
    shifts: dict[int, float] = {}
    shift, last, wall = 0.0, -np.inf, None
    boot: str | None = None
    for row in rows:
        if row["what"] == "opened":
            at, now = float(row["at_s"]) + shift, float(row["wall_s"])
            before, boot = boot, row.get("boot")
            anew = at < last - 1.0 or (None not in (before, boot) and before != boot)
            if anew and wall is not None:
                shift += (wall[0] + now - wall[1]) - at
            shifts[int(row["part"])] = shift
            wall = (float(row["at_s"]) + shift, now)
        times = {key: row[key] + shift for key in ("at_s", "pressed_s") if row.get(key) is not None}
        moved.append({**row, **times})
        last = max(last, times["at_s"])
    return moved, shifts


# --- signals


def _eeg(streams: Sequence[EvenStream], work: _Work) -> EvenStream | None:
    found = [stream for stream in streams if stream.kind.upper() == "EEG"]
    work.left_out += [f"stream {s.name}: another EEG is the master clock" for s in found[1:]]
    return found[0] if found else None


def _write_eeg(work: _Work, files: ParticipantWriter, eeg: EvenStream) -> None:
    factors = np.array([_MICROVOLTS.get(unit.strip().lower().rstrip("s"), np.nan) for unit in eeg.units])
    known = np.isfinite(factors)
    names = [name for name, is_known in zip(eeg.channel_names, known, strict=True) if is_known]
    work.left_out += [
        f"channel {name} of stream {eeg.name}: wanted V, mV or uV, got {unit}; it stays in the XDF file"
        for name, unit, is_known in zip(eeg.channel_names, eeg.units, known, strict=True)
        if not is_known
    ]
    if "n/a" in eeg.units:
        work.left_out.append(
            f"units of stream {eeg.name}: it states none for some channels, which are taken as microvolts"
        )
    if not names:
        raise DataError(
            f"stream {eeg.name}",
            wanted="channels in V, mV or uV",
            got=eeg.units[0],
            remedy="correct its description",
        )
    data = np.nan_to_num(eeg.values[known] * factors[known, None])  # gaps are named among the events
    codes = [(round(work.eeg_s(r["at_s"]) * eeg.rate_hz), int(r["code"])) for r in _codes(work)]
    last = data.shape[1]
    files.write_eeg(
        data,
        rate_hz=eeg.rate_hz,
        channel_names=names,
        channel_types=[_channel_type(name) for name in names],
        events=[(at, code) for at, code in codes if 0 <= at < last],
    )
    beyond = {int(r["trial"]) for r, (at, _) in zip(_codes(work), codes, strict=True) if not 0 <= at < last}
    if beyond:
        work.left_out.append(
            f"codes of trial {', '.join(map(str, sorted(beyond)))}: stream {eeg.name} was not recorded then"
        )


def _channel_type(name: str) -> str:
    upper = name.upper()
    for kind, words in (("EOG", ("EOG", "HEO", "VEO")), ("ECG", ("ECG", "EKG")), ("EMG", ("EMG",))):
        if any(upper.startswith(word) for word in words):
            return kind
    return "MISC" if upper.startswith(("TRIG", "STI", "AUX", "MISC")) else "EEG"


def _physio(streams: Sequence[EvenStream], work: _Work) -> EvenStream | None:
    """The stream with most peripheral channels; others of another rate are left out, and said so."""
    count = {
        id(s): sum(n.lower() in PERIPHERAL for n in s.channel_names) for s in streams if s is not work.eeg
    }
    found = sorted((s for s in streams if count.get(id(s))), key=lambda s: (-count[id(s)], s.name))
    work.left_out += [
        f"stream {s.name}: {found[0].name} holds the peripheral signals; join them into one stream"
        for s in found[1:]
    ]
    known = {id(s) for s in (*found, work.eeg)}
    work.left_out += [
        f"stream {s.name}: neither EEG nor channels named {', '.join(PERIPHERAL)}; it stays in the XDF file"
        for s in streams
        if id(s) not in known
    ]
    return found[0] if found else None


def _write_physio(work: _Work, files: ParticipantWriter, stream: EvenStream) -> list[str]:
    start = work.since_s(stream.start_s)
    signals = [
        Signal(values, stream.rate_hz, unit, name.lower(), start)
        for name, unit, values in zip(stream.channel_names, stream.units, stream.values, strict=True)
        if name.lower() in PERIPHERAL
    ]
    trigger = np.zeros(stream.values.shape[1], dtype=np.int64)
    for row in _codes(work):
        first = round(stream.own_s(row["at_s"]) * stream.rate_hz)
        if 0 <= first < trigger.size:
            trigger[first : first + max(1, round(PULSE_S * stream.rate_hz))] = int(row["code"])
    files.write_physio(signals, start_time_s=start, trigger=trigger)
    return [signal.name for signal in signals]


def _codes(work: _Work) -> list[Row]:
    """The codes of the attempts that count."""
    return [row for row in work.rows if row["what"] == "code" and row["sent"] and _counts(work, row)]


def _counts(work: _Work, row: Row) -> bool:
    """Whether a code or film belongs to a trial's last attempt: the others broke off."""
    attempt = work.progress.attempt((False, int(row["trial"])))
    begun = None if attempt is None or not attempt.done else attempt.steps.get("ready")
    return begun is not None and int(row["n"]) > int(begun["n"])


# --- video


def _write_videos(work: _Work, files: ParticipantWriter, trials: set[int]) -> dict[int, FloatArray]:
    """The stamps of every run that could be written, on the session's clock."""
    kept: dict[int, Row] = {}
    part_of: dict[int, int] = {}
    part = 1
    for row in work.rows:
        if row["what"] == "opened":
            part = int(row["part"])
        elif row["what"] == "recorded" and int(row["trial"]) in trials and _counts(work, row):
            kept[int(row["trial"])], part_of[int(row["trial"])] = row, part
    written: dict[int, FloatArray] = {}
    for run, row in sorted(kept.items()):
        if row["trouble"]:
            work.left_out.append(f"video of trial {run}: {row['trouble']}")
        try:
            written[run] = _write_video(work, files, run, work.shifts.get(part_of[run], 0.0))
        except DataError as error:
            work.left_out.append(f"video of trial {run}: {error}")
    return written


def _write_video(work: _Work, files: ParticipantWriter, run: int, shift_s: float) -> FloatArray:
    camera = work.folder / "camera"
    film, table = camera / f"run-{run:02d}.mkv", camera / f"run-{run:02d}_frames.tsv"
    rows = tables.read_table(
        table,
        columns=("frame", "counter", "host_time_s", "trigger"),
        integers=["frame", "counter", "trigger"],
        numbers=["host_time_s"],
    )
    n_frames = count_frames(film) if film.is_file() else len(rows)
    if n_frames != len(rows) or not n_frames:
        raise DataError(
            film,
            wanted=f"{len(rows)} frames, as many as rows",
            got=n_frames,
            remedy="see what its recorder said",
        )
    if film.is_file():
        files.copy_video(run, film)
    else:
        _film_of_images(camera / f"run-{run:02d}", rows, files, run)
    stamps = rows["host_time_s"].to_numpy(dtype=np.float64) + shift_s
    files.write_frame_times(run, stamps - work.zero_s, counter=rows["counter"].to_numpy(dtype=np.int64))
    return stamps


def _film_of_images(folder: Path, rows: pd.DataFrame, files: ParticipantWriter, run: int) -> None:
    """A run that was kept as pictures, made a film; the pictures stay where they are."""
    from fractions import Fraction

    import cv2

    from mien.recording.formats import read_image_folder

    found = read_image_folder(folder)
    if len(found.paths) != len(rows):
        got = f"{len(found.paths)} of {len(rows)}"
        raise DataError(folder, wanted="every frame's picture", got=got, remedy="restore them from a copy")
    stamps = rows["host_time_s"].to_numpy(dtype=np.float64)
    rate = Fraction(round(max(1.0, (stamps.size - 1) / max(1e-3, float(np.ptp(stamps))))))
    with files.write_video(run, width=found.width, height=found.height, rate_hz=rate) as film:
        for path in found.paths:
            image = cv2.imread(str(path))
            if image is None:
                raise DataError(
                    path, wanted="a picture", got="a damaged one", remedy="restore it from a copy"
                )
            film.write(np.asarray(image[:, :, ::-1], dtype=np.uint8))


# --- tables


def _trials(work: _Work, done: Sequence[tuple[bool, int]]) -> pd.DataFrame:
    import pandas as pd

    clip_codes = [r for r in work.rows if r["what"] == "code" and r["code"] != REST_CODE and _counts(work, r)]
    codes = {r["trial"]: r for r in clip_codes}
    found = []
    for key in sorted(done, key=lambda key: key[1]):
        attempt = work.progress.attempts[key][-1]
        report = attempt.steps["reported"]
        clip = work.clips.get(str(report["clip"]))
        asked, shown = attempt.at_s("requested"), attempt.at_s("clip-shown")
        code = codes.get(key[1])  # as it was sent: the table of clips may have been edited since
        sent = None if code is None or not code["sent"] else float(code["at_s"])
        found.append(
            {
                "trial": key[1],
                "code": code["code"] if code else clip.code if clip else None,
                "stimulus": report["clip"],
                "emotion": clip.emotion if clip else None,
                "self_report": report.get("emotion"),
                "valence": report.get("valence"),
                "arousal": report.get("arousal"),
                "report_s": report.get("took_s"),
                "timed_out": str(bool(report.get("timed_out"))).lower(),
                "shown_after_ms": None if asked is None or shown is None else round(1e3 * (shown - asked), 1),
                "code_after_ms": None if sent is None or shown is None else round(1e3 * (sent - shown), 1),
                "stalled_ms": attempt.steps.get("clip-ended", {}).get("stalled_ms"),
                "attempts": len(work.progress.attempts[key]),
            }
        )
    return pd.DataFrame(found)


def _write_events(work: _Work, files: ParticipantWriter) -> None:
    import pandas as pd

    found: list[dict[str, Any]] = []
    last = np.inf if work.eeg is None else work.eeg.duration_s

    def add(at_s: float, kind: str, **more: object) -> None:
        onset = work.eeg_s(at_s)
        if 0 <= onset <= last:
            found.append({"onset": onset, "duration": 0.0, "trial_type": kind, **more})

    for row in work.rows:
        if row["what"] == "code" and row["sent"]:
            if _counts(work, row):
                kind = "rest" if row["code"] == REST_CODE else "clip"
                add(row["at_s"], kind, value=row["code"], trial=row["trial"])
            else:
                add(row["at_s"], "broken-off", trial=row["trial"])
        elif row["what"] == "clip-shown" and not row["practice"]:
            add(row["at_s"], "clip-shown", trial=row["trial"])
        elif row["what"] == "reminder":
            add(row["at_s"], "reminder", trial=row["trial"], reason=row["reason"], by=row["by"])
    for begin, end in () if work.eeg is None else work.eeg.gaps_s:
        found.append({"onset": begin, "duration": end - begin, "trial_type": "gap"})
    found.sort(key=lambda event: event["onset"])
    table = pd.DataFrame(found, columns=list(_EVENTS)).astype({"value": "Int64", "trial": "Int64"})
    table["onset"], table["duration"] = table["onset"].round(6), table["duration"].round(6)
    path = (layout.events if work.eeg is not None else layout.beh_events)(files.folder, files.participant_id)
    tables.write_table(path, table, columns=_EVENTS)


def _keep_motion(work: _Work, files: ParticipantWriter) -> None:
    """The traces of the monitor, in seconds of the study."""
    path = work.folder / "motion.tsv"
    if not path.is_file():
        return
    columns = ("time_s", "head", "body", "face", "found", "part")
    try:
        table = tables.read_table(path, columns=columns, numbers=columns)
    except DataError as error:
        work.left_out.append(f"motion of the participant: {error}")
        return
    times = table["time_s"] + table.pop("part").map(lambda part: work.shifts.get(int(part), 0.0))
    for name in RELATIVE:
        table[name] = np.nan
    known = [(float(r["at_s"]), MotionBaseline.from_json(r)) for r in work.rows if r["what"] == "baseline"]
    for since_s, baseline in known:  # from each baseline on, motion is relative to it
        for name, column in zip(TRACES, RELATIVE, strict=True):
            level = getattr(baseline, name)
            later = times >= since_s
            table.loc[later, column] = ((table[name] - level.median) / level.spread)[later].round(3)
    table["time_s"] = [round(work.eeg_s(at), 4) for at in times]
    table["found"] = table["found"].astype("Int64")
    path = layout.motion(files.folder, files.participant_id)
    tables.write_table(path, table, columns=MOTION_COLUMNS)
    changed = [r["threshold"] for r in work.rows if r["what"] == "automatic" and r["threshold"] is not None]
    threshold = changed[-1] if changed else ReminderRule().threshold
    units = dict.fromkeys(TRACES, "face widths per second") | dict.fromkeys(
        RELATIVE, "spreads above the baseline"
    )
    write_json(path.with_suffix(".json"), {"threshold": threshold, "n_baselines": len(known), "units": units})
