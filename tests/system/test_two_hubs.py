"""A second hub on another machine: refused, or a warm spare that takes over after a SIGKILL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from tests.support.hub import HubProcess, until


async def test_a_second_hub_is_refused_and_a_spare_takes_over(server, server_folder: Path):
    database = await server.clone()

    def hub(name: str, **settings: str) -> HubProcess:
        (server_folder / name).mkdir(mode=0o711)
        return HubProcess(server_folder / name, DATABASE_URL=database.admin_url, **settings)

    first, second, spare = hub("first"), hub("second"), hub("spare", STANDBY="true")
    starting = None
    try:
        await first.start()
        with pytest.raises(AssertionError, match=r"another hub works on this database: a hub on"):
            await second.start()
        assert second.process is not None
        assert await second.process.wait() == 4
        assert "Traceback" not in second.log.read_text()
        starting = asyncio.create_task(spare.start())

        async def is_standing_by() -> bool:
            return spare.log.exists() and "standing by" in spare.log.read_text()

        await until(is_standing_by)
        await first.ask("POST", "/accounts/dev", json={"password": "p" * 20})
        await first.kill()
        await starting
        assert "dev" in str(await spare.ask("GET", "/accounts"))
        # It does not come back beside it.
        with pytest.raises(AssertionError, match=rf"a hub on .*pid {spare.facts['pid']}, version"):
            await first.start()
    finally:
        for one in (first, second, spare):
            if one.process is not None and one.process.returncode is None:
                await one.kill()
        if starting is not None:
            await asyncio.gather(starting, return_exceptions=True)
        await server.drop(database.name)
        async with await psycopg.AsyncConnection.connect(server.postgres.admin_url) as conn:
            found = await conn.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)",
                [f"dormouse_hub_{database.name}"],
            )
            for (role,) in await found.fetchall():
                await conn.execute(f'DROP ROLE "{role}"')
