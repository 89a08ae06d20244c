"""The spotting front end without decoding: dense inverse search, strain and means over regions of a face.

Pictures of a rendered face, 112 px in 192 x 192 with camera noise, against the first one; the toolkit cuts
the aligned face to 128 x 128, takes the head's motion out and measures u, v, magnitude and strain over 39
regions. Beside it the same steps with OpenCV and NumPy as people write them: the flow by the same engine with
the same settings, strain by `np.gradient`, means by masks, over MDMO's 36 regions. Then two processes measure
at once.
"""

from __future__ import annotations

import hashlib
import signal
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.features.region_motion import SIZE, ReferenceFace, region_flow_engine
from mien.signals.face import optical_strain
from mien.signals.face.finding import Face
from mien.signals.face.head_motion import template_fit
from mien.signals.face.regions import REGION_NAMES, mdmo_regions, region_masks, template_landmarks
from mien.simulate.faces import FaceRenderer, Pose, UnitPose, camera_noise
from mien.simulate.identities import Identity
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, Times, by_turns, one_thread

Picture = NDArray[np.uint8]
Means = NDArray[np.float32]
Told = tuple[float, float, str]
"""Frames a second by the processor's clock and by the wall's, and the digest of the answer."""

FRAMES = 120
PASSES = 15  # of all frames by each process at once: some seconds
PROCESSES = 2
TOLERANCE_PX = 1e-3
WAIT_S = 120.0

_gate: Any = None


def person(seed: int = 1, *, frame_px: int = 192, face_px: int = 112) -> tuple[FaceRenderer, Face]:
    """Somebody, and where the face is in the pictures."""
    renderer = FaceRenderer(Identity.draw(np.random.default_rng(seed)), frame_px=frame_px, face_px=face_px)
    eyes = np.array(sorted(renderer.eyes))
    return renderer, Face(renderer.face_box, eyes, None, "haar")


def pictures(renderer: FaceRenderer, n: int = FRAMES) -> list[Picture]:
    """A smile that comes and goes on a head that sways."""
    rng = np.random.default_rng(0)
    shown = []
    for k in range(n):
        smile = UnitPose(12, 1.4 * float(np.sin(np.pi * k / n) ** 2))
        sway = (0.8 * np.sin(0.05 * k), 0.4 * np.sin(0.09 * k))
        shown.append(camera_noise(renderer.frame(Pose(units=(smile,), shift_px=sway)), rng)[..., 1].copy())
    return shown


def by_mien(shown: list[Picture], face: Face) -> Means:
    """What the pass measures of every frame, (frames - 1, 39, 4)."""
    reference = ReferenceFace(shown[0], face)
    found = [reference.measure(picture) for picture in shown[1:]]
    return np.stack([np.full((39, 4), np.nan, np.float32) if one is None else one.regions for one in found])


def by_numpy(shown: list[Picture], face: Face) -> Means:
    """The same by OpenCV's flow, `np.gradient` and masks, (frames - 1, 36, 4)."""
    reference = ReferenceFace(shown[0], face)
    aligner, first, fit = reference.aligner, reference.grey, template_fit((SIZE, SIZE))
    masks = region_masks(mdmo_regions(template_landmarks(SIZE)), (SIZE, SIZE))
    middle = np.array([0.5 * SIZE - 0.5, 0.45 * SIZE - 0.5, 1.0])
    shift, found = np.zeros(2), []
    for picture in shown[1:]:
        flow = region_flow_engine().calc(
            first, aligner.cut(picture, shift), np.zeros((SIZE, SIZE, 2), np.float32)
        )
        head = fit(*flow[fit.at].T)
        u, v = (flow.transpose(2, 0, 1) - head.field((SIZE, SIZE))).astype(np.float64)
        fields = np.stack([u, v, np.hypot(u, v), optical_strain(u, v)])
        found.append(np.stack([fields[:, mask].mean(axis=1) for mask in masks]))
        shift = shift + aligner.from_face @ (head.affine @ middle)
    return np.stack(found).astype(np.float32)


def _share_gate(gate: Any) -> None:
    global _gate
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    _gate = gate


