"""Routes by name on this machine: names looked up, sets and routes set, and what is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hub.sites import gateway, named_routes
from hub.sites.errors import GatewayError
from hub.sites.named_routes import MARK, TABLE, TABLE_NUMBER, KnownAddress
from hub.sites.resolve import resolve
from hub.sites.wireguard import WireGuard

__all__ = ["FILE", "apply", "missing"]

FILE = Path("/run/dormouse-sites/routes.json")
"""What names had: a resolver that fails takes nothing away before its time."""

_FAMILIES = ("-4", "-6")
_EVERYTHING = {"0.0.0.0/0", "::/0"}
# Two chains, two families, two sets.
_RULES = 8


async def apply(interface: str, hosts: Sequence[str], file: Path = FILE) -> dict[str, list[str]]:
    """Lead packets to these hosts into a tunnel; by name what it has now.

    Run again before the addresses' 30 minutes are over. Raises GatewayError.
    """
    now = datetime.now(UTC)
    found = dict(zip(hosts, await asyncio.gather(*map(resolve, hosts)), strict=True))
    known = named_routes.learnt(_read(file), found, now)
    peers = await WireGuard().peers()
    if not any(peer.interface == interface for peer in peers):
        raise GatewayError(f"there is no WireGuard interface {interface} with a peer: bring it up")
    ends = [peer.endpoint.rpartition(":")[0].strip("[]") for peer in peers if peer.endpoint]
    gateway.nft(named_routes.transaction(named_routes.elements(known, now, ends)))
    _let_in(interface)
    _routes(interface)
    _write(file, known)
    return {name: list(addresses) for name, addresses in found.items()}


def missing(interface: str, hosts: Sequence[str] = ()) -> Iterator[str]:
    """What of it is not there (any more), a line each with what to do."""
    again = f"run `dormouse site routes {interface} ...`"
    if interface not in {one["ifname"] for one in gateway.ip_json("link", "show")}:
        yield f"there is no interface {interface}: `wg-quick up {interface}`"
        return
    yield from _missing_sets(hosts, again)
    for family in _FAMILIES:
        if not any(_is_ours(rule) for rule in gateway.ip_json(family, "rule", "show")):
            yield f"no rule leads marked packets to table {TABLE_NUMBER} (ip {family}): {again}"
        routes = gateway.ip_json(family, "route", "show", "table", str(TABLE_NUMBER))
        if not any(route.get("dev") == interface for route in routes):
            yield f"table {TABLE_NUMBER} has no route to {interface} (ip {family}): {again}"
    if gateway.kernel_setting("net/ipv4/ip_forward") != "1":
        yield "this machine forwards nothing: `sysctl -w net.ipv4.ip_forward=1`"
    if not any(set(networks) >= _EVERYTHING for networks in _allowed(interface).values()):
        yield f"{interface} lets nothing of the named hosts in (AllowedIPs): {again}"


def _missing_sets(hosts: Sequence[str], again: str) -> Iterator[str]:
    held = gateway.table(TABLE)
    if held is None:
        yield f"nftables has no table inet {TABLE}: {again}"
        return
    sets = {one["set"]["name"]: one["set"].get("elem", []) for one in held if "set" in one}
    for name in ("hosts4", "hosts6", "seen4", "seen6"):
        if name not in sets:
            yield f"table inet {TABLE} has no set {name}: {again}"
    if hosts and not any(sets.values()):
        yield f"no address of a named host is known (any more): {again}"
    if sum("rule" in one for one in held) < _RULES:
        yield f"table inet {TABLE} has lost rules: {again}"


def _let_in(interface: str) -> None:
    """WireGuard takes packets of whom it may send to; routes stay as they are."""
    allowed = _allowed(interface)
    if len(allowed) != 1:
        raise GatewayError(
            f"{interface} has {len(allowed)} peers: named hosts are reached through an interface "
            "with one"
        )
    key, networks = allowed.popitem()
    if not set(networks) >= _EVERYTHING:
        every = ",".join(dict.fromkeys([*networks, *sorted(_EVERYTHING)]))
        gateway.run("wg", "set", interface, "peer", key, "allowed-ips", every)


def _allowed(interface: str) -> dict[str, list[str]]:
    """By peer the networks that it may send from."""
    lines = gateway.run("wg", "show", interface, "allowed-ips").splitlines()
    rows = [line.split("\t") for line in lines if "\t" in line]
    return {key: [one for one in said.split() if one != "(none)"] for key, said in rows}


def _routes(interface: str) -> None:
    for family in _FAMILIES:
        table = str(TABLE_NUMBER)
        gateway.ip(family, "route", "replace", "default", "dev", interface, "table", table)
        if not any(_is_ours(rule) for rule in gateway.ip_json(family, "rule", "show")):
            gateway.ip(family, "rule", "add", "fwmark", f"{MARK:#x}", "lookup", table)
    # Answers come by another way than an unmarked packet would go: not to be looked at strictly.
    names = [f"net/ipv4/conf/{one}/rp_filter" for one in ("all", interface)]
    if max(gateway.kernel_setting(name) or "0" for name in names) == "1":
        gateway.set_kernel(names[1], "2")


def _is_ours(rule: Mapping[str, object]) -> bool:
    is_marked = str(rule.get("fwmark")) in {f"{MARK:#x}", str(MARK)}
    return is_marked and str(rule.get("table")) == str(TABLE_NUMBER)


def _read(file: Path) -> dict[str, list[KnownAddress]]:
    """What was known at the last round; nothing where the file is not there, or is none."""
    try:
        said = json.loads(file.read_text("utf-8"))
        return {
            name: [KnownAddress(str(address), datetime.fromisoformat(at)) for address, at in ones]
            for name, ones in said.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write(file: Path, known: Mapping[str, Sequence[KnownAddress]]) -> None:
    said = {
        name: [[one.address, one.at.isoformat()] for one in ones] for name, ones in known.items()
    }
    try:
        file.parent.mkdir(mode=0o755, exist_ok=True)
        made = file.with_suffix(".new")
        made.write_text(json.dumps(said), "utf-8")
        made.replace(file)
    except OSError as error:
        raise GatewayError(f"{file}: {error.strerror}") from None
