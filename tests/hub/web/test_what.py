"""What people upload in place of firmware is called by its name."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.updates.what import advice, what_is
from tests.contracts.test_checks import FOR_ZERO
from tests.support.images import canned_image, plain_image

NAMED = {
    b"": "an empty file",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"-----BEGIN CERTIFICATE-----": "a key or certificate",
    "Grüße".encode(): "a text file",
    ("ß" * 4095).encode()[1:]: "something that is not known here",
    ("a" + "ß" * 4095).encode(): "a text file",
    zlib.compress(b"x"): "something that is not known here",
}


@pytest.mark.parametrize(("data", "words"), NAMED.items())
def test_common_files(data: bytes, words: str):
    assert what_is(data).startswith(words)
    assert "dormouse sign" in advice(data)


def test_images_of_ours_are_told_apart():
    assert "OTA build" in what_is(plain_image())
    assert "not signed" in what_is(FOR_ZERO)
    assert "your key" in advice(plain_image())
    assert what_is(canned_image()) == "a signed update"


@given(st.binary(max_size=200))
def test_whatever_it_is_something_is_said(data: bytes):
    assert what_is(data)
    assert advice(data)
