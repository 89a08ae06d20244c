"""Measure a simulated world against what was asked of it, and write docs/results/simulated-studies.md.

Run as `python docs/regenerate_simulated.py` (part of `make results`; about a quarter of an hour on two cores), or with
the names of functions below (`flow video`): then only their sections are measured anew.
Every number of the page is measured here, by the parts of mien that a user would call.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.core.expression import is_micro
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.dataset.motion_maps import MotionMaps, write_motion_maps
from mien.evaluation import leave_one_subject_out
from mien.metrics import recognition
from mien.metrics.recognition import counts_by_group
from mien.recognition.linear_svm import LinearSVMRecogniser
from mien.recording.formats import VideoWriter, read_frames
from mien.signals.face import FLOW_ENGINES
from mien.signals.physio import heart_rate, heart_rate_slope, r_peaks, slope_exceeds_mean
from mien.simulate import EMOTION_ACTION_UNITS, Effects, MapSettings, StudySettings, simulate_maps
from mien.simulate.acting import act
from mien.simulate.action_units import BUMPS
from mien.simulate.clocks import body_recorder, eeg_recorder
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.simulate.script import write_script
from mien.simulate.session import Session
from mien.stats import proportion_interval, subject_bootstrap

PAGE = Path(__file__).resolve().parent / "results" / "simulated-studies.md"
RECOGNISE = "mien recognise maps --format megc2019-flow --method majority --method linear-svm --json"


def main(chosen: list[str]) -> None:
    """Measure everything, or the chosen sections, and write the page."""
    parts = {p.__name__: p for p in (flow, video, durations, heart, triggers, chance, recognisers, power)}
    head = [
        "# Simulated studies: what was asked and what is measured",
        "",
        "Written by `python docs/regenerate_simulated.py` (part of `make results`).",
        "",
    ]
    old = re.split(r"(?m)^(?=## )", PAGE.read_text())[1:] if PAGE.is_file() else []
    if len(old) != len(parts):
        chosen = []  # a page of another time: all of it
    sections = dict(zip(parts, old, strict=False))
    for name in chosen or parts:
        print(parts[name].__doc__, file=sys.stderr)
        sections[name] = "\n".join([*parts[name](), "", ""])
        PAGE.write_text(
            "\n".join(head) + "\n" + "".join(sections[n] for n in parts if n in sections).rstrip() + "\n"
        )


# --- faces


def flow() -> Iterator[str]:
    """Flow measured between rendered frames."""
    yield "## Flow between rendered frames recovers the injected displacement"
    yield ""
    yield "Median over the 21 action units, one identity, 128 px face, where the true displacement exceeds half its"
    yield "peak: end-point error in px / angle in degrees / measured over true length."
    yield ""
    yield "| engine | camera noise, grey levels | 0.25 px | 0.5 px | 1.0 px | 1.5 px |"
    yield "|---|---|---|---|---|---|"
    renderer = FaceRenderer(Identity.draw(np.random.default_rng(1)))
    for engine in FLOW_ENGINES:
        for noise in (0.0, 1.5):
            cells = []
            for px in (0.25, 0.5, 1.0, 1.5):
                found = [_unit_error(renderer, engine, unit, px, noise) for unit in BUMPS]
                error, angle, gain = np.median(found, axis=0)
                cells.append(f"{error:.3f} / {angle:.1f} / {gain:.2f}")
            yield f"| {engine} | {noise} | {' | '.join(cells)} |"


def _unit_error(
    renderer: FaceRenderer, engine: str, unit: int, px: float, noise: float
) -> tuple[float, float, float]:
    rng = np.random.default_rng(unit)
    pose = Pose(units=(UnitPose(unit, px),))
    pair = [renderer.frame(Pose()), renderer.frame(pose)]
    if noise:
        pair = [camera_noise(frame, rng, sd=noise) for frame in pair]
    return _error(FLOW_ENGINES[engine](*(_luma(frame) for frame in pair)), renderer.displacement(pose), 0.5)


def _error(measured: np.ndarray, true: np.ndarray, share: float) -> tuple[float, float, float]:
    strong = np.hypot(*true) > share * np.hypot(*true).max()
    a, b = true[:, strong], measured[:, strong]
    gain = (a * b).sum() / (a * a).sum()
    turn = np.degrees(np.arccos(np.clip((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), -1, 1)))
    return float(np.hypot(*(a - b)).mean()), float(turn), float(gain)


def _luma(frame: np.ndarray) -> np.ndarray:
    return np.rint(frame @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def video() -> Iterator[str]:
    """Flow measured in decoded video."""
    settings = StudySettings(participants=3, trials=3, seed=7)
    found: dict[str, list[tuple[float, float, float]]] = {"micro": [], "macro": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, settings.participants + 1):
            session = Session.of(settings, number)
            for trial in session.participant.trials:
                path = Path(folder) / "clip.mp4"
                with VideoWriter(path, width=192, height=192, rate_hz=150) as writer:
                    for frame in session.frames(trial):
                        writer.write(frame)
                times = session.runs[trial.number].true_s
                marks = {
                    m: [int(np.abs(times - t).argmin()) for t in (m.onset_s, m.apex_s)]
                    for m in trial.movements
                }
                wanted = {frame for pair in marks.values() for frame in pair}
                kept = {i: f.copy() for i, _, f in read_frames(path, luma=True) if i in wanted}
                for movement, pair in marks.items():
                    onset, apex = act(session.participant, trial, settings, times[pair])
                    true = session.face.displacement(apex) - session.face.displacement(onset)
                    measured = FLOW_ENGINES["dis"](*(kept[i] for i in pair))
                    found[movement.kind].append(_error(measured, true, 0.6))
    yield "## The same in decoded video"
    yield ""
    yield "Onset to apex with head motion, camera noise and H.264, measured by DIS against the renderer's truth."
    yield ""
    yield "| expressions | n | end-point error, px | angle, degrees | measured / true length |"
    yield "|---|---|---|---|---|"
    for kind, values in found.items():
        error, angle, gain = np.median(values, axis=0)
        yield f"| {kind} | {len(values)} | {error:.2f} | {angle:.0f} | {gain:.2f} |"


# --- times


def durations() -> Iterator[str]:
    """Durations of expressions."""
    settings = StudySettings(participants=30, trials=7)
    true, coded, ruled = [], [], []
    for number in range(1, settings.participants + 1):
        session = Session.of(settings, number)
        for trial in session.participant.trials:
            for movement in (m for m in trial.movements if m.kind == "micro"):
                true.append(movement.duration_s)
                ruled.append(is_micro(movement.onset_s, movement.apex_s, movement.offset_s))
        for row in session.coding["A"]:
            movements = session.participant.trials[row.trial - 1].movements
            if row.movement is None or movements[row.movement].kind != "micro":
                continue
            if row.offset_frame > row.apex_frame:
                stamps = session.runs[row.trial].host_s
                coded.append(stamps[row.offset_frame] - stamps[row.onset_frame])
    yield "## Durations of micro-expressions"
    yield ""
    yield "| | n | mean, ms | SD, ms |"
    yield "|---|---|---|---|"
    yield "| asked | | 382 | 100 |"
    yield f"| true | {len(true)} | {1e3 * np.mean(true):.0f} | {1e3 * np.std(true, ddof=1):.0f} |"
    yield (
        f"| coder A's frames, by host stamps | {len(coded)} | {1e3 * np.mean(coded):.0f} "
        f"| {1e3 * np.std(coded, ddof=1):.0f} |"
    )
    yield ""
    yield f"{sum(map(bool, ruled))} of {len(ruled)} obey the two-part rule. Coders' marks and stamps add their own spread."


def triggers() -> Iterator[str]:
    """Trigger faults."""
    settings = StudySettings(participants=60, trials=21)
    people = write_script(settings)
    recorders = [make(p, settings) for p in people for make in (eeg_recorder, body_recorder)]
    sent = sum(2 * len(p.trials) for p in people) * 2
    pulses = [pulse for recorder in recorders for pulse in recorder.pulses]
    missing = sum(len(recorder.missing) for recorder in recorders)
    doubled = sum(pulse.fault == "doubled" for pulse in pulses)
    spurious = sum(pulse.fault == "spurious" for pulse in pulses)
    yield "## Trigger faults"
    yield ""
    yield "| fault | asked | measured | 95 % interval | of |"
    yield "|---|---|---|---|---|"
    for name, count, total in (
        ("missing", missing, sent),
        ("doubled", doubled, sent - missing),
        ("spurious", spurious, sent // 2),
    ):
        low, high = proportion_interval(count, total)
        yield (
            f"| {name} | {getattr(settings.faults, name):.3f} | {count / total:.4f} "
            f"| {low:.4f} to {high:.4f} | {total} |"
        )
    drifts = [r.clock.drift_ppm for r in recorders if r.clock.drift_ppm]
    yield ""
    yield f"Drift of {len(drifts)} polygraphs against the EEG: SD {np.std(drifts):.0f} ppm (asked 40)."


# --- bodies


def heart() -> Iterator[str]:
    """Heart rate slope."""
    yield "## Heart-rate slope at apexes"
    yield ""
    yield "Share of micro-expression apexes whose absolute heart-rate slope exceeds their clip's mean, R peaks detected in"
    yield "the simulated ECG (MMME: 464 of 634, 73.2 %); beside it as many random instants of the same clips. Intervals:"
    yield "participants resampled."
    yield ""
    yield "| world | apexes | pass | 95 % interval | random instants pass |"
    yield "|---|---|---|---|---|"
    for name, effects in (
        ("default", Effects()),
        ("coupling 0", Effects().scaled(0.0)),
        ("null", Effects.none()),
    ):
        settings = StudySettings(participants=60, effects=effects, seed=2)
        counts, control = [], []
        for number in range(1, settings.participants + 1):
            apexes, others = _passes(Session.of(settings, number))
            counts.append([sum(apexes), len(apexes)])
            control += others
        found = subject_bootstrap(counts, statistic=lambda pooled: pooled[:, 0] / pooled[:, 1], seed=0)
        yield (
            f"| {name} | {np.sum(counts, axis=0)[1]} | {found.value:.3f} | {found.low:.3f} to {found.high:.3f} "
            f"| {np.mean(control):.3f} |"
        )


def _passes(session: Session) -> tuple[list[bool], list[bool]]:
    clock, body = session.polygraph.clock, session.body
    ecg = Signal(body.ecg_mv, session.polygraph.rate_hz, "mV", "ecg")
    slope = heart_rate_slope(heart_rate(clock.many_to_reference(r_peaks(ecg))))
    rng = session.participant.stream(99)
    apexes: list[bool] = []
    others: list[bool] = []
    for trial in session.participant.trials:
        clip = Interval(trial.clip_start_s, trial.clip_end_s)
        times = [m.apex_s for m in trial.movements if m.kind == "micro"]
        apexes += [bool(v) for v in slope_exceeds_mean(slope, times, clip) if v is not None]
        random = rng.uniform(clip.start_s + 1, clip.end_s - 1, size=len(times))
        others += [bool(v) for v in slope_exceeds_mean(slope, random, clip) if v is not None]
    return apexes, others


# --- recognition


def _svm(maps: MotionMaps) -> np.ndarray:
    """Predictions of the linear SVM, each by the fold that leaves its person out."""
    estimate = np.zeros_like(maps.labels)
    for fold in leave_one_subject_out(maps.subjects):
        fitted = LinearSVMRecogniser().fit(maps.maps[fold.train], maps.labels[fold.train])
        estimate[fold.test] = fitted.predict(maps.maps[fold.test])
    return estimate


def chance() -> Iterator[str]:
    """Recognition in the null world."""
    seeds = 40
    worlds = [simulate_maps(MapSettings(participants=8, effect=0.0, seed=seed)) for seed in range(seeds)]
    uar = [
        recognition.evaluate(maps.labels.tolist(), _svm(maps).tolist(), classes=[0, 1, 2]).uar
        for maps in worlds
    ]
    error = np.std(uar, ddof=1) / np.sqrt(seeds)
    yield "## Recognition in the null world"
    yield ""
    yield (
        f"Linear SVM, leaving one subject out, {seeds} seeds of 8 people: mean UAR {np.mean(uar):.4f}, standard error "
        f"{error:.4f}; chance is .3333."
    )


def recognisers() -> Iterator[str]:
    """Recognition on the default maps."""
    with tempfile.TemporaryDirectory() as folder:
        maps = Path(folder) / "maps"
        write_motion_maps(simulate_maps(MapSettings()), maps)
        words = RECOGNISE.replace("maps", str(maps), 1).split()
        program = [sys.executable, "-c", "from mien.cli import main; main()"]
        done = subprocess.run(
            [*program, *words[1:], "--out", "mien-results"], stdout=subprocess.PIPE, text=True, check=True
        )
    yield "## Recognition on the default maps"
    yield ""
    yield "    mien simulate maps --only maps"
    yield f"    {RECOGNISE}"
    yield ""
    yield f"{len(EMOTION_ACTION_UNITS)} emotions in three classes; well above chance and well below perfect is what was asked."
    yield ""
    yield "| method | UF1 | UAR |"
    yield "|---|---|---|"
    for result in json.loads(done.stdout)["results"]:
        cells = [_with_interval(result["scores"][name]) for name in ("uf1", "uar")]
        yield f"| {result['method']} | {' | '.join(cells)} |"


def _with_interval(score: dict[str, float]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def power() -> Iterator[str]:
    """How many participants."""
    yield "## How many participants do I need?"
    yield ""
    yield "Linear SVM on simulated maps, six seeds each: mean UAR, and how often its 95 % interval over participants lies"
    yield "above chance."
    yield ""
    yield "| participants | mean UAR | spread (SD) | interval above 1/3 |"
    yield "|---|---|---|---|"
    for people in (4, 8, 16, 24):
        uar, above = [], 0
        for seed in range(6):
            maps = simulate_maps(MapSettings(participants=people, seed=100 + seed))
            estimate = _svm(maps).tolist()
            _, counts = counts_by_group(maps.labels.tolist(), estimate, maps.subjects, classes=[0, 1, 2])
            interval = subject_bootstrap(counts, statistic=recognition.uar, n_resamples=500, seed=seed)
            uar.append(interval.value)
            above += interval.low > 1 / 3
        yield f"| {people} | {np.mean(uar):.3f} | {np.std(uar, ddof=1):.3f} | {above} of 6 |"


if __name__ == "__main__":
    main(sys.argv[1:])
