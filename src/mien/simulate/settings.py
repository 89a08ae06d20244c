"""The knobs of a simulated study, each with its unit, its default's source and its possible values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mien.core.errors import OptionError
from mien.core.labels import SEVEN_EMOTIONS

# Time before the first and after the last trial: windows of 20 s fit on both sides of every apex.
LEAD_S = 25.0
MARGIN_S = 0.8  # between expressions, and at both ends of a clip
LONGEST_MACRO_S = 4.0
LONGEST_SESSION_S = 20 * 3600.0
# One blink or expression must be longer than this many frames to have an onset, an apex and an offset.
_LEAST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Effects:
    """How strongly emotion, body and coding go with the face; all zero is the null world.

    Parameters
    ----------
    face
        Share of expressions whose action units come from the clip's emotion; the others show the units of
        an emotion drawn at random, so that 0 leaves nothing to recognise.
    heart_rate_slope
        Probability that an apex comes with a rise of the heart rate; the default lets about 73 % of the
        apexes exceed their trial's mean absolute slope (MMME section 5.3: 464 of 634).
    skin_conductance
        Probability that an apex is followed by a skin-conductance response 1 to 3 s later.
    body, brain, voice, report
        Effects of emotion on peripheral signals, EEG band power, voice and self-report, in standard
        deviations between trials per unit of the emotion tables: 0.5 is about Cohen's d of 0.5 for an
        emotion whose entry is 1.
    muscle
        Size of the EMG that goes with every facial movement, 1 as in life; physics rather than emotion,
        but it would tell the null world's apexes.
    coding
        Share of trials whose expressions are coded when they happen. In the others both coders mark them at
        other times of the clip, the same for both: what is coded has nothing to do with what moved.
    """

    face: float = 0.9
    heart_rate_slope: float = 0.7
    skin_conductance: float = 0.6
    body: float = 0.5
    brain: float = 0.5
    voice: float = 1.0
    report: float = 1.0
    muscle: float = 1.0
    coding: float = 1.0

    def __post_init__(self) -> None:
        for name in ("face", "heart_rate_slope", "skin_conductance", "coding"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise OptionError(
                    f"effect on {name.replace('_', ' ')}",
                    wanted="a share from 0 to 1",
                    got=value,
                    remedy="give a value in that range",
                )
        for name in ("body", "brain", "voice", "report", "muscle"):
            value = getattr(self, name)
            if not 0 <= value <= 10:
                raise OptionError(
                    f"effect on {name}",
                    wanted="an effect size from 0 to 10",
                    got=value,
                    remedy="give a value in that range; 0.2 is small, 0.8 is large",
                )

    @classmethod
    def none(cls) -> Effects:
        """The null world: emotions, faces, bodies and what is coded have nothing to do with each other."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def scaled(self, coupling: float) -> Effects:
        """The coupling of face and body times `coupling` (0 to 1); effects of emotion stay."""
        if not 0 <= coupling <= 1:
            raise OptionError(
                "coupling",
                wanted="0 (none) to 1 (the calibrated default)",
                got=coupling,
                remedy="give a value in that range",
            )
        return replace(
            self,
            heart_rate_slope=self.heart_rate_slope * coupling,
            skin_conductance=self.skin_conductance * coupling,
        )


