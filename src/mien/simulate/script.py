"""The script of a simulated study: everything that happens, in seconds, before any signal is made.

Conventions: times are true seconds on the master clock, which is that of the EEG amplifier (0 is its first
sample). Displacements are pixels on a face 128 px wide, at the apex. The script is the truth; recorders see
it through their own clocks (`clocks`), coders through their own eyes (`coders`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.core.expression import MICRO_MAX_DURATION_S, MICRO_MAX_RISE_S, Kind, Side
from mien.simulate.action_units import EMOTION_ACTION_UNITS
from mien.simulate.settings import LEAD_S, LONGEST_MACRO_S, MARGIN_S, StudySettings

# Codes of clip onsets are 101 to 148, 100 ends the clip. Six of them mark calm clips, which belong to no
# emotion; the other 42 are six clips of each of seven emotions (reference: the MMME release).
CALM_CODES = (106, 115, 124, 132, 141, 145)
REST_CODE = 100
CLIP_CODES = tuple(code for code in range(101, 149) if code not in CALM_CODES)
LEVEL_2_SHARE = 13 / 75  # participants of MMME who allow analysis only
# Mean valence and arousal on nine-point scales by emotion; the order of the means follows the film-set
# literature (Gross & Levenson 1995; Schaefer et al. 2010), the values are ours.
FEELING = {
    "happiness": (7.2, 5.8), "surprise": (5.4, 6.4), "sadness": (2.6, 4.8), "anger": (2.4, 6.4),
    "disgust": (2.3, 6.0), "fear": (2.7, 6.8), "contempt": (3.2, 4.6),
}  # fmt: skip
Pause = Literal["blink", "glance", "talk"]


@dataclass(frozen=True, slots=True)
class UnitMove:
    """One action unit of an expression, with its displacement at the apex (px at a 128 px face)."""

    unit: int
    side: Side
    peak_px: float


@dataclass(frozen=True, slots=True)
class Movement:
    """One expression as it truly happens; `emotion` is what it shows, which may not be the clip's."""

    onset_s: float
    apex_s: float
    offset_s: float
    kind: Kind
    emotion: str
    units: tuple[UnitMove, ...]

    @property
    def duration_s(self) -> float:
        """Onset to offset, seconds."""
        return self.offset_s - self.onset_s


@dataclass(frozen=True, slots=True)
class Interlude:
    """Facial motion that shows nothing: a blink, a glance to (x, y) px, or talk with a jaw of x px."""

    what: Pause
    start_s: float
    end_s: float
    x_px: float = 0.0
    y_px: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: a clip is watched on camera, reported on, and followed by rest."""

    number: int
    code: int
    emotion: str
    clip_start_s: float
    clip_end_s: float
    end_s: float
    video_rate_hz: float
    self_report: str
    valence: int
    arousal: int
    movements: tuple[Movement, ...]
    interludes: tuple[Interlude, ...]


@dataclass(frozen=True, slots=True)
class Participant:
    """One simulated person and what happens to them; seeds are for what is made from the script."""

    name: str
    consent_level: int
    age: int
    sex: Literal["F", "M"]
    trials: tuple[Trial, ...]
    blinks: tuple[Interlude, ...]  # over the whole session: EEG shows them between clips as well
    seed: tuple[int, ...]

    def stream(self, *purpose: int) -> np.random.Generator:
        """A generator of its own for one purpose, independent of every other person's and purpose's."""
        # The count keeps (4) apart from (4, 0): a seed is filled up with zeros.
        return np.random.default_rng([*self.seed, 1 + len(purpose), *purpose])

    @property
    def micro_apexes_s(self) -> tuple[float, ...]:
        """True apex times of all micro-expressions."""
        return tuple(m.apex_s for t in self.trials for m in t.movements if m.kind == "micro")


def write_script(settings: StudySettings) -> tuple[Participant, ...]:
    """The script of every participant; the same settings give the same script."""
    return tuple(write_part(settings, number) for number in range(1, settings.participants + 1))


def write_part(settings: StudySettings, number: int) -> Participant:
    """The script of participant `number` (from 1), the same whoever else takes part."""
    seed = (settings.seed, number)
    rng = np.random.default_rng([*seed, 0])
    emotions = _order(rng, settings)
    codes = _codes(settings, emotions)
    blinks = _blinks(rng, settings.session_s)
    trials = tuple(
        _trial(rng, settings, index, emotion, code, blinks)
        for index, (emotion, code) in enumerate(zip(emotions, codes, strict=True))
    )
    return Participant(
        name=f"{number:03d}",
        consent_level=2 if rng.random() < LEVEL_2_SHARE else 1,
        age=int(rng.integers(18, 31)),
        sex="F" if rng.random() < 0.45 else "M",
        trials=trials,
        blinks=blinks,
        seed=seed,
    )


def _order(rng: np.random.Generator, settings: StudySettings) -> list[str]:
    """The emotions of all trials: each as often as the others, shuffled in rounds."""
    order: list[str] = []
    while len(order) < settings.trials:
        order += [str(emotion) for emotion in rng.permutation(settings.emotions)]
    return order[: settings.trials]


def _codes(settings: StudySettings, emotions: list[str]) -> list[int]:
    """One code per trial: the next of the emotion's six clips, beginning again after the sixth."""
    shuffled = np.random.default_rng(0).permutation(CLIP_CODES)
    clips = {emotion: sorted(shuffled[6 * i : 6 * i + 6]) for i, emotion in enumerate(FEELING)}
    seen = dict.fromkeys(settings.emotions, 0)
    codes = []
    for emotion in emotions:
        codes.append(int(clips[emotion][seen[emotion] % 6]))
        seen[emotion] += 1
    return codes


