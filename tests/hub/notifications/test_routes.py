"""Rules, channels and inbox by API and command line; whose they are, and that no secret is told."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from tests.hub.filled import store_of
from tests.hub.ingest.test_ingest import NOW
from tests.hub.notifications.filled import notified

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

HOOK = "https://hooks.example.org/T0PSECRET/inbound"


async def names(client, what):
    return [one["name"] for one in (await client.get(f"/api/notifications/{what}")).json()]


async def post(client, path, body):
    answer = await client.post(f"/api/notifications/{path}", json=body)
    return answer.status_code, answer.json()


async def test_channels_keep_their_secrets(ann, rob, eve, program, make_token):
    hook = {"name": "Ops", "kind": "webhook", "address": HOOK, "quiet_from": "22:00",
            "quiet_until": "07:00"}  # fmt: skip
    assert (await post(rob, "channels", hook))[0] == 403
    async with program(await make_token("read", "write")) as writing:
        assert (await post(writing, "channels", hook))[0] == 403
        status, refused = await post(writing, "channels", {**hook, "own": True})
        assert (status, "nly a person has" in refused["detail"]) == (403, True), refused
    status, made = await post(ann, "channels", hook)
    assert (status, made["shown"]) == (201, "webhook at hooks.example.org")
    secret = made["signing_secret"]
    assert secret.startswith("whsec_")
    assert (await post(ann, "channels", hook))[0] == 409
    # One's own are nobody else's to see, whatever they may do.
    assert (await post(rob, "channels", {**hook, "own": True}))[0] == 201
    assert await names(rob, "channels") == ["Ops", "Ops"]
    assert (await names(ann, "channels"), await names(eve, "channels")) == (["Ops"], [])
    for address, why in (
        ("http://192.168.1.9/hook", "no public address"),
        ("http://[::1]/hook", "no public address"),
        ("ftp://example.org", "begins with https"),
    ):
        status, refused = await post(ann, "channels", {**hook, "name": "x", "address": address})
        assert (status, why in refused["detail"]) == (422, True), refused
    told = [await ann.get(path) for path in (
        "/api/notifications/channels", f"/api/notifications/channels/{made['id']}/messages",
        "/api/notifications", "/api/notifications/rules", "/api/doctor",
    )]  # fmt: skip
    assert not any("T0PSECRET" in one.text or secret in one.text for one in told)
    number = f"/api/notifications/channels/{made['id']}"
    assert (await rob.delete(number)).status_code == 403
    assert (await eve.delete(number)).status_code == 404
    half = await ann.put(f"{number}/hours", json={"quiet_from": "22:00"})
    assert (half.status_code, "go together" in half.text) == (422, True)
    set_ = await ann.put(f"{number}/hours", json={"digest_at": "07:30", "weekends": True})
    assert (set_.json()["quiet_from"], set_.json()["digest_at"]) == (None, "07:30:00")


async def test_rules_are_sentences_and_are_tried(ann, rob, eve):
    status, rule = await post(ann, "rules", {"sentence": "h1 above 22 degrees for 1 h"})
    assert (status, rule["sentence"]) == (201, "h1: temperature above 22 °C for 1 h")
    # From 20 °C on it rises by 0.01 °C every ten minutes: since 22 °C it is above, once.
    tried = (await rob.get(f"/api/notifications/rules/{rule['id']}/try")).json()
    assert (tried["said"], len(tried["times"])) == (
        "would have told you once in the last 30 days", 1,
    )  # fmt: skip
    status, tried = await post(rob, "rules/try", {"sentence": "h1 silent"})
    # There is a hole of 20 readings in it.
    assert (status, len(tried["times"])) == (200, 1)
    assert (await post(rob, "rules", {"sentence": "silent"}))[0] == 403
    status, own = await post(rob, "rules", {"sentence": "silent", "own": True, "tell": ["Ops"]})
    assert (status, own["own"], own["tell"]) == (201, True, ["Ops"])
    assert await names(ann, "rules") == ["h1: temperature above 22 °C for 1 h"]
    assert len(await names(rob, "rules")) == 2
    assert (await ann.delete(f"/api/notifications/rules/{own['id']}")).status_code == 404
    for client, body, why in (
        (eve, {"sentence": "disk nearly full"}, "hub's machine"),
        (eve, {"sentence": "h1 silent"}, "no place and no device"),
        (ann, {"kind": "value"}, "needs the characteristic"),
        (ann, {"kind": "silent", "place": 999999}, "no place 999999"),
        (ann, {"kind": "channel"}, "say what it is about"),
    ):
        status, refused = await post(client, "rules", body)
        assert (status, why in refused["detail"]) == (422, True), refused
    late = {"sentence": "h1 above 22 degrees between 22:00 and 6:00", "tell": ["Ops"]}
    for escalation, why in (
        ({"escalate": ["Ops"], "escalate_after_s": 900}, "another channel"),
        ({"escalate_after_s": 900}, "go together"),
        ({"options": {"hours_from": "22:00"}}, "go together"),
    ):
        status, refused = await post(ann, "rules", {**late, **escalation})
        assert (status, why in str(refused["detail"])) == (422, True), refused
    off = {"enabled": False, "tell": ["Ops"], "options": {**rule["options"], "above": 30}}
    changed = await ann.patch(f"/api/notifications/rules/{rule['id']}", json=off)
    assert (changed.json()["enabled"], changed.json()["tell"]) == (False, ["Ops"])
    assert changed.json()["sentence"].endswith("above 30 °C for 1 h")


async def test_the_inbox_is_acknowledged(full, ann, rob, eve):
    async with store_of(full) as store:
        await notified(store.of("beach"), "Boat", NOW)
    [entry] = (await eve.get("/api/notifications")).json()
    assert (entry["name"], entry["acknowledged"]) == ("Boat", None)
    assert (await post_ack(rob, entry)).status_code == 404
    assert (await post_ack(eve, entry)).status_code == 204
    [entry] = (await eve.get("/api/notifications", params={"open": "true"})).json()
    assert entry["acknowledged_by"] == "eve"


async def test_a_channel_is_tried_so_often_and_no_more(rob):
    hook = {"name": "Tried", "kind": "webhook", "address": HOOK, "own": True}
    number = (await post(rob, "channels", hook))[1]["id"]
    tries = [rob.post(f"/api/notifications/channels/{number}/test") for _ in range(16)]
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    # A slow run is given some more than the first five.
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 5
    sent = (await rob.get(f"/api/notifications/channels/{number}/messages")).json()
    assert len(sent) == statuses.count(200)


async def post_ack(client, entry):
    body = {"alerts": [entry["id"]]}
    return await client.post("/api/notifications/acknowledge", json=body)


async def test_the_command_line(full, tmp_path, receiver):
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(full.data_dir)}

    async def notify(*words):
        return await full.command("notify", *words, env=env)

    # On the hub's own machine an address of this house may be named; it is no argument.
    (tmp_path / "address").write_text(f"ntfy://{receiver.host}/t0psecret\n")
    where = ("--address-file", str(tmp_path / "address"))
    status, text = await notify("channels", "add", "Phone", *where, "--quiet", "22:00-07:00")
    assert (status, "t0psecret" in text) == (0, False), text
    assert await notify("test", "Phone") == (0, "sent\n")
    assert [one.said["topic"] for one in receiver.got] == ["t0psecret"]
    status, text = await notify("channels", "--json")
    [phone] = [one for one in json.loads(text) if one["name"] == "Phone"]
    assert phone["quiet_until"] == "07:00:00"
    status, text = await notify("add", "h1 below 3 degrees for 20 min", "--tell", "Phone")
    assert (status, "tells Phone\nit would have told you nothing" in text) == (0, True), text
    status, text = await notify("rules", "--json")
    assert "h1: temperature below 3 °C for 20 min" in [one["sentence"] for one in json.loads(text)]
    status, text = await notify("remove", "h1: temperature below 3 °C for 20 min")
    assert (status, text.startswith("rule ")) == (0, True)
    assert await notify("channels", "remove", "Phone") == (0, f"channel {phone['id']} is removed\n")
    assert (await notify("inbox"))[0] == 0
