"""Sites by API and command line: made once, whose they are, what is refused, who is told."""

from __future__ import annotations

import json
import os

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

NEW = {"name": "beach", "networks": ["192.168.57.0/24"], "endpoint": "home.example.org"}


async def test_a_site_is_made_once_and_its_private_keys_are_nowhere_else(ann, rob, eve, full):
    assert (await rob.post("/api/sites", json=NEW)).status_code == 403
    answer = await ann.post("/api/sites", json={**NEW, "place": ["Coast", "Beach house"]})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["title"], made["endpoint"]) == ("Beach house", "home.example.org:51821")
    assert (made["hub_address"], made["site_address"]) == ("10.86.0.5", "10.86.0.6")
    assert made["tunnel"]["state"] == "not known"
    private = [
        line.partition(" = ")[2]
        for one in made["files"]
        for line in one["text"].splitlines()
        if line.startswith(("PrivateKey", "PresharedKey"))
    ]
    assert len(set(private)) == 3
    listed = (await rob.get("/api/sites")).json()
    assert [one["name"] for one in listed] == ["beach"]
    shown = (await rob.get("/api/sites/beach")).text
    dump = full.log.read_text() + json.dumps(listed) + shown
    assert not any(secret in dump for secret in private)

    # Another tenant sees nothing of it, but the machine routes a network once.
    assert (await eve.get("/api/sites")).json() == []
    assert (await eve.get("/api/sites/beach")).status_code == 404
    assert (await eve.delete("/api/sites/beach")).status_code == 404
    answer = await eve.post("/api/sites", json={**NEW, "networks": ["192.168.57.128/25"]})
    assert (answer.status_code, "only one of them would work" in answer.text) == (409, True)
    assert "Beach" not in answer.text
    answer = await eve.post("/api/sites", json={**NEW, "networks": []})
    assert (answer.status_code, answer.json()["interface"]) == (201, "dm2-beach")
    assert (await eve.delete("/api/sites/beach")).status_code == 204

    for change, status, why in (
        ({}, 409, "is there already"),
        ({"name": "b", "networks": ["192.168.0.0/16"]}, 409, "192.168.57.0/24 of site beach"),
        ({"name": "b", "networks": ["10.86.4.0/24"]}, 409, "the tunnels' ends"),
        ({"name": "b", "networks": ["8.8.8.0/24"]}, 422, "not a private one"),
        ({"name": "B"}, 422, "cannot be a site's name"),
        ({"name": "b", "networks": [], "endpoint": ""}, 422, "DORMOUSE_SITE_HOST"),
        ({"name": "b", "networks": [], "endpoint": "a\nb"}, 422, "cannot be where the home"),
        (
            {"name": "b", "networks": ["192.168.60.0/24"], "home": ["192.168.60.0/25"]},
            409,
            "only one",
        ),
    ):
        answer = await ann.post("/api/sites", json={**NEW, **change})
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert [one["name"] for one in (await ann.get("/api/sites")).json()] == ["beach"]
    assert (await ann.delete("/api/sites/beach")).status_code == 204
    assert (await ann.delete("/api/sites/beach")).status_code == 404


async def test_the_command_line_writes_files_that_nobody_else_reads(full, tmp_path):
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(full.data_dir)}

    async def run(*words):
        return await full.command("site", *words, env=env)

    new = ("add", "hut", "--network", "192.168.59.0/24", "--endpoint", "192.0.2.7", "--qr")
    status, text = await run(*new, "--out", str(tmp_path), "--place", "Hut")
    assert (status, "▄" in text) == (0, True), text
    wrote = {one.name: one for one in tmp_path.iterdir()}
    assert sorted(wrote) == ["dm-hut.conf", "dm1-hut.conf", "hut-openwrt.uci"]
    assert {one.stat().st_mode & 0o777 for one in wrote.values()} == {0o600}
    status, text = await run("show", "hut")
    assert (status, "192.168.59.0/24" in text, "not known" in text) == (0, True, True), text
    status, text = await run("list", "--json")
    assert (status, json.loads(text)[0]["title"]) == (0, "Hut")
    status, text = await run("remove", "hut")
    assert (status, "wg-quick@dm1-hut" in text) == (0, True)
    # Files that are there are not replaced, and what has no files is not kept.
    status, text = await run(*new, "--out", str(tmp_path))
    assert (status, "the site was not added" in text) == (1, True), text
    assert await run("list", "--json") == (0, "[]\n")
    # Nor are some of its files: one that is there already leaves the others unwritten.
    for one in wrote.values():
        one.unlink()
    (tmp_path / "hut-openwrt.uci").write_text("mine")
    status, text = await run(*new, "--out", str(tmp_path))
    assert (status, "hut-openwrt.uci: File exists" in text) == (1, True), text
    assert [one.read_text() for one in tmp_path.iterdir()] == ["mine"]
    status, text = await run(*new, "--out", str(tmp_path / "none"))
    assert (status, "no folder" in text) == (2, True), text
