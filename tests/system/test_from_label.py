"""From a board on a cable and its label, by phone alone, to the first chart: touches counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re

import httpx
from playwright.async_api import expect

from tests.firmware.portal import OURS
from tests.host.label.test_label import understood
from tests.hub.people.joined import client_of, join, url_of
from tests.support.air import air
from tests.support.browser import browser_of, captive_browser
from tests.support.hub import PLAIN, until

SSID, KEY = "Café 📶", "rosebud 1941"
PATIENCE_MS = 90_000
PHONE = {"width": 390, "height": 844}


class Hand:
    """A person's: what they tap, and what they type."""

    def __init__(self) -> None:
        self.taps: list[str] = []
        self.typed: list[str] = []

    async def tap(self, what: str, locator) -> None:
        self.taps.append(what)
        await locator.click(timeout=PATIENCE_MS)

    async def type(self, what: str, locator, text: str) -> None:
        self.typed.append(what)
        await locator.fill(text)


async def portal_of(board) -> int:
    """The port of its portal, once that answers; 0 before."""
    path = board.folder / "ports.json"
    if not path.exists():
        return 0
    port = json.loads(path.read_text())["80"]
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=5, verify=PLAIN) as client:
            head = {"Host": OURS}
            answer = await client.get(f"http://127.0.0.1:{port}/favicon.ico", headers=head)
            return port if answer.status_code == 404 else 0
    return 0


async def test_only_the_wifi_password_is_typed(hub, make_prompt_board, tmp_path):
    await join(hub, "ann", "home", "administrator")
    hand = Hand()
    async with air() as medium:
        medium.heard.add(hub.facts["name"].partition(".")[0].encode())
        medium.broker = hub.facts["mqtt_port"]
        board = await make_prompt_board(
            wifi={"ssid": SSID, "key": KEY, "others": [{"ssid": "guests", "security": 0}]},
            net={"mdns": medium.port},
            onewire_pin=14,
        )
        # What `make flash` ends with, too: the label of the device on the cable.
        await until(lambda: portal_of(board))
        (board.folder / "ports.json").unlink()
        status, said = await hub.command(
            "label", "--port", board.port,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        )  # fmt: skip
        assert status == 0, said
        (text,) = [line for line in said.splitlines() if line.startswith("WIFI:")]
        port = await until(lambda: portal_of(board))

        # The phone's camera reads the code; what it then joins is what is on the air.
        hand.taps.append("the camera's offer to join")
        scanned = understood(text)
        on_air = json.loads((board.folder / "sdk.json").read_text())["point"]
        assert (scanned["S"], scanned["P"]) == (on_air["ssid"], on_air["key"])
        assert scanned["T"] == "WPA"
        assert on_air["security"] == 3

        async with captive_browser(str(tmp_path / "profile"), port) as phone:
            page = phone.pages[0]
            await page.goto("http://captive.apple.com/hotspot-detect.html")
            await hand.tap("our WiFi", page.get_by_label(SSID))
            await hand.type("its password", page.get_by_role("textbox", name="Password"), KEY)
            await hand.tap("Join", page.get_by_role("button", name="Join"))
            done = page.locator("#done").or_(page.locator("#problem"))
            await expect(done).to_contain_text(hub.facts["name"], timeout=PATIENCE_MS)
            await expect(done).to_have_id("done")

        assert await until(lambda: hub.value(board.id, "CurrentTemperature")) == 20.5
        async with browser_of() as browser, client_of(hub, "ann") as known:
            context = await browser.new_context(base_url=url_of(hub), viewport=PHONE)
            await context.add_cookies(
                [{"name": c.name, "value": c.value, "url": url_of(hub)} for c in known.cookies.jar]
            )
            page = await context.new_page()
            # The hub's own page, which was open on the phone before.
            await page.goto("/")
            await hand.tap("the new device", page.locator(f"a[data-device={board.id}]"))
            await page.wait_for_url(f"**/devices/{board.id}*", timeout=PATIENCE_MS)
            chart = page.get_by_role("img", name="Temperature").first
            await chart.wait_for(timeout=PATIENCE_MS)
            await expect(chart).to_have_attribute("aria-label", re.compile(r"20\.5"))
            await context.close()

    settings = board.settings
    assert (settings["ssid"], settings["key"]) == (SSID, KEY)
    assert (settings["host"], settings["port"]) == (hub.facts["name"], hub.facts["mqtt_port"])
    assert [entry["driver"] for entry in settings["sensors"]] == ["bme280", "ds18b20"]
    assert hand.typed == ["its password"]
    assert hand.taps == ["the camera's offer to join", "our WiFi", "Join", "the new device"]
    await asyncio.wait_for(board.asleep(), 60)
