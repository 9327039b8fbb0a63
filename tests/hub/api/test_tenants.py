"""Which tenant a request means, and several at once; parameters that a route does not have."""

from __future__ import annotations

import pytest

from tests.hub.people.joined import client_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

HEADER = "X-Dormouse-Tenant"


def ids(answer) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {device["id"] for device in answer.json()}


async def test_who_belongs_to_several_names_the_one_that_is_meant(full):
    async with client_of(full, "max") as client:
        for way in ({"params": {"tenant": "home"}}, {"headers": {HEADER: "home"}}):
            assert ids(await client.get("/api/devices", **way)) == {"h1", "h2"}
            me = (await client.get("/api/me", **way)).json()
            assert (me["tenant"], me["role"]) == ("home", "administrator")
            # With the role that they have there.
            made = await client.post("/api/places", json={"name": f"p{len(way)}{way}"[:90]}, **way)
            assert made.status_code == 201, made.text
        both = {"params": {"tenant": "home"}, "headers": {HEADER: "home"}}
        assert ids(await client.get("/api/devices", **both)) == {"h1", "h2"}
        # Only that request: the session looks where it looked.
        assert ids(await client.get("/api/devices")) == {"b1", "b2"}
        assert (await client.post("/api/places", json={"name": "x"})).status_code == 403
        for path in ("/", "/places"):
            page = await client.get(path, params={"tenant": "home"})
            assert page.status_code == 200, page.text


async def test_a_tenant_that_is_none_of_theirs_is_refused_everywhere(full, ann, rob, nobody):
    for client in (ann, rob):
        for tenant in ("beach", "nowhere", "", "x" * 300):
            for path in ("/api/devices", "/api/places", "/api/me", "/", "/places"):
                for way in ({"params": {"tenant": tenant}}, {"headers": {HEADER: tenant}}):
                    answer = await client.get(path, **way)
                    assert answer.status_code == 403, (path, way, answer.text)
                    assert "does not belong to a tenant" in answer.text
        assert (await client.get("/api/devices", params={"tenant": "home"})).status_code == 200
    answer = await ann.get("/api/devices", params={"tenant": "home"}, headers={HEADER: "beach"})
    assert answer.status_code == 422
    assert "names several tenants" in answer.json()["detail"]
    assert (await nobody.get("/api/devices", params={"tenant": "home"})).status_code == 401


async def test_a_token_is_of_one_tenant(program, make_token):
    async with program(await make_token("read")) as client:
        assert ids(await client.get("/api/devices", params={"tenant": "home"})) == {"h1", "h2"}
        assert (await client.get("/api/devices", headers={HEADER: "beach"})).status_code == 403
        assert ids(await client.get("/api/everywhere/devices")) == {"h1", "h2"}


async def test_devices_of_all_ones_tenants_each_with_whose_it_is(full, ann):
    async with client_of(full, "max") as client:
        found = (await client.get("/api/everywhere/devices")).json()
        assert [(one["tenant"], one["id"]) for one in found] == [
            ("beach", "b1"), ("beach", "b2"), ("home", "h1"), ("home", "h2")
        ]  # fmt: skip
        one = await client.get("/api/everywhere/devices", params={"tenant": "home"})
        assert ids(one) == {"h1", "h2"}
        low = {"where": "$.battery_mv == 2900"}
        matching = (await client.get("/api/everywhere/devices", params=low)).json()
        own = ids(await client.get("/api/devices", params={**low, "tenant": "home"}))
        assert {d["id"] for d in matching if d["tenant"] == "home"} == own == {"h1"}
    assert ids(await ann.get("/api/everywhere/devices")) == {"h1", "h2"}
    everything = await full.ask("GET", "/everywhere/devices")
    assert {(d["tenant"], d["id"]) for d in everything} == {
        ("beach", "b1"), ("beach", "b2"), ("home", "h1"), ("home", "h2")
    }  # fmt: skip


async def test_devices_by_what_their_documents_say(ann):
    async def where(path: str):
        return await ann.get("/api/devices", params={"where": path})

    assert ids(await where("$.battery_mv < 3000")) == {"h1"}
    assert ids(await where("$.nowhere[*].at.all > 0")) == set()
    answer = await where("$.battery_mv <")
    assert answer.status_code == 422
    assert "is no jsonpath" in answer.json()["detail"]


async def test_a_parameter_that_a_route_does_not_have_is_refused_on_every_route(ann, full):
    document = (await ann.get("/api/openapi.json")).json()
    asked = 0
    for path, operations in document["paths"].items():
        if path == "/live" or "get" not in operations:
            continue
        operator = operations["get"]["x-scope"] == "operator"
        address = path.format(
            device="h1", place=1, image=1, number=1, name="home",
            **{k: 1 for k in ("rollout", "wave") if f"{{{k}}}" in path},
        )  # fmt: skip
        if operator:
            async with full.operator() as client:
                answer = await client.get(address, params={"colour": "red"})
        else:
            answer = await ann.get(f"/api{address}", params={"colour": "red"})
        assert answer.status_code == 422, (path, answer.text)
        said = answer.json()
        assert any(f["where"] == "query.colour" for f in said["faults"]), (path, said)
        asked += 1
    assert asked > 15
    for path in ("/healthz", "/api/live"):
        answer = await ann.get(path, params={"colour": "red"})
        assert answer.status_code == 422, path
    answer = await ann.post("/api/places", params={"dry_run": "1"}, json={"name": "not made"})
    assert answer.status_code == 422
    assert "not made" not in (await ann.get("/api/places")).text


async def test_a_tree_200_deep_has_null_below_its_leaf(ann):
    above = None
    for number in range(200):
        body = {"name": f"n{number}", "parent": above}
        above = (await ann.post("/api/places", json=body)).json()["id"]
    answer = await ann.get("/api/places")
    assert answer.status_code == 200, answer.text
    here = next(place for place in answer.json() if place["name"] == "n0")
    for number in range(1, 200):
        (here,) = here["children"]
        assert here["name"] == f"n{number}"
    assert here["children"] is None
    circle = await ann.patch(f"/api/places/{above}", json={"parent": above})
    assert circle.status_code == 409
