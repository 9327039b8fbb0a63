"""What a viewer may read and command, as broker files say it and as other brokers are answered."""

from __future__ import annotations

import pytest

from hub.mqtt.access import Foreign, acl_lines
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.mqtt.http_auth import Decisions
from hub.runtime.problems import Problems
from hub.settings import Enrolment
from tests.support.broker import MemoryAccounts

FOREIGN = Foreign(discovery="homeassistant")


def account(name, tenant="home", **how):
    return Account(tenant, name, "hash", AccountState.ACTIVE, **how)


def rules(accounts, foreign=FOREIGN):
    """The lines of each user in the broker's file."""
    users, user = {}, ""
    for line in "".join(acl_lines(accounts, foreign)).splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line:
            users.setdefault(user, []).append(line)
    return users


def test_who_only_looks_writes_nothing():
    lines = rules([account("lamp"), account("viewer.only")])["viewer.only"]
    assert "topic read dormouse/home/#" in lines
    assert "topic read homeassistant/+/dormouse_home/+/config" in lines
    assert not [line for line in lines if "write" in line]


def test_who_commands_writes_wishes_alone():
    lines = rules([account("lamp"), account("viewer.ha", commands=True)])["viewer.ha"]
    assert [line for line in lines if "write" in line] == [
        "topic write HomeKit/+/+/+/set",
        "topic write HomeKit/+/+/+/+/set",
        "topic write dormouse/home/+/+/+/+/set",
        "topic write homeassistant/status",
    ]


def test_each_tenant_commands_its_own():
    accounts = [account("lamp"), account("shed", "beach"),
                account("viewer.ha", commands=True), account("viewer.b", "beach")]  # fmt: skip
    lines = rules(accounts)["viewer.ha"]
    assert "topic write HomeKit/lamp/+/+/set" in lines
    assert not [line for line in lines if "shed" in line or "beach" in line]


@pytest.fixture
async def decisions():
    book = AccountBook(MemoryAccounts())
    for name, tenant, commands in (
        ("lamp", "home", False), ("shed", "beach", False), ("viewer.ha", "home", True),
        ("viewer.only", "home", False), ("viewer.b", "beach", True),
    ):  # fmt: skip
        await book.provision(name, tenant, "0123456789abcdef", commands=commands)
    problems = Problems()
    enroller = Enroller(book, EnrolmentGate(Enrolment.CLOSED, "home"), problems)
    return Decisions(book, enroller, problems, foreign=lambda: FOREIGN)


@pytest.mark.parametrize(
    ("user", "action", "topic", "allowed"),
    [
        ("viewer.ha", "publish", "dormouse/home/lamp/Switch/0/On/set", True),
        ("viewer.ha", "publish", "HomeKit/lamp/Switch/On/set", True),
        ("viewer.ha", "publish", "HomeKit/lamp/Switch/1/On/set", True),
        ("viewer.ha", "publish", "HomeKit/lamp/Switch/On", False),
        ("viewer.ha", "publish", "HomeKit/shed/Switch/On/set", False),
        ("viewer.ha", "publish", "HomeKit/lamp/$config", False),
        ("viewer.ha", "publish", "dormouse/beach/shed/Switch/0/On/set", False),
        ("viewer.ha", "publish", "homeassistant/light/x/config", False),
        ("viewer.ha", "publish", "homeassistant/status", True),
        ("viewer.ha", "subscribe", "dormouse/home/#", True),
        ("viewer.ha", "subscribe", "dormouse/beach/#", False),
        ("viewer.ha", "subscribe", "homeassistant/+/dormouse_home/+/config", True),
        ("viewer.ha", "subscribe", "homeassistant/+/dormouse_beach/+/config", False),
        ("viewer.ha", "subscribe", "HomeKit/lamp/$config", False),
        ("viewer.only", "publish", "dormouse/home/lamp/Switch/0/On/set", False),
        ("viewer.only", "publish", "HomeKit/lamp/Switch/On/set", False),
        ("viewer.only", "subscribe", "dormouse/home/#", True),
        ("lamp", "publish", "dormouse/home/lamp/Switch/0/On/set", False),
        ("lamp", "subscribe", "dormouse/home/#", False),
    ],
)
def test_what_other_brokers_are_answered(decisions, user, action, topic, allowed):
    assert decisions.may(user, action, topic) is allowed


async def test_a_device_cannot_be_made_to_command():
    book = AccountBook(MemoryAccounts())
    with pytest.raises(Exception, match="cannot command others"):
        await book.provision("lamp", "home", commands=True)
