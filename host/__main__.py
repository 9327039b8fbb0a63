"""Where the command `dormouse` begins."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import typer

from contracts.errors import DormouseError
from host import failures
from host.cli import command
from host.terminal import tolerate

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line; what cannot be done is one line and an exit status of its own."""
    try:
        _main()
    except KeyboardInterrupt:  # once more, while the first was told
        os._exit(failures.INTERRUPTED)


def _main() -> None:
    arguments = sys.argv[1:]
    as_json = "--json" in arguments
    tolerate(as_json=as_json)
    status = run(arguments, as_json=as_json)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _unread()
        status = failures.UNREAD
    except OSError as error:
        status = _fail(f"the output could not be written: {error.strerror}", 1, error)
    sys.exit(status)


def run(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Carry out a command line: its exit status (docs/commands.md has them all)."""
    try:
        ended = _carry_out(arguments)
    except typer.Exit as end:
        return end.exit_code
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        status = _ended(error, as_json=as_json)
        if status is None:
            raise
        return status
    return ended if isinstance(ended, int) else 0


def _ended(error: BaseException, *, as_json: bool) -> int | None:
    """The status of a command that ended so, which is told; None for a defect of ours."""
    # typer makes a SystemExit of nobody reading, and an Abort of Ctrl-C at a question.
    if isinstance(error, SystemExit | typer.Abort) and error.__context__ is not None:
        cause: BaseException = error.__context__
    else:
        cause = error
    if isinstance(cause, BrokenPipeError):
        _unread()
        return failures.UNREAD
    if isinstance(cause, KeyboardInterrupt):
        return _fail("interrupted", failures.INTERRUPTED, as_json=as_json)
    if isinstance(error, typer.Abort):
        return _fail("nothing was done", failures.DECLINED, as_json=as_json)
    line = _line(error)
    if line is None:
        return None
    status = getattr(error, "exit_status", getattr(error, "exit_code", 1))
    return _fail(line, status, error, as_json=as_json)


def _carry_out(arguments: Sequence[str]) -> object:
    """As typer does it, whose own way has an empty line and another status for Ctrl-C."""
    found = command(arguments)
    if "_DORMOUSE_COMPLETE" in os.environ:
        return found(list(arguments), "dormouse", standalone_mode=False)
    with found.make_context("dormouse", list(arguments)) as context:
        return found.invoke(context)


def _line(error: BaseException) -> str | None:
    """What is wrong, for a person; None for a defect of ours."""
    if isinstance(error, DormouseError):
        return str(error)
    if hasattr(error, "format_message"):  # typer's usage errors share no public class
        return failures.usage_line(error)
    if isinstance(error, OSError) and error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
        return f"{name}: {error.strerror or error}"
    return None


def _fail(
    line: str, status: int, error: BaseException | None = None, *, as_json: bool = False
) -> int:
    """Say it on standard error; the status."""
    if as_json:
        line = failures.document(line, status, error)
    elif not line.startswith("dormouse"):  # a usage line says which command
        line = f"dormouse: {line}"
    with contextlib.suppress(OSError):
        typer.echo(line, err=True)
    return status


def _unread() -> None:
    """Nobody reads: what is left of the output goes nowhere, at the interpreter's end too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    main()
