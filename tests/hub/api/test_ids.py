"""Every id that the API takes, tried with what is not one's own.

The routes are the API's own document: a path, a query or a body with an id is tried the day it is
made. What is asked with another's id is answered as with one that nobody has, but for the id, and
changes nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from hub.api.scope import Scope
from tests.hub.filled import NOW, TEMPERATURE, store_of
from tests.hub.notifications.filled import notified
from tests.hub.people.joined import client_of
from tests.hub.web.test_access import of_tenant
from tests.support.images import canned_image

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A parameter's or a field's name, and of what it is the id. In a path it is the word before it.
IDS = {
    "device": "devices", "devices": "devices", "series": "series", "place": "places",
    "parent": "places", "search": "search names", "hook": "hooks", "alerts": "alerts",
    "tell": "channel names", "escalate": "channel names", "image": "firmware",
    "version": "versions",
}  # fmt: skip
# What else there is, which is no id: a new name goes here, or above.
NO_IDS = {
    "tenant", "where", "since", "until", "limit", "why", "open", "characteristic", "resolution",
    "points", "as_of", "zone", "format", "separator", "decimal", "bom", "at", "map", "dry_run",
    "repeated_hour", "dates", "stamps", "source", "branch", "notes", "board", "after",
    "instant",
    "name", "attributes", "shared", "sentence", "kind", "options", "urgent", "own", "enabled",
    "escalate_after_s", "address", "quiet_from", "quiet_until", "weekends", "digest_at", "settings",
    "gain", "offset", "networks", "home", "endpoint", "site_endpoint", "program", "select", "all",
    "value", "scopes", "expires",
}  # fmt: skip
# What a name means here and not elsewhere.
HERE = {
    ("GET", "/places", "devices"): None,  # whether they are listed
    ("POST", "/devices/{device}/commands", "series"): None,  # of the device, without its id
    ("POST", "/sites", "place"): None,  # a path of names, which is made
}
NOWHERE = {
    "devices": "nobody_1", "series": f"nobody_1/{TEMPERATURE}", "searches": 987654,
    "rules": 987654, "channels": 987654, "sites": "nowhere", "firmware": 987654,
    "rollouts": 987654, "runs": 987654, "hooks": "nowhere", "tokens": 987654, "places": 987654,
    "alerts": 987654, "channel names": "Nowhere", "search names": "Nowhere", "versions": "9.9.9",
}  # fmt: skip
# What a body must have for the id in it to be looked at, by operation.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/devices/{device}"): {"name": "mine"},
    ("POST", "/devices/{device}/commands"): {"series": "Switch/On", "value": True},
    ("POST", "/notifications/rules"): {"kind": "silent"},
    ("POST", "/notifications/rules/try"): {"kind": "silent"},
    ("PATCH", "/notifications/rules/{number}"): {"name": "mine"},
    ("PATCH", "/devices/{device}/settings"): {"settings": {"interval": 60}},
    ("PUT", "/calibrations"): {"gain": 2},
    ("POST", "/places"): {"name": "mine"},
    ("PATCH", "/places/{place}"): {"name": "mine"},
    ("POST", "/rollouts"): {"settings": {"interval": 60}},
    ("POST", "/rollouts/plan"): {"settings": {"interval": 60}},
}
QUERIES = {
    ("GET", "/devices/{device}/at"): {"instant": NOW.isoformat()},
    ("DELETE", "/readings"): {"at": NOW.isoformat()},
}


@dataclass(frozen=True)
class Case:
    """One id of one operation; `where` is path, query or body, `of` what it is the id of."""

    method: str
    path: str
    scope: str
    where: str
    name: str
    of: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.where} {self.name}"


def resolved(document: dict, schema: dict) -> dict:
    found = dict(schema)
    if "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def fields(document: dict, operation: dict) -> dict[str, dict]:
    """A JSON body's fields by name; those of Selection, which are in it, with their way."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    found = dict(resolved(document, schema).get("properties", {}))
    if "select" in found:
        inner = resolved(document, found["select"])["properties"]
        found |= {f"select.{name}": one for name, one in inner.items()}
    return found


def cases(document: dict) -> Iterator[Case]:
    """Every id of every operation that is not the command line's own."""
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            method, scope = verb.upper(), operation["x-scope"]
            if scope == "operator":
                continue  # refused whatever is in it: test_access.py
            for before, name in re.findall(r"([\w-]+)/\{(\w+)\}", path):
                yield Case(method, path, scope, "path", name, before)
            names = [("query", one["name"]) for one in operation.get("parameters", ())
                     if one["in"] == "query"]  # fmt: skip
            names += [("body", one) for one in fields(document, operation)]
            for where, name in names:
                last = name.rpartition(".")[2]
                assert last in IDS.keys() | NO_IDS, f"{method} {path}: is {name} an id? Say it here"
                of = HERE.get((method, path, name), IDS.get(last))
                if of is not None:
                    yield Case(method, path, scope, where, name, of)


