"""What an ESP8266 does with the commands of its ROM loader, and of esptool's stub in its RAM.

The ROM's part is the mask ROM's protocol with its flaws; the stub's part begins when the very
stub that esptool ships was loaded and started. Flash is real flash: erased to FF, writing clears.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from esptool.loader import StubFlasher
from esptool.targets import ESP8266ROM

ESP8266, ESP32 = 0xFFF0C101, 0x00F01D83
"""What the word at 0x40001000 says."""

_SECTOR, _BLOCK_SECTORS = 4096, 16
_WINBOND = 0xEF
_SIZE_IDS = {1 << n: n for n in range(18, 25)}
_SPI_CMD, _SPI_ADDR, _SPI_USR2, _SPI_W0 = 0x60000200, 0x60000204, 0x60000224, 0x60000240
_RUN_SPI = 1 << 18
_MAGIC_WORD = 0x40001000
_UART_DIVIDER, _TWO_CRYSTALS = 0x60000014, 52_000_000
_ROM_SYNC, _STUB_SYNC = 0x20120707, 0
_CHECKSUM_SEED = 0xEF
OK = b"\0\0"
# (status, reason): the ROM's and the stub's codes for the same.
_BAD_MESSAGE, _BAD_CHECKSUM, _FAILED = b"\1\5", b"\1\7", b"\1\6"
BAD_LENGTH, _STUB_CHECKSUM, _STUB_INFLATE, _STUB_TOO_MUCH = (
    b"\xc0\0",
    b"\xc1\0",
    b"\xc7\0",
    b"\xc9\0",
)

_OHAI = b"OHAI"


@dataclass
class Download:
    """A download to flash that goes on: what is due where, and the inflater of a compressed one."""

    at: int
    due: int
    inflate: object = None


@dataclass
class Chip:
    """An ESP8266 with a flash part, in its loader.

    `restarted` is called when it leaves the loader. `stub_runs` False: the stub crashes, as on a
    chip with bad RAM. `erased` (start, end) and `commands` tell what was done.
    """

    flash: bytearray
    magic: int = ESP8266
    efuses: tuple[int, int, int, int] = (0x5B000000, 0x0200BC3F, 0, 0x00BCDDC2)
    flash_id: int | None = None
    stub_runs: bool = True
    restarted: Callable[[], None] = lambda: None
    erased: list[tuple[int, int]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    written: int = 0
    baud: int = 0
    in_stub: bool = False
    in_loader: bool = True

    def __post_init__(self) -> None:
        self._registers: dict[int, int] = {}
        self._ram: dict[int, bytes] = {}
        self._segment: tuple[int, bytearray] | None = None
        self._download: Download | None = None
        if self.flash_id is None:
            self.flash_id = _SIZE_IDS[len(self.flash)] << 16 | 0x40 << 8 | _WINBOND

    def command(self, op: int, check: int, data: bytes) -> Iterator[bytes]:
        """The frames (without SLIP) that answer one command."""
        name = next((n for n, number in ESP8266ROM.ESP_CMDS.items() if number == op), hex(op))
        handler = getattr(self, "_" + name.lower(), None)
        stub_only = op > ESP8266ROM.ESP_CMDS["READ_REG"]
        self.commands.append(name)
        if handler is None or (stub_only and not self.in_stub):
            # The ROM does not say which command it does not know.
            yield answer(op if self.in_stub else 0, 0, b"\xff\0" if self.in_stub else _BAD_MESSAGE)
            return
        if name in {"FLASH_DATA", "MEM_DATA", "FLASH_DEFL_DATA"}:
            length, payload = int.from_bytes(data[:4], "little"), data[16:]
            if length != len(payload):
                yield answer(op, 0, BAD_LENGTH if self.in_stub else _BAD_MESSAGE)
                return
            if checksum(payload) != check & 0xFF:
                yield answer(op, 0, _STUB_CHECKSUM if self.in_stub else _BAD_CHECKSUM)
                return
            data = payload
        result = handler(data)
        if result is None:
            yield answer(op, 0, OK)
        elif isinstance(result, int):
            yield answer(op, result, OK)
        elif isinstance(result, bytes):
            yield answer(op, 0, result)
        else:
            yield from result

    # --- both -------------------------------------------------------------------------------

    def _sync(self, _: bytes) -> Iterator[bytes]:
        for _n in range(8):
            yield answer(ESP8266ROM.ESP_CMDS["SYNC"], _STUB_SYNC if self.in_stub else _ROM_SYNC, OK)

    def _read_reg(self, data: bytes) -> int:
        (address,) = struct.unpack("<I", data)
        if address == _MAGIC_WORD:
            return self.magic
        if 0 <= (index := (address - 0x3FF00050) // 4) < 4:
            return self.efuses[index]
        if address == _UART_DIVIDER:
            return _TWO_CRYSTALS // (self.baud or 115200)
        return self._registers.get(address, 0)

    def _write_reg(self, data: bytes) -> None:
        for address, value, mask, _delay in struct.iter_unpack("<IIII", data):
            self._registers[address] = self._registers.get(address, 0) & ~mask | value & mask
            if address == _SPI_CMD and value & _RUN_SPI:
                self._registers[_SPI_CMD] = 0
                self._spi(self._registers.get(_SPI_USR2, 0) & 0xFF)

    def _spi(self, command: int) -> None:
        at = self._registers.get(_SPI_ADDR, 0) >> 8
        words = {
            0x9F: self.flash_id,
            0x5A: int.from_bytes(b"SFDP", "little") if at == 0 else _WINBOND,
            0x03: int.from_bytes(self.flash[at : at + 4], "little"),
        }
        self._registers[_SPI_W0] = words.get(command, 0) or 0

    def _mem_begin(self, data: bytes) -> bytes:
        size, _blocks, _block, address = struct.unpack("<IIII", data)
        self._ram.pop(address, None)
        self._segment = (address, bytearray())
        return OK if size < 1 << 16 else _FAILED

    def _mem_data(self, data: bytes) -> bytes:
        if self._segment is None:
            return _FAILED
        address, content = self._segment
        content += data
        self._ram[address] = bytes(content)
        return OK

    def _mem_end(self, data: bytes) -> Iterator[bytes]:
        stay, entry = struct.unpack("<II", data)
        yield answer(ESP8266ROM.ESP_CMDS["MEM_END"], 0, OK)
        if stay:
            return
        stub = StubFlasher(ESP8266ROM)
        loaded = (self._ram.get(stub.text_start), self._ram.get(stub.data_start), entry)
        if self.stub_runs and loaded == (stub.text, bytes(stub.data), stub.entry):
            self.in_stub = True
            yield _OHAI
        else:
            self.in_loader = False  # whatever runs there now, it does not answer

    # --- flash --------------------------------------------------------------------------------

    def _erase(self, at: int, sectors: int) -> None:
        start = at // _SECTOR * _SECTOR
        end = min(start + sectors * _SECTOR, len(self.flash))
        self.flash[start:end] = b"\xff" * (end - start)
        if sectors:
            self.erased.append((start, end))

    def _program(self, data: bytes) -> bytes:
        now = self._download
        if now is None:
            return _FAILED
        data = data[: now.due]  # the last block comes padded
        for i, value in enumerate(data, now.at):
            self.flash[i] &= value
        now.at += len(data)
        now.due -= len(data)
        self.written += len(data)
        return OK

    def _flash_begin(self, data: bytes) -> bytes:
        size, blocks, block, at = struct.unpack("<IIII", data[:16])
        sectors = -(-size // _SECTOR)
        if not self.in_stub:
            # The ROM counts the sectors up to the next 64 KiB block twice.
            size = blocks * block
            sectors += min(sectors, _BLOCK_SECTORS - at // _SECTOR % _BLOCK_SECTORS)
        if at + size > len(self.flash):
            return _FAILED
        self._erase(at, sectors)
        self._download = Download(at, size)
        return OK

    def _flash_data(self, data: bytes) -> bytes:
        return self._program(data)

    def _flash_end(self, data: bytes) -> Iterator[bytes]:
        yield answer(ESP8266ROM.ESP_CMDS["FLASH_END"], 0, OK)
        if not self.in_stub or data == bytes(4):
            self._leave()

    def _flash_defl_begin(self, data: bytes) -> bytes:
        size, _blocks, _block, at = struct.unpack("<IIII", data[:16])
        if at + size > len(self.flash):
            return _FAILED
        self._erase(at, -(-size // _SECTOR))
        self._download = Download(at, size, zlib.decompressobj())
        return OK

    def _flash_defl_data(self, data: bytes) -> bytes:
        now = self._download
        if now is None or now.inflate is None:
            return _FAILED
        try:
            plain = now.inflate.decompress(data)  # type: ignore[attr-defined]
        except zlib.error:
            return _STUB_INFLATE
        return _STUB_TOO_MUCH if len(plain) > now.due else self._program(plain)

    def _flash_defl_end(self, _: bytes) -> None:
        self._download = None

    # --- the stub only --------------------------------------------------------------------------

    def _spi_flash_md5(self, data: bytes) -> bytes:
        at, size = struct.unpack("<II", data[:8])
        return hashlib.md5(self.flash[at : at + size]).digest() + OK

    def _erase_flash(self, _: bytes) -> None:
        self._erase(0, len(self.flash) // _SECTOR)

    def _erase_region(self, data: bytes) -> None:
        at, size = struct.unpack("<II", data)
        self._erase(at, size // _SECTOR)

    def _spi_attach(self, _: bytes) -> None:
        pass

    def _spi_set_params(self, _: bytes) -> None:
        pass

    def _change_baudrate(self, data: bytes) -> Iterator[bytes]:
        yield answer(ESP8266ROM.ESP_CMDS["CHANGE_BAUDRATE"], 0, OK)
        self.baud = int.from_bytes(data[:4], "little")

    def _run_user_code(self, _: bytes) -> Iterator[bytes]:
        self._leave()
        return iter(())

    def reset(self, *, loader: bool) -> None:
        """The reset pin: into the loader, or into what lies in flash."""
        self.in_loader, self.in_stub = loader, False
        if not loader:
            self.restarted()

    def _leave(self) -> None:
        self.in_loader = self.in_stub = False
        self.restarted()


def checksum(data: bytes) -> int:
    """The exclusive or that follows data packets."""
    state = _CHECKSUM_SEED
    for value in data:
        state ^= value
    return state


def answer(op: int, value: int, body: bytes) -> bytes:
    """A response frame, without SLIP."""
    return struct.pack("<BBHI", 1, op, len(body), value) + body
