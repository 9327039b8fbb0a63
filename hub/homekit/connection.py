"""One controller's connection: its events, its pairing, and what HAP-python leaves unanswered."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from pyhap import tlv
from pyhap.const import HAP_SERVER_STATUS
from pyhap.hap_event import create_hap_event
from pyhap.hap_handler import HAP_TLV_STATES, HAP_TLV_TAGS, HAPServerHandler
from pyhap.hap_protocol import HAPServerProtocol
from pyhap.hap_server import HAPServer

from hub.homekit.events import GatheredEvents
from hub.homekit.interfaces import EVERYWHERE
from hub.homekit.pair_setup import SetupRefusal
from hub.homekit.steps import PAIRING, PAIRINGS, UNPROVED, VERIFYING, answer_to
from hub.runtime.connections import Connections, OpenConnection
from hub.runtime.listening import bound
from hub.runtime.sparse_log import Sparse

__all__ = ["Address", "Server"]

log = logging.getLogger(__name__)
# It says who connects, in a line each: strangers may connect as often as they like.
logging.getLogger("pyhap.hap_protocol").setLevel(logging.WARNING)
# And what nobody can answer, with its trace.
logging.getLogger("pyhap.hap_handler").addFilter(Sparse(20, 2))

ANY_4, ANY_6 = "0.0.0.0", "::"  # phones come over whatever network they are in

# s: until a controller has proved who it is, and until a person has typed the code meanwhile.
_PROOF_S, _PAIRING_S = 30.0, 300.0
# Connections that one turn of the loop accepts: each takes a descriptor before it can be counted.
_ACCEPTED_AT_ONCE = 32
_QUEUE = 256
# Bytes of a request: of who has not proved who it is, and of who has (a write of all that the 150
# accessories of a bridge have is 100 KB).
_LONGEST_STRANGE, _LONGEST = 16 * 1024, 1024 * 1024

Address = tuple[Any, ...]
"""A controller's address and port as a socket has them: two members, or four with IPv6."""


class _Paths(dict[str, str]):
    """What is asked by its path; what is none is answered too."""

    def __missing__(self, path: str) -> str:
        return "handle_unknown"


class _Methods(dict[str, _Paths]):
    """The paths of each method."""

    def __missing__(self, method: str) -> _Paths:
        return _Paths()


