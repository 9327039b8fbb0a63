"""Write down how tables belong to tenants: `python -m hub.models.record_tenancy`.

From the models, and from a database that is made for it and migrated with what they say.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import hub.models
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.database.tenancy import declare
from hub.database.tenancy.facts import record_of
from hub.models.tenancy import declared

__all__ = ["recorded"]

_ = hub.models  # all tables
_FILE = Path(declare.__file__).with_name(declare.FILE)


async def recorded(owner_url: str) -> str:
    """The file's text, from a migrated database."""
    return declare.to_json(declared(await record_of(owner_url, declared())))


async def _main(folder: Path) -> str:
    async with Postgres(folder / "postgres") as postgres:
        await migrate(postgres.owner_url)
        return await recorded(postgres.owner_url)


if __name__ == "__main__":
    # Migrations protect tables by what is written.
    _FILE.write_text(declare.to_json(declared()))
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        _FILE.write_text(asyncio.run(_main(Path(made))))
