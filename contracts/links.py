"""Where a browser finds the hub."""

from __future__ import annotations

import socket

__all__ = ["link"]


def link(host: str, port: int, path: str) -> str:
    """An address at which a browser reaches a path of the hub."""
    if host in {"0.0.0.0", "::", ""}:
        name = socket.gethostname()
        host = name if "." in name else f"{name}.local"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
