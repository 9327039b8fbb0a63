"""Password hashes that mosquitto takes, and those of its own tool."""

from __future__ import annotations

import subprocess

import pytest

from hub.mqtt.passwords import hash_password, matches, new_password


def test_passwords_are_128_random_bits():
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(bytes.fromhex(password)) == 16 for password in made)


def test_a_hash_matches_its_password_alone():
    hashed = hash_password("correct")
    assert matches("correct", hashed)
    assert not matches("wrong", hashed)
    assert hash_password("correct") != hashed
    assert ":" not in hashed


def test_hashes_of_mosquitto_passwd(tmp_path):
    path = tmp_path / "passwords"
    path.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", path, "dev", "secret"], check=True)
    hashed = path.read_text().strip().partition(":")[2]
    assert hashed.startswith("$7$")
    assert matches("secret", hashed)
    assert not matches("other", hashed)


@pytest.mark.parametrize(
    "hashed", ["", "x", "$6$", "$6$$", "$6$x$y", "$7$x$y$z", "$5$a$b", "$6$é$"]
)
def test_malformed_hashes_match_nothing(hashed):
    assert not matches("", hashed)
