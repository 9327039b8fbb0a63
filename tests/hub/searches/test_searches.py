"""Saved searches and attributes: by API and command line; whose they are."""

from __future__ import annotations

import json
import os

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


async def names(client, **params):
    return [one["name"] for one in (await client.get("/api/searches", params=params)).json()]


async def found(client, name):
    answer = await client.get("/api/devices", params={"search": name})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()]


async def test_attributes_are_noted_and_found_by_a_saved_search(ann, rob):
    change = {"attributes": {"room": "attic", "cells": [{"mv": 1500}], "spare": None}}
    answer = await ann.patch("/api/devices/h1", json=change)
    assert answer.json()["attributes"] == {"room": "attic", "cells": [{"mv": 1500}]}
    [last] = (await rob.get("/api/devices/h1/history", params={"limit": 1})).json()
    assert (last["property"], last["after"]["room"], last["who"]) == ("attributes", "attic", "ann")
    refused = await ann.patch("/api/devices/h1", json={"attributes": {"a": "x" * 9000}})
    assert (refused.status_code, "8192 at most" in refused.text) == (422, True)
    assert (await rob.patch("/api/devices/h1", json=change)).status_code == 403

    new = {"name": "In the attic", "where": '$.room == "attic"'}
    saved = await rob.post("/api/searches", json=new)
    assert (saved.status_code, saved.json()["shared"]) == (201, False)
    assert await found(rob, "In the attic") == ["h1"]
    both = {"search": "In the attic", "where": "$.battery_mv > 9000"}
    assert (await rob.get("/api/devices", params=both)).json() == []
    # It is rob's own: for ann it is not there.
    assert await names(ann) == []
    assert (await ann.delete(f"/api/searches/{saved.json()['id']}")).status_code == 404
    answer = await ann.get("/api/devices", params={"search": "In the attic"})
    assert (answer.status_code, "no saved search" in answer.text) == (404, True)
    assert (await rob.post("/api/searches", json=new)).status_code == 409
    assert (await rob.delete(f"/api/searches/{saved.json()['id']}")).status_code == 204
    assert await names(rob) == []


async def test_everybodys_are_for_who_may_change_things(ann, rob, eve, program, make_token):
    new = {"name": "Low", "where": "$.battery_mv < 2950", "shared": True}
    assert (await rob.post("/api/searches", json=new)).status_code == 403
    shared = (await ann.post("/api/searches", json=new)).json()
    own = (await rob.post("/api/searches", json={**new, "where": "$.a", "shared": False})).json()
    assert await names(rob) == ["Low", "Low"]
    assert await found(ann, "Low") == ["h1"]
    assert await found(rob, "Low") == []  # one's own goes before
    assert (await rob.delete(f"/api/searches/{shared['id']}")).status_code == 403
    assert await names(eve) == []
    assert (await eve.delete(f"/api/searches/{shared['id']}")).status_code == 404
    async with program(await make_token("read")) as reading:
        assert await found(reading, "Low") == ["h1"]
        answer = await reading.post("/api/searches", json={"name": "x", "where": "$.a"})
        assert (answer.status_code, "Only a person" in answer.text) == (422, True)
    unreadable = await ann.post("/api/searches", json={"name": "x", "where": "$.a <"})
    assert (unreadable.status_code, "character" in unreadable.text) == (422, True)
    for client, one in ((ann, shared), (rob, own)):
        assert (await client.delete(f"/api/searches/{one['id']}")).status_code == 204


async def test_the_command_line_notes_and_searches(full):
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(full.data_dir)}

    async def run(*words):
        return await full.command(*words, env=env)

    noted = await run("devices", "attributes", "h2", "shelf=3", "note=by the door", "x=NaN")
    assert noted == (0, "note=by the door\nshelf=3\nx=NaN\n")
    status, text = await run("devices", "attributes", "h2", "--remove", "x", "--json")
    assert (status, json.loads(text)) == (0, {"note": "by the door", "shelf": 3})
    status, text = await run("search", "add", "Shelf 3", "$.shelf == 3")
    assert (status, text.startswith("search ")) == (0, True)
    number = text.split()[1].rstrip(":")
    assert await run("search", "run", "Shelf 3") == (0, "h2\t\n")
    status, text = await run("search", "list", "--json")
    assert [(one["name"], one["where"]) for one in json.loads(text)] == [
        ("Shelf 3", "$.shelf == 3")
    ]
    assert await run("search", "remove", number) == (0, f"search {number} is removed\n")
    status, text = await run("search", "run", "Shelf 3")
    assert (status != 0, "no saved search 'Shelf 3'" in text) == (True, True)
