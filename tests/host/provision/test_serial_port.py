"""Ports that are not there, not ours, not free; on real terminals of this machine."""

from __future__ import annotations

import fcntl
import grp
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host import serial_port
from host.serial_port import (
    NoPortError,
    PortBusyError,
    PortPermissionError,
    SeveralPortsError,
)


@pytest.fixture
def terminal():
    """A pseudo-terminal's name."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def plugged(monkeypatch):
    """Says which ports the system has: [(device, USB product)]."""

    def plug(*found: tuple[str, str | None]) -> None:
        infos = []
        for device, product in found:
            info = ListPortInfo(device)
            info.vid = 0x1A86 if product else None
            info.product = product
            infos.append(info)
        monkeypatch.setattr(list_ports, "comports", lambda: infos)

    return plug


def test_the_only_usb_port_is_taken_before_the_machines_own(plugged, terminal):
    plugged(("/dev/ttyS0", None), (terminal, "USB Serial"))
    assert serial_port.choose() == terminal
    assert serial_port.choose(terminal) == terminal


def test_without_a_port_it_says_what_to_connect(plugged):
    plugged()
    with pytest.raises(NoPortError, match="USB cable that carries data"):
        serial_port.choose()


def test_of_several_ports_it_names_all(plugged):
    plugged(("/dev/ttyUSB1", "CP2102"), ("/dev/ttyUSB0", "USB Serial"))
    with pytest.raises(SeveralPortsError) as raised:
        serial_port.choose()
    assert str(raised.value) == (
        "several serial ports: /dev/ttyUSB0 (USB Serial), /dev/ttyUSB1 (CP2102); "
        "say which with --port"
    )


def test_a_port_that_is_not_there_or_is_a_file(plugged, tmp_path):
    plugged(("/dev/ttyUSB0", "CP2102"))
    with pytest.raises(NoPortError, match=r"no such port; there is /dev/ttyUSB0 \(CP2102\)$"):
        serial_port.choose(str(tmp_path / "ttyUSB7"))
    (tmp_path / "file").touch()
    with pytest.raises(NoPortError, match="not a serial port"):
        serial_port.choose(str(tmp_path / "file"))


@pytest.mark.parametrize("way", ["pyserial", "terminal program"])
def test_a_port_that_another_program_holds(terminal, way):
    take = (
        "import fcntl, os, sys, termios\n"
        f"fd = os.open({terminal!r}, os.O_RDWR | os.O_NOCTTY)\n"
        + (
            "fcntl.flock(fd, fcntl.LOCK_EX)\n"
            if way == "pyserial"
            else "fcntl.ioctl(fd, termios.TIOCEXCL)\n"
        )
        + "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", take], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(PortBusyError) as raised:
            serial_port.check(terminal)
        # Held exclusively, an ordinary user does not get as far as a descriptor.
        assert f"(pid {other.pid})" in str(raised.value)
        other.stdin.close()
    fd = os.open(terminal, os.O_RDWR | os.O_NOCTTY) if os.geteuid() == 0 else None
    if fd is not None:
        fcntl.ioctl(fd, termios.TIOCNXCL)
        os.close(fd)
        serial_port.check(terminal)


def test_no_permission_names_the_group_that_has_it(terminal):
    root = os.geteuid() == 0
    if root:
        os.chown(terminal, 0, grp.getgrnam("dialout").gr_gid)
    group = grp.getgrgid(Path(terminal).stat().st_gid).gr_name
    # Root may do anything: a child asks as somebody else.
    Path(terminal).chmod(0o660 if root else 0o060)
    become = "os.setgroups([]); os.setgid(65534); os.setuid(65534);" if root else ""
    check = f"import os; from host import serial_port; {become} serial_port.check({terminal!r})"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    said = f"PortPermissionError: {terminal}: no permission to use it: join the group {group} "
    assert said in done.stderr


def test_the_group_is_not_named_when_it_could_not_either():
    assert str(PortPermissionError("/dev/ttyUSB0", None)).endswith(
        "its owner alone may (udev rules give it to a group)"
    )
