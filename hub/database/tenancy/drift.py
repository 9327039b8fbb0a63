"""Whether a database keeps tenants apart as it is declared to: every difference, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg import sql

from hub.database.database import Connection
from hub.database.queries import Queries
from hub.database.questions import Question, Questions, answered
from hub.database.tenancy.conditions import same
from hub.database.tenancy.declaration import Declaration, TableName
from hub.database.tenancy.declare import DECLARATION
from hub.database.tenancy.facts import OUR_POLICIES, asked_for_facts
from hub.database.tenancy.policy import Policy, table_identifier
from hub.database.tenancy.protection import Protection, protect, protection
from hub.database.tenancy.triggers import TenantTrigger

__all__ = ["Drift", "asked_for_protections", "drift", "protection_differences"]

_QUERIES = Queries.of("hub.database.tenancy")

_SETTINGS = ("session_replication_role", "row_security", "role", "session_preload_libraries",
             "local_preload_libraries")  # fmt: skip
"""What decides, where a role or a database has it set, whose rows are seen or what code runs."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the database and the declaration."""

    table: str
    what: str

    def __str__(self) -> str:
        return f"{self.table}: {self.what}"


async def drift(conn: Connection, declaration: Declaration = DECLARATION) -> list[Drift]:
    """Every difference, none when all is as declared; any role that may connect can ask.

    A clause that was written by hand is compared by Postgres itself, in a temporary table, where
    it is not the same to the letter: a role that may make none is told so as a difference.
    """
    return await answered(_differences(declaration), conn)


def _differences(declaration: Declaration) -> Questions[list[Drift]]:
    yield Question(_QUERIES["set_search_path"], {"path": "pg_catalog"})
    present, partitions = yield from asked_for_protections(declaration.schemas)
    found: list[Drift] = []
    expected = {one.table: protection(one, declaration.setting) for one in declaration.tables}
    for name in sorted(present.keys() | expected.keys() | declaration.shared.keys()):
        if name not in present:
            found.append(Drift(str(name), "is missing"))
            continue
        # A partition that is asked by its own name would bypass the policy of its parent, so it
        # has none; nor has a table that all share, unless one is declared.
        wanted = expected.get(name, Protection(name))
        if name in declaration.shared and name not in expected:
            wanted = replace(wanted, enabled=present[name].enabled, forced=present[name].forced)
        found += yield from protection_differences(wanted, present)
        if name not in {*partitions, *expected, *declaration.shared}:
            found.append(Drift(str(name), "no path to a tenant is declared"))
    facts = yield from asked_for_facts(declaration)
    found += _facts(facts, declaration, expected)
    roles = yield Question(
        _QUERIES["roles"], {"roles": list(declaration.roles), "schemas": declaration.schemas}
    )
    found += [Drift(f"role {role}", what) for role, what in roles]
    names = [*declaration.setting.names, *_SETTINGS]
    settings = yield Question(
        _QUERIES["settings"], {"names": names, "roles": list(declaration.roles)}
    )
    found += [Drift(f"{role} in {database}", f"has {what}") for role, database, what in settings]
    if len(declaration.schemas) > 1:
        return found
    schema = f"{declaration.schemas[0]}."
    return [Drift(one.table.removeprefix(schema), one.what) for one in found]


def asked_for_protections(
    schemas: list[str],
) -> Questions[tuple[dict[TableName, Protection], set[TableName]]]:
    """How each table is protected, and which are partitions; with pg_catalog as search path."""
    tables = yield Question(_QUERIES["tables"], {"schemas": schemas})
    rows = yield Question(_QUERIES["policies"], {"schemas": schemas})
    made = yield Question(_QUERIES["triggers"], {"schemas": schemas})
    policies: dict[TableName, list[Policy]] = {}
    for schema, table, name, permissive, roles, command, using, check in rows:
        if name in OUR_POLICIES:
            policy = Policy(name, command, using, check, tuple(roles), permissive)
            policies.setdefault(TableName(schema, table), []).append(policy)
    triggers: dict[TableName, list[TenantTrigger]] = {}
    for on_schema, on, name, text, enabled, schema, function, body, definer, settings in made:
        trigger = TenantTrigger(
            TableName(on_schema, on), name, TableName(schema, function), body,
            # As they are made by us; whatever else they are is a difference.
            text + ("" if enabled == "O" else " (not enabled as usual)")
            + ("" if settings == ["search_path=pg_catalog, pg_temp"] else f" ({settings})")
            + (" (as its owner)" if definer else ""),
        )  # fmt: skip
        triggers.setdefault(TableName(on_schema, on), []).append(trigger)
    return {
        TableName(schema, table): Protection(
            TableName(schema, table),
            tuple(policies.get(TableName(schema, table), ())),
            tuple(triggers.get(TableName(schema, table), ())),
            enabled,
            forced,
        )
        for schema, table, _, enabled, forced in tables
    }, {TableName(row[0], row[1]) for row in tables if row[2]}


