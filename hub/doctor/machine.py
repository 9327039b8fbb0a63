"""The machine: secrets that others may read, ports that stand open."""

from __future__ import annotations

import contextlib
import ipaddress
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["files", "ports", "tls"]

# Made to be read: what tools must trust, what a log may say.
_PUBLIC = {".crt", ".pub", ".log", ".lock"}
# Folders of parts that keep their own mode checks (Postgres refuses to start otherwise), and of
# versions of the hub, which are programs.
_OTHERS = {"pgdata", "data", "base", "pg_wal", "versions"}


def files(data_dir: Path) -> Iterator[DoctorFinding]:
    """Nothing secret in the data folder is readable by other users."""
    readable = sorted(str(path.relative_to(data_dir)) for path in _readable(data_dir))
    yield DoctorFinding.of(
        f"another user cannot read secrets in {data_dir}",
        not readable,
        f"{', '.join(readable[:5])}: chmod 600",
    )


def _readable(folder: Path) -> Iterator[Path]:
    """Files below a folder that another user can get at."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                if mode & 0o011 and path.name not in _OTHERS:
                    yield from _readable(path)
            elif mode & 0o077 and not stat.S_ISLNK(mode) and path.suffix not in _PUBLIC:
                yield path


def ports(facts: Mapping[str, Any], bridges: Mapping[int, str]) -> Iterator[DoctorFinding]:
    """Only the ports that the settings name listen, and those of HomeKit bridges (by port)."""
    named = {int(v): k for k, v in facts.items() if k.endswith("_port") and v is not None}
    named |= {port: f"HomeKit: {name}" for port, name in bridges.items()}
    listening = list(_listening(int(facts["pid"])))
    if not listening:  # the hub's pages listen always
        yield DoctorFinding(
            "every port that is open is one of the settings",
            Verdict.NOTE,
            "not looked at: only root, or the user that the hub runs as, sees its ports",
        )
        return
    unnamed = sorted({f"{address}:{port}" for address, port in listening if port not in named})
    yield DoctorFinding.of(
        "every port that is open is one of the settings", not unnamed, ", ".join(unnamed)
    )
    wide = sorted(
        {port for address, port in listening if not ipaddress.ip_address(address).is_loopback}
    )
    if wide:
        shown = ", ".join(f"{port} ({named.get(port, '?').removesuffix('_port')})" for port in wide)
        yield DoctorFinding(
            "other machines reach what they need, and no more",
            Verdict.NOTE,
            f"{shown}: keep them to the sensor network and home (docs/security.md)",
        )


def _listening(pid: int) -> Iterator[tuple[str, int]]:
    """(address, port) of the TCP listeners of a process and its children (Linux)."""
    inodes = {inode for process in [pid, *_children(pid)] for inode in _sockets(process)}
    for table, size in (("/proc/net/tcp", 8), ("/proc/net/tcp6", 32)):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    address, _, port = fields[1].partition(":")
                    yield _address(address, size), int(port, 16)


def _address(text: str, size: int) -> str:
    """The kernel writes each 32-bit word in the machine's order."""
    words = [bytes.fromhex(text[n : n + 8])[::-1] for n in range(0, size, 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def _children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(entry.parent.name)


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def tls(certificate: Path) -> Iterator[DoctorFinding]:
    """How long people's tools will still get along with the TLS listener."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return  # another broker's, or not readable to us
    left = (parsed.not_valid_after_utc - datetime.now(UTC)).days
    yield DoctorFinding.of(
        "the TLS certificate is valid", left > 14, f"{left} days left: restart the hub"
    )