@dataclass(frozen=True)
class Things:
    """By what it is: the id of one of a tenant's; those of one person alone."""

    shared: dict[str, Any]
    own: dict[str, Any]


# What the hub itself notes meanwhile: an alert that ends, messages, a channel that takes none.
NOTED_BY_ITSELF = {"notify_alert", "notify_channel"}
MADE_BY_ITSELF = {"notify_message", "notify_due"}


async def of_home(hub) -> dict[str, list[tuple]]:
    """All that home has; of what the hub changes itself how many there are."""
    found = await of_tenant(hub, "home")
    return {
        table: [(len(rows),)] if table in NOTED_BY_ITSELF else rows
        for table, rows in found.items()
        if table not in MADE_BY_ITSELF
    }


async def unchanged(hub, before: dict[str, list[tuple]]) -> None:
    after = await of_home(hub)
    for table, rows in before.items():
        assert after[table] == rows, f"{table} was changed"


async def made(client, path: str, body: dict) -> dict:
    answer = await client.post(f"/api{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def things_of(hub, client, tenant: str, device: str, mark: str) -> Things:
    """One of everything; `client` is an administrator's."""
    webhook = {"kind": "webhook", "address": "https://hooks.example.org/x"}
    search = {"where": "$.battery_mv < 1"}
    place = await made(client, "/places", {"name": f"Place {mark}"})
    channel = await made(client, "/notifications/channels", {"name": f"To {mark}", **webhook})
    rule = await made(client, "/notifications/rules", {"kind": "silent", "name": f"Rule {mark}"})
    shared = await made(client, "/searches", {"name": f"Search {mark}", "shared": True, **search})
    site = {"name": f"site-{mark}", "endpoint": "home.example.org"}
    await made(client, "/sites", site)
    token = await made(client, "/tokens", {"name": mark, "scopes": ["read"]})
    canned = canned_image(f"1.0.{len(mark)}", seed=mark)
    image = (await client.post("/api/firmware", content=canned)).json()
    rollout = await made(
        client, "/rollouts", {"version": image["version"], "select": {"devices": [device]}}
    )
    await hub.ask(
        "POST", "/hooks", params={"tenant": tenant},
        json={"name": f"hook-{mark}", "source": "github",
              "repository": "https://example.invalid/o/r.git"},
    )  # fmt: skip
    run = await client.post(f"/api/hooks/hook-{mark}/runs")
    assert run.status_code == 202, run.text
    async with store_of(hub) as store:
        await notified(store.of(tenant), f"Told {mark}", NOW)
    [alert] = (await client.get("/api/notifications")).json()
    own = {"own": True}
    mine = {
        "channels": (await made(client, "/notifications/channels",
                                {"name": f"My {mark}", **webhook, **own}))["id"],
        "rules": (await made(client, "/notifications/rules",
                             {"kind": "silent", "name": f"Mine {mark}", **own}))["id"],
        "searches": (await made(client, "/searches", {"name": f"My {mark}", **search}))["id"],
        "channel names": f"My {mark}",
        "search names": f"My {mark}",
    }  # fmt: skip
    return Things(
        {
            "devices": device, "series": f"{device}/{TEMPERATURE}", "places": place["id"],
            "channels": channel["id"], "channel names": f"To {mark}", "rules": rule["id"],
            "searches": shared["id"], "search names": f"Search {mark}",
            "sites": f"site-{mark}", "tokens": token["id"],
            "firmware": image["id"], "versions": image["version"], "rollouts": rollout["id"],
            "hooks": f"hook-{mark}", "runs": run.json()["id"], "alerts": alert["id"],
        },
        mine,
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(full) -> dict:
    async with client_of(full) as client:
        return (await client.get("/api/openapi.json")).json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beachs(full, eve) -> Things:
    return await things_of(full, eve, "beach", "b1", "of-beach")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def homes(full, ann, beachs) -> Things:
    """What home has, none of it with an id that beach has one of."""
    await full.ask("POST", "/accounts/h1", json={})
    found = await things_of(full, ann, "home", "h1", "of-home-first")
    clashes = [key for key, one in found.shared.items() if one == beachs.shared[key]]
    assert not clashes
    return found


def request(case: Case, ids: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The case's request with `ids` in its place, and one's own in others."""
    path = case.path
    for before, name in re.findall(r"([\w-]+)/\{(\w+)\}", path):
        value = ids if case.where == "path" else own
        path = path.replace(f"{{{name}}}", str(value[before]), 1)
    key = case.method, case.path
    query, body = dict(QUERIES.get(key, {})), dict(BODIES.get(key, {}))
    value = ids.get(case.of)
    if case.where == "query":
        query[case.name] = value
    elif case.where == "body":
        several = case.name.rpartition(".")[2] in {"alerts", "tell", "escalate", "devices"}
        outer, _, inner = case.name.rpartition(".")
        filled = [value] if several else (str(value) if inner == "place" and outer else value)
        if outer:
            body[outer] = {inner: filled}
        else:
            body[inner] = filled
        if inner == "escalate":
            body["escalate_after_s"] = 900
        if inner in {"image", "version"}:
            body.pop("settings", None)
            body["select"] = {"devices": ["b2"]}  # b1 is in a rollout
    sent: dict[str, Any] = {"method": case.method, "url": f"/api{path}", "params": query}
    if case.method in {"POST", "PUT", "PATCH"}:
        sent["json"] = body
    return sent


async def answered(client, case: Case, ids: dict[str, Any], own: dict[str, Any]):
    """Status and text of an answer, without the id that was asked for."""
    answer = await client.request(**request(case, ids, own))
    asked = str(ids[case.of])
    words = "|".join(re.escape(one) for one in (asked, asked.partition("/")[0]))
    text = re.sub(rf"(?<!\w)({words})(?!\w)", "X", answer.text)
    return answer.status_code, text, answer


async def test_anothers_ids_are_as_good_as_none(full, eve, ann, document, homes, beachs):
    before = await of_home(full)
    tried = set()
    for case in cases(document):
        if case.path == "/live":
            continue  # an answer without an end: test_a_stream_of_anothers
        theirs = await answered(eve, case, homes.shared, beachs.shared)
        nobodys = await answered(eve, case, NOWHERE, beachs.shared)
        told = f"{case}: {theirs[:2]}"
        assert theirs[:2] == nobodys[:2], told
        # It was the id that was looked at.
        assert theirs[0] in {200, 404} or "X" in theirs[1], told
        if case.where == "path":
            assert theirs[0] == 404, told
        tried.add((case.method, case.path))
    assert len(tried) > 40
    await unchanged(full, before)
    [alert] = (await ann.get("/api/notifications")).json()
    assert alert["acknowledged"] is None


async def test_what_is_another_persons_own_is_nobody_elses(full, rob, document, homes):
    """A reader with the ids of what an administrator has for herself, and of nothing."""
    before = await of_home(full)
    tried = 0
    for case in cases(document):
        if case.of not in homes.own or case.scope != Scope.READ:
            continue
        ids = {**homes.shared, **homes.own}
        theirs = await answered(rob, case, ids, homes.shared)
        nobodys = await answered(rob, case, NOWHERE, homes.shared)
        assert theirs[:2] == nobodys[:2], f"{case}: {theirs[:2]}"
        tried += 1
    assert tried > 10
    await unchanged(full, before)


async def test_readers_and_tokens_of_another_scope_change_nothing(
    full, rob, program, make_token, document, homes
):
    """With ids that there are: what takes another scope is refused, and what a token did that is
    revoked; nothing changes."""
    reads, gone = await make_token("read"), await make_token("admin", name="revoked")
    async with client_of(full, "ann") as ann:
        [number] = [one["id"] for one in (await ann.get("/api/tokens")).json()
                    if one["name"] == "revoked"]  # fmt: skip
        assert (await ann.delete(f"/api/tokens/{number}")).status_code == 204
    before = await of_home(full)
    # When it was used last; and that is no change by anybody.
    del before["token"]
    # Who asks is looked at before what is asked for: once an operation.
    everything = {
        (case.method, case.path): case for case in cases(document) if case.path != "/live"
    }
    assert len(everything) > 40
    async with program(gone) as revoked, program(reads) as reading:
        for case in everything.values():
            status, text, _ = await answered(revoked, case, homes.shared, homes.shared)
            assert status == 401, f"{case}: {text}"
            for client in (rob, reading) if case.scope != Scope.READ else ():
                status, text, _ = await answered(client, case, homes.shared, homes.shared)
                assert status == 403, f"{case}: {text}"
    await unchanged(full, before)


async def test_a_stream_of_anothers_says_nothing_of_them(eve, document, homes):
    """It begins as one of what nobody has does; what comes is chosen by tenant, before names."""
    [path] = {case.path for case in cases(document) if case.path == "/live"}
    names = itertools.product(("device", "series"), (homes.shared, NOWHERE))
    asked = {"device": "devices", "series": "series"}
    starts = []
    for name, ids in names:
        params = {name: ids[asked[name]]}
        async with asyncio.timeout(30), eve.stream("GET", f"/api{path}", params=params) as answer:
            starts.append((answer.status_code, answer.headers["content-type"]))
    assert len(set(starts)) == 1, starts
