"""nats-py, which only those have who have a cluster."""

from __future__ import annotations

from typing import Any

from hub.nats.errors import NatsMissingError

__all__ = ["client_library"]


def client_library() -> Any:
    """nats-py. Raises NatsMissingError where it is not installed."""
    try:
        import nats  # noqa: PLC0415  # an extra, for those who have a cluster
        import nats.errors  # noqa: PLC0415  # as above
    except ImportError:
        raise NatsMissingError from None
    return nats
