"""Who may touch which topics: one rule, as a decision and as mosquitto's ACL file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contracts import topics
from contracts.topics import is_device_id
from hub.mqtt.account_repository import Account
from hub.mqtt.broker_room import HEAP

__all__ = [
    "HUB",
    "VIEWER",
    "Foreign",
    "acl_lines",
    "command_filters",
    "discovery_node",
    "is_reserved",
    "is_viewer",
    "may_publish",
    "may_subscribe",
    "may_use",
    "mirror_filters",
]

HUB = "hub"
VIEWER = "viewer"
_VIEWER = re.compile(r"viewer(\.[A-Za-z0-9_-]{1,32})?")
# Settings wanted of a device: WiFi credentials for as long as it does not run them.
_CONFIG = "$config"
_SHARED = re.compile(r"\$share/[^/+#]+/")


@dataclass(frozen=True, slots=True)
class Foreign:
    """Topics outside HomeKit/ that mapped devices use.

    `hub` are filters; `reports` (a device writes) and `commands` (it reads) are patterns with %u
    for the device's own name. `discovery` is the first level of Home Assistant's discovery; empty
    where the hub says nothing for it. `gateways` has, by account, the filters that a gateway for
    many devices writes and reads.
    """

    hub: Sequence[str] = ()
    reports: Sequence[str] = ()
    commands: Sequence[str] = ()
    discovery: str = ""
    gateways: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)

    def account_of(self, topic: str, known: Callable[[str], bool]) -> str | None:
        """Whose doing a message at a topic is: a device's by its pattern, else a gateway's.

        `known` says whether a name is an account's; None where no account may write there.
        """
        levels = topic.split("/")
        for pattern in self.reports:
            parts = pattern.split("/")
            if "%u" not in parts or parts.index("%u") >= len(levels):
                continue
            name = levels[parts.index("%u")]
            if known(name) and may_use([pattern], name, "publish", topic):
                return name
        for gateway, (reports, _) in self.gateways.items():
            if any(_covers(pattern.split("/"), levels) for pattern in reports):
                return gateway
        return None

    def writable(self, account: str) -> list[str]:
        """The patterns of what an account may write."""
        return [*self.reports, *self.gateways.get(account, ((), ()))[0]]

    def readable(self, account: str) -> list[str]:
        """The patterns of what an account may read."""
        return [*self.commands, *self.gateways.get(account, ((), ()))[1]]


def is_viewer(name: str) -> bool:
    """Whether a name is a viewer's: `viewer` or `viewer.<who>`; the dot keeps devices apart."""
    return _VIEWER.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Whether no device may have this name."""
    return name == HUB or is_viewer(name)


def may_publish(name: str, topic: str) -> bool:
    """Whether a known account may publish to a topic."""
    if "+" in topic or "#" in topic:
        return False
    return _inside(name, topic)


def may_subscribe(name: str, topic_filter: str, readable: Iterable[str] | None = None) -> bool:
    """Whether a known account may subscribe to a filter, a shared one included.

    A viewer may not read `$config`; a broker that asks for filters only, not for what is
    delivered, hands it out with `HomeKit/#` all the same. `readable` are the devices that a
    viewer may read; None for all of them.
    """
    plain = _SHARED.sub("", topic_filter, count=1)
    if not is_viewer(name):
        return _inside(name, plain)
    if plain.rpartition("/")[2] == _CONFIG:
        return False
    if readable is None:
        return plain == topics.ROOT or plain.startswith(f"{topics.ROOT}/")
    return any(_inside(device, plain) for device in readable)


def _inside(name: str, topic: str) -> bool:
    """Inside `HomeKit/<name>/#`; the hub's name stands for all of `HomeKit/#`."""
    if name == HUB:
        return topic.startswith(f"{topics.ROOT}/")
    return is_device_id(name) and topic.startswith(f"{topics.ROOT}/{name}/")


def may_use(patterns: Iterable[str], name: str, action: str, topic: str) -> bool:
    """Whether all of a topic (to publish) or filter lies within a pattern, %u being the name.

    For topics outside HomeKit/ (Foreign), where mosquitto's own `pattern` lines say the same.
    """
    if not is_device_id(name) or (action == "publish" and re.search(r"[+#]", topic)):
        return False
    if action != "publish":
        topic = _SHARED.sub("", topic, count=1)
    levels = topic.split("/")
    return any(_covers(pattern.replace("%u", name).split("/"), levels) for pattern in patterns)


