"""Whether a database's row-level security is the declared one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.database.database import Connection
from hub.database.roles import APP_GROUP
from hub.database.tenancy.declare import GLOBAL, TABLES
from hub.database.tenancy.policy import POLICY, expression

__all__ = ["Drift", "drift"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the database and the declaration."""

    table: str
    what: str

    def __str__(self) -> str:
        return f"{self.table}: {self.what}"


_TABLES = """
SELECT c.relname, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
       has_table_privilege(%(role)s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege(%(role)s, c.oid, 'SELECT, INSERT, UPDATE')
FROM pg_class c WHERE c.relnamespace = 'dormouse'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname"""

_POLICIES = """
SELECT tablename, policyname, permissive = 'PERMISSIVE', roles::text[], cmd, qual, with_check
FROM pg_policies WHERE schemaname = 'dormouse' ORDER BY tablename, policyname"""

_VIEWS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'dormouse'::regnamespace AND relkind IN ('v', 'm')
  AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"""

# The owner's alone, for functions that look a tenant up by its name, that search documents, and
# that know which tenants a person sees.
_OWNERS = {
    ("tenant", "directory"),
    ("device_state", "search"),
    ("membership", "directory"),
    ("invitation", "directory"),
}


async def drift(conn: Connection) -> list[Drift]:
    """Every difference, none when all is as declared. Any role that may connect can ask."""
    rows = await (await conn.execute(_TABLES, {"role": APP_GROUP})).fetchall()
    policies = await (await conn.execute(_POLICIES)).fetchall()
    differences: list[Drift] = []
    for name, partition, enabled, forced, granted in rows:
        own = [policy[1:] for policy in policies if policy[0] == name]
        if name in GLOBAL:
            continue
        if not (enabled and forced):
            differences.append(Drift(name, "row-level security is not enabled and forced"))
        if partition:
            differences += _of_partition(name, len(own), granted)
        elif name in TABLES:
            differences += _of_table(name, own)
        else:
            differences.append(Drift(name, "no path to a tenant is declared"))
    present = {row[0] for row in rows}
    differences += [Drift(name, "is missing") for name in [*TABLES, *GLOBAL] if name not in present]
    views = await (await conn.execute(_VIEWS)).fetchall()
    differences += [Drift(row[0], "a view that runs as its owner") for row in views]
    return differences


def _of_partition(name: str, policies: int, granted: bool) -> list[Drift]:
    # Asked by its own name it would bypass the policy of its parent.
    differences = [Drift(name, "a partition with a policy of its own")] if policies else []
    return differences + ([Drift(name, f"a partition granted to {APP_GROUP}")] if granted else [])


def _of_table(
    name: str, policies: list[tuple[str, bool, list[str], str, str | None, str | None]]
) -> list[Drift]:
    declared = _normal(expression(TABLES[name]).as_string())
    differences = []
    ours = False
    for policy, permissive, roles, command, using, check in policies:
        if policy == POLICY:
            ours = True
            if not (permissive and roles == ["public"] and command == "ALL"):
                differences.append(Drift(name, f"policy {policy} is for {command} to {roles}"))
            differences += [
                Drift(name, f"policy {policy} {kind} {actual or 'nothing'}")
                for kind, actual in (("USING", using), ("WITH CHECK", check))
                if _normal(actual or "") != declared
            ]
        elif (name, policy) not in _OWNERS or "public" in roles or APP_GROUP in roles:
            differences.append(Drift(name, f"policy {policy} is not declared"))
    return differences if ours else [*differences, Drift(name, f"has no policy {POLICY}")]


def _normal(condition: str) -> str:
    """A condition without what Postgres adds when it prints it back."""
    condition = re.sub(r'::text|\sAS "nullif"|dormouse\.(?!tenant\b\')|"', "", condition)
    return re.sub(r"[\s()]", "", condition).lower()
