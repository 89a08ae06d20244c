"""The pass over whole videos: real time of a camera's pictures, memory over an hour, a kill in the middle.

Real time: a rendered face, 450 px in 2040 x 1080 H.264 at 150 frames per second, measured by two processes as
`mien spot` does; beside it what decoding, finding faces and measuring motion cost of one second of video.
Memory: 10 and 60 minutes of a face of 112 px in 192 x 192 at 30 frames per second, with and without fields of
all places, each in a process of its own; all fields are then read piece by piece. Memory is looked at 20
times a second: resident in the main process, and in the largest worker.
Kill: the main process and its workers by SIGKILL in the middle; then the same again, and undisturbed.

Long videos are clips repeated by copying their packets: what is decoded and measured is not less for that.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import hashlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

from mien.features.face_following import FIND_S
from mien.features.face_pass import MOST_HZ, Film, PassSettings, measure_face_motion, measure_faces
from mien.features.region_motion import ReferenceFace
from mien.jobs import ProcessPool, Store
from mien.recording.formats import VideoWriter
from mien.recording.formats.video_parts import frame_times, read_luma_part
from mien.signals.face import face_finder
from mien.simulate.faces import Pose, UnitPose, camera_noise
from mien.speed.spotting_front_end import person

Row = dict[str, str | int | float | None]

WIDTH, HEIGHT, CAMERA_HZ, CAMERA_S = 2040, 1080, 150, 24
SMALL, SMALL_HZ = 192, 30
LENGTHS_MIN = (10.0, 60.0)
KILL_MIN, KILL_PART_S = 2.0, 4.0
PIECE_S = 20.0


def write_clip(path: Path, *, width: int, height: int, rate_hz: int, face_px: int, quality: int) -> Path:
    """One second of a person whose smile comes and goes, before a wall with grain."""
    side = min(height, round(face_px * 1.7) // 2 * 2)
    renderer, _ = person(frame_px=side, face_px=face_px)
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.normal(110, 60, (height, width)).astype(np.float32), (0, 0), 12)
    grain = rng.normal(0, 1.5, (8, height, width)).astype(np.float32)
    left, top = (width - side) // 2, (height - side) // 2
    with VideoWriter(path, width=width, height=height, rate_hz=rate_hz, quality=quality) as writer:
        for k in range(rate_hz):
            turn = 2 * np.pi * k / rate_hz  # the end fits the beginning
            smile = UnitPose(12, 0.7 * float(1 - np.cos(turn)))
            frame = renderer.frame(Pose(units=(smile,), shift_px=(0.5 * np.sin(turn), 0.3 * np.sin(turn))))
            picture = np.repeat(np.clip(wall + grain[k % 8], 0, 255).astype(np.uint8)[..., None], 3, axis=2)
            picture[top : top + side, left : left + side] = camera_noise(frame, rng)
            writer.write(picture)
    return path


def repeat_packets(source: Path, target: Path, seconds: float) -> Path:
    """The clip over and over until it is as long, packets copied and stamped anew."""
    import av

    with av.open(str(source)) as reader:
        stream = reader.streams.video[0]
        packets = [packet for packet in reader.demux(stream) if packet.size]
        assert stream.average_rate is not None
        step = round(1 / (stream.average_rate * packets[0].time_base))
        with av.open(str(target), "w") as writer:
            copied = writer.add_stream_from_template(stream)
            for i in range(round(seconds * stream.average_rate)):
                old = packets[i % len(packets)]
                packet = av.Packet(bytes(old))
                packet.dts = packet.pts = i * step
                packet.time_base, packet.duration = old.time_base, step
                packet.is_keyframe, packet.stream = old.is_keyframe, copied
                writer.mux(packet)
    return target


# --- real time


def camera(folder: Path, *, seconds: float) -> tuple[list[Row], float]:
    """Rows of a camera's video, and seconds per second of it."""
    clip = write_clip(
        folder / "clip.mp4", width=WIDTH, height=HEIGHT, rate_hz=CAMERA_HZ, face_px=450, quality=20
    )
    film = repeat_packets(clip, folder / "camera.mp4", seconds)
    mbit = film.stat().st_size * 8 / seconds / 1e6
    settings = PassSettings(part_s=4.0)
    walls = []
    for k in range(3):
        start = time.perf_counter()
        found = measure_face_motion(film, Store(folder / f"store{k}"), settings, executor=ProcessPool(2))
        walls.append((time.perf_counter() - start) / seconds)
    if (found.state != 0).any():
        raise AssertionError("the face was lost")
    shares = costs(film)
    told = ", ".join(f"{name} {cost:.2f} s" for name, cost in shares.items())
    print(f"processor, per second of video ({mbit:.0f} Mbit/s): {told}")
    wall = statistics.median(walls)
    words = (
        f"a second of {WIDTH} x {HEIGHT} H.264 at {CAMERA_HZ} Hz, {mbit:.0f} Mbit/s, two processes "
        f"(wall, three runs of {seconds:g} s: {1 / wall:.1f} times real time)"
    )
    rows: list[Row] = [{"name": words, "n": CAMERA_HZ, "median_s": wall}]
    rows += [
        {"name": f"of it {name}, one thread, processor", "n": CAMERA_HZ, "median_s": cost}
        for name, cost in shares.items()
    ]
    return rows, wall


