"""Who may make an account by enrolling: the rules one by one, with a clock in the test's hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from contracts.messages import Batch, Enrol
from hub.mqtt.account_repository import AccountState
from hub.mqtt.acks import Acks
from hub.mqtt.enrol_places import EnrolPlaces
from hub.mqtt.enrolment import Enroller, EnrolmentGate, EnrolmentOutcome
from hub.mqtt.errors import AccountError, NotConnectedError
from hub.mqtt.passwords import matches
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from tests.support.broker import until

PASSWORD, OTHER = "a" * 32, "b" * 32


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def problems():
    return Problems()


def make(accounts, problems, clock, mode=Enrolment.OPEN):
    return Enroller(accounts, EnrolmentGate(mode, "home", clock), problems, clock)


def asked(name, password=PASSWORD):
    return Enrol(id=name, password=password, model="sensor", firmware="0.1.0")


async def test_open_lets_in_and_remembers_what_it_was_told(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    assert await enroller.enrol(asked("dev")) is EnrolmentOutcome.ENROLLED
    account = accounts.get("dev")
    assert (account.tenant, account.state, account.model) == (
        "home",
        AccountState.PENDING,
        "sensor",
    )
    assert matches(PASSWORD, account.password)
    assert await enroller.enrol(asked("dev")) is EnrolmentOutcome.KNOWN
    assert await enroller.enrol(asked("dev", OTHER)) is EnrolmentOutcome.TAKEOVER
    assert problems.of("dev")["enrol-take-over"].count == 1
    assert matches(PASSWORD, accounts.get("dev").password)


@pytest.mark.parametrize("name", ["hub", "viewer"])
async def test_reserved_names(accounts, problems, clock, name):
    assert await make(accounts, problems, clock).enrol(asked(name)) is EnrolmentOutcome.RESERVED
    assert accounts.all() == []


async def test_a_window_closes_by_itself(accounts, problems, clock):
    enroller = make(accounts, problems, clock, Enrolment.WINDOW)
    assert await enroller.enrol(asked("early")) is EnrolmentOutcome.CLOSED
    enroller.gate.open_window("beach", 10)
    clock.now += 599
    assert enroller.gate.window == ("beach", 1)
    assert await enroller.enrol(asked("dev")) is EnrolmentOutcome.ENROLLED
    clock.now += 1
    assert enroller.gate.window is None
    assert await enroller.enrol(asked("late")) is EnrolmentOutcome.CLOSED
    assert [(a.device, a.tenant) for a in accounts.all()] == [("dev", "beach")]


async def test_disabled_stays_disabled_whoever_enrols(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    await enroller.enrol(asked("dev"))
    await accounts.set_state("dev", AccountState.DISABLED)
    assert await enroller.enrol(asked("dev")) is EnrolmentOutcome.KNOWN
    assert accounts.connecting() == []


async def test_who_knocked_may_be_approved_and_cannot_be_replaced(accounts, problems, clock):
    enroller = make(accounts, problems, clock, Enrolment.CLOSED)
    await enroller.enrol(asked("dev"))
    await enroller.enrol(asked("dev", OTHER))
    assert problems.of("dev")["enrol-take-over"].count == 1
    await enroller.approve("dev", "home")
    assert matches(PASSWORD, accounts.get("dev").password)
    assert enroller.candidates() == []
    with pytest.raises(AccountError, match="has not asked"):
        await enroller.approve("dev", "home")


async def test_who_knocks_is_remembered_boundedly(accounts, problems, clock):
    enroller = make(accounts, problems, clock, Enrolment.CLOSED)
    for number in range(500):
        await enroller.enrol(asked(f"dev{number}"))
    assert [c.device for c in enroller.candidates()] == [f"dev{n}" for n in range(400, 500)]
    assert enroller._busy == {}


async def test_a_burst_then_a_trickle(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    enroller.MAX_PENDING = 10**6
    outcomes = [await enroller.enrol(asked(f"dev{n}")) for n in range(Enroller.BURST + 10)]
    assert outcomes.count(EnrolmentOutcome.ENROLLED) == Enroller.BURST
    assert outcomes[-10:] == [EnrolmentOutcome.TOO_MANY] * 10
    clock.now += 60
    outcomes = [await enroller.enrol(asked(f"more{n}")) for n in range(20)]
    assert outcomes.count(EnrolmentOutcome.ENROLLED) == Enroller.PER_MINUTE


async def test_devices_that_enrol_and_never_come_are_forgotten(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    enroller.MAX_PENDING = 3
    for number in range(3):
        await enroller.enrol(asked(f"dev{number}"))
    assert await enroller.enrol(asked("one_more")) is EnrolmentOutcome.TOO_MANY
    await enroller.confirm("dev1")
    assert accounts.get("dev1").state is AccountState.ACTIVE
    assert await enroller.enrol(asked("one_more")) is EnrolmentOutcome.ENROLLED
    clock.now += Enroller.PATIENCE_S - 1
    assert await enroller.forget_silent() == []
    clock.now += 2
    assert sorted(await enroller.forget_silent()) == ["dev0", "dev2", "one_more"]
    assert [account.device for account in accounts.all()] == ["dev1"]
    assert await enroller.enrol(asked("dev0", OTHER)) is EnrolmentOutcome.ENROLLED


async def flood(enroller, count, address="192.168.1.66"):
    """As many made-up names from one address; what became of them."""
    return [await enroller.enrol(asked(f"made{address[-2:]}_{n}"), address) for n in range(count)]


async def test_who_makes_names_up_is_in_its_own_way_alone(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    outcomes = await flood(enroller, Enroller.MAX_PENDING + 500)
    assert outcomes.count(EnrolmentOutcome.ENROLLED) == Enroller.MAX_PENDING
    assert await enroller.enrol(asked("mine"), "192.168.1.66") is EnrolmentOutcome.TOO_MANY
    for n in range(50):
        assert await enroller.enrol(asked(f"dev{n}"), f"192.168.1.{n}") is EnrolmentOutcome.ENROLLED
        assert accounts.get(f"dev{n}") is not None
    assert len(accounts.all()) <= Enroller.MAX_PENDING
    # Another one who makes names up takes places of the first, not of the devices.
    await flood(enroller, 2000, "192.168.1.77")
    assert all(accounts.get(f"dev{n}") is not None for n in range(50))
    assert len(accounts.all()) <= Enroller.MAX_PENDING


async def test_a_window_lets_in_whoever_comes_whatever_was_before(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    await flood(enroller, Enroller.MAX_PENDING + 500)
    enroller.gate.open_window("beach", 10)
    assert await enroller.enrol(asked("mine"), "192.168.1.66") is EnrolmentOutcome.ENROLLED
    assert accounts.get("mine").tenant == "beach"
    enroller.MAX_IN_WINDOW = 1200
    await enroller.confirm("mine")
    assert await flood(enroller, 3000, "192.168.1.77") == [EnrolmentOutcome.ENROLLED] * 3000
    assert await enroller.enrol(asked("late"), "192.168.1.77") is EnrolmentOutcome.ENROLLED
    assert {"mine", "late"} <= {account.device for account in accounts.all()}
    assert len(accounts.all()) <= 1200 + 1
    assert enroller._busy == {}


async def test_what_was_removed_frees_its_place(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    for address in ("192.168.1.66", None):
        names = [f"made{n}" for n in range(Enroller.MAX_PENDING)]
        for name in names:
            assert await enroller.enrol(asked(name), address) is EnrolmentOutcome.ENROLLED
        assert await enroller.enrol(asked("mine"), address) is EnrolmentOutcome.TOO_MANY
        await accounts.remove(*names)
        assert await enroller.enrol(asked("mine"), address) is EnrolmentOutcome.ENROLLED
        await accounts.remove("mine")


async def test_who_is_known_gets_in_whatever_others_do(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    await accounts.provision("dev", "home", PASSWORD)
    await flood(enroller, Enroller.MAX_PENDING + 500)
    assert await enroller.enrol(asked("dev"), "192.168.1.66") is EnrolmentOutcome.KNOWN
    enroller.allow_renewal("dev", 10)
    assert await enroller.enrol(asked("dev", OTHER), "192.168.1.66") is EnrolmentOutcome.RENEWED


async def test_who_knocks_is_not_pushed_out_by_made_up_names(accounts, problems, clock):
    enroller = make(accounts, problems, clock, Enrolment.CLOSED)
    await enroller.enrol(asked("dev"), "192.168.1.5")
    await flood(enroller, 500)
    assert next(c.device for c in enroller.candidates()) == "dev"
    assert len(enroller.candidates()) == Enroller.CANDIDATES


async def test_after_a_restart_the_silent_get_their_day_anew(accounts, problems, clock):
    await make(accounts, problems, clock).enrol(asked("dev"))
    restarted = make(accounts, problems, clock)
    clock.now += 10 * Enroller.PATIENCE_S
    assert await restarted.forget_silent() == []
    clock.now += Enroller.PATIENCE_S + 1
    assert await restarted.forget_silent() == ["dev"]


async def test_a_renewal_is_for_once_and_for_a_while(accounts, problems, clock):
    enroller = make(accounts, problems, clock)
    await enroller.enrol(asked("dev"))
    enroller.allow_renewal("dev", 10)
    clock.now += 601
    assert await enroller.enrol(asked("dev", OTHER)) is EnrolmentOutcome.TAKEOVER
    enroller.allow_renewal("dev", 10)
    assert await enroller.enrol(asked("dev", OTHER)) is EnrolmentOutcome.RENEWED
    assert await enroller.enrol(asked("dev")) is EnrolmentOutcome.TAKEOVER
    with pytest.raises(AccountError):
        enroller.allow_renewal("nobody", 10)


class Told:
    """A source that notes what is published, and is away at first."""

    def __init__(self):
        self.sent = []
        self.away = True

    async def publish(self, topic, payload, *, qos=1, retain=False):
        if self.away:
            raise NotConnectedError
        assert retain
        self.sent.append((topic, payload))


async def test_an_acknowledgement_waits_for_the_broker_and_only_the_latest_is_sent():
    source = Told()

    async def held(device, boot):
        return [(1, 2)]

    acks = Acks(source, held)
    acks.INTERVAL_S = 0.05
    await acks.start()
    for last in (3, 4, 5):
        acks.committed(Batch("dev", "9f3a61c2", 0.0, 0, last - 1, last, (), ()))
    source.away = False
    await until(lambda: source.sent != [])
    await acks.stop()
    assert source.sent == [("HomeKit/dev/$ack", '{"boot":"9f3a61c2","seq":5,"batch":2}')]


async def test_names_from_many_networks_of_one_site_are_in_each_others_way_alone(
    accounts, problems, clock
):
    """Whoever has 48 bits of IPv6 has 65,536 networks; five devices behind one address do not."""
    enroller = make(accounts, problems, clock)
    enroller.MAX_PENDING = 100
    for n in range(5):
        assert await enroller.enrol(asked(f"honest{n}"), "192.168.1.7") is EnrolmentOutcome.ENROLLED
    for n in range(500):
        await enroller.enrol(asked(f"made{n}"), f"2001:db8:1:{n:x}::")
    kept = {account.device for account in accounts.all()}
    assert {f"honest{n}" for n in range(5)} <= kept
    assert len(kept) <= 100
    assert await enroller.enrol(asked("late"), "192.168.1.8") is EnrolmentOutcome.ENROLLED


def test_places_are_left_in_an_order_that_a_count_confirms():
    rng, places, known = random.Random(5), EnrolPlaces(), {}
    for step in range(3000):
        if known and rng.random() < 0.45:
            name = rng.choice(list(known))
            assert places.leave(name).address == known.pop(name)
        else:
            name, address = f"n{rng.randrange(400)}", f"10.0.0.{rng.randrange(12)}"
            places.take(name, step, address)
            known.pop(name, None)
            known[name] = address
        assert len(places) == len(known)
        if known:
            site, name = places.oldest_of_most()
            counts = Counter(known.values())
            assert counts[site] == max(counts.values())
            assert name == next(one for one, address in known.items() if address == site)
