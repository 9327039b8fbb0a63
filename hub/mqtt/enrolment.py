"""Who may make an account by enrolling, and what becomes of an enrolment."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.messages import Enrol, Problem, parse
from hub.database.errors import DatabaseAwayError
from hub.mqtt.access import is_reserved
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.delivery import Delivery, Source
from hub.mqtt.enrol_places import EnrolPlaces, site_of
from hub.mqtt.errors import AccountError
from hub.mqtt.passwords import hash_password, matches
from hub.runtime.broadcast import Channel
from hub.runtime.log_events import EVENTS
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.token_bucket import TokenBucket, TokenBuckets
from hub.settings import Enrolment

__all__ = ["EnrolListener", "Enroller", "EnrolmentGate", "EnrolmentOutcome"]

log = logging.getLogger(__name__)


class EnrolmentOutcome(StrEnum):
    """What became of an enrolment."""

    ENROLLED = "enrolled"
    RENEWED = "renewed"
    """A known id with another password, as was allowed by hand."""
    KNOWN = "known"
    """The account is there, with that password: the device may simply connect."""
    TAKEOVER = "take-over"
    """A known id with another password."""
    CLOSED = "closed"
    """Kept for approval."""
    RESERVED = "reserved"
    TOO_MANY = "too-many"
    """Over the rate, or too many enrolled that were never heard."""


class EnrolmentGate:
    """Whether enrolment is open, and for which tenant.

    A window is opened by hand for some minutes and one tenant; it goes before the mode, and is
    counted by a monotonic clock, so that a wall clock set at 1970 or later changes nothing.
    `changed` tells that it was opened or closed by hand, and of every enrolment (the Enroller's);
    not what: ask anew.
    """

    def __init__(
        self, mode: Enrolment, tenant: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.mode = mode
        self._tenant = tenant
        self._clock = clock
        self._window: tuple[str, float] | None = None
        self.changed = Channel[None](1)

    def open_window(self, tenant: str, minutes: float) -> None:
        """Let devices enrol into a tenant for some minutes."""
        self._window = tenant, self._clock() + minutes * 60
        self.changed.publish(None)

    def close_window(self) -> None:
        """Close it early."""
        self._window = None
        self.changed.publish(None)

    @property
    def window(self) -> tuple[str, float] | None:
        """The open window's tenant and the seconds it has left."""
        if self._window is None or self._window[1] <= self._clock():
            return None
        return self._window[0], self._window[1] - self._clock()

    def tenant(self) -> str | None:
        """The tenant that a new device gets now; None while enrolment is closed."""
        window = self.window
        if window is not None:
            return window[0]
        return self._tenant if self.mode is Enrolment.OPEN else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that knocked while enrolment was closed."""

    device: str
    password: str
    model: str
    firmware: str
    address: str | None = None


class Enroller:
    """Decides on enrolments; memory, accounts and rate are bounded whoever sends what.

    Each address may enrol so many devices at once and a minute, and of accounts that were not heard
    yet there are `MAX_PENDING`: beyond, the next takes the place of the oldest of the site (an
    address, of IPv6 a network) that has most of them, unless that is its own. So one who makes
    names up is in its own way alone. A window that a person opened has room for whoever comes:
    `MAX_IN_WINDOW` places, of which the next takes one in any case. Who is known needs no place.
    Of devices that knock while enrolment is closed `CANDIDATES` are remembered for approval, by the
    same rule. An account that is not heard within `PATIENCE_S` of enrolling is forgotten; one that
    was removed frees its place.
    """

    CANDIDATES = 100
    # Unpacking a school's worth of boards at once, and a slow trickle afterwards.
    BURST, PER_MINUTE = 1000, 10
    MAX_PENDING = 1000
    # A device connects some seconds after it has enrolled, among whoever enrols meanwhile.
    MAX_IN_WINDOW = 10_000
    PATIENCE_S = 24 * 3600.0

    def __init__(
        self,
        book: AccountBook,
        gate: EnrolmentGate,
        problems: Problems,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gate = gate
        self._book = book
        self._problems = problems
        self._clock = clock
        self._buckets = TokenBuckets[str](self.BURST, self.PER_MINUTE, clock=clock)
        self._bucket = TokenBucket(self.BURST, self.PER_MINUTE, clock)
        self._candidates: OrderedDict[str, Candidate] = OrderedDict()
        self._renewals: dict[str, float] = {}
        self._places = EnrolPlaces()
        self._busy: dict[str, asyncio.Lock] = {}

    async def handle(self, message: Enrol, _delivery: Delivery) -> None:
        """The listener's handler."""
        await self.enrol(message)

    async def enrol(self, message: Enrol, address: str | None = None) -> EnrolmentOutcome:
        """Decide on one enrolment, and make the account if the rules allow it.

        `address` is where it came from; all of which nobody knows that count as one. Returns when
        the device can connect, if it may.
        """
        lock = self._busy.setdefault(message.id, asyncio.Lock())
        try:
            async with lock:
                outcome = await self._decide(message, address)
        finally:
            if not lock.locked():
                self._busy.pop(message.id, None)
        if outcome in {EnrolmentOutcome.ENROLLED, EnrolmentOutcome.RENEWED}:
            EVENTS.device_enrolled.log(
                device=message.id, tenant=self._book.tenant(message.id), state=str(outcome)
            )
        elif outcome is not EnrolmentOutcome.KNOWN:
            self._problems.note(
                f"enrol-{outcome}",
                message.id,
                "an enrolment was refused",
                stranger=self._book.get(message.id) is None,
            )
        self.gate.changed.publish(None)
        return outcome

    async def approve(self, device: str, tenant: str) -> None:
        """Make the account of a device that knocked. Raises AccountError."""
        candidate = self._candidates.pop(device, None)
        if candidate is None:
            raise AccountError(f"{device} has not asked to enrol")
        account = Account(
            tenant, device, candidate.password, AccountState.ACTIVE,
            candidate.model, candidate.firmware,
        )  # fmt: skip
        if not await self._book.add(account):
            raise AccountError(f"there is an account {device} already")
        self.gate.changed.publish(None)

    def allow_renewal(self, device: str, minutes: float) -> None:
        """Let a known device enrol once with a new password (its flash was erased)."""
        if self._book.get(device) is None:
            raise AccountError(f"there is no account {device}")
        self._renewals[device] = self._clock() + minutes * 60

    def candidates(self) -> list[Candidate]:
        """Who knocked, the latest last."""
        return list(self._candidates.values())

    async def confirm(self, device: str) -> None:
        """A device that enrolled has sent something: its account is kept for good."""
        account = self._book.get(device)
        if account is not None and account.state is AccountState.PENDING:
            self._places.leave(device)
            await self._book.set_state(device, AccountState.ACTIVE)
            self.gate.changed.publish(None)

    async def forget_silent(self) -> list[str]:
        """Remove the accounts that enrolled and never came; their names."""
        now = self._clock()
        pending = [account.device for account in self._book.pending()]
        for device in pending:
            if device not in self._places:
                self._places.take(device, now)
        silent = [d for d in pending if now - self._places.since(d) > self.PATIENCE_S]
        if silent:
            await self._book.remove(*silent)
            log.info("forgot %d devices that enrolled and never came", len(silent))
            self.gate.changed.publish(None)
        for device in silent:
            self._places.leave(device)
        return silent

    async def _decide(self, message: Enrol, address: str | None) -> EnrolmentOutcome:
        if is_reserved(message.id):
            return EnrolmentOutcome.RESERVED
        known = self._book.get(message.id)
        if known is not None:
            return await self._decide_known(known, message)
        tenant = self.gate.tenant()
        if tenant is None:
            self._remember(message, address)
            return EnrolmentOutcome.CLOSED
        if not await self._admitted(address):
            return EnrolmentOutcome.TOO_MANY
        account = Account(
            tenant, message.id, hash_password(message.password), AccountState.PENDING,
            message.model, message.firmware,
        )  # fmt: skip
        self._places.take(message.id, self._clock(), address)
        if not await self._book.add(account):
            self._places.leave(message.id)
            return EnrolmentOutcome.TAKEOVER  # another hub on this database made it a moment ago
        return EnrolmentOutcome.ENROLLED

    async def _admitted(self, address: str | None) -> bool:
        """Whether there is room for one more account of an address; then it counts."""
        if self.gate.window is not None:
            await self._make_room(self.MAX_IN_WINDOW)
            return True
        if not self._take(address):
            self._free_places()
            if not self._take(address):
                return False
        return await self._make_room(self.MAX_PENDING, site_of(address))

    def _take(self, address: str | None) -> bool:
        return self._bucket.take() if address is None else self._buckets.take(address)

    def _free_places(self) -> None:
        """Somebody has removed accounts: neither their places nor their enrolments count."""
        gone = [device for device in self._places.names() if self._book.get(device) is None]
        for device in gone:
            if device in self._busy or (place := self._places.leave(device)) is None:
                continue  # it is being made
            if (address := place.address) is None:
                self._bucket.give_back()
            else:
                self._buckets.give_back(address)

    async def _make_room(self, most: int, *but: str | None) -> bool:
        """Give up accounts that were never heard, for one more; of the site `but` none."""
        if len(self._places) < most:
            return True
        self._free_places()
        victims: list[str] = []
        # Some at once: each change is a rewrite of the broker's files.
        while len(self._places) >= most - most // 50:
            site, victim = self._places.oldest_of_most()
            if site in but:
                break
            self._places.leave(victim)
            account = self._book.get(victim)
            if account is not None and account.state is AccountState.PENDING:
                victims.append(victim)
        if victims:
            await self._book.remove(*victims)
        return len(self._places) < most

    async def _decide_known(self, known: Account, message: Enrol) -> EnrolmentOutcome:
        if matches(message.password, known.password):
            return EnrolmentOutcome.KNOWN
        if self._renewals.pop(message.id, 0) > self._clock():
            await self._book.set_password(message.id, message.password)
            return EnrolmentOutcome.RENEWED
        return EnrolmentOutcome.TAKEOVER

    def _remember(self, message: Enrol, address: str | None) -> None:
        old = self._candidates.pop(message.id, None)
        if old is not None and not matches(message.password, old.password):
            # Two claim the id: the first to knock keeps its place, a person will see the counts.
            self._problems.note(
                "enrol-take-over", message.id, "two passwords for one id", stranger=True
            )
            self._candidates[message.id] = old
            return
        self._candidates[message.id] = old or Candidate(
            message.id, hash_password(message.password), message.model, message.firmware, address
        )
        if len(self._candidates) > self.CANDIDATES:
            asking = {one.device: site_of(one.address) for one in self._candidates.values()}
            del self._candidates[_oldest_of_most(asking)[1]]


def _oldest_of_most(addresses: Mapping[str, str | None]) -> tuple[str | None, str]:
    """Of names in their order: the address that has most of them, and the first of its names."""
    most, _ = Counter(addresses.values()).most_common(1)[0]
    return most, next(name for name, address in addresses.items() if address == most)


class EnrolListener:
    """Takes enrolments, and nothing else, from the enrolment broker."""

    def __init__(
        self,
        source: Source,
        enroller: Enroller,
        problems: Problems,
        supervisor: Supervisor | None = None,
        *,
        address_of: Callable[[str], Awaitable[str | None]] | None = None,
    ) -> None:
        self._source = source
        self._address_of = address_of
        self._enroller = enroller
        self._problems = problems
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)

    async def start(self) -> None:
        """Begin."""
        await self._source.start(self.deliver)

    async def stop(self) -> None:
        """End; a device whose enrolment was cut off enrols again."""
        await self._source.stop()
        await self._tasks.stop()

    def deliver(self, delivery: Delivery) -> None:
        """Handle one message; it is acknowledged when it is decided, so that few are at work."""
        message = parse(delivery.topic, delivery.payload)
        if not isinstance(message, Enrol):
            # The id is whatever a stranger wrote: counted, not kept as a device's problem.
            kind = message.kind if isinstance(message, Problem) else "topic"
            self._problems.note(kind, None, f"on the enrolment listener: {delivery.topic[:80]!a}")
            self._source.acknowledge(delivery)
            return
        self._tasks.spawn("an enrolment", self._enrol(message, delivery))

    async def _enrol(self, message: Enrol, delivery: Delivery) -> None:
        try:
            address = await self._address_of(message.id) if self._address_of else None
            await self._enroller.enrol(message, address)
        except DatabaseAwayError as error:
            log.warning(
                "an enrolment waits for the database, the device will ask again: %s", error.reason
            )
            self._problems.note("enrol-failed", message.id, "not decided", stranger=True)
        except Exception as error:  # noqa: BLE001  # noted; the device will ask again
            self._tasks.defects.note("deciding on an enrolment", error)
            self._problems.note("enrol-failed", message.id, "not decided", stranger=True)
        self._source.acknowledge(delivery)
