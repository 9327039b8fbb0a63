"""A small mosquitto at a site that forwards: its files. Pure.

Devices there use it with their own passwords. It keeps what they say on disk while the tunnel is
down and brings it to the hub by one account, which may say and read what these devices may.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hub.mqtt.account_limits import AROUND, LARGEST
from hub.mqtt.passwords import hash_password, new_password
from hub.sites.model import MadeFile, Site

__all__ = ["FOLDER", "account_of", "file_names", "forwarder_files"]

FOLDER = "/etc/mosquitto/dormouse"

# Days of a school's sensors: 20 that say 400 bytes every 5 minutes fill it in four weeks.
_QUEUE_BYTES = 64_000_000
# s: what a power cut may take of the queue. Devices send again what the hub has not acknowledged.
_SAVED_EVERY_S = 30

# Its name at the small broker.
_PROGRAM = "forwarder"
_UP = ("$batch", "$report", "$online", "+/+", "+/+/+")
_DOWN = ("$ack", "$config", "$ota", "+/+/set", "+/+/+/set")


_CONF, _PASSWORDS, _ACL, _FORWARD = "dormouse-forwarder.conf", "passwords", "acl", "forward.json"


def file_names(*, program: bool) -> tuple[str, ...]:
    """What the files are called."""
    return (_CONF, _PASSWORDS, _ACL, *((_FORWARD,) if program else ()))


def account_of(site: Site) -> str:
    """The name of its account at the hub's broker."""
    return f"site{site.number}-{site.name}"


def forwarder_files(
    site: Site, port: int, password: str, hashes: Mapping[str, str], *, program: bool
) -> tuple[MadeFile, ...]:
    """For mosquitto 2 of Debian and OpenWrt; `port` is the hub's broker's.

    `hashes` are the devices' passwords as the hub keeps them, in mosquitto's form. `program`:
    `dormouse site forward` brings the messages, and mosquitto is what devices speak to alone.
    """
    where = "on the site's small machine, of user mosquitto and mode 0600: "
    devices, local = sorted(hashes), new_password()
    known = [f"{device}:{hashes[device]}" for device in devices]
    rights = ["pattern readwrite HomeKit/%u/#"]
    lines = _broker(site)
    if program:
        known.append(f"{_PROGRAM}:{hash_password(local)}")
        rights = [f"user {_PROGRAM}", "topic readwrite HomeKit/#", "", *rights]
    else:
        lines += _bridge(site, port, password, devices)
    made = [
        MadeFile(
            _CONF,
            _text(lines),
            f"{where}/etc/mosquitto/conf.d/{_CONF}, then `systemctl restart mosquitto`",
        ),
        MadeFile(_PASSWORDS, _text(known), f"{where}{FOLDER}/{_PASSWORDS}"),
        MadeFile(_ACL, _text(rights), f"{where}{FOLDER}/{_ACL}"),
    ]
    if program:
        name = account_of(site)
        said = {
            "hub": f"mqtt://{name}:{password}@{site.hub_address}:{port}",
            "here": f"mqtt://{_PROGRAM}:{local}@127.0.0.1:1883",
            "devices": devices,
        }
        made.append(
            MadeFile(
                _FORWARD,
                json.dumps(said, indent=1) + "\n",
                "there too, mode 0600, for `dormouse site forward forward.json` as a service",
            )
        )
    return tuple(made)


def _broker(site: Site) -> list[str]:
    return [
        f"# What the sensors of {site.name} speak to; it is kept until the tunnel is up.",
        "listener 1883",
        "allow_anonymous false",
        f"password_file {FOLDER}/{_PASSWORDS}",
        f"acl_file {FOLDER}/{_ACL}",
        "persistence true",
        "persistence_location /var/lib/mosquitto/",
        f"autosave_interval {_SAVED_EVERY_S}",
        # As the hub's: what that hangs up at would be brought again and again.
        f"max_packet_size {LARGEST + AROUND}",
        "max_queued_messages 0",
        f"max_queued_bytes {_QUEUE_BYTES}",
        # Current values are said without an answer (QoS 0): they are kept as well, by the QoS 1 of
        # the bridge's topics. With `queue_qos0_messages` in its place mosquitto 2.0.11 counts each
        # that it sends as in flight for ever, and those of QoS 1 behind twenty of them stay.
        "upgrade_outgoing_qos true",
    ]


def _bridge(site: Site, port: int, password: str, devices: Sequence[str]) -> list[str]:
    name = account_of(site)
    lines = [
        "",
        f"connection {name}",
        f"address {site.hub_address}:{port}",
        "bridge_protocol_version mqttv311",
        f"remote_clientid {name}",
        f"remote_username {name}",
        f"remote_password {password}",
        "cleansession false",
        "notifications false",
        "keepalive_interval 30",
        "restart_timeout 2 30",
    ]
    for device in devices:
        own = f"HomeKit/{device}/"
        lines += [f"topic {one} out 1 {own} {own}" for one in _UP]
        lines += [f"topic {one} in 1 {own} {own}" for one in _DOWN]
    return lines


def _text(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])
