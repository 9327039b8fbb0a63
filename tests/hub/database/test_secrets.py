from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.database.secrets import secret


def test_a_secret_is_made_once(tmp_path: Path):
    path = tmp_path / "below" / "a"
    made = secret(path)
    assert len(bytes.fromhex(made)) == 16
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret(path) == made


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"0123456789abcdef\n", b"x" * 32])
def test_a_damaged_one_is_set_aside_and_told(tmp_path: Path, content: bytes, caplog):
    path = tmp_path / "a"
    path.write_bytes(content)
    made = secret(path)
    assert len(bytes.fromhex(made)) == 16
    assert (tmp_path / "a.damaged").read_bytes() == content
    assert str(path) in caplog.records[0].message
    assert secret(path) == made
