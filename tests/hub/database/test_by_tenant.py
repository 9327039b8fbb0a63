"""What a database that is spread over servers by tenant would still have to change."""

from __future__ import annotations

from pathlib import Path

import psycopg

# Such a database (Citus) takes no key of a spread table without the column that it is spread by.
_KEYS_WITHOUT_TENANT = """
WITH keys AS (
    SELECT c.conrelid, c.conname::text AS name, c.conkey::int[] AS columns
    FROM pg_constraint c
    WHERE c.connamespace = 'dormouse'::regnamespace AND c.contype IN ('p', 'u', 'f', 'x')
    UNION ALL
    SELECT i.indrelid, i.indexrelid::regclass::text, i.indkey::int2[]::int[]
    FROM pg_index i
    WHERE i.indisunique AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
)
SELECT t.relname::text || '.' || k.name
FROM keys k
JOIN pg_class t ON t.oid = k.conrelid AND NOT t.relispartition
    AND t.relnamespace = 'dormouse'::regnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
WHERE NOT a.attnum = ANY (k.columns)
"""

ELSEWHERE = {
    # Found before it is known whose they are: at log-in, by a secret's hash, by an account's name.
    "broker_user.broker_user_pkey",
    "invitation.invitation_hash_key",
    "web_session.web_session_hash_key",
    "web_session.web_session_pkey",
    # Of people, who may be in several tenants: a table that is on every server.
    "membership.membership_person_id_fkey",
    "web_session.web_session_person_id_fkey",
}


async def test_keys_that_do_not_contain_the_tenant_are_known(database):
    async with await psycopg.AsyncConnection.connect(database.admin_url) as conn:
        found = {name for (name,) in await (await conn.execute(_KEYS_WITHOUT_TENANT)).fetchall()}
    # Of a history: no two values of a device at a time. A device's number is its tenant's.
    histories = {one for one in found if one.endswith("_history_excl")}
    assert found - histories == ELSEWHERE
    page = (Path(__file__).parents[3] / "docs" / "scale.md").read_text()
    for one in found - histories:
        assert f"`{one.partition('.')[2]}`" in page
    assert len(histories) == 8
