"""Backups that somebody has changed, with manifests that fit and signatures that do not."""

from __future__ import annotations

import hashlib
import hmac
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["change_manifest", "changed", "put_rows"]


def changed(
    file: Path, change: Callable[[dict[str, bytes]], object], *, key: bytes = b"somebody else"
) -> None:
    """Write a backup anew with other members, signed with `key`."""
    with zipfile.ZipFile(file) as found:
        members = {name: found.read(name) for name in found.namelist()}
    change(members)
    signature = hmac.new(key, members["backup.json"], hashlib.sha256).hexdigest()
    members["backup.hmac"] = signature.encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as fresh:
        for name, content in members.items():
            fresh.writestr(name, content)


def put_rows(members: dict[str, bytes], table: str, rows: bytes) -> None:
    """Other rows in a table, with a manifest that fits them."""
    members[f"{table}.copy"] = rows
    change_manifest(members, "tables", table, "size", value=len(rows))
    change_manifest(members, "tables", table, "sha256", value=hashlib.sha256(rows).hexdigest())


def change_manifest(members: dict[str, bytes], *path: str, value: object) -> None:
    """Another value at a path in the manifest."""
    manifest = json.loads(members["backup.json"])
    inner = manifest
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    members["backup.json"] = json.dumps(manifest).encode()
