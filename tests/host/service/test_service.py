"""The service as it is put onto a machine, below a folder that stands for its root."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts import resources
from host.cli import root as commands
from host.service.errors import ServiceError, UnreachableProgramError
from host.service.installation import Installation
from host.service.unit import ServicePlace, unit

PROGRAM = Path("/opt/dormouse/bin/dormouse")
TEMPLATE = (resources.deploy() / "dormouse.service").read_text()
UNIT = "etc/systemd/system/dormouse.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd's tools are not here"
)


def said(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(commands("service"), ["service", *arguments])
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


@pytest.fixture
def machine(tmp_path: Path, monkeypatch) -> Path:
    """A root folder, and no systemd-sysusers or useradd that would be asked."""
    monkeypatch.setattr(Installation, "_make_user", lambda *_: None)
    return tmp_path / "root"


def test_install_once_more_and_remove(machine: Path):
    install = ("install", "--root", str(machine), "--program", str(PROGRAM))
    assert not machine.exists()
    told = said(*install, "--dry-run")
    assert not machine.exists(), "a dry run writes nothing"
    assert set(told.splitlines()) <= set(said(*install).splitlines())
    written = (machine / UNIT).read_text()
    assert "ExecStart=/opt/dormouse/bin/dormouse hub" in written
    settings = machine / "etc/dormouse/hub.env"
    assert settings.stat().st_mode & 0o777 == 0o600
    link = machine / "etc/systemd/system/multi-user.target.wants/dormouse.service"
    assert link.readlink() == Path("/") / UNIT
    # A later version brings the unit up to date, and what a person set stays.
    settings.write_text("DORMOUSE_HTTP_PORT=80\n")
    (machine / UNIT).write_text("[Service]\n")
    said(*install)
    assert (machine / UNIT).read_text() == written
    assert settings.read_text() == "DORMOUSE_HTTP_PORT=80\n"
    assert "write" not in said(*install)
    state = json.loads(said("status", "--json", "--root", str(machine)))
    assert (state["user"], state["data_dir"]) == ("dormouse", "/var/lib/dormouse")
    assert (state["program"], state["enabled"]) == (str(PROGRAM), "enabled")

    data = machine / "var/lib/dormouse"
    data.mkdir(parents=True)
    assert f"stays: {data}" in said("remove", "--root", str(machine))
    assert not (machine / UNIT).exists()
    assert not link.is_symlink()
    assert data.exists()
    assert settings.exists()
    said(*install)
    remove = ("remove", "--delete-data", "--root", str(machine))
    told = said(*remove, "--dry-run")
    assert settings.exists(), "a dry run removes nothing"
    assert said(*remove) == told
    assert not data.exists()
    assert not [*machine.rglob("*dormouse*")]
    # What a person put beside the settings stays.
    said(*install)
    (settings.parent / "notes").touch()
    said(*remove)
    assert [file.name for file in settings.parent.iterdir()] == ["notes"]


def test_what_cannot_be_served(machine: Path, tmp_path: Path):
    for place in (
        {"user": "root"},
        {"user": "a b"},
        {"program": Path("/opt/50%/dormouse")},
        {"program": Path("dormouse")},
        {"data_dir": Path("/var/lib/../../root")},
    ):
        with pytest.raises(ServiceError):
            ServicePlace(**{"program": PROGRAM, **place})
    for hidden in ("/home/ann/dormouse", "/tmp/dormouse", "/root"):
        with pytest.raises(ServiceError, match="does not keep its data there"):
            unit(TEMPLATE, ServicePlace(PROGRAM, data_dir=Path(hidden)))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    here = Installation(Path("/"), lambda _: None, dry=True)
    with pytest.raises(UnreachableProgramError, match="closed to a user of its own"):
        here.install(ServicePlace(closed / "dormouse"))


def test_another_folder_and_a_program_at_home():
    text = unit(
        TEMPLATE, ServicePlace(Path("/home/ann/.local/bin/dormouse"), "ann", Path("/srv/d"))
    )
    lines = set(text.splitlines())
    assert {"ReadWritePaths=/srv/d", "User=ann", "Group=ann", "ProtectHome=read-only"} <= lines
    assert not [line for line in lines if line.startswith("StateDirectory=")]
    assert "StateDirectory=a/b" in unit(
        TEMPLATE, ServicePlace(PROGRAM, data_dir=Path("/var/lib/a/b"))
    )


@needs_systemd
def test_systemd_has_nothing_to_say_against_it(tmp_path: Path):
    file = tmp_path / "dormouse.service"
    file.write_text(unit(TEMPLATE, ServicePlace(Path(sys.executable))))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
    )
    # It names units of this machine, too, that are none of ours.
    assert "dormouse" not in verified.stderr, verified.stderr
    assert verified.returncode == 0, verified.stderr
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    level = re.search(r"exposure level for dormouse.service: ([0-9.]+)", security.stdout)
    assert level is not None, security.stderr
    print(f"exposure {level[1]} of 10")
    # 9.x is a service without any limits; sockets to devices and phones are what remains.
    assert security.returncode == 0, security.stdout
    for limit in ("LimitNOFILE", "MemoryMax", "OOMPolicy", "TasksMax"):
        assert re.search(rf"^{limit}=\S", TEMPLATE, re.MULTILINE)
    after = re.findall(r"^After=(.*)$", TEMPLATE, re.MULTILINE)
    assert after == ["network-online.target time-sync.target"]