def costs(film: Path) -> dict[str, float]:
    """Processor seconds, one thread, per second of video."""
    times = frame_times(film)
    every = round(CAMERA_HZ / MOST_HZ)
    start = time.process_time()
    shown = [p.copy() for _, p in read_luma_part(film, times, 0, only=lambda i: i < 300 and i % every == 0)]
    decoding = (time.process_time() - start) / (len(times.times_s) / CAMERA_HZ)
    finder = face_finder("haar", None)
    finder.find(shown[0])
    start = time.process_time()
    for picture in shown[:5]:
        faces = finder.find(picture)
    finding = (time.process_time() - start) / 5 / FIND_S
    reference = ReferenceFace(shown[0], next(face for face in faces if face.eyes is not None))
    reference.measure(shown[1])
    start = time.process_time()
    for picture in shown[1:]:
        reference.measure(picture)
    motion = (time.process_time() - start) / (len(shown) - 1) * MOST_HZ
    return {"decoding": decoding, "finding faces": finding, "motion": motion}


# --- memory


def watch(stop: threading.Event, seen: list[tuple[float, float]]) -> None:
    """Memory of this process and of its largest worker in MiB, all the time."""
    root = psutil.Process()
    while not stop.wait(0.05):
        workers = [0.0]
        for child in root.children(recursive=True):
            try:
                workers.append(child.memory_info().rss / 2**20)
            except psutil.Error:
                continue
        seen.append((root.memory_info().rss / 2**20, max(workers)))


def in_memory(film: str, store: str, fields: str) -> None:
    """What the process of its own does: prints seconds and peaks as JSON."""
    seen: list[tuple[float, float]] = []
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(stop, seen))
    watcher.start()
    start = time.perf_counter()
    settings = PassSettings(fields=fields == "fields")
    found = measure_faces({"a": Film(Path(film))}, Store(Path(store)), settings, executor=ProcessPool(2))["a"]
    measured_s, planned = time.perf_counter() - start, max((own for own, _ in seen), default=0.0)
    assert not isinstance(found, Exception)
    motion, places = found.read()
    rows = 0
    if places is not None:
        step = round(PIECE_S * 30)
        for first in range(0, len(places), step):
            rows += len(places.displacement(first, first + step)) + len(places.texture(first, first + step))
    stop.set()
    watcher.join()
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "measured_s": measured_s,
                "frames": len(motion.times_s),
                "rows": rows,
                "while measuring": planned,
                "main": max(own for own, _ in seen),
                "worker": max(other for _, other in seen),
            }
        )
    )


