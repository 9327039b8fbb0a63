"""Which schema a database has, and which release of Dormouse ran on it last.

The schema's comment says the latter ("Dormouse 0.2.0, schema 0032"): whoever may migrate may write
it, every release can read it, and it is not among the rows that a backup compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from hub.database.errors import SchemaNewerError
from hub.database.migrate import head, steps
from hub.database.queries import Queries

__all__ = ["SchemaRelease", "read_release", "record_release", "refuse_newer"]

_QUERIES = Queries.of("hub.database")
_COMMENT = re.compile(r"Dormouse (\S{1,40}), schema ([0-9]{4})")


@dataclass(frozen=True, slots=True)
class SchemaRelease:
    """A database's `revision`, None without a schema of ours, and the `release` that ran last.

    `ran` is the schema of that release; it differs from `revision` after an upgrade that was
    interrupted. Both are None where no release has said so yet.
    """

    revision: str | None
    release: str | None = None
    ran: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether an upgrade has done some of its steps and not all."""
        return self.ran is not None and self.ran != self.revision


async def read_release(conn: psycopg.AsyncConnection[Any]) -> SchemaRelease:
    """What a database says of itself."""
    row = await (await conn.execute(_QUERIES["version_table"])).fetchone()
    if row is None or row[0] is None:
        return SchemaRelease(None)
    row = await (await conn.execute(_QUERIES["version"])).fetchone()
    revision = str(row[0]) if row else None
    row = await (await conn.execute(_QUERIES["schema_comment"])).fetchone()
    told = _COMMENT.fullmatch(str(row[0])) if row else None
    return SchemaRelease(revision, told[1], told[2]) if told else SchemaRelease(revision)


async def record_release(owner_url: str, release: str, revision: str) -> None:
    """Say in the database that a release, whose schema is `revision`, runs on it."""
    text = f"Dormouse {release}, schema {revision}"
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        await conn.execute(sql.SQL("COMMENT ON SCHEMA dormouse IS {}").format(sql.Literal(text)))


def refuse_newer(found: SchemaRelease, this: str) -> None:
    """Raises SchemaNewerError for a schema that this version (`this`) has no steps to."""
    if found.revision is not None and found.revision not in steps():
        raise SchemaNewerError(found.revision, head(), needs=found.release, this=this)
