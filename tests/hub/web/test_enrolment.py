"""Which devices ask to be added, and who may know of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from contracts.messages import Enrol
from hub.mqtt.account_repository import AccountState
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from hub.web.adding.enrolment import Remedy, enrolment_view

PASSWORD, OTHER = "a" * 32, "b" * 32


def asked(name: str, password: str = PASSWORD) -> Enrol:
    return Enrol(id=name, password=password, model="sensor", firmware="0.1.0")


@pytest.fixture
def side(accounts):
    """The parts of the MQTT side that decide on enrolments; nobody comes in by itself."""
    gate, problems = EnrolmentGate(Enrolment.WINDOW, "home"), Problems()
    enroller = Enroller(accounts, gate, problems)
    return SimpleNamespace(gate=gate, book=accounts, enroller=enroller, problems=problems)


async def test_with_several_tenants_who_asks_is_shown_to_who_can_read_its_network(side):
    await side.enroller.enrol(asked("esp8266_15c5d000"))
    assert [c.device for c in enrolment_view(side, "home").asking] == ["esp8266_15c5d000"]
    assert [c.device for c in enrolment_view(side, "home", network=" Dormouse-15C5D0").asking] == [
        "esp8266_15c5d000"
    ]
    # What other chips of the same reel have in common tells nobody of it.
    for typed in (
        "",
        "00",
        "d000",
        "c5d000",
        "15c5d1",
        "dormouse-",
        "dormouse-d000",
        "%%%%%%",
    ):
        assert enrolment_view(side, "home", network=typed).asking == []


async def test_a_window_is_its_tenants(side):
    assert not enrolment_view(side, "home").open
    side.gate.open_window("beach", 10)
    mine, theirs = enrolment_view(side, "home"), enrolment_view(side, "beach")
    assert (mine.open, mine.seconds, mine.elsewhere) == (False, None, True)
    assert (theirs.open, theirs.seconds, theirs.elsewhere) == (True, 600, False)
    await side.enroller.enrol(asked("esp8266_00000001"))
    assert enrolment_view(side, "home").arrived == []
    assert [a.device for a in enrolment_view(side, "beach").arrived] == ["esp8266_00000001"]


async def test_refusals_are_told_to_whose_device_it_is_with_what_helps(side):
    side.gate.open_window("home", 10)
    await side.enroller.enrol(asked("esp8266_00000001"))
    await side.enroller.enrol(asked("esp8266_00000001", OTHER))
    (refusal,) = enrolment_view(side, "home").refused
    assert (refusal.device, refusal.remedy) == ("esp8266_00000001", Remedy.RENEW)
    assert "another password" in refusal.reason
    assert enrolment_view(side, "beach").refused == []
    await side.book.set_state("esp8266_00000001", AccountState.DISABLED)
    assert Remedy.ENABLE in {one.remedy for one in enrolment_view(side, "home").refused}
    assert enrolment_view(side, "home").arrived == []


async def test_too_many_at_once_tells_no_tenant_of_anothers_devices(side):
    # Enrolment is open to all; a window that a person opened would have room.
    side.gate.mode = Enrolment.OPEN
    side.enroller.MAX_PENDING = 1
    await side.enroller.enrol(asked("esp8266_00000100"))
    await side.enroller.enrol(asked("esp8266_15c5d000"))
    assert enrolment_view(side, "home", network="dormouse-ffffff").refused == []
    (refusal,) = enrolment_view(side, "home", network="15c5d0").refused
    assert refusal.remedy is None
    assert "asks again by itself" in refusal.reason