def clip_table() -> dict[int, str]:
    """Emotion of every clip code; calm clips are no emotion's."""
    shuffled = np.random.default_rng(0).permutation(CLIP_CODES)
    return {int(code): emotion for i, emotion in enumerate(FEELING) for code in shuffled[6 * i : 6 * i + 6]}


def _trial(
    rng: np.random.Generator,
    settings: StudySettings,
    index: int,
    emotion: str,
    code: int,
    blinks: tuple[Interlude, ...],
) -> Trial:
    start = LEAD_S + index * settings.trial_s + float(rng.uniform(0.0, 0.4))
    end = start + settings.clip_s
    report, valence, arousal = _report(rng, settings, emotion)
    movements = _movements(rng, settings, emotion, start, end)
    glances, talks = _glances(rng, start, end), _talks(rng, settings, start, end)
    shown = tuple(b for b in blinks if start < b.end_s and b.start_s < end)
    return Trial(
        number=index + 1,
        code=code,
        emotion=emotion,
        clip_start_s=start,
        clip_end_s=end,
        end_s=LEAD_S + (index + 1) * settings.trial_s,
        video_rate_hz=settings.rate_hz * float(rng.triangular(139 / 150, 147.5 / 150, 1.0)),
        self_report=report,
        valence=valence,
        arousal=arousal,
        movements=movements,
        interludes=tuple(sorted((*shown, *glances, *talks), key=lambda i: i.start_s)),
    )


def _report(rng: np.random.Generator, settings: StudySettings, emotion: str) -> tuple[str, int, int]:
    """What the participant says they felt: mostly the clip's emotion, by the report's effect size."""
    strength = settings.effects.report
    hit = rng.random() < 1 - np.exp(-1.6 * strength)
    felt = emotion if hit else str(rng.choice(settings.emotions))
    scores = []
    for mean in FEELING[felt]:
        score = 5 + min(strength, 1.0) * (mean - 5) + 1.2 * rng.standard_normal()
        scores.append(int(np.clip(np.rint(score), 1, 9)))
    return felt, scores[0], scores[1]


