"""Application images for virtual devices: the true container around the compiled modules.

Where a real image has machine code (irom0 text), these have the modules as a zip archive.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

from contracts.image import IROM, application, build_application, stamp
from contracts.signatures import Key
from host.twin.errors import NoModulesError
from host.twin.firmware import Build

__all__ = ["build_image", "unpack"]


def build_image(
    build: Build, version: str, *, board: str = "twin", key: Key | None = None
) -> bytes:
    """The image of a built firmware, the same bytes each time; signed if a key is given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(p for p in build.modules.rglob("*") if p.suffix in {".mpy", ".py"}):
            entry = zipfile.ZipInfo(str(path.relative_to(build.modules)))  # of 1980, always
            archive.writestr(entry, path.read_bytes())
    return stamp(build_application(out.getvalue()), version, board, key)


def unpack(image: bytes, folder: Path) -> None:
    """Put the modules of an image into `folder`, in place of what is there.

    Raises what `contracts.image.application` does, and NoModulesError for an image without modules.
    """
    irom = image[IROM : application(image).size]
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(io.BytesIO(irom)) as archive:
            archive.extractall(folder)
    except zipfile.BadZipFile:
        raise NoModulesError from None
