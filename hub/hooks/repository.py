"""Hooks and their runs in the database, behind their tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.hooks.errors import (
    HookNameTakenError,
    HookUnknownError,
    RepeatedDeliveryError,
    RunUnknownError,
    TooManyHooksError,
)
from hub.hooks.model import (
    Hook,
    HookChain,
    HookChange,
    HookRun,
    NewHook,
    RunState,
    RunStep,
    StepKind,
    StepState,
    steps_of,
)
from hub.hooks.sources import HookSource

__all__ = ["HookRepository", "HookSecret"]

_QUERIES = Queries.of("hub.hooks")
_MOST = 100
# Runs of a hook that are remembered.
_KEEP = 200


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What proves a delivery to a hook."""

    tenant: str
    hook: int
    source: HookSource
    branch: str
    secret: str = field(repr=False)


class HookRepository:
    """The hooks of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def all(self) -> list[Hook]:
        """By name."""
        return [_hook(row) for row in await self._rows("hooks", None)]

    async def named(self, which: str) -> Hook:
        """By name, or by number. Raises HookUnknownError."""
        found = await self.all()
        for hook in (*[h for h in found if h.name == which], *found):
            if hook.name == which or str(hook.id) == which:
                return hook
        raise HookUnknownError(which)

    async def secrets(self) -> dict[str, HookSecret]:
        """By name, what proves deliveries."""
        return {
            row["name"]: HookSecret(
                self._database.tenant, row["id"], HookSource(row["source"]), row["branch"],
                row["secret"],
            )
            for row in await self._rows("secrets", None)
        }  # fmt: skip

    async def status_token(self, hook: int) -> str:
        """What the host's API lets in; empty: nothing is told there."""
        rows = await self._rows("status_token", [hook])
        return str(rows[0]["status_token"]) if rows else ""

    async def add(self, new: NewHook, secret: str, by: str) -> int:
        """Keep a new one; its number. Raises HookNameTakenError, TooManyHooksError."""
        facts = {
            "name": new.name, "source": new.source, "repository": new.repository,
            "branch": new.branch, "chain": Jsonb(new.chain.model_dump(mode="json")),
            "tells": bool(new.status_token), "by": by,
        }  # fmt: skip
        try:
            with typed():
                async with self._database.transaction() as conn:
                    await conn.execute(_QUERIES["hold_hooks"])
                    if await _number(conn, "count_hooks", None) >= _MOST:
                        raise TooManyHooksError
                    hook = await _number(conn, "add_hook", facts)
                    secrets = {"hook": hook, "secret": secret, "token": new.status_token}
                    await conn.execute(_QUERIES["add_secret"], secrets)
        except DuplicateNameError:
            raise HookNameTakenError(new.name) from None
        return hook

    async def change_hook(self, hook: int, change: HookChange, secret: str | None) -> None:
        """Change what is not None, with a new `secret` where there is one."""
        chain, token = change.chain, change.status_token
        facts = {
            "hook": hook, "repository": change.repository, "branch": change.branch,
            "chain": Jsonb(chain.model_dump(mode="json")) if chain is not None else None,
            "tells": None if token is None else bool(token),
            "secret": secret, "token": token,
        }  # fmt: skip
        with typed():
            async with self._database.transaction() as conn:
                await conn.execute(_QUERIES["change_hook"], facts)
                await conn.execute(_QUERIES["change_secret"], facts)

    async def remove(self, hook: int) -> None:
        """Forget it with its runs."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["remove_hook"], [hook])

    async def note(self, hook: int, digest: bytes, key: str) -> None:
        """Keep that a delivery came which starts nothing. Raises RepeatedDeliveryError."""
        async with self._database.transaction() as conn:
            await _note(conn, hook, digest, key)

    async def queue(
        self,
        hook: Hook | int,
        who: str,
        *,
        commit: str = "",
        forced: bool = False,
        delivery: tuple[bytes, str] | None = None,
    ) -> int:
        """Queue a run; what waited before it is skipped. Its number.

        Raises RepeatedDeliveryError for a delivery (digest and key of it) that came before, and
        HookUnknownError where the hook is gone.
        """
        number = hook if isinstance(hook, int) else hook.id
        async with self._database.transaction() as conn:
            if delivery is not None:
                await _note(conn, number, *delivery)
            rows = await conn.execute(
                _QUERIES["queue_run"],
                {"hook": number, "who": who, "commit": commit, "forced": forced},
            )
            row = await rows.fetchone()
            if row is None:
                raise HookUnknownError(number)
            run = int(row[0])
            [chain] = [h.chain for h in await self._all_in(conn) if h.id == number]
            await conn.execute(
                _QUERIES["add_steps"], {"run": run, "kinds": [*map(str, steps_of(chain))]}
            )
            await conn.execute(_QUERIES["skip_older"], {"hook": number, "run": run})
            await conn.execute(_QUERIES["forget_runs"], {"hook": number, "keep": _KEEP})
        return run

    async def runs(self, hook: int | None = None, limit: int = 50) -> list[HookRun]:
        """The newest first, with their steps."""
        return await self._runs({"hook": hook, "run": None, "open": False, "limit": limit})

    async def run(self, number: int) -> HookRun:
        """One, with its steps. Raises RunUnknownError."""
        facts = {"hook": None, "run": number, "open": False, "limit": 1}
        found = await self._runs(facts) if 0 < number < 2**31 else []
        if not found:
            raise RunUnknownError(number)
        return found[0]

    async def open(self) -> list[HookRun]:
        """All that are not over, the oldest first."""
        found = await self._runs({"hook": None, "run": None, "open": True, "limit": None})
        return found[::-1]

    async def change(self, run: HookRun, step: RunStep | None = None) -> bool:
        """Keep where a run and one of its steps stand; False where it is over meanwhile."""
        async with self._database.transaction() as conn:
            changed = await conn.execute(
                _QUERIES["change_run"],
                {
                    "run": run.id, "state": run.state, "reason": run.reason,
                    "commit": run.commit, "began_at": run.began_at, "ended_at": run.ended_at,
                },
            )  # fmt: skip
            if not changed.rowcount:
                return False
            if step is not None:
                await conn.execute(
                    _QUERIES["change_step"],
                    {
                        "run": run.id, "position": step.position, "state": step.state,
                        "attempts": step.attempts, "text": step.text, "tail": step.tail,
                        "detail": Jsonb(step.detail), "began_at": step.began_at,
                        "ended_at": step.ended_at,
                    },
                )  # fmt: skip
        return True

    async def _runs(self, facts: dict[str, Any]) -> list[HookRun]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES["runs"], facts)
            rows = await cursor.fetchall()
            await cursor.execute(_QUERIES["steps"], [[row["id"] for row in rows]])
            steps: dict[int, list[RunStep]] = {}
            for row in await cursor.fetchall():
                steps.setdefault(row.pop("run_id"), []).append(_step(row))
        return [_run(row, steps.get(row["id"], ())) for row in rows]

    async def _all_in(self, conn: Connection) -> list[Hook]:
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_QUERIES["hooks"])
            return [_hook(row) for row in await cursor.fetchall()]

    async def _rows(self, query: str, facts: Any) -> list[dict[str, Any]]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES[query], facts)
            return await cursor.fetchall()


async def _number(conn: Connection, query: str, facts: Any) -> int:
    row = await (await conn.execute(_QUERIES[query], facts)).fetchone()
    return int(row[0]) if row else 0


async def _note(conn: Connection, hook: int, digest: bytes, key: str) -> None:
    facts = {"hook": hook, "digest": digest, "key": key or None}
    noted = await conn.execute(_QUERIES["note_delivery"], facts)
    if not noted.rowcount:
        raise RepeatedDeliveryError
    await conn.execute(_QUERIES["forget_deliveries"], [hook])


def _hook(row: dict[str, Any]) -> Hook:
    chain = HookChain.model_validate(row["chain"])
    return Hook(**{**row, "source": HookSource(row["source"]), "chain": chain})


def _step(row: dict[str, Any]) -> RunStep:
    return RunStep(**{**row, "kind": StepKind(row["kind"]), "state": StepState(row["state"])})


def _run(row: dict[str, Any], steps: Sequence[RunStep]) -> HookRun:
    chain = HookChain.model_validate(row["chain"])
    return HookRun(**{**row, "state": RunState(row["state"]), "chain": chain, "steps": steps})
