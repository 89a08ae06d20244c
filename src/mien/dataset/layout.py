"""The paths of a study: the one place that knows names of folders and files.

Every function is pure and takes the study's folder first. A participant is a label as in `001`, with or
without `sub-` before it; a coder is a label as in `A`; a run is a number from 1.
"""

from __future__ import annotations

import re
from pathlib import Path

from mien.core.errors import OptionError

TASK = "elicitation"
PHYSIO_RECORDING = "biopac"
TRUTH = Path("derivatives") / "truth"
"""Only simulated studies have it; written and read by the simulator alone."""

PARTICIPANT_COLUMNS = ("participant_id", "age", "sex", "consent_level")
MANIFEST_COLUMNS = ("path", "size_bytes", "sha256", "n_samples", "n_frames", "rate_hz")
CHANNEL_COLUMNS = ("name", "type", "units")
EVENT_COLUMNS = ("onset", "duration", "trial_type", "value")
TRIAL_COLUMNS = ("trial", "code", "stimulus", "emotion", "self_report", "valence", "arousal")
FRAME_COLUMNS = ("frame", "counter", "host_time_s")
CODING_COLUMNS = (
    "trial",
    "run",
    "onset_frame",
    "apex_frame",
    "offset_frame",
    "kind",
    "action_units",
    "emotion",
)
CODING_NOTES = ("three_class", "flags", "source_row", "source_marks")
"""What an imported coding table says beside: its flags, and row and cells of the table it came from."""
UNMERGED = "unmerged"
"""The coder of a table in which rows of several coders stand side by side, without saying whose."""
FINAL = "final"
"""The coder of the table that several coders agreed on: in its runs it stands for all of theirs."""
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".mpg")
BIDS_LACKS = (
    *("*_video.*", "*_frametimes.*", "*_audio.wav", "manifest.tsv", "derivatives/"),
    *("sourcedata/", "protocol.yaml", "*_provenance.tsv"),
)
"""What goes in `.bidsignore`."""

_LABEL = re.compile(r"[0-9A-Za-z]+")
_RUN = re.compile(r"_run-(\d+)_(?:video\.(?:mp4|avi|mov|mkv|mpg)|frametimes\.tsv)$")
_CODER = re.compile(r"_coder-([0-9A-Za-z]+)_expressions\.tsv$")


def participant_id(participant: str) -> str:
    """`sub-001` of `001` or `sub-001`; raises OptionError for what cannot be a folder's name in BIDS."""
    return f"sub-{_label('participant', participant.removeprefix('sub-'))}"


def is_participant_id(name: str) -> bool:
    """Whether a name is one as in `sub-001`."""
    return name.startswith("sub-") and _LABEL.fullmatch(name[4:]) is not None


