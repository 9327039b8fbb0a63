"""Chip ids of devices that are kept."""

from __future__ import annotations

import pytest

from host.twin.errors import TwinFolderInUseError
from host.twin.kinds import TwinKind
from host.twin.register import chip_ids, twin_folder


def test_a_folder_has_its_own_chip_ids_for_ever(tmp_path):
    with twin_folder(tmp_path / "a") as first:
        pass
    with twin_folder(tmp_path / "a") as again:
        assert again == first
    assert first & 0xFFFFF == 0
    drawn = set()
    for name in range(5):
        with twin_folder(tmp_path / str(name)) as other:
            drawn.add(other)
    assert len(drawn) > 1  # five equal draws of 12 bits: once in 10**14


def test_a_folder_is_used_once_at_a_time_and_private(tmp_path):
    with twin_folder(tmp_path / "a"):
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
        with pytest.raises(TwinFolderInUseError, match=str(tmp_path)), twin_folder(tmp_path / "a"):
            pass


def test_the_nth_of_a_kind_has_the_same_id_whatever_else_there_is():
    few = chip_ids(0x12300000, [TwinKind.SWITCH, TwinKind.DS18B20])
    many = chip_ids(
        0x12300000, [TwinKind.DS18B20, TwinKind.BME280, TwinKind.SWITCH, TwinKind.DS18B20]
    )
    assert few == [many[2], many[0]]
    assert len(set(many)) == 4
    assert all(chip >> 20 == 0x123 and chip & 0xFF == 0 for chip in many)


def test_in_a_folder_of_the_way_before_no_new_device_has_an_older_ones_id(tmp_path):
    (tmp_path / "first-chip").write_text("c2230000\n")
    # All but one of the numbers that a folder can draw, as `first | kind << 14 | n` gave them.
    for bits in range(1, 1 << 12):
        (tmp_path / f"{bits << 20 | 0x34001:08x}").mkdir()
    with twin_folder(tmp_path) as first:
        ids = chip_ids(first, [*TwinKind, *TwinKind])
    assert first == 0
    assert len(set(ids)) == 2 * len(TwinKind)
    assert not any((tmp_path / f"{chip:08x}").exists() for chip in ids)
