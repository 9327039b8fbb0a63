"""What belongs to an extra that may not be installed here, and says how it is added."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from host.errors import HostError

__all__ = ["ExtraNotInstalledError", "needs", "of_extra"]


class ExtraNotInstalledError(HostError):
    """Something that this takes is not installed here."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed here: pip install 'dormouse-home[{extra}]'")
        self.extra = extra


@contextmanager
def of_extra(extra: str, what: str) -> Iterator[None]:
    """Around imports of another's modules: `what` they are, in the line where one is missing.

    Raises ExtraNotInstalledError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in {"contracts", "host", "hub"}:
            raise
        raise ExtraNotInstalledError(what, extra) from None


def needs(module: str, extra: str, what: str) -> None:
    """For a program that is run as `python -m module`. Raises ExtraNotInstalledError."""
    with of_extra(extra, what):
        if find_spec(module) is None:
            raise ModuleNotFoundError(name=module)
