"""The broker as the hub's child: mosquitto, with a configuration that we generate.

Two processes. Enrolment needs a listener for clients without credentials, and mosquitto lets any
client take over any session of the same process by naming its client id: an anonymous client that
calls itself `hub` would end the hub's session and drop its queue. So that listener has a mosquitto
of its own, which also keeps a flood of enrolments away from the devices.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import shutil
from pathlib import Path

from hub.child import Account as Owner
from hub.child import spawn
from hub.mqtt.access import HUB
from hub.mqtt.account_files import AccountFiles, replace_private
from hub.mqtt.accounts import AccountBook
from hub.mqtt.errors import BrokerError
from hub.mqtt.passwords import hash_password
from hub.mqtt.ports import free_port, holder, is_taken
from hub.mqtt.source import Endpoint

__all__ = ["Broker", "Mosquitto"]

log = logging.getLogger(__name__)

INSTALL = "install it with `sudo apt install mosquitto` (2.0 or newer)"
OLDEST = (2, 0)

# What the hub may miss: 200 devices that report each five minutes, two messages a wake, for three
# days are 345,600 messages, about 50 MB on disk and 150 MB of memory while they wait.
MAX_QUEUED = 350_000
# Each save writes the whole store; our devices keep what the database has not acknowledged, so
# only a power cut loses something here (a queued command, a retained value of these minutes).
AUTOSAVE_S = 300
# The largest payload is 16 KiB of JSON; docs/topics.md.
MAX_PACKET = 32 * 1024

MAIN = """\
per_listener_settings true
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval {autosave}
persistent_client_expiration 14d
max_queued_messages {queued}
max_inflight_messages 100
message_size_limit {packet}
memory_limit 536870912
max_keepalive 65535
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
connection_messages false
sys_interval 0

listener {port} {host}
max_connections 4000
allow_anonymous false
use_username_as_clientid true
password_file {passwords}
acl_file {acl}
"""

ENROL = """\
per_listener_settings true
persistence false
retain_available false
max_queued_messages 10000
max_inflight_messages 100
message_size_limit 4096
memory_limit 67108864
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
connection_messages false
sys_interval 0

listener {port} {host}
max_connections 1000
allow_anonymous true
password_file {passwords}
acl_file {acl}
"""

ENROL_ACL = f"""\
topic write enrol/+

