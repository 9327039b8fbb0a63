"""What is installed from the wheel runs every command far from any source tree."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts import image
from contracts.resources import release
from host.cli import COMMANDS
from hub.database.migrate import head
from hub.self_update.service import ASK
from hub.self_update.versions import Versions
from tests.support.broker import open_folder

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, and a folder to work in."""

    python: Path
    command: Path
    wheel: Path
    work: Path

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DORMOUSE_", "PYTHON", "VIRTUAL_ENV", "XDG_"))
        }
        ports = {f"DORMOUSE_{n}_PORT": "0" for n in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")}
        # Nothing of a test is to leave this machine.
        local = {"DORMOUSE_HOST": "127.0.0.1", "DORMOUSE_OTA_BROADCAST": ""}
        return {**kept, **ports, **local, "HOME": str(self.work)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.work, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def prints(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Callable[[Callable[[], bool]], None]]:
        """A command that runs until it is ended, well; gives what waits for a condition."""
        log = self.work / f"{arguments[0]}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.command, *arguments],
                cwd=self.work, env=self.environment(), stdout=output, stderr=output,
            )  # fmt: skip

        def until(condition: Callable[[], bool]) -> None:
            end = time.monotonic() + 90
            while not condition():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)

        try:
            yield until
        finally:
            process.terminate()
            status = process.wait(30)
        assert status == 0, log.read_text()


@pytest.fixture(scope="module")
def installed():
    def tool(*arguments: object) -> None:
        subprocess.run([sys.executable, "-m", *map(str, arguments)], cwd=ROOT, check=True)

    with open_folder() as folder:
        tool("pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps",
             "--no-build-isolation", "-w", folder, ".")  # fmt: skip
        (wheel,) = folder.glob("*.whl")
        place = folder / "venv"
        tool("uv", "venv", "-q", "--python", sys.executable, place)
        python = place / "bin" / "python"
        tool("uv", "pip", "install", "-q", "--offline", "--no-deps", "--python", python, wheel)
        # What it depends on comes from here. A path file in that folder has no effect there, so
        # the source tree that is installed here is not found.
        (site,) = place.glob("lib/python*/site-packages")
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        work = folder / "work"
        work.mkdir()
        chance = random.Random(8)
        application = image.build_application(chance.randbytes(50_000))
        (work / "app.bin").write_bytes(application)
        yield Installed(python, place / "bin" / "dormouse", wheel, work)