def _movements(
    rng: np.random.Generator, settings: StudySettings, emotion: str, start: float, end: float
) -> tuple[Movement, ...]:
    """Expressions in random order at random times, apart from each other and from the clip's ends."""
    manner = settings.expressiveness
    kinds: list[Kind] = ["micro"] * int(
        rng.integers(manner.micro_per_trial[0], manner.micro_per_trial[1] + 1)
    )
    kinds += ["macro"] * int(rng.integers(manner.macro_per_trial[0], manner.macro_per_trial[1] + 1))
    shapes = [(kinds[i], *_duration(rng, settings, kinds[i])) for i in rng.permutation(len(kinds))]
    free = end - start - (len(shapes) + 1) * MARGIN_S - sum(duration for _, duration, _ in shapes)
    # The free time is broken at uniform points: every arrangement is as likely as any other.
    pauses = np.diff(np.concatenate([[0.0], np.sort(rng.uniform(0.0, free, size=len(shapes)))]))
    onset, found = start, []
    for (kind, duration, rise), pause in zip(shapes, pauses, strict=True):
        onset += MARGIN_S + float(pause)
        shown = emotion if rng.random() < settings.effects.face else str(rng.choice(settings.emotions))
        units = _units(rng, settings, shown, kind)
        found.append(Movement(onset, onset + rise, onset + duration, kind, shown, units))
        onset += duration
    return tuple(found)


def _duration(rng: np.random.Generator, settings: StudySettings, kind: Kind) -> tuple[float, float]:
    """Duration and rise (onset to apex) in seconds; a micro-expression follows the two-part rule."""
    manner = settings.expressiveness
    if kind == "micro":
        mean, deviation = manner.micro_duration_s
        duration = float(np.clip(rng.normal(mean, deviation), 0.3 * mean, 2.0 * mean))
        rise = duration * float(rng.uniform(0.3, 0.6))
        if duration > MICRO_MAX_DURATION_S:
            rise = min(rise, MICRO_MAX_RISE_S * float(rng.uniform(0.6, 1.0)))
        return duration, rise
    mean, deviation = manner.macro_duration_s
    shortest, longest = max(0.4 * mean, MICRO_MAX_DURATION_S * 1.2), max(LONGEST_MACRO_S, 2.0 * mean)
    duration = float(np.clip(rng.normal(mean, deviation), shortest, longest))
    rise = duration * float(rng.uniform(0.3, 0.6))
    return duration, max(rise, MICRO_MAX_RISE_S * 1.1)


def _units(
    rng: np.random.Generator, settings: StudySettings, emotion: str, kind: Kind
) -> tuple[UnitMove, ...]:
    variants = EMOTION_ACTION_UNITS[emotion]
    units = variants[int(rng.integers(len(variants)))]
    side: Side = rng.choice(["both", "left", "right"], p=[0.7, 0.15, 0.15])
    manner = settings.expressiveness
    low, high = manner.micro_peak_px if kind == "micro" else manner.macro_peak_px
    strength = rng.uniform(low, high)
    peaks = np.clip(strength * rng.uniform(0.7, 1.0, size=len(units)), low, high)
    return tuple(UnitMove(unit, str(side), float(px)) for unit, px in zip(units, peaks, strict=True))  # type: ignore[arg-type]


def _blinks(rng: np.random.Generator, session_s: float) -> tuple[Interlude, ...]:
    """About 15 blinks a minute, 0.15 to 0.35 s long, at least 0.6 s apart."""
    found: list[Interlude] = []
    time = 1.0
    while True:
        time += 0.6 + float(rng.exponential(3.4))
        duration = float(rng.uniform(0.15, 0.35))
        if time + duration > session_s - 1.0:
            return tuple(found)
        found.append(Interlude("blink", time, time + duration))
        time += duration


def _glances(rng: np.random.Generator, start: float, end: float) -> list[Interlude]:
    """Looks to the side and back, about four a minute."""
    found = []
    for _ in range(int(rng.poisson((end - start) / 15.0))):
        at = float(rng.uniform(start + 0.5, end - 2.5))
        x, y = np.clip(rng.normal(0.0, [1.6, 0.6]), [-3.5, -1.0], [3.5, 1.0])
        found.append(Interlude("glance", at, at + float(rng.uniform(0.3, 2.0)), float(x), float(y)))
    return found


def _talks(rng: np.random.Generator, settings: StudySettings, start: float, end: float) -> list[Interlude]:
    """Speech-like jaw motion: a word or two now and then whatever the face does, or speech throughout."""
    if settings.speech:
        return [Interlude("talk", start + 0.3, end - 0.3, 1.5)]
    if rng.random() > 0.25:
        return []
    at = float(rng.uniform(start + 0.5, end - 2.0))
    return [Interlude("talk", at, at + float(rng.uniform(0.6, 1.5)), float(rng.uniform(0.8, 2.0)))]
