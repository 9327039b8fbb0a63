"""The broker as the hub's child: mosquitto, with a configuration that we generate.

Two processes. Enrolment needs a listener for clients without credentials, and mosquitto lets any
client take over any session of the same process by naming its client id: an anonymous client that
calls itself `hub` would end the hub's session and drop its queue. So that listener has a mosquitto
of its own, which also keeps a flood of enrolments away from the devices.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.folder import UnusableFileError
from hub.homekit.netlink import InterfaceWatch
from hub.mqtt.access import HUB, Foreign
from hub.mqtt.account_files import AccountFiles, replace_private
from hub.mqtt.account_limits import LARGEST
from hub.mqtt.accounts import AccountBook
from hub.mqtt.certificates import Authority, local_names
from hub.mqtt.enrol_addresses import EnrolAddresses
from hub.mqtt.errors import AddressAwayError, BrokerError
from hub.mqtt.hung_up import HungUp
from hub.mqtt.mosquitto import Mosquitto, check_version
from hub.mqtt.passwords import hash_password
from hub.mqtt.session_end import end_session
from hub.mqtt.silent_clients import SilentClients
from hub.mqtt.source import Endpoint
from hub.runtime.child import Account as Owner
from hub.runtime.descriptors import Descriptors, raise_limit
from hub.runtime.listening import is_here
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Broker"]

log = logging.getLogger(__name__)

_AGAIN_S = 10.0  # after a start that failed of something else than its address


# Queue: what the hub may miss. 200 devices that report each five minutes, two messages a wake, for
# three days are 345,600 messages, about 50 MB on disk and 150 MB of memory while they wait. It is
# the same for every client, and there is memory for a few: whose queue is full is shut out.
# Autosave: each writes the whole store. Our devices keep what the database has not acknowledged, so
# only a power cut loses something here: a queued command, a retained value of these minutes.
# Sizes: payloads are 16 KiB at most (docs/topics.md). What is a little larger reaches the hub,
# which counts it. At more the broker hangs up and says so (hub/mqtt/hung_up.py);
# message_size_limit would drop it without a word, and only once it is there: until then the broker
# keeps room for it. More is let in where a rule reads it (a gateway's list of devices).
# What waits is bounded in bytes, how much of it is one account's by hub/mqtt/account_limits.py.
MAIN = """\
per_listener_settings true
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval 300
persistent_client_expiration 14d
max_queued_messages 350000
max_inflight_messages 100
max_packet_size {packet_size}
max_queued_bytes 67108864
memory_limit 536870912
max_keepalive 65535
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
log_type subscribe
connection_messages true
sys_interval 0

listener {mqtt} {host}
max_connections {mqtt_connections}
allow_anonymous false
use_username_as_clientid true
password_file {passwords}
acl_file {acl}

listener {mqtts} {host}
max_connections {mqtts_connections}
allow_anonymous false
use_username_as_clientid true
password_file {passwords}
acl_file {acl}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
"""

# Its log says who sent what (hub/mqtt/enrol_addresses.py); nothing else does.
ENROL = """\
per_listener_settings true
persistence false
retain_available false
max_queued_messages 10000
max_inflight_messages 100
max_packet_size 18000
memory_limit 67108864
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
log_type debug
connection_messages true
sys_interval 0

listener {enrol} {host}
max_connections {enrol_connections}
allow_anonymous true
password_file {enrol_passwords}
acl_file {enrol_acl}
"""

# Bytes of a packet besides its payload: a topic, and MQTT 5's properties.
_AROUND = 2048

ENROL_ACL = f"""\
topic write enrol/+

