"""Images in the database: kept once, found by version and board, each tenant's its own."""

from __future__ import annotations

import asyncio

import pytest

from hub.database.database import Database
from hub.firmware.errors import (
    ImageRefusedError,
    UnknownFirmwareError,
    VersionTakenError,
)
from hub.firmware.repository import FirmwareRepository
from tests.support.images import canned_image

ONE = canned_image("1.0.0", "nodemcu", seed=1)
TWO = canned_image("2.0.0", "nodemcu", seed=2)
ANY = canned_image("2.0.0", "", seed=3)


@pytest.fixture
def firmware(store: Database) -> FirmwareRepository:
    return FirmwareRepository(store.of("home"))


async def test_kept_listed_loaded_removed(firmware: FirmwareRepository):
    first = await firmware.add(ONE, notes="the first")
    second = await firmware.add(TWO)
    assert [image.id for image in await firmware.images()] == [second.id, first.id]
    assert (first.version, first.board, first.notes) == ("1.0.0", "nodemcu", "the first")
    assert await firmware.load(first.id) == ONE
    assert await firmware.get(second.id) == second
    await firmware.remove(first.id)
    assert await firmware.images() == [second]
    with pytest.raises(UnknownFirmwareError, match=r"there is 2\.0\.0 \(nodemcu\)"):
        await firmware.load(first.id)


async def test_the_same_file_again_is_the_image_that_is_there(firmware: FirmwareRepository):
    first = await firmware.add(ONE)
    again = await asyncio.gather(*(firmware.add(ONE, notes=str(n)) for n in range(4)))
    assert set(again) == {first}


async def test_two_images_cannot_be_the_same_version(firmware: FirmwareRepository):
    first = await firmware.add(ONE)
    with pytest.raises(VersionTakenError, match=rf"1\.0\.0 for nodemcu \(number {first.id}\)"):
        await firmware.add(canned_image("1.0.0", "nodemcu", seed="other"))
    assert len(await firmware.images()) == 1


async def test_found_by_version_and_board(firmware: FirmwareRepository):
    mine, any_board = await firmware.add(TWO), await firmware.add(ANY)
    assert await firmware.find("2.0.0", "nodemcu") == mine
    assert await firmware.find("2.0.0", "d1") == any_board
    with pytest.raises(UnknownFirmwareError, match="of which there is one"):
        await firmware.find("2.0.0")
    with pytest.raises(UnknownFirmwareError, match=r"no image 3\.0\.0 for d1"):
        await firmware.find("3.0.0", "d1")
    with pytest.raises(ImageRefusedError, match="'newest' is not of the form"):
        await firmware.find("newest")


async def test_what_is_refused_leaves_nothing(firmware: FirmwareRepository):
    for data, notes in ((b"garbage", ""), (ONE[:-1], ""), (ONE, "x" * 2001), (ONE, "a\0b")):
        with pytest.raises(ImageRefusedError):
            await firmware.add(data, notes=notes)
    assert await firmware.images() == []


async def test_tenants_do_not_see_each_others(store: Database, firmware: FirmwareRepository):
    await store.ensure_tenant("beach")
    beach = FirmwareRepository(store.of("beach"))
    ours = await firmware.add(ONE)
    theirs = await beach.add(ONE)  # the same file: neither knows of the other
    assert theirs.id != ours.id
    for step in (beach.get, beach.load, beach.remove):
        with pytest.raises(UnknownFirmwareError):
            await step(ours.id)
    await beach.remove(theirs.id)
    assert await firmware.images() == [ours]
