"""Automatic reminding on simulated people: how soon a restless span is noticed, and how often none was.

Pictures of `simulate.live` people (256 x 256, face 112 px, 20 Hz, noise of 3 grey levels) go through the
monitor as fast as they can be drawn, stamped as if by the clock. The first 20 s are the baseline; then the
rule of `ReminderRule()` decides. A span counts as noticed if a reminder comes between its first motion and a
second after its last; every other reminder is false, also where it follows a short macro-expression, which is
told apart. Micro-expressions, macro-expressions, blinks and glances go on all the time.

The rule was chosen on people of `DEVELOPMENT` (`python -m benchmarks.reminding choose`); what is reported
comes from those of `REPORTED`, who had no part in it. Beside it the processor's time for one picture.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.monitoring import (
    AutomaticReminder,
    MotionMonitor,
    MotionSample,
    ReminderRule,
    measure_baseline,
    relative,
)
from mien.simulate.live_face import LiveFace
from mien.simulate.live_script import RESTLESS_KINDS, LiveScript, LiveSettings, write_live_script

Row = dict[str, str | int | float | None]

CALM_S, TAIL_S = 20.0, 1.0
REPORTED = tuple(
    LiveSettings(
        seed=seed, duration_s=320.0, rate_hz=20.0, restless_per_minute=2.0, movements_per_minute=8.0,
        calm_s=CALM_S, noise_sd=3.0,
    )
    for seed in range(2001, 2011)
)  # fmt: skip
DEVELOPMENT = tuple(
    replace(REPORTED[0], seed=seed, duration_s=200.0, restless_per_minute=3.0, rate_hz=rate, noise_sd=noise)
    for seed, rate, noise in (
        (1001, 25.0, 1.5), (1002, 25.0, 3.0), (1003, 20.0, 3.0), (1004, 30.0, 4.0), (1005, 15.0, 3.0),
        (1006, 20.0, 2.0),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """One person's script and what the monitor made of their pictures."""

    script: LiveScript
    samples: list[MotionSample]


@dataclass(frozen=True, slots=True)
class Judged:
    """Delays of noticed spans by kind, spans by kind, what false reminders followed, minutes between."""

    delays_s: dict[str, list[float]]
    n_spans: dict[str, int]
    false: list[str]
    minutes: float

    @property
    def all_delays_s(self) -> list[float]:
        """Of all kinds."""
        return [delay for delays in self.delays_s.values() for delay in delays]

    @property
    def false_a_minute(self) -> float:
        """False reminders a minute without restless spans."""
        return len(self.false) / self.minutes


def watch(settings: LiveSettings) -> Watched:
    """Draw one person's pictures and monitor them."""
    cv2.setNumThreads(1)
    script = write_live_script(settings)
    face, monitor = LiveFace(script, settings), MotionMonitor()
    samples = []
    for counter in range(int(settings.duration_s * settings.rate_hz)):
        at_s = counter / settings.rate_hz
        sample = monitor.see(CameraFrame(face.picture(at_s), at_s, counter))
        if sample is not None:
            samples.append(sample)
    return Watched(script, samples)


