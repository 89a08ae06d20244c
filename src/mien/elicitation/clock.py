"""The one clock of a session: what the computer that conducts it calls now."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import cache


def now_s() -> float:
    """Seconds of the session's clock: that of Lab Streaming Layer where pylsl is installed.

    It runs evenly, stands for nothing by itself and begins anew when the computer does. Without pylsl it is
    Python's monotonic clock, which on Linux is the same one.
    """
    return _source()()


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
    from pathlib import Path

    import pylsl

    places = (Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg"))
    if "LSLAPICFG" not in os.environ and not any(place.is_file() for place in places):
        with contextlib.suppress(AttributeError):  # versions before 1.18
            pylsl.set_config_content("[log]\nlevel = -3\n")
