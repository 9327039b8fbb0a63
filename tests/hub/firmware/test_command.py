"""`dormouse firmware`: what a person types, on a running hub."""

from __future__ import annotations

import json
import os

import pytest

from contracts import image
from hub.firmware.check import MAX_UPLOAD
from tests.support.images import canned_image, plain_image, signing_key


@pytest.fixture
def run(hub):
    async def run(*arguments: object) -> tuple[int, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
        environment |= {"DORMOUSE_DATA_DIR": str(hub.data_dir), "COLUMNS": "200"}
        return await hub.command(*map(str, arguments), env=environment)

    return run


async def test_from_a_raw_image_to_the_list_and_away_again(hub, run, tmp_path):
    pem, raw, canned = tmp_path / "key.pem", tmp_path / "fw.bin", tmp_path / "fw.ota"
    pem.write_bytes(signing_key().pem())
    raw.write_bytes(plain_image())
    canned.write_bytes(canned_image("2.0.0", "d1", seed=2))

    status, said = await run("firmware", "add", raw, "--key", pem)
    assert (status, "name it with --version" in said) == (17, True), said
    status, said = await run(
        "firmware", "add", raw, "--key", pem, "--version", "1.0.0", "--board", "nodemcu"
    )
    assert status == 0, said
    assert f"key {signing_key().name}" in said
    # A signed one needs no key.
    status, said = await run("firmware", "add", canned, "--notes", "for [bold]d1[/bold]")
    assert status == 0, said

    status, said = await run("firmware", "list", "--json")
    newest, oldest = json.loads(said)
    assert (newest["version"], oldest["version"]) == ("2.0.0", "1.0.0")
    assert newest["notes"] == "for [bold]d1[/bold]"
    status, said = await run("firmware", "list")
    assert "for [bold]d1[/bold]" in said  # text is text, not markup
    status, said = await run("firmware", "show", "2.0.0")
    assert f"digest:    {newest['digest']}" in said
    status, said = await run("firmware", "remove", oldest["id"])
    assert (status, said) == (0, "1.0.0 for nodemcu is removed\n")
    status, said = await run("firmware", "remove", "1.0.0")
    assert (status, said.count("\n")) == (1, 1)
    assert "no image 1.0.0" in said


async def test_uploads_of_any_kind_leave_the_hub_well(hub):
    async with hub.operator() as client:

        async def endless():
            for _ in range(2 * MAX_UPLOAD // 65536):
                yield bytes(65536)

        for content, status in (
            (b"", 422),
            (bytes(1000), 422),
            (canned_image()[:-3], 422),
            (image.stamp(plain_image(), "1.2.3"), 422),
            (endless(), 413),
        ):
            answer = await client.post("/firmware", content=content)
            assert answer.status_code == status, answer.text
            assert answer.json()["detail"]
        for path, status in (
            ("/firmware/nonsense", 422),
            ("/firmware/99999999", 404),
            ("/firmware/1.2.3?tenant=nobody", 404),
        ):
            assert (await client.get(path)).status_code == status
        assert (await client.post("/firmware", content=canned_image())).status_code == 201
        assert len((await client.get("/firmware")).json()) == 1
