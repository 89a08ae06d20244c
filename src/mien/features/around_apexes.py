"""What the rest of a person does around the apexes of expressions: brain, body and voice.

A recorder of a person is a job: its address names the content of every file that is read, the apexes and the
settings. What cannot be measured is missing with a reason, never filled. Frames become seconds through the
maps of `mien sync`; EEG and peripheral signals through the clocks of their recorders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.records import Json, to_json
from mien.core.time import FloatArray
from mien.dataset import Study, layout, open_study, synchronise
from mien.dataset.expressions import frame_seconds
from mien.dataset.manifest import file_digest
from mien.dataset.recorders import ReadOnce, says_shared_clock
from mien.dataset.synchronise import SessionSync
from mien.features.body_features import BODY_FEATURES, body_features
from mien.jobs import Executor, Job, Plan, Store, run_plan, silent
from mien.jobs.plan import Output

VERSION = 1
"""Raised whenever what is measured around an apex may become something else."""

RECORDERS: Mapping[str, str] = MappingProxyType(
    {"eeg": "brain", **dict.fromkeys(BODY_FEATURES, "body"), "speech": "voice"}
)
"""Which recorder each modality comes from."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-apex": "the apex was not observed",
        "no-frame-times": "the run has no table of frame times",
        "no-eeg": "the session has no EEG",
        "no-sound": "the run has no sound",
        "no-events": "the EEG, the master clock, has no events",
        "no-camera-clock": "the camera's clock could not be fitted to the EEG's",
        "no-polygraph-clock": "the polygraph's triggers could not be matched with the EEG's",
        "clock-step": "the window crosses a step of the recorder's clock",
        "other-channels": "the session's EEG has other channels, or another rate, than most",
        "nothing-measured": "no feature of this signal could be measured in the window",
    }
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An expression by name, the run of its video, and the frame of its apex (None: not observed)."""

    name: str
    run: int
    apex: int | None


@dataclass(frozen=True, slots=True)
class ApexSettings:
    """How brain, body and voice are measured around an apex.

    Parameters
    ----------
    window_s
        Length of the window centred on the apex for EEG and peripheral signals (MMME section 4.2.2: 10 s).
    artefacts, order
        As in `signals.eeg.cleaning.clean_session`: which components leave the EEG, and whether they are
        sought on the broad band or, as in the paper, in each band.
    bands
        Whether the EEG enters as its five bands, stacked as rows, instead of as one broad band. The paper
        does not say how its five bands enter EEGNet; the broad band is our choice.
    recipe
        Preprocessing of peripheral signals: "recommended" or "paper".
    baseline
        "own-session": peripheral features are deviations from the median of the person's own recording, in
        windows of the same length over the whole of it, in units of its spread; levels of the voice are those
        over the person's usual ones, the mean of each band in all of the session's speech. It uses no label
        and nobody else, as a filter does. "none": as measured.
    speech_s
        Length of the window of sound centred on the apex.
    """

    window_s: float = 10.0
    artefacts: Literal["adjust", "iclabel", "eog", "none"] = "adjust"
    order: Literal["broadband", "band-split-first"] = "broadband"
    bands: bool = False
    recipe: Literal["recommended", "paper"] = "recommended"
    baseline: Literal["own-session", "none"] = "own-session"
    speech_s: float = 4.0

    def __post_init__(self) -> None:
        known: dict[str, tuple[str, ...]] = {
            "artefacts": ("adjust", "iclabel", "eog", "none"),
            "order": ("broadband", "band-split-first"),
            "recipe": ("recommended", "paper"),
            "baseline": ("own-session", "none"),
        }
        for what, words in known.items():
            if getattr(self, what) not in words:
                raise OptionError(
                    what,
                    wanted=f"one of {', '.join(words)}",
                    got=getattr(self, what),
                    remedy="choose one of them",
                )
        for what in ("window_s", "speech_s"):
            if not 1 <= getattr(self, what) <= 60:
                raise OptionError(
                    what, wanted="1 to 60 s", got=getattr(self, what), remedy="give another length"
                )

    def of(self, recorder: str) -> dict[str, Json]:
        """The settings that decide over what one recorder gives."""
        names = {
            "brain": ("window_s", "artefacts", "order", "bands"),
            "body": ("window_s", "recipe", "baseline"),
            "voice": ("speech_s", "baseline"),
        }[recorder]
        return {name: to_json(asdict(self)[name]) for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """One modality of all expressions.

    Parameters
    ----------
    values
        Name of the expression -> its array, only where it could be measured.
    reasons
        Name -> why there is none, a word of `REASONS` or of the modality's room.
    about
        Participant -> what the measurement says of the whole session (of the EEG: what was removed).
    """

    values: Mapping[str, NDArray[Any]]
    reasons: Mapping[str, str]
    about: Mapping[str, Json]


def measure_around_apexes(
    study: Study,
    moments: Mapping[str, Sequence[Moment]],
    modalities: Sequence[str],
    settings: ApexSettings,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> dict[str, Readings]:
    """Every modality around every apex; what the store holds is not measured again.

    Parameters
    ----------
    moments
        Participant -> expressions, with names of their own over all participants.
    modalities
        Keys of `RECORDERS`.

    Raises
    ------
    OptionError
        For an unknown modality.
    DataError
        If a table or a recording is damaged.
    """
    unknown = [name for name in modalities if name not in RECORDERS]
    if unknown:
        raise OptionError(
            "--modalities",
            wanted=f"among {', '.join(RECORDERS)}",
            got=", ".join(unknown),
            remedy="name others",
        )
    shared = says_shared_clock(study)
    recorders = list(dict.fromkeys(RECORDERS[name] for name in modalities))
    jobs = [
        Job(
            f"{who}, {recorder}",
            _address(study, who, recorder, own, settings, shared),
            {"who": who, "recorder": recorder, "moments": tuple(own)},
        )
        for who, own in moments.items()
        for recorder in recorders
        if own
    ]
    context = (str(study.folder), settings, shared)
    plan = Plan(_measure, context, jobs, preload=("mne", "mien.features.around_apexes"))
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    return {name: _readings(name, jobs, outputs) for name in modalities}


def _readings(modality: str, jobs: Sequence[Job], outputs: Sequence[Output]) -> Readings:
    values: dict[str, NDArray[Any]] = {}
    reasons: dict[str, str] = {}
    about: dict[str, Json] = {}
    layouts: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {}
    for job, output in zip(jobs, outputs, strict=True):
        if job.arguments["recorder"] != RECORDERS[modality]:
            continue
        why: Any = output[f"{modality}.reasons"]
        rows = _rows(modality, output)
        if output.get("about") is not None:
            about[job.arguments["who"]] = output["about"]  # type: ignore[assignment]
        for number, moment in enumerate(job.arguments["moments"]):
            if why[number]:
                reasons[moment.name] = str(why[number])
            else:
                assert rows is not None
                values[moment.name] = rows[number]
                layouts[moment.name] = (rows[number].shape, tuple(output.get(f"{modality}.channels") or ()))  # type: ignore[arg-type]
    # A session with other electrodes cannot be stacked with the rest.
    # So is one at another rate.
    usual = Counter(layouts.values()).most_common(1)[0][0] if layouts else ()
    odd = [name for name in values if layouts[name] != usual]
    kept = {name: array for name, array in values.items() if name not in odd}
    return Readings(kept, {**reasons, **dict.fromkeys(odd, "other-channels")}, about)


def _rows(modality: str, output: Output) -> NDArray[Any] | None:
    """One row for each expression; of speech its levels with their masks, as one structured array."""
    if modality not in output:
        return None
    levels = np.asarray(output[modality])
    if modality != "speech":
        return levels
    n_frames, n_bands = levels.shape[1:]
    fields = [("audio", "f4", (n_frames, n_bands)), ("heard", "?", n_frames), ("voiced", "?", n_frames)]
    rows = np.zeros(len(levels), dtype=np.dtype(fields))
    rows["audio"] = levels
    rows["heard"], rows["voiced"] = output["speech.heard"], output["speech.voiced"]
    return rows


def _address(
    study: Study, who: str, recorder: str, moments: Sequence[Moment], settings: ApexSettings, shared: bool
) -> dict[str, Json]:
    session = layout.participant_folder(study.folder, who)
    patterns = {
        "brain": ("eeg/*",),
        "body": ("eeg/*_events.tsv", "beh/*_physio.*"),
        "voice": ("beh/*_audio.wav",),
    }[recorder]
    trials = layout.trials(study.folder, who)
    files = sorted({path for one in (*patterns, "beh/*_frametimes.tsv") for path in session.glob(one)})
    libraries = {
        "brain": ("numpy", "scipy", "mne"),
        "body": ("numpy", "scipy", "neurokit2"),
        "voice": ("numpy", "scipy", "librosa", "soxr"),
    }
    if recorder == "brain" and settings.artefacts == "iclabel":
        libraries["brain"] += ("mne-icalabel", "onnxruntime")
    return {
        "function": "features.around_apexes",
        "function_version": VERSION,
        "libraries": {name: version(name) for name in libraries[recorder]},
        "participant": who,
        "recorder": recorder,
        "settings": settings.of(recorder),
        "shared_clock": shared,
        "files": {path.name: file_digest(path) for path in (*files, trials) if path.is_file()},
        "moments": [to_json(asdict(one)) for one in moments],
    }


def _measure(
    context: tuple[str, ApexSettings, bool], *, who: str, recorder: str, moments: tuple[Moment, ...]
) -> Output:
    folder, settings, shared = context
    opened = open_study(Path(folder)).session(who)
    session = ReadOnce(opened.study, opened.participant_id)
    measure = {"brain": _brain, "body": _body, "voice": _voice}[recorder]
    return measure(session, moments, settings, shared)


# --- the clocks


def _apexes(
    session: ReadOnce, moments: Sequence[Moment], sync: SessionSync | None
) -> tuple[FloatArray, NDArray[Any]]:
    """Seconds of the apexes, (n,), NaN with a reason where there are none; master clock with a `sync`."""
    videos = session.videos()
    clocks = {run: frame_seconds(videos.get(run), run, sync) for run in {one.run for one in moments}}
    times = np.full(len(moments), np.nan)
    reasons = np.full(len(moments), "", dtype=object)
    for number, one in enumerate(moments):
        clock = clocks[one.run]
        if isinstance(clock, str):
            reasons[number] = "no-camera-clock" if clock.startswith("no-clock") else clock
        elif one.apex is None or not 0 <= one.apex < len(clock):
            reasons[number] = "no-apex"
        else:
            times[number] = clock[one.apex]
    return times, reasons


def _synchronised(session: ReadOnce, shared: bool) -> SessionSync | str | None:
    """The maps to the master clock; None where the recorders share one; else why there are none."""
    if session.events() is None:
        return None if shared else "no-events"
    try:
        sync = synchronise(session)
    except DataError as error:
        return f"no-clock: {error}"
    return "no-camera-clock" if sync.camera is None or sync.camera.fit.verdict == "failed" else sync


# --- the recorders


def _brain(
    session: ReadOnce, moments: tuple[Moment, ...], settings: ApexSettings, shared: bool
) -> dict[str, Any]:
    from mien.signals.eeg import raw_around_apexes
    from mien.signals.eeg.cleaning import clean_bands, clean_session
    from mien.signals.eeg.cleaning_settings import CleaningSettings

    raw = session.eeg()
    sync = "no-eeg" if raw is None else _synchronised(session, shared)
    if raw is None or isinstance(sync, str):
        return {"eeg.reasons": [sync] * len(moments), "about": None}
    apexes, reasons = _apexes(session, moments, sync)
    how = CleaningSettings(method=settings.artefacts)
    try:
        if settings.bands or settings.order != "broadband":
            parts = list(clean_bands(raw, how, order=settings.order))
        else:
            parts = [("broadband", clean_session(raw, how))]
    except DataError as error:  # this session's EEG is not fit; others' is
        return {"eeg.reasons": [f"unfit EEG: {error}"] * len(moments), "about": None}
    half = settings.window_s / 2
    raws = [one.as_raw() for _, one in parts]
    # By name: a label without a known place is no "eeg" to MNE, but has been cleaned like all others.
    cut = [raw_around_apexes(one, apexes, picks=one.ch_names, before_s=half, after_s=half) for one in raws]
    # The paper's order gives five cleaned bands; as one signal they are their sum.
    data = np.concatenate([one.data for one in cut], axis=1) if settings.bands else sum(o.data for o in cut)
    why = np.where(reasons != "", reasons, cut[0].reasons)
    channels = [f"{band} {name}" for (band, _), one in zip(parts, cut, strict=True) for name in one.channels]
    return {
        "eeg": (1e6 * np.asarray(data)).astype(np.float32),  # microvolts
        "eeg.reasons": why.tolist(),
        "eeg.channels": channels if settings.bands else list(cut[0].channels),
        "about": to_json({name: one.report for name, one in parts}),
    }


def _body(
    session: ReadOnce, moments: tuple[Moment, ...], settings: ApexSettings, shared: bool
) -> dict[str, Any]:
    signals = session.peripheral()
    sync = _synchronised(session, shared) if signals else "no-signal"
    if isinstance(sync, SessionSync) and (sync.polygraph is None or sync.polygraph.fit.verdict == "failed"):
        sync = "no-polygraph-clock"
    if isinstance(sync, str):
        return {f"{kind}.reasons": [sync] * len(moments) for kind in BODY_FEATURES}
    clock = None if sync is None or sync.polygraph is None else sync.polygraph.fit
    apexes, reasons = _apexes(session, moments, sync)
    half = settings.window_s / 2
    windows = np.stack([apexes - half, apexes + half], axis=1)
    holds = np.isfinite(apexes)
    if clock is not None:
        windows, inside = clock.windows_on_device(windows)
        reasons = np.where((reasons == "") & ~inside, "clock-step", reasons)
        holds = inside
    found: dict[str, Any] = {}
    tables = body_features(
        signals,
        windows[holds],
        own_clock=clock is not None,
        recipe=settings.recipe,
        baseline=settings.baseline == "own-session",
        window_s=settings.window_s,
    )
    for kind, (values, why) in tables.items():
        rows = np.full((len(moments), values.shape[1]), np.nan)
        rows[holds] = values
        told = reasons.copy()
        told[holds] = why
        found |= {kind: rows, f"{kind}.reasons": told.tolist()}
    return found


def _voice(
    session: ReadOnce, moments: tuple[Moment, ...], settings: ApexSettings, shared: bool
) -> dict[str, Any]:
    from mien.recording.formats.audio import read_audio_channels
    from mien.signals.speech import measure_speech, speech_window

    apexes, reasons = _apexes(session, moments, None)
    videos = session.videos()
    spoken, unfit = {}, {}
    wanted = {one.run for one in moments}
    for run in sorted(videos if settings.baseline == "own-session" else wanted):
        video = videos.get(run)
        clock = frame_seconds(video, run, None)
        if video is not None and video.audio_path is not None and not isinstance(clock, str):
            try:
                sound = read_audio_channels(video.audio_path)
                mean = np.mean([one.values for one in sound], axis=0)  # of a stereo sound
                # A run's sound begins with its first frame.
                spoken[run] = measure_speech(replace(sound[0], values=mean, start_s=float(clock[0])))
            except DataError as error:
                unfit[run] = f"unfit sound: {error}"
    usual = _usual_levels(list(spoken.values())) if settings.baseline == "own-session" else 0.0
    half = settings.speech_s / 2
    windows = []
    for number, one in enumerate(moments):
        if not reasons[number] and one.run not in spoken:
            reasons[number] = unfit.get(one.run, "no-sound")
        at = 0.0 if reasons[number] else float(apexes[number])
        window = speech_window(spoken.get(one.run), at, before_s=half, after_s=half)
        if not reasons[number] and not window.heard.any():
            reasons[number] = window.reason or "no-sound"
        windows.append(window)
    return {
        "speech": np.stack([one.levels_db for one in windows]) - np.float32(usual),
        "speech.heard": np.stack([one.heard for one in windows]),
        "speech.voiced": np.stack([one.voiced for one in windows]),
        "speech.reasons": reasons.tolist(),
    }


def _usual_levels(spoken: Sequence[Any]) -> NDArray[Any] | float:
    """The mean level of each band in all speech of a session, (n_bands,), dB; 0 where nobody speaks."""
    heard = [one.mel.levels_db[one.voiced] for one in spoken if one.voiced.any()]
    return np.concatenate(heard).mean(axis=0) if heard else 0.0
