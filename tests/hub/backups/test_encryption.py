from __future__ import annotations

import threading
from pathlib import Path

import pyrage
import pytest

from hub.backups.encryption import AGE_HEADER, AgeKey
from hub.database.errors import BackupError

STANZA = b"-> X25519 a\n"
LINE = b"A" * 64 + b"\n"
TAG = b"A" * 43


@pytest.fixture
def key(tmp_path: Path) -> AgeKey:
    found = AgeKey(tmp_path / "age.key")
    found.ensure()
    return found


def sealed(key: AgeKey, content: bytes = b"x" * 200_000) -> bytes:
    return pyrage.encrypt(content, [pyrage.x25519.Identity.from_str(key.text()).to_public()])


def refused(key: AgeKey, folder: Path, content: bytes) -> str:
    source = folder / "home.backup.age"
    source.write_bytes(content)
    with pytest.raises(BackupError) as error:
        key.decrypt(source, folder / "plain")
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 300 + 2 * len(str(folder))
    return said


def test_what_was_cut_or_changed_anywhere_is_told_in_one_line(key: AgeKey, tmp_path: Path):
    whole = sealed(key)
    header = whole.index(b"\n--- ") + 5 + len(TAG) + 1
    # In the header, after it, in the nonce, in each piece of 64 KiB with its 16 bytes, at the end.
    cuts = (22, 60, header - 1, header, header + 8, header + 16, header + 16 + 65_552, len(whole))
    for at in cuts:
        assert "not whole, or was changed" in refused(key, tmp_path, whole[: at - 1]), at
    for at in (header - 10, header + 3, header + 100, len(whole) - 1):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert "not whole, or was changed" in refused(key, tmp_path, changed), at
    assert "not whole, or was changed" in refused(key, tmp_path, whole + b"x")


def test_another_key_or_a_password_is_told_as_such(key: AgeKey, tmp_path: Path):
    other = AgeKey(tmp_path / "other.key")
    other.ensure()
    # Two to the power of 62 steps, if anybody took them.
    steps = b"-> scrypt " + b"A" * 22 + b" 62\n" + TAG + b"\n--- " + TAG + b"\n"
    for content in (sealed(other), AGE_HEADER + steps + bytes(100)):
        said = refused(key, tmp_path, content)
        assert f"the key in {key.path} does not open it" in said


@pytest.mark.parametrize(
    "header",
    [
        b"-> " + b"a" * (8 << 20),
        STANZA + LINE * 16_000,
        b"-> X a\nAAAA\n" * 20_000,
        STANZA + LINE * 16_000 + b"--- " + TAG + b"\n",
    ],
)
def test_a_header_without_end_keeps_nobody_busy(key: AgeKey, tmp_path: Path, header, monkeypatch):
    """age reads it again for each line: 1 MB would hold up all of a hub for 18 s."""
    asked = threading.Event()
    monkeypatch.setattr(pyrage, "decrypt_io", lambda *_: asked.set())
    said = refused(key, tmp_path, AGE_HEADER + header)
    assert "not whole, or was changed" in said
    assert not asked.is_set()


def test_one_with_twenty_readers_is_read(key: AgeKey, tmp_path: Path):
    others = [pyrage.x25519.Identity.generate().to_public() for _ in range(19)]
    own = pyrage.x25519.Identity.from_str(key.text()).to_public()
    (tmp_path / "home.backup.age").write_bytes(pyrage.encrypt(b"rows", [*others, own]))
    key.decrypt(tmp_path / "home.backup.age", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == b"rows"
