from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.mqtt.certificates import Authority

NAMES = ["hub", "hub.local", "127.0.0.1"]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    issue(tmp_path)
    return tmp_path


def issue(folder: Path) -> bool:
    (folder / "broker").mkdir(exist_ok=True)
    authority = Authority(folder / "authority")
    return authority.issue(folder / "broker/server.crt", folder / "broker/server.key", NAMES, None)


def assert_fit(folder: Path) -> None:
    """The server's key belongs to its certificate, which the authority has signed."""
    authority = x509.load_pem_x509_certificate((folder / "authority/ca.crt").read_bytes())
    server = x509.load_pem_x509_certificate((folder / "broker/server.crt").read_bytes())
    server.verify_directly_issued_by(authority)
    for certificate, key in ((authority, "authority/ca.key"), (server, "broker/server.key")):
        loaded = load_pem_private_key((folder / key).read_bytes(), None)
        assert loaded.public_key() == certificate.public_key()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x00\xff nothing\n" * 9),
    "half": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "missing": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def test_what_is_whole_stays(made: Path):
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert not issue(made)
    assert before == {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert_fit(made)


@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "missing"])
@pytest.mark.parametrize("name", ["server.crt", "server.key"])
def test_a_damaged_certificate_is_issued_anew(made: Path, name: str, damage: str):
    authority = (made / "authority/ca.crt").read_bytes()
    DAMAGES[damage](made / "broker" / name)
    assert issue(made)
    assert_fit(made)
    assert (made / "authority/ca.crt").read_bytes() == authority
    assert not issue(made)


def test_a_key_of_another_certificate_is_not_used(made: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    issue(other)
    shutil.copy(other / "broker/server.key", made / "broker/server.key")
    assert issue(made)
    assert_fit(made)


def test_a_key_that_others_may_read_is_not_used(made: Path):
    (made / "broker/server.key").chmod(0o644)
    assert issue(made)
    assert_fit(made)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["ca.crt", "ca.key"])
def test_a_damaged_authority_is_set_aside_and_told(made: Path, name: str, damage: str, caplog):
    before = (made / "authority/ca.crt").read_bytes()
    DAMAGES[damage](made / "authority" / name)
    with caplog.at_level(logging.ERROR):
        assert issue(made)
    assert_fit(made)
    assert (made / "authority/ca.crt").read_bytes() != before
    (record,) = caplog.records
    assert "have to trust the new" in record.message
    assert list((made / "authority").glob("*.damaged"))
    assert not issue(made)


def test_an_authority_s_key_that_is_not_its_certificate_s(made: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    issue(other)
    shutil.copy(other / "authority/ca.key", made / "authority/ca.key")
    assert issue(made)
    assert_fit(made)


@pytest.mark.parametrize("name", ["ca.crt", "ca.key"])
def test_an_authority_that_cannot_be_read_is_left_as_it_is(made: Path, name: str, monkeypatch):
    """Tests may run as root, whom no mode stops: the answer of the system is what is varied."""
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    with monkeypatch.context() as patched, pytest.raises(PermissionError):
        patched.setattr(Path, "read_bytes", refused)
        issue(made)
    assert before == {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