user {HUB}
topic read enrol/+
"""


class Broker:
    """The devices' broker and the enrolment broker, with the accounts of `book`.

    `foreign` gives the topics of mapped devices; see AccountFiles.changed.

    `largest` is the largest payload, in bytes, that somebody reads; `descriptors` says how many
    connections each may have; `problems` counts whom they hang up on, `unread` gets accounts that
    do not take what they subscribed to, `subscribed` an account and a filter. Their files are in
    `folder`, which is made, belongs to `owner` when given and is mode 0700.
    """

    def __init__(
        self,
        folder: Path,
        book: AccountBook,
        *,
        host: str,
        port: int,
        enrol_port: int,
        tls_port: int,
        authority: Authority,
        owner: Owner | None = None,
        foreign: Callable[[], Foreign] = Foreign,
        largest: Callable[[], int] = lambda: LARGEST,
        descriptors: Descriptors | None = None,
        problems: Problems | None = None,
        unread: Callable[[str], None] = lambda _: None,
        subscribed: Callable[[str, str], None] = lambda *_: None,
        supervisor: Supervisor | None = None,
    ) -> None:
        room = descriptors or Descriptors(raise_limit())
        self._book = book
        self._folder = folder
        self._authority = authority
        self._host = host
        self._owner = owner
        self._hub_password = secrets.token_hex(16)
        # Unguessable, so that no anonymous client can end the session by taking its id.
        self.enrol_client_id = f"hub-{secrets.token_hex(12)}"
        """Of the hub at the listener for enrolments: nobody else knows it."""
        self.accounts = AccountFiles(
            folder,
            book.connecting,
            self._reload,
            hub_password=self._hub_password,
            owner=owner,
            foreign=foreign,
        )
        self.store = folder / "mosquitto.db"
        """Where the devices' broker keeps what waits; beside it what it could not load."""
        self.enrol_addresses = EnrolAddresses()
        self._running = folder / "running"
        self._ended_well = False
        self._certificate, self._key = folder / "server.crt", folder / "server.key"
        files: dict[str, Path | int] = {
            "folder": folder,
            "passwords": self.accounts.passwords,
            "acl": self.accounts.acl,
            "certificate": self._certificate,
            "key": self._key,
            "enrol_passwords": folder / "enrol-passwords",
            "enrol_acl": folder / "enrol-acl",
            "mqtt_connections": room.mqtt,
            "mqtts_connections": room.mqtts,
            "enrol_connections": room.enrolment,
        }
        self.main = Mosquitto(
            "devices",
            folder,
            _fill(MAIN, files),
            host=host,
            ports={"mqtt": port, "mqtts": tls_port},
            owner=owner,
            store=self.store,
            values=lambda: {"packet_size": max(LARGEST, largest()) + _AROUND},
            heard=HungUp(
                problems or Problems(),
                HUB,
                lambda name: book.get(name) is not None,
                unread=unread,
                subscribed=subscribed,
            ).line,
        )
        self.enrolment = Mosquitto(
            "enrolment",
            folder,
            _fill(ENROL, files),
            host=host,
            ports={"enrol": enrol_port},
            owner=owner,
            heard=self.enrol_addresses.line,
        )
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._silent = (
            SilentClients("devices", lambda: self.main.pid, room.mqtt),
            SilentClients("enrolment", lambda: self.enrolment.pid, room.enrolment),
        )

    async def start(self) -> None:
        """Returns when both accept connections, or wait for an address to do so.

        Raises BrokerError, UnusableFileError.
        """
        await check_version()
        self._prepare_folder()
        self._ended_well = not self._running.exists()
        self._running.touch(mode=0o600)
        self._book.on_change(self.accounts.changed)
        self.accounts.write()
        waiting: list[Mosquitto] = []
        try:
            for one in (self.main, self.enrolment):
                try:
                    await one.start()
                except AddressAwayError:
                    waiting.append(one)
            for silent in self._silent:
                self._tasks.loop("ending silent clients", silent.watch)
        except BaseException:
            await self.stop()
            raise
        if waiting:
            later = functools.partial(self._start_later, waiting)
            self._tasks.loop("starting the broker once its address is there", later)

    async def _start_later(self, waiting: list[Mosquitto]) -> None:
        with InterfaceWatch() as watch:
            while waiting:
                try:
                    await waiting[0].start()
                except AddressAwayError:
                    await watch.changed()
                except BrokerError as error:
                    log.error("%s", error)  # noqa: TRY400  # one line says it
                    await asyncio.sleep(_AGAIN_S)
                else:
                    waiting.pop(0)

    async def stop(self) -> None:
        """End both and what keeps their files."""
        await self._tasks.stop()
        await self.accounts.stop()
        await asyncio.gather(self.enrolment.stop(), self.main.stop())
        if self.main.child.ended_with == 0:
            # Where it cannot be removed the next start trusts less in what the broker retained.
            with contextlib.suppress(OSError):
                self._running.unlink(missing_ok=True)

    @property
    def vouches(self) -> bool:
        """Whether every last will that was due has been published.

        mosquitto publishes those of all connected devices when it is ended; one that is killed
        keeps what they said last, which a device that died at the same time will never correct.
        """
        return self._ended_well and not self.main.child.restarts

    @property
    def authority_certificate(self) -> Path:
        """What people's tools must trust to connect with TLS."""
        return self._authority.certificate

    @property
    def endpoint(self) -> Endpoint:
        """Where the hub itself connects for the devices' messages; its client id is `hub`.

        Raises AddressAwayError: another machine may have the address meanwhile.
        """
        self._must_be_here()
        return Endpoint(_reachable(self._host), self.main.ports["mqtt"], HUB, self._hub_password)

    @property
    def enrol_endpoint(self) -> Endpoint:
        """Where the hub itself connects for enrolments, with `enrol_client_id`.

        Raises AddressAwayError.
        """
        self._must_be_here()
        return Endpoint(
            _reachable(self._host), self.enrolment.ports["enrol"], HUB, self._hub_password
        )

    async def forget_session(self, name: str) -> None:
        """Drop what waits for an account that may not connect now; its subscriptions too."""
        if name in self.accounts.passing or self._may_connect(name):
            return
        password = secrets.token_hex(16)
        self.accounts.passing[name] = hash_password(password)
        try:
            await self.accounts.changed()
            at = self.endpoint
            if not await end_session(at.host, at.port, name, password):
                log.warning("what waits for %s stays at the broker: it does not answer", name)
        finally:
            del self.accounts.passing[name]
            await self.accounts.changed()

    def _may_connect(self, name: str) -> bool:
        account = self._book.get(name)
        return account is None or self._book.may_connect(account)

    def _must_be_here(self) -> None:
        if not is_here(self._host):
            raise AddressAwayError(self._host)

    def _reload(self) -> None:
        if self.main.outgrown:
            self._tasks.spawn("restarting the broker for larger packets", self.main.restart())
            return
        self.main.write()
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
            names = local_names(self._host)
            self._authority.issue(self._certificate, self._key, names, self._owner)
        except OSError as error:
            raise UnusableFileError(self._folder, error) from error


def _fill(config: str, files: Mapping[str, Path | int]) -> str:
    for name, path in files.items():
        config = config.replace(f"{{{name}}}", str(path))
    return config


def _reachable(host: str) -> str:
    """An address of this machine that reaches a listener on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
