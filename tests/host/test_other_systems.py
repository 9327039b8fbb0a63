"""The laptop's commands on Windows and macOS, as far as that can be tried on Linux.

In a process of its own everything of ours is imported anew as on the other system: without the
modules that it lacks, and under its name. What others' packages do there is theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What Python's documentation calls "Unix only", of what ours could want.
UNIX_ONLY = ("fcntl", "grp", "pwd", "termios", "tty", "pty", "resource", "syslog", "readline")

START = f"""
import sys, os, socket
system, *argv = sys.argv[1:]
import asyncio, getpass, subprocess, shutil, tempfile  # Python's own part for this system
import host.cli
for name in dict.fromkeys(host.cli.COMMANDS.values()):
    host.cli._load(name)
import host.label.sheet, host.flash.chip, rich.console, rich.progress, typer.rich_utils
for name in [name for name in sys.modules if name.split(".")[0] in ("host", "contracts", "hub")]:
    del sys.modules[name]
if system == "win32":
    for name in {UNIX_ONLY!r}:
        sys.modules[name] = None
    for name in ("fchmod", "fchown", "geteuid", "getuid", "getgid", "O_NOCTTY", "O_NONBLOCK"):
        if hasattr(os, name):
            delattr(os, name)
    del socket.AF_UNIX
sys.platform = system
"""
# Each command in a fork of one process, which has imported others' packages once.
COMMANDS = (
    START
    + """
import json, tempfile, traceback
from host.__main__ import main

def status_of(words):
    sys.argv = ["dormouse", *words]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 70
    return 0

for words in json.loads(argv[0]):
    with tempfile.TemporaryFile() as output:
        if (child := os.fork()) == 0:
            for standard in (1, 2):
                os.dup2(output.fileno(), standard)
            status = status_of(words)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        print(json.dumps([status, output.read().decode()]))
"""
)
CASES = (
    (["boards"], 0, "Wemos D1 mini"),
    (["boards", "nodemcu"], 0, "D1 5"),
    (["--help"], 0, "provision"),
    (["flash", "--help"], 0, "--port"),
    (["flash", "nothing.bin", "--board", "nodemcu", "--keep-bootloader"], 10, "cannot be read"),
    (["provision", "--file", "nothing.toml", "--port", "nowhere"], 10, "cannot be read"),
    (["provision"], 68, "Questions need a terminal"),
    (["label", "esp8266_15c5d000"], 72, "connect it with a cable"),
)


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # PYTHONUTF8=0 and an encoding of Windows' consoles: what cannot be shown must not end it.
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=200,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "100", **environment},
    )  # fmt: skip


@pytest.fixture(scope="module", params=["win32", "darwin"])
def commands(request):
    """[(exit status, output)] of CASES on a system."""
    done = run(COMMANDS, request.param, json.dumps([words for words, _, _ in CASES]))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(words) for words, *_ in CASES])
def test_commands_start(commands, number):
    _, expected, words = CASES[number]
    status, output = commands[number]
    assert (status, words in output) == (expected, True), output
    assert "Traceback" not in output


PORTS = (
    START
    + """
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
from host import serial_port
from host.errors import HostError

FAILS = {
    # What pyserial says of Windows' errors 2, 5 and 31 (serialwin32.py, WinError).
    "COM9": "could not open port 'COM9': FileNotFoundError(2, 'The system cannot find the file "
            "specified.', None, 2)",
    "COM4": "could not open port 'COM4': PermissionError(13, 'Access is denied.', None, 5)",
    "COM5": "could not open port 'COM5': OSError(22, 'A device attached to the system is not "
            "functioning.', None, 31)",
}

class Serial:
    def __init__(self, port):
        if port in FAILS:
            raise serial.SerialException(FAILS[port])
    def close(self):
        pass

serial.Serial = Serial

def info(device, description):
    one = ListPortInfo(device)
    one.vid, one.description = 0x1A86, description
    return one

found = []
list_ports.comports = lambda: found

def tried(*port):
    try:
        print(serial_port.choose(*port))
    except HostError as error:
        print(error.exit_status, error)

tried("COM9")
found.append(info("COM3", "USB-SERIAL CH340 (COM3)"))
tried()
for port in ("COM9", "COM4", "COM5"):
    tried(port)
"""
)


def test_windows_ports_are_named_and_tried_its_way():
    done = run(PORTS, "win32")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "40 COM9: there is no such port; ports are called like COM3 here, and there is none",
        "COM3",
        "40 COM9: there is no such port; there is COM3 (USB-SERIAL CH340 (COM3))",
        "42 COM4: in use by another program; end that first",
        (
            "40 COM5: cannot be opened: could not open port 'COM5': OSError(22, 'A device "
            "attached to the system is not functioning.', None, 31); there is COM3 "
            "(USB-SERIAL CH340 (COM3))"
        ),
    ]


def test_files_are_written_and_passwords_read_there(tmp_path):
    program = (
        START
        + """
from pathlib import Path
from host import files
from host.label.label import Label
from host.label.store import LabelStore
from host.provision.answers import Answers

folder = Path(argv[0])
LabelStore(folder).keep(Label("esp8266_15c5d000", "dormouse-15c5d0", "abcdefghj2"))
print(LabelStore(folder).all()[0].network)
Answers("x", folder).keep("ssid", "house")
from host.provision import devices_file
(entry,) = devices_file.load(folder / "devices.toml", None)
print(entry.plan.wifi.ssid)
"""
    )
    file = tmp_path / "devices.toml"
    # As editors there begin a file; and every file is readable by everybody, as its mode says.
    file.write_text(
        '\ufeffwifi = { ssid = "house 📶", key = "rosebud 1941" }\nhub = { host = "pi.local" }\n'
        '[devices.a]\nboard = "d1-mini"\n',
        "utf-8",
    )
    file.chmod(0o644)
    done = run(program, "win32", str(tmp_path))
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["dormouse-15c5d0", "house 📶"]


def test_macs_ports_are_named_its_way():
    done = run(
        START
        + """
from serial.tools import list_ports
from host import serial_port
from host.errors import HostError
list_ports.comports = lambda: []
try:
    serial_port.check("/dev/cu.usbserial-9")
except HostError as error:
    print(error)
""",
        "darwin",
    )
    assert done.stdout.strip() == (
        "/dev/cu.usbserial-9: there is no such port; "
        "ports are called like /dev/cu.usbserial-0001 here, and there is none"
    )
