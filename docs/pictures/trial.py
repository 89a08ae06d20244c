"""Draw docs/images/trial.png: one simulated trial with everything that was recorded, on one clock.

Run as `python docs/pictures/trial.py` from the repository's root.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mien.signals.physio import heart_rate, heart_rate_slope
from mien.simulate.acting import intensity
from mien.simulate.script import Trial
from mien.simulate.session import Session
from mien.simulate.settings import StudySettings

OUT = Path(__file__).resolve().parents[1] / "images" / "trial.png"
BEFORE_S, AFTER_S = 3.0, 6.0
INK, MICRO, MACRO = "#22313f", "#c0392b", "#2c7fb8"


def main() -> None:
    """Draw the first trial that has two micro-expressions and a macro-expression."""
    settings = StudySettings(seed=4)
    session, trial = next(
        (session, trial)
        for number in range(1, 9)
        for session in [Session.of(settings, number)]
        for trial in session.participant.trials
        if sorted(m.kind for m in trial.movements) == ["macro", "micro", "micro"]
    )
    figure = plt.figure(figsize=(11, 11.8), layout="constrained")
    grid = figure.add_gridspec(11, 1, height_ratios=[2.1, 1, 1, 1, 1, 0.9, 0.9, 0.9, 0.9, 1.1, 1.1])
    _faces(figure, grid[0].subgridspec(1, 9, wspace=0.03), session, trial)
    first = None
    panels = (_moves, _ecg, _rate, _slope, _ppg, _rsp, _eda, _skt, _frontal, _back)
    for row, draw in enumerate(panels, start=1):
        axes = figure.add_subplot(grid[row], sharex=first)
        first = first or axes
        draw(axes, session, trial)
        _marks(axes, trial)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelbottom=row == 10, labelsize=8)
        axes.yaxis.label.set(rotation=0, ha="right", va="center", fontsize=9)
    axes.set_xlabel("seconds from the onset of the clip (true time)")
    axes.set_xlim(-BEFORE_S, trial.clip_end_s - trial.clip_start_s + AFTER_S)
    figure.suptitle(
        f"A simulated trial ({trial.emotion}, trigger {trial.code}): dashed, the true apexes; grey, the clip",
        fontsize=11,
    )
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, dpi=90)


def _faces(figure: plt.Figure, grid: object, session: Session, trial: Trial) -> None:
    run = session.runs[trial.number]
    wanted = []
    for movement in trial.movements:
        for word in ("onset", "apex", "offset"):
            at = getattr(movement, f"{word}_s")
            wanted.append((int(np.abs(run.true_s - at).argmin()), word, movement))
    pictures = dict(enumerate(islice(session.frames(trial), max(w[0] for w in wanted) + 1)))
    for column, (frame, word, movement) in enumerate(wanted):
        axes = figure.add_subplot(grid[column])  # type: ignore[index]
        axes.imshow(pictures[frame])
        axes.set_xticks([])
        axes.set_yticks([])
        colour = MICRO if movement.kind == "micro" else MACRO
        axes.set_title(f"{word}\n{run.true_s[frame] - trial.clip_start_s:.2f} s", fontsize=8, color=colour)
        for spine in axes.spines.values():
            spine.set_color(colour)
        if word == "apex":
            units = " ".join(f"AU{u.unit}" for u in movement.units)
            px = max(u.peak_px for u in movement.units)
            axes.set_xlabel(f"{movement.kind}: {units}, {px:.1f} px", fontsize=8, color=colour)


def _times(trial: Trial) -> tuple[float, float]:
    return trial.clip_start_s - BEFORE_S, trial.clip_end_s + AFTER_S


def _moves(axes: Axes, session: Session, trial: Trial) -> None:
    times = np.linspace(*_times(trial), 4000)
    for movement in trial.movements:
        px = max(u.peak_px for u in movement.units) * intensity(movement, times)
        axes.plot(times - trial.clip_start_s, px, color=MICRO if movement.kind == "micro" else MACRO, lw=1)
    for interlude in trial.interludes:
        axes.axvspan(
            interlude.start_s - trial.clip_start_s, interlude.end_s - trial.clip_start_s, ymax=0.12,
            color={"blink": "#7f8c8d", "glance": "#f39c12", "talk": "#8e44ad"}[interlude.what], lw=0,
        )  # fmt: skip
    axes.set_ylabel("skin, px\n(below: blinks,\nglances, words)")


def _channel(axes: Axes, session: Session, trial: Trial, name: str, label: str) -> None:
    signal = next(s for s in session.body_signals() if s.name == name)
    times = session.polygraph.clock.many_to_reference(signal.times_s)
    shown = (times > _times(trial)[0]) & (times < _times(trial)[1])
    axes.plot(times[shown] - trial.clip_start_s, signal.values[shown], color=INK, lw=0.6)
    axes.set_ylabel(f"{label}, {signal.unit.replace('degC', '°C').replace('uS', 'µS')}")


def _ecg(axes: Axes, session: Session, trial: Trial) -> None:
    _channel(axes, session, trial, "ecg", "ECG")


def _rate(axes: Axes, session: Session, trial: Trial) -> None:
    rate = heart_rate(session.beats_s)
    axes.plot(rate.times_s - trial.clip_start_s, rate.values, color=INK, lw=1)
    shown = (rate.times_s > _times(trial)[0]) & (rate.times_s < _times(trial)[1])
    axes.set_ylim(rate.values[shown].min() - 2, rate.values[shown].max() + 2)
    axes.set_ylabel("heart rate, bpm")


def _slope(axes: Axes, session: Session, trial: Trial) -> None:
    slope = heart_rate_slope(heart_rate(session.beats_s))
    inside = (slope.times_s >= trial.clip_start_s) & (slope.times_s < trial.clip_end_s)
    axes.plot(slope.times_s - trial.clip_start_s, np.abs(slope.values), color=INK, lw=1)
    axes.axhline(np.nanmean(np.abs(slope.values[inside])), color="#7f8c8d", lw=0.8, ls=":")
    axes.set_ylim(0, 1.1 * np.nanmax(np.abs(slope.values[inside])))
    axes.set_ylabel("|slope|, bpm/s\n(dotted: its mean)")


def _ppg(axes: Axes, session: Session, trial: Trial) -> None:
    _channel(axes, session, trial, "ppg", "PPG")


def _rsp(axes: Axes, session: Session, trial: Trial) -> None:
    _channel(axes, session, trial, "rsp", "RSP")


def _eda(axes: Axes, session: Session, trial: Trial) -> None:
    _channel(axes, session, trial, "eda", "EDA")


def _skt(axes: Axes, session: Session, trial: Trial) -> None:
    _channel(axes, session, trial, "skt", "SKT")


def _eeg(axes: Axes, session: Session, trial: Trial, channel: str) -> None:
    made = session.brain()
    rate = session.amplifier.rate_hz
    first, last = (round(t * rate) for t in _times(trial))
    times = np.arange(first, last) / rate - trial.clip_start_s
    axes.plot(times, made.data_uv[made.channels.index(channel), first:last], color=INK, lw=0.5)
    axes.set_ylabel(f"EEG {channel}, µV")


def _frontal(axes: Axes, session: Session, trial: Trial) -> None:
    _eeg(axes, session, trial, "FP1")


def _back(axes: Axes, session: Session, trial: Trial) -> None:
    _eeg(axes, session, trial, "OZ")


def _marks(axes: Axes, trial: Trial) -> None:
    axes.axvspan(0, trial.clip_end_s - trial.clip_start_s, color="#ecf0f1", zorder=-5, lw=0)
    for movement in trial.movements:
        colour = MICRO if movement.kind == "micro" else MACRO
        axes.axvline(movement.apex_s - trial.clip_start_s, color=colour, ls="--", lw=0.8)


if __name__ == "__main__":
    main()
