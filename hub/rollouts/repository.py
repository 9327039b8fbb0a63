"""Rollouts as they are kept: every step is one transaction, with its line of history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries
from hub.rollouts.errors import DeviceBusyError, StaleRolloutError, UnknownRolloutError
from hub.rollouts.model import (
    DeviceBaseline,
    FirmwareTarget,
    ReportSample,
    Rollout,
    RolloutDevice,
    Transition,
)
from hub.rollouts.rows import device_of, device_rows, event_rows, rollout_of, usual, without_secrets
from hub.rollouts.work import StepOutcome

__all__ = ["RolloutRepository", "RolloutSnapshot"]

_QUERIES = Queries.of("hub.rollouts")


@dataclass(frozen=True, slots=True)
class RolloutSnapshot:
    """A rollout with its devices, by name."""

    rollout: Rollout
    devices: dict[str, RolloutDevice]


class RolloutRepository:
    """The rollouts of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    @property
    def tenant(self) -> str:
        """Whose they are."""
        return self._database.tenant

    async def baselines(self, devices: Sequence[str]) -> dict[str, DeviceBaseline]:
        """What is known of devices before a rollout; those that never spoke are made."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["ensure_devices"], {"devices": list(devices)})
            gaps = await self._gaps(conn, devices)
            rows = await (
                await conn.execute(_QUERIES["starts"], {"devices": list(devices)})
            ).fetchall()
        by_device = {
            key: DeviceBaseline(
                ReportSample.of(report, at) if report else None,
                command or 0,
                gaps.get(key, 0),
                usual(awake_ms, report, at),
            )
            for key, report, at, command, awake_ms in rows
        }
        return {device: by_device[device] for device in devices}

    async def gaps(self, devices: Iterable[str]) -> dict[str, int]:
        """How many readings of each device are missing without explanation."""
        async with self._database.transaction() as conn:
            return await self._gaps(conn, devices)

    async def add(
        self,
        rollout: Rollout,
        devices: Mapping[str, RolloutDevice],
        transitions: Iterable[Transition],
    ) -> Rollout:
        """Keep a new rollout; it comes back with its number. Raises DeviceBusyError."""
        target = rollout.target
        image = target.image if isinstance(target, FirmwareTarget) else None
        try:
            async with self._database.transaction() as conn:
                inserted = await conn.execute(
                    _QUERIES["add_rollout"],
                    [
                        target.kind,
                        Jsonb(target.model_dump()),
                        Jsonb(rollout.options.model_dump()),
                        image,
                        rollout.phase,
                        rollout.created_by,
                        rollout.created_at,
                    ],
                )
                row = await inserted.fetchone()
                number = int(row[0]) if row else 0
                await conn.execute(
                    _QUERIES["add_devices"],
                    {"rollout": number, "devices": Jsonb(device_rows(devices.values()))},
                )
                await _add_events(conn, number, transitions)
        except pg.UniqueViolation:
            raise DeviceBusyError(await self.busy(devices)) from None
        values = {f.name: getattr(rollout, f.name) for f in fields(rollout)}
        return Rollout(**{**values, "id": number})

    async def busy(self, devices: Iterable[str]) -> dict[str, int]:
        """Which of the devices are in a rollout now, and in which."""
        async with self._database.transaction() as conn:
            return dict(
                await (await conn.execute(_QUERIES["busy_devices"], [list(devices)])).fetchall()
            )

    async def commit(self, before: Rollout, outcome: StepOutcome) -> Rollout:
        """Keep what a step came to; the rollout with its new revision.

        The same step again, when it was not known whether it had been committed, changes nothing.
        Raises StaleRolloutError when somebody else has gone on with the rollout.
        """
        after = outcome.rollout
        async with self._database.transaction() as conn:
            changed = await conn.execute(
                _QUERIES["change_rollout"],
                {
                    "rollout": after.id, "phase": after.phase, "reason": after.reason,
                    "wave": after.wave, "forgiven": after.forgiven, "revision": before.revision,
                    "step": outcome.step, "over": after.phase.over,
                    "target": Jsonb(without_secrets(after.target)),
                },
            )  # fmt: skip
            if changed.rowcount == 1:
                if outcome.changed:
                    await conn.execute(
                        _QUERIES["change_devices"],
                        {
                            "rollout": after.id,
                            "devices": Jsonb(device_rows(outcome.changed.values())),
                        },
                    )
                await _add_events(conn, after.id, outcome.transitions)
            else:
                row = await (await conn.execute(_QUERIES["last_step"], [after.id])).fetchone()
                if row != (before.revision + 1, outcome.step):
                    raise StaleRolloutError(after.id)
        values = {f.name: getattr(after, f.name) for f in fields(after)}
        return Rollout(**{**values, "revision": before.revision + 1})

    async def load(self, number: int) -> RolloutSnapshot:
        """One rollout. Raises UnknownRolloutError."""
        storable = 0 < number < 2**31  # what the column can hold
        snapshots = await self._load({"id": number, "open": False, "limit": 1}) if storable else []
        if not snapshots:
            raise UnknownRolloutError(number)
        return snapshots[0]

    async def open(self) -> list[RolloutSnapshot]:
        """All that are not over."""
        return await self._load({"id": None, "open": True, "limit": None})

    async def latest(self, limit: int = 50) -> list[RolloutSnapshot]:
        """The newest, first; their devices without their reports."""
        return await self._load({"id": None, "open": False, "limit": limit}, whole=False)

    async def pending_clear(self) -> list[str]:
        """Devices whose command the broker may still hold although it is over."""
        async with self._database.transaction() as conn:
            return [
                row[0] for row in await (await conn.execute(_QUERIES["pending_clear"])).fetchall()
            ]

    async def stranded(self) -> list[str]:
        """Devices that a failed update has left in their OTA servers, and not heard since."""
        async with self._database.transaction() as conn:
            return [
                row[0]
                for row in await (await conn.execute(_QUERIES["stranded_devices"])).fetchall()
            ]

    async def cleared(self, devices: Sequence[str]) -> None:
        """The broker has forgotten these commands."""
        async with self._database.transaction() as conn:
            await conn.execute(
                _QUERIES["cleared"],
                [list(devices)],
            )

    async def events(
        self, number: int, *, since: int = 0, device: str | None = None, limit: int = 10000
    ) -> list[dict[str, Any]]:
        """The recorded history beyond event `since`, oldest first.

        Each has `id`, `at`, `what`, `device` (None: of the rollout), `before`, `after`, `reason`,
        `command`.
        """
        parameters = {"rollout": number, "since": since, "device": device, "limit": limit}
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES["events"], parameters)
            return await cursor.fetchall()

    async def _load(
        self, criteria: Mapping[str, object], *, whole: bool = True
    ) -> list[RolloutSnapshot]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES["rollouts"], criteria)
            rollouts = {
                row["id"]: RolloutSnapshot(rollout_of(row), {}) for row in await cursor.fetchall()
            }
            await cursor.execute(
                _QUERIES["devices_of_rollouts"], {"rollouts": list(rollouts), "whole": whole}
            )
            for row in await cursor.fetchall():
                device = device_of(row)
                rollouts[row["rollout_id"]].devices[device.device] = device
        return list(rollouts.values())

    async def _gaps(self, conn: Connection, devices: Iterable[str]) -> dict[str, int]:
        return dict(
            await (await conn.execute(_QUERIES["gaps"], {"devices": list(devices)})).fetchall()
        )


async def _add_events(conn: Connection, rollout: int, events: Iterable[Transition]) -> None:
    rows = event_rows(events)
    if rows:
        await conn.execute(_QUERIES["add_events"], {"rollout": rollout, "events": Jsonb(rows)})
