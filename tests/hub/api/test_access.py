"""Who may what: every operation asked by everybody; tokens that are none, or no longer."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from hub.api.scope import OPERATOR, Scope
from tests.hub.filled import store_of
from tests.support import seeds

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

# What stands for a parameter of a path; none of these is there.
NOWHERE = {
    "device": "nobody_1",
    "place": "999999",
    "image": "999999",
    "number": "999999",
    "name": "nowhere",
    "hook": "nowhere",
}


async def operations(client):
    """(method, path with parameters filled in, scope) of all of the API."""
    document = (await client.get("/api/openapi.json")).json()
    return [
        (method.upper(), "/api" + path.format(**NOWHERE), operation["x-scope"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path != "/live"  # an answer without an end: tests/hub/readings/test_live_routes.py
    ]


async def test_every_operation_wants_its_scope_and_no_other(program, make_token, nobody):
    everything = await operations(nobody)
    assert {scope for *_, scope in everything} >= set(Scope) - {Scope.METRICS}
    for own in Scope:
        token = await make_token(own, name=f"only {own}")
        async with program(token) as client:
            for method, path, scope in everything:
                answer = await client.request(method, path)
                refused = answer.status_code == 403
                let_in = own in {scope, Scope.ADMIN} and scope != OPERATOR
                assert refused == (not let_in), (own, method, path)
                assert answer.status_code != 401, (own, method, path)


async def test_no_token_is_given_what_is_an_operators(ann):
    for scopes in ([OPERATOR], ["read", OPERATOR]):
        answer = await ann.post("/api/tokens", json={"name": "x", "scopes": scopes})
        assert answer.status_code == 422, answer.text
    assert OPERATOR not in set(Scope)


async def test_nobody_gets_in(program, nobody):
    everything = await operations(nobody)
    async with program() as client:
        for method, path, _ in [*everything, ("GET", "/api/live", ""), ("GET", "/metrics", "")]:
            answer = await client.request(method, path)
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "Authorization: Bearer" in answer.json()["detail"]


async def test_people_may_by_their_role(rob, ann, nobody):
    for method, path, scope in await operations(nobody):
        answer = await rob.request(method, path)
        assert (answer.status_code == 403) == (scope != "read"), (method, path, answer.text)
        answer = await ann.request(method, path)
        assert answer.status_code != 401, (method, path)
        assert (answer.status_code == 403) == (scope == OPERATOR), (method, path)


async def test_another_tenants_things_look_like_nothing(eve, ann, full):
    """What eve is told of home's things is, but for the name, what she is told of none."""
    place = (await ann.post("/api/places", json={"name": "Kitchen"})).json()["id"]
    calls = [
        ("GET", "/api/devices/{device}", None),
        ("PATCH", "/api/devices/{device}", {"name": "mine"}),
        ("GET", "/api/devices/{device}/series", None),
        ("GET", "/api/devices/{device}/at?instant=2030-01-01T00:00:00Z", None),
        ("GET", "/api/devices/{device}/history", None),
        ("GET", "/api/devices/{device}/gaps", None),
        ("POST", "/api/devices/{device}/commands", {"series": "Switch/On", "value": True}),
        ("GET", "/api/readings?series={device}/TemperatureSensor/CurrentTemperature", None),
        ("PUT", "/api/calibrations",
         {"series": "{device}/TemperatureSensor/CurrentTemperature", "gain": 2}),
        ("PATCH", "/api/places/{place}", {"name": "mine"}),
        ("GET", "/api/places/{place}/usage", None),
        ("DELETE", "/api/places/{place}", None),
        ("POST", "/api/places", {"name": "mine", "parent": "{place}"}),
        ("PATCH", "/api/devices/b1", {"place": "{place}"}),
    ]  # fmt: skip

    async def told(method, path, body, device, number):
        text = {"{device}": device, "{place}": str(number)}
        for old, new in text.items():
            path = path.replace(old, new)
            body = body and {
                k: (int(v.replace(old, new)) if v == old == "{place}" else v.replace(old, new))
                if isinstance(v, str) else v
                for k, v in body.items()
            }  # fmt: skip
        answer = await eve.request(method, path, json=body)
        return answer.status_code, answer.text.replace(device, "X").replace(str(number), "N")

    for method, path, body in calls:
        theirs = await told(method, path, body, "h1", place)
        nothing = await told(method, path, body, "nobody_1", 987654)
        assert theirs == nothing, (method, path)
        assert theirs[0] == 404, (method, path, theirs)
    assert {d["id"] for d in (await eve.get("/api/devices")).json()} == {"b1", "b2"}
    assert (await ann.get("/api/devices/h1")).json()["name"] is None


async def test_whoever_sees_two_tenants_sees_one_at_a_time(full):
    from tests.hub.people.joined import client_of  # noqa: PLC0415

    async with client_of(full, "max") as client:
        me = (await client.get("/api/me")).json()
        assert (me["tenant"], me["tenants"], me["role"]) == ("beach", ["beach", "home"], "reader")
        assert {d["id"] for d in (await client.get("/api/devices")).json()} == {"b1", "b2"}
        assert (await client.get("/api/devices/h1")).status_code == 404
        assert (await client.post("/api/places", json={"name": "x"})).status_code == 403


