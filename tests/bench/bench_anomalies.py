"""What watching series for oddities takes of the hub's processor.

`anomalies.learn_ms`, `anomalies.look_ms`: processor time to learn what is usual of one series (29
days in hours, 7 days of readings every 5 minutes) and to judge its last day, reading from Postgres
included. `anomalies.share_100_percent`: of a core, for 100 devices of 3 series each while somebody
looks: learnt once a day, judged every 15 minutes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from psycopg.conninfo import make_conninfo

from contracts.reading import SeriesKey
from hub.anomalies.watch import AnomalyWatch
from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from tests.bench.report import note, report
from tests.hub.anomalies.ordinary import series
from tests.hub.anomalies.stored import store_series

SERIES, DAYS = 12, 31
HUNDRED = 300  # series of a hundred devices


async def run() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="dm", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = Postgres(folder / "postgres")
        async with postgres:
            await migrate(make_conninfo(postgres.owner_url))
            async with Database(postgres.app_url) as store:
                await _measure(store)


async def _measure(store: Database) -> None:
    note(f"storing {SERIES} series of {DAYS} days")
    for number in range(SERIES):
        kind = ("indoor", "outdoor", "humidity", "pressure")[number % 4]
        key = SeriesKey(f"d{number}", "TemperatureSensor", 0, "CurrentTemperature")
        await store_series(store, "home", key, series(kind, number, DAYS))
    watch = AnomalyWatch(store)
    took = []
    for _ in range(2):  # first it learns and looks, then it only looks
        watch._looked.clear()
        began = time.process_time()
        for number in range(SERIES):
            await watch.device("home", f"d{number}")
        took.append((time.process_time() - began) / SERIES * 1000)
    await watch.stop()
    learn, look = took[0] - took[1], took[1]
    report("anomalies.learn_ms", learn, "ms")
    report("anomalies.look_ms", look, "ms")
    share = HUNDRED * (look / 900 + learn / 86_400) / 10
    report("anomalies.share_100_percent", share, "%", "<= 1")
