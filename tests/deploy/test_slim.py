"""What is cut off an image's programs: what the system never loads."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.bindings import _rust

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("slim", ROOT / "deploy/images/slim.py")
slim = importlib.util.module_from_spec(spec)
spec.loader.exec_module(slim)


def elf(segments: list[tuple[int, int]], size: int) -> bytes:
    """A file as elf(5) has it: program headers behind the header, these segments of the file."""
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQ", 3, 62, 1, 0, 64, 0x1234)  # type ... e_phoff, e_shoff
    head += struct.pack("<IHHHHHH", 0, 64, 56, len(segments), 64, 30, 29)
    table = b"".join(
        struct.pack("<IIQQQQQQ", 1, 5, offset, 0, 0, length, length, 4096)
        for offset, length in segments
    )
    return (head + table).ljust(size, b"x")


def test_all_that_is_loaded_stays():
    content = elf([(0, 700), (1000, 500), (900, 40)], 4000)
    short = slim.slim(content)
    assert len(short) == 1500
    # No more sections; everything else as it was.
    assert short[40:48] == bytes(8)
    assert short[60:64] == bytes(4)
    assert (
        short[:40] + short[48:60] + short[64:] == content[:40] + content[48:60] + content[64:1500]
    )
    assert slim.slim(short) == short


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF\x01\x01".ljust(200, b"\0"),  # 32 bits
        elf([(0, 700)], 4000)[:100],  # cut off within its headers
        elf([(0, 9000)], 4000),  # cut off within what it loads
    ],
)
def test_what_is_none_or_damaged_is_left_as_it_is(content):
    assert slim.slim(content) == content


def test_it_runs_all_the_same(tmp_path):
    library = tmp_path / Path(_rust.__file__).name
    shutil.copy(_rust.__file__, library)
    program = tmp_path / "cat"
    shutil.copy("/bin/cat", program)
    before = library.stat().st_size
    assert slim.slim_all(tmp_path) > before // 10
    assert program.stat().st_mode & 0o111
    done = subprocess.run([program], input=b"said", capture_output=True, check=True)
    assert done.stdout == b"said"
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location({_rust.__name__!r}, {str(library)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.openssl.openssl_version_text())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("OpenSSL")
