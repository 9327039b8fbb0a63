"""Kinds of values that the hub's settings have: ports, texts, addresses, networks, targets."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network

from pydantic import Field
from pydantic_core import PydanticCustomError

from contracts.hosts import MAX_HOSTS, host_problem
from contracts.local_hub import USUAL_PORTS

__all__ = ["address", "hosts", "networks", "port", "target", "words"]


def port(name: str, what: str) -> int:
    """A TCP port; its default is the usual one of that name (contracts/local_hub.py)."""
    return Field(USUAL_PORTS[name], ge=0, le=65535, description=f"{what}; 0 picks a free one")


def words(default: str, what: str, *, allowed: str, pattern: str | None = None) -> str:
    """A text; `allowed` says in the docs what it may be, `pattern` what it has to match."""
    return Field(default, pattern=pattern, description=what, json_schema_extra={"allowed": allowed})


def address(text: str) -> str:
    """An address in its usual form, since `::` is compared by how it is written."""
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        found = ip_address("127.0.0.1" if bare == "localhost" else bare)
    except ValueError:
        raise PydanticCustomError(
            "address", "must be an IP address, 0.0.0.0 or :: for all that this machine has"
        ) from None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, IPv6Address) and found.is_link_local:
        raise PydanticCustomError(
            "address", "is of one network alone: :: listens there too, and everywhere else"
        )
    return str(found)


def target(text: str) -> str:
    """A folder's whole path, or a program and its target; no remote that holds its own secrets."""
    kind, separator, rest = text.partition(":")
    if text in {"", "none"} or text.startswith("/"):
        return text
    if not separator or kind not in {"rclone", "restic"}:
        raise PydanticCustomError(
            "target",
            "must be a folder's whole path, rclone:remote:folder, restic:repository or none",
        )
    if kind == "rclone" and not re.fullmatch(r"[A-Za-z0-9_][\w.+@ -]*:.*", rest):
        raise PydanticCustomError(
            "target", "must name a remote that `rclone config` knows: rclone:remote:folder"
        )
    if kind == "restic" and not rest.strip():
        raise PydanticCustomError("target", "must name a repository: restic:/srv/backups")
    return text


def hosts(text: str) -> str:
    """Machines as a device may be given them, separated by commas."""
    found = [one.strip() for one in text.split(",") if one.strip()]
    for one in found:
        if problem := host_problem(one):
            raise PydanticCustomError("host", "{problem}", {"problem": problem})
    joined = ",".join(found)
    if len(joined) > MAX_HOSTS:
        raise PydanticCustomError("hosts", f"must have {MAX_HOSTS} characters at most")
    return joined


def networks(text: str) -> str:
    """Networks separated by commas, as they are."""
    for part in text.split(","):
        try:
            if part.strip():
                ip_network(part.strip())
        except ValueError:
            raise PydanticCustomError(
                "networks", "must be networks separated by commas, each like 192.168.1.0/24"
            ) from None
    return text
