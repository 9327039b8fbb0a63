"""The private door: who comes in by it may do everything, in the tenant that is meant."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from hub.api.access import Admin, Operator, Read
from hub.api.application import api
from hub.api.operator import OperatorDoor
from hub.api.principal import AUTHENTICATOR, Credentials, Principal

TENANTS = ["home", "beach"]
DEVICES = {"b1": "beach"}


def _told(caller: Principal) -> dict:
    return {
        "name": caller.name,
        "tenant": caller.tenant,
        "means": [tenant for tenant in TENANTS if caller.means(tenant)],
    }


def _api() -> FastAPI:
    router = APIRouter()

    @router.get("/who")
    async def who(caller: Read) -> dict:
        return _told(caller)

    @router.get("/admin")
    async def admin(caller: Admin) -> dict:
        return _told(caller)

    @router.get("/devices/{device}")
    async def device(caller: Operator, device: str, since: str = "") -> dict:
        return {**_told(caller), "device": device, "since": since}

    return api([router])


async def _tenants() -> list[str]:
    return TENANTS


@pytest.fixture
async def operator():
    door = OperatorDoor(
        _api(), tenant="home", tenant_of=lambda d: DEVICES.get(d, "home"), tenants=_tenants
    )
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub/api") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "tenant", "means"),
    [
        ("/who", "home", ["home", "beach"]),
        ("/admin", "home", ["home", "beach"]),
        ("/who?tenant=beach", "beach", ["beach"]),
        ("/who?tenant=beach&tenant=beach", "beach", ["beach"]),
        ("/devices/b1", "beach", ["home", "beach"]),
        ("/devices/b1?tenant=home", "home", ["home"]),
        ("/devices/nobody_1", "home", ["home", "beach"]),
    ],
)
async def test_which_tenant_is_meant(operator, path, tenant, means):
    found = (await operator.get(path)).raise_for_status().json()
    assert (found["tenant"], found["means"]) == (tenant, means)


async def test_the_tenant_is_no_parameter_of_the_route(operator):
    """Routes that refuse parameters which they do not know can be asked all the same."""
    path = "/devices/b1?since=a%20b%2B%C3%BC&tenant=home"
    assert (await operator.get(path)).json()["since"] == "a b+ü"


@pytest.mark.parametrize("tenant", ["nowhere", "", "home%00", "Home", "%FF"])
async def test_a_tenant_that_there_is_not(operator, tenant):
    answer = await operator.get(f"/who?tenant={tenant}")
    assert answer.status_code == 404
    assert "no tenant" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("dormouse devices replace", "dormouse devices replace"),
        ("curl/8.0", "operator"),
        ("dormouse <script>", "operator"),
        ("", "operator"),
    ],
)
async def test_commands_say_who_they_are(operator, agent, name):
    answer = await operator.get("/who", headers={"User-Agent": agent})
    assert answer.json()["name"] == name


async def test_what_is_not_there_is_told_in_one_line(operator):
    for path in ("/nothing", "/../nothing", "/../"):
        answer = await operator.get(path)
        assert answer.status_code == 404
        assert "\n" not in answer.json()["detail"]


async def test_the_same_application_lets_nobody_in_by_another_door():
    """That somebody is an operator is said by the door, never by the request."""

    async def nobody(_: str) -> None:
        return None

    inner = FastAPI()
    inner.mount("/api", _api())

    async def public(scope, receive, send):
        scope[AUTHENTICATOR] = Credentials(nobody, nobody)
        await inner(scope, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=public), base_url="http://hub/api"
    ) as client:
        for path in ("/who", "/admin", "/devices/b1?tenant=beach"):
            for headers in (
                {},
                {"User-Agent": "dormouse devices"},
                {"dormouse.principal": "operator", "dormouse.tenant": "beach"},
                {"Authorization": "Bearer operator", "Cookie": "dormouse_session=operator"},
            ):
                assert (await client.get(path, headers=headers)).status_code == 401
