"""Trigger devices: a pseudo terminal as serial port, its cable pulled out and put in again."""

from __future__ import annotations

import os
import select
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_cameras as small

from mien.core.errors import DataError, OptionError
from mien.elicitation.clock import now_s
from mien.elicitation.trigger_devices import SteadyTrigger, open_trigger

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo terminals")


class Port:
    """A pseudo terminal: what was written to it with its times, and a link to it by a steady name."""

    def __init__(self, link: Path, *, echo: bool = False) -> None:
        self.link, self._echo = link, echo
        self.plug_in()

    def plug_in(self) -> None:
        import tty

        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._slave))
        self.bytes: list[tuple[float, int]] = []
        self._out = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._out.is_set():
            if not select.select([self.master], [], [], 0.02)[0]:
                continue
            try:
                found = os.read(self.master, 100)
            except OSError:
                return
            self.bytes += [(now_s(), code) for code in found]
            if self._echo:
                os.write(self.master, found)

    def codes(self) -> list[int]:
        return [code for _, code in self.bytes]

    def pull_out(self) -> None:
        self._out.set()
        self._thread.join(10)
        self.link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self.master)


@pytest.fixture
def port(tmp_path: Path):
    port = Port(tmp_path / "ttyUSB0")
    yield port
    if not port._out.is_set():
        port.pull_out()


def test_the_null_device_takes_codes() -> None:
    device = open_trigger("null")
    before = now_s()
    assert before <= device.send(101) <= now_s()
    assert device.round_trip_ms() is None
    device.close()
    with pytest.raises(OptionError, match="wanted a code from 0 to 255, got 256"):
        device.send(256)


def test_the_file_device_writes_a_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "markers.txt"
    device = open_trigger(f"file:{path}")
    stamps = [device.send(code) for code in (101, 100)]
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert [int(code) for _, code in lines] == [101, 100]
    assert [float(at) for at, _ in lines] == pytest.approx(stamps, abs=1e-6)
    path.unlink()
    with pytest.raises(DataError, match="a file that has vanished"):
        device.send(102)
    device.close()
    device.close()
    device = open_trigger(f"file:{path}")
    device.close()
    with pytest.raises(DataError, match="one that is closed"):
        device.send(102)
    (tmp_path / "plain").write_text("")
    with pytest.raises(DataError, match="check its folder"):
        open_trigger(f"file:{tmp_path / 'plain' / 'markers.txt'}")


@pytest.mark.parametrize("spec", ["", "parallel:1", "file:", "serial:", "101"])
def test_other_devices_are_refused(spec: str) -> None:
    with pytest.raises(OptionError, match="null, file:PATH or serial:PORT"):
        open_trigger(spec)


def test_a_port_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(DataError, match="serial port /dev/no-such-port: wanted a serial port that opens"):
        open_trigger("serial:/dev/no-such-port")


def test_a_code_is_a_pulse(port: Port) -> None:
    device = open_trigger(f"serial:{port.link}:9600")
    before = now_s()
    assert before <= device.send(101) <= now_s()
    assert small.wait_until(lambda: port.codes()[-2:] == [101, 0])
    assert port.codes() == [0, 101, 0]
    device.close()
    with pytest.raises(DataError, match="one that is closed"):
        device.send(1)


def test_codes_in_quick_succession_are_kept_apart(port: Port) -> None:
    device = open_trigger(f"serial:{port.link}")
    codes = [101, 100, 100, 255, 1]
    stamps = [device.send(code) for code in codes]
    assert small.wait_until(lambda: len(port.bytes) >= 11)
    assert port.codes() == [0, 101, 0, 100, 0, 100, 0, 255, 0, 1, 0]
    assert all(later - sooner >= 0.015 - 1e-4 for sooner, later in pairwise(stamps))
    device.close()


def test_a_loopback_answers(tmp_path: Path) -> None:
    port = Port(tmp_path / "ttyUSB0", echo=True)
    device = open_trigger(f"serial:{port.link}")
    device.send(101)
    back = device.round_trip_ms()
    assert back is not None
    assert 0 < back < 250
    assert 101 in port.codes()
    device.close()
    port.pull_out()


def test_silence_is_no_answer(port: Port) -> None:
    device = open_trigger(f"serial:{port.link}")
    assert device.round_trip_ms() is None
    device.close()


def test_a_port_that_goes_is_told_once_and_opened_again(port: Port) -> None:
    with pytest.raises(DataError):
        SteadyTrigger("serial:/dev/no-such-port")
    steady = SteadyTrigger(f"serial:{port.link}", again_s=0.05)
    assert steady.trouble is None
    assert steady.send(101).at_s is not None
    assert small.wait_until(lambda: port.codes()[-2:] == [101, 0])
    port.pull_out()
    lost = steady.send(100)
    assert lost.at_s is None
    assert lost.trouble is not None
    assert f"serial port {port.link}: wanted a port that takes trigger codes" in lost.trouble
    assert steady.trouble == lost.trouble
    again = steady.send(100)
    assert (again.at_s, again.trouble) == (None, None)  # told once
    assert steady.round_trip_ms() is None
    port.plug_in()
    assert small.wait_until(lambda: steady.trouble is None)
    assert steady.send(103).at_s is not None
    assert small.wait_until(lambda: port.codes()[-2:] == [103, 0])
    steady.close()
    assert steady.send(104).at_s is None


def test_a_steady_device_raises_nothing(port: Port) -> None:
    steady = SteadyTrigger(f"serial:{port.link}", again_s=0.05)
    assert "a code from 0 to 255" in str(steady.send(999).trouble)
    assert steady.trouble is None
    port.pull_out()
    assert steady.round_trip_ms() is None
    assert steady.trouble is not None
    steady.close()  # while it is looked for
    assert not any(thread.name == "trigger again" for thread in threading.enumerate())