class _Handler(HAPServerHandler):  # type: ignore[misc]  # pyhap is untyped
    """What a controller asks before and after it is trusted.

    HAP-python keeps one password proof for all connections, so that a pairing which begins while
    another is under way takes its numbers away. Here each connection has its own, and one pairs at
    a time (see `PairSetup`).
    """

    HANDLERS: ClassVar = _Methods(
        {method: _Paths(paths) for method, paths in HAPServerHandler.HANDLERS.items()}
    )
    HANDLERS["POST"]["/identify"] = "handle_identify"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._verifier: Any = None

    @property
    def pairing(self) -> bool:
        """Whether a pairing is under way on this connection."""
        return self._verifier is not None

    def leave(self) -> None:
        """The connection is gone, and with it what it had begun."""
        self.accessory_handler.pair_setup.end(self)

    def handle_pairing(self) -> None:
        """A step of pair-setup (HAP specification 5.6), with this connection's numbers."""
        driver = self.accessory_handler
        driver.srp_verifier = self._verifier
        try:
            self._step(super().handle_pairing, PAIRING)
        finally:
            # The next step comes on this connection; another's must not find it.
            self._verifier, driver.srp_verifier = driver.srp_verifier, None

    def handle_pair_verify(self) -> None:
        """A step of pair-verify (HAP specification 5.7)."""
        self._step(super().handle_pair_verify, VERIFYING)

    def handle_pairings(self) -> None:
        """A list, a further pairing or the end of one (HAP specification 5.10 to 5.12)."""
        if self.client_uuid is None:  # a stranger
            self._send_authentication_error_tlv_response(HAP_TLV_STATES.M2)
        else:
            self._step(super().handle_pairings, PAIRINGS)

    def handle_unknown(self) -> None:
        """A path or a method that HAP does not have."""
        status = HAP_SERVER_STATUS.RESOURCE_DOES_NOT_EXIST
        self.send_response_with_status(HTTPStatus.NOT_FOUND, status)

    def _step(self, handle: Callable[[], None], steps: Mapping[bytes, bytes]) -> None:
        """Have a step handled; one that cannot be read, or does not hold, is answered as such."""
        answer = answer_to(self.request_body, steps)
        if answer is None:
            status = HAP_SERVER_STATUS.INVALID_VALUE_IN_REQUEST
            self.send_response_with_status(HTTPStatus.BAD_REQUEST, status)
            return
        try:
            handle()
        except UNPROVED as error:
            log.debug("homekit: %s: a step that does not hold: %r", self.client_address, error)
            self._send_authentication_error_tlv_response(answer)

    def _pairing_one(self) -> None:
        """The first step: refused while another pairs, and after too many wrong codes."""
        refusal = self.accessory_handler.pair_setup.begin(self, self.client_address[0])
        if refusal is not None:
            self._refuse(HAP_TLV_STATES.M2, refusal)
        else:
            super()._pairing_one()

    def _pairing_two(self, tlv_objects: dict[bytes, bytes]) -> None:
        """The controller's proof: refused where there was no first step on this connection.

        One proof a step: whoever is wrong begins anew, and is counted.
        """
        driver = self.accessory_handler
        verifier, setup = driver.srp_verifier, driver.pair_setup
        if verifier is None:
            self._send_authentication_error_tlv_response(HAP_TLV_STATES.M4)
            return
        refusal = setup.go_on(self)
        if refusal is not None:
            self._refuse(HAP_TLV_STATES.M4, refusal)
            return
        try:
            super()._pairing_two(tlv_objects)
        finally:
            if not verifier.proved:
                driver.srp_verifier = None
                setup.end(self)
                setup.failed(self.client_address[0])

    def _pairing_three(self, tlv_objects: dict[bytes, bytes]) -> None:
        """The exchange of keys: refused where nothing was proved on this connection."""
        driver = self.accessory_handler
        verifier = driver.srp_verifier
        if verifier is None or not verifier.proved:
            self._send_authentication_error_tlv_response(HAP_TLV_STATES.M6)
            return
        refusal = driver.pair_setup.go_on(self)
        if refusal is not None:
            self._refuse(HAP_TLV_STATES.M6, refusal)
            return
        try:
            super()._pairing_three(tlv_objects)
        finally:
            driver.srp_verifier = None
            driver.pair_setup.end(self)
            if self.state.paired:
                driver.pair_setup.allow()

    def _refuse(self, step: bytes, refusal: SetupRefusal) -> None:
        self._send_tlv_pairing_response(
            tlv.encode(HAP_TLV_TAGS.SEQUENCE_NUM, step, HAP_TLV_TAGS.ERROR_CODE, refusal.value)
        )

    def handle_identify(self) -> None:
        """Before it is paired anyone may ask a bridge to show which it is; afterwards nobody."""
        if self.state.paired:
            status = HAP_SERVER_STATUS.INSUFFICIENT_PRIVILEGES
            self.send_response_with_status(HTTPStatus.BAD_REQUEST, status)
            return
        self.accessory_handler.identify(self.client_address)
        self.send_response(HTTPStatus.NO_CONTENT)


