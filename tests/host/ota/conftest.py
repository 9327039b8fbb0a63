"""A key, a small update signed with it, and a device that takes it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts import image, signatures
from contracts.ota import protocol
from contracts.ota.protocol import SignedStream
from host import keys
from tests.host.ota.device import Device, running
from tests.support.bootloader import NativeBootloader


@dataclass(frozen=True)
class Update:
    """A signed image in all its forms."""

    key: signatures.Key
    key_file: Path
    image: bytes
    stream: SignedStream


@pytest.fixture(scope="session")
def update(tmp_path_factory: pytest.TempPathFactory) -> Update:
    """About 38 KiB (36 come before the text) with version and board, signed with 2048 bits."""
    file = tmp_path_factory.mktemp("key") / "ota.pem"
    key = keys.new(file)
    plain = image.build_application(random.Random(9).randbytes(2 << 10))
    data = image.stamp(plain, "1.2.3", "nodemcu", key)
    return Update(key, file, data, protocol.build(data, key))


@pytest.fixture
async def device(
    native_bootloader: NativeBootloader, update: Update, tmp_path: Path
) -> AsyncIterator[Device]:
    """A device in OTA mode with an erased slot."""
    async with running(native_bootloader.otaserver, tmp_path / "flash", update.key_file) as it:
        yield it
