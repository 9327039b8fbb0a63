from pathlib import Path

import pytest

from contracts import resources
from host import flash_maps


@pytest.mark.parametrize(("name", "size"), [("1m", 1 << 20), ("2m", 2 << 20), ("4m", 4 << 20)])
def test_ours_by_the_size_of_the_part(tmp_path, monkeypatch, name, size):
    monkeypatch.chdir(tmp_path)
    assert flash_maps.read(flash_maps.named(name)).size == size
    Path(name).write_text("a file of that name is meant")
    assert flash_maps.named(name) == Path(name)


def test_the_current_folders_map_is_taken_before_the_one_that_fits_every_part(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert flash_maps.read(flash_maps.default()).size == 1 << 20
    Path("partitions.csv").write_bytes(flash_maps.named("4m").read_bytes())
    assert flash_maps.read(flash_maps.default()).size == 4 << 20
    ours = flash_maps.read(resources.default_flash_map())
    assert ours.partitions == flash_maps.read(flash_maps.named("1m")).partitions
