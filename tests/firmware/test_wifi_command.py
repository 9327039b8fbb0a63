"""`dormouse config set --wifi`: a sleeping device moves, or comes back and says so."""

from __future__ import annotations

import json
import os

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.support.broker import until as soon
from tests.support.hub import until

KEY = "rosebud 1941"


async def test_a_device_moves_when_it_is_told_and_comes_back_when_it_cannot(
    hub, make_twin, tmp_path
):
    own = {name: value for name, value in os.environ.items() if not name.startswith("DORMOUSE_")}
    own["DORMOUSE_DATA_DIR"] = str(hub.data_dir)
    secret = tmp_path / "key"
    secret.write_text(KEY + "\n")
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(hub.facts), interval=3)
    await twin.start()

    async def config(*arguments: str) -> dict:
        status, said = await hub.command("config", *arguments, "--json", env=own)
        assert status == 0, said
        assert KEY not in said
        return json.loads(said)

    async def heard() -> bool:
        return any(one["report"] for one in (await hub.status())["devices"])

    async def taken_up() -> dict | None:
        found = await config("show", twin.id)
        return None if found["waiting"] else found

    wanted = ("set", twin.id, "--wifi-key-file", str(secret), "--wifi")
    trial = twin.flash / "wifi.json"
    await until(heard, limit_s=60)
    await config(*wanted, "upstairs")
    await soon(trial.exists, within=30)
    twin.change_world(wifi={"ssid": "upstairs", "key": KEY, "bssid": "020000000002"})
    found = await until(taken_up, limit_s=60, every_s=1)
    assert not found["problem"]
    settings = json.loads((twin.flash / "settings.json").read_text())
    assert (settings["ssid"], settings["key"]) == ("upstairs", KEY)

    await config(*wanted, "cellar")
    found = await until(taken_up, limit_s=60, every_s=1)
    assert found["problem"] == "wifi cellar: the hub was not reached over it"
    settings = json.loads((twin.flash / "settings.json").read_text())
    assert (settings["ssid"], settings["config"]) == ("upstairs", found["version"])
    assert not trial.exists()
    assert twin.statistics.failures == 0
