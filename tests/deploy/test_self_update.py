"""The hub brought to another version by a push, and back by itself, with whole hubs of both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sysconfig

import httpx
import pytest

from hub.database.migrate import head
from hub.self_update.model import UpdatePhase
from hub.self_update.versions import Versions
from tests.releases.keep import READINGS_OF, TEMPERATURE
from tests.releases.next_release import REVISION, migration
from tests.support.git_host import git_host
from tests.support.hub import ROOT, HubProcess, rows, until
from tests.support.ports import claimed_port
from tests.support.publisher import Publisher

# s: two versions are started, each with a backup that is restored beside, and doctors.
LIMIT_S = 600
# What `python3 -m venv` and pip make of a release, from this tree and what lies in the repository:
# a program bin/python that finds its modules beside it.
INSTALL = f"""
set -e
mkdir -p version/bin version/tree
cp -a {ROOT}/contracts {ROOT}/hub version/tree/
for one in host firmware partitions partitions.csv deploy; do ln -s {ROOT}/$one version/tree/; done
cp VERSION version/tree/
test ! -e step.py || cp step.py version/tree/hub/database/migrations/versions/v{REVISION}_drawers.py
cat > version/bin/python <<'EOF'
#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
export PYTHONPATH=$here/tree:{sysconfig.get_path("purelib")} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$@"
EOF
chmod 755 version/bin/python
sh ./spoil.sh
"""
# It says that readings cannot be taken.
UNHEALTHY = (
    "sed -i 's/^        takes = database == .*/        takes = False/' "
    "version/tree/hub/web/health.py"
)


@pytest.fixture
def host(short_tmp):
    with git_host(short_tmp / "git") as found:
        yield found


@pytest.fixture
async def kept(short_tmp, empty_hub):
    """A hub that may update itself, watched for 6 s."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    # The versions that follow one another are to be found at the same ports.
    ports = {f"{name}_PORT": str(claimed_port()) for name in ("HTTP", "MQTT", "ENROL")}
    process = HubProcess(short_tmp / "data", kept=True, SELF_UPDATE_WATCH="0.1", **ports)
    await process.start()
    try:
        yield process
    finally:
        if process.process is not None and process.process.returncode is None:
            await process.stop(60)


class Pusher:
    """Pushes versions of the hub to the repository that a hook of the hub follows."""

    def __init__(self, hub: HubProcess, host) -> None:
        self.hub, self.host, self.copy = hub, host, host.make("hub")

    async def hook(self) -> None:
        steps = [
            {"kind": "test", "command": "sh ./check.sh"},
            {"kind": "install", "command": "sh ./install.sh", "file": "version"},
            {"kind": "update"},
        ]
        new = {
            "name": "hub", "source": "github", "repository": f"{self.host.url}/hub.git",
            "branch": "main", "chain": {"steps": steps},
        }  # fmt: skip
        made = await self.hub.ask("POST", "/hooks", json=new)
        url = f"http://127.0.0.1:{self.hub.facts['http_port']}/hook/hub"
        self.host.calls("hub", url, made["secret"])

    async def push(self, version: str, **files: str) -> str:
        named = {name.replace("_", "."): text for name, text in files.items()}
        usual = {"install.sh": INSTALL, "check.sh": "true", "spoil.sh": "true"}
        whole = {**usual, "VERSION": f"{version}\n", **named}
        return await asyncio.to_thread(self.host.push, self.copy, whole)

    async def ended(self, commit: str) -> dict:
        """The run of a commit, once it is over; the hub may be away meanwhile."""

        async def over():
            with contextlib.suppress(httpx.HTTPError):
                for run in await self.hub.ask("GET", "/hooks/runs"):
                    if run["commit"] == commit and run["state"] in {"passed", "failed"}:
                        return run
            return None

        return await until(over, LIMIT_S, 0.2)

    async def release(self) -> str:
        return (await self.hub.ask("GET", "/update"))["release"]


async def until_tried(pusher: Pusher, commit: str) -> None:
    """Until the version of a commit is tried; its run is not to fail before."""

    async def tried() -> bool:
        state = Versions(pusher.hub.data_dir).state()
        if state.phase is UpdatePhase.TRIAL and state.running.startswith(commit[:12]):
            return True
        with contextlib.suppress(httpx.HTTPError):
            for run in await pusher.hub.ask("GET", "/hooks/runs"):
                assert run["commit"] != commit or run["state"] != "failed", run
        return False

    await until(tried, LIMIT_S, 0.1)


