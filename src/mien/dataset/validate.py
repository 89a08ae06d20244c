"""Whether a study is what its layout says: files, tables, manifest, recordings that fit each other, labels,
times, and what tells who people are.

Every problem is a `Finding` with a stable code; nothing is repaired. What cannot be read is one finding, and
the checks that need it are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mien.core.errors import DataError
from mien.dataset import layout, tables
from mien.dataset.expressions import read_expressions
from mien.dataset.label_checks import check_labels
from mien.dataset.manifest import Finding, check_manifest
from mien.dataset.privacy import traces_of
from mien.dataset.study import StudySession
from mien.dataset.synchronise import sync_path
from mien.recording.formats import count_frames, read_brainvision_header, read_physio

if TYPE_CHECKING:
    pass

_KINDS = ("micro", "macro")
_LOST_SHARE = 0.01


def validate(folder: Path) -> list[Finding]:
    """Everything that is wrong with a study, in a fixed order; an empty list for a sound one.

    Raises
    ------
    DataError
        If the folder does not exist or holds neither a description nor participants.
    """
    if not folder.is_dir():
        raise DataError(folder, wanted="the folder of a study", got="no such folder", remedy="check the path")
    if not layout.description(folder).is_file() and not layout.participants(folder).is_file():
        raise DataError(
            folder,
            wanted="the folder of a study",
            got="one without dataset_description.json and participants.tsv",
            remedy="give the folder that holds them",
        )
    findings = [*_root_files(folder), *_description(folder), *_participants(folder)]
    for path in sorted(folder.glob("sub-*")):
        if path.is_dir() and layout.is_participant_id(path.name):
            findings += _Person(folder, path.name).check()
    findings += _privacy(folder)
    if layout.manifest(folder).is_file():
        findings += check_manifest(folder)
    return findings


_TELLING: Mapping[str, tuple[str, str]] = {
    "path": ("privacy-path", "mien export leaves paths out; correct the file where it is meant to stay"),
    "day": ("privacy-day", "mien export moves days back by more than a century"),
    "header": ("privacy-header", "mien export empties the field"),
    "metadata": ("privacy-metadata", "mien export leaves metadata out"),
    "column": ("privacy-column", "keep such columns outside the study; mien export leaves them out"),
    "pseudonyms": ("privacy-pseudonyms", "move it out of the study"),
}


def _privacy(study: Path) -> Iterator[Finding]:
    """What tells who people are; a table of who is who within the study is an error."""
    for path in sorted(study.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        for trace in traces_of(path):
            code, remedy = _TELLING[trace.kind]
            severity: Literal["error", "warning"] = "error" if trace.kind == "pseudonyms" else "warning"
            place = path.relative_to(study).as_posix()
            yield Finding(code, place, severity, f"it holds {trace.what}", remedy)


def _error(code: str, place: Path | str, message: str, remedy: str) -> Finding:
    return Finding(code, str(place), "error", message, remedy)


def _unreadable(code: str, place: str, error: DataError) -> Finding:
    where = "" if error.subject.endswith(place) else f"{Path(error.subject).name}: "
    return _error(code, place, f"{where}wanted {error.wanted}, got {error.got}", error.remedy)


# --- the root


def _root_files(study: Path) -> Iterator[Finding]:
    needed = (layout.description(study), layout.participants(study), layout.manifest(study))
    for path in needed:
        if not path.is_file():
            yield _error("file-missing", path.name, "every study has this file", "write it")
    if not layout.readme(study).is_file():
        yield Finding("file-missing", "README", "warning", "every study has this file", "write a few lines")


def _description(study: Path) -> Iterator[Finding]:
    path = layout.description(study)
    fields = None
    if path.is_file():
        try:
            fields = json.loads(path.read_bytes())
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or not all(
            isinstance(fields.get(key), str) for key in ("Name", "BIDSVersion")
        ):
            yield _error(
                "description-invalid", path.name, "it needs Name and BIDSVersion as JSON", "correct it"
            )
    simulated = isinstance(fields, dict) and fields.get("Simulated") is True
    if (study / layout.TRUTH).is_dir() and not simulated:
        yield _error(
            "truth-unexpected",
            layout.TRUTH.as_posix(),
            "only a simulated study has such a folder, and this one does not say that it is simulated",
            "remove the folder, or state Simulated in dataset_description.json",
        )


def _participants(study: Path) -> Iterator[Finding]:
    path = layout.participants(study)
    if not path.is_file():
        return
    try:
        table = tables.read_participants(path)
    except DataError as error:
        yield _unreadable("participants-invalid", path.name, error)
        return
    names = [str(name) for name in table["participant_id"]]
    levels = table["consent_level"] if "consent_level" in table else [None] * len(names)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _error("participants-duplicate", path.name, f"{name} is there more than once", "remove a row")
    for name, level in zip(names, levels, strict=True):
        yield from _row(name, level)
    folders = {p.name for p in study.glob("sub-*") if p.is_dir()}
    for name in sorted(set(names) - folders):
        yield _error(
            "participants-folder", path.name, f"{name} has no folder", "add the recordings or remove the row"
        )
    for name in sorted(folders - set(names)):
        yield _error("participants-folder", name, "participants.tsv does not name this folder", "add a row")


def _row(name: str, level: str | None) -> Iterator[Finding]:
    if not layout.is_participant_id(name):
        yield _error("participants-id", "participants.tsv", f"{name!r} is no id as in sub-001", "rename it")
    if level is None:
        yield Finding(
            "consent-absent",
            "participants.tsv",
            "warning",
            f"{name} has no consent level and is treated as level 2, the strictest",
            "ask what the participant allowed",
        )
    elif level not in ("1", "2"):
        yield _error("consent-level", "participants.tsv", f"{name} has {level!r}", "write 1, 2 or n/a")


# --- one participant


@dataclass(frozen=True)
class _Person:
    """The checks of one participant's files."""

    study: Path
    name: str

    def check(self) -> list[Finding]:
        """All findings about this participant."""
        findings = [*self._eeg(), *self._physio()]
        trials, found = self._trials()
        n_frames, of_videos = self._videos()
        coded = list(self._coding(trials, n_frames))
        if not any(finding.severity == "error" for finding in (*found, *of_videos, *coded)):
            coded += self._labels()  # only of tables and frames that are sound
        return [*findings, *found, *of_videos, *coded, *self._timing()]

    def _place(self, path: Path) -> str:
        return path.relative_to(self.study).as_posix()

    def _eeg(self) -> Iterator[Finding]:
        path = layout.eeg(self.study, self.name)
        duration_s = None
        if path.is_file():
            try:
                header = read_brainvision_header(path)
            except DataError as error:
                yield _unreadable("eeg-invalid", self._place(path), error)
            else:
                duration_s = header.n_samples / header.rate_hz
                if not header.marker_file.is_file():
                    yield _error(
                        "eeg-invalid", self._place(path), "its .vmrk is missing", "restore it from a copy"
                    )
                yield from self._channels(header.channel_names)
                yield from self._stated_length(duration_s)
        yield from self._events(duration_s)

    def _stated_length(self, duration_s: float) -> Iterator[Finding]:
        path = layout.eeg_json(self.study, self.name)
        try:
            stated = json.loads(path.read_bytes())["RecordingDuration"]
        except FileNotFoundError:
            yield _error("file-missing", self._place(path), "every EEG has this file", "write it")
        except OSError as error:
            yield _error("eeg-invalid", self._place(path), error.strerror or "unreadable", "restore it")
        except (ValueError, KeyError, TypeError):
            return  # the field is optional, and BIDS's own validator checks the rest
        else:
            if not isinstance(stated, (int, float)) or abs(stated - duration_s) > 1e-6 * max(1, duration_s):
                yield _error(
                    "eeg-length",
                    self._place(layout.eeg(self.study, self.name)),
                    f"the data lasts {duration_s:g} s, the JSON says {stated} s",
                    "restore the recording from a copy",
                )

    def _channels(self, names: Sequence[str]) -> Iterator[Finding]:
        path = layout.channels(self.study, self.name)
        try:
            table = tables.read_table(path, columns=layout.CHANNEL_COLUMNS, filled=["name", "type"])
        except DataError as error:
            yield _unreadable("table-invalid", self._place(path), error)
            return
        if list(table["name"]) != list(names):
            yield _error(
                "eeg-channels",
                self._place(path),
                f"it lists {len(table)} channels, the EEG has {len(names)}, or names or order differ",
                "list the channels as the EEG's header does",
            )

    def _events(self, duration_s: float | None) -> Iterator[Finding]:
        path = layout.events(self.study, self.name)
        if not path.is_file():
            return
        try:
            table = tables.read_events(path)
        except DataError as error:
            yield _unreadable("table-invalid", self._place(path), error)
            return
        last = np.inf if duration_s is None else duration_s
        for row in np.flatnonzero(~table["onset"].between(0.0, last)):
            yield _error(
                "events-range",
                f"{self._place(path)}, row {row + 2}",
                f"onset {table['onset'][row]:g} s lies outside the recording of {last:g} s",
                "correct the onset",
            )

    def _physio(self) -> Iterator[Finding]:
        path = layout.physio(self.study, self.name)
        if path.is_file():
            try:
                read_physio(path)
            except DataError as error:
                yield _unreadable("physio-invalid", self._place(path), error)

    def _trials(self) -> tuple[set[int], list[Finding]]:
        path = layout.trials(self.study, self.name)
        if not path.is_file():
            return set(), []
        try:
            numbers = tables.read_trials(path)["trial"].tolist()
        except DataError as error:
            return set(), [_unreadable("table-invalid", self._place(path), error)]
        twice = sorted({n for n in numbers if numbers.count(n) > 1})
        found = [
            _error("trials-duplicate", self._place(path), f"trial {n} is there more than once", "correct it")
            for n in twice
        ]
        return set(numbers), found

    def _videos(self) -> tuple[dict[int, int], list[Finding]]:
        """Frames by run, counted in the video or else its frame times, and what is wrong with them."""
        n_frames: dict[int, int] = {}
        findings: list[Finding] = []
        videos = [p for p in sorted((self.study / self.name).rglob("*_video.*")) if layout.is_video(p)]
        filmed = {layout.run_of(path) for path in videos}
        for path in videos:
            run = layout.run_of(path)
            if run is None:
                findings.append(
                    _error("video-name", self._place(path), "its name states no run", "name it _run-01_")
                )
                continue
            try:
                n_frames[run] = count_frames(path)
            except DataError as error:
                findings.append(_unreadable("video-invalid", self._place(path), error))
            findings += self._stamps(layout.frame_times(self.study, self.name, run), n_frames.get(run))
        for path in sorted((self.study / self.name).rglob("*_frametimes.tsv")):
            run = layout.run_of(path)
            if run is not None and run not in filmed:
                findings += self._stamps(path, None)  # videos may be withheld; coding still counts frames
                n_frames[run] = path.read_bytes().count(b"\n") - 1
        return n_frames, findings

    def _stamps(self, path: Path, n_frames: int | None) -> Iterator[Finding]:
        place = self._place(path)
        if not path.is_file():
            yield _error(
                "frames-missing", place, "every video has a table of frame times", "restore it from a copy"
            )
            return
        try:
            table = tables.read_frame_times(path)
        except DataError as error:
            yield _unreadable("table-invalid", place, error)
            return
        if n_frames is not None and len(table) != n_frames:
            message = f"it has {len(table)} rows, the video has {n_frames} frames"
            yield _error("frames-count", place, message, "restore video and table of one recording")
        if (table["frame"] != np.arange(len(table))).any():
            yield _error("frames-numbers", place, "frames do not count 0, 1, 2...", "number them in order")
        for what in ("host_time_s", "counter"):
            steps = table[what].dropna().astype(float).diff().dropna()
            if (steps < 0).any():
                row = int(steps.index[(steps < 0).to_numpy()][0]) + 2
                yield _error(
                    "frames-order", f"{place}, row {row}", f"{what} goes back", "restore it from a copy"
                )

    def _labels(self) -> Iterator[Finding]:
        rows = read_expressions(StudySession(self.study, self.name))
        for coder in sorted({row.coder for row in rows}):
            place = self._place(layout.coding(self.study, self.name, coder))
            yield from check_labels(place, [row for row in rows if row.coder == coder])

    def _timing(self) -> Iterator[Finding]:
        yield from self._codes()
        yield from self._lost_frames()
        yield from self._clocks()

    def _codes(self) -> Iterator[Finding]:
        """Trials whose clip has no code among the EEG's events."""
        session = StudySession(self.study, self.name)
        try:
            events, trials = session.events(), session.trials()
        except DataError:
            return
        if events is None or trials is None:
            return
        seen = set(events["value"].dropna().astype(int))
        for row in tables.rows(trials):
            if row["code"] is not None and int(row["code"]) not in seen:
                yield Finding(
                    "timing-code",
                    self._place(layout.events(self.study, self.name)),
                    "warning",
                    f"the code {row['code']} of trial {row['trial']} is not among the events",
                    "its times rest on the other trials' codes; mien sync says how well",
                )

    def _lost_frames(self) -> Iterator[Finding]:
        """Runs whose camera lost frames, by its counter."""
        for run, video in StudySession(self.study, self.name).videos().items():
            if video.frame_times_path is None:
                continue
            try:
                counter = video.counter
            except DataError:
                continue
            lost = 0 if counter is None or counter.size < 2 else int(np.ptp(counter)) + 1 - counter.size
            if lost > _LOST_SHARE * (0 if counter is None else counter.size):
                yield Finding(
                    "timing-frames-lost",
                    self._place(video.frame_times_path),
                    "warning",
                    f"by the counter {lost} frames of run {run} are not there",
                    "look whether an expression lies in the gap",
                )

    def _clocks(self) -> Iterator[Finding]:
        path = sync_path(self.study, self.name)
        if not path.is_file():
            return
        try:
            told = json.loads(path.read_bytes())
            streams = {name: told[name] for name in ("polygraph", "camera") if told.get(name)}
            failed = [f"{name}: {s['reason']}" for name, s in streams.items() if s["verdict"] == "failed"]
            failed += [f"run {n}: {c['reason']}" for n, c in told["clips"].items() if not c["accepted"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            yield _error("timing-sync", self._place(path), "no clock maps of mien", "call mien sync again")
            return
        for reason in failed:
            yield Finding(
                "timing-sync",
                self._place(path),
                "warning",
                f"a clock could not be fitted: {reason}",
                "look at mien sync --plot; what rests on it has no times",
            )

    def _coding(self, trials: set[int], n_frames: dict[int, int]) -> Iterator[Finding]:
        for path in sorted(layout.coding_folder(self.study, self.name).glob("*.tsv")):
            place = self._place(path)
            if layout.coder_of(path) is None:
                yield _error(
                    "coding-name", place, "its name states no coder", "name it _coder-A_expressions.tsv"
                )
                continue
            try:
                table = tables.read_coding(path)
            except DataError as error:
                yield _unreadable("table-invalid", place, error)
                continue
            for number, row in enumerate(tables.rows(table), start=2):
                for code, message, remedy in _expression(row, trials, n_frames):
                    yield _error(code, f"{place}, row {number}", message, remedy)


def _expression(
    row: dict[str, object], trials: set[int], n_frames: dict[int, int]
) -> Iterator[tuple[str, str, str]]:
    """Code, message and remedy of everything wrong with one coded expression."""
    marks = [int(str(row[name])) for name in layout.CODING_COLUMNS[2:5] if row[name] is not None]
    flags = str(row.get("flags") or "").split()
    if row["onset_frame"] is None and not {"mark-missing", "frames-missing", "order"} & set(flags):
        yield "coding-onset", "it has no onset", "code the onset, or remove the row"
    if marks != sorted(marks) and "order" not in flags:
        yield "coding-order", f"onset, apex, offset are {marks}", "correct the order of the frames"
    run = int(str(row["run"]))
    if run not in n_frames:
        yield (
            "coding-run",
            f"run {run} has no readable video or frame times",
            "correct the run or add its files",
        )
    elif marks and (min(marks) < 0 or max(marks) >= n_frames[run]):
        yield "coding-range", f"frames {marks} of {n_frames[run]}", "count frames from 0 in the run's video"
    if int(str(row["trial"])) not in trials:
        yield "coding-trial", f"_beh.tsv has no trial {row['trial']}", "correct the trial"
    if row["kind"] not in (None, *_KINDS):
        yield "coding-kind", f"kind is {row['kind']!r}", "write micro, macro or n/a"
    try:
        tables.parse_action_units(None if row["action_units"] is None else str(row["action_units"]))
    except DataError as error:
        yield "coding-action-units", f"{error.got} is no action unit", f"wanted {error.wanted}"