def test_it_holds_the_product_and_nothing_else(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
    assert installed.wheel.name.startswith("dormouse_home-")
    # 1,236 files of ours are 2.04 MB; the largest of them has 11 KB.
    assert installed.wheel.stat().st_size < 2_500_000
    shared = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
    assert shared == {
        "share/bash-completion/completions/dormouse",
        "share/fish/vendor_completions.d/dormouse.fish",
        "share/man/man1/dormouse.1",
        "share/zsh/site-functions/_dormouse",
    }
    own = [name for name in names if ".dist-info/" not in name and ".data/" not in name]
    tops = {name.split("/")[0] for name in own}
    assert tops == {"contracts", "host", "hub"}
    assert not [name for name in names if re.search(r"\.pyc$|(^|/)tests?/|\.pem$|\.mypy", name)]
    listed = subprocess.run(
        ["git", "ls-files", "contracts", "host", "hub"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(listed.stdout.split()) <= set(names)
    assert "contracts/_tree/deploy/dormouse.service" in names


def test_it_is_this_wheel_that_runs(installed):
    code = "import contracts, host, hub; print(contracts.__file__, host.__file__, hub.__file__)"
    done = subprocess.run(
        [installed.python, "-c", code],
        cwd=installed.work, env=installed.environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all(str(installed.python.parents[1]) in path for path in done.stdout.split())
    assert str(ROOT) not in done.stdout
    version = (ROOT / "VERSION").read_text().strip()
    assert installed.prints("--version").strip() == version


def test_the_laptops_commands(installed):
    prints = installed.prints
    assert "mosquitto" in prints("doctor", "install")
    assert "nodemcu" in prints("boards")
    assert "write root/etc" in prints("service", "install", "--root", "root", "--dry-run").replace(
        f"{installed.work}/", ""
    )
    assert "GPIO" in prints("boards", "nodemcu") or "flash_mode" in prints("boards", "nodemcu")
    prints("keys", "new", "--bits", "512", "--key", "ota.pem")
    assert "#define" in prints("keys", "config", "--key", "ota.pem")
    prints("sign", "app.bin", "--version", "1.2.3", "--board", "nodemcu", "--key", "ota.pem",
           "--image", "signed.bin")  # fmt: skip
    assert re.search(r"version: +1\.2\.3", prints("image", "info", "signed.bin"))
    plan = prints("flash", "signed.bin", "--board", "nodemcu", "--keep-bootloader", "--dry-run")
    assert "nothing was written" in plan
    prints("firmware", "build", "--board", "nodemcu")
    built = installed.work / "build/firmware/nodemcu"
    assert (built / "frozen/boards/DORMOUSE/mpconfigboard.mk").exists()
    assert not [path for path in built.rglob("*") if "__pycache__" in path.parts]
    version = (ROOT / "VERSION").read_text().strip()
    assert version in prints("image", "info", str(built / "dormouse.romfs"))


def test_the_same_firmware_as_from_the_source_tree(installed, tmp_path):
    installed.prints("firmware", "build", "--output", str(tmp_path / "wheel"))
    subprocess.run(
        [sys.executable, "-m", "host", "firmware", "build", "--output", tmp_path / "tree"],
        cwd=ROOT, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    files = [
        {p.relative_to(top): p.read_bytes() for p in top.rglob("*") if p.is_file()}
        for top in (tmp_path / "wheel", tmp_path / "tree")
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("flash app.bin --board nodemcu --keep-bootloader --port /dev/nowhere", 40, "no such port"),
        ("label --port /dev/nowhere", 40, "no such port"),
        ("label esp8266_15c5d000", 72, "connect it with a cable"),
        ("ota 127.0.0.1 nothing.bin", 10, "nothing.bin: cannot be read"),
        ("rehearse nowhere", 61, "no build of MicroPython"),
        ("provision", 68, "need a terminal"),
        ("provision --file nothing.toml", 10, "nothing.toml: cannot be read"),
        ("firmware test", 1, "in the source tree"),
        ("new-driver lm75", 71, "--source FOLDER"),
        ("twin --bootloader nothing.pem --hub 127.0.0.1", 22, "nothing.pem: cannot be read"),
        ("service status --root none", 73, "There is no service here"),
        ("status --data-dir none", 3, "no hub is running"),
        ("hub doctor --data-dir none", 3, "no hub is running"),
    ],
)
def test_what_cannot_be_done_is_one_line(installed, arguments, status, says):
    done = installed.run(*arguments.split())
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert says in done.stderr


def test_a_driver_of_ones_own(installed):
    made = installed.prints("new-driver", "lm75", "--source", "mine")
    assert "dormouse firmware test check_lm75 --source mine" in made
    assert "check_lm75: passed" in installed.prints("firmware", "test", "--source", "mine")
    installed.prints("firmware", "build", "--source", "mine", "--output", "own")
    assert (installed.work / "own/modules/dormouse/sensors/lm75.mpy").exists()
    devices = installed.work / "devices.toml"
    devices.write_text(
        '[devices.a]\nboard = "nodemcu"\nhub = { host = "hub" }\n'
        'wifi = { ssid = "house", key = "" }\n'
        'serial = "/dev/nowhere"\n'
        'sensors = [{ driver = "lm75", scl = "D1", sda = "D2" }]\n'
    )
    refused = installed.run("provision", "--file", "devices.toml")
    assert "there is no sensor 'lm75'" in refused.stderr
    known = installed.run("provision", "--file", "devices.toml", "--source", "mine")
    assert "/dev/nowhere: there is no such port" in known.stderr


def test_the_hub_and_what_speaks_to_it(installed):
    data = installed.work / "data"
    where = ("--data-dir", str(data))

    def prints(*arguments: str) -> str:
        return installed.prints(*arguments, *where)

    with installed.running("hub", *where) as until:
        until((data / "hub.json").exists)
        twin = ("twin", "--count", "1", "--kind", "ds18b20", "--folder", "twins")
        with installed.running(*twin, *where) as until_the_twin:
            until_the_twin(lambda: "°C" in prints("status"))
        (device,) = re.findall(r"esp8266_[0-9a-f]{8}", prints("devices", "list"))
        prints("explain", device)
        prints("config", "show", device)
        prints("homekit", "accessories")
        for command in ("rollout", "people", "token", "firmware", "search", "hook", "site"):
            prints(command, "list")
        prints("notify", "rules")
        prints("notify", "channels")
        prints("zone")
        prints("hub", "doctor")
        prints("logs")
        without = installed.run("mapping", "reload", *where)
        assert (without.returncode, len(without.stderr.splitlines())) == (1, 1)
        assert "without a mapping" in without.stderr


def test_the_demonstration(installed):
    shown = installed.prints("demo", "--once", "--data-dir", "relative")
    assert re.search(r"TemperatureSensor/0/CurrentTemperature \d", shown)
    assert "Pair in the Home app with the code" in shown


def test_a_hub_that_updates_itself_takes_such_an_environment_and_runs_it_elsewhere(installed):
    versions = Versions(installed.work)
    versions.make()
    versions.take(installed.python.parents[1], "1-1")

    def says(*words: str) -> str:
        done = subprocess.run(
            [versions.python("1-1"), "-P", *words], cwd=installed.work, check=True,
            env=installed.environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.stdout.strip()

    assert says("-c", ASK) == f"dormouse {release()} {head()}"
    assert Path(says("-c", "import hub; print(hub.__file__)")).is_relative_to(versions.path)
    assert says("-m", "host", "--version").endswith(release())


def test_no_command_is_left_out():
    text = Path(__file__).read_text()
    assert not [name for name in COMMANDS if not re.search(rf'[("]{name}[" ]', text)]
