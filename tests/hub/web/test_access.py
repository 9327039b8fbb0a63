"""Who may do what: every route the running hub serves, as nobody, as others, as readers, as
administrators. The list is the application's own, so that a new route is tested the day it is made.
"""

from __future__ import annotations

import re

import httpx
import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.api.public import PUBLIC
from hub.database.postgres import Postgres
from hub.database.tenancy.declare import TABLES

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
# Routes with which a reader changes nothing of the tenant's, although they are not GET.
READERS_MAY: dict[str, str] = {
    "/api/rollouts/plan": "says what would be; nothing is started",
    "/api/notifications/acknowledge": "says that somebody saw it",
    "/api/notifications/channels": "of their own",
    "/api/notifications/channels/{number}": "of their own; others' are refused (test_routes)",
    "/api/notifications/channels/{number}/hours": "as above",
    "/api/notifications/channels/{number}/test": "as above",
    "/api/notifications/rules": "of their own",
    "/api/notifications/rules/{number}": "of their own; others' are refused (test_routes)",
    "/api/notifications/rules/try": "nothing is kept",
    "/api/searches": "saves a search of their own",
    "/api/searches/{number}": "forgets a search of their own",
}

DEVICE, NAME = "esp8266_0badcafe", "Marmot's cellar"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routes(web) -> list[tuple[str, str]]:
    """What the hub serves, and something in tenant home that others could be after."""
    await web.ask("POST", f"/accounts/{DEVICE}", json={})
    await web.ask("PUT", f"/devices/{DEVICE}/place", json={"path": [NAME]})
    found = [(one["method"], one["path"]) for one in await web.ask("GET", "/routes")]
    assert ("GET", "/") in found
    assert ("GET", "/people") in found
    return [(method, path) for method, path in found if path not in PUBLIC]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operators(web) -> set[tuple[str, str]]:
    """The routes that only an operator may use, as the API's document has them."""
    document = await web.ask("GET", "/openapi.json")
    found = {
        (method.upper(), f"/api{path}")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if operation["x-scope"] == "operator"
    }
    assert ("POST", "/api/enrolment/window") in found
    return found


def filled(path: str) -> str:
    """The path with something in place of its parameters: a first row, home's device."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in {"device", "device_id", "id"} and "device" in path:
            return DEVICE
        return "1"

    return re.sub(r"\{(\w+)(?::\w+)?\}", value, path)


async def ask(client: httpx.AsyncClient, method: str, path: str) -> tuple[httpx.Response, str]:
    """The answer and its text; streams that never end are not read."""
    body = {} if method in CHANGING else None
    async with client.stream(method, filled(path), json=body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer, ""
        return answer, (await answer.aread()).decode(errors="replace")


async def of_tenant(hub, tenant: str) -> dict[str, list[tuple]]:
    """Every row of a tenant, as the database's superuser sees it."""
    found = {}
    postgres = Postgres(hub.data_dir / "postgres")
    url = make_conninfo(postgres.admin_url, dbname=conninfo_to_dict(postgres.app_url)["dbname"])
    async with await psycopg.AsyncConnection.connect(url) as conn:
        for table in TABLES:
            column = "name" if table == "tenant" else "tenant_id"
            wanted = sql.SQL("%s") if table == "tenant" else sql.SQL("dormouse.tenant_id(%s)")
            query = sql.SQL("SELECT * FROM dormouse.{} t WHERE {} = {} ORDER BY t::text").format(
                sql.Identifier(table), sql.Identifier(column), wanted
            )
            rows = await (await conn.execute(query, [tenant])).fetchall()
            # The hub's own notes: when it was there.
            found[table] = [row for row in rows if "hub-" not in str(row)]
    assert found["account"]
    return found


async def unchanged(hub, before: dict[str, list[tuple]]) -> None:
    after = await of_tenant(hub, "home")
    for table, rows in before.items():
        assert after[table] == rows, f"{table} was changed"


async def test_nobody_gets_nothing(nobody, routes, web):
    before = await of_tenant(web, "home")
    for method, path in routes:
        answer, text = await ask(nobody, method, path)
        told = (method, path, answer.status_code, text[:200])
        if path.startswith(("/api/", "/metrics", "/mqtt/")) or method in CHANGING:
            assert answer.status_code == 401, told
        elif method == "GET" and not path.startswith("/_nicegui"):
            assert answer.status_code == 303, told
            assert answer.headers["location"].startswith("/login"), told
        else:
            assert answer.status_code in {303, 401, 405}, told
        assert NAME not in text, told
        assert DEVICE not in text.replace(filled(path), ""), told
    await unchanged(web, before)


