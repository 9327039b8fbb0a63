"""The unit's text for one machine, from the one in deploy/. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from host.service.errors import ServiceError

__all__ = ["SAMPLE", "STATE", "ServicePlace", "sysusers", "unit"]

STATE = PurePosixPath("/var/lib")
"""Where systemd itself makes a service's folder and gives it to its user."""

SAMPLE = """\
# Settings of the hub, one a line: `dormouse hub settings` lists them. `systemctl restart dormouse`.
#DORMOUSE_HTTP_PORT=8080
#DORMOUSE_ENROLMENT=window
"""
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
# What systemd would take for more than a path: quotes, specifiers, variables, white space.
_PATH = re.compile(r"/[A-Za-z0-9._/+@-]*")


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """What differs from machine to machine: the program, its user, its data."""

    program: Path
    user: str = "dormouse"
    data_dir: Path = Path("/var/lib/dormouse")

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.user) or self.user == "root":
            raise ServiceError(f"--user {self.user}: a name of a user of its own, not root")
        for path in (self.program, self.data_dir):
            if not _PATH.fullmatch(str(path)) or ".." in path.parts:
                raise ServiceError(f"{path}: a full path of letters, digits and ._/+@- is needed")

    @property
    def at_home(self) -> bool:
        """Whether the program is in somebody's home, where pipx puts it."""
        return self.program.parts[1:2] in {("home",), ("root",)}


def unit(template: str, place: ServicePlace) -> str:
    """The unit's text. Raises ServiceError for a data folder that the unit's own limits would hide.

    systemd makes a data folder below /var/lib, the installer another one.
    """
    data = PurePosixPath(place.data_dir)
    if data.parts[1] in {"home", "root", "tmp", "proc", "sys", "dev", "run"}:
        raise ServiceError(f"--data-dir {data}: a service does not keep its data there")
    below = data.is_relative_to(STATE) and data != STATE
    state = f"StateDirectory={data.relative_to(STATE)}" if below else f"ReadWritePaths={data}"
    changed = {
        "User": f"User={place.user}",
        "Group": f"Group={place.user}",
        "StateDirectory": state,
        "Environment": f"Environment=DORMOUSE_DATA_DIR={data}",
        "ExecStart": f"ExecStart={place.program} hub",
    }
    if place.at_home:
        changed["ProtectHome"] = "ProtectHome=read-only"
    lines = [
        changed.get(line.partition("=")[0], line) if "=" in line else line
        for line in template.splitlines()
    ]
    return "\n".join(lines) + "\n"


def sysusers(place: ServicePlace) -> str:
    """The user, for systemd-sysusers: without a password or a shell."""
    return f'u {place.user} - "Dormouse hub" {place.data_dir} /usr/sbin/nologin\n'
