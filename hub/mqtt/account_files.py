"""Mosquitto's password and ACL files, kept equal to the accounts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from hub.mqtt.access import HUB, Foreign, acl_lines
from hub.mqtt.account_repository import Account
from hub.mqtt.errors import AccountFilesError
from hub.mqtt.passwords import hash_password
from hub.runtime.child import Account as Owner

__all__ = ["AccountFiles", "replace_private"]


class AccountFiles:
    """Writes `passwords` and `acl` in a folder whenever told that `accounts()` has changed.

    `foreign` gives the topics of mapped devices.

    `keep` says which of those that changed or went keep their password in the file until it is
    written again: the broker cannot be told of them now.

    Changes within `GATHER_S` become one rewrite, after which `reload` is called (SIGHUP to the
    broker) with those who had an account before and have another password now, or none. Files are
    mode 0600, belong to `owner` when given, and are replaced whole.
    """

    # A burst of enrolments costs a few rewrites, and one device waits no longer than this.
    GATHER_S = 0.05
    # What could not be written is tried again so often: an account that was shut out on a full disk
    # is, soon after there is room.
    AGAIN_S = 5.0

    def __init__(
        self,
        folder: Path,
        accounts: Callable[[], Iterable[Account]],
        reload: Callable[[set[str]], None],
        *,
        hub_password: str,
        owner: Owner | None = None,
        foreign: Callable[[], Foreign] = Foreign,
        keep: Callable[[set[str]], set[str]] = lambda _: set(),
    ) -> None:
        self.passwords = folder / "passwords"
        self.acl = folder / "acl"
        self._accounts = accounts
        self._reload = reload
        self._hub = f"{HUB}:{hash_password(hub_password)}\n"
        self._owner = owner
        self._foreign = foreign
        self._keep = keep
        self._writing: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._written: dict[str, str] = {}
        self.kept: set[str] = set()
        """Whose passwords in the file are those of before."""
        self.passing: dict[str, str] = {}
        """Hashes of passwords by names that the hub uses itself for a moment."""

    def write(self) -> set[str]:
        """Write both files now; who has another password than before, or none any more.

        Those that keep theirs for now are not among them.
        """
        accounts = list(self._accounts())
        before = self._written
        passwords = {account.device: account.password for account in accounts} | self.passing
        changed = {name for name, password in before.items() if passwords.get(name) != password}
        kept = self._keep(changed)
        passwords |= {name: before[name] for name in kept}
        lines = (f"{name}:{password}\n" for name, password in passwords.items())
        replace_private(self.passwords, [self._hub, *lines], self._owner)
        replace_private(self.acl, acl_lines(accounts, self._foreign()), self._owner)
        self._written, self.kept = passwords, kept
        return changed - kept

    async def changed(self) -> None:
        """Returns when the files have what was known at the call, and the broker was told.

        Raises AccountFilesError; then it is tried again until it is so.
        """
        await asyncio.shield(self._begin())

    def _begin(self) -> asyncio.Task[None]:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())
        return self._writing

    def _try_again(self) -> None:
        # Whether it was in vain is no news: read, so that nobody else is told.
        self._begin().add_done_callback(lambda done: done.cancelled() or done.exception())

    async def stop(self) -> None:
        """Finish what is being written."""
        self._forget_again()
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
            self._forget_again()

    async def _write_soon(self) -> None:
        await asyncio.sleep(self.GATHER_S)
        self._writing = None  # who comes from here on waits for the next rewrite
        try:
            self._reload(self.write())
        except OSError as error:
            self._forget_again()
            self._again = asyncio.get_running_loop().call_later(self.AGAIN_S, self._try_again)
            raise AccountFilesError(self.passwords.parent, error) from None
        self._forget_again()

    def _forget_again(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


def replace_private(path: Path, lines: Iterable[str], owner: Owner | None) -> None:
    """Write a file of mode 0600 so that a reader sees the old or the new one, whole."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
        file.writelines(lines)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
