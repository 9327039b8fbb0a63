"""The broker as the hub's child: mosquitto, with a configuration that we generate.

Two processes. Enrolment needs a listener for clients without credentials, and mosquitto lets any
client take over any session of the same process by naming its client id: an anonymous client that
calls itself `hub` would end the hub's session and drop its queue. So that listener has a mosquitto
of its own, which also keeps a flood of enrolments away from the devices.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from hub.mqtt.access import HUB, Foreign
from hub.mqtt.account_files import AccountFiles, replace_private
from hub.mqtt.accounts import AccountBook
from hub.mqtt.certificates import Authority, local_names
from hub.mqtt.errors import BrokerError
from hub.mqtt.mosquitto import Mosquitto, check_version
from hub.mqtt.passwords import hash_password
from hub.mqtt.source import Endpoint
from hub.runtime.child import Account as Owner

__all__ = ["Broker"]


# Queue: what the hub may miss. 200 devices that report each five minutes, two messages a wake, for
# three days are 345,600 messages, about 50 MB on disk and 150 MB of memory while they wait.
# Autosave: each writes the whole store. Our devices keep what the database has not acknowledged, so
# only a power cut loses something here: a queued command, a retained value of these minutes.
# Sizes: payloads are 16 KiB at most (docs/topics.md). A device that sends 1 MiB is to be counted
# and shown, which the hub can only do with what reaches it; what waits is bounded in bytes.
MAIN = """\
per_listener_settings true
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval 300
persistent_client_expiration 14d
max_queued_messages 350000
max_inflight_messages 100
message_size_limit 1100000
max_queued_bytes 268435456
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

listener {mqtt} {host}
max_connections 4000
allow_anonymous false
use_username_as_clientid true
password_file {passwords}
acl_file {acl}

listener {mqtts} {host}
max_connections 100
allow_anonymous false
use_username_as_clientid true
password_file {passwords}
acl_file {acl}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
"""

ENROL = """\
per_listener_settings true
persistence false
retain_available false
max_queued_messages 10000
max_inflight_messages 100
message_size_limit 17000
memory_limit 67108864
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
connection_messages false
sys_interval 0

listener {enrol} {host}
max_connections 1000
allow_anonymous true
password_file {enrol_passwords}
acl_file {enrol_acl}
"""

ENROL_ACL = f"""\
topic write enrol/+

user {HUB}
topic read enrol/+
"""


class Broker:
    """The devices' broker and the enrolment broker, with the accounts of `book`.

    `foreign` gives the topics of mapped devices; see AccountFiles.changed.

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
        tls_port: int,
        authority: Authority,
        owner: Owner | None = None,
        foreign: Callable[[], Foreign] = Foreign,
    ) -> None:
        self._book = book
        self._folder = folder
        self._authority = authority
        self._host = host
        self._owner = owner
        self._hub_password = secrets.token_hex(16)
        # Unguessable, so that no anonymous client can end the session by taking its id.
        self._enrol_client_id = f"hub-{secrets.token_hex(12)}"
        self.accounts = AccountFiles(
            folder,
            book.connecting,
            self._reload,
            hub_password=self._hub_password,
            owner=owner,
            foreign=foreign,
        )
        self._certificate, self._key = folder / "server.crt", folder / "server.key"
        files = {
            "folder": folder,
            "passwords": self.accounts.passwords,
            "acl": self.accounts.acl,
            "certificate": self._certificate,
            "key": self._key,
            "enrol_passwords": folder / "enrol-passwords",
            "enrol_acl": folder / "enrol-acl",
        }
        self.main = Mosquitto(
            "devices",
            folder,
            _fill(MAIN, files),
            host=host,
            ports={"mqtt": port, "mqtts": tls_port},
            owner=owner,
        )
        self.enrolment = Mosquitto(
            "enrolment",
            folder,
            _fill(ENROL, files),
            host=host,
            ports={"enrol": enrol_port},
            owner=owner,
        )

    async def start(self) -> None:
        """Returns when both accept connections. Raises BrokerError, SettingsError."""
        await check_version()
        self._prepare_folder()
        self._book.on_change(self.accounts.changed)
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
    def authority_certificate(self) -> Path:
        """What people's tools must trust to connect with TLS."""
        return self._authority.certificate

    @property
    def endpoint(self) -> Endpoint:
        """Where the hub itself connects for the devices' messages; its client id is `hub`."""
        return Endpoint(_reachable(self._host), self.main.ports["mqtt"], HUB, self._hub_password)

    @property
    def enrol_endpoint(self) -> tuple[Endpoint, str]:
        """Where the hub itself connects for enrolments, and the client id to use."""
        endpoint = Endpoint(
            _reachable(self._host), self.enrolment.ports["enrol"], HUB, self._hub_password
        )
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
            names = local_names(self._host)
            self._authority.issue(self._certificate, self._key, names, self._owner)
        except OSError as error:
            raise BrokerError(f"{self._folder}: {error.strerror}") from error


def _fill(config: str, files: dict[str, Path]) -> str:
    for name, path in files.items():
        config = config.replace(f"{{{name}}}", str(path))
    return config


def _reachable(host: str) -> str:
    """An address of this machine that reaches a listener on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
