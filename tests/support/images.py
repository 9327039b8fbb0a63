"""Small signed updates for tests: a key made once, images that differ by version and content."""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

from contracts import image, signatures
from contracts.ota import canned, protocol
from host import keys

__all__ = ["canned_image", "signing_key"]


@cache
def signing_key(name: str = "ours") -> signatures.Key:
    """A key of 1024 bits, the same for the same name while this process runs."""
    with tempfile.TemporaryDirectory(prefix="dormouse-key-") as folder:
        return keys.new(Path(folder) / f"{name}.pem", 1024)


def plain_image(seed: object = 0, size: int = 2 << 10) -> bytes:
    """An OTA build of 36 KiB and `size` bytes of text, without a trailer."""
    return image.build_application(random.Random(str(seed)).randbytes(size))


def canned_image(
    version: str = "1.2.3",
    board: str = "nodemcu",
    *,
    seed: object = 0,
    size: int = 2 << 10,
    key: signatures.Key | None = None,
) -> bytes:
    """A canned update as `dormouse sign` makes it."""
    key = key or signing_key()
    data = image.stamp(plain_image(seed, size), version, board, key)
    return canned.dump(protocol.build(data, key))
