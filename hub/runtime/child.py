"""Server processes of ours (Postgres, the broker) that live no longer than the hub does."""

from __future__ import annotations

import asyncio
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hub.errors import SettingsError

__all__ = ["Account", "run_as", "spawn"]

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

Account = pwd.struct_passwd


def run_as(name: str) -> Account | None:
    """The account to run children as: None unless we are root.

    Raises SettingsError when the named user is unknown or root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(f"DORMOUSE_RUN_AS={name}: no such user on this machine") from None
    if account.pw_uid == 0:
        raise SettingsError(f"DORMOUSE_RUN_AS={name}: Postgres refuses to run as root")
    return account


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For the child, after the change of user (which would clear it) and before exec."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number))

    return prepare


async def spawn(
    argv: Sequence[str | Path],
    *,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    output: int = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start a child, as `account` when given, with standard output and error together in a pipe.

    On Linux the child gets `death_signal` when the hub dies, however it dies. It has a process
    group of its own, so that Ctrl-C in the terminal reaches the hub alone, which ends its children
    in order.
    """
    identity: dict[str, object] = {}
    if account is not None:
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *map(str, argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=env,
        process_group=0,
        preexec_fn=_die_with_parent(death_signal),  # the hub has one thread
        **identity,  # type: ignore[arg-type]
    )