def child(function: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A function of this module in a process of its own, which leads a group."""
    program = f"import sys; from benchmarks import spotting_whole_pass as b; b.{function}(*sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def answer(running: subprocess.Popen[bytes]) -> dict[str, float]:
    """What a child printed."""
    out, _ = running.communicate()
    if running.returncode:
        raise RuntimeError(f"a child ended with {running.returncode}")
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def memory(folder: Path, lengths_min: tuple[float, ...]) -> list[Row]:
    """Rows of the memory."""
    clip = write_clip(
        folder / "small.mp4", width=SMALL, height=SMALL, rate_hz=SMALL_HZ, face_px=112, quality=18
    )
    rows: list[Row] = []
    for fields in ("regions", "fields"):
        for minutes in lengths_min:
            film = repeat_packets(clip, folder / f"{minutes:g}.mp4", 60 * minutes)
            with tempfile.TemporaryDirectory() as store:
                one = answer(child("in_memory", str(film), store, fields))
            words = (
                f"{minutes:g} minutes of {SMALL} x {SMALL} at {SMALL_HZ} Hz, {fields}, two processes "
                f"(one run; main {one['main']:.0f} MiB at most, {one['while measuring']:.0f} while "
                f"measuring; a worker {one['worker']:.0f} MiB)"
            )
            print(f"{words}: {one['seconds']:.0f} s, of which {one['measured_s']:.0f} s measuring")
            rows.append({"name": words, "n": int(one["frames"]), "median_s": one["seconds"]})
    return rows


# --- kill


def to_be_killed(film: str, store: str) -> None:
    """What the process does that is killed: prints the digest of what it measured."""
    found = measure_face_motion(
        Path(film), Store(Path(store)), PassSettings(part_s=KILL_PART_S), executor=ProcessPool(2)
    )
    total = [found.motion.tobytes(), found.head.tobytes(), found.state.tobytes(), found.reference.tobytes()]
    print(json.dumps({"digest": hashlib.sha256(b"".join(total)).hexdigest()}))


def done(store: Path) -> dict[Path, int]:
    """Markers of the finished parts, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in store.glob("*/*/done.json")}


def kill(folder: Path) -> list[Row]:
    """A row of the kill; raises where results differ or more than a part per worker was repeated."""
    clip = write_clip(
        folder / "kill.mp4", width=SMALL, height=SMALL, rate_hz=SMALL_HZ, face_px=112, quality=18
    )
    film = str(repeat_packets(clip, folder / "minutes.mp4", 60 * KILL_MIN))
    calm = answer(child("to_be_killed", film, str(folder / "calm")))
    n_parts = len(done(folder / "calm"))
    store = folder / "killed"
    running = child("to_be_killed", film, str(store))
    while len(done(store)) < n_parts // 2:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    before = done(store)
    begun = len(list((store / "claims").iterdir())) - len(before)
    start = time.perf_counter()
    again = answer(child("to_be_killed", film, str(store)))
    spent = time.perf_counter() - start
    after = done(store)
    if again != calm or begun > 2 or any(after[path] != stamp for path, stamp in before.items()):
        raise AssertionError(f"{begun} parts begun in vain, results {'equal' if again == calm else 'differ'}")
    words = (
        f"killed after {len(before)} of {n_parts} parts, started again: {begun} parts repeated by two "
        "processes, result equal bit by bit (one run)"
    )
    print(f"{words}: {spent:.0f} s")
    return [{"name": words, "n": n_parts, "median_s": spent}]


def main(*, lengths_min: tuple[float, ...] = LENGTHS_MIN, camera_s: float = CAMERA_S) -> list[Row]:
    """Measure, print, and return the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, wall = camera(folder, seconds=camera_s)
        print(f"{rows[0]['name']}: {wall:.2f} s")
        return [*rows, *kill(folder), *memory(folder, lengths_min)]


if __name__ == "__main__":
    main()