@dataclass(frozen=True, slots=True)
class Expressiveness:
    """How long and how strong expressions are.

    Micro-expressions last 382 +- 100 ms from onset to offset (MMME section 3.5: 381.7, SD 100.5) and move
    the skin by 0.3 to 1.5 px on a face 128 px wide; restrained macro-expressions last about 1.6 s.
    """

    micro_per_trial: tuple[int, int] = (1, 2)
    macro_per_trial: tuple[int, int] = (0, 1)
    micro_duration_s: tuple[float, float] = (0.382, 0.100)
    macro_duration_s: tuple[float, float] = (1.6, 0.4)
    micro_peak_px: tuple[float, float] = (0.3, 1.5)
    macro_peak_px: tuple[float, float] = (1.2, 4.0)

    def __post_init__(self) -> None:
        for name in ("micro_per_trial", "macro_per_trial", "micro_peak_px", "macro_peak_px"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < math.inf:
                raise OptionError(
                    name.replace("_", " "),
                    wanted="two ascending numbers from 0 on",
                    got=f"{low} to {high}",
                    remedy="give the smallest and the largest",
                )
        for name in ("micro_duration_s", "macro_duration_s"):
            mean, deviation = getattr(self, name)
            if not (0 < mean < math.inf and 0 <= deviation < math.inf):
                raise OptionError(
                    name.replace("_", " "),
                    wanted="a mean above 0 s and a standard deviation from 0 s on",
                    got=f"{mean} and {deviation}",
                    remedy="give seconds",
                )


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong in recording: probability per trigger code, per trial (spurious), per frame."""

    missing: float = 0.02
    doubled: float = 0.02
    spurious: float = 0.05
    dropped_frames: float = 0.0005

    def __post_init__(self) -> None:
        for name in ("missing", "doubled", "spurious", "dropped_frames"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise OptionError(
                    f"rate of {name.replace('_', ' ')} faults",
                    wanted="a probability from 0 to 0.5",
                    got=getattr(self, name),
                    remedy="give a value in that range",
                )


@dataclass(frozen=True, slots=True)
class StudySettings:
    """A simulated study in numbers; raises OptionError for values that cannot be.

    Parameters
    ----------
    participants, trials
        Number of people, and of trials (clips watched) per person.
    emotions
        Among MMME's seven; the trials of one person go round them.
    rate_hz
        The camera's nominal rate; the true rate of each clip lies between 139/150 of it and all of it, as
        MMME's stamps show (5 % to 95 % of its clips: 138.8 to 150.0).
    clip_s, report_s, rest_s
        Seconds of watching (recorded on video), reporting and neutral rest in a trial. MMME: 60, 25, 30.
    frame_px, face_px
        Side of the square video frame and width of the face in it, pixels.
    sampling_hz
        Rate of the physiological recorders.
    seed
        Equal settings give equal bytes.
    """

    participants: int = 8
    trials: int = 7
    emotions: tuple[str, ...] = SEVEN_EMOTIONS
    rate_hz: float = 150.0
    clip_s: float = 15.0
    report_s: float = 4.0
    rest_s: float = 6.0
    frame_px: int = 192
    face_px: int = 128
    sampling_hz: float = 1000.0
    speech: bool = False
    seed: int = 0
    effects: Effects = Effects()
    expressiveness: Expressiveness = Expressiveness()
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_emotions()
        shortest = min(self.expressiveness.micro_duration_s[0], self.expressiveness.macro_duration_s[0])
        if shortest <= _LEAST_FRAMES / self.rate_hz:
            raise OptionError(
                "mean duration of expressions",
                wanted=f"more than two frames, {_LEAST_FRAMES / self.rate_hz:.3g} s at {self.rate_hz:g} Hz",
                got=f"{shortest:g} s",
                remedy="give longer expressions or a faster camera",
            )
        manner = self.expressiveness
        longest = max(LONGEST_MACRO_S, 2.0 * manner.macro_duration_s[0])
        busiest = MARGIN_S + manner.micro_per_trial[1] * (2.0 * manner.micro_duration_s[0] + MARGIN_S)
        busiest += manner.macro_per_trial[1] * (longest + MARGIN_S)
        if self.clip_s < busiest:
            raise OptionError(
                "clip length",
                wanted=f"at least {busiest:.1f} s for that many expressions of that length",
                got=f"{self.clip_s:g} s",
                remedy="give longer clips, shorter or fewer expressions per trial",
            )
        if self.session_s > LONGEST_SESSION_S:
            raise OptionError(
                "trials x their length",
                wanted=f"a session of at most {LONGEST_SESSION_S / 3600:g} h",
                got=f"{self.session_s / 3600:.1f} h",
                remedy="give fewer trials or shorter clips",
            )

    def _check_numbers(self) -> None:
        for what, value, low, high in (
            ("participants", self.participants, 1, 999),
            ("trials per participant", self.trials, 1, 999),
            ("camera rate in Hz", self.rate_hz, 10, 1000),
            ("clip length in s", self.clip_s, 1, 600),
            ("report length in s", self.report_s, 1, 600),
            ("rest length in s", self.rest_s, 1, 600),
            ("frame size in px", self.frame_px, 64, 1024),
            ("sampling rate in Hz", self.sampling_hz, 250, 5000),
            ("seed", self.seed, 0, 2**63),
        ):
            if not low <= value <= high:
                raise OptionError(
                    what, wanted=f"{low} to {high}", got=value, remedy="give a number in that range"
                )
        if not self.frame_px / 4 <= self.face_px <= self.frame_px * 0.8 or self.frame_px % 2:
            raise OptionError(
                "face and frame size",
                wanted="an even frame size and a face of a quarter to four fifths of it",
                got=f"a face of {self.face_px} px in {self.frame_px} px",
                remedy="give other sizes",
            )

    def _check_emotions(self) -> None:
        unknown = [emotion for emotion in self.emotions if emotion not in SEVEN_EMOTIONS]
        if unknown or not self.emotions or len(set(self.emotions)) != len(self.emotions):
            raise OptionError(
                "emotions",
                wanted=f"different ones among {', '.join(SEVEN_EMOTIONS)}",
                got=", ".join(self.emotions) or "none",
                remedy="give each emotion once",
            )

    @property
    def trial_s(self) -> float:
        """Seconds from the onset of one clip to the onset of the next."""
        return self.clip_s + self.report_s + self.rest_s

    @property
    def session_s(self) -> float:
        """Seconds that the physiological recording of one person covers."""
        return 2 * LEAD_S + self.trials * self.trial_s
