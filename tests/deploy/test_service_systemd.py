"""The service under a real systemd: process 1 of namespaces of its own, over this machine's files.

What it writes goes to an overlay, what it starts is the service alone: neither this machine's units
nor its kernel's settings are touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.broker import open_folder

SYSTEMD = Path("/lib/systemd/systemd")
CGROUP = Path("/sys/fs/cgroup")
# $1: the root, $2: a control group of its own.
BOOT = """
echo $$ >"$2/cgroup.procs"
exec unshare --cgroup --mount sh -ec '
ip link set lo up
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
mount -t tmpfs tmpfs "$1/run"
mount --rbind /dev "$1/dev"
cd "$1"
mkdir -p old-root
pivot_root . old-root
umount -l /old-root
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --unit=dormouse.service --log-target=null --show-status=no
' sh "$1"
"""
# Where the program lies in root's home or in /tmp, as here; on a real machine it lies in /opt.
HERE = "[Service]\nProtectHome=no\nPrivateTmp=no\nRestartSec=1\n"


def unified() -> Path | None:
    """Where control groups of version 2 are mounted."""
    for place in (CGROUP, CGROUP / "unified"):
        if (place / "cgroup.controllers").exists():
            return place
    return None


class Machine:
    """Files of this machine, with a systemd that has one unit to start."""

    def __init__(self, place: Path, group: Path) -> None:
        self.root, self._group = place / "root", group
        layers = [place / name for name in ("upper", "work", "root")]
        for folder in layers:
            folder.mkdir()
        options = f"lowerdir=/,upperdir={layers[0]},workdir={layers[1]}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", self.root], check=True)
        self.data = self.root / "var/lib/dormouse"
        self._first: subprocess.Popen | None = None

    def prepare(self) -> None:
        for folder in ("usr/lib/systemd", "etc/systemd"):
            for wants in (self.root / folder / "system").glob("*.wants"):
                shutil.rmtree(wants)
        shutil.rmtree(self.root / "usr/lib/systemd/system-generators")
        (self.root / "etc/fstab").write_text("")
        (self.root / "root").chmod(0o755)
        command = [sys.executable, "-m", "host", "service", "install", "--root", self.root]
        program = Path(sys.executable).with_name("dormouse")
        subprocess.run([*command, "--program", program], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["systemd-sysusers", f"--root={self.root}"], check=True)
        more = self.root / "etc/systemd/system/dormouse.service.d"
        more.mkdir()
        (more / "here.conf").write_text(HERE)

    def boot(self) -> None:
        self._group.mkdir()
        self._first = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--kill-child",
             "sh", "-ec", BOOT, "sh", self.root, self._group],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def systemctl(self, *arguments: str) -> str:
        ours = self._first.pid
        (first,) = Path(f"/proc/{ours}/task/{ours}/children").read_text().split()
        enter = ["nsenter", "-t", first, "-m", "-p", "-u", "-i", "-n", "-C", "systemctl"]
        done = subprocess.run([*enter, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def hub(self) -> int:
        """The process id that a hub which is up says that it has; 0 while none is."""
        try:
            return json.loads((self.data / "hub.json").read_text())["pid"]
        except (OSError, ValueError):
            return 0

    def log(self) -> str:
        """What the hub has logged so far."""
        return (self.data / "log/hub.jsonl").read_text()

    def end(self) -> None:
        if self._first is not None:
            self._first.kill()
            self._first.wait(30)
        subprocess.run(["umount", "--lazy", self.root], check=False)
        end = time.monotonic() + 30
        while self._group.exists() and time.monotonic() < end:
            for group in sorted(self._group.rglob("*"), reverse=True):
                if group.is_dir():
                    group.rmdir() if not (group / "cgroup.procs").read_text() else None
            try:
                self._group.rmdir()
            except OSError:
                time.sleep(0.1)


@pytest.fixture
def machine() -> Iterator[Machine]:
    group = unified()
    if os.geteuid() != 0 or group is None or not SYSTEMD.exists():
        pytest.skip("needs root, systemd and control groups of version 2")
    with open_folder() as place:
        made = Machine(place, group / f"dormouse-test-{os.getpid()}")
        try:
            made.prepare()
            yield made
        finally:
            made.end()


def until(condition: Callable[[], object], machine: Machine) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, machine.log()
        time.sleep(0.1)


def test_it_starts_is_restarted_and_stops(machine):
    machine.boot()
    until(machine.hub, machine)
    first = machine.hub()
    assert machine.systemctl("is-active", "dormouse") == "active"
    # Nothing that the hub needs is forbidden to it by the unit.
    assert "not permitted" not in machine.log()
    owner = (machine.data / "postgres").stat().st_uid
    assert owner == machine.data.stat().st_uid != 0
    machine.systemctl("kill", "--signal=KILL", "--kill-who=main", "dormouse")
    until(lambda: machine.hub() not in {0, first}, machine)
    assert "NRestarts=1" in machine.systemctl("show", "dormouse")
    machine.systemctl("stop", "dormouse")
    shown = machine.systemctl("show", "dormouse").splitlines()
    assert {"ActiveState=inactive", "Result=success", "ExecMainStatus=0"} <= set(shown)