class ControllerConnection(HAPServerProtocol):  # type: ignore[misc]  # pyhap is untyped
    """One controller's connection. One that reads slowly gets the last values, not all of them."""

    def __init__(self, *args: Any, limits: Connections) -> None:
        super().__init__(*args)
        self._limits = limits
        self._counted: OpenConnection | None = None
        self._proof: asyncio.TimerHandle | None = None
        # Of the request that comes: how many pieces of its body there are, and bytes.
        self._pieces = self._size = 0
        # The last two values of each characteristic: both edges of a pulse survive a flood.
        self._urgent: dict[tuple[int, int], deque[dict[str, Any]]] = {}
        self._gathered = GatheredEvents(self.loop.time)
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A controller has connected."""
        super().connection_made(transport)
        self.handler = _Handler(self.accessory_driver, self.peername)
        self._counted = self._limits.admit(self.peername[0], transport.abort)
        if self._counted is None:
            transport.abort()
        else:
            self._proof = self.loop.call_later(_PROOF_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        if self._proof is not None:
            self._proof.cancel()
        if self._counted is not None:
            self._counted.ended()
        super().connection_lost(exc)

    def _process_one_event(self) -> bool:
        """One piece of a request; whoever sends one without end is not listened to any longer."""
        went_on: bool = super()._process_one_event()
        pieces = len(self.request_body)
        if pieces > self._pieces:
            self._size += len(self.request_body[-1])
        elif not pieces:
            self._size = 0
        self._pieces = pieces
        if self._size > (_LONGEST_STRANGE if self.hap_crypto is None else _LONGEST):
            self.close()
            return False
        return went_on

    def data_received(self, data: bytes) -> None:
        """Some of a request. One that proves who it is may stay."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._counted is None or self._proof is None:
            return
        if self.hap_crypto is not None:
            self._proof.cancel()
            self._proof = None
            self._counted.busy()
        elif self.handler.pairing and self._proof.when() - self.loop.time() < _PROOF_S:
            self._proof.cancel()
            self._proof = self.loop.call_later(_PAIRING_S, self.transport.abort)

    def close(self) -> None:
        """End it; what was gathered is of no use any more."""
        if self._timer is not None:
            self._timer.cancel()
        self.handler.leave()
        super().close()

    def queue_event(self, data: dict[str, Any], immediate: bool) -> None:
        """Send at the end of this turn of the loop, or as soon as `GatheredEvents` lets it go."""
        place = data["aid"], data["iid"]
        if not immediate:
            due = self._gathered.put(place, data)
            if not self._paused and (self._timer is None or due < self._timer.when()):
                self._wait_until(due)
            return
        if not self._urgent:
            self.loop.call_soon(self._send_urgent)
        self._urgent.setdefault(place, deque(maxlen=2)).append(data)

    def pause_writing(self) -> None:
        """The controller does not keep up: hold events back; later values replace them."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._paused = False
        self._send_urgent()
        self._send_gathered()

    def _send_urgent(self) -> None:
        if self._paused:
            return
        while self._urgent:
            events = self._subscribed([waiting.popleft() for waiting in self._urgent.values()])
            if not events:
                self._urgent.clear()
                return
            self.write(create_hap_event(events))
            self._urgent = {place: waiting for place, waiting in self._urgent.items() if waiting}

    def _send_gathered(self) -> None:
        self._timer = None
        if self._paused:
            return
        if events := self._subscribed(self._gathered.take()):
            self.write(create_hap_event(events))
        due = self._gathered.due
        if due is not None:
            self._wait_until(due)

    def _wait_until(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(due, self._send_gathered)

    def _subscribed(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that it still wants; none once it is leaving."""
        if self.transport.is_closing():
            return []
        topics = self.accessory_driver.topics
        return [e for e in events if self.peername in topics.get(f"{e['aid']}.{e['iid']}", ())]


class Server(HAPServer):  # type: ignore[misc]  # pyhap is untyped
    """Where controllers connect to one bridge."""

    _second: asyncio.Server | None = None

    def __init__(self, address: Address, driver: Any, limits: Connections) -> None:
        super().__init__(address, driver)
        self._limits = limits

    async def async_start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen, everywhere on IPv6 as well where the system has it. Raises OSError."""
        self.loop = loop
        host, port = self._addr_port
        everywhere = host in EVERYWHERE
        self.server = await self._listen(ANY_4 if everywhere else host, port)
        if everywhere:
            try:
                self._second = await self._listen(ANY_6, self.port)
            except OSError as error:
                log.info("homekit: not on IPv6: %s", error.strerror or error)
        self.async_cleanup_connections()

    def async_stop(self) -> None:
        """Close every connection and listen no more."""
        super().async_stop()
        if self._second is not None:
            self._second.close()

    async def _listen(self, host: str, port: int) -> asyncio.Server:
        if self.loop is None:
            raise RuntimeError("the server was not started")
        loop: asyncio.AbstractEventLoop = self.loop
        server = await loop.create_server(
            lambda: ControllerConnection(
                loop, self.connections, self.accessory_handler, limits=self._limits
            ),
            sock=bound(host, port, only_ipv6=":" in host),
            backlog=_ACCEPTED_AT_ONCE,
        )
        for one in server.sockets:
            # asyncio's wrapper does not offer it; the queue is the listening socket's own.
            with socket.socket(fileno=os.dup(one.fileno())) as listening:
                listening.listen(_QUEUE)
        return server

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def hears(self, address: str) -> bool:
        """Whether who connects to this address of ours reaches it."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        servers = [self.server] if self._second is None else [self.server, self._second]
        return any(one.family == family for server in servers for one in server.sockets)

    def push_event(self, data: Any, client_addr: Address, immediate: bool = False) -> bool:
        """Tell a controller; False when it is not connected."""
        connection = self.connections.get(client_addr)
        if connection is not None:
            connection.queue_event(data, immediate)
        return connection is not None