def alone(n_frames: int, passes: int, together: bool) -> Told:
    """What this process measures a second, by the processor's clock and the wall's, and its answer."""
    with one_thread():
        renderer, face = person()
        shown = pictures(renderer, n_frames)
        answer = hashlib.sha256(by_mien(shown, face).tobytes()).hexdigest()
        if together:
            _gate.wait(WAIT_S)  # all begin at once
        processor, wall = time.process_time(), time.perf_counter()
        for _ in range(passes):
            by_mien(shown, face)
        n = passes * (n_frames - 1)
        return n / (time.process_time() - processor), n / (time.perf_counter() - wall), answer


def at_once(n_frames: int, passes: int, setting: Setting) -> dict[int, list[list[Told]]]:
    """What `alone` says of every process, run by run, by turns: of one process, of all at once."""
    context = get_context("spawn")
    gate = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, _share_gate, (gate,)) as pool:
        rounds: dict[int, list[list[Told]]] = {1: [], PROCESSES: []}
        for k in range(setting.runs):
            for n, told in rounds.items():
                setting.told(f"{n} at once, run {k + 1} of {setting.runs}")
                given = [pool.submit(alone, n_frames, passes, n > 1) for _ in range(n)]
                told.append([one.result() for one in given])
    return rounds


def measure(setting: Setting, *, n_frames: int = FRAMES, passes: int = PASSES) -> tuple[Row, ...]:
    """Two rows: beside OpenCV and NumPy in this process, and two processes at once."""
    import cv2

    renderer, face = person()
    shown = pictures(renderer, n_frames)
    own, theirs = by_mien(shown, face), by_numpy(shown, face)
    n_regions = len(REGION_NAMES)
    apart = float(np.abs(own[:, :n_regions] - theirs).max())
    taken = by_turns({"mien": lambda: by_mien(shown, face), "NumPy": lambda: by_numpy(shown, face)}, setting)
    rounds = at_once(n_frames, passes, setting)
    one, both = (
        Times(tuple((n_frames - 1) / sum(rate for rate, _, _ in told) for told in rounds[n]))
        for n in (1, PROCESSES)
    )
    wall = statistics.median(sum(rate for _, rate, _ in told) for told in rounds[PROCESSES])
    answers = {answer for told in (*rounds[1], *rounds[PROCESSES]) for _, _, answer in told}
    equal = answers == {hashlib.sha256(own.tobytes()).hexdigest()}
    work = f"front end of a frame at {SIZE} x {SIZE}"
    return (
        Row(
            what=f"{work}, one process",
            n=n_frames - 1,
            unit="frames",
            seconds=taken["mien"],
            agreement=Agreement(
                apart <= TOLERANCE_PX,
                f"u, v, magnitude, strain of {n_regions} regions to {TOLERANCE_PX:g} px",
                f"largest difference {apart:.1g} px",
            ),
            peer=f"OpenCV {cv2.__version__} DIS, NumPy {np.__version__} gradient and masks",
            peer_seconds=taken["NumPy"],
        ),
        Row(
            what=f"{work}, {PROCESSES} processes at once",
            n=n_frames - 1,
            unit="frames",
            seconds=both,
            agreement=Agreement(
                equal, "bit by bit, with one process", "equal" if equal else "different answers"
            ),
            peer="mien, one process alone",
            peer_seconds=one,
            asked=(Demand("rate", 600, f"600 frames/s on {PROCESSES} cores"),),
            values={"wall_rate": wall},
            note=f"rates of the processes added up; by the wall's clock {wall:.0f} frames/s. Frames "
            "that are measured: of a video at 150 Hz every third",
        ),
    )


WORK = Work(
    name="spotting-front-end",
    title="spotting front end (dense inverse search, strain, means over regions)",
    asked="600 frames/s on 2 cores at 128 x 128",
    measure=measure,
    needs={"cv2": "vision"},
    of=(
        "mien.speed.spotting_front_end",
        "mien.features.region_motion",
        "mien.signals.face.head_motion",
        "mien.signals.face.regions",
    ),
    processes=PROCESSES,
)