def protection_differences(
    wanted: Protection, present: Mapping[TableName, Protection]
) -> Questions[list[Drift]]:
    """How a table that is there is protected otherwise than wanted."""
    name, there = str(wanted.table), present[wanted.table]
    found = []
    if (wanted.enabled, wanted.forced) != (there.enabled, there.forced):
        found.append(Drift(name, "row-level security is not enabled and forced"))
    actual = {policy.name: policy for policy in there.policies}
    for policy in wanted.policies:
        if policy.name not in actual:
            found.append(Drift(name, f"has no policy {policy.name}"))
            continue
        found += yield from _of_policy(wanted, policy, actual.pop(policy.name))
    found += [Drift(name, f"policy {policy} is not declared") for policy in actual]
    return found + [one for trigger in wanted.triggers for one in _of_trigger(trigger, present)]


def _of_trigger(wanted: TenantTrigger, present: Mapping[TableName, Protection]) -> list[Drift]:
    name = str(wanted.table)
    on = present.get(wanted.table, Protection(wanted.table))
    there = next((one for one in on.triggers if one.name == wanted.name), None)
    if there is None:
        return [Drift(name, f"has no trigger {wanted.name}")]
    if not same(there.definition, wanted.definition):
        return [Drift(name, f"trigger {wanted.name} is {there.definition}")]
    if there.body != wanted.body:
        return [Drift(name, f"the function of trigger {wanted.name} is another")]
    return []


def _of_policy(wanted: Protection, policy: Policy, there: Policy) -> Questions[list[Drift]]:
    name, found = str(wanted.table), []
    if (there.roles, there.command, there.permissive) != (
        policy.roles, policy.command, policy.permissive
    ):  # fmt: skip
        kind = "" if there.permissive else "restrictive "
        roles = ", ".join(there.roles)
        found.append(Drift(name, f"policy {policy.name} is {kind}for {there.command} to {roles}"))
    pairs = (("USING", policy.using, there.using), ("WITH CHECK", policy.check, there.check))
    differing = [(kind, actual) for kind, text, actual in pairs if not same(text, actual)]
    if differing:
        canonical = yield from _canonical(wanted, policy)
        differing = [
            (kind, actual)
            for (kind, _, actual), text in zip(pairs, canonical, strict=True)
            if not same(text, actual)
        ]
    found += [
        Drift(name, f"policy {policy.name} {kind} {actual or 'nothing'}")
        for kind, actual in differing
    ]
    return found


def _canonical(wanted: Protection, policy: Policy) -> Questions[tuple[str | None, str | None]]:
    """The policy's conditions as Postgres prints them; as they are where it cannot be asked."""
    table = table_identifier(wanted.table)
    may = yield Question(_QUERIES["may_compare"], {"table": table.as_string()})
    if not may[0][0]:
        return policy.using, policy.check
    # By the same name, which stands in the conditions; last in the path, so that a sub-select
    # from that name has the real one.
    copy = TableName("pg_temp", wanted.table.table)
    path = sql.SQL("{}, pg_temp").format(sql.Identifier(wanted.table.schema)).as_string()
    query = _QUERIES["compared_table"].format(name=sql.Identifier(*copy), table=table)
    yield Question(query)
    yield Question(_QUERIES["set_search_path"], {"path": path})
    statements = protect(Protection(copy, (policy,)))
    failed = False
    for statement in statements:
        # A column that it names may not be there.
        answer = yield Question(statement, may_fail=True)
        failed = failed or answer is None
    yield Question(_QUERIES["set_search_path"], {"path": "pg_catalog"})
    rows = yield Question(
        _QUERIES["compared_expression"], {"table": sql.Identifier(*copy).as_string()}
    )
    yield Question(_QUERIES["drop_compared"].format(name=sql.Identifier(*copy)))
    return (policy.using, policy.check) if failed else rows[0]


def _facts(
    facts: set[str], declaration: Declaration, expected: dict[TableName, Protection]
) -> list[Drift]:
    """Facts that are not declared, and declared ones that are none.

    What is made from the declaration is compared with that instead.
    """
    allowed = set(declaration.allowed)
    made = {str(trigger.function) for one in expected.values() for trigger in one.triggers}
    found = [(line, True) for line in facts - allowed] + [(line, False) for line in allowed - facts]
    differences = []
    for line, there in sorted(found):
        what, _, fact = line.partition(": ")
        if there and any(f"{function}()" in line.replace('"', "") for function in made):
            continue
        text = f"{fact}, which is not declared" if there else f"no longer so: {fact}"
        differences.append(Drift(what, text))
    return differences
