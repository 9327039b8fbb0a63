"""The pages that things are done with, by axe-core: in both sizes, light and dark."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from tests.hub.people.joined import client_of
from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.images import canned_image

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = ("/access", "/add", "/places", "/updates", "/updates/new", "/updates/1", "/homekit")
SAID = {
    "AccessoryInformation__Name": "Larder",
    "HumiditySensor__StatusLowBattery": "0",
    "TemperatureSensor__CurrentTemperature": "7.5",
}
REPORT = {"firmware": "1.0.0", "board": "nodemcu", "boot": "00000001", "seq": 1,
          "battery_mv": 3000, "next_wake_s": 300}  # fmt: skip
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)])
async def test_no_serious_findings(web, open_browser, phone: bool, dark: bool):
    async with device(web, f"larder_{int(phone)}", **SAID) as one:
        await one.send(f"HomeKit/{one.device}/$report", json.dumps(REPORT).encode(), tag=99)
        await one.drain()
        where = {"path": ["House", "Larder"]}
        await web.ask("PUT", f"/devices/{one.device}/place", json=where)
        async with client_of(web, "ann") as client:
            await client.post("/api/firmware", content=canned_image("2.0.0"))
        if not phone:
            rollout = {"select": {"all": True}, "version": "2.0.0"}
            await web.ask("POST", "/rollouts", json=rollout)
        found = {}
        async with open_browser("ann", phone=phone, dark=dark) as page:
            for path in PAGES:
                await page.goto(path)
                await page.wait_for_function("window.did_handshake")
                await page.locator("h1").wait_for()
                await picture(page, f"axe{path.replace('/', '-')}-{phone=}-{dark=}")
                await page.evaluate(AXE)
                told = await page.evaluate("axe.run()")
                found[path] = [
                    (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"]][:3])
                    for one in told["violations"]
                    if one["impact"] in {"serious", "critical"}
                ]
        assert {path: told for path, told in found.items() if told} == {}
