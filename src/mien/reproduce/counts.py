"""What a study holds, counted from its tables: nothing is decoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mien.core.errors import DataError, MienError
from mien.core.expression import Expression
from mien.dataset import Study, open_study, read_expressions
from mien.dataset.expressions import MergedExpression, merge_expressions
from mien.dataset.manifest import ManifestRow, read_manifest
from mien.experiments.study_source import CLASSES, label_of
from mien.features.face_pass import PART_S
from mien.reproduce.setting import Setting

_UNKNOWN_S, _UNKNOWN_HZ = 60.0, 150.0
_MEGAPIXELS = 192 * 192 / 1e6


@dataclass(slots=True)
class Counts:
    """Of one study; what the manifest does not say counts as a minute at 150 Hz for every run.

    Parameters
    ----------
    videos, parts, video_s, frames
        Runs with a video, their parts of 20 s, seconds and frames of all.
    searched, voiced
        Participants with a video, and with sound.
    megapixels
        Of a frame of the first video.
    body, brain
        Participant -> minutes of peripheral signals, of EEG.
    samples, runs, subjects
        By the number of classes: micro-expressions with one of them; runs and participants that have any.
    lags
        Different lengths of expressions that folds learn from their training participants.
    expressions
        Micro and macro, rows of several coders counted once.
    """

    participants: int = 0
    videos: int = 0
    parts: int = 0
    video_s: float = 0.0
    frames: int = 0
    searched: int = 0
    voiced: int = 0
    megapixels: float = _MEGAPIXELS
    body: dict[str, float] = field(default_factory=dict)
    brain: dict[str, float] = field(default_factory=dict)
    samples: Counter[int] = field(default_factory=Counter)
    runs: Counter[int] = field(default_factory=Counter)
    subjects: Counter[int] = field(default_factory=Counter)
    lags: int = 1
    expressions: int = 0


def counts(setting: Setting, study: Path | None = None) -> Counts:
    """Of the setting's study or another one, counted once; raises DataError if the folder is no study."""
    folder = study or setting.study
    return setting.once(f"counts of {folder}", lambda: count(open_study(folder)))


def count(study: Study) -> Counts:
    """What the tables of a study say."""
    try:
        rows = read_manifest(study.folder)
    except DataError:
        rows = {}
    found = Counts(participants=len(study.participants))
    lengths: dict[str, list[Expression]] = {}
    for who in study.participants:
        films = _films(found, study, who, rows)
        found.searched += bool(films)
        merged = merge_expressions(read_expressions(study.session(who)))
        _classes(found, merged, films)
        lengths[who] = [_timed(one) for one in merged]
        found.expressions += len(merged)
        for kind, word in ((found.body, "_physio.tsv"), (found.brain, "_eeg.")):
            minutes = _minutes(study, who, word, rows)
            kind.update({who: minutes} if minutes else {})
    found.lags = _lags(lengths)
    return found


def _films(found: Counts, study: Study, who: str, rows: dict[str, ManifestRow]) -> dict[int, Path]:
    """The videos of a participant by run, added to the counts."""
    films: dict[int, Path] = {}
    voiced = False
    for run, video in study.session(who).videos().items():
        voiced = voiced or video.audio_path is not None
        if video.path is None:
            continue
        films[run] = Path(video.path)
        row = rows.get(films[run].relative_to(study.folder).as_posix())
        rate = float(row.rate_hz) if row is not None and row.rate_hz else _UNKNOWN_HZ
        frames = int(row.n_frames) if row is not None and row.n_frames else round(_UNKNOWN_S * rate)
        if not found.videos:
            found.megapixels = _size(films[run])
        found.videos += 1
        found.frames += frames
        found.video_s += frames / rate
        found.parts += max(1, int(-(-(frames / rate - 0.1) // PART_S)))
    found.voiced += voiced
    return films


def _size(video: Path) -> float:
    """Megapixels of a frame, by the file's header."""
    import av

    try:
        with av.open(str(video)) as reader:
            stream = reader.streams.video[0]
            return float(stream.width * stream.height) / 1e6 or _MEGAPIXELS
    except (OSError, IndexError, av.error.FFmpegError):
        return _MEGAPIXELS


def _classes(found: Counts, merged: list[MergedExpression], films: dict[int, Path]) -> None:
    for n_classes in CLASSES:
        own = [one for one in merged if one.kind == "micro" and label_of(one.emotion, n_classes) is not None]
        found.samples[n_classes] += len(own)
        found.runs[n_classes] += len({one.run for one in own} & set(films))
        found.subjects[n_classes] += bool(own)


def _timed(one: MergedExpression) -> Expression:
    times = one.times
    return Expression(times.onset_s, times.apex_s, times.offset_s, one.kind)


def _lags(coded: dict[str, list[Expression]]) -> int:
    """How many pairs of mean lengths, in whole frames, come up when each participant is left out."""
    from mien.spotting.frames import mean_length

    found = set()
    for left in coded:
        others = [own for who, own in coded.items() if who != left]
        means = (mean_length(others, "micro"), mean_length(others, "macro"))
        found.add(tuple(None if mean is None else int(mean) for mean in means))
    return max(1, len(found))


def _minutes(study: Study, who: str, word: str, rows: dict[str, ManifestRow]) -> float:
    """Of a participant's signals; every video a minute where the manifest does not say."""
    own = [row for place, row in rows.items() if place.startswith(f"{who}/") and word in place]
    known = [row.n_samples / row.rate_hz / 60 for row in own if row.n_samples and row.rate_hz]
    if known:
        return float(sum(known))
    if not any((study.folder / who).glob(f"*/*{word}*")):
        return 0.0
    try:
        return float(max(1, len(study.session(who).videos()))) * _UNKNOWN_S / 60
    except MienError:
        return _UNKNOWN_S / 60
