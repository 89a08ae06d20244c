"""A process that reads files it is told of and says what came of it, one line of JSON per file.

It may be killed by what it reads: its parent looks after it. A line `reader TAB path` comes in; out go the
outcome (`refused`, `read` or `failed`), a digest of what was read, seconds, and mebibytes of memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from every_reader import READERS, content

from mien.core.errors import MienError
from mien.core.signal import Signal
from mien.recording.formats.openface import Landmarks
from mien.recording.formats.xdf import StampedStream
from mien.recording.inspect import Inspection, inspect_file
from mien.recording.recording import Recording

GUARD = 4 * 1024**3  # more than is allowed, so that what is allowed is measured


def strange(value: Any) -> str:
    """What contradicts itself in what a reader returned; nothing where all agrees."""
    if isinstance(value, Recording):
        return strange(list(value.signals)) or _strange_times([e.time_s for e in value.events])
    if isinstance(value, Signal):
        fine = value.values.ndim == 1 and value.values.size and 0 < value.rate_hz < 1e12
        return "" if fine and np.isfinite(value.start_s) else f"signal of {value.values.shape}"
    if isinstance(value, StampedStream):
        same = value.values.shape == (value.stamps_s.size, len(value.channel_names))
        return "" if same and 0 <= value.rate_hz < 1e12 else f"stream of {value.values.shape}"
    if isinstance(value, Landmarks):
        sizes = {len(value.frame), len(value.time_s), len(value.confidence), len(value.points)}
        return "" if len(sizes) == 1 and np.isfinite(value.points).all() else "landmarks of several lengths"
    if hasattr(value, "get_data"):
        found = value.get_data()
        onsets = value.annotations.onset
        if found.shape != (len(value.ch_names), value.n_times) or not 0 < value.info["sfreq"] < 1e12:
            return f"raw of {found.shape} at {value.info['sfreq']} Hz"
        return _strange_times(onsets, most=value.n_times / value.info["sfreq"])
    if isinstance(value, list) and value and isinstance(value[0], tuple):  # frames
        indices, times, pictures = zip(*value, strict=True)
        if list(indices) != list(range(len(value))) or len({p.shape for p in pictures}) != 1:
            return "frames out of order or of several sizes"
        return "times that go back" if np.any(np.diff(times) < 0) else _strange_times(times)
    if isinstance(value, (list, tuple)):
        names = [item.name for item in value if isinstance(item, Signal)]
        return next(filter(None, map(strange, value)), "") or "names twice" * (len(set(names)) != len(names))
    return ""


def _strange_times(times: Any, most: float = np.inf) -> str:
    found = np.asarray(times, dtype=float)
    fine = np.isfinite(found).all() and (not found.size or found.max() <= most)
    return "" if fine else "an impossible time of an event"


def contradiction(value: Any, told: Inspection) -> str:
    """What a reader's result and an inspection of the same file say differently."""
    if hasattr(value, "get_data"):
        lengths = {c.n_samples for c in told.channels} - {value.n_times}
        same = len(told.channels) == len(value.ch_names) and not lengths
        same = same and told.events == len(value.annotations)
    elif isinstance(value, Recording):
        same = [c.n_samples for c in told.channels] == [len(s) for s in value.signals]
        same = same and told.events == len(value.events)
    elif isinstance(value, list) and value and isinstance(value[0], tuple):
        same = told.video is not None and told.video.n_frames == len(value)
    else:
        return ""
    return "" if same else "the inspection says something else"


def attempt(read: Any, path: Path) -> tuple[Any, str, str]:
    """The result, the refusal, the failure: one of them."""
    try:
        return read(path), "", ""
    except MienError as error:
        told, cause = str(error), error.__cause__
        while cause is not None:
            if isinstance(cause, MemoryError):
                return None, "", f"out of memory: {told}"
            cause = cause.__cause__ or cause.__context__
        if str(path.parent) not in told and str(path) not in told:
            return None, "", f"a refusal without the file's name: {told}"
        return None, told, "" if len(told) < 1000 else f"a refusal of {len(told)} letters"
    except BaseException as error:
        return None, "", f"{type(error).__name__}: {error}"


def judged(name: str, path: Path) -> dict[str, Any]:
    """The outcome of reading and of inspecting one file."""
    value, refusal, failure = attempt(READERS[name][1], path)
    told, _, broken = attempt(inspect_file, path)
    if broken:
        failure = failure or f"inspection: {broken}"
    digest = ""
    if not failure and not refusal:
        failure = strange(value)
        if not failure and told is not None:
            failure = contradiction(value, told)
        digest = hashlib.sha256(repr(content(value)).encode()).hexdigest()
    outcome = "failed" if failure else "refused" if refusal else "read"
    return {"outcome": outcome, "told": (failure or refusal)[:500], "digest": digest}


def _kib(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0])


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import av  # noqa: F401
    import mne.io  # noqa: F401
    import pyarrow.csv  # noqa: F401

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1024 * _kib("VmSize") + GUARD, hard))
    print(json.dumps({"outcome": "ready"}), file=answers)
    for line in sys.stdin:
        name, path = line.rstrip("\n").split("\t")
        with suppress(OSError):  # where it is not allowed, the peak is that of all files so far
            Path("/proc/self/clear_refs").write_text("5")
        before, start = _kib("VmRSS"), time.perf_counter()
        found = judged(name, Path(path))
        found |= {"seconds": time.perf_counter() - start, "mib": (_kib("VmHWM") - before) / 1024}
        print(json.dumps(found), file=answers)


if __name__ == "__main__":
    main()