user {HUB}
topic read enrol/+
"""


class Mosquitto:
    """One mosquitto process: started, watched, restarted with back-off, its log in ours.

    `port` 0 picks a free one. `config` is a template that gets `port` and `host`.
    """

    BACKOFF = (0.2, 10.0)
    START_S = 10.0

    def __init__(
        self, name: str, folder: Path, config: str, *, host: str, port: int, owner: Owner | None
    ) -> None:
        self._log = log.getChild(name)
        self._path = folder / f"{name}.conf"
        self._config = config
        self._host = host
        self._owner = owner
        self._any_port = port == 0
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Returns when it accepts connections. Raises BrokerError."""
        for _attempt in range(5 if self._any_port else 1):
            if self._any_port:
                self.port = free_port(self._host)
            said = await self._spawn()
            if said is None:
                self._watcher = asyncio.create_task(self._watch())
                return
            if "in use" not in said:
                raise BrokerError(f"mosquitto did not start: {said}")
        by = holder(self.port)
        raise BrokerError(
            f"port {self.port} is taken{f' by {by}' if by else ''}: end that, or choose another "
            "port (--mqtt-port, --enrol-port), or use a broker that runs already (--mqtt-url)"
        )

    async def stop(self) -> None:
        """End it; it saves what it persists."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._end()

    @property
    def pid(self) -> int | None:
        """Of the running process; None while it is down."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def reload(self) -> None:
        """Have it read its password and ACL files again; it does so at start anyway."""
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(1)

    async def _spawn(self) -> str | None:
        """Start the process; None when it runs, otherwise the reason it gave."""
        if is_taken(self._host, self.port):
            return "address in use"
        text = self._config.replace("{port}", str(self.port)).replace("{host}", self._host)
        replace_private(self._path, [text], self._owner)
        program = find_mosquitto()
        self._process = await spawn([program, "-c", self._path], account=self._owner)
        try:
            async with asyncio.timeout(self.START_S):
                return await self._running()
        except TimeoutError:
            await self._end()
            return "it did not say that it runs"

    async def _running(self) -> str | None:
        """Reads its log until it runs (None) or has ended (what it said last)."""
        said = "no reason given"
        while line := await self._line():
            if line.endswith(" running"):
                return None
            if not line.endswith((" starting", " terminating")):
                said = line
        if self._process is not None:
            await self._process.wait()
        return said

    async def _line(self) -> str:
        """The next line of its log; empty when it has ended."""
        if self._process is None or self._process.stdout is None:
            return ""
        while True:
            try:
                raw = await self._process.stdout.readline()
            except ValueError:  # longer than the reader's limit: a topic in a message
                continue
            if not raw:
                return ""
            if line := raw.decode(errors="replace").strip():
                self._log.debug("%s", line)
                return line

    async def _watch(self) -> None:
        shortest, longest = self.BACKOFF
        delay = shortest
        while True:
            while await self._line():
                delay = shortest
            if self._process is not None:
                status = await self._process.wait()
                self._log.warning("mosquitto ended (status %d); starting it again", status)
            while (said := await self._spawn()) is not None:
                self._log.error("mosquitto did not start again: %s", said)
                await asyncio.sleep(delay)
                delay = min(delay * 2, longest)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Broker:
    """The devices' broker and the enrolment broker, with the accounts of `book`.

    Their files are in `folder`, which is made, belongs to `owner` when given and is mode 0700.
    """

    def __init__(
        self,
        folder: Path,
        book: AccountBook,
        *,
        host: str,
        port: int,
        enrol_port: int,
        owner: Owner | None = None,
    ) -> None:
        self._folder = folder
        self._host = host
        self._owner = owner
        self._hub_password = secrets.token_hex(16)
        # Unguessable, so that no anonymous client can end the session by taking its id.
        self._enrol_client_id = f"hub-{secrets.token_hex(12)}"
        self.accounts = AccountFiles(
            folder, book.connecting, self._reload, hub_password=self._hub_password, owner=owner
        )
        book.tell(self.accounts.changed)
        main = MAIN.format(
            folder=folder, autosave=AUTOSAVE_S, queued=MAX_QUEUED, packet=MAX_PACKET,
            passwords=self.accounts.passwords, acl=self.accounts.acl, port="{port}", host="{host}",
        )  # fmt: skip
        enrol = ENROL.format(
            passwords=folder / "enrol-passwords", acl=folder / "enrol-acl",
            port="{port}", host="{host}",
        )  # fmt: skip
        self.main = Mosquitto("devices", folder, main, host=host, port=port, owner=owner)
        self.enrolment = Mosquitto(
            "enrolment", folder, enrol, host=host, port=enrol_port, owner=owner
        )

    async def start(self) -> None:
        """Returns when both accept connections. Raises BrokerError, SettingsError."""
        await check_version()
        self._prepare_folder()
        self.accounts.write()
        try:
            await self.main.start()
            await self.enrolment.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End both and what keeps their files."""
        await self.accounts.stop()
        await asyncio.gather(self.enrolment.stop(), self.main.stop())

    @property
    def endpoint(self) -> Endpoint:
        """Where the hub itself connects for the devices' messages; its client id is `hub`."""
        return Endpoint(_reachable(self._host), self.main.port, HUB, self._hub_password)

    @property
    def enrol_endpoint(self) -> tuple[Endpoint, str]:
        """Where the hub itself connects for enrolments, and the client id to use."""
        endpoint = Endpoint(_reachable(self._host), self.enrolment.port, HUB, self._hub_password)
        return endpoint, self._enrol_client_id

    def _reload(self) -> None:
        self.main.reload()

    def _prepare_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            if self._owner is not None:
                os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
            passwords = f"{HUB}:{hash_password(self._hub_password)}\n"
            for name, text in (("enrol-passwords", passwords), ("enrol-acl", ENROL_ACL)):
                replace_private(self._folder / name, [text], self._owner)
        except OSError as error:
            raise BrokerError(f"{self._folder}: {error.strerror}") from error


def find_mosquitto() -> str:
    """Its path; Debian keeps it where an ordinary user's PATH does not look."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BrokerError(f"mosquitto is not installed: {INSTALL}")
    return found


async def check_version() -> None:
    """Raises BrokerError when mosquitto is missing or too old."""
    program = find_mosquitto()
    process = await spawn([program, "-h"])
    output, _ = await process.communicate()
    found = re.search(rb"mosquitto version (\d+)\.(\d+)", output)
    if found is None:
        raise BrokerError(f"{program} does not say its version: {INSTALL}")
    version = int(found[1]), int(found[2])
    if version < OLDEST:
        raise BrokerError(f"{program} is version {version[0]}.{version[1]}: {INSTALL}")


def _reachable(host: str) -> str:
    """An address of this machine that reaches a listener on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
