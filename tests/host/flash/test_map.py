"""A bootloader or application of another flash map is refused before the port is opened."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from contracts import image, map_marker
from host.flash.errors import WrongFlashMapError
from host.flash_maps import read
from tests.host.flash.conftest import ROOT, Kit, Said, dormouse

LAYOUTS = ("1m", "2m", "4m")


def marked(data: bytes, layout: str) -> bytes:
    """An application with the map's text in its irom."""
    text = str(map_marker.marker(read(ROOT / "partitions" / f"{layout}.csv"))).encode() + b"\0"
    return image.build_application(text + data)


def server(kit: Kit, folder: Path, layout: str) -> Kit:
    """The kit with a bootloader for a layout."""
    path = folder / "bootloader.bin"
    data = random.Random(8).randbytes(50_000)
    path.write_bytes(kit.bootloader.read_bytes()[:4096] + marked(data, layout))
    return replace(kit, bootloader=path)


def application(kit: Kit, folder: Path, layout: str) -> Kit:
    path = folder / "app.bin"
    path.write_bytes(image.stamp(marked(b"app", layout), "1.2.3", ""))
    return replace(kit, application=path)


def flash(kit: Kit, layout: str) -> Said:
    return kit.flash(
        *("--board", "d1-mini", "--dry-run"), "--partitions", f"partitions/{layout}.csv"
    )


@pytest.mark.parametrize("ours", LAYOUTS)
@pytest.mark.parametrize("theirs", LAYOUTS)
def test_a_bootloader_of_another_map_is_refused(kit, tmp_path, ours, theirs):
    said = flash(server(kit, tmp_path, theirs), ours)
    if ours == theirs:
        assert said.status == 0, said.output
    else:
        assert said.status == WrongFlashMapError.exit_status
        assert "RF calibration would land" in said.output
        assert "bootloader.bin: built for a flash of" in said.output


@pytest.mark.parametrize(("ours", "theirs"), [("1m", "2m"), ("2m", "4m"), ("1m", "4m")])
def test_an_application_for_a_larger_part_is_refused(kit, tmp_path, ours, theirs):
    said = flash(application(kit, tmp_path, theirs), ours)
    assert said.status == WrongFlashMapError.exit_status
    assert "app.bin: the application is built for a flash of" in said.output


@pytest.mark.parametrize(("ours", "theirs"), [("2m", "1m"), ("4m", "1m"), ("4m", "2m")])
def test_an_application_for_a_smaller_part_is_taken_with_a_note(kit, tmp_path, ours, theirs):
    said = flash(application(kit, tmp_path, theirs), ours)
    assert said.status == 0, said.output
    assert "note       the application is built for parts of" in said.output


def test_images_that_say_nothing_are_taken(kit):
    """A stock yaota8266, and applications that somebody else built."""
    said = flash(kit, "4m")
    assert said.status == 0, said.output
    assert "built for" not in said.output


@pytest.mark.parametrize(("layout", "words"), [("1m", "built for this one"), ("4m", "ANOTHER")])
def test_image_info_says_the_map(kit, tmp_path, layout, words):
    path = server(kit, tmp_path, layout).bootloader
    assert words in dormouse("image", "info", str(path)).output
    assert "not told" in dormouse("image", "info", str(kit.bootloader)).output
