"""SQLAlchemy sessions of one tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from sqlalchemy import Connection, event, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction, UOWTransaction

from hub.database.database import Database
from hub.database.errors import NoActivityError
from hub.database.upgrade import engine_url
from hub.models.device import TRACKED, DeviceRow

__all__ = ["TenantSessions"]


class _TenantSession(Session):
    """Sets its tenant in every transaction; refuses changes of history without an activity."""


@event.listens_for(_TenantSession, "after_begin")
def _set_tenant(session: Session, _: SessionTransaction, connection: Connection) -> None:
    connection.execute(
        select(func.set_config("dormouse.tenant", str(session.info["tenant"]), True))
    )


@event.listens_for(_TenantSession, "before_flush")
def _refuse_silent_change(session: Session, _: UOWTransaction, __: Any) -> None:
    if "activity" in session.info:
        return
    for changed in session.dirty:
        if isinstance(changed, DeviceRow):
            state = inspect(changed)
            names = [n for n in TRACKED if state.attrs[n].history.has_changes()]
            if names:
                raise NoActivityError(changed.key, names)


class TenantSessions:
    """Where sessions come from; an async context manager."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Prepared statements belong to a server connection: see Database.
        self._engine = create_async_engine(
            engine_url(database.url), pool_size=4, connect_args={"prepare_threshold": None}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def tenant(self, name: str) -> AsyncIterator[AsyncSession]:
        """A session that sees and writes this tenant's rows alone.

        Committed at the end of the block, rolled back when it raises. Raises UnknownTenantError.
        """
        number = await self._database.tenant_id(name)
        session = AsyncSession(
            self._engine,
            sync_session_class=_TenantSession,
            info={"tenant": number},
            expire_on_commit=False,
        )
        async with session, session.begin():
            yield session
