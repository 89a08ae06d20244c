"""Motion is measured as it truly was, whatever camera and light; only what lasts leads to a reminder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.elicitation.camera_frame import CameraFrame
from mien.elicitation.monitoring import (
    AutomaticReminder,
    MotionBaseline,
    MotionMonitor,
    MotionSample,
    RelativeMotion,
    ReminderRule,
    measure_baseline,
    relative,
)
from mien.simulate.faces import FaceRenderer, Frame, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.simulate.live_face import LiveFace
from mien.simulate.live_script import LiveSettings, write_live_script

FACE_PX = 100
NAN = math.nan


@pytest.fixture(scope="module")
def face() -> FaceRenderer:
    return FaceRenderer(Identity.draw(np.random.default_rng(5)), frame_px=224, face_px=FACE_PX)


def watched(
    pictures: Iterable[tuple[float, Frame]], monitor: MotionMonitor | None = None
) -> list[MotionSample]:
    """Samples of pictures at their times."""
    monitor = monitor or MotionMonitor()
    seen = [monitor.see(CameraFrame(picture, at_s, k)) for k, (at_s, picture) in enumerate(pictures)]
    return [sample for sample in seen if sample is not None]


def film(
    face: FaceRenderer,
    pose: Callable[[float], Pose],
    *,
    times_s: Iterable[float],
    noise_sd: float = 1.5,
    start_s: float = 1000.0,
) -> list[tuple[float, Frame]]:
    """Stamps and noisy pictures of a pose that changes with time."""
    rng = np.random.default_rng(0)
    return [(start_s + t, camera_noise(face.frame(pose(t)), rng, sd=noise_sd)) for t in times_s]


def grid(seconds: float, rate_hz: float) -> list[float]:
    return [k / rate_hz for k in range(round(seconds * rate_hz))]


def in_widths(face: FaceRenderer, px: float) -> float:
    """Face widths, of 0.38 to which the eyes are apart, in pixels of a face 128 px wide."""
    (ax, ay), (bx, by) = face.eyes
    return px * FACE_PX / 128 * 0.38 / math.hypot(ax - bx, ay - by)


def median(samples: list[MotionSample], trace: str) -> float:
    return float(np.median([getattr(sample, trace) for sample in samples]))


def swaying(px_per_s: float) -> Callable[[float], Pose]:
    """To the right and back in steps of a second, at a constant speed (px of a face 128 px wide)."""
    return lambda t: Pose(shift_px=(px_per_s * (1 - abs(t % 2 - 1)), 0.0))


# --- speeds


@pytest.mark.parametrize("rate_hz", [15.0, 30.0, 60.0])
def test_a_shift_of_the_head_has_its_true_speed_at_every_rate(face: FaceRenderer, rate_hz: float) -> None:
    speed = 20.0
    samples = watched(film(face, swaying(speed), times_s=grid(3.0, rate_hz)))
    assert all(sample.found for sample in samples)
    assert median(samples, "head") == pytest.approx(in_widths(face, speed), rel=0.08)
    assert median(samples, "face") < 0.02


def test_speeds_follow_the_stamps_and_not_a_rate(face: FaceRenderer) -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([1 / 30, 2 / 30, 4 / 30], size=60)).tolist()  # frames get lost
    samples = watched(film(face, swaying(20.0), times_s=times))
    assert median(samples, "head") == pytest.approx(in_widths(face, 20.0), rel=0.1)


def test_turning_and_coming_closer_are_motion_of_the_head(face: FaceRenderer) -> None:
    for pose in (
        lambda t: Pose(roll_rad=0.2 * (1 - abs(t % 2 - 1))),
        lambda t: Pose(scale=1 + 0.2 * (1 - abs(t % 2 - 1))),
    ):
        samples = watched(film(face, pose, times_s=grid(2.5, 25.0)))
        # the root mean square of 0.2 r over a disc of radius 1/2 is 0.2 / sqrt(8), about the eyes and not the
        # picture's middle, which adds a shift
        assert 0.05 < median(samples, "head") < 0.11
        assert median(samples, "face") < 0.02


def test_a_face_at_rest_is_almost_still_with_a_poor_cameras_noise(face: FaceRenderer) -> None:
    samples = watched(film(face, lambda t: Pose(), times_s=grid(3.0, 30.0), noise_sd=5.0))
    assert median(samples, "head") < 0.02
    assert median(samples, "face") < 0.006
    assert median(samples, "body") < 0.05


def test_flicker_of_the_light_is_no_motion(face: FaceRenderer) -> None:
    calm = film(face, lambda t: Pose(), times_s=grid(3.0, 30.0))
    lit = [
        (t, np.clip(picture * (1 + 0.12 * math.sin(2 * np.pi * 7 * t)), 0, 255).astype(np.uint8))
        for t, picture in calm
    ]
    still, flickering = watched(calm), watched(lit)
    for trace, most in (("head", 0.01), ("face", 0.004), ("body", 0.03)):
        assert median(flickering, trace) < median(still, trace) + most


def test_a_large_picture_gives_the_same_speeds(face: FaceRenderer) -> None:
    shots = film(face, swaying(20.0), times_s=grid(2.0, 15.0))
    wide = []
    for t, picture in shots:
        large = np.full((1080, 1920, 3), 90, np.uint8)
        large[:, 420:1500] = cv2.resize(picture, (1080, 1080), interpolation=cv2.INTER_LINEAR)
        wide.append((t, large))
    assert median(watched(wide), "head") == pytest.approx(median(watched(shots), "head"), rel=0.1)


def test_what_a_face_does_by_itself_is_no_motion_of_the_head(face: FaceRenderer) -> None:
    def talking(t: float) -> Pose:
        return Pose(jaw_px=4.0 * math.sin(np.pi * 3.5 * t) ** 2)

    still = watched(film(face, lambda t: Pose(), times_s=grid(2.0, 30.0)))
    samples = watched(film(face, talking, times_s=grid(2.0, 30.0)))
    assert median(samples, "face") > 5 * median(still, "face")
    assert median(samples, "head") < 0.03


def test_blinks_and_glances_are_no_facial_activity(face: FaceRenderer) -> None:
    def eyes(t: float) -> Pose:
        shut = min(t % 1.0, 0.25) / 0.25
        return Pose(eyes_closed=math.sin(np.pi * shut) ** 2, gaze=(3.0 if t % 1.4 < 0.5 else -3.0, 0.0))

    def smiling(t: float) -> Pose:
        return Pose(units=(UnitPose(12, 3.0 * (1 - abs(t % 2 - 1))),))

    still, busy, smile = (
        median(watched(film(face, pose, times_s=grid(4.0, 30.0))), "face")
        for pose in (lambda t: Pose(), eyes, smiling)
    )
    assert busy - still < 0.7 * (smile - still)


def test_shoulders_move_the_body_and_a_head_alone_does_not() -> None:
    settings = LiveSettings(
        seed=8, duration_s=60, restless_per_minute=3, restless_kinds=("head turn", "body shift"), calm_s=5,
        movements_per_minute=0, rate_hz=25,
    )  # fmt: skip
    script = write_live_script(settings)
    person = LiveFace(script, settings)
    speeds = {}
    for kind in ("head turn", "body shift"):
        span = next(span for span in script.restless if span.kind == kind)
        times = np.arange(span.start_s - 1.0, span.end_s, 0.04).tolist()
        samples = watched((t, person.picture(t)) for t in times)
        within = [s for s in samples if s.time_s > span.start_s]
        speeds[kind] = max(s.head for s in within), float(np.mean([s.body for s in within]))
        resting = float(np.mean([s.body for s in samples if s.time_s <= span.start_s]))
        speeds[kind] = (*speeds[kind], resting)
    assert speeds["head turn"][0] > 0.15
    assert speeds["body shift"][1] > 2 * speeds["body shift"][2]
    assert speeds["head turn"][1] < 2 * speeds["body shift"][1]


# --- faces lost and found


def test_without_a_face_everything_is_nan_and_not_0() -> None:
    rng = np.random.default_rng(0)
    empty = [(k / 20, rng.integers(60, 70, (120, 160, 3), dtype=np.uint8)) for k in range(20)]
    samples = watched(empty)
    assert samples
    assert not any(sample.found for sample in samples)
    assert all(math.isnan(v) for s in samples for v in (s.head, s.body, s.face))


def test_a_covered_face_is_lost_at_once_and_found_again(face: FaceRenderer) -> None:
    shots = film(face, lambda t: Pose(), times_s=grid(5.0, 20.0))
    covered = [(t, np.full_like(p, 30) if 1002.0 <= t < 1003.0 else p) for t, p in shots]
    samples = watched(covered)
    assert not any(s.found for s in samples if 1002.0 <= s.time_s < 1003.0)
    assert all(s.found for s in samples if s.time_s < 1002.0)
    assert all(s.found for s in samples if s.time_s > 1004.0)


def test_a_pause_in_the_pictures_begins_anew(face: FaceRenderer) -> None:
    monitor = MotionMonitor()
    first = watched(film(face, lambda t: Pose(), times_s=grid(1.0, 20.0)), monitor)
    moved = film(face, lambda t: Pose(shift_px=(20.0, 0.0)), times_s=grid(1.0, 20.0), start_s=1003.0)
    later = watched(moved, monitor)
    assert first
    assert later[0].time_s > 1003.04
    assert max(s.head for s in later if s.found) < 0.05  # the move during the pause has no speed


def test_pictures_out_of_order_or_too_soon_are_left_out(face: FaceRenderer) -> None:
    shots = film(face, lambda t: Pose(), times_s=[0.0, 0.1, 0.11, 0.11, 0.05, 0.2])
    assert [round(s.time_s - 1000.0, 2) for s in watched(shots)] == [0.1, 0.2]


def test_a_picture_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="camera picture: wanted"):
        MotionMonitor().see(CameraFrame(np.zeros((100, 100), np.uint8), 0.0, 0))  # type: ignore[arg-type]


# --- baselines


def samples_of(
    values: Iterable[float], *, rate_hz: float = 20.0, found: Callable[[int], bool] = lambda k: True
) -> list[MotionSample]:
    return [
        MotionSample(k / rate_hz, v, 2 * v, v / 2, True)
        if found(k)
        else MotionSample(k / rate_hz, NAN, NAN, NAN, False)
        for k, v in enumerate(values)
    ]


def test_a_baseline_is_median_and_spread_by_hand() -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5] * 20
    baseline = measure_baseline([*samples_of(values)])
    assert baseline.head.median == pytest.approx(0.3)
    assert baseline.head.spread == pytest.approx(1.4826 * 0.1)
    assert baseline.body.spread == pytest.approx(1.4826 * 0.2)
    assert baseline.n_samples == 100
    assert baseline.seconds == pytest.approx(99 / 20)
    assert MotionBaseline.from_json(baseline.as_json()) == baseline
    moved = relative(MotionSample(9.0, 0.6, 0.6, NAN, True), baseline)
    assert moved.head == pytest.approx(0.3 / 0.14826)
    assert moved.body == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(moved.face)


def test_a_still_picture_has_a_spread() -> None:
    baseline = measure_baseline(samples_of([0.0] * 100))
    assert baseline.head.spread > 0
    assert math.isfinite(relative(MotionSample(9.0, 0.01, 0.01, 0.01, True), baseline).face)


def test_lost_faces_do_not_enter_a_baseline() -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5] * 20
    some = measure_baseline(samples_of(values, found=lambda k: k % 3 > 0))
    assert some.head.median == pytest.approx(0.3)
    with pytest.raises(DataError, match="a face in half of the samples, or more, got one in 25 of 100"):
        measure_baseline(samples_of(values, found=lambda k: k % 4 == 0))


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_little_for_a_baseline_is_refused(n: int) -> None:
    with pytest.raises(DataError, match=f"got {n} samples"):
        measure_baseline(samples_of([0.1] * n))


def test_a_body_out_of_sight_never_reminds() -> None:
    samples = [replace(s, body=NAN) for s in samples_of([0.1] * 100)]
    baseline = measure_baseline(samples)
    assert MotionBaseline.from_json(baseline.as_json()).as_json() == baseline.as_json()
    assert baseline.as_json()["body"] is None
    assert math.isnan(relative(MotionSample(9.0, 0.1, 5.0, 0.1, True), baseline).body)


@pytest.mark.parametrize(
    "value",
    [{}, {"head": 1, "body": 2, "face": 3, "n_samples": 1, "seconds": 1.0},
     {"head": {"median": 0.1, "spread": 0.0}, "body": None, "face": None, "n_samples": 1, "seconds": 1.0}],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(DataError, match="baseline: wanted median and spread"):
        MotionBaseline.from_json(value)


# --- reminders

RULE = ReminderRule(threshold=5.0, head_s=0.4, body_s=0.4, face_s=0.8, refractory_s=10.0)


def reminded(
    values: Iterable[float], *, trace: str = "head", rate_hz: float = 20.0, rule: ReminderRule = RULE
) -> list[tuple[float, str]]:
    """Times and reasons for one trace; the others rest."""
    reminder, told = AutomaticReminder(rule), []
    for k, value in enumerate(values):
        levels = {"head": 0.0, "body": 0.0, "face": 0.0, trace: value}
        reason = reminder.update(RelativeMotion(k / rate_hz, found=not math.isnan(value), **levels))
        if reason is not None:
            told.append((k / rate_hz, reason))
    return told


@pytest.mark.parametrize("rate_hz", [10.0, 15.0, 30.0, 60.0])
@pytest.mark.parametrize(
    ("trace", "reason", "after_s"),
    [("head", "head movement", 0.4), ("body", "body movement", 0.4), ("face", "facial activity", 0.8)],
)
def test_what_lasts_leads_to_a_reminder_in_its_time(
    trace: str, reason: str, after_s: float, rate_hz: float
) -> None:
    n = round(2 * rate_hz)
    told = reminded([0.0] * n + [6.0] * n, trace=trace, rate_hz=rate_hz)
    assert [why for _, why in told] == [reason]
    assert 2.0 + after_s - 1.01 / rate_hz <= told[0][0] <= 2.0 + after_s + 0.01 / rate_hz


def test_what_does_not_last_or_is_nan_or_below_leads_to_none() -> None:
    assert reminded(([0.0] * 15 + [50.0] * 7) * 10) == []  # .35 s
    assert reminded(([0.0] * 30 + [50.0] * 15) * 10, trace="face") == []
    assert reminded([NAN] * 200) == []
    assert reminded([5.0] * 200) == []
    assert reminded([50.0, NAN] * 100, rate_hz=20.0)  # half of it is seen, and half is enough


def test_frequent_short_movements_lead_to_a_reminder() -> None:
    assert reminded(([8.0] * 5 + [0.0] * 4) * 5)


def test_one_wild_sample_after_a_pause_does_not_remind() -> None:
    reminder = AutomaticReminder(RULE)
    for at_s in (0.0, 5.0, 10.0, 15.0):
        assert reminder.update(RelativeMotion(at_s, 99.0, 99.0, 99.0, True)) is None


def test_there_is_rest_between_reminders() -> None:
    told = reminded([9.0] * 20 * 25)
    gaps = np.diff([at_s for at_s, _ in told])
    assert len(told) == 3
    assert (gaps >= 10.0).all()


def test_samples_of_the_past_are_left_out() -> None:
    reminder = AutomaticReminder(RULE)
    for _ in range(100):
        assert reminder.update(RelativeMotion(3.0, 9.0, 9.0, 9.0, True)) is None


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0.0}, {"threshold": NAN}, {"refractory_s": -1.0}, {"face_s": 0.0}]
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="wanted"):
        ReminderRule(**wrong)
    assert ReminderRule(**asdict(ReminderRule())) == ReminderRule()


# --- the whole way


def test_a_simulated_person_is_reminded_when_restless_and_not_otherwise() -> None:
    settings = LiveSettings(
        seed=41, duration_s=54.0, rate_hz=15.0, calm_s=10.0, restless_per_minute=5.0,
        restless_kinds=("head turn", "talking", "nod"), movements_per_minute=8.0, micro_share=1.0,
    )  # fmt: skip
    script = write_live_script(settings)
    person = LiveFace(script, settings)
    samples = watched((k / 15, person.picture(k / 15)) for k in range(54 * 15))
    baseline = measure_baseline(s for s in samples if s.time_s < 10.0)
    reminder = AutomaticReminder(ReminderRule(refractory_s=3.0))
    told = [s.time_s for s in samples if s.time_s >= 10.0 and reminder.update(relative(s, baseline))]
    spans = script.restless
    assert {span.kind for span in spans} == {"head turn", "talking", "nod"}
    assert [m.kind for m in script.trial.movements].count("micro") >= 3
    for span in spans:
        assert any(span.start_s < t < span.end_s + 0.5 for t in told), span
    assert all(any(s.start_s < t < s.end_s + 1.0 for s in spans) for t in told)
