"""What a simulated person will do while being watched live: expressions, blinks, and spans of restlessness.

Conventions: seconds of the script, 0 at its beginning; pixels are those of a face 128 px wide. Expressions,
blinks and glances are those of `script.write_part`; restless spans are laid over them, and expressions that
would meet one are left out, so that what a coder marks is seen undisturbed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from mien.core.errors import OptionError
from mien.simulate.script import Interlude, Movement, Participant, Trial, UnitMove, write_part
from mien.simulate.settings import LEAD_S, Effects, Expressiveness, StudySettings

RestlessKind = Literal["head turn", "nod", "fidgeting", "body shift", "talking", "smile"]
RESTLESS_KINDS: tuple[RestlessKind, ...] = get_args(RestlessKind)
LONGEST_S = 3 * 3600.0
_SEGMENT_S = 60.0  # the script is written in pieces of this length
_APART_S = 6.0  # between restless spans, so that a reminder belongs to one of them
_CLEAR_S = 1.0  # between an expression and a restless span
_LONGEST_SPAN_S = 6.0


@dataclass(frozen=True, slots=True)
class RestlessSpan:
    """A relaxation of control as it truly happens, from the first to the last instant of motion.

    `size` is degrees for a turn or nod (negative: to the image's left, or up first), px of the single
    movements for fidgeting, of the whole shift for a body shift, of the jaw for talking, of the mouth's
    corners for a smile; `seed` draws what remains to be drawn.
    """

    kind: RestlessKind
    start_s: float
    end_s: float
    size: float
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """A person who lives by the clock, in numbers; raises OptionError for values that cannot be.

    Parameters
    ----------
    seed
        Equal settings give equal persons and scripts.
    duration_s
        Length of the script, 10 s to 3 h; then the camera's pictures and the streams end.
    rate_hz
        Of the camera, 10 to 120.
    frame_px, face_px
        Side of the square picture and width of the face in it.
    sampling_hz
        Of EEG and peripheral signals, 250 or more.
    eeg_channels
        64 for the whole cap, 8 for a part of it.
    movements_per_minute, micro_share
        Expressions a minute, 0 to 12, and the share of micro-expressions among them.
    restless_per_minute, restless_kinds
        Spans of restlessness a minute, 0 to 5, and which kinds there are, in turn.
    calm_s
        Neutral watching at the beginning, 0 or more: blinks and the sway of a head, nothing else.
    noise_sd
        Of the camera, grey levels.
    """

    seed: int = 0
    duration_s: float = 120.0
    rate_hz: float = 30.0
    frame_px: int = 256
    face_px: int = 112
    sampling_hz: float = 250.0
    eeg_channels: Literal[8, 64] = 8
    movements_per_minute: float = 5.0
    micro_share: float = 0.8
    restless_per_minute: float = 1.0
    restless_kinds: tuple[RestlessKind, ...] = RESTLESS_KINDS
    calm_s: float = 20.0
    noise_sd: float = 1.5

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("length of a live script in s", self.duration_s, 10, LONGEST_S),
            ("camera rate in Hz", self.rate_hz, 10, 120),
            ("expressions a minute", self.movements_per_minute, 0, 12),
            ("share of micro-expressions", self.micro_share, 0, 1),
            ("restless spans a minute", self.restless_per_minute, 0, 5),
            ("calm beginning in s", self.calm_s, 0, LONGEST_S),
            ("camera noise in grey levels", self.noise_sd, 0, 50),
            ("samples of all channels", self.duration_s * self.sampling_hz, 0, LONGEST_S * 250),
        ):
            if not low <= value <= high:
                raise OptionError(
                    what, wanted=f"{low:g} to {high:g}", got=value, remedy="give a number in that range"
                )
        if self.eeg_channels not in (8, 64):
            raise OptionError(
                "EEG channels", wanted="8 or 64", got=self.eeg_channels, remedy="choose one of them"
            )
        unknown = [kind for kind in self.restless_kinds if kind not in RESTLESS_KINDS]
        if unknown or (self.restless_per_minute > 0 and not self.restless_kinds):
            raise OptionError(
                "kinds of restlessness",
                wanted=f"some of {', '.join(RESTLESS_KINDS)}",
                got=", ".join(unknown) or "none",
                remedy="choose among them, or have no restless spans",
            )
        self.study  # noqa: B018  # refuses impossible sizes and rates

    @property
    def study(self) -> StudySettings:
        """The settings of the study whose scripts, faces, bodies and brains this person has.

        No emotion has an effect on body or brain: which clip will be shown is not in the script.
        """
        micro = self.movements_per_minute * self.micro_share
        macro = self.movements_per_minute - micro
        return StudySettings(
            participants=1,
            trials=max(1, math.ceil((self.duration_s - self.calm_s) / (_SEGMENT_S + 2.0))),
            rate_hz=self.rate_hz,
            clip_s=_SEGMENT_S,
            report_s=1.0,
            rest_s=1.0,
            frame_px=self.frame_px,
            face_px=self.face_px,
            sampling_hz=self.sampling_hz,
            seed=self.seed,
            effects=Effects(body=0.0, brain=0.0),
            expressiveness=Expressiveness(
                micro_per_trial=(math.floor(micro), math.ceil(micro)),
                macro_per_trial=(math.floor(macro), math.ceil(macro)),
            ),
        )


@dataclass(frozen=True, slots=True)
class LiveScript:
    """One person, whose only trial lasts from 0 to the end, and the spans of restlessness, in order."""

    person: Participant
    restless: tuple[RestlessSpan, ...]

    @property
    def trial(self) -> Trial:
        """Everything that happens."""
        return self.person.trials[0]


def write_live_script(settings: LiveSettings) -> LiveScript:
    """What one person will do, the same for the same settings."""
    person = write_part(settings.study, 1)
    spans = _restless(np.random.default_rng([settings.seed, 1, 31]), settings)
    later = settings.calm_s - LEAD_S

    def free(start_s: float, end_s: float) -> bool:
        inside = settings.calm_s <= start_s and end_s <= settings.duration_s - 0.5
        return inside and all(end_s + _CLEAR_S < s.start_s or s.end_s + _CLEAR_S < start_s for s in spans)

    movements = [_moved(m, later) for trial in person.trials for m in trial.movements]
    kept = [m for m in movements if free(m.onset_s, m.offset_s)]
    kept += [_smile(span) for span in spans if span.kind == "smile"]
    blinks = [_shifted(blink, later) for blink in person.blinks]
    blinks = [blink for blink in blinks if blink.start_s > 0 and blink.end_s < settings.duration_s]
    glances = [_shifted(i, later) for t in person.trials for i in t.interludes if i.what == "glance"]
    pauses = [*blinks, *(g for g in glances if free(g.start_s, g.end_s))]
    pauses += [Interlude("talk", s.start_s, s.end_s, s.size) for s in spans if s.kind == "talking"]
    trial = replace(
        person.trials[0],
        clip_start_s=0.0,
        clip_end_s=settings.duration_s,
        end_s=settings.duration_s,
        video_rate_hz=settings.rate_hz,
        movements=tuple(sorted(kept, key=lambda m: m.onset_s)),
        interludes=tuple(sorted(pauses, key=lambda i: i.start_s)),
    )
    return LiveScript(replace(person, trials=(trial,), blinks=tuple(blinks)), spans)


def _moved(movement: Movement, by_s: float) -> Movement:
    return replace(
        movement,
        onset_s=movement.onset_s + by_s,
        apex_s=movement.apex_s + by_s,
        offset_s=movement.offset_s + by_s,
    )


def _shifted(interlude: Interlude, by_s: float) -> Interlude:
    return replace(interlude, start_s=interlude.start_s + by_s, end_s=interlude.end_s + by_s)


def _smile(span: RestlessSpan) -> Movement:
    """A smile that stays: a macro-expression with a slow rise to a long apex."""
    apex = span.start_s + 0.35 * (span.end_s - span.start_s)
    units = (UnitMove(12, "both", span.size), UnitMove(6, "both", 0.5 * span.size))
    return Movement(span.start_s, apex, span.end_s, "macro", "happiness", units)


def _restless(rng: np.random.Generator, settings: LiveSettings) -> tuple[RestlessSpan, ...]:
    """Spans at random times after the calm beginning, each kind as often as the others."""
    found: list[RestlessSpan] = []
    if settings.restless_per_minute == 0:
        return ()
    free_s = max(60.0 / settings.restless_per_minute - _APART_S - 3.0, 0.5)
    time, order = settings.calm_s, list[str]()
    while True:
        time += float(rng.uniform(0.3, 1.7)) * free_s + (_APART_S if found else 0.5)
        order = order or [str(kind) for kind in rng.permutation(settings.restless_kinds)]
        span = _span(rng, order.pop(), time)  # type: ignore[arg-type]
        if span.end_s > settings.duration_s - 1.0:
            return tuple(found)
        found.append(span)
        time = span.end_s


def _span(rng: np.random.Generator, kind: RestlessKind, start_s: float) -> RestlessSpan:
    """One span; how long and how large follows what a camera sees of seated people, values are ours."""
    long_s, size = {
        "head turn": ((1.2, 3.0), (15.0, 35.0)),
        "nod": ((1.0, 2.5), (6.0, 14.0)),
        "fidgeting": ((3.0, _LONGEST_SPAN_S), (2.5, 7.0)),
        "body shift": ((0.8, 1.8), (8.0, 16.0)),
        "talking": ((1.5, 5.0), (1.5, 4.0)),
        "smile": ((3.0, _LONGEST_SPAN_S), (3.0, 6.0)),
    }[kind]
    length, amount = float(rng.uniform(*long_s)), float(rng.uniform(*size))
    if kind in ("head turn", "nod") and rng.random() < 0.5:
        amount = -amount
    return RestlessSpan(kind, start_s, start_s + length, amount, int(rng.integers(2**31)))
