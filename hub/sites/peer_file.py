"""What root saw of WireGuard, written for a hub that may not ask: no keys but public ones."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from hub.sites.wireguard import Peer

__all__ = ["FILE", "read", "write"]

FILE = Path("/run/dormouse-sites/peers.json")
"""Root's, so that nobody else can say that a tunnel is up."""

# Three runs of the timer that writes it.
_FRESH = timedelta(seconds=90)


def write(peers: Sequence[Peer], now: datetime, file: Path = FILE) -> None:
    """Replace the file. Raises OSError."""
    file.parent.mkdir(mode=0o755, exist_ok=True)
    rows = [
        [p.interface, p.key, p.endpoint, p.handshake_at and p.handshake_at.isoformat(),
         p.received, p.sent, p.keepalive]
        for p in peers
    ]  # fmt: skip
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as out:
            json.dump({"at": now.isoformat(), "peers": rows}, out)
            os.fchmod(out.fileno(), 0o644)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read(now: datetime, file: Path = FILE) -> list[Peer] | None:
    """What is there; None where nothing is, it is old, or another than root wrote it."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        with file.open(encoding="utf-8") as given:
            if os.fstat(given.fileno()).st_uid != 0:
                return None
            said = json.load(given)
        if abs(now - datetime.fromisoformat(said["at"])) > _FRESH:
            return None
        return [
            Peer(
                str(interface), str(key), str(endpoint),
                datetime.fromisoformat(handshake) if handshake else None,
                int(received), int(sent), int(keepalive),
            )
            for interface, key, endpoint, handshake, received, sent, keepalive in said["peers"]
        ]  # fmt: skip
    return None
