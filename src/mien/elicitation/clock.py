"""The one clock of a session: what the computer that conducts it calls now."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path


def now_s() -> float:
    """Seconds of the session's clock: that of Lab Streaming Layer where pylsl is installed.

    It runs evenly, stands for nothing by itself and begins anew when the computer does. Without pylsl it is
    Python's monotonic clock, which on Linux is the same one.
    """
    return _source()()


def boot_id() -> str | None:
    """What is another after the computer, and with it the clock, began anew; None where it is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


@cache
def _source() -> Callable[[], float]:
    try:
        from pylsl import local_clock

        _quietly()
    except (ImportError, RuntimeError):  # not installed, or without its library
        return time.monotonic
    found: Callable[[], float] = local_clock
    return found


def _quietly() -> None:
    """Keep the library's own remarks off the terminal, unless the laboratory has set it up its own way."""
    import os

    import pylsl

    places = (Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg"))
    if "LSLAPICFG" not in os.environ and not any(place.is_file() for place in places):
        with contextlib.suppress(AttributeError):  # versions before 1.18
            pylsl.set_config_content("[log]\nlevel = -3\n")
