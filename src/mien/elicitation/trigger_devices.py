"""Trigger devices: codes for the other recorders, by a serial port or a file, also when a cable comes off.

Codes are 0 to 255; 0 means that all lines are low. `serial_trigger` says how codes are kept apart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from mien.core.errors import DataError, MienError, OptionError
from mien.elicitation.clock import now_s
from mien.elicitation.serial_trigger import SerialTrigger, check_code

_AGAIN_S = 2.0
_STOP_S = 3.0


class TriggerDevice(Protocol):
    """Something that takes codes."""

    @property
    def name(self) -> str: ...

    def send(self, code: int) -> float:
        """When the code had left (s, session's clock); DataError when the device is gone."""
        ...

    def round_trip_ms(self) -> float | None:
        """How long a byte takes to the device and back; None where nothing comes back."""
        ...

    def close(self) -> None: ...


def open_trigger(spec: str) -> TriggerDevice:
    """The trigger device that a person named.

    Parameters
    ----------
    spec
        "null": none; "file:PATH": a line `stamp_s<TAB>code` for every code; "serial:PORT" or
        "serial:PORT:BAUD" (115,200 by default): one byte, and 0 after 10 ms.

    Raises
    ------
    OptionError
        If it is none of these.
    DataError
        If the file or port cannot be opened.
    """
    kind, _, where = spec.partition(":")
    if spec == "null":
        return NullTrigger()
    if kind == "file" and where:
        return FileTrigger(Path(where))
    if kind == "serial" and where:
        port, _, baud = where.rpartition(":")
        if port and baud.isdecimal():
            return SerialTrigger(port, baud=int(baud))
        return SerialTrigger(where)
    wanted = "null, file:PATH or serial:PORT[:BAUD]"
    raise OptionError("trigger device", wanted=wanted, got=spec or "nothing", remedy="choose one of them")


class NullTrigger:
    """No device: codes go nowhere, at the time they are sent."""

    name = "no trigger device"

    def send(self, code: int) -> float:
        """Now."""
        check_code(self.name, code)
        return now_s()

    def round_trip_ms(self) -> float | None:
        """None: nothing comes back."""
        return None

    def close(self) -> None:
        """Nothing is open."""


class FileTrigger:
    """A text file that gets a line `stamp_s<TAB>code` for every code, at once.

    Parameters
    ----------
    path
        Appended to; its folder is made where it is absent.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file {path}"
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = open(path, "a", encoding="utf-8", newline="\n")  # noqa: SIM115
        except OSError as error:
            raise self._gone(error) from error

    def send(self, code: int) -> float:
        """When the line was with the system."""
        check_code(self.name, code)
        try:
            with self._lock:
                if not self._path.exists():
                    raise FileNotFoundError(2, "a file that has vanished")
                stamp_s = now_s()
                self._file.write(f"{stamp_s:.6f}\t{code}\n")
                self._file.flush()
        except (OSError, ValueError) as error:
            raise self._gone(error) from error
        return stamp_s

    def round_trip_ms(self) -> float | None:
        """None: nothing comes back."""
        return None

    def close(self) -> None:
        """Close the file."""
        with self._lock, suppress(OSError):  # what was sent was flushed: there is nothing more to lose
            self._file.close()

    def _gone(self, error: Exception) -> DataError:
        got = (getattr(error, "strerror", None) or "one that is closed").lower()
        wanted = "a file that takes trigger codes"
        return DataError(self._path, wanted=wanted, got=got, remedy="check its folder and the disk")


@dataclass(frozen=True, slots=True)
class Sent:
    """When a code left (s), None if it did not; and one sentence when the device has just gone."""

    at_s: float | None
    trouble: str | None = None


class SteadyTrigger:
    """A trigger device that may go away: the session goes on, and it is opened again when it is back.

    Parameters
    ----------
    spec
        As for `open_trigger`.
    again_s
        Seconds between two attempts to open it again.
    opening
        What opens it.

    Raises
    ------
    DataError, OptionError
        If it cannot be opened now.
    """

    def __init__(
        self,
        spec: str,
        *,
        again_s: float = _AGAIN_S,
        opening: Callable[[str], TriggerDevice] = open_trigger,
    ) -> None:
        self._spec, self._again_s, self._opening = spec, again_s, opening
        self._device: TriggerDevice | None = opening(spec)
        self.name = self._device.name
        self._trouble: str | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._reopening: threading.Thread | None = None

    @property
    def trouble(self) -> str | None:
        """One sentence while the device is gone."""
        return self._trouble

    def send(self, code: int) -> Sent:
        """Send a code; raises nothing. The trouble is told once, when it begins."""
        with self._lock:
            device = self._device
            if device is None:
                return Sent(None)
            try:
                return Sent(device.send(code))
            except OptionError as error:
                return Sent(None, str(error))
            except Exception as error:  # whatever a driver raises: the session goes on
                self._lose(device, error)
                return Sent(None, self._trouble)

    def round_trip_ms(self) -> float | None:
        """As the device's; None while it is gone."""
        with self._lock:
            device = self._device
            if device is None:
                return None
            try:
                return device.round_trip_ms()
            except Exception as error:
                self._lose(device, error)
                return None

    def close(self) -> None:
        """Give the device back, and look for it no more."""
        self._closed.set()
        with self._lock:
            device, self._device = self._device, None
        if device is not None:
            device.close()
        if self._reopening is not None:
            self._reopening.join(_STOP_S)

    def _lose(self, device: TriggerDevice, error: Exception) -> None:
        told = str(error) if isinstance(error, MienError) else f"{self.name}: it broke ({error}); check it."
        self._device, self._trouble = None, told
        self._reopening = threading.Thread(
            target=self._open_again, args=(device,), name="trigger again", daemon=True
        )
        self._reopening.start()

    def _open_again(self, gone: TriggerDevice) -> None:
        gone.close()
        while not self._closed.wait(self._again_s):
            try:
                device = self._opening(self._spec)
            except MienError:
                continue
            with self._lock:
                if not self._closed.is_set():
                    self._device, self._trouble = device, None
                    return
            device.close()
