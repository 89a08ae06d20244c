"""Who speaks: a mouth that moves with the voice, one that rests, and what cannot be judged."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import OptionError
from mien.core.signal import Signal
from mien.signals.face.mouth_motion import NO_FACE, SEVERAL, measure_mouth
from mien.signals.speech.active_speaker import (
    TOO_SHORT,
    TOO_SLOW,
    active_speaker,
    speaking_s,
)
from mien.simulate.films import Film, Scene

SEED = 331  # not those that thresholds were chosen on


class Voice:
    """A film's sound, and a mouth that opens with the syllables of the person in view, without pictures."""

    def __init__(self, heard: str, *, seed: int = SEED, rate_hz: float = 25.0, seconds: float = 8.0) -> None:
        film = Film((Scene(seconds, 1, heard),), seed=seed, rate_hz=rate_hz)
        self.sound, self.truth = film.sound(), film.truth
        self.times = np.arange(film.n_frames) / rate_hz
        jaw = np.array([film.jaw_px(0, at) for at in self.times])
        noise = np.random.default_rng(seed).normal(0, 0.15, jaw.size)
        self.speed = 0.2 * np.gradient(jaw, 1 / rate_hz) + noise
        self.faces = [""] * jaw.size

    def spans(self, **more: object):
        return active_speaker(self.sound, self.times, self.speed, self.faces, **more)


def total(spans, *, speaks: str) -> float:
    return speaking_s(spans, speaks)


@pytest.mark.parametrize("seed", [331, 332, 333])
def test_the_person_in_view_speaks(seed: int) -> None:
    spans = Voice("own", seed=seed).spans()
    right, wrong = total(spans, speaks="in-view"), total(spans, speaks="off-screen")
    assert right > 0.7 * (right + wrong) > 2
    assert all(abs(span.lag_s) <= 0.12 for span in spans if span.speaks == "in-view")


@pytest.mark.parametrize("heard", ["other", "chewing"])
def test_another_speaks(heard: str) -> None:
    parts = [Voice(heard, seed=seed).spans() for seed in (331, 332, 333)]
    right = sum(total(spans, speaks="off-screen") for spans in parts)
    wrong = sum(total(spans, speaks="in-view") for spans in parts)
    assert right > 0.7 * (right + wrong) > 6


def test_silence_has_no_stretch() -> None:
    assert Voice("nobody").spans() == []


def test_what_is_not_judged_says_why() -> None:
    hidden = Voice("own")
    hidden.faces = [NO_FACE] * 100 + [""] * 100
    hidden.speed[:100] = np.nan
    first = [span for span in hidden.spans() if span.end_s <= 3.9]
    assert {(span.speaks, span.reason, span.score) for span in first} == {("not-judged", NO_FACE, None)}
    slow = Voice("own", rate_hz=10.0).spans()
    assert {(span.speaks, span.reason) for span in slow} == {("not-judged", TOO_SLOW)}
    cut = Voice("own").spans(cuts_s=np.arange(0.5, 8.0, 0.5))
    assert {span.reason for span in cut} == {TOO_SHORT}


def test_no_stretch_goes_across_a_cut() -> None:
    spans = Voice("own").spans(cuts_s=[4.0])
    assert all(span.end_s <= 4.0 + 0.05 or span.start_s >= 4.0 - 0.05 for span in spans)


def test_a_gain_changes_nothing_and_the_sound_may_begin_later() -> None:
    voice = Voice("own")
    before = voice.spans()
    voice.sound = Signal(0.2 * voice.sound.values, voice.sound.rate_hz, "n/a", "voice")
    assert [span.speaks for span in voice.spans()] == [span.speaks for span in before]
    late = Signal(voice.sound.values[16000:], voice.sound.rate_hz, "n/a", "voice", 1.0)
    voice.sound = late
    spans = voice.spans()
    assert min(span.start_s for span in spans) >= 0.95
    assert total(spans, speaks="in-view") > total(spans, speaks="off-screen")


def test_the_mouth_of_a_film() -> None:
    film = Film((Scene(1.6, 1, "own"), Scene(1.6, 2, "nobody")), seed=SEED)
    frames, times = list(film.frames()), np.arange(80) / 25
    mouth = measure_mouth(frames, times, cuts=[40])
    jaw = np.gradient([film.jaw_px(0, at) for at in times[:40]], 1 / 25)
    known = np.isfinite(mouth.opening_px_s[:40])
    assert known.sum() >= 36
    assert np.isnan(mouth.opening_px_s[[0, 40]]).all()  # nothing is measured across a cut
    assert np.corrcoef(mouth.opening_px_s[:40][known], jaw[known])[0, 1] > 0.7
    spoken, silent = (np.nanstd(mouth.opening_px_s[part]) for part in (slice(40), slice(41, 80)))
    assert spoken > 2 * silent


def test_no_face_and_two_faces() -> None:
    wall = np.random.default_rng(3).integers(90, 110, (120, 160, 3), dtype=np.uint8)
    nobody = measure_mouth([wall] * 30, np.arange(30) / 25)
    assert set(nobody.reasons) == {NO_FACE}
    assert np.isnan(nobody.opening_px_s).all()
    film = Film((Scene(1.5, 1, "nobody"),), seed=SEED)
    frames = [np.hstack([frame, frame]) for _, frame in zip(range(6), film.frames(), strict=False)]
    both = measure_mouth(frames, np.arange(6) / 25)
    assert set(both.reasons) == {SEVERAL}


def test_films_that_cannot_be() -> None:
    with pytest.raises(OptionError, match=r"1\.5 to 600 s, got 1"):
        Scene(1.0, 1)
    with pytest.raises(OptionError, match="one of own, other"):
        Scene(3.0, 1, "loud")
    with pytest.raises(OptionError, match="at least one scene"):
        Film((), seed=1)


@pytest.mark.parametrize("name", ["bbaf2n.mpg", "sbia1a.mpg"])
def test_real_talk_is_judged(shared_data, name: str) -> None:
    from mien.recording.formats import read_audio, read_frames

    path = shared_data / "video" / "grid_lipnet" / "GRID" / name
    frames = [(at, picture) for _, at, picture in read_frames(path)]
    times = np.array([at for at, _ in frames])
    mouth = measure_mouth([picture for _, picture in frames], times)
    assert set(mouth.reasons) == {""}
    spans = active_speaker(read_audio(path, channel=0), times, mouth.opening_px_s, mouth.reasons)
    assert sum(span.end_s - span.start_s for span in spans) > 0.8
