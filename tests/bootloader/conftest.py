"""Keys, configurations and images that the boot tests share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts import bootloader_config, image, signatures
from contracts.ota import protocol
from host import keys


@dataclass(frozen=True)
class Signer:
    """A key with the files that programs want it in."""

    key: signatures.Key
    pem: Path
    config: Path


def make_signer(
    folder: Path, bits: int, settings: bootloader_config.Config | None = None
) -> Signer:
    pem, config = folder / f"{bits}.pem", folder / f"{bits}.h"
    key = keys.new(pem, bits)
    config.write_text(bootloader_config.config_h(key.modulus, settings))
    return Signer(key, pem, config)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """The device's key, 2048 bits."""
    return make_signer(tmp_path_factory.mktemp("key"), 2048)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A key as stock devices have it, 512 bits: quick to sign with."""
    return make_signer(tmp_path_factory.mktemp("small"), 512)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """Somebody else's key of 2048 bits."""
    return make_signer(tmp_path_factory.mktemp("stranger"), 2048)


@pytest.fixture(scope="session")
def plain() -> bytes:
    """A small application without a trailer."""
    return image.build_application(bytes(range(256)) * 7 + b"end!")


@pytest.fixture(scope="session")
def small_stream(plain: bytes, small: Signer) -> protocol.SignedStream:
    return protocol.build(image.stamp(plain, "1.2.3", "nodemcu", small.key), small.key)
