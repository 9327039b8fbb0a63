"""What the doctor asks the running hub."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable

from fastapi import APIRouter
from pydantic import BaseModel

from hub.api.access import OPERATOR_ONLY
from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["routes"]


class FindingOut(BaseModel):
    """Something that was tried, and how it came out."""

    what: str
    verdict: Verdict
    detail: str


def routes(
    database: Callable[[], AsyncIterable[DoctorFinding]],
    parts: Callable[[], Iterable[DoctorFinding]],
) -> APIRouter:
    """/doctor/database and /doctor/parts, with what examines each."""
    router = APIRouter(prefix="/doctor", tags=["operator"], dependencies=[OPERATOR_ONLY])

    @router.get("/database")
    async def of_database() -> list[FindingOut]:
        """Try what must not work in the database: seeing past a tenant's bounds."""
        return [
            FindingOut.model_validate(finding, from_attributes=True) async for finding in database()
        ]

    @router.get("/parts")
    async def of_parts() -> list[FindingOut]:
        """Which parts of the hub do not run, and what nothing foresaw."""
        return [FindingOut.model_validate(finding, from_attributes=True) for finding in parts()]

    return router
