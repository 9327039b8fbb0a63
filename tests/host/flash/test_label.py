"""What `dormouse flash` ends with: the label of the device that it has just written."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from contracts import image
from host import keys
from host.label.store import LabelStore
from tests.host.label.test_label import understood
from tests.support.rom_chip import Chip
from tests.support.rom_loader import blank

BOOTS = b"\nboot: reason 4, app 0\n"


@pytest.fixture
def ours(kit, tmp_path, monkeypatch):
    """An application with our firmware in it, as MicroPython names frozen modules."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    names = b"_boot.py\0dormouse/__init__.py\0dormouse/identity.py\0main.py\0"
    application = image.stamp(
        image.build_application(bytes(5000) + names), "1.2.3", "nodemcu", keys.load(kit.key)
    )
    (tmp_path / "ours.bin").write_bytes(application)
    return dataclasses.replace(kit, application=tmp_path / "ours.bin")


async def test_the_label_is_of_the_network_that_the_portal_then_opens(
    ours, plugged_in, make_prompt_board
):
    board = await make_prompt_board()
    line = plugged_in(Chip(blank(1 << 20)), boots=lambda: BOOTS, prompt=board.port)
    arguments = ("--port", line.port, "--board", "nodemcu", "--watch", "1")
    said = await asyncio.to_thread(ours.flash, *arguments)
    assert said.status == 0, said.output
    (text,) = [one for one in said.output.splitlines() if one.startswith("WIFI:")]
    fields = understood(text)
    assert f"WiFi {fields['S']}" in said.output
    assert said.output.splitlines()[-1].endswith("dormouse label --output labels.pdf")
    assert [label.text for label in LabelStore().all()] == [text]

    # It has restarted, and its portal is what the label says.
    def point() -> dict:
        path = board.folder / "sdk.json"
        return json.loads(path.read_text()).get("point", {}) if path.exists() else {}

    async with asyncio.timeout(60):
        while point().get("ssid") != fields["S"]:
            await asyncio.sleep(0.05)
    assert point()["key"] == fields["P"]
    assert board.id == LabelStore().all()[0].device


def test_firmware_that_is_not_ours_has_none(kit, plugged_in):
    line = plugged_in(Chip(blank(1 << 20)), boots=lambda: BOOTS)
    said = kit.flash("--port", line.port, "--board", "nodemcu", "--watch", "1")
    assert said.status == 0, said.output
    assert "no label: no Dormouse firmware is in this image" in said.output


def test_a_board_that_shows_no_prompt_is_flashed_all_the_same(ours, plugged_in, monkeypatch):
    monkeypatch.setattr("host.flash.cli._PROMPT_S", 1.0)
    line = plugged_in(Chip(blank(1 << 20)), boots=lambda: BOOTS)
    arguments = ("--port", line.port, "--board", "nodemcu", "--watch", "1")
    said = ours.flash(*arguments)
    assert said.status == 0, said.output
    assert f"with the board running: dormouse label --port {line.port}" in said.output
    assert LabelStore().all() == []
    said = ours.flash(*arguments, "--no-label")
    assert "no label" not in said.output