def _label(what: str, value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise OptionError(what, wanted="letters and digits only", got=repr(value), remedy="rename it")
    return value


# --- the whole study


def description(study: Path) -> Path:
    """What the study is."""
    return study / "dataset_description.json"


def readme(study: Path) -> Path:
    """A few lines for people."""
    return study / "README"


def ignored(study: Path) -> Path:
    """The files that the BIDS validator leaves out."""
    return study / ".bidsignore"


def participants(study: Path) -> Path:
    """Who took part and what each allowed."""
    return study / "participants.tsv"


def participants_json(study: Path) -> Path:
    """What the columns of `participants.tsv` mean."""
    return study / "participants.json"


def manifest(study: Path) -> Path:
    """Size and digest of every raw file."""
    return study / "manifest.tsv"


def stimuli(study: Path) -> Path:
    """The clips that were shown."""
    return study / "stimuli" / "stimuli.tsv"


def protocol(study: Path) -> Path:
    """The schedule by which the study is recorded."""
    return study / "protocol.yaml"


def source_folder(study: Path, participant: str) -> Path:
    """What was kept while a participant was recorded: journal, frames and streams as they came."""
    return study / "sourcedata" / participant_id(participant)


def events_json(study: Path) -> Path:
    """What the columns of every `_events.tsv` mean."""
    return study / f"task-{TASK}_events.json"


def derivatives(study: Path) -> Path:
    """What was computed or coded from the recordings."""
    return study / "derivatives"


# --- one participant


def participant_folder(study: Path, participant: str) -> Path:
    """Everything that was recorded of one participant."""
    return study / participant_id(participant)


def _file(study: Path, participant: str, kind: str, rest: str) -> Path:
    name = participant_id(participant)
    return study / name / kind / f"{name}_task-{TASK}_{rest}"


def eeg_stem(study: Path, participant: str) -> Path:
    """The EEG's .vhdr, .vmrk, .eeg and .json without their suffix."""
    return _file(study, participant, "eeg", "eeg")


def eeg(study: Path, participant: str) -> Path:
    """The EEG's header."""
    return _file(study, participant, "eeg", "eeg.vhdr")


def eeg_json(study: Path, participant: str) -> Path:
    """How the EEG was recorded."""
    return _file(study, participant, "eeg", "eeg.json")


def channels(study: Path, participant: str) -> Path:
    """Names, types and units of the EEG's channels."""
    return _file(study, participant, "eeg", "channels.tsv")


def events(study: Path, participant: str) -> Path:
    """What happened when, in seconds of the EEG's recording."""
    return _file(study, participant, "eeg", "events.tsv")


def beh_events(study: Path, participant: str) -> Path:
    """What happened when where no EEG was recorded, in seconds of the session."""
    return _file(study, participant, "beh", "events.tsv")


def motion(study: Path, participant: str) -> Path:
    """How the participant moved while being watched: one row per measured frame."""
    name = participant_id(participant)
    return derivatives(study) / "monitoring" / name / f"{name}_task-{TASK}_motion.tsv"


def physio(study: Path, participant: str) -> Path:
    """Peripheral signals."""
    return _file(study, participant, "beh", f"recording-{PHYSIO_RECORDING}_physio.tsv.gz")


def physio_json(study: Path, participant: str) -> Path:
    """Rate, start and columns of the peripheral signals."""
    return _file(study, participant, "beh", f"recording-{PHYSIO_RECORDING}_physio.json")


def trials(study: Path, participant: str) -> Path:
    """One row per trial."""
    return _file(study, participant, "beh", "beh.tsv")


def trials_json(study: Path, participant: str) -> Path:
    """What the columns of the trials mean."""
    return _file(study, participant, "beh", "beh.json")


def video(study: Path, participant: str, run: int, *, suffix: str = ".mp4") -> Path:
    """The video of one run; imported ones keep their container, one of `VIDEO_SUFFIXES`."""
    return _file(study, participant, "beh", f"{_run(run)}_video{suffix}")


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a run's video."""
    return path.suffix in VIDEO_SUFFIXES and path.stem.endswith("_video")


def frame_times(study: Path, participant: str, run: int) -> Path:
    """Counter and host stamp of every frame of a run's video."""
    return _file(study, participant, "beh", f"{_run(run)}_frametimes.tsv")


def frame_times_json(study: Path, participant: str, run: int) -> Path:
    """Where the stamps of a run's frames come from, if they were not measured by a recorder."""
    return _file(study, participant, "beh", f"{_run(run)}_frametimes.json")


def audio(study: Path, participant: str, run: int) -> Path:
    """The sound of one run."""
    return _file(study, participant, "beh", f"{_run(run)}_audio.wav")


def provenance(study: Path, participant: str) -> Path:
    """Where each run was cut from: recording, seconds, source, licence; it stays in the study."""
    return _file(study, participant, "beh", "provenance.tsv")


def shot_cuts(study: Path, participant: str) -> Path:
    """Where the picture of a participant's runs is cut."""
    return _marks(study, participant, "cuts.tsv")


def voice_spans(study: Path, participant: str) -> Path:
    """Stretches of voice in a participant's runs, and whether the face in view speaks."""
    return _marks(study, participant, "voices.tsv")


def _marks(study: Path, participant: str, rest: str) -> Path:
    name = participant_id(participant)
    return derivatives(study) / "marks" / name / f"{name}_task-{TASK}_{rest}"


def _run(run: int) -> str:
    if run < 1:
        raise OptionError("run", wanted="a number from 1", got=run, remedy="count runs from 1")
    return f"run-{run:02d}"


def coding_folder(study: Path, participant: str) -> Path:
    """The tables of every coder of one participant."""
    return derivatives(study) / "coding" / participant_id(participant)


def coding(study: Path, participant: str, coder: str) -> Path:
    """The expressions that one coder found."""
    name = f"{participant_id(participant)}_task-{TASK}_coder-{_label('coder', coder)}_expressions.tsv"
    return coding_folder(study, participant) / name


def coded_runs(study: Path, participant: str, coder: str) -> Path:
    """Which runs a coder went through, beside the coder's table."""
    return coding(study, participant, coder).with_suffix(".json")


def run_of(path: Path) -> int | None:
    """The run that the name of a video or a table of frame times states; None for another file."""
    found = _RUN.search(path.name)
    return int(found[1]) if found and int(found[1]) > 0 else None


def coder_of(table: Path) -> str | None:
    """The coder that a coding table's name states; None for another file."""
    found = _CODER.search(table.name)
    return found[1] if found else None