async def test_a_token_that_was_tampered_with_is_none(program, make_token):
    seed = seeds.seed()
    rng = random.Random(seed)
    token = await make_token("admin")
    mark, tenant, number, secret = token.split(".")
    other = await make_token("read")
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    flipped = []
    for _ in range(20):
        at = rng.randrange(len(secret) - 1)
        new = rng.choice([c for c in alphabet if c != secret[at]])
        flipped.append(f"{mark}.{tenant}.{number}.{secret[:at]}{new}{secret[at + 1 :]}")
    for bad in [
        *flipped,
        f"{mark}.beach.{number}.{secret}",
        f"{mark}.nowhere.{number}.{secret}",
        f"{mark}.{tenant}.{int(number) + 1}.{secret}",
        f"{mark}.{tenant}.0{number}.{secret}",
        f"{mark}.{tenant}.{10**9}.{secret}",
        f"{mark}.{tenant}.{2**31}.{secret}",
        f"{mark}.{tenant}.{number}.{other.split('.')[3]}",
        f"{mark}.{tenant}' OR 1=1 --.{number}.{secret}",
        f"{mark}.{tenant}.{number}.",
        f"{mark}.{tenant}.{number}.{secret}.",
        f"{mark}.{tenant}.{number}.{secret[:-1]}",
        secret,
        ".",
        "x" * 5000,
    ]:
        async with program(bad) as client:
            answer = await client.get("/api/me")
            assert answer.status_code == 401, bad
    for header in (f"Basic {token}", f"bearer{token}", f"Bearer {token} x", "Bearer", ""):
        async with program() as client:
            answer = await client.get("/api/me", headers={"Authorization": header})
            assert answer.status_code == 401, header
    async with program(token) as client:
        assert (await client.get("/api/me")).status_code == 200


async def test_a_token_in_an_address_is_not_looked_at(program, make_token):
    token = await make_token("admin")
    async with program() as client:
        for name in ("token", "access_token", "authorization"):
            assert (await client.get("/api/me", params={name: token})).status_code == 401


async def test_an_expired_token_is_refused(program, make_token, ann, full):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    token = await make_token("read", expires=soon)
    async with program(token) as client:
        assert (await client.get("/api/me")).status_code == 200
        async with store_of(full) as store, store.of("home").transaction() as conn:
            # The application may not change it: let it have been made with an earlier end.
            with pytest.raises(Exception, match="permission denied"):
                await conn.execute("UPDATE dormouse.token SET expires_at = now()")
        brief = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        short = await make_token("read", expires=brief)
        async with program(short) as brief_client, asyncio.timeout(60):
            while (await brief_client.get("/api/me")).status_code == 200:
                await asyncio.sleep(0.1)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = await ann.post("/api/tokens", json={"name": "x", "scopes": ["read"], "expires": past})
    assert (answer.status_code, answer.json()["detail"]) == (422, "body.expires: lies in the past")


async def test_a_revoked_token_is_refused_at_once(program, make_token, ann):
    token = await make_token("read", name="to go")
    async with program(token) as client:
        assert (await client.get("/api/me")).status_code == 200
        [kept] = [t for t in (await ann.get("/api/tokens")).json() if t["name"] == "to go"]
        assert kept["used"] is not None
        assert (await ann.delete(f"/api/tokens/{kept['id']}")).status_code == 204
        assert (await client.get("/api/me")).status_code == 401
    assert (await ann.delete(f"/api/tokens/{kept['id']}")).status_code == 404


async def test_a_token_is_shown_once_and_kept_as_a_hash(make_token, ann, full):
    token = await make_token("read", name="shown once")
    secret = token.rpartition(".")[2]
    assert secret not in (await ann.get("/api/tokens")).text
    async with store_of(full) as store, store.of("home").transaction() as conn:
        rows = await (await conn.execute("SELECT t::text FROM dormouse.token t")).fetchall()
    assert rows
    assert secret not in str(rows)
    assert secret.encode().hex() not in str(rows)
    assert secret not in full.log.read_text()


async def test_tokens_of_one_tenant_are_not_anothers(eve, ann, make_token, program):
    await make_token("read", name="home's")
    [kept] = [t for t in (await ann.get("/api/tokens")).json() if t["name"] == "home's"]
    assert (await eve.get("/api/tokens")).json() == []
    assert (await eve.delete(f"/api/tokens/{kept['id']}")).status_code == 404
    assert kept["id"] in [t["id"] for t in (await ann.get("/api/tokens")).json()]


async def test_a_token_opens_no_page(program, make_token):
    async with program(await make_token("admin")) as client:
        answer = await client.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
        assert answer.status_code in {303, 401}


async def test_another_sites_page_cannot_use_a_session(ann, full):
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = await ann.post("/api/places", json={"name": "evil"}, headers=headers)
        assert answer.status_code == 403, headers
        assert answer.headers["content-type"] == "application/problem+json"
    # A form can send only these types; the API reads JSON.
    url = str(ann.base_url)
    async with httpx.AsyncClient(base_url=url, cookies=ann.cookies) as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = await client.post(
                "/api/places", content='{"name": "evil"}',
                headers={"Content-Type": kind, "Origin": url},
            )  # fmt: skip
            assert answer.status_code == 422, (kind, answer.text)
        assert "evil" not in (await client.get("/api/places")).text
