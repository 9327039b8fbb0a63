"""A start as the port does it, over flash in memory: `_boot`, then boot.py, then what we import.

Each function is a test of its own; it prints what the test compares. `load` comes first.
"""

import gc
import os
import random
import sys

import vfs

SECTOR = 4096
SIZE = 0x100000
VFS, VFS_END = 0xD5000, 0xFB000  # partitions/1m.csv


class PowerCutError(Exception):
    pass


class Esp:
    """The port's `esp` module: flash that erases to ones and writes zeros, and can lose power."""

    def __init__(self):
        self.reads = self.operations = self.bad_reads = 0
        self.cut_at = None
        self.erase_everything()

    def erase_everything(self):
        self.data = bytearray(b"\xff" * SIZE)

    def flash_size(self):
        return SIZE

    def flash_read(self, at, buf):
        self.reads += 1
        if self.bad_reads:
            self.bad_reads -= 1
            raise OSError(5)
        buf[:] = self.data[at : at + len(buf)]

    def _lasts(self):
        self.operations += 1
        return self.operations != self.cut_at

    def flash_erase(self, sector):
        assert VFS <= sector * SECTOR < VFS_END
        length = SECTOR if self._lasts() else SECTOR // 2
        self.data[sector * SECTOR : sector * SECTOR + length] = b"\xff" * length
        if length < SECTOR:
            raise PowerCutError

    def flash_write(self, at, buf):
        assert VFS <= at <= VFS_END - len(buf)
        whole = self._lasts()
        for i in range(len(buf) if whole else len(buf) // 2):
            self.data[at + i] &= buf[i]
        if not whole:
            raise PowerCutError


esp = Esp()
sources = {}


class Network:
    """What the port's own inisetup asks of WiFi."""

    AUTH_WPA_WPA2_PSK = 4

    class WLAN:
        IF_AP = 1

        def __init__(self, interface):
            pass

        def config(self, *names, **values):
            return b"\1\2\3\4\5\6"


class Time:
    """A pause takes no time; who pauses for seconds waits for a person, which no test is."""

    @staticmethod
    def sleep_ms(ms):
        assert ms < 1000

    @staticmethod
    def sleep(_seconds):
        raise SystemExit(3)


def load(board, port=""):
    """Take our board folder's modules; `_boot` (and inisetup with `port/`) from the port's folder.

    Without one `_boot` is the part of it that matters here.
    """
    sys.modules["esp"] = esp
    sys.modules["network"] = Network
    sys.modules["time"] = Time
    sys.path[:] = [board, ""]
    sources["flashbdev"] = __import__("flashbdev")
    __import__("inisetup")  # while its file can still be reached
    with open(board + "/boot.py") as file:
        sources["boot"] = file.read()
    if port:
        with open(port + "/_boot.py") as file:
            sources["_boot"] = file.read()
        with open(port + "/inisetup.py") as file:
            sources["port's inisetup"] = file.read()
    else:
        sources["_boot"] = (
            "import vfs\nfrom flashbdev import bdev\n"
            "try: vfs.mount(bdev, '/')\nexcept:\n import inisetup\n inisetup.setup()\n"
        )
    vfs.umount("/")


def use_port_inisetup():
    """The port's module in place of ours."""
    names = {}
    exec(sources["port's inisetup"], names)

    class Inisetup:
        setup = names["setup"]

    sys.modules["inisetup"] = Inisetup


def start():
    """What runs from power-on up to main.py."""
    try:
        vfs.umount("/")
    except OSError:
        pass
    sys.path[:] = ["", ".frozen", "/lib", "/"]
    exec(sources["_boot"], {})
    exec(sources["boot"], {})
    gc.collect()


def keep(text):
    with open("settings.json", "w") as file:
        file.write(text)


def kept():
    try:
        with open("settings.json") as file:
            return file.read()
    except OSError:
        return None


def blank():
    start()
    assert kept() is None
    keep("ours")
    start()
    print(kept())


def cut_everywhere():
    """Power fails at every operation of the first start; the next start finds its way."""
    esp.erase_everything()
    esp.operations = 0
    start()
    steps = esp.operations
    assert steps > 3
    for step in range(1, steps + 1):
        esp.erase_everything()
        esp.operations, esp.cut_at = 0, step
        try:
            start()
        except PowerCutError:
            pass
        else:
            raise AssertionError(step)
        esp.cut_at = None
        start()
        keep(str(step))
        start()
        assert kept() == str(step), step
    print("ok")


def foreign(seed):
    """What other firmware left: noise, text, zeros, an older or a larger filesystem."""
    random.seed(seed)
    noise = bytes(random.getrandbits(8) for _ in range(SECTOR))
    for content in (noise, b"SPIFFS and its like ".replace(b" ", b"\0"), bytes(64)):
        for block in range(4):
            at = VFS + block * SECTOR
            esp.data[at : at + len(content)] = content
        start()
        keep("ours")
        start()
        assert kept() == "ours"
        esp.erase_everything()
    bdev = sources["flashbdev"].bdev
    if hasattr(vfs, "VfsLfs1"):
        vfs.VfsLfs1.mkfs(bdev)
        start()
        assert isinstance(os.statvfs("/"), tuple)
        keep("ours")
        esp.erase_everything()
    larger = sources["flashbdev"].FlashBdev(bdev.start_sec, bdev.blocks)
    larger.ioctl = lambda op, arg: 500 if op == 4 else bdev.ioctl(op, arg)
    vfs.VfsLfs2.mkfs(larger)
    start()
    keep("ours")
    start()
    print(kept())


def mounted_stays():
    """A filesystem of the same place is mounted with what is in it; its boot.py does not run."""
    start()
    keep("ours")
    with open("boot.py", "w") as file:
        file.write("raise SystemExit")
    for bad in (1, 2, 7):
        esp.bad_reads = bad
        start()
        assert esp.bad_reads == 0
        assert kept() == "ours", bad
    print("ok")


def path():
    """Flash reads of imports, before and after boot.py."""
    start()
    keep("ours")
    for name in ("lib", "data"):
        os.mkdir(name)

    def reads():
        before = esp.reads
        for name in ("os", "json", "struct", "binascii", "hashlib", "random"):
            __import__(name)
        return esp.reads - before

    frozen = reads()
    sys.path[:] = ["", ".frozen", "/lib", "/"]
    print(frozen, reads())
