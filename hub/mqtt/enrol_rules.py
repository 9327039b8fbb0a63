"""Who may do what at the listener for enrolments: strangers write an enrolment, the hub reads it.

mosquitto's ACL files say nothing about subscriptions: it takes any, and keeps each level of each in
memory, though nothing is ever delivered. Its own plugin refuses them; where a distribution does not
have that, the ACL file alone holds, and the broker is begun anew when it has grown
(hub/mqtt/broker_room.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path

from contracts import topics
from hub.mqtt.access import HUB
from hub.mqtt.errors import BrokerError
from hub.mqtt.mosquitto import find_mosquitto
from hub.mqtt.passwords import hash_password

__all__ = ["EnrolRules", "subscribes"]

_PLUGIN = "mosquitto_dynamic_security.so"
# As `mosquitto_ctrl dynsec init` makes them. The password is random: it need not be slow to guess.
_ROUNDS, _SALT, _KEY = 101, 12, 64
_ACL = f"topic write {topics.ENROLMENTS}\n\nuser {HUB}\ntopic read {topics.ENROLMENTS}\n"
# src/handle_subscribe.c and src/conf.c; the id is whatever a stranger chose.
_SUBSCRIBES = re.compile(r"Received SUBSCRIBE from (.*)")


class EnrolRules:
    """The rules as files in `folder`, and the lines of mosquitto's configuration that name them.

    `plugin`: mosquitto's dynamic security, None where it is not installed.
    """

    def __init__(self, folder: Path, password: str, plugin: Path | None) -> None:
        self._folder, self._password, self._plugin = folder, password, plugin

    @classmethod
    def of(cls, folder: Path, password: str) -> EnrolRules:
        """With the plugin that came with the mosquitto that is installed."""
        try:
            program = find_mosquitto()
        except BrokerError:  # which its start tells
            return cls(folder, password, None)
        libraries = Path(program).resolve().parent.parent / "lib"
        found = [*libraries.glob(_PLUGIN), *libraries.glob(f"*/{_PLUGIN}")]
        return cls(folder, password, found[0] if found else None)

    @property
    def refuses_subscriptions(self) -> bool:
        """Whether the broker itself refuses them."""
        return self._plugin is not None

    def lines(self) -> str:
        """For the listener's part of the configuration."""
        if self._plugin is None:
            return f"password_file {self._passwords}\nacl_file {self._acl}\n"
        return f"plugin {self._plugin}\nplugin_opt_config_file {self._rules}\n"

    def files(self) -> dict[Path, str]:
        """What they are to hold."""
        if self._plugin is not None:
            return {self._rules: json.dumps(_rules(self._password))}
        return {self._passwords: f"{HUB}:{hash_password(self._password)}\n", self._acl: _ACL}

    @property
    def _rules(self) -> Path:
        return self._folder / "enrol-rules.json"

    @property
    def _passwords(self) -> Path:
        return self._folder / "enrol-passwords"

    @property
    def _acl(self) -> Path:
        return self._folder / "enrol-acl"


def subscribes(line: str) -> str | None:
    """The client id of whom a line of the log says that it subscribes; None for other lines."""
    found = _SUBSCRIBES.fullmatch(line)
    return found[1] if found is not None else None


def _rules(password: str) -> dict[str, object]:
    salt = os.urandom(_SALT)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, _KEY)
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": True,  # whoever may subscribe
            "subscribe": False,
            "unsubscribe": True,
        },
        "anonymousGroup": "strangers",
        "groups": [{"groupname": "strangers", "roles": [{"rolename": "enrols"}]}],
        "clients": [
            {
                "username": HUB,
                "password": base64.b64encode(key).decode(),
                "salt": base64.b64encode(salt).decode(),
                "iterations": _ROUNDS,
                "roles": [{"rolename": "listens"}],
            }
        ],
        "roles": [
            {"rolename": "enrols", "acls": [_allowed("publishClientSend")]},
            {"rolename": "listens", "acls": [_allowed("subscribePattern")]},
        ],
    }


def _allowed(kind: str) -> dict[str, object]:
    return {"acltype": kind, "topic": topics.ENROLMENTS, "allow": True}
