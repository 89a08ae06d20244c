"""A serial port that takes trigger codes as pulses.

Conventions: codes are 0 to 255; 0 means that all lines are low. Every code is a pulse of its own: the lines
are at 0 for at least 5 ms before the next one, also where codes follow each other quickly, because recorders
tell codes apart by their edges and ignore what lasts less than 5 ms. The next code then waits up to 15 ms,
and its stamp says when it left.
"""

from __future__ import annotations

import threading
from typing import Any

from mien.core.errors import DataError, OptionError
from mien.elicitation.clock import now_s

PULSE_S, BETWEEN_S = 0.010, 0.005
"""How long a code lasts, and how long the lines are at 0 before the next one, at least (s)."""
_WRITE_S = 1.0  # a port that takes no byte within this is gone
_ANSWER_S = 0.25
_BAUD = 115_200


def check_code(device: str, code: int) -> None:
    """Refuse what is no code of a trigger device: OptionError."""
    if not 0 <= code <= 255:
        raise OptionError(device, wanted="a code from 0 to 255", got=code, remedy="give another code")


class SerialTrigger:
    """One byte on a serial port, taken back to 0 by a thread after 10 ms.

    Parameters
    ----------
    port
        Such as /dev/ttyUSB0 or COM3.
    baud
        Bits per second.

    Raises
    ------
    DataError
        If there is no such port, or it is in use.
    """

    def __init__(self, port: str, *, baud: int = _BAUD) -> None:
        try:
            import serial
        except ImportError as error:
            remedy = 'run pip install "mien[elicitation]"'
            raise OptionError(
                "serial port", wanted="pyserial", got="none installed", remedy=remedy
            ) from error
        self.name = f"serial port {port}"
        self._port = port
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._up_since_s: float | None = None
        self._low_since_s = 0.0
        self._closed = False
        try:
            self._serial: Any = serial.Serial(
                port, baud, timeout=_ANSWER_S, write_timeout=_WRITE_S, exclusive=True
            )
            self._put(0)
        except (OSError, ValueError) as error:  # pyserial's own errors are OSErrors
            raise self._gone(error, "a serial port that opens") from error
        self._thread = threading.Thread(target=self._lower, name="trigger", daemon=True)
        self._thread.start()

    def send(self, code: int) -> float:
        """When the byte had left; after the pulse before it and 5 ms of 0 where that is still on."""
        check_code(self.name, code)
        with self._changed:
            if self._closed:
                raise self._gone(OSError(0, "one that is closed"), "an open serial port")
            try:
                if self._up_since_s is not None:
                    _wait_until(self._up_since_s + PULSE_S)
                    self._put_low()
                _wait_until(self._low_since_s + BETWEEN_S)
                stamp_s = self._put(code)
            except OSError as error:
                self._up_since_s = None
                raise self._gone(error, "a port that takes trigger codes") from error
            if code:
                self._up_since_s = stamp_s
                self._changed.notify_all()
            else:
                self._low_since_s = stamp_s
        return stamp_s

    def round_trip_ms(self) -> float | None:
        """Milliseconds until a byte 0, which sets no line, is back; None where nothing comes back in 0.25 s.

        A loopback plug, or a device that echoes, answers.
        """
        with self._changed:
            try:
                if self._up_since_s is not None:
                    _wait_until(self._up_since_s + PULSE_S)
                    self._put_low()
                self._serial.reset_input_buffer()
                begun_s = now_s()
                self._put(0)
                answer = self._serial.read(1)
                return (now_s() - begun_s) * 1000 if answer == b"\0" else None
            except (OSError, TypeError) as error:  # pyserial raises TypeError on a port closed meanwhile
                raise self._gone(error, "a port that takes trigger codes") from error

    def close(self) -> None:
        """Set all lines low and give the port back."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            try:
                if self._up_since_s is not None:
                    _wait_until(self._up_since_s + PULSE_S)
                    self._put_low()
                self._serial.close()
            except OSError:
                pass  # the port has gone
            self._changed.notify_all()
        self._thread.join(1.0)

    def _put(self, code: int) -> float:
        """When one byte had left the port's buffer."""
        self._serial.write(bytes([code]))
        try:
            self._serial.flush()
        except OSError:
            raise
        except Exception as error:  # termios.error is no OSError
            raise OSError(5, str(error)) from error
        return now_s()

    def _put_low(self) -> None:
        self._up_since_s = None
        self._low_since_s = self._put(0)

    def _lower(self) -> None:
        """Take every code back to 0 when its pulse has lasted."""
        with self._changed:
            while not self._closed:
                if self._up_since_s is None:
                    self._changed.wait()
                elif (left := self._up_since_s + PULSE_S - now_s()) > 0:
                    self._changed.wait(left)
                else:
                    try:
                        self._put_low()
                    except OSError:
                        self._up_since_s = None  # the next code will tell that the port has gone

    def _gone(self, error: Exception, wanted: str) -> DataError:
        got = (getattr(error, "strerror", None) or str(error) or "none").strip().lower()
        remedy = "check its cable and name, and that no other program uses it"
        return DataError(self.name, wanted=wanted, got=got, remedy=remedy)


def _wait_until(at_s: float) -> None:
    if (left := at_s - now_s()) > 0:
        threading.Event().wait(left)
