"""rclone and restic, as the person configured them: run, and heard."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hub.backups.errors import TargetError

__all__ = ["BackupProgram"]

# s: a first backup over a slow line takes hours, one that hangs is not to hold up the next day's.
_LIMIT_S = 6 * 3600.0
_LONGEST = 300
# user:password@ of an address, and what stands behind words that name secrets.
_SECRETS = re.compile(
    r"(?<=://)[^/@\s]+@|(?:pass\w*|secret\w*|token|key)\s*[=:]\s*\S+", re.IGNORECASE
)


class BackupProgram:
    """A program of this machine's. Its secrets come from its own configuration and environment.

    `variables` are added to the environment, where other users cannot read them.
    """

    def __init__(self, name: str, variables: dict[str, str] | None = None) -> None:
        self.name = name
        self._variables = variables or {}

    async def run(
        self,
        *arguments: str,
        given: Path | None = None,
        output: IO[bytes] | None = None,
        accept: Sequence[int] = (),
    ) -> bytes:
        """What it writes. `given` is its standard input, `output` takes what it writes instead.

        Nothing where it ends with a status of `accept`; with another than 0 TargetError is raised,
        with its last words. Cancelling ends it with all that it started.
        """
        program = shutil.which(self.name)
        if program is None:
            raise TargetError(f"there is no {self.name} on this machine: install it")
        with contextlib.ExitStack() as stack:
            stdin = stack.enter_context(given.open("rb")) if given else asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                *_dying_with_us(), program, *arguments,
                stdin=stdin,
                stdout=output or asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                process_group=0,
            )  # fmt: skip
            try:
                async with asyncio.timeout(_LIMIT_S):
                    said, errors = await process.communicate()
            except TimeoutError:
                raise TargetError(f"{self.name} did not end in {_LIMIT_S / 3600:.0f} h") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
        if process.returncode in accept:
            return b""
        if process.returncode:
            raise TargetError(f"{self.name}: {_last_words(errors)}")
        return said or b""

    def _environment(self) -> dict[str, str]:
        # Not what is the hub's alone.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DORMOUSE_", "PG"))
        }
        return {**kept, **self._variables}


def _dying_with_us() -> list[str]:
    guard = shutil.which("setpriv")
    return [guard, "--pdeathsig", "TERM"] if guard else []


def _last_words(errors: bytes) -> str:
    """What it died of (restic asks a question behind that), else the last line; no secrets.

    Lines that go on with what stands before them, as S3's answers and its library's errors
    ("caused by: ...") do, are one.
    """
    said = re.sub(r"\n(?:[ \t]+|(?=caused by: ))", " ", errors.decode("utf-8", "replace"))
    lines = [line.strip() for line in said.splitlines()]
    fatal = [line for line in lines if line.startswith("Fatal:")]
    last = next((line for line in reversed(fatal or lines) if line), "it failed without a word")
    return _SECRETS.sub("...", last)[:_LONGEST]
