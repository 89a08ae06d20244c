"""Films as talk shows are cut: people who speak or listen, cuts, dissolves, flashes, pans; all is known.

A film is a row of scenes. In each one person is in view before a background of their own; whose voice is
heard is another matter. Sound and mouth of one who speaks come from the same syllables (`voices`, `acting`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.core.time import FloatArray, Interval
from mien.simulate.acting import _bump
from mien.simulate.faces import FaceRenderer, Identity, Pose, camera_noise
from mien.simulate.script import Interlude
from mien.simulate.voices import VOICE_HZ, Prosody, Speaker, _speak, syllables

Frame = NDArray[np.uint8]
Heard = Literal["own", "other", "both", "nobody", "chewing"]
"""Whose voice a scene has: the person's in view, another's, both at once, nobody's; chewing: another's, while
the mouth in view moves by itself."""
Joined = Literal["cut", "dissolve"]
Happens = Literal["nothing", "flash", "pan", "nod"]

_DISSOLVE_S = 0.6
_FLASH_FRAMES = 2
_GREEN = np.array([0, 177, 64])
_WAY = Prosody(1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """One shot: how long, who is in view (a number), whose voice is heard, what happens, how it is joined."""

    duration_s: float
    person: int
    heard: Heard = "own"
    happens: Happens = "nothing"
    joined: Joined = "cut"

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("voice of a scene", self.heard, get_args(Heard)),
            ("what happens in a scene", self.happens, get_args(Happens)),
            ("join of a scene", self.joined, get_args(Joined)),
        ):
            if value not in allowed:
                raise OptionError(
                    what, wanted=f"one of {', '.join(allowed)}", got=value, remedy="choose one of them"
                )
        if not 1.5 <= self.duration_s <= 600:
            raise OptionError(
                "length of a scene", wanted="1.5 to 600 s", got=self.duration_s, remedy="give another"
            )


@dataclass(frozen=True, slots=True, eq=False)
class FilmTruth:
    """Cuts (first frame after), dissolves, and spans in which the person in view, or anybody, speaks."""

    cuts: tuple[int, ...]
    dissolves_s: tuple[Interval, ...]
    speaking_s: tuple[Interval, ...]
    voice_s: tuple[Interval, ...]


class Film:
    """A film of scenes; frames are drawn when they are asked for.

    Parameters
    ----------
    scenes
        In order; how the first is joined means nothing.
    seed
        Equal films have equal frames and sounds.
    rate_hz
        Frames per second.
    frame_px, face_px
        Height of the picture (it is 4/3 as wide) and width of a face, pixels.
    jaw_px
        Opening of the jaw at a syllable, pixels of a face 128 px wide.
    noise, music
        Levels of steady noise and of a chord that comes and goes, 1 at full scale.
    """

    def __init__(
        self,
        scenes: tuple[Scene, ...],
        *,
        seed: int,
        rate_hz: float = 25.0,
        frame_px: int = 192,
        face_px: int = 110,
        jaw_px: float = 2.5,
        noise: float = 0.002,
        music: float = 0.0,
    ) -> None:
        if not scenes:
            raise OptionError("film", wanted="at least one scene", got="none", remedy="add one")
        self.scenes, self.seed, self.rate_hz = scenes, seed, rate_hz
        self._px, self._face_px, self._jaw_px = frame_px, face_px, jaw_px
        self._noise, self._music = noise, music
        self._ends = np.round(np.cumsum([scene.duration_s for scene in scenes]) * rate_hz).astype(int)
        self.n_frames = int(self._ends[-1])
        self._talks = [
            self._talk(i, scene, who) for i, scene in enumerate(scenes) for who in self._voices(scene)
        ]
        self.truth = self._truth()

    def _start_s(self, scene: int) -> float:
        return float(self._ends[scene - 1] / self.rate_hz) if scene else 0.0

    @staticmethod
    def _voices(scene: Scene) -> tuple[str, ...]:
        both = {"own": ("own",), "other": ("other",), "both": ("own", "other"), "nobody": ()}
        return both.get(scene.heard, ("other", "chewing"))

    def _talk(
        self, index: int, scene: Scene, who: str
    ) -> tuple[int, str, list[tuple[Interlude, FloatArray]]]:
        """Phrases with the syllables of each: of the person in view, another's, or of a chewing mouth."""
        rng = np.random.default_rng([self.seed, index, ("own", "other", "chewing").index(who)])
        speaker = self._speaker(scene.person if who == "own" else 1000 + index)
        at, end = (
            self._start_s(index) + float(rng.uniform(0.15, 0.5)),
            self._ends[index] / self.rate_hz - 0.15,
        )
        found = []
        while at + 0.6 < end:
            last = min(at + float(rng.uniform(1.2, 4.0)), end)
            talk = Interlude("talk", at, last)
            found.append((talk, syllables(speaker, talk, _WAY, rng)))
            at = last + float(rng.uniform(0.35, 0.9))
        return index, who, found

    def _speaker(self, person: int) -> Speaker:
        rng = np.random.default_rng([self.seed, 7, person])
        high = bool(rng.random() < 0.5)
        return Speaker(
            float((205 if high else 118) * rng.lognormal(0.0, 0.1)),
            0.1,
            1.16 if high else 1.0,
            float(4.3 * rng.lognormal(0.0, 0.08)),
            0.05,
        )

    def _truth(self) -> FilmTruth:
        cuts, dissolves = [], []
        for index in range(1, len(self.scenes)):
            at = int(self._ends[index - 1])
            if self.scenes[index].joined == "cut":
                cuts.append(at)
            else:
                half = _DISSOLVE_S / 2
                dissolves.append(Interval(at / self.rate_hz - half, at / self.rate_hz + half))
        own, voiced = [], []
        for _, who, talks in self._talks:
            for talk, onsets in talks:
                span = Interval(talk.start_s, float(onsets[-1]) + 0.25)
                if who == "own":
                    own.append(span)
                if who != "chewing":
                    voiced.append(span)
        return FilmTruth(tuple(cuts), tuple(dissolves), tuple(own), tuple(voiced))

    def sound(self) -> Signal:
        """The sound track at 16 kHz, -1 to 1, beginning with the first frame."""
        rng = np.random.default_rng([self.seed, 99])
        sound = np.zeros(round(self.n_frames / self.rate_hz * VOICE_HZ))
        for index, who, talks in self._talks:
            person = self.scenes[index].person if who == "own" else 1000 + index
            for talk, onsets in talks if who != "chewing" else ():
                _speak(sound, self._speaker(person), _WAY, talk, onsets, rng)
        t = np.arange(sound.size) / VOICE_HZ
        chord = np.sum([np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.2, 329.6)], axis=0) / 3
        swell = np.sin(np.pi * 0.5 * t) ** 2
        mixed = 0.25 * sound + self._music * chord * swell + self._noise * rng.standard_normal(sound.size)
        return Signal(np.clip(mixed, -1.0, 1.0), VOICE_HZ, "n/a", "voice")

    def frames(self) -> Iterator[Frame]:
        """Every frame in order, RGB (frame_px, 4/3 frame_px, 3)."""
        noise = np.random.default_rng([self.seed, 98])
        half = round(_DISSOLVE_S / 2 * self.rate_hz)
        stages = [_Stage(self, index) for index in range(len(self.scenes))]
        for frame in range(self.n_frames):
            index = int(np.searchsorted(self._ends, frame, side="right"))
            picture = stages[index].draw(frame).astype(np.float32)
            for at, other in ((index, index - 1), (index + 1, index + 1)):
                if not 0 < at < len(self.scenes) or self.scenes[at].joined != "dissolve":
                    continue
                away = frame - int(self._ends[at - 1]) + 0.5
                if abs(away) < half:
                    share = 0.5 - abs(away) / (2 * half)
                    picture = (1 - share) * picture + share * stages[other].draw(frame)
            yield camera_noise(np.clip(picture, 0, 255).astype(np.uint8), noise)

    def jaw_px(self, scene: int, at_s: float) -> float:
        """Opening of the mouth in view."""
        opening = 0.0
        for index, who, talks in self._talks:
            if index != scene or who == "other":
                continue
            pace = self._speaker(self.scenes[scene].person).pace_hz
            for talk, onsets in talks:
                if talk.start_s <= at_s <= talk.end_s + 0.3:
                    phase = np.clip((at_s - onsets) * pace, 0.0, 1.0)
                    opening += self._jaw_px * float(_bump(phase).sum())
        return min(opening, 12.0)


