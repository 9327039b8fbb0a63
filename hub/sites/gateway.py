"""This machine as a gateway: nftables, routes and kernel settings, asked and set by its tools."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hub.sites.errors import GatewayError

__all__ = ["ip", "ip_json", "kernel_setting", "nft", "set_kernel", "table", "tool"]

# s: each of them answers in milliseconds.
_LIMIT_S = 20.0
_SBIN = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"


def tool(name: str) -> str:
    """Where a program is. Raises GatewayError where it is not."""
    found = shutil.which(name) or shutil.which(name, path=_SBIN)
    if found is None:
        package = {"nft": "nftables", "ip": "iproute2", "wg": "wireguard-tools"}.get(name, name)
        raise GatewayError(f"there is no `{name}` on this machine: install {package}")
    return found


def run(name: str, *arguments: str, given: str | None = None) -> str:
    """What a program says. Raises GatewayError with its last words."""
    command = [tool(name), *arguments]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, input=given, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise GatewayError(f"`{name} {arguments[0]}` did not answer in {_LIMIT_S:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it failed"]
        raise GatewayError(f"`{name} {' '.join(arguments[:4])}`: {said[0].strip()[:200]}")
    return done.stdout


def nft(script: str, *, check: bool = False) -> None:
    """Load a rule set, all of it or nothing; `check`: only whether it could be."""
    run("nft", *(["-c"] if check else []), "-f", "-", given=script)


def table(name: str) -> list[dict[str, Any]] | None:
    """What is in one of nftables' tables (family inet); None where there is none."""
    try:
        listed = json.loads(run("nft", "-j", "list", "table", "inet", name))
    except GatewayError as error:
        if "No such file" in str(error):
            return None
        raise
    found: list[dict[str, Any]] = listed["nftables"]
    return found


def ip(*arguments: str) -> None:
    """`ip` with arguments."""
    run("ip", *arguments)


def ip_json(*arguments: str) -> list[dict[str, Any]]:
    """What `ip -json` says; nothing where the kernel has no such table."""
    try:
        found: list[dict[str, Any]] = json.loads(run("ip", "-json", *arguments) or "[]")
    except GatewayError as error:
        if "FIB table does not exist" in str(error):
            return []
        raise
    return found


def kernel_setting(name: str) -> str | None:
    """`net/ipv4/ip_forward`; None where the kernel has no such setting."""
    try:
        return (Path("/proc/sys") / name).read_text("utf-8").strip()
    except OSError:
        return None


def set_kernel(name: str, value: str) -> None:
    """Until the next start. Raises GatewayError."""
    try:
        (Path("/proc/sys") / name).write_text(value, "utf-8")
    except OSError as error:
        raise GatewayError(f"/proc/sys/{name}: {error.strerror}") from None
