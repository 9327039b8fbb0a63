"""The decisions over HTTP, in the forms that EMQX documents, and in others'."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from hub.mqtt.access import Foreign
from hub.mqtt.account_repository import AccountState
from hub.mqtt.enrolment import Enroller, EnrolmentGate
from hub.mqtt.http_auth import Decisions, router
from hub.runtime.problems import Problems
from hub.runtime.token_bucket import TokenBuckets
from hub.settings import Enrolment

SECRET = "s3cret-of-the-broker"
PASSWORD = "0123456789abcdef" * 2


@pytest.fixture
def gate():
    return EnrolmentGate(Enrolment.OPEN, "home")


@pytest.fixture
def decisions(accounts, gate):
    problems = Problems()
    foreign = Foreign(
        hub=["stat/+/+", "cmnd/+/+", "homie/#"],
        reports=["stat/%u/+", "tele/%u/SENSOR"],
        commands=["cmnd/%u/+"],
    )
    enroller = Enroller(accounts, gate, problems)
    made = Decisions(accounts, enroller, problems, "hub-password", lambda: foreign)
    made.problems = problems
    return made


@pytest.fixture
async def web(decisions):
    app = FastAPI()
    app.include_router(router(decisions, SECRET))
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub", headers=headers
    ) as client:
        yield client


def who(user, password=PASSWORD, **more):
    return {"username": user, "password": password, "clientid": user, **more}


async def ask(web, path, body, **more):
    answer = await web.post(path, json=body, **more)
    assert answer.status_code == 200
    return answer.json()


async def test_an_unknown_device_gets_an_account_and_keeps_it(web, accounts):
    allow = {"result": "allow", "is_superuser": False}
    deny = {"result": "deny", "is_superuser": False}
    assert await ask(web, "/mqtt/auth", who("dev")) == allow
    assert accounts.get("dev").state is AccountState.PENDING
    assert await ask(web, "/mqtt/auth", who("dev")) == allow
    assert await ask(web, "/mqtt/auth", who("dev", "f" * 32)) == deny
    assert await ask(web, "/mqtt/auth", who("dev")) == allow


async def test_closed_means_closed(web, gate, accounts):
    gate.mode = Enrolment.CLOSED
    assert (await ask(web, "/mqtt/auth", who("dev")))["result"] == "deny"
    assert accounts.all() == []


async def test_disabled_and_changed_passwords_end_at_once(web, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    assert (await ask(web, "/mqtt/auth", who("dev")))["result"] == "allow"
    await accounts.set_password("dev", "n" * 32)
    assert (await ask(web, "/mqtt/auth", who("dev")))["result"] == "deny"
    assert (await ask(web, "/mqtt/auth", who("dev", "n" * 32)))["result"] == "allow"
    await accounts.set_state("dev", AccountState.DISABLED)
    assert (await ask(web, "/mqtt/auth", who("dev", "n" * 32)))["result"] == "deny"
    acl = {"username": "dev", "action": "publish", "topic": "HomeKit/dev/Switch/On"}
    assert (await ask(web, "/mqtt/acl", acl))["result"] == "deny"


@pytest.mark.parametrize(
    "user", ["", "hub", "viewer", "viewer.x", "a+b", "#", "a/b", "x" * 65, "a\0b"]
)
async def test_names_that_no_device_may_have(web, accounts, user):
    assert (await ask(web, "/mqtt/auth", who(user)))["result"] == "deny"
    assert accounts.all() == []


@pytest.mark.parametrize("password", ["", "short", "x" * 1000, None, 7, ["x" * 32], "a\0" * 16])
async def test_passwords_that_are_none(web, accounts, password):
    assert (await ask(web, "/mqtt/auth", who("dev", password)))["result"] == "deny"
    assert accounts.all() == []


async def test_the_hub(web):
    assert (await ask(web, "/mqtt/auth", who("hub", "hub-password")))["result"] == "allow"
    assert (await ask(web, "/mqtt/auth", who("hub", "")))["result"] == "deny"


ALLOWED = [
    ("dev", "publish", "HomeKit/dev/Switch/On"),
    ("dev", "publish", "HomeKit/dev/$batch"),
    ("dev", "subscribe", "HomeKit/dev/#"),
    ("dev", "subscribe", "HomeKit/dev/+/+/set"),
    ("dev", "subscribe", "$share/group/HomeKit/dev/#"),
    ("hub", "publish", "HomeKit/dev/$ack"),
    ("hub", "subscribe", "HomeKit/#"),
    ("viewer", "subscribe", "HomeKit/#"),
    # Topics of mapped devices.
    ("dev", "publish", "stat/dev/POWER"),
    ("dev", "subscribe", "cmnd/dev/+"),
    ("dev", "subscribe", "cmnd/dev/POWER"),
    ("hub", "publish", "cmnd/dev/POWER"),
    ("hub", "subscribe", "$share/hubs/stat/+/+"),
    ("hub", "subscribe", "homie/#"),
]
DENIED = [
    ("dev", "publish", "HomeKit/other/Switch/On"),
    ("dev", "publish", "HomeKit/device/Switch/On"),
    ("dev", "publish", "HomeKit/dev"),
    ("dev", "publish", "HomeKit/dev/#"),
    ("dev", "publish", "$SYS/x"),
    ("dev", "publish", ""),
    ("dev", "subscribe", "#"),
    ("dev", "subscribe", "HomeKit/#"),
    ("dev", "subscribe", "HomeKit/+/Switch/On"),
    ("dev", "subscribe", "$share/group/HomeKit/#"),
    ("dev", "subscribe", "$share/HomeKit/dev/#"),
    ("dev", "subscribe", "$SYS/#"),
    ("viewer", "publish", "HomeKit/dev/Switch/On"),
    ("viewer", "publish", "HomeKit/viewer/Switch/On"),
    ("viewer", "subscribe", "#"),
    ("viewer", "subscribe", "HomeKit/dev/$config"),
    ("viewer", "subscribe", "$share/group/HomeKit/+/$config"),
    ("hub", "publish", "other"),
    ("stranger", "publish", "HomeKit/stranger/Switch/On"),
    ("", "publish", "HomeKit//Switch/On"),
    ("dev", "publish", "stat/other/POWER"),
    ("dev", "publish", "stat/dev/+"),
    ("dev", "publish", "stat/dev"),
    ("dev", "publish", "stat/dev/POWER/x"),
    ("dev", "publish", "cmnd/dev/POWER"),
    ("dev", "publish", "$share/group/stat/dev/POWER"),
    ("dev", "subscribe", "stat/dev/POWER"),
    ("dev", "subscribe", "cmnd/+/POWER"),
    ("dev", "subscribe", "cmnd/dev/#"),
    ("dev", "subscribe", "cmnd/#"),
    ("viewer", "publish", "stat/viewer/POWER"),
    ("viewer", "subscribe", "cmnd/viewer/+"),
    ("stranger", "publish", "stat/stranger/POWER"),
    ("hub", "subscribe", "stat/#"),
]


@pytest.mark.parametrize(
    ("user", "action", "topic", "result"),
    [(*cell, "allow") for cell in ALLOWED] + [(*cell, "deny") for cell in DENIED],
)
async def test_topics(web, accounts, user, action, topic, result):
    await accounts.provision("dev", "home", PASSWORD)
    await accounts.provision("viewer", "home", PASSWORD)
    # EMQX 5's documented body.
    asked = {"username": user, "action": action, "topic": topic, "clientid": user, "qos": "1"}
    assert (await ask(web, "/mqtt/acl", asked))["result"] == result
    # EMQX 4's form.
    access = {"publish": "2", "subscribe": "1"}[action]
    form = {"access": access, "username": user, "clientid": user, "ipaddr": "::1", "topic": topic}
    answer = await web.post("/mqtt/acl", data=form)
    assert answer.json()["result"] == result


async def test_a_viewer_reads_its_own_tenant(web, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    await accounts.provision("far", "beach", PASSWORD)
    await accounts.provision("viewer", "home", PASSWORD)

    async def reads(topic):
        asked = {"username": "viewer", "action": "subscribe", "topic": topic}
        return (await ask(web, "/mqtt/acl", asked))["result"] == "allow"

    assert await reads("HomeKit/dev/#")
    assert not await reads("HomeKit/far/#")
    assert not await reads("HomeKit/#")


async def test_forms_and_other_brokers_answers(web, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    good, bad = who("dev"), who("dev", "f" * 32)
    assert (await web.post("/mqtt/auth", data=good)).json()["result"] == "allow"
    assert (await web.post("/mqtt/auth?answer=status", data=good)).status_code == 200
    assert (await web.post("/mqtt/auth?answer=status", json=bad)).status_code == 403
    assert (await web.post("/mqtt/auth?answer=text", data=good)).text == "allow"
    assert (await web.post("/mqtt/auth?answer=text", data=bad)).text == "deny"
    rabbit = {"username": "dev", "permission": "write", "routing_key": "HomeKit.dev.Switch.On"}
    assert (await web.post("/mqtt/acl?answer=text", data=rabbit)).text == "allow"
    plugin = {"username": "dev", "acc": 4, "topic": "HomeKit/dev/#"}
    assert (await web.post("/mqtt/acl?answer=status", json=plugin)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Bearer x"}, {"Authorization": SECRET[1:]}],
)
async def test_a_wrong_secret(web, accounts, headers):
    web.headers.pop("Authorization")
    assert (await web.post("/mqtt/auth", json=who("dev"), headers=headers)).status_code == 401
    assert accounts.all() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"1", b"{}" + b" " * 10_000])
async def test_bodies_that_are_none(web, body):
    answer = await web.post("/mqtt/auth", content=body)
    assert answer.status_code == 400
    form = await web.post(
        "/mqtt/acl", content=b"\xff=\xff",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert form.status_code == 400


async def test_guessing_is_limited_and_does_not_shut_the_device_out(decisions, accounts):
    await accounts.provision("dev", "home", PASSWORD)
    assert await decisions.authenticate("dev", PASSWORD)
    for number in range(100):
        assert not await decisions.authenticate("dev", f"{number:032}")
    assert decisions.problems.total["auth-refused"] == Decisions.BURST
    assert await decisions.authenticate("dev", PASSWORD)


async def test_guessing_under_many_names_costs_bounded_memory(decisions, accounts, gate):
    gate.mode = Enrolment.CLOSED
    decisions._refusals = TokenBuckets(Decisions.BURST, Decisions.PER_MINUTE, limit=50)
    for number in range(200):
        await accounts.provision(f"dev{number}", "home", PASSWORD)
        assert not await decisions.authenticate(f"dev{number}", "f" * 32)
        assert not await decisions.authenticate(f"none{number}", "f" * 32)
    assert len(decisions._refusals) == 50
