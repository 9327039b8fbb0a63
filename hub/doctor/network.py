"""The sensors' own network, tried from both of its sides: what must be reached, and what not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["OUTSIDE", "from_home", "from_sensors"]

OUTSIDE = ("1.1.1.1", "2606:4700:4700::1111")
"""Addresses of the Internet that answer at port 443, one of each family."""

# What a home has standing open: a router's page, a NAS, a printer, a database, a broker's TLS.
_OTHERS = (22, 80, 443, 445, 631, 5432, 8080, 8443, 8883)
# s: a packet that is dropped is not answered; a network at home answers in milliseconds.
_LIMIT_S = 3.0


async def from_sensors(
    hub: Sequence[str],
    ports: Sequence[int],
    home: Sequence[str] = (),
    outside: Sequence[str] = OUTSIDE,
) -> AsyncIterator[DoctorFinding]:
    """From a machine in the sensors' network; `home` are addresses in the home's."""
    for address in hub:
        for port in ports:
            found = await _connects(address, port)
            yield DoctorFinding.of(
                f"sensors reach the hub at {_at(address, port)}",
                found,
                "nothing answers there: is the hub up, does the router let this port through?",
            )
        others = [port for port in _OTHERS if port not in ports]
        yield await _closed(f"sensors reach nothing else of the hub at {address}", address, others)
    for address in home:
        every = [*_OTHERS, *(port for port in ports if port not in _OTHERS)]
        yield await _closed(f"sensors do not reach {address} at home", address, every)
        yield DoctorFinding.of(
            f"{address} at home does not answer sensors' pings",
            not await _pings(address),
            "it does: the router lets sensors into the home's network",
        )
    for address in outside:
        yield await _closed(f"sensors do not reach the Internet ({address})", address, [53, 443])


async def from_home(sensors: Sequence[str]) -> AsyncIterator[DoctorFinding]:
    """From the hub's machine; `sensors` are addresses of machines that are awake there."""
    for address in sensors:
        yield DoctorFinding.of(
            f"the home reaches {address} in the sensors' network",
            await _pings(address),
            "no answer: is it awake, and does the router lead there? (a sensor sleeps nearly all "
            "the time: try a machine)",
        )
    own = _networks_towards(sensors)
    for address, source in own.items():
        same = _same_network(address, source)
        yield DoctorFinding(
            f"{address} is in another network than this machine ({source})",
            Verdict.BAD if same else Verdict.GOOD,
            "the same network: no router stands between sensors and home" if same else "",
        )


async def _closed(what: str, address: str, ports: Sequence[int]) -> DoctorFinding:
    open_ = [
        port
        for port, found in zip(
            ports, await asyncio.gather(*(_connects(address, one) for one in ports)), strict=True
        )
        if found
    ]
    said = ", ".join(map(str, open_))
    return DoctorFinding.of(what, not open_, f"TCP {said} answers: the router lets it through")


async def _connects(address: str, port: int) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LIMIT_S):
            _, writer = await asyncio.open_connection(address, port)
        writer.close()
        return True
    return False


async def _pings(address: str) -> bool:
    try:
        ping = await asyncio.create_subprocess_exec(
            "ping", "-c2", "-i0.3", "-W2", address,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    return await ping.wait() == 0


def _networks_towards(addresses: Sequence[str]) -> dict[str, str]:
    """By address this machine's own from which it would be asked."""
    found = {}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found[address] = str(probe.getsockname()[0])
    return found


def _same_network(one: str, other: str) -> bool:
    """Whether two addresses are in one network of the usual length: /24, of IPv6 /64."""
    length = 64 if ip_address(one).version == 6 else 24
    bits = ip_address(one).max_prefixlen - length
    return int(ip_address(one)) >> bits == int(ip_address(other)) >> bits


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
