"""The compiled firmware: the same bytes each time, and a heap no larger than the device's."""

from __future__ import annotations

import ast

import pytest

from host import flash_maps
from host.firmware import HEAP, SOURCE, FirmwareBuildError, compile_firmware, modules

# Of 38,016 bytes, measured on the real port's 32-bit words with a wake's modules imported.
DEVICE_FREE_WORDS = 25_744 // 4


def tree(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.mpy"))
    }


def test_the_same_source_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        compile_firmware(tmp_path / name, "1.2.3", "nodemcu")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert len(tree(tmp_path / "one")) == len(modules())
    other = compile_firmware(tmp_path / "three", "1.2.4", "nodemcu")
    assert len(other) == len(modules())
    changed = [
        name
        for name, data in tree(tmp_path / "three").items()
        if data != tree(tmp_path / "one")[name]
    ]
    assert changed == ["dormouse/version.mpy"]


def test_a_module_that_does_not_compile_is_named(tmp_path):
    (tmp_path / "dormouse").mkdir()
    (tmp_path / "main.py").write_text("def broken(:\n")
    with pytest.raises(FirmwareBuildError, match=r"main\.py.*\n?.*SyntaxError"):
        compile_firmware(tmp_path / "out", "0", source=tmp_path)


async def test_the_firmware_gets_no_more_heap_than_a_device_has(make_board):
    """Our heap is the device's, in words, plus what is no heap there: stand-ins, frozen code."""
    board = make_board()
    program = (
        "import world, machine, network, time, socket, select, esp, _onewire, gc\n"
        "machine.I2C()\n"
        "from dormouse import clock, portal_button, rtc, settings, sleep, start, watchdog, wake\n"
        "gc.collect(); print(gc.mem_free() // 8)"
    )
    ended = await board.wake(typed=program)
    assert ended.status == 0, ended.console
    free = int(ended.console)
    assert DEVICE_FREE_WORDS * 9 // 10 <= free <= DEVICE_FREE_WORDS, (HEAP, free)


def test_the_firmware_knows_the_slots_of_every_flash_map():
    """In `ota_negotiation.SLOTS`, by size of flash."""
    tree = ast.parse((SOURCE / "dormouse/ota_negotiation.py").read_text())
    known = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SLOTS"
    )
    maps = [flash_maps.read(path) for path in sorted((SOURCE.parent / "partitions").glob("*.csv"))]
    assert known == {one.size: one.app.size for one in maps}