@pytest.mark.timeout(2400)  # six starts of a hub
async def test_a_healthy_version_stays_and_a_failing_or_killed_one_does_not(kept, host):
    pusher = Pusher(kept, host)
    await pusher.hook()

    # All is well, although its keeper is killed while it is tried.
    good = await pusher.push("9.3.0", check_sh="true", spoil_sh="true")
    await until_tried(pusher, good)
    await kept.kill()
    await kept.start()
    passed = await pusher.ended(good)
    assert passed["state"] == "passed", str(passed)
    assert (
        passed["steps"][-1]["text"] == "Dormouse 9.3.0 runs, and was healthy while it was watched"
    )
    assert await pusher.release() == "9.3.0"
    [version] = [path.name for path in (kept.data_dir / "versions").iterdir() if path.is_dir()
                 and not path.is_symlink()]  # fmt: skip
    assert (kept.data_dir / "versions" / "current").readlink().name == version

    # Its tests fail: nothing is switched.
    bad = await pusher.push("9.1.0", check_sh="echo two is not three; exit 3")
    failed = await pusher.ended(bad)
    assert failed["reason"] == "test: ended with status 3: two is not three"
    assert (await pusher.release(), Versions(kept.data_dir).state().running) == ("9.3.0", version)

    # It cannot even be imported: it is not taken.
    bad = await pusher.push(
        "9.2.0", check_sh="true", spoil_sh="echo nonsense >> version/tree/hub/app.py"
    )
    failed = await pusher.ended(bad)
    assert "install: version: it does not run: NameError" in failed["reason"]

    # It ends while it is watched: the one before runs on.
    killed = await pusher.push("9.4.0", check_sh="true", spoil_sh="true")
    await until_tried(pusher, killed)

    async def tried() -> int | None:
        with contextlib.suppress(OSError, ValueError, httpx.HTTPError):
            if await pusher.release() == "9.4.0":
                return json.loads((kept.data_dir / "hub.json").read_text())["pid"]
        return None

    os.kill(await until(tried, LIMIT_S), signal.SIGKILL)
    failed = await pusher.ended(killed)
    assert failed["reason"] == (
        "update: Dormouse 9.4.0 ended with status 137 while it was watched: gone back"
    )
    assert await pusher.release() == "9.3.0"
    # A restart of the machine changes nothing of that.
    assert await kept.stop(60) == 0
    await kept.start()
    assert await pusher.release() == "9.3.0"


@pytest.mark.timeout(2400)  # four starts of a hub
async def test_an_unhealthy_version_is_gone_back_from_with_its_database(kept, host):
    pusher = Pusher(kept, host)
    await pusher.hook()
    await kept.ask("POST", "/notifications/rules", json={"sentence": "hook failed", "tell": []})
    before = await pusher.release()
    device = Publisher("esp8266_0000001a", kept.facts["mqtt_port"], kept.facts["enrol_port"])
    await device.enrol()

    async def measured(count: int) -> None:
        for _ in range(count):
            await device.batch(1, TEMPERATURE, lambda seq: 10 + seq / 128)
        await device.drain()

        async def stored() -> bool:
            found = await rows(kept, READINGS_OF, device.device)
            return found == [(device.seq, 10 + device.seq / 128)]

        await until(stored)

    await measured(3)
    await device.close()
    bad = await pusher.push("9.5.0", step_py=migration(), spoil_sh=UNHEALTHY)

    await until_tried(pusher, bad)

    async def migrated() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return await pusher.release() == "9.5.0"
        return False

    await until(migrated, LIMIT_S)
    # What comes while it is tried is in its database alone.
    await device.connect()
    await measured(4)
    await device.close()
    failed = await pusher.ended(bad)
    assert failed["reason"].startswith(
        "update: Dormouse 9.5.0 is not healthy: /healthz answers 503: gone back; readings of home "
        "that came meanwhile are there again; the database with them is kept as dormouse_2"
    )
    assert await pusher.release() == before
    assert await rows(kept, "SELECT version_num FROM dormouse.alembic_version") == [(head(),)]
    assert await rows(kept, READINGS_OF, device.device) == [(7, 10 + 7 / 128)]

    async def inbox():
        return await kept.ask("GET", "/notifications", params={"open": "true"})

    [alert] = await until(inbox)
    assert "9.5.0 is not healthy" in alert["text"]