def _covers(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    """Whether a filter lets everything through that another one, or a topic, does."""
    for n, level in enumerate(pattern):
        if level == "#":
            return True
        if n >= len(levels) or levels[n] == "#" or (level != "+" and level != levels[n]):
            return False
    return len(pattern) == len(levels)


def mirror_filters(tenant: str, discovery: str) -> list[str]:
    """What a viewer may read of what the hub says for other programs."""
    return [
        f"{topics.MIRROR}/{tenant}/#",
        topics.MIRROR_HUB,
        f"{discovery}/+/{discovery_node(tenant)}/+/config",
        f"{discovery}/status",
    ]


def discovery_node(tenant: str) -> str:
    """What a tenant's configurations are under in Home Assistant's discovery."""
    return f"{topics.MIRROR}_{tenant}"


def command_filters(tenant: str, devices: Iterable[str] | None, discovery: str) -> list[str]:
    """Where a viewer who may command publishes: to its devices (None: all), or to the hub.

    Home Assistant says besides that it has started.
    """
    who = ["+"] if devices is None else devices
    wishes = [f"{topics.ROOT}/{one}/+/+/set" for one in who]
    wishes += [f"{topics.ROOT}/{one}/+/+/+/set" for one in who]
    if discovery:
        wishes += [f"{topics.MIRROR}/{tenant}/+/+/+/+/set", f"{discovery}/status"]
    return wishes


def _devices(viewer: Account, known: Sequence[Account]) -> list[str] | None:
    """The devices of a viewer's tenant; None for all there are, where there is one tenant."""
    if all(account.tenant == viewer.tenant for account in known):
        return None
    same = (account.device for account in known if account.tenant == viewer.tenant)
    return [device for device in same if not is_viewer(device)]


def acl_lines(accounts: Iterable[Account], foreign: Foreign | None = None) -> Iterator[str]:
    """The ACL file for these accounts, hub included.

    A viewer reads its tenant's devices, all there are if there is one tenant, otherwise each by
    name; but not what settings are wanted of them.
    """
    known = list(accounts)
    viewers = [account for account in known if is_viewer(account.device)]
    for viewer in viewers:
        # The pattern below is for devices; nothing is to appear under a viewer's name.
        yield f"user {viewer.device}\ntopic deny HomeKit/{viewer.device}/#\n"
        yield f"topic deny HomeKit/+/{_CONFIG}\n"
        devices = _devices(viewer, known)
        for device in ["#"] if devices is None else [f"{device}/#" for device in devices]:
            yield f"topic read HomeKit/{device}\n"
        discovery = foreign.discovery if foreign else ""
        if discovery:
            readable = mirror_filters(viewer.tenant, discovery)
            yield from (f"topic read {topic}\n" for topic in readable)
        if viewer.commands:
            wishes = command_filters(viewer.tenant, _devices(viewer, known), discovery)
            yield from (f"topic write {topic}\n" for topic in wishes)
        yield "\n"
    yield from _gateway_lines({account.device for account in known}, foreign)
    yield f"user {HUB}\ntopic readwrite HomeKit/#\ntopic read {HEAP}\n"
    # Without discovery too: what was said before is to be taken back.
    discovery = (foreign.discovery if foreign else "") or "homeassistant"
    yield f"topic readwrite {topics.MIRROR}/#\ntopic write {discovery}/+/+/+/config\n"
    for topic in foreign.hub if foreign else ():
        yield f"topic readwrite {topic}\n"
    yield "\npattern readwrite HomeKit/%u/#\n"
    if foreign:
        yield from (f"pattern write {topic}\n" for topic in foreign.reports)
        yield from (f"pattern read {topic}\n" for topic in foreign.commands)


def _gateway_lines(names: set[str], foreign: Foreign | None) -> Iterator[str]:
    """What accounts may that publish for many devices; before the patterns, which hold for all."""
    for gateway, (reports, commands) in foreign.gateways.items() if foreign else ():
        if gateway in names and not is_reserved(gateway):
            yield f"user {gateway}\n"
            yield from (f"topic write {topic}\n" for topic in reports)
            yield from (f"topic read {topic}\n" for topic in commands)
            yield "\n"