async def test_people_of_another_tenant_learn_and_change_nothing(eve, routes, web):
    before = await of_tenant(web, "home")
    for method, path in routes:
        answer, text = await ask(eve, method, path)
        told = (method, path, answer.status_code, text[:200])
        assert answer.status_code < 500, told
        assert answer.status_code != 401, told
        assert "Marmot" not in text, told
        assert "ann" not in re.findall(r"\w+", text), told
    await unchanged(web, before)


async def test_readers_change_nothing(rob, routes, web):
    before = await of_tenant(web, "home")
    for method, path in routes:
        answer, text = await ask(rob, method, path)
        told = (method, path, answer.status_code, text[:200])
        assert answer.status_code < 500, told
        if method in CHANGING and path not in READERS_MAY:
            assert answer.status_code == 403, told
    await unchanged(web, before)


async def test_what_is_an_operators_is_refused_to_everybody_on_the_port(
    ann, rob, eve, routes, operators, web
):
    """Whoever they are; no header, parameter or cookie makes an operator of them."""
    before = await of_tenant(web, "home")
    assert operators <= set(routes)
    told = {
        "User-Agent": "dormouse devices",
        "dormouse.principal": "operator",
        "dormouse.authenticator": "operator",
        "X-Forwarded-For": "127.0.0.1",
    }
    for client, tenant in ((ann, "home"), (rob, "home"), (eve, "beach")):
        for method, path in sorted(operators):
            body = {} if method in CHANGING else None
            where = f"{filled(path)}?tenant={tenant}&scope=operator"
            for headers in ({}, told):
                answer = await client.request(method, where, json=body, headers=headers)
                assert answer.status_code == 403, (method, path, answer.text)
                assert "only the command line" in answer.json()["detail"]
    await unchanged(web, before)


async def test_a_tenant_is_chosen_by_its_members_alone(eve):
    assert (await eve.get("/api/me?tenant=beach")).json()["tenant"] == "beach"
    for path in ("/api/me", "/api/devices"):
        for chosen in ({"params": {"tenant": "home"}}, {"headers": {"X-Dormouse-Tenant": "home"}}):
            answer = await eve.get(path, **chosen)
            assert answer.status_code == 403, answer.text
            assert answer.json()["detail"] == "eve does not belong to a tenant 'home'"


async def test_administrators_are_let_in_everywhere(ann, routes, operators):
    for method, path in routes:
        if method in {"GET", "HEAD"} and (method, path) not in operators:
            answer, text = await ask(ann, method, path)
            told = (method, path, answer.status_code, text[:200])
            assert answer.status_code not in {303, 401, 403}, told
            assert answer.status_code < 500, told
            if "{" not in path:
                assert answer.status_code in {200, 405, 422}, told


async def test_every_answer_has_its_headers(nobody, ann, routes):
    for client in (nobody, ann):
        for path in ("/", "/login", "/nothing", "/healthz", "/static/frame.js", "/api/nothing"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"


async def test_an_inline_script_without_the_nonce_is_none_of_ours(ann):
    answer = await ann.get("/")
    nonce = re.search(r"'nonce-([\w-]+)'", answer.headers["content-security-policy"]).group(1)
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    again = await ann.get("/")
    assert nonce not in again.text


async def test_what_is_open_to_everybody_is_as_it_was_decided():
    """A route is added to these with its reason, not by the way."""
    assert PUBLIC.keys() == {
        "/healthz", "/login", "/logout", "/join/{token}", "/session", "/static/{name}",
        "/favicon.ico", "/api/openapi.json", "/hook/{name}", "/mqtt/auth", "/mqtt/acl",
    }  # fmt: skip


async def test_what_is_gone_says_so(ann, nobody):
    answer = await ann.get("/devices/esp8266_gone")
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text
    for path in ("/api/nothing", "/api/devices/esp8266_gone"):
        answer = await ann.get(path)
        assert answer.status_code == 404
        assert answer.json()["detail"]
    answer = await nobody.get("/devices/esp8266_gone?span=1d")
    assert answer.headers["location"] == "/login?next=/devices/esp8266_gone%3Fspan%3D1d"
