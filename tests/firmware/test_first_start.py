"""A board's first start: what the port runs then, against our block device.

With MICROPYTHON=<folder of its sources> the port's own `_boot` and inisetup run; without, their
contract is held from the table here.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from host.firmware import SOURCE
from tests.support import seeds
from tests.support.unix_port import run_program

BOARD = SOURCE / "boards" / "DORMOUSE"
PROGRAMS = Path(__file__).parent / "programs"

# Attributes of `bdev` that ports/esp8266/modules/_boot.py and inisetup.py use, by the version of
# MicroPython that they were read in; `vfs` and littlefs ask for the block device protocol besides.
PORT_ASKS = {
    "1.27.0": {"SEC_SIZE", "readblocks", "start_sec", "blocks"},
    "1.28.0": {"SEC_SIZE", "readblocks", "start_sec", "blocks"},
    "1.29.0-preview": {"SEC_SIZE", "readblocks", "start_sec", "blocks"},
}
PROTOCOL = {"readblocks", "writeblocks", "ioctl"}  # docs/library/vfs.rst, "Block devices"


def port_modules() -> Path | None:
    folder = os.environ.get("MICROPYTHON")
    return Path(folder) / "ports/esp8266/modules" if folder else None


def run(tmp_path: Path, calls: str, *, port: bool = True) -> str:
    where = port_modules() if port else None
    return run_program(
        f"import sys; sys.path.append({str(PROGRAMS)!r}); import first_start as start\n"
        f"start.load({str(BOARD)!r}, {str(where or '')!r})\n{calls}",
        cwd=tmp_path,
    ).splitlines()[-1]


def test_a_blank_flash_gets_a_filesystem(tmp_path):
    assert run(tmp_path, "start.blank()") == "ours"


def test_a_first_start_may_lose_power_anywhere(tmp_path):
    assert run(tmp_path, "start.cut_everywhere()") == "ok"


def test_what_another_firmware_left_is_formatted(tmp_path):
    seed = seeds.seed(30)
    assert run(tmp_path, f"start.foreign({seed})") == "ours"


def test_a_weak_supply_costs_no_settings(tmp_path):
    assert run(tmp_path, "start.mounted_stays()") == "ok"


def test_imports_of_a_frozen_build_read_no_flash(tmp_path):
    frozen, from_filesystem = map(int, run(tmp_path, "start.path()").split())
    print(f"flash reads of six imports: {from_filesystem} before, {frozen} now")
    assert frozen == 0
    assert from_filesystem > 20


def test_built_in_modules_are_searched_for_once(tmp_path):
    """Those that MicroPython lets others stand in for (MP_REGISTER_EXTENSIBLE_MODULE)."""
    extensible = {"array", "binascii", "collections", "errno", "hashlib", "heapq", "io", "json"}
    extensible |= {"machine", "os", "random", "re", "select", "socket", "struct", "time"}
    asked = {
        name.split(".")[0]
        for path in (SOURCE / "dormouse").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else
                     [one.name for one in node.names])
    }  # fmt: skip
    program = f"start.start(); print(sorted(set({sorted(asked & extensible)}) - set(sys.modules)))"
    assert run(tmp_path, program) == "[]"


def test_the_order_of_frozen_modules_is_not_the_disks(monkeypatch):
    lists = []
    for backwards in (False, True):
        walked = list(os.walk(SOURCE / "dormouse"))
        found = [
            (str(Path(top).relative_to(SOURCE)), folders, sorted(names, reverse=backwards))
            for top, folders, names in sorted(walked, reverse=backwards)
        ]
        monkeypatch.setattr(os, "walk", lambda _, found=found: found)
        given = {}
        names = {
            "freeze": lambda *_: None,
            "module": lambda *_, **__: None,
            "package": lambda _, given=given, **more: given.update(more),
        }
        exec((SOURCE / "manifest.py").read_text(), names)  # as MicroPython's build does
        monkeypatch.undo()
        lists.append(given["files"])
    assert lists[0] == lists[1]
    assert len(lists[0]) == len(list((SOURCE / "dormouse").rglob("*.py")))


@pytest.mark.parametrize("version", PORT_ASKS)
def test_the_block_device_offers_what_the_port_asks(version, tmp_path):
    asked = sorted(PORT_ASKS[version] | PROTOCOL)
    program = f"""
bdev = start.sources["flashbdev"].bdev
for name in {asked}: getattr(bdev, name)
print(bdev.SEC_SIZE == bdev.ioctl(5, 0), bdev.blocks == bdev.ioctl(4, 0), bdev.start_sec)
"""
    assert run(tmp_path, program, port=False) == f"True True {0xD5}"


def test_the_ports_own_modules_ask_for_no_more(tmp_path):
    folder = port_modules()
    if folder is None:
        pytest.skip("needs MICROPYTHON=<folder of its sources>: runs the port's own inisetup")
    assert run(tmp_path, "start.use_port_inisetup(); start.blank()") == "ours"
    asked = {
        node.attr
        for name in ("_boot.py", "inisetup.py")
        for node in ast.walk(ast.parse((folder / name).read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "bdev"
    }
    assert asked <= set.union(*PORT_ASKS.values())


def test_only_a_frozen_build_has_the_frozen_path():
    """Deployed as files or as ROMFS the modules lie on the filesystem: the port's path stays."""
    assert "sys.path" not in (SOURCE / "main.py").read_text()
    manifest = (SOURCE / "manifest.py").read_text()
    assert 'module("boot.py", base_path="boards/DORMOUSE"' in manifest
