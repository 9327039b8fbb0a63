"""From this release to the next and back, with whole hubs of both."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from contracts.resources import release
from hub.database.upgrades.upgrading import FOLDER, upgrade_backups
from tests.releases.keep import READINGS_OF, TEMPERATURE
from tests.releases.next_release import REVISION, VERSION, next_release
from tests.support.hub import ROOT, HubProcess, rows, until
from tests.support.publisher import Publisher


def dormouse(hub: HubProcess, *arguments: str, tree: Path = ROOT):
    """A command of a version on the hub's folder."""
    ports = {f"DORMOUSE_{n}_PORT": "0" for n in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")}
    return subprocess.run(
        [sys.executable, "-m", "host", *arguments, "--data-dir", hub.data_dir],
        cwd=tree, env={"PATH": "/usr/bin:/bin:/usr/sbin", "PYTHONPATH": str(tree), **ports},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


async def measure(hub: HubProcess, device: Publisher, count: int) -> None:
    for _ in range(count):
        await device.batch(1, TEMPERATURE, lambda seq: 10 + seq / 128)
    await device.drain()

    async def stored() -> bool:
        return await rows(hub, READINGS_OF, device.device) == [(device.seq, 10 + device.seq / 128)]

    await until(stored)


async def test_up_and_back_again(hub, tmp_path):
    newer_tree = next_release(tmp_path / "next")
    device = Publisher("esp8266_0000001a", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    await measure(hub, device, 3)
    await device.close()
    assert await hub.stop() == 0
    ports = {name: str(hub.facts[name.lower()]) for name in ("MQTT_PORT", "ENROL_PORT")}

    newer = HubProcess(hub.data_dir, tree=newer_tree, **ports)
    await newer.start()
    [made] = upgrade_backups(hub.data_dir / FOLDER)
    assert f"a backup of the database is made before its upgrade: {made.file}" in (
        newer.log.read_text()
    )
    await device.connect()
    await measure(newer, device, 4)
    await device.close()
    assert await rows(newer, "SELECT DISTINCT drawer FROM dormouse.device") == [(7,)]
    assert await newer.stop() == 0

    # The release of before says in one line what it takes.
    refused = dormouse(hub, "hub")
    assert refused.returncode == 6
    [line] = [
        one for one in refused.stderr.splitlines() if "Traceback" not in one and "schema" in one
    ]
    assert f"has schema {REVISION}, which needs Dormouse {VERSION} or newer" in line
    assert "Traceback" not in refused.stderr

    would = dormouse(hub, "hub", "downgrade", "--dry-run")
    assert f"would go back from schema {REVISION} to {made.revision}" in would.stdout, would.stderr
    done = dormouse(hub, "hub", "downgrade")
    assert done.returncode == 0, done.stderr
    assert "the database that was is kept as dormouse_2" in done.stdout
    [again] = re.findall(r"dormouse (hub import .* --yes)", done.stdout)
    assert "4 readings of home since then" in done.stdout

    await hub.start()
    assert await rows(hub, READINGS_OF, device.device) == [(3, 10 + 3 / 128)]
    taken = dormouse(hub, *again.split())
    assert taken.returncode == 0, taken.stderr
    assert await rows(hub, READINGS_OF, device.device) == [(7, 10 + 7 / 128)]
    assert release() != VERSION
