"""What else decides who sees which row, as lines: grants, functions, views, foreign keys, triggers.

A line is an object and what is so of it, `dormouse.device: SELECT granted to dormouse_app`. Those
that are as they should be are recorded once and kept beside the migrations.
"""

from __future__ import annotations

from typing import Any

import psycopg

from hub.database.database import Connection
from hub.database.queries import Queries
from hub.database.questions import Question, Questions, answered
from hub.database.tenancy import elsewhere
from hub.database.tenancy.declaration import Declaration
from hub.database.tenancy.policy import POLICY

__all__ = ["OUR_POLICIES", "asked_for_facts", "record", "record_of"]

OUR_POLICIES = [POLICY, *(f"{POLICY}_{one}" for one in ("select", "insert", "update", "delete"))]
"""Names that are for policies made from the declaration."""

_QUERIES = Queries.of("hub.database.tenancy")

_FACTS = (
    "facts_of_grants", "facts_of_column_grants", "facts_of_schemas", "facts_of_functions",
    "facts_of_function_grants", "facts_of_relations", "facts_of_policies",
    "facts_of_operators",
)  # fmt: skip


async def record(conn: Connection, declaration: Declaration) -> tuple[str, ...]:
    """The lines of a database that is as it should be, for `Declaration.allowed`."""

    def asked() -> Questions[tuple[str, ...]]:
        yield Question(_QUERIES["set_search_path"], {"path": "pg_catalog"})
        return tuple(sorted((yield from asked_for_facts(declaration))))

    return await answered(asked(), conn)


async def record_of(owner_url: str, declaration: Declaration) -> tuple[str, ...]:
    """The same of a database by its owner's address, with a month to store readings in."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        # A month of readings has no grants and keys of its own; with one it is seen.
        await conn.execute("SELECT dormouse.ensure_partitions_ahead(1)")
        return await record(conn, declaration)


def asked_for_facts(declaration: Declaration) -> Questions[set[str]]:
    """The lines of a database, with nothing but pg_catalog in the search path."""
    parameters: dict[str, Any] = {
        "schemas": declaration.schemas, "ours": OUR_POLICIES, "roles": list(declaration.roles)
    }  # fmt: skip
    found: set[str] = set()
    outside = (elsewhere.FACTS[name] for name in elsewhere.FACTS)
    for query in (*(_QUERIES[name] for name in _FACTS), *outside):
        rows = yield Question(query, parameters)
        found.update(f"{what}: {' '.join(fact.split())}" for what, fact in rows)
    return found