class _Stage:
    """One scene's person and background."""

    def __init__(self, film: Film, index: int) -> None:
        import cv2

        self._film, self._index, self._scene = film, index, film.scenes[index]
        self._person: FaceRenderer | None = None
        rng = np.random.default_rng([film.seed, 5, index])
        px = film._px
        coarse = rng.integers(20, 236, (6, 16, 3), dtype=np.uint8)
        size = (2 * round(px * 4 / 3), px)
        self._background = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))
        self._sway = rng.uniform(0, 2 * np.pi, 4)
        self._rng = rng

    def draw(self, frame: int) -> Frame:
        """The scene's picture, without noise."""
        film, scene = self._film, self._scene
        if self._person is None:
            person = np.random.default_rng([film.seed, 3, scene.person])
            self._person = FaceRenderer(Identity.draw(person), frame_px=film._px, face_px=film._face_px)
        at_s = frame / film.rate_hz
        since = at_s - film._start_s(self._index)
        sway = np.sin(2 * np.pi * np.array([0.2, 0.31, 0.13, 0.27]) * at_s + self._sway)
        x, y, roll, zoom = sway * np.array([1.5, 1.0, 0.012, 0.008])
        if scene.happens == "nod":
            y += 5.0 * np.sin(2 * np.pi * 0.8 * since)
        pose = Pose(
            jaw_px=film.jaw_px(self._index, at_s), shift_px=(float(x), float(y)), roll_rad=float(roll),
            scale=1.0 + float(zoom),
        )  # fmt: skip
        picture = self._person.frame(pose)
        width = round(film._px * 4 / 3)
        shift = 0
        if scene.happens == "pan":  # past the person, over half the picture's width within a second
            shift = round(min(max(since - 0.8, 0.0), 1.0) * width / 2)
        whole = self._background[:, shift : shift + width].copy()
        left = (width - film._px) // 2 - shift
        kept = slice(max(left, 0), min(left + film._px, width))
        part = picture[:, kept.start - left : kept.stop - left]
        person = np.abs(part.astype(int) - _GREEN).max(axis=2) > 40
        whole[:, kept][person] = part[person]
        middle = round(scene.duration_s / 2 * film.rate_hz)
        flashed = 0 <= frame - round(film._start_s(self._index) * film.rate_hz) - middle < _FLASH_FRAMES
        if scene.happens == "flash" and flashed:
            whole = np.clip(whole.astype(int) // 3 + 165, 0, 255).astype(np.uint8)
        return np.asarray(whole, dtype=np.uint8)
