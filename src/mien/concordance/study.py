"""From a study on disk to the people who can be analysed, one job per participant.

Times of expressions go through the camera's map, windows through the polygraph's, both fitted against the
EEG's triggers. A study without EEG needs to say that its recorders share one clock: `"SharedClock": true`
in dataset_description.json means that frame stamps and the StartTime of the physiology are seconds of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien import __version__
from mien.concordance.comparing import compare
from mien.concordance.measuring import Measured, measure_person
from mien.concordance.people import ParticipantData
from mien.concordance.result import Concordance
from mien.concordance.settings import Settings
from mien.core.errors import DataError
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.dataset import Study, StudySession, layout, open_study, read_expressions, synchronise, tables
from mien.dataset.expressions import merge_expressions
from mien.dataset.manifest import file_digest
from mien.dataset.recorders import SHARED_CLOCK, ReadOnce, says_shared_clock
from mien.dataset.reminders import reminder_times_s
from mien.dataset.synchronise import CODES, REST_CODE, SessionSync
from mien.jobs import Executor, Job, Plan, Store, run_plan, silent
from mien.jobs.plan import Output

VERSION = 1  # of what a participant's measurement means

EXCLUSIONS: Mapping[str, str] = {
    "no-physio": "no peripheral signal was recorded",
    "no-coding": "no expression was coded",
    "no-events": "the EEG, the master clock, has no events",
    "no-polygraph-clock": "the polygraph's triggers could not be matched with the EEG's",
    "no-camera-clock": "the camera's clock could not be fitted to the EEG's",
}


def analyse_study(
    study: Study,
    settings: Settings | None = None,
    *,
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[int, int, str], None] = silent,
) -> Concordance:
    """Measure every participant of a study and compare; finished participants are kept in the store.

    Raises
    ------
    DataError
        If nobody can be analysed (why is said), a table or recording is damaged, or a unit is wrong.
    """
    chosen = settings or Settings()
    shared = says_shared_clock(study)
    _check(study, shared)
    # What only the comparison needs is no part of a participant's job.
    measuring = replace(chosen, shifts=min(chosen.shifts, 1), resamples=1)
    context = {"study": str(study.folder), "settings": measuring, "shared": shared}
    jobs = [
        Job(name, {**_address(study, name), "settings": measuring.as_json(), "shared": shared}, {"who": name})
        for name in study.participants
    ]
    plan = Plan(_measure, context, jobs, preload=("neurokit2", "mien.concordance.study"))
    outputs = run_plan(plan, store, executor=executor, progress=progress)
    excluded = {
        name: str(output["excluded"])
        for name, output in zip(study.participants, outputs, strict=True)
        if "excluded" in output
    }
    people = [_measured(output) for output in outputs if "excluded" not in output]
    if not people:
        raise _nobody(study, excluded)
    return compare(people, chosen, excluded=excluded)


def _check(study: Study, shared: bool) -> None:
    """Refuse a study that lacks something altogether before anything is measured."""
    sessions = [study.session(name) for name in study.participants]
    if not any(layout.physio(s.study, s.participant_id).is_file() for s in sessions):
        raise _lacks(study, "peripheral signals of someone", "no _physio.tsv.gz", "add them")
    if not any(s.coding() for s in sessions):
        raise _lacks(
            study, "coded expressions", "no table in derivatives/coding", "code or import them first"
        )
    if not shared and not any(layout.events(s.study, s.participant_id).is_file() for s in sessions):
        raise _lacks(
            study,
            f'events of the EEG, the master clock, or "{SHARED_CLOCK}": true in dataset_description.json',
            "neither",
            "add the events, or say so if camera and polygraph stamp with one clock",
        )


def _lacks(study: Study, wanted: str, got: str, remedy: str) -> DataError:
    return DataError(study.folder, wanted=wanted, got=got, remedy=remedy)


def _nobody(study: Study, excluded: Mapping[str, str]) -> DataError:
    counts = Counter(excluded.values())
    told = ", ".join(f"{reason} ({n})" for reason, n in sorted(counts.items()))
    return _lacks(
        study,
        "a participant with peripheral signals, coding and fitted clocks",
        f"none of {len(study.participants)}: {told}" if counts else "no participant",
        "look at mien sync and mien describe",
    )


def read_person(session: StudySession, *, shared_clock: bool = False) -> ParticipantData | str:
    """One participant ready to be measured, or the reason (a key of `EXCLUSIONS`) why not.

    Parameters
    ----------
    shared_clock
        Whether physiology and frame stamps are on one clock; used only where the EEG has no events.

    Raises
    ------
    DataError
        If a table or a recording is damaged.
    """
    session = ReadOnce(session.study, session.participant_id)
    recorded = session.peripheral()
    if not recorded:
        return "no-physio"
    if not session.coding():
        return "no-coding"
    if session.events() is None:
        return _on_one_clock(session, recorded) if shared_clock else "no-events"
    sync = synchronise(session)
    if sync.polygraph is None or sync.polygraph.fit.verdict == "failed":
        return "no-polygraph-clock"
    if sync.camera is None or sync.camera.fit.verdict == "failed":
        return "no-camera-clock"
    # The polygraph's clock begins with its first sample, whatever StartTime says.
    signals = {kind: replace(signal, start_s=0.0) for kind, signal in recorded.items()}
    return _person(session, signals, _trials(session, sync), sync)


def _on_one_clock(session: StudySession, signals: Mapping[str, Signal]) -> ParticipantData:
    """Without EEG a trial is what the camera saw: its first to its last stamp."""
    trials = {}
    for run, video in session.videos().items():
        if video.frame_times_path is not None and video.host_stamps_s.size > 1:
            stamps = video.host_stamps_s
            trials[run] = Interval(float(stamps.min()), float(stamps.max()))
    return _person(session, signals, trials, None)


def _person(
    session: StudySession,
    signals: Mapping[str, Signal],
    trials: Mapping[int, Interval],
    sync: SessionSync | None,
) -> ParticipantData:
    rows = read_expressions(session, sync=sync)
    unused = Counter(str(row.unused).split(":")[0] for row in rows if row.times is None)
    merged = merge_expressions(rows)
    return ParticipantData(
        participant_id=session.participant_id,
        signals=dict(signals),
        trials=trials,
        expressions=tuple((m.trial, replace(m.times, kind=m.kind)) for m in merged),
        clock=None if sync is None or sync.polygraph is None else sync.polygraph.fit,
        unused=dict(unused),
        reminders_s=tuple(map(float, reminder_times_s(session))),
    )


def _trials(session: StudySession, sync: SessionSync) -> dict[int, Interval]:
    """Clip onset to the next rest code, master seconds; where a code is missing, what the camera saw.

    The n-th time that a clip was shown belongs to the n-th trial with its code, if there are as many of both.
    """
    table = session.trials()
    shown: dict[int, list[int]] = {}
    for row in [] if table is None else sorted(tables.rows(table), key=lambda row: int(row["trial"])):
        if row["code"] is not None:
            shown.setdefault(int(row["code"]), []).append(int(row["trial"]))
    found: dict[int, Interval] = {}
    spans = _clips(session)
    for code, numbers in shown.items():
        own = spans.get(code, [])
        if len(own) == len(numbers):
            found |= {n: span for n, span in zip(numbers, own, strict=True) if span is not None}
    for run, clip in sync.clips.items():
        if run not in found and clip.accepted:
            times = sync.frame_times_s(run)
            found[run] = Interval(float(times[0]), float(times[-1]))
    return found


def _clips(session: StudySession) -> dict[int, list[Interval | None]]:
    """Every showing of each clip code in order of time; None where no rest code followed."""
    events = session.events()
    assert events is not None
    events = events.dropna(subset=["value"])  # reminders and the like have no code
    order = sorted(zip(events["onset"].astype(float), events["value"], strict=True), key=lambda e: e[0])
    spans: dict[int, list[Interval | None]] = {}
    begun: tuple[float, int] | None = None
    for at, code in ((at, int(code)) for at, code in order if code in CODES):
        if begun is not None and code == begun[1]:
            continue  # the code came twice
        if begun is not None:
            ended = code == REST_CODE and at > begun[0]
            spans.setdefault(begun[1], []).append(Interval(begun[0], at) if ended else None)
        begun = None if code == REST_CODE else (at, code)
    if begun is not None:
        spans.setdefault(begun[1], []).append(None)
    return spans


# --- one job per participant


def _address(study: Study, name: str) -> dict[str, Any]:
    """What a participant's measurement depends on: the digest of every file that is read, and versions."""
    folder = layout.participant_folder(study.folder, name)
    files = [
        layout.physio(study.folder, name),
        layout.physio_json(study.folder, name),
        layout.events(study.folder, name),
        layout.beh_events(study.folder, name),
        layout.trials(study.folder, name),
        *sorted(folder.glob("beh/*_frametimes.tsv")),
        *sorted(layout.coding_folder(study.folder, name).glob("*_expressions.tsv")),
    ]
    return {
        "what": "mien.concordance",
        "version": VERSION,
        "participant": name,
        "files": {path.name: file_digest(path) for path in files if path.is_file()},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The libraries that decide numbers, by name."""
    from importlib.metadata import version

    return {"mien": __version__, **{name: version(name) for name in ("numpy", "scipy", "neurokit2")}}


def _measure(context: Mapping[str, Any], who: str) -> Output:
    session = open_study(Path(context["study"])).session(who)
    person = read_person(session, shared_clock=context["shared"])
    if isinstance(person, str):
        return {"excluded": person}
    found = measure_person(person, context["settings"])
    return {name: _stored(getattr(found, name)) for name in Measured.__dataclass_fields__}


def _stored(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _measured(output: Output) -> Measured:
    content: dict[str, Any] = {name: output[name] for name in Measured.__dataclass_fields__}
    for name in ("slopes", "random_slopes"):
        content[name] = np.asarray(content[name], dtype=np.int8)
    return Measured(**content)
