from __future__ import annotations

import random

import pytest

from contracts import map_marker
from contracts.flash_map import parse
from host import flash_maps
from tests.support.bootloader import TOP

LAYOUTS = ("1m", "2m", "4m")


def layout(name: str) -> map_marker.MapMarker:
    return map_marker.marker(flash_maps.read(TOP / f"partitions/{name}.csv"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_written_is_found(name):
    ours = layout(name)
    chance = random.Random(name)
    image = chance.randbytes(5000) + str(ours).encode() + b"\0" + chance.randbytes(5000)
    assert map_marker.find(image) == ours
    assert str(ours).startswith(f"dormouse flash map {ours.size >> 10} KiB: boot 0x0+0x1000, ")


def test_the_header_has_the_same_text(capsys):
    flash_maps.main(["header", str(TOP / "partitions/4m.csv")])
    assert f'#define FLASH_MAP_MARKER "{layout("4m")}"\n' in capsys.readouterr().out


def test_images_without_one_have_none():
    text = str(layout("1m")).encode()
    for image in (b"", b"dormouse flash map ", text[:-1], text.replace(b"KiB", b"MiB")):
        assert map_marker.find(image) is None


def test_differences_name_what_is_elsewhere():
    assert layout("1m").differences(layout("1m")) == []
    (app, vfs, sdk) = layout("1m").differences(layout("4m"))
    assert app == "app at 0x3c000..0xd5000, not 0x3c000..0x100000"
    assert vfs == "vfs at 0xd5000..0xfb000, not 0x100000..0x3fb000"
    assert sdk.startswith("sdk at 0xfb000..0x100000, not ")
    short = map_marker.marker(parse("boot, bootloader, primary, 0x0, 0x1000", flash_size=1 << 20))
    assert "no place" in short.differences(layout("1m"))[0]
