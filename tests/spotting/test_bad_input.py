"""What cannot be judged is told, never left out in silence, and nothing is made of it.

Through the whole path, from a file to proposals: whatever a video holds, every moment of it is either judged
or told as not judged; expressions that can be seen are found in spite of the rest, and none are invented.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from mien.core.errors import MienError
from mien.experiments.spot import SpotRequest, spot
from mien.features.face_pass import measure_face_motion
from mien.jobs import Store
from mien.spotting import spot_by_optical_flow

sys.path.insert(0, str(Path(__file__).parent))

import films

HZ = 25
WHOLE = (0.0, films.LENGTH_S)
SMILE, BROWS, FROWN = (one.apex_s for one in films.STORY)


def story(start_s=0.0, end_s=films.LENGTH_S):
    """Part of the story at 25 frames a second; may be changed."""
    return films.story()[round(start_s * 100) : round(end_s * 100) : 4].copy()


def say(folder, pictures, times_s=None):
    """What is said of pictures shown at times, by default `HZ` a second from 0."""
    times_s = films.clock(len(pictures) / HZ, HZ) if times_s is None else times_s
    path = films.write(folder / "film.mp4", np.stack(pictures), times_s)
    return spot(SpotRequest(path, out=folder / "out")).spotted


def assert_whole(spotted):
    """Every moment is judged or told, none is both, and nothing is proposed where nothing was judged."""
    spans = [one.span for one in spotted.not_judged]
    assert all(0 <= span.start_s < span.end_s <= spotted.duration_s + 1e-6 for span in spans)
    assert [one.span for one in sorted(spotted.not_judged, key=lambda one: one.span)] == spans
    judged_s = spotted.curve_s[np.isfinite(spotted.curve)]
    frame_s = 1 / spotted.rate_hz + 0.021
    for at in np.arange(0.005, spotted.duration_s, 0.02 if spotted.duration_s < 60 else 60.0):
        told = any(at in span for span in spans)
        seen = len(judged_s) > 0 and np.abs(judged_s - at).min() <= frame_s
        assert told or seen, f"nothing is said of {at:.2f} s"
    for span in spans:
        assert not ((judged_s >= span.start_s) & (judged_s < span.end_s)).any()
        assert not any(one.apex_s in span for one in spotted.proposals)
    told = spotted.as_json()
    assert told["judged_s"] == pytest.approx(spotted.duration_s - spotted.unjudged_s)


def assert_found(spotted, *apexes_s, maybe=()):
    """These expressions are found, each once, and no others (but `maybe` those)."""
    found = [one.apex_s for one in spotted.proposals]
    for apex_s in apexes_s:
        assert sum(abs(at - apex_s) < 0.2 for at in found) == 1, found
    known = (*apexes_s, *maybe)
    assert all(any(abs(at - apex_s) < 0.35 for apex_s in known) for at in found), spotted.proposals


def reasons(spotted, at_s):
    return " and ".join(one.reason for one in spotted.not_judged if at_s in one.span)


def test_a_wall_has_no_face(tmp_path):
    spotted = say(tmp_path, films.nothing(50))
    assert_whole(spotted)
    assert_found(spotted)
    assert "no face" in reasons(spotted, 1.0)


def test_a_face_is_lost_and_found(tmp_path):
    pictures = story()
    pictures[60:80] = films.nothing(20)
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, SMILE, BROWS, FROWN)
    assert reasons(spotted, 2.8)
    assert not reasons(spotted, 5.0)


def test_a_face_covered_during_an_expression_is_told(tmp_path):
    pictures = story()
    pictures[110:135, 30:170, 30:160] = 90  # from 4.4 to 5.4 s; the brows are raised from 4.0 to 5.6 s
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, SMILE, FROWN)
    assert "covered" in reasons(spotted, 4.9)
    assert "cut off by what comes after" in reasons(spotted, 4.36)


@pytest.mark.parametrize(
    ("start_s", "end_s", "at_s", "by"),
    [(4.6, 7.4, 0.2, "the video's beginning"), (2.2, 4.76, 2.4, "the video's end")],
)
def test_an_expression_that_the_video_cuts_off_is_told(start_s, end_s, at_s, by, tmp_path):
    spotted = say(tmp_path, story(start_s, end_s))
    assert_whole(spotted)
    assert_found(spotted)
    assert by in reasons(spotted, at_s)
    assert spotted.unjudged_s < 1.4


def test_frames_that_come_at_changing_rates_are_no_matter(tmp_path):
    at = np.concatenate([np.arange(0, 600, 4), np.arange(600, 700, 10), np.arange(700, 1000, 3)])
    spotted = say(tmp_path, films.story()[at], at / 100)
    assert_whole(spotted)
    assert_found(spotted, SMILE, BROWS, FROWN)


def test_eight_frames_a_second_are_too_slow_for_micro_expressions(tmp_path):
    at = np.arange(0, 1000, 12.5).astype(int)
    spotted = say(tmp_path, films.story()[at], at / 100)
    assert_whole(spotted)
    assert [one.kind for one in spotted.proposals] == ["macro"]
    assert any("8.33 frames" in note or "7.69 frames" in note for note in spotted.notes), spotted.notes


def test_a_damaged_middle_is_told_and_the_rest_judged(tmp_path):
    path = films.write(tmp_path / "film.mp4", story(), films.clock(films.LENGTH_S, HZ))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    spotted = spot(SpotRequest(path, out=tmp_path / "out")).spotted
    assert_whole(spotted)
    assert_found(spotted, SMILE, FROWN, maybe=[BROWS])
    assert any("damaged" in one.reason for one in spotted.not_judged)


def test_a_file_cut_short_is_refused_in_one_sentence(tmp_path):
    path = films.write(tmp_path / "film.mkv", story(0, 3), films.clock(3.0, HZ))
    path.write_bytes(path.read_bytes()[:-40000])
    with pytest.raises(MienError, match="copy it again") as error:
        spot(SpotRequest(path, out=tmp_path / "out"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", ["empty", "audio"])
def test_no_video_at_all_is_one_sentence(what, tmp_path):
    path = tmp_path / "film.mp4"
    if what == "empty":
        path.write_bytes(b"")
    else:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000)
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            sound.sample_rate = 16000
            container.mux(stream.encode(sound))
            container.mux(stream.encode(None))
    with pytest.raises(MienError, match=r"film\.mp4") as error:
        spot(SpotRequest(path, out=tmp_path / "out"))
    assert "\n" not in str(error.value)


def test_hours_without_frames_are_told(tmp_path):
    pause = np.where(np.arange(120) < 60, 0.0, 60.0)
    spotted = say(tmp_path, story(0, 4.8), films.clock(4.8, HZ) + pause)
    assert_whole(spotted)
    assert_found(spotted, SMILE)
    assert "no frames" in reasons(spotted, 30.0)
    motion = measure_face_motion(tmp_path / "film.mp4", Store(tmp_path / "out" / "store"))
    late = replace(motion, times_s=motion.times_s + 599 * pause, end_s=motion.end_s + 599 * 60)
    spotted = spot_by_optical_flow(late)
    assert_whole(spotted)
    assert spotted.duration_s == pytest.approx(36004.8, abs=0.1)
    assert_found(spotted, SMILE)


def test_speech_is_told_and_brows_go_on_being_judged(tmp_path):
    times = films.clock(6.0, HZ)
    jaw = films.speech(times, (0.5, 5.5), seed=3, px=2.5)
    frown = films.movement(2.6, 3.2, 3.9, "macro", (4,), 2.5)
    spotted = say(tmp_path, films.frames(times, person=6, movements=[frown], jaw_px=jaw))
    assert_whole(spotted)
    assert_found(spotted, frown.apex_s)
    assert any("talking: the mouth could not be judged" in note for note in spotted.notes)


def test_two_expressions_of_the_mouth_within_two_seconds_are_no_talk(tmp_path):
    both = [
        films.movement(1.0, 1.2, 1.45, "micro", (12,), 2.0),
        films.movement(1.9, 2.3, 2.9, "macro", (15,), 2.5),
    ]
    spotted = say(tmp_path, films.frames(films.clock(4.0, HZ), person=4, movements=both))
    assert_whole(spotted)
    assert_found(spotted, 1.2, 2.3)
    assert not any("talking" in note for note in spotted.notes)


def test_turning_heads_are_told(tmp_path):
    def turn(at):
        return 26 * float(np.clip((at - 2.4) / 0.4, 0, 1) - np.clip((at - 3.6) / 0.4, 0, 1))

    times = films.clock(6.0, HZ)
    spotted = say(tmp_path, films.frames(times, person=4, shift=turn, blinks=(1.2, 5.0)))
    assert_whole(spotted)
    assert_found(spotted)
    assert all("head turned" in reasons(spotted, at) for at in (2.6, 3.8))
    assert not reasons(spotted, 1.2)


def test_the_larger_of_two_people_is_followed(tmp_path):
    import cv2

    other = cv2.resize(films.frames([0.0], person=8)[0], (120, 120), interpolation=cv2.INTER_AREA)
    pictures = np.full((250, films.SIDE, films.SIDE + 120), 120, np.uint8)
    pictures[..., : films.SIDE] = story()
    pictures[:, 40:160, films.SIDE :] = other
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, SMILE, BROWS, FROWN)
    assert spotted.not_judged == ()


def test_a_face_that_leaves_at_the_border_is_told(tmp_path):
    pictures = story()
    for k in range(150, 250):  # from 6 s on, out of the picture within 2 s
        by = min(3 * (k - 150), films.SIDE)
        pictures[k] = np.concatenate([pictures[k, :, by:], films.nothing(1)[0, :, :by]], axis=1)
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, SMILE, BROWS)
    assert reasons(spotted, 9.0)


def test_flickering_light_is_no_expression(tmp_path):
    times = films.clock(films.LENGTH_S, HZ)
    light = 1 + 0.06 * np.sin(2 * np.pi * 100 * (times * 1.013))  # a lamp at 50 Hz, seen 25 times a second
    pictures = (story() * light[:, None, None]).clip(0, 255).astype(np.uint8)
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, SMILE, BROWS, FROWN)


def test_a_shaking_camera_is_no_expression(tmp_path):
    times = films.clock(films.LENGTH_S, HZ)
    x, y = (np.rint(1.6 * np.sin(2 * np.pi * hz * times)).astype(int) for hz in (6.1, 4.3))
    pictures = [np.roll(one, (dy, dx), (0, 1)) for one, dx, dy in zip(story(), x, y, strict=True)]
    spotted = say(tmp_path, pictures)
    assert_whole(spotted)
    assert_found(spotted, BROWS, maybe=[SMILE, FROWN])


def test_all_of_it_after_each_other(tmp_path):
    stranger = films.frames(films.clock(2.0, HZ), person=8)[..., ::-1]
    parts = [
        story(0, 2.4),
        films.nothing(25),
        story(3.4, 6.4),
        255 - films.nothing(3),
        stranger,
        story(7, 10),
    ]
    pictures = np.concatenate(parts)
    n = len(pictures)
    times = films.clock(n / HZ, HZ) + np.where(np.arange(n) < n - 70, 0.0, 1.4)
    spotted = say(tmp_path, pictures, times)
    assert_whole(spotted)
    second, third = BROWS, times[n - 75] + FROWN - 7 + 1.4
    assert_found(spotted, SMILE, second, third)
    assert "no frames" in reasons(spotted, times[n - 70] - 0.7)


def test_a_micro_expression_during_a_blink_is_found_where_other_blinks_show_what_blinks_do(tmp_path):
    frown = films.movement(2.95, 3.15, 3.4, "micro", (4,), 2.0)
    times = films.clock(6.0, HZ)
    spotted = say(tmp_path, films.frames(times, person=4, movements=[frown], blinks=(1.2, 3.0, 4.6)))
    assert_whole(spotted)
    assert_found(spotted, frown.apex_s)
