"""Firmware images."""

from __future__ import annotations

from sqlalchemy import BigInteger, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Instant, Key, OwnTenant

__all__ = ["FirmwareImage"]


class FirmwareImage(Base):
    """A canned update, with what its trailer says."""

    __tablename__ = "firmware"
    __table_args__ = (
        UniqueConstraint("tenant_id", "digest"),
        UniqueConstraint("tenant_id", "version", "board"),
    )

    tenant_id: Mapped[OwnTenant]
    id: Mapped[Key]
    version: Mapped[str] = mapped_column(Text)
    board: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    counter: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    notes: Mapped[str] = mapped_column(Text, server_default=text("''"))
    canned: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    added_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