def watch_all(people: Sequence[LiveSettings]) -> list[Watched]:
    """Two processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(watch, people))


def reminders_s(watched: Watched, rule: ReminderRule) -> list[float]:
    """When the rule would have reminded."""
    baseline = measure_baseline(s for s in watched.samples if s.time_s < CALM_S)
    reminder = AutomaticReminder(rule)
    later = (s for s in watched.samples if s.time_s >= CALM_S)
    return [s.time_s for s in later if reminder.update(relative(s, baseline)) is not None]


def judge(people: Sequence[Watched], rule: ReminderRule) -> Judged:
    """Count what was noticed and what was not there."""
    delays: dict[str, list[float]] = {kind: [] for kind in RESTLESS_KINDS}
    n_spans = dict.fromkeys(RESTLESS_KINDS, 0)
    false, seconds = [], 0.0
    for watched in people:
        times, spans = reminders_s(watched, rule), watched.script.restless
        for span in spans:
            n_spans[span.kind] += 1
            delays[span.kind] += [
                t - span.start_s for t in times if span.start_s <= t <= span.end_s + TAIL_S
            ][:1]
        for t in times:
            if not any(span.start_s <= t <= span.end_s + TAIL_S for span in spans):
                movements = watched.script.trial.movements
                near = [m.kind for m in movements if m.onset_s <= t <= m.offset_s + TAIL_S]
                false.append(near[0] if near else "nothing")
        seconds += watched.samples[-1].time_s - CALM_S - sum(s.end_s + TAIL_S - s.start_s for s in spans)
    return Judged(delays, n_spans, false, seconds / 60)


def rows(people: Sequence[Watched], rule: ReminderRule) -> list[Row]:
    """Rows of the table: median delay of all spans and of each kind, share noticed, false reminders."""
    judged = judge(people, rule)
    after = {what: judged.false.count(what) for what in ("macro", "micro", "nothing")}
    told = (
        f"{judged.false_a_minute:.2f} false a minute: {len(judged.false)} in {judged.minutes:.0f} minutes, "
        f"{after['macro']} of them at short macro-expressions, {after['micro']} at micro-expressions"
    )
    table = [_row(f"restless spans, {told}", judged.all_delays_s, sum(judged.n_spans.values()))]
    return table + [_row(kind, judged.delays_s[kind], judged.n_spans[kind]) for kind in RESTLESS_KINDS]


def _row(what: str, delays_s: list[float], n: int) -> Row:
    worst = f"worst {max(delays_s):.2f} s" if delays_s else "none"
    name = f"automatic reminder, delay: {what}; {len(delays_s)} of {n} noticed, {worst}"
    return {"name": name, "n": n, "median_s": statistics.median(delays_s) if delays_s else float("nan")}


def cost(width: int, height: int, face_px: int) -> Row:
    """Processor seconds of one picture, one thread; the search for the face every 5 s is in the mean."""
    cv2.setNumThreads(1)
    settings = replace(REPORTED[0], frame_px=480, face_px=face_px, rate_hz=30.0, noise_sd=3.0)
    face = LiveFace(write_live_script(settings), settings)
    monitor, spent = MotionMonitor(), []
    picture = np.zeros((height, width, 3), np.uint8)
    for counter in range(330):
        square = face.picture(counter / 30)
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        picture[top : top + side, left : left + side] = cv2.resize(square, (side, side))
        start = time.process_time()
        monitor.see(CameraFrame(picture, counter / 30, counter))
        spent.append(time.process_time() - start)
    taken = spent[30:]
    mean_ms, most_ms = statistics.mean(taken) * 1e3, max(taken) * 1e3
    words = (
        f"monitoring a picture of {width} x {height}, processor (mean {mean_ms:.1f}, most {most_ms:.0f} ms)"
    )
    return {"name": words, "n": len(taken), "median_s": statistics.median(taken)}


def choose() -> None:
    """Print what other rules would have done on the people of `DEVELOPMENT`."""
    people = watch_all(DEVELOPMENT)
    for threshold, head_s, face_s in itertools.product(
        (3.0, 4.0, 5.0, 6.0, 8.0), (0.25, 0.3, 0.4), (0.5, 0.6, 0.8, 1.0)
    ):
        rule = ReminderRule(threshold=threshold, head_s=head_s, body_s=head_s, face_s=face_s)
        judged = judge(people, rule)
        delays, n = judged.all_delays_s, sum(judged.n_spans.values())
        print(
            f"threshold {threshold:g}, head and body {head_s:g} s, face {face_s:g} s: {len(delays)} of {n}, "
            f"median {statistics.median(delays):.2f} s, false {judged.false_a_minute:.2f} a minute"
        )


def main() -> list[Row]:
    """Measure, print, and return the rows."""
    table = [cost(640, 480, 190), cost(1920, 1080, 190)]
    table += rows(watch_all(REPORTED), ReminderRule())
    for row in table:
        print(f"{row['name']}: {row['median_s']:.3g} s", file=sys.stderr)
    return table


if __name__ == "__main__":
    choose() if sys.argv[1:] == ["choose"] else main()
