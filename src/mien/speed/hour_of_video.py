"""Memory over an hour of video: an hour of 2040 x 1080 H.264 read in a process of its own.

The hour has 25 frames a second and a low quality, so that it takes minutes: one clip repeated by copying its
packets. A fresh process reads it, so that nothing else lies in its memory, and looks at its resident memory
all the time. Every box must be the clip's own one, bit by bit, which is compared with OpenCV's.
"""

from __future__ import annotations

import signal
import tempfile
import time
import zlib
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from mien.core.errors import JobError
from mien.recording.formats import read_luma
from mien.speed.luma import (
    BOX,
    FRAMES,
    HEIGHT,
    RATE_HZ,
    WIDTH,
    agreement,
    decoding_in_one_thread,
    write_video,
)
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.timing import Setting, Times

HOUR_S, QUICK_S = 3600.0, 300.0
QUALITY = 34
EVERY = 1000  # frames between two looks at the memory
MOST_MIB, GROWTH_MIB = 1024.0, 10.0


def repeat_packets(source: Path, target: Path, seconds_long: float) -> int:
    """The clip over and over until it is as long, packets copied and stamped anew; returns its frames."""
    import av

    wanted = int(seconds_long * RATE_HZ)
    with av.open(str(source)) as reader:
        packets = [p for p in reader.demux(reader.streams.video[0]) if p.size]
        first, second = (packet.dts for packet in packets[:2])
        assert first is not None
        assert second is not None
        with av.open(str(target), "w") as writer:
            stream = writer.add_stream_from_template(reader.streams.video[0])
            for i in range(wanted):
                old = packets[i % len(packets)]
                packet = av.Packet(bytes(old))
                packet.dts = packet.pts = i * (second - first)
                packet.time_base, packet.duration = old.time_base, second - first
                packet.is_keyframe, packet.stream = old.is_keyframe, stream
                writer.mux(packet)
    return wanted


def resident_mib() -> float:
    """Resident memory of this process, in MiB; OSError where the system has no /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status names no VmRSS")


def read_and_look(path: Path, clip_frames: int, told: Connection) -> None:
    """Reads the whole video; tells frames, MiB, boxes that differ and seconds, now and then and at last."""
    start, sums, differing, count = time.perf_counter(), list[int](), 0, 0
    told.send((0, resident_mib(), 0, 0.0))
    for at, box in read_luma(path, crop=BOX):
        one = zlib.crc32(box.tobytes())
        if count < clip_frames:
            sums.append(one)
        late = abs(at - count / RATE_HZ) > 1e-3
        differing += late or box.shape != (BOX[3], BOX[2]) or one != sums[count % clip_frames]
        count += 1
        if count % EVERY == 0:
            told.send((count, resident_mib(), differing, time.perf_counter() - start))
    told.send((count, resident_mib(), differing, time.perf_counter() - start))
    told.close()


def _apart(path: Path, clip_frames: int, told: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    read_and_look(path, clip_frames, told)


def looked(
    path: Path, n_frames: int, clip_frames: int, setting: Setting
) -> list[tuple[int, float, int, float]]:
    """What a fresh process tells while it reads; raises JobError if it dies."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_apart, args=(path, clip_frames, there), daemon=True)
    process.start()
    there.close()
    looks: list[tuple[int, float, int, float]] = []
    try:
        while True:
            looks.append(here.recv())
            setting.told(f"frame {looks[-1][0]:,} of {n_frames:,}, {looks[-1][1]:.0f} MiB")
    except EOFError:
        process.join()
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
    if process.exitcode or len(looks) < 2:
        raise JobError(
            "hour-of-video",
            wanted="the reading process to reach the end",
            got=f"exit status {process.exitcode} after {looks[-1][0] if looks else 0:,} frames",
            remedy="run it again, and look at its message above",
        )
    return looks


def measure(
    setting: Setting, *, seconds_long: float | None = None, clip_frames: int = FRAMES
) -> tuple[Row, ...]:
    """One row, one run: there is nothing to repeat it for, and no peer but OpenCV's answer."""
    long_s = seconds_long or (QUICK_S if setting.quick else HOUR_S)
    with tempfile.TemporaryDirectory() as folder, decoding_in_one_thread():
        clip, whole = Path(folder) / "clip.mp4", Path(folder) / "whole.mp4"
        setting.told("writing a video")
        write_video(clip, quality=QUALITY, n_frames=clip_frames)
        same = agreement(clip)
        n = repeat_packets(clip, whole, long_s)
        looks = looked(whole, n, clip_frames, setting)
    count, _, differing, spent = looks[-1]
    held = [mib for _, mib, _, _ in looks]
    growth = held[-1] - held[1]
    row = Row(
        what=f"memory over {long_s / 60:g} minutes of {WIDTH} x {HEIGHT} H.264",
        n=count,
        unit="frames",
        seconds=Times((spent,)),
        agreement=Agreement(
            same.equal and count == n and differing == 0,
            "the clip's boxes bit by bit, and those with OpenCV's: " + same.tolerance,
            f"{count:,} of {n:,} frames, {differing} differ; {same.found}",
        ),
        asked=(
            Demand("most_mib", MOST_MIB, "1 GiB", at_most=True),
            Demand("growth_mib", GROWTH_MIB, f"{GROWTH_MIB:g} MiB of growth (flat)", at_most=True),
        ),
        values={"most_mib": max(held), "growth_mib": growth, "before_mib": held[0]},
        clock="wall",
        note=f"{max(held):.0f} MiB at most, {held[0]:.0f} before the first frame, {growth:+.1f} from frame "
        f"{looks[1][0]:,} to the end; one run in a process of its own",
    )
    return (row,)


WORK = Work(
    name="hour-of-video",
    title="memory over an hour of video",
    asked="flat, at most 1 GiB",
    measure=measure,
    needs={"cv2": "vision", "av": "vision"},
    of=("mien.speed.hour_of_video", "mien.speed.luma", "mien.recording.formats.video"),
)
