"""Rollouts, firmware, settings and explanations by the API."""

from __future__ import annotations

import pytest

from tests.hub.filled import store_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


async def test_a_rollout_of_settings_from_plan_to_abort(ann, rob, eve, full):
    wanted = {"select": {"devices": ["h1"]}, "settings": {"interval": 300}}
    plan = await rob.post("/api/rollouts/plan", json=wanted)
    assert plan.status_code == 200, plan.text
    assert (plan.json()["id"], plan.json()["kind"]) == (0, "settings")
    assert [d["device"] for d in plan.json()["devices"]] == ["h1"]
    assert (await rob.get("/api/rollouts")).json() == []
    assert (await rob.post("/api/rollouts", json=wanted)).status_code == 403

    started = (await ann.post("/api/rollouts", json=wanted)).json()
    number = started["id"]
    assert (started["phase"], started["created_by"]) == ("running", "ann")
    busy = await ann.post("/api/rollouts", json=wanted)
    assert busy.status_code == 409
    assert f"h1 is in rollout {number}" in busy.json()["detail"]
    assert [r["id"] for r in (await rob.get("/api/rollouts")).json()] == [number]
    paused = await ann.post(f"/api/rollouts/{number}/pause")
    assert paused.json()["phase"] == "paused"
    assert (await ann.post(f"/api/rollouts/{number}/pause")).status_code == 409
    assert (await rob.post(f"/api/rollouts/{number}/abort")).status_code == 403
    for method, path in (
        ("GET", f"/api/rollouts/{number}"),
        ("GET", f"/api/rollouts/{number}/history"),
        ("POST", f"/api/rollouts/{number}/abort"),
    ):
        answer = await eve.request(method, path)
        nothing = await eve.request(method, path.replace(f"/{number}", "/98765"))
        assert answer.status_code == nothing.status_code, (path, answer.text, nothing.text)
        assert answer.status_code in {404, 409}
    aborted = await ann.post(f"/api/rollouts/{number}/abort")
    assert aborted.json()["phase"] in {"aborting", "aborted"}
    history = (await rob.get(f"/api/rollouts/{number}/history")).json()
    assert [event["id"] for event in history] == sorted(event["id"] for event in history)
    assert {event["device"] for event in history} <= {None, "h1"}
    later = await rob.get(f"/api/rollouts/{number}/history", params={"after": history[0]["id"]})
    assert later.json() == history[1:]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"select": {"all": True}}, 422),
        ({"select": {"devices": ["nobody_1"]}, "settings": {"interval": 1}}, 404),
        ({"select": {"devices": ["b1"]}, "settings": {"interval": 300}}, 404),
        ({"select": {"devices": ["h1"]}, "version": "9.9.9"}, 404),
        ({"select": {"devices": ["h1"]}, "settings": {"nothing": 1}}, 422),
        ({"select": {"where": "$.battery_mv <"}, "settings": {"interval": 300}}, 422),
        ({"select": {"devices": ["h1"]}, "image": 1, "settings": {"interval": 300}}, 422),
        ({"select": {"devices": ["h1"]}, "image": 1, "options": {"wave": "0%"}}, 422),
    ],
)
async def test_a_rollout_that_makes_no_sense_is_not_started(ann, full, body, status):
    before = len((await ann.get("/api/rollouts")).json())
    answer = await ann.post("/api/rollouts", json=body)
    assert answer.status_code == status, answer.text
    assert "\n" not in answer.json()["detail"]
    assert len((await ann.get("/api/rollouts")).json()) == before


async def test_settings_are_wanted_with_who_wanted_them_and_secrets_stay_hidden(ann, rob, full):
    secret = "a WiFi password 123"
    answer = await ann.patch(
        "/api/devices/h1/settings",
        json={"settings": {"interval": 600, "ssid": "Burrow", "password": secret}},
    )
    if answer.status_code == 422:  # the names of the WiFi's settings are the device's own
        assert secret not in answer.text
    wanted = await ann.patch("/api/devices/h1/settings", json={"settings": {"interval": 900}})
    assert wanted.status_code == 200, wanted.text
    shown = (await rob.get("/api/devices/h1/settings")).json()
    assert (shown["desired"]["interval"], shown["waiting"]) == (900, True)
    assert secret not in str(shown)
    assert secret not in full.log.read_text()
    for bad in ({"settings": {}}, {"settings": {"interval": -1}}, {"setings": {}}):
        assert (await ann.patch("/api/devices/h1/settings", json=bad)).status_code == 422
    body = {"settings": {"interval": 300}}
    assert (await rob.patch("/api/devices/h1/settings", json=body)).status_code == 403
    async with store_of(full) as store, store.of("home").transaction() as conn:
        rows = await conn.execute(
            "SELECT who FROM dormouse.device_config ORDER BY version DESC LIMIT 1"
        )
        assert await rows.fetchone() == ("ann",)


async def test_a_device_is_explained(rob, eve, full):
    found = (await rob.get("/api/devices/h1/explain")).json()
    assert (found["device"], bool(found["headline"]["text"])) == ("h1", True)
    assert found["headline"]["level"] in {"fine", "warning", "bad"}
    assert (await eve.get("/api/devices/h1/explain")).status_code == 404
    assert isinstance((await rob.get("/api/problems")).json(), list)
