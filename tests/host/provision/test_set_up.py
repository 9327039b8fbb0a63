"""Devices of a file set up for good: over their prompts, with a hub that lets nobody enrol."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.portal_network import network_name
from host import boards, keys
from host.provision import plan
from host.provision.errors import EndpointRefusedError, NotHeardError
from host.provision.hub import LocalHub
from host.provision.plan import HubEndpoint, ProvisioningPlan, Wifi
from host.provision.repl import Repl
from tests.host.provision.files import COMMON, HUB, KEY
from tests.support.hub import HubProcess

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def closed_hub(short_tmp, empty_hub):
    """A hub that lets nobody enrol: only accounts made beforehand get in."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    process = HubProcess(short_tmp / "data", ENROLMENT="closed")
    await process.start()
    yield process
    await process.stop()


async def provision(hub: HubProcess, *arguments: str) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    return await hub.command(
        "provision", *arguments, env={**environment, "DORMOUSE_DATA_DIR": str(hub.data_dir)}
    )


async def test_a_hub_that_shuts_out_or_hears_nothing(closed_hub):
    def ask() -> None:
        with LocalHub.find(closed_hub.data_dir) as hub:
            assert hub.is_at(HubEndpoint(**hub.addresses[0].model_dump() | {"host": "localhost"}))
            assert not hub.is_at(HUB)
            first = hub.admit("esp8266_0000000a", "")
            again = hub.admit("esp8266_0000000a", first)
            assert len(first) == len(again) == 32
            assert first != again
            heard = iter(("wifi: [Errno 5] EIO\n", "broker: OSError 113\n"))
            with pytest.raises(
                NotHeardError, match=r"within 0\.2 s; it said 'broker: OSError 113'"
            ):
                hub.first_report("esp8266_0000000a", None, 0.2, lambda: next(heard, ""))
            hub._client.post("/accounts/esp8266_0000000a/disable")
            with pytest.raises(
                EndpointRefusedError, match="dormouse devices enable esp8266_0000000a"
            ):
                hub.admit("esp8266_0000000a", "")

    await asyncio.to_thread(ask)


async def test_a_wrong_password_in_a_file_leaves_the_device_as_it_was(
    make_prompt_board, closed_hub, written
):
    board = await make_prompt_board()
    text = COMMON.replace(KEY, "not the password")
    path = written(f"{text}[devices.a]\nboard = 'nodemcu'\nserial = '{board.port}'\n")
    status, said = await provision(closed_hub, "--file", str(path))
    assert status == 60
    assert "dormouse: a: the device does not join 'house': the password is wrong" in said
    assert "not the password" not in said
    assert not (board.flash / "settings.json").exists()
    assert (await closed_hub.status())["devices"] == []


async def test_the_firmware_takes_what_a_plan_allows(make_prompt_board):
    longest = ProvisioningPlan(
        board="nodemcu",
        wifi=Wifi(ssid="📶" * 8, key="a" * 64),
        hub=HubEndpoint(host=f"{'h' * 58}.local", port=65535, enrol_port=65535),
        name="🐿" * 64,
        place="ü" * 64,
        model="m" * 32,
        interval=2592000,
        ota_key="0123456789abcdef",
        plain=True,
    )
    settings = plan.settings(longest, boards.get("nodemcu"))
    # It goes on joining until its deadline, so that it is awake when it is asked.
    wifi = {"ssid": "📶" * 8, "key": "a" * 64, "associate_ms": 600_000}
    board = await make_prompt_board(settings=settings, wifi=wifi)

    def ask() -> list[str]:
        with Repl(board.port) as repl:
            return repl.evaluate(
                "import json\nfrom dormouse import settings\n"
                "print(json.dumps([settings.load().invalid, settings.load().name]))"
            )

    # The settings were written as Python's json writes them: a character as two halves.
    assert await asyncio.to_thread(ask) == [[], "🐿" * 64]


async def test_two_devices_get_in_where_nobody_may_enrol(
    make_prompt_board, closed_hub, written, tmp_path
):
    key = keys.new(tmp_path / "ota.pem", 1024)
    kitchen = await make_prompt_board(onewire_pin=4)
    # This one brings a password of its own and gets the firmware as well.
    lamp = await make_prompt_board(installed=False)
    (lamp.flash / "password").write_text("0123456789abcdef" * 2)
    text = f"""
{COMMON}
[devices.kitchen]
board = "nodemcu"
serial = "{kitchen.port}"
id = "{kitchen.id}"
interval = 60
sensors = [{{ driver = "ds18b20", pin = "D2" }}]
[devices.lamp]
board = "sonoff-basic"
serial = "{lamp.port}"
firmware = true
switch = true
"""
    path = written(text)
    signed = ("--key", str(tmp_path / "ota.pem"), "--plain")
    status, said = await provision(closed_hub, "--file", str(path), *signed)
    assert status == 0, said
    assert f"{kitchen.id} is set up and reports to the hub" in said
    assert "TemperatureSensor CurrentTemperature: 20.5" in said
    assert f"{lamp.id} is set up and reports to the hub" in said
    assert f"its own network, if you hold its button: {network_name(kitchen.id)}, password" in said
    assert KEY not in said
    assert (lamp.flash / "password").read_text() == "0123456789abcdef" * 2
    assert (lamp.flash / "dormouse" / "sensors" / "ds18b20.mpy").exists()
    heard = {one["id"]: one for one in (await closed_hub.status())["devices"]}
    assert heard[lamp.id]["report"]["board"] == "sonoff-basic"

    # Once more, the wrong device on the port: it stays as it is, the other is set up anew.
    before = (kitchen.flash / "settings.json").read_text()
    path.write_text(text.replace(f'id = "{kitchen.id}"', 'id = "esp8266_00000000"'))
    kitchen.heard.clear()
    again = asyncio.create_task(provision(closed_hub, "--file", str(path)))
    async with asyncio.timeout(60):
        while not kitchen.heard:
            await asyncio.sleep(0.01)
    kitchen.press_reset()
    status, said = await again
    assert status == 60, said
    assert f"kitchen: {kitchen.port} has {kitchen.id}, not esp8266_00000000" in said
    assert "1 of 2 devices are not set up" in said
    assert (kitchen.flash / "settings.json").read_text() == before
    assert f"{lamp.id} is set up and reports to the hub" in said
    assert json.loads(before)["interval"] == 60
    # Whose updates they take was said the first time.
    for board in (kitchen, lamp):
        settings = json.loads((board.flash / "settings.json").read_text())
        assert (settings["ota_key"], settings["plain"]) == (key.name, True)


def test_without_a_terminal_there_are_no_questions(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "host", "provision"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 68
    assert done.stderr == (
        "dormouse: Questions need a terminal: describe the devices in a file and name it with "
        "--file\n"
    )
