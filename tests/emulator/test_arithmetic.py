"""The fake mask ROM's arithmetic, compiled for this machine, against this machine's own."""

from __future__ import annotations

import ctypes
import math
import random
import struct
import subprocess

import pytest

from tests.support.bootloader import TOP

SOURCES = ("float", "division")
NAMES = (
    *("addsf3", "subsf3", "mulsf3", "adddf3", "subdf3", "muldf3", "divdf3", "truncdfsf2"),
    *("extendsfdf2", "fixunssfsi", "fixunsdfsi", "fixdfsi", "floatunsisf", "floatsisf"),
    *("floatunsidf", "floatsidf", "udivsi3", "umodsi3", "divsi3", "umulsidi3", "muldi3"),
    *("udivdi3", "umoddi3", "divdi3"),
)
EDGES = [0.0, -0.0, 1.0, -1.5, 2.0**-149, 2.0**-126, (2 - 2.0**-23) * 2.0**127]
EDGES += [math.inf, -math.inf, math.nan]
WIDE_EDGES = [*EDGES, 5e-324, 2.0**-1022, 1.7e308, 1.0000000001]


@pytest.fixture(scope="module")
def rom(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The compiler's own names are this machine's too: here ours begin with `rom_`."""
    built = tmp_path_factory.mktemp("rom") / "rom.so"
    renamed = [f"-D__{name}=rom_{name}" for name in NAMES]
    sources = [TOP / "emulator/rom" / f"{name}.c" for name in SOURCES]
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *renamed]
    subprocess.run([*command, "-o", built, *sources], check=True, timeout=60)
    return ctypes.CDLL(str(built))


def call(rom: ctypes.CDLL, name: str, result: str, *arguments: tuple[str, int]) -> int:
    types = {"f": ctypes.c_uint32, "d": ctypes.c_uint64, "i": ctypes.c_int32}
    types |= {"u": ctypes.c_uint32, "q": ctypes.c_int64}
    function = getattr(rom, f"rom_{name}")
    function.restype = types[result]
    function.argtypes = [types[kind] for kind, _ in arguments]
    return int(function(*(value for _, value in arguments)))


def single(value: float) -> int:
    try:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    except OverflowError:
        return 0xFF800000 if value < 0 else 0x7F800000


def double(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def rounded(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<I", single(value)))[0])


def same(got: int, wanted: int, bits: int) -> bool:
    """Equal, or both no numbers."""
    exponent = 0x7F800000 if bits == 32 else 0x7FF0000000000000
    sign = 1 << bits - 1
    if (wanted & ~sign) > exponent:
        return (got & ~sign) > exponent
    return got == wanted


def numbers(kind: str, count: int) -> list[float]:
    chance = random.Random(20261129)
    found = list(EDGES if kind == "f" else WIDE_EDGES)
    for _ in range(count):
        if kind == "f":
            found.append(struct.unpack("<f", chance.randbytes(4))[0])
        else:
            found.append(struct.unpack("<d", chance.randbytes(8))[0])
        found.append(rounded(chance.uniform(-2000, 2000)))
    return found


def exact(operation: str, a: float, b: float) -> float:
    """This machine's double precision."""
    if operation == "div":
        if b == 0.0:
            if a == 0.0 or math.isnan(a):
                return math.nan
            return math.copysign(math.inf, math.copysign(1, a) * math.copysign(1, b))
        return a / b
    return {"add": a + b, "sub": a - b, "mul": a * b}[operation]


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_single_precision_is_rounded_as_here(rom: ctypes.CDLL, operation: str) -> None:
    values = numbers("f", 60)
    for a in values:
        for b in values:
            # A double holds a sum or product of singles well enough to be rounded once more.
            wanted = single(exact(operation, a, b))
            got = call(rom, f"{operation}sf3", "f", ("f", single(a)), ("f", single(b)))
            assert same(got, wanted, 32), (operation, a, b, hex(got), hex(wanted))


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div"])
def test_double_precision_is_rounded_as_here(rom: ctypes.CDLL, operation: str) -> None:
    values = numbers("d", 60)
    for a in values:
        for b in values:
            wanted = double(exact(operation, a, b))
            got = call(rom, f"{operation}df3", "d", ("d", double(a)), ("d", double(b)))
            assert same(got, wanted, 64), (operation, a, b, hex(got), hex(wanted))


def test_conversions(rom: ctypes.CDLL) -> None:
    for value in numbers("d", 400):
        got = call(rom, "truncdfsf2", "f", ("d", double(value)))
        assert same(got, single(value), 32), value
    for value in numbers("f", 400):
        assert same(call(rom, "extendsfdf2", "d", ("f", single(value))), double(value), 64), value
    for whole in (0, 1, -1, 7, 0x7FFFFFFF, -0x80000000, 16777217, 33554435):
        assert call(rom, "floatsisf", "f", ("i", whole)) == single(float(whole))
        assert call(rom, "floatsidf", "d", ("i", whole)) == double(float(whole))
        assert call(rom, "fixdfsi", "i", ("d", double(float(whole)))) == whole
        assert call(rom, "floatunsisf", "f", ("u", whole & 0xFFFFFFFF)) == single(
            float(whole & 0xFFFFFFFF)
        )
    for number in (0.0, 0.99, 1.5, 4294967295.0, 1e9 + 0.75):
        assert call(rom, "fixunsdfsi", "u", ("d", double(number))) == int(number)
        near = rounded(number)
        if near < 2**32:
            assert call(rom, "fixunssfsi", "u", ("f", single(near))) == int(near)


def test_whole_numbers(rom: ctypes.CDLL) -> None:
    chance = random.Random(7)
    for _ in range(3000):
        a, b = chance.getrandbits(32) >> chance.randrange(32), chance.getrandbits(32)
        b = (b >> chance.randrange(32)) or 1
        assert call(rom, "udivsi3", "u", ("u", a), ("u", b)) == a // b
        assert call(rom, "umodsi3", "u", ("u", a), ("u", b)) == a % b
        assert call(rom, "umulsidi3", "d", ("u", a), ("u", b)) == a * b
        c, d = chance.getrandbits(64) >> chance.randrange(64), chance.getrandbits(64)
        d = (d >> chance.randrange(64)) or 1
        assert call(rom, "udivdi3", "d", ("d", c), ("d", d)) == c // d
        assert call(rom, "umoddi3", "d", ("d", c), ("d", d)) == c % d
        assert call(rom, "muldi3", "d", ("d", c), ("d", d)) == c * d % 2**64
        signed = c - 2**63
        assert call(rom, "divdi3", "q", ("q", signed), ("q", b)) == int(
            -(-signed // b) if signed < 0 else signed // b
        )
