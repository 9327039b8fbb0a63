"""Readings asked of a real standby: what it shows, how old it says it is, when it is not asked."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from hub.database.replica.errors import ReplicaUnfitError
from hub.database.start import running
from hub.settings import Settings
from tests.support.broker import owner
from tests.support.hub import HubProcess, until
from tests.support.mqtt311 import Client
from tests.support.replicated import Pair, replicated

DEVICE = "esp8266_f100d000"
NAME = "TemperatureSensor/CurrentTemperature"
HOURS = 80
MOST_LAG = 60


@pytest.fixture
async def pair(server_folder: Path):
    folder = Path(tempfile.mkdtemp(prefix="pair", dir=server_folder))
    folder.chmod(0o711)
    account = owner()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    async with replicated(folder) as both:
        yield both


class Asker:
    """Asks the hub for the device's readings, and sends some."""

    def __init__(self, hub: HubProcess, client: Client) -> None:
        self.hub, self.client, self.sent = hub, client, 0

    async def send(self, *ages: float) -> None:
        """Readings of these ages (s), numbered; returns when the hub has acknowledged them."""
        readings = [[self.sent + n, age, NAME, self.sent + n] for n, age in enumerate(ages, 1)]
        self.sent += len(ages)
        said = {"boot": "0011aabb", "up": 400 * 3600.0, "lost": 0, "readings": readings}
        await self.client.publish(f"HomeKit/{DEVICE}/$batch", json.dumps(said))
        await until(lambda: self._acknowledged(self.sent))

    async def _acknowledged(self, number: int) -> bool:
        said = [json.loads(one) for topic, one, _ in self.client.got if topic.endswith("$ack")]
        return max((one["seq"] for one in said), default=0) >= number

    async def ask(self, resolution: str = "raw") -> tuple[dict, dict]:
        """The answer and its headers."""
        query = f"series={DEVICE}/{NAME}&resolution={resolution}&zone=Europe/Berlin"
        since = (datetime.now(UTC) - timedelta(days=5)).strftime("%Y-%m-%dT00:00:00Z")
        async with self.hub.operator() as client:
            answer = await client.get(f"/readings?{query}&since={since}")
        answer.raise_for_status()
        return answer.json(), dict(answer.headers)

    async def newest(self) -> tuple[float, float | None]:
        """The newest value, as it was measured, and how old the answer says it is."""
        answer, headers = await self.ask()
        assert ("dormouse-age" in headers) == (answer["age_s"] is not None)
        return answer["series"][0]["points"][-1][2], answer["age_s"]


async def backends(pair: Pair) -> int:
    """Sessions of the hub at the standby."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dormouse reads'"
    async with await psycopg.AsyncConnection.connect(pair.standby_url) as conn:
        row = await (await conn.execute(query)).fetchone()
    return row[0] if row else 0


async def test_a_standby_is_asked_says_its_age_and_is_left_when_it_lags_or_is_away(
    pair: Pair, server_folder: Path
):
    (server_folder / "hub").mkdir(mode=0o711)
    hub = HubProcess(
        server_folder / "hub",
        DATABASE_URL=pair.url,
        DATABASE_READ_URL=pair.standby_url,
        DATABASE_READ_LAG=str(MOST_LAG),
    )
    await hub.start()
    try:
        password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
        port = hub.facts["mqtt_port"]
        client = await Client.let_in("127.0.0.1", port, DEVICE, DEVICE, password)
        await client.subscribe(f"HomeKit/{DEVICE}/#")
        asker = Asker(hub, client)
        await asker.send(*(hour * 3600.0 for hour in range(HOURS, 0, -1)))
        await until(lambda: backends(pair))
        primary_days, _ = await asker.ask("daily")

        # What it lacks is not shown, and it says since when.
        async def asked_there() -> bool:
            return "the standby is read from" in hub.log.read_text()

        await until(asked_there)
        await pair.pause_replay()
        shown = asker.sent
        await asker.send(0.0)

        async def older() -> float | None:
            value, age = await asker.newest()
            assert value in {shown, asker.sent}
            return age if value == shown else None

        age = await until(older)
        assert 2.5 <= age <= MOST_LAG

        # Bins of days that nobody asked for are worked out there, which writes nothing there.
        days, headers = await asker.ask("daily")
        assert headers.get("dormouse-age")
        hours, _ = await asker.ask("hourly")
        assert sum(one[1] for one in hours["series"][0]["points"]) == shown
        assert [one[:3] for one in days["series"][0]["points"]][:2] == [
            one[:3] for one in primary_days["series"][0]["points"]
        ][:2]

        # What somebody has just changed is there at once: the primary is asked.
        calibration = {"series": f"{DEVICE}/{NAME}", "gain": 2.0}
        await hub.ask("PUT", "/calibrations", json=calibration)
        answer, headers = await asker.ask()
        _, value, raw = answer["series"][0]["points"][-1]
        assert (value, raw, answer["age_s"]) == (2.0 * asker.sent, asker.sent, None)

        # It catches up, and is asked again: the next pause shows in its answers.
        await pair.resume_replay()
        caught_up = hub.log.read_text().count("the standby is read from")

        async def there_again() -> bool:
            await pair.pause_replay()
            shown_now = asker.sent
            await asker.send(0.0)
            for _ in range(100):  # an age is told from some seconds on
                value, age = await asker.newest()
                if age is not None:
                    return value == shown_now
                await asyncio.sleep(0.05)
            await pair.resume_replay()
            await asyncio.sleep(3)  # the hub looks once a second how far it is
            return False

        await until(there_again)
        assert caught_up >= 1

        # It dies: nobody sees that but the log.
        await pair.kill_standby()
        value, age = await asker.newest()
        assert (value, age) == (asker.sent, None)
        await client.close()
    finally:
        assert await hub.stop() == 0


async def test_what_is_no_standby_of_the_server_is_refused(
    pair: Pair, server_folder: Path, database
):
    (server_folder / "own").mkdir()

    async def refused(url: str) -> str:
        settings = Settings(
            data_dir=server_folder / "own", database_url=pair.url, database_read_url=url
        )
        with pytest.raises(ReplicaUnfitError) as error:
            async with running(settings):
                pass
        return str(error.value)

    assert "takes writes" in await refused(pair.primary_url)
    assert "leads to the database postgres" in await refused(
        pair.standby_url.replace("/dormouse", "/postgres")
    )
    settings = Settings(
        data_dir=server_folder / "own",
        database_url=pair.url,
        database_read_url=f"{pair.url.partition('?')[0]}?target_session_attrs=prefer-standby",
    )
    async with running(settings) as found:
        assert found.replica is not None
