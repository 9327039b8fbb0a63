"""An update made from a file as a person has it: signed already, or an image and a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from contracts import image
from contracts.errors import DormouseError, TrailerError
from contracts.ota import canned, protocol
from contracts.ota.checks import check_image
from contracts.ota.protocol import SignedStream
from contracts.signatures import Key
from host import files, flash_maps, keys

__all__ = ["bar", "canned_update", "naming", "signed"]


def canned_update(
    file: Path, key: Path, partitions: Path, *, version: str | None = None, board: str = ""
) -> bytes:
    """The canned form of a file: a .ota as it is, an image signed with the key.

    `version` and `board` are for an image whose trailer does not say them. Raises DormouseError
    leaves.
    """
    data = files.read(file)
    with naming(file):
        if canned.is_canned(data):
            return data
        ours = keys.load(key)
        if version is not None:
            data = image.stamp(data, version, board, ours)
        elif image.application(data).trailer is None:
            raise TrailerError("the image does not say its version: name it with --version 1.2.3")
        check_image(data, flash_maps.read(partitions), modulus=ours.modulus)
    return canned.dump(signed(data, ours))


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Puts the file's name before what is wrong with it."""
    try:
        yield
    except DormouseError as error:
        if not str(error).startswith(str(file)):
            error.args = (f"{file}: {error}",)
        raise


def bar(*, quiet: bool = False) -> Progress:
    """A progress bar on the error output, for bytes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, quiet=quiet),
    )


def signed(data: bytes, key: Key) -> SignedStream:
    """The image as a signed stream, with progress shown."""
    with bar() as shown:
        task = shown.add_task("signing", total=len(data))
        return protocol.build(data, key, lambda done, _: shown.update(task, completed=done))
