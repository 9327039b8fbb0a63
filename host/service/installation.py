"""The service on this machine, or below another root: what is put where, and what is run."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts import resources
from host.service.errors import NotInstalledError, ServiceError, UnreachableProgramError
from host.service.unit import SAMPLE, STATE, ServicePlace, sysusers, unit

__all__ = ["Installation", "ServiceState"]

NAME = "dormouse.service"
_UNIT = f"etc/systemd/system/{NAME}"
_WANTED = f"etc/systemd/system/multi-user.target.wants/{NAME}"
_USERS = "etc/sysusers.d/dormouse.conf"
_SETTINGS = "etc/dormouse/hub.env"
# s: a hub that upgrades its database is not waited for; stopping takes 30 at most.
_PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What is there: `active` and `enabled` in systemctl's words, "unknown" without a systemd."""

    installed: bool
    program: str
    user: str
    data_dir: str
    enabled: str
    active: str


class Installation:
    """The service below `root`; every step is told to `say`, and with `dry` only that.

    Below another root than / nothing is started, and no user of this machine is asked.
    """

    def __init__(self, root: Path, say: Callable[[str], None], *, dry: bool = False) -> None:
        self._root, self._say, self._dry = root, say, dry
        self._here = root == Path("/")

    def install(self, place: ServicePlace, *, start: bool = True) -> None:
        """Put everything in place; once more changes what differs. Raises ServiceError."""
        template = (resources.deploy() / NAME).read_text("utf-8")
        text = unit(template, place)
        self._refuse_others()
        if self._here:
            _refuse_closed(place.program)
        new_user = self._write(_USERS, sysusers(place))
        if new_user or not self._known(place.user):
            self._make_user(place)
        if not place.data_dir.is_relative_to(STATE):
            self._make_folder(place)
        if not (self._root / _SETTINGS).exists():
            # It may hold the password of a database: systemd reads it as root.
            self._write(_SETTINGS, SAMPLE, 0o600)
        changed = self._write(_UNIT, text)
        self._enable()
        if self._here and start:
            self._run("systemctl", "daemon-reload")
            self._run("systemctl", "restart" if changed else "start", "--no-block", NAME)

    def state(self) -> ServiceState:
        """What is installed. Raises NotInstalledError."""
        file = self._root / _UNIT
        if not file.exists():
            raise NotInstalledError
        says: dict[str, str] = {}
        for line in file.read_text("utf-8").splitlines():
            name, equals, value = line.partition("=")
            if equals:
                says[name] = value
        enabled = "enabled" if (self._root / _WANTED).is_symlink() else "disabled"
        return ServiceState(
            installed=True,
            program=says.get("ExecStart", "").removesuffix(" hub"),
            user=says.get("User", ""),
            data_dir=says.get("Environment", "").removeprefix("DORMOUSE_DATA_DIR="),
            enabled=enabled,
            active=_active() if self._here else "unknown",
        )

    def remove(self, *, delete_data: bool = False) -> None:
        """Stop it and take everything away but data, settings and user, unless told so.

        Raises NotInstalledError, ServiceError.
        """
        found = self.state()
        self._refuse_others()
        if self._here and shutil.which("systemctl"):
            self._run("systemctl", "disable", "--now", NAME)
        for name in (_WANTED, _UNIT, _USERS):
            self._delete(self._root / name)
        if self._here and shutil.which("systemctl"):
            self._run("systemctl", "daemon-reload")
        data = self._below(Path(found.data_dir))
        if not delete_data:
            self._say(f"stays: {data} (all data), {self._root / _SETTINGS}, user {found.user}")
            return
        settings = self._root / _SETTINGS
        self._delete(settings)
        self._delete_empty(settings.parent)
        self._say(f"delete {data} with all that is in it")
        if not self._dry and data.exists():
            shutil.rmtree(data)

    # --- steps ------------------------------------------------------------------------------

    def _refuse_others(self) -> None:
        if self._here and not self._dry and os.geteuid() != 0:
            raise ServiceError("this needs root: `sudo` before it; --dry-run says what it does")
        if self._here and not self._dry and not Path("/run/systemd/system").is_dir():
            raise ServiceError(
                "systemd does not run on this machine: start `dormouse hub` by what does, as a "
                "user of its own (--root DIR puts the files elsewhere)"
            )

    def _write(self, name: str, text: str, mode: int = 0o644) -> bool:
        """Whether it was otherwise."""
        file = self._root / name
        if file.exists() and file.read_text("utf-8", "replace") == text:
            self._say(f"unchanged: {file}")
            return False
        self._say(f"write {file}")
        if not self._dry:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            fresh.write_text(text, "utf-8")
            fresh.chmod(mode)
            fresh.replace(file)
        return True

    def _known(self, user: str) -> bool:
        if not self._here:
            listed = self._root / "etc/passwd"
            return listed.exists() and f"\n{user}:" in f"\n{listed.read_text()}"
        import pwd  # noqa: PLC0415  # Windows, which has other commands, has none

        try:
            pwd.getpwnam(user)
        except KeyError:
            return False
        return True

    def _make_user(self, place: ServicePlace) -> None:
        if shutil.which("systemd-sysusers"):
            where = [] if self._here else [f"--root={self._root}"]
            self._run("systemd-sysusers", *where, Path(_USERS).name)
        else:
            where = [] if self._here else ["--root", str(self._root)]
            self._run(
                "useradd", *where, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin",
                "--home-dir", str(place.data_dir), place.user,
            )  # fmt: skip

    def _make_folder(self, place: ServicePlace) -> None:
        folder = self._below(place.data_dir)
        self._say(f"make {folder}, of {place.user} alone")
        if not self._dry:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._here:
                shutil.chown(folder, place.user, place.user)

    def _enable(self) -> None:
        link = self._root / _WANTED
        if not link.is_symlink():
            self._say(f"link {link}")
            if not self._dry:
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(f"/{_UNIT}")

    def _delete(self, file: Path) -> None:
        if file.exists() or file.is_symlink():
            self._say(f"delete {file}")
            if not self._dry:
                file.unlink()

    def _delete_empty(self, folder: Path) -> None:
        """A folder that the installation made; one with files of a person's stays."""
        if folder.is_dir() and not (set(folder.iterdir()) - {self._root / _SETTINGS}):
            self._say(f"delete {folder}")
            if not self._dry:
                folder.rmdir()

    def _run(self, *command: str) -> None:
        self._say(f"run {' '.join(command)}")
        if self._dry:
            return
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceError(f"{command[0]}: {error}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
            raise ServiceError(f"{' '.join(command)}: {said[-1]}")

    def _below(self, path: Path) -> Path:
        return self._root / path.relative_to("/")


def _refuse_closed(program: Path) -> None:
    """The service's user has to reach the program, and so has what it is a link to."""
    for file in (program, program.resolve()):
        for folder in file.parents:
            if folder.exists() and not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH:
                raise UnreachableProgramError(
                    f"{file}: {folder} is closed to a user of its own; install it where all can "
                    "reach it: `python3 -m venv /opt/dormouse`, or `pipx install --global`"
                )


def _active() -> str:
    try:
        done = subprocess.run(
            ["systemctl", "is-active", NAME],
            capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
