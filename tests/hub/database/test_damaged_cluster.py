"""Small files of the cluster that were cut off, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.database.errors import PostgresFailedError
from hub.database.postgres import Postgres
from tests.support.postgres import FAST


async def test_what_can_be_made_anew_is_and_the_rest_is_one_line(
    server_folder: Path, tmp_path: Path
):
    postgres = Postgres(server_folder / tmp_path.name, tuning=FAST)
    async with postgres:
        pass
    data = postgres.folder / "cluster" / "data"
    secrets = postgres.folder / "secrets"

    for content in (b"", b"\x00\xff\n"):
        (data / "postmaster.pid").write_bytes(content)
        for role in ("hub", "owner"):
            (secrets / f"dormouse_{role}.password").write_bytes(content)
        async with postgres:
            assert postgres.pid is not None

    version = (data / "PG_VERSION").read_bytes()
    for content in (b"", b"\xff\xfe"):
        (data / "PG_VERSION").write_bytes(content)
        with pytest.raises(PostgresFailedError, match=r"PG_VERSION is damaged: write \d+ into it"):
            await postgres.start()
    (data / "PG_VERSION").write_bytes(version)

    password = secrets / "dormouse_admin.password"
    whole = password.read_bytes()
    password.write_bytes(whole[:7])
    with pytest.raises(PostgresFailedError, match="put the file of before in its place") as refused:
        await postgres.start()
    assert "\n" not in str(refused.value)
    password.write_bytes(whole)
    async with postgres:
        assert postgres.pid is not None
