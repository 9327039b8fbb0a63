"""The system's network interfaces, and word of every change to them (Linux: rtnetlink).

Where there is no netlink the interfaces are read by ifaddr, and looked at again every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import ifaddr

from hub.homekit.interfaces import Interface, IpAddress

__all__ = ["InterfaceWatch", "read_interfaces"]

# linux/rtnetlink.h, linux/netlink.h, linux/if_link.h, linux/if_addr.h, linux/if.h
_FAMILY = getattr(socket, "AF_NETLINK", None)
_GETLINK, _GETADDR, _DONE, _ERROR = 18, 22, 3, 2
_REQUEST_DUMP = 0x1 | 0x300
_GROUPS = 0x1 | 0x10 | 0x100  # links, IPv4 addresses, IPv6 addresses
_IFNAME, _MASTER, _LINKINFO, _CARRIER_CHANGES = 3, 10, 18, 35
_INFO_KIND = 1
_ADDRESS, _LOCAL, _FLAGS = 1, 2, 8
_UP, _LOOPBACK, _POINT_TO_POINT, _RUNNING = 0x1, 0x8, 0x10, 0x40
# temporary, duplicate, deprecated, tentative: not to be announced, or not yet
_PASSING = 0x01 | 0x08 | 0x20 | 0x40
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDR = struct.Struct("=BBBBI")


def read_interfaces() -> list[Interface]:
    """All interfaces with their addresses."""
    if _FAMILY is None:
        return _by_ifaddr()
    try:
        with socket.socket(_FAMILY, socket.SOCK_RAW, 0) as kernel:
            links = dict(_links(_dump(kernel, _GETLINK)))
            for index, address in _addresses(_dump(kernel, _GETADDR)):
                if index in links:
                    link = links[index]
                    links[index] = replace(link, addresses=(*link.addresses, address))
    except OSError:  # a sandbox without netlink
        return _by_ifaddr()
    return list(links.values())


class InterfaceWatch:
    """Tells that something about interfaces or addresses has changed, until the end of the block.

    `poll` is after how many seconds they are to be looked at all the same: what a message could
    not say (the kernel drops them when there are too many), or where there are none.
    """

    def __init__(self) -> None:
        self.poll = 5.0
        self._socket: socket.socket | None = None
        self._changed = asyncio.Event()

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            if _FAMILY is not None:
                watch = socket.socket(_FAMILY, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
                self._socket = watch
                watch.bind((0, _GROUPS))
                asyncio.get_running_loop().add_reader(watch, self._read)
                self.poll = 60.0
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    async def changed(self) -> None:
        """Return when something has changed since the last call, or may have."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.poll):
                await self._changed.wait()
        self._changed.clear()

    def _read(self) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    self._socket.recv(1 << 16)
                except BlockingIOError:
                    raise
                except OSError:  # it had more to say than there was room for
                    break
        self._changed.set()


def _dump(kernel: socket.socket, what: int) -> Iterator[bytes]:
    """The messages that answer a request for all of something."""
    body = struct.pack("=B", socket.AF_UNSPEC).ljust(_LINK.size, b"\0")
    header = _HEADER.pack(_HEADER.size + len(body), what, _REQUEST_DUMP, what, 0)
    kernel.sendto(header + body, (0, 0))
    while True:
        data = kernel.recv(1 << 18)
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, _, _, _ = _HEADER.unpack_from(data, at)
            if kind == _DONE:
                return
            if kind == _ERROR or length < _HEADER.size:
                raise OSError("the kernel does not answer a netlink request")
            yield data[at + _HEADER.size : at + length]
            at += (length + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def _links(messages: Iterator[bytes]) -> Iterator[tuple[int, Interface]]:
    for message in messages:
        _, _, index, flags, _ = _LINK.unpack_from(message)
        found = _attributes(message[_LINK.size :])
        kind = _attributes(found.get(_LINKINFO, b"")).get(_INFO_KIND, b"")
        yield (
            index,
            Interface(
                index=index,
                name=_text(found.get(_IFNAME, b"")),
                kind=_text(kind),
                master=_number(found[_MASTER]) if _MASTER in found else None,
                running=flags & (_UP | _RUNNING) == _UP | _RUNNING,
                loopback=bool(flags & _LOOPBACK),
                point_to_point=bool(flags & _POINT_TO_POINT),
                flaps=_number(found.get(_CARRIER_CHANGES, b"\0\0\0\0")),
            ),
        )


def _addresses(messages: Iterator[bytes]) -> Iterator[tuple[int, IpAddress]]:
    for message in messages:
        _, _, flags, _, index = _ADDR.unpack_from(message)
        found = _attributes(message[_ADDR.size :])
        # The whole of the flags; the header has room for eight of them.
        flags |= _number(found.get(_FLAGS, b"\0\0\0\0"))
        raw = found.get(_LOCAL) or found.get(_ADDRESS)
        if raw is None:
            continue
        address = ipaddress.ip_address(raw)
        # Of an IPv4 address the first bit means "secondary", which it may be for good.
        if not flags & (_PASSING if address.version == 6 else 0):
            yield index, address


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode(errors="replace")


def _number(raw: bytes) -> int:
    return int(struct.unpack("=I", raw[:4])[0])


def _by_ifaddr() -> list[Interface]:
    interfaces = []
    for adapter in ifaddr.get_adapters():
        addresses = tuple(
            ipaddress.ip_address(one.ip if isinstance(one.ip, str) else one.ip[0])
            for one in adapter.ips
        )
        interfaces.append(
            Interface(
                index=adapter.index or 0,
                name=adapter.name,
                addresses=addresses,
                loopback=any(address.is_loopback for address in addresses),
            )
        )
    return interfaces
