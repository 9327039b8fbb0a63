"""Where the hub's log goes: standard error, and files of bounded size in the data folder."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from hub.runtime.log_lines import JsonLines, TextLines
from hub.runtime.paced_log import PacedLog

__all__ = [
    "LOG_FOLDER",
    "LOG_NAME",
    "LogFormat",
    "LogLevel",
    "events_to_stdout",
    "kept_log",
    "log_to_stderr",
]

log = logging.getLogger(__name__)

LOG_FOLDER, LOG_NAME = "log", "hub.jsonl"
_BYTES, _FILES = 2 << 20, 5  # 10 MB in all: some weeks of a home
# What libraries say of each message is theirs, and has what goes over the air in it.
_OTHERS = logging.INFO


class LogLevel(StrEnum):
    """What is written: this and what is graver."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How standard error has it."""

    TEXT = "text"
    JSON = "json"


class _Files(logging.handlers.RotatingFileHandler):
    """Files closed to others; a disk that is full costs lines, not the hub."""

    def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as the base class has it
        return open(  # with its mode from the start
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # as the base class has it
        """Standard error has the line; a trace of each write that failed would hide it."""


def log_to_stderr(level: LogLevel, form: LogFormat) -> None:
    """From now on, for as long as the process lives."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    stream.addFilter(PacedLog())
    logging.basicConfig(level=max(number, _OTHERS), handlers=[stream])
    logging.getLogger("hub").setLevel(number)
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))


class _Events(logging.StreamHandler[TextIO]):
    """A program's reading: that it has gone is nothing to the hub."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # as the base class has it
        """The log has it."""


def events_to_stdout() -> None:
    """Each event as a JSON object a line, for as long as the process lives."""
    stream = _Events(sys.stdout)
    stream.setFormatter(JsonLines())
    logging.getLogger("hub.events").addHandler(stream)


@contextlib.contextmanager
def kept_log(data_dir: Path) -> Iterator[None]:
    """Keep the log in the data folder too, which is held; where it cannot be, that is said."""
    folder = data_dir / LOG_FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        files = _Files(
            folder / LOG_NAME, maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8",
            errors="backslashreplace",
        )  # fmt: skip
    except OSError as error:
        log.warning("no log is kept in %s: %s", folder, error.strerror)
        yield
        return
    files.setFormatter(JsonLines())
    root = logging.getLogger()
    # Paced as standard error is: both have the same lines.
    for paced in {one for handler in root.handlers for one in handler.filters}:
        files.addFilter(paced)
    root.addHandler(files)
    try:
        yield
    finally:
        root.removeHandler(files)
        files.close()
