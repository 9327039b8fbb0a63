"""Who may do what at the broker: every identity tries every operation, a spy watches.

The spy is a client on a listener of its own that may do anything, so it sees whatever the broker
lets through. A broker handles packets in order: what has not reached the spy before its own marker
will never come.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Awaitable, Callable

import pytest

from hub.mqtt.account_repository import AccountRepository, AccountState
from hub.mqtt.accounts import AccountBook
from tests.support.broker import SPY, open_folder, running_broker, until
from tests.support.mqtt311 import Client
from tests.system.trust_place import (
    DEVICES,
    IDENTITIES,
    LET_IN,
    Identity,
    Place,
    foreign,
    numbers,
)

STATE = "Switch/On"


Operation = Callable[[Place, Identity], Awaitable[bool]]
OPERATIONS: dict[str, tuple[Operation, set[str]]] = {}


def operation(name: str, allowed: set[str]):
    def keep(function):
        OPERATIONS[name] = function, allowed
        return function

    return keep


@operation("connect", LET_IN)
async def connect(place, who):
    async with await place.client(who) as client:
        return client.code == 0


@operation("connect with TLS", LET_IN)
async def connect_tls(place, who):
    context = ssl.create_default_context(cafile=place.broker.authority_certificate)
    async with await place.client(
        who, port=place.broker.main.ports["mqtts"], tls=context
    ) as client:
        return client.code == 0


async def publishes(place, who, topic, *, retain=False):
    payload = f"{who.name} {next(numbers)}".encode()
    async with await place.client(who) as client:
        if client.code != 0:
            return False
        try:
            await client.publish(topic, payload, retain=retain)
            await client.ping()
        except ConnectionError:
            pass
    seen = await place.seen(topic, payload)
    if retain:
        async with await place.spying() as late:
            await late.subscribe(topic)
            await late.ping()
            kept = any((t, p, r) == (topic, payload, True) for t, p, r in late.got)
        assert kept == seen
    return seen


for topic_of, name, allowed in [
    (lambda who: f"HomeKit/{who.own}/{STATE}", "publish own", DEVICES | {"hub"}),
    (lambda who: f"HomeKit/{who.own}/$batch", "publish own $batch", DEVICES | {"hub"}),
    (lambda who: f"HomeKit/{foreign(who)}/{STATE}", "publish another's", {"hub"}),
    (
        lambda _: f"HomeKit/devc/{STATE}",
        "publish another tenant's",
        {"other tenant's device", "hub"},
    ),
    (lambda who: f"HomeKit/{who.own}x/{STATE}", "publish a longer name", {"hub"}),
    (lambda _: "other/topic", "publish elsewhere", set()),
    (lambda _: "enrol/devz", "publish an enrolment", set()),
    (lambda _: "$CONTROL/dynamic-security/v1", "publish $CONTROL", set()),
    (lambda _: "$SYS/broker/x", "publish $SYS", set()),
]:  # fmt: skip

    def make(topic_of=topic_of, retain=False):
        async def operate(place, who):
            return await publishes(place, who, topic_of(who), retain=retain)

        return operate

    OPERATIONS[name] = make(), allowed
    OPERATIONS[f"{name}, retained"] = make(retain=True), allowed


async def last_will(place, who, topic):
    payload = f"will of {who.name} {next(numbers)}".encode()
    client = await place.client(who, will=(topic, payload))
    if client.code != 0:
        await client.close()
        return False
    client.writer.transport.abort()
    await client.close(politely=False)
    # The will leaves when the broker notices; a fresh connection is handled after that.
    async with await place.spying() as other:
        await other.ping()
    return await place.seen(topic, payload)


@operation("last will on own", DEVICES | {"hub"})
async def will_own(place, who):
    return await last_will(place, who, f"HomeKit/{who.own}/$online")


@operation("last will on another's", {"hub"})
async def will_foreign(place, who):
    return await last_will(place, who, f"HomeKit/{foreign(who)}/$online")


async def receives(place, who, topic_filter, topic, *, retained=False):
    """Whether a message to `topic` reaches who subscribed to the filter."""
    payload = f"for {who.name} {next(numbers)}".encode()
    if retained:
        await place.spy.publish(topic, payload, retain=True)
    async with await place.client(who) as client:
        if client.code != 0:
            return False
        try:
            await client.subscribe(topic_filter)
            if not retained:
                await place.spy.publish(topic, payload)
            await client.ping()
        except ConnectionError:
            return False
        got = any((t, p) == (topic, payload) for t, p, _ in client.got)
    if retained:
        await place.spy.publish(topic, b"", retain=True)
    return got


OWN, OTHER, ELSEWHERE = "own", "another's", "another tenant's"
TOPICS = {
    OWN: lambda who: f"HomeKit/{who.own}/{STATE}",
    OTHER: lambda who: f"HomeKit/{foreign(who)}/{STATE}",
    ELSEWHERE: lambda _: f"HomeKit/devc/{STATE}",
}
READERS = {
    OWN: DEVICES | {"hub"},
    OTHER: {"viewer", "hub"},
    # A viewer reads its own tenant's devices.
    ELSEWHERE: {"other tenant's device", "hub"},
}
for shape, of in {
    "exactly": lambda topic, _who: topic,
    "by HomeKit/<it>/#": lambda topic, _who: topic.rpartition("/Switch")[0] + "/#",
    "by #": lambda *_: "#",
    "by HomeKit/#": lambda *_: "HomeKit/#",
    "by +/+/#": lambda *_: "+/+/#",
    "by HomeKit/+/Switch/On": lambda *_: "HomeKit/+/Switch/On",
    # A group each time: the broker may still give one's message to a member that is just leaving.
    "by a shared HomeKit/#": lambda *_: f"$share/group{next(numbers)}/HomeKit/#",
    "by a shared #": lambda *_: f"$share/group{next(numbers)}/#",
}.items():
    for whose, topic_of in TOPICS.items():
        for retained in (False, True):

            def make_read(of=of, topic_of=topic_of, retained=retained):
                async def operate(place, who):
                    topic = topic_of(who)
                    return await receives(place, who, of(topic, who), topic, retained=retained)

                return operate

            kind = "a retained one" if retained else "one"
            OPERATIONS[f"read {whose} {shape}, {kind}"] = make_read(), READERS[whose]


# Wanted settings may hold WiFi credentials.
for whose, topic_of, readers in (
    (OWN, lambda who: f"HomeKit/{who.own}/$config", DEVICES | {"hub"}),
    (OTHER, lambda who: f"HomeKit/{foreign(who)}/$config", {"hub"}),
):
    for retained in (False, True):

        def make_secret(topic_of=topic_of, retained=retained):
            async def operate(place, who):
                topic = topic_of(who)
                wide = topic.removesuffix("$config") + "#"
                return await receives(place, who, wide, topic, retained=retained)

            return operate

        kind = "retained ones" if retained else "ones"
        OPERATIONS[f"read {whose} wanted settings, {kind}"] = make_secret(), readers


@operation("read elsewhere by #", set())
async def read_elsewhere(place, who):
    return await receives(place, who, "#", "other/topic")


@operation("read enrolments", set())
async def read_enrolments(place, who):
    return await receives(place, who, "enrol/#", "enrol/devz")


@operation("read $SYS", {"hub"})  # how much memory it has in use
async def read_sys(place, who):
    async with await place.client(who) as client:
        if client.code != 0:
            return False
        await client.subscribe("$SYS/#")
        await client.ping()
        return client.got != []


@operation("take a session over by its client id", set())
async def take_over(place, who):
    victim = Identity("victim", "victim", "0" * 32)
    async with await place.client(victim, client_id="victim", clean=False) as sleeping:
        assert sleeping.code == 0
        async with await place.client(who, client_id="victim"):
            pass
        try:
            await sleeping.ping()
        except ConnectionError:
            return True
    return False


@operation("be somebody without a password", set())
async def no_password(place, who):
    async with await Client.connect(
        "127.0.0.1", place.broker.main.ports["mqtt"], who.own, who.user
    ) as client:
        return client.code == 0


async def enrolment_client(place, client_id=""):
    return await Client.connect("127.0.0.1", place.broker.enrolment.ports["enrol"], client_id)


ALL = {identity.name for identity in IDENTITIES}


@operation("enrol", ALL)
async def enrols(place, who):
    """On the enrolment listener nobody has a name, so all may do the same there."""
    payload = f"{who.name} {next(numbers)}".encode()
    async with await enrolment_client(place) as client:
        await client.publish("enrol/devz", payload)
    await until(lambda: any(p == payload for _, p, _ in place.enrolments.got))
    return True


@operation("retain an enrolment", set())
async def enrol_retained(place, who):
    payload = f"{who.name} {next(numbers)}".encode()
    async with await enrolment_client(place) as client:
        try:
            await client.publish("enrol/devz", payload, retain=True)
        except ConnectionError:
            return False
    return True


@operation("read on the enrolment listener", set())
async def enrol_read(place, who):
    async with await enrolment_client(place) as client, await enrolment_client(place) as other:
        for topic_filter in ("#", "enrol/#", "enrol/devz", "$share/g/enrol/#", "HomeKit/#"):
            await client.subscribe(topic_filter)
        await other.publish("enrol/devz", b"secret")
        await client.ping()
        return client.got != []


@operation("reach the devices' broker from the enrolment listener", set())
async def enrol_homekit(place, who):
    payload = f"{who.name} {next(numbers)}".encode()
    topic = f"HomeKit/{foreign(who)}/{STATE}"
    async with await enrolment_client(place) as client:
        await client.publish(topic, payload)
    return await place.seen(topic, payload)


@operation("end a session from the enrolment listener", set())
async def enrol_take_over(place, who):
    victim = Identity("victim", "victim", "0" * 32)
    async with await place.client(victim, client_id="victim", clean=False) as sleeping:
        for client_id in ("victim", "hub"):
            async with await enrolment_client(place, client_id):
                pass
        try:
            await sleeping.ping()
            await place.enrolments.ping()
        except ConnectionError:
            return True
    return False


async def matrix(place: Place) -> dict[tuple[str, str], bool]:
    """Which cells differ from what is allowed, and what happened there."""
    wrong = {}
    for (name, (operate, allowed)), identity in itertools.product(OPERATIONS.items(), IDENTITIES):
        place.spy.got.clear()
        happened = await operate(place, identity)
        if happened != (identity.name in allowed):
            wrong[name, identity.name] = happened
    return wrong


async def make_accounts(book: AccountBook) -> None:
    for identity in IDENTITIES:
        if identity.name in LET_IN | {"disabled"} and identity.name != "hub":
            tenant = "beach" if identity.user == "devc" else "home"
            await book.provision(identity.user, tenant, identity.password)
    await book.provision("victim", "home", "0" * 32)
    await book.set_state("devd", AccountState.DISABLED)


@pytest.mark.timeout(120)
async def test_exactly_the_allowed_cells_work_also_after_a_restart(store):
    await store.ensure_tenant("beach")
    with open_folder() as folder:
        for first in (True, False):
            book = AccountBook(AccountRepository(store))
            await book.load()
            async with running_broker(book, folder, spied_on=True) as broker:
                if first:
                    await make_accounts(book)
                spy = await Client.connect("127.0.0.1", broker.main.ports["spy"], "spy", *SPY)
                endpoint, client_id = broker.enrol_endpoint, broker.enrol_client_id
                async with (
                    spy,
                    await Client.connect(
                        endpoint.host, endpoint.port, client_id, "hub", endpoint.password
                    ) as enrolments,
                ):
                    assert await enrolments.subscribe("enrol/+") == 1
                    await spy.subscribe("#")
                    await spy.subscribe("$CONTROL/#")
                    await spy.subscribe("$SYS/#")
                    place = Place(broker, spy)
                    place.enrolments = enrolments
                    assert await matrix(place) == {}
