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
from hub.mqtt.account_limits import AROUND, LARGEST
from hub.mqtt.accounts import AccountBook
from hub.mqtt.broker_config import ENROL, MAIN
from hub.mqtt.broker_reload import BrokerReload
from hub.mqtt.broker_room import resident
from hub.mqtt.broker_versions import Version
from hub.mqtt.certificates import Authority, local_names
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.enrol_addresses import EnrolAddresses
from hub.mqtt.enrol_rules import EnrolRules, subscribes
from hub.mqtt.errors import AddressAwayError, BrokerError
from hub.mqtt.expiring_sessions import ExpiringSessions
from hub.mqtt.hung_up import HungUp
from hub.mqtt.mosquitto import Mosquitto, check_version
from hub.mqtt.passwords import hash_password
from hub.mqtt.session_end import end_session
from hub.mqtt.silent_clients import SilentClients, bytes_taken
from hub.runtime.child import Account as Owner
from hub.runtime.descriptors import Descriptors, raise_limit
from hub.runtime.listening import is_here
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["Broker"]

log = logging.getLogger(__name__)

_AGAIN_S = 10.0  # after a start that failed of something else than its address


class Broker:
    """The devices' broker and the enrolment broker, with the accounts of `book`.

    `foreign` gives the topics of mapped devices; see AccountFiles.changed.

    `largest` is the largest payload, in bytes, that somebody reads; `descriptors` says how many
    connections each may have; `problems` counts whom they hang up on, `unread` gets accounts that
    do not take what they subscribed to, `subscribed` an account and a filter,
    `connected` an account and whether what waited for it may still. Their files are in
    `folder`, which is made, belongs to `owner` when given and is mode 0700.
    """

    # Bytes that the enrolment broker may take up (at its start 8 MB; at its memory_limit it fails),
    # and s between two looks: while it has what it begins with, and once strangers leave something.
    STRANGERS_ROOM, STRANGERS_CALM, ROOM_EVERY_S, ROOM_CALM_S = 48 << 20, 16 << 20, 1.0, 5.0

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
        connected: Callable[[str, bool], None] = lambda *_: None,
        supervisor: Supervisor | None = None,
    ) -> None:
        room = descriptors or Descriptors(raise_limit())
        self._book = book
        # Its programs run in it: a path from where the hub was started would lead elsewhere.
        folder = folder.absolute()
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
            keep=self._keep_for_now,
        )
        self.store = folder / "mosquitto.db"
        """Where the devices' broker keeps what waits; beside it what it could not load."""
        self.enrol_addresses = EnrolAddresses()
        self._running = folder / "running"
        self._ended_well = False
        self._certificate, self._key = folder / "server.crt", folder / "server.key"
        self._enrol_rules = EnrolRules.of(folder, self._hub_password)
        files = self._files(room)
        self._problems = problems or Problems()
        self._hung_up = HungUp(
            self._problems,
            HUB,
            self._has_account,
            unread=unread,
            subscribed=subscribed,
            connected=self._note_connection,
        )
        self._connected = connected
        self._peers: dict[str, tuple[str, int]] = {}
        self.main = Mosquitto(
            "devices",
            folder,
            _fill(MAIN, files),
            host=host,
            ports={"mqtt": port, "mqtts": tls_port},
            owner=owner,
            store=self.store,
            values=lambda: {"packet_size": max(LARGEST, largest()) + AROUND},
            heard=self._main_line,
            prepare=self._prepare_store,
        )
        self.enrolment = Mosquitto(
            "enrolment",
            folder,
            _fill(ENROL, files),
            host=host,
            ports={"enrol": enrol_port},
            owner=owner,
            heard=self._enrol_line,
        )
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        expiring = ExpiringSessions(self._has_account)
        self.reload = BrokerReload(
            self.main, self.accounts, expiring, self._tasks, store=self.store
        )
        self._silent = (
            SilentClients("devices", lambda: self.main.pid, room.mqtt),
            SilentClients("enrolment", lambda: self.enrolment.pid, room.enrolment),
        )

    def _files(self, room: Descriptors) -> dict[str, Path | int | str]:
        """What the templates of both configurations name."""
        return {
            "folder": self._folder,
            "passwords": self.accounts.passwords,
            "acl": self.accounts.acl,
            "certificate": self._certificate,
            "key": self._key,
            "enrol_rules": self._enrol_rules.lines(),
            "mqtt_connections": room.mqtt,
            "mqtts_connections": room.mqtts,
            "enrol_connections": room.enrolment,
        }

    async def start(self) -> None:
        """Returns when both accept connections, or wait for an address to do so.

        Raises BrokerError, UnusableFileError.
        """
        self.reload.version = await check_version()
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
            self._tasks.loop("bounding what strangers have kept", self._bound_strangers)
            for silent in self._silent:
                self._tasks.loop("ending silent clients", silent.watch)
        except BaseException:
            await self.stop()
            raise
        if waiting:
            later = functools.partial(self._start_later, waiting)
            self._tasks.loop("starting the broker once its address is there", later)

    def _note_connection(self, name: str, address: str, port: int, stays: bool) -> None:
        self._peers[name] = address, port
        self._connected(name, stays)

    def taken(self, account: str) -> int | None:
        """What an account's connection has taken of what it was sent, in bytes; None without one.

        -1 where the system does not let us look.
        """
        peer, pid = self._peers.get(account), self.main.pid
        if peer is None or pid is None:
            return None
        try:
            return bytes_taken(pid, *peer)
        except ProcessLookupError:
            return None
        except (OSError, AttributeError):
            return -1

    def _has_account(self, name: str) -> bool:
        return self._book.get(name) is not None

    def _main_line(self, text: str) -> None:
        """One line of the log of the devices' broker."""
        self._hung_up.line(text)
        self.reload.line(text)

    def _prepare_store(self) -> None:
        self.reload.starts()

    def _keep_for_now(self, changed: set[str]) -> set[str]:
        return self.reload.keep_for_now(changed)

    def _reload(self, changed: set[str]) -> None:
        self.reload.changed(changed)

    @property
    def version(self) -> Version:
        """mosquitto's, once it was started."""
        return self.reload.version

    def _enrol_line(self, text: str) -> None:
        """One line of the enrolment broker's log."""
        self.enrol_addresses.line(text)
        if (client := subscribes(text)) is not None and client != self.enrol_client_id:
            self._problems.note("enrol-subscribe", None, "a stranger subscribes where all enrol")

    async def _bound_strangers(self) -> None:
        """What they leave at the enrolment broker is in memory alone: away with it in time."""
        taken = 0
        while True:
            await tick(self.ROOM_CALM_S if taken < self.STRANGERS_CALM else self.ROOM_EVERY_S)
            pid = self.enrolment.pid
            taken = 0 if pid is None else resident(pid)
            if taken <= self.STRANGERS_ROOM:
                continue
            self._problems.note("enrol-memory", None, "strangers filled the enrolment broker")
            self.enrolment.drop()

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
    def cannot_end_silent(self) -> str:
        """Why connections that say or read nothing are not ended; empty where they are."""
        return self._silent[0].forbidden

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

    def _prepare_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            if self._owner is not None:
                os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
            for path, text in self._enrol_rules.files().items():
                replace_private(path, [text], self._owner)
            names = local_names(self._host)
            self._authority.issue(self._certificate, self._key, names, self._owner)
        except OSError as error:
            raise UnusableFileError(self._folder, error) from error


def _fill(config: str, files: Mapping[str, Path | int | str]) -> str:
    for name, path in files.items():
        config = config.replace(f"{{{name}}}", str(path))
    return config


def _reachable(host: str) -> str:
    """An address of this machine that reaches a listener on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
