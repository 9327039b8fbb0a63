"""A folder as MicroPython's sources are, small: its own make links our board with the real linker.

The Makefile has the port's names and its way: mpconfigboard.mk, LD_FILES, ESP_SDK, ESPTOOL without
--chip, firmware.elf and firmware.bin in BUILD.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.linked_app import PROGRAM, TOP, write_common, write_sdk

MAKEFILE = """
.RECIPEPREFIX := >
ESPTOOL := esptool
CROSS_COMPILE ?= xtensa-lx106-elf-
BUILD ?= build-$(BOARD)
include $(BOARD_DIR)/mpconfigboard.mk
MAP := $(shell sed -n 's/^MAP = //p' $(BOARD_DIR)/flash_map.py)
CFLAGS = -Os -mlongcalls -mtext-section-literals
all: $(BUILD)/firmware.bin
$(BUILD)/firmware.elf:
>mkdir -p $(BUILD)
>@echo CC app.c
>@$(CROSS_COMPILE)gcc $(CFLAGS) $(CFLAGS_EXTRA) '-DMAP=$(MAP)' \\
  "-DDATE=\\"$$SOURCE_DATE_EPOCH\\"" -c -o $(BUILD)/app.o app.c
>@$(CROSS_COMPILE)ld -nostdlib -T $(LD_FILES) -o $@ $(BUILD)/app.o -L$(ESP_SDK)/lib -lmain
$(BUILD)/firmware.bin: $(BUILD)/firmware.elf
>@$(ESPTOOL) elf2image $^
>@PYTHONPATH={top} {python} makeimg.py $(BUILD)/firmware.elf-0x00000.bin \\
  $(BUILD)/firmware.elf-0x[0-5][1-f]000.bin $@
"""

MAKEIMG = """
import sys
from pathlib import Path
from contracts import image
head, irom, out = map(Path, sys.argv[1:])
data = head.read_bytes()
parsed = image.parse(data)
parts = [(s.address, data[s.offset : s.end]) for s in parsed.segments]
out.write_bytes(image.build_application(irom.read_bytes(), parts, entry=parsed.entry))
"""

CONFIG = """
#define MICROPY_VERSION_MAJOR {major}
#define MICROPY_VERSION_MINOR {minor}
#define MICROPY_VERSION_MICRO 0
#define MICROPY_VERSION_PRERELEASE 0
"""


def write_sources(folder: Path, version: tuple[int, int] = (1, 28)) -> Path:
    """The folder, without git; its SDK is in `usr` beside the port."""
    port = folder / "ports/esp8266"
    write_common(port)
    write_sdk(folder / "usr")
    (port / "Makefile").write_text(
        MAKEFILE.replace("{top}", str(TOP)).replace("{python}", sys.executable)
    )
    (port / "app.c").write_text(PROGRAM + "const char *date(void) { return DATE; }\n")
    (port / "makeimg.py").write_text(MAKEIMG)
    for name in ("py", "mpy-cross", "lib/axtls", "lib/berkeley-db-1.xx", "lib/micropython-lib"):
        (folder / name).mkdir(parents=True)
        (folder / name / "README").touch()
    # The compiler runs here: what is for the chip must not reach its make.
    (folder / "mpy-cross/Makefile").write_text(
        "all: ; @test $(origin BUILD)$(origin CFLAGS_EXTRA)$(origin CROSS_COMPILE)"
        " = undefinedundefinedundefined\n"
    )
    config = CONFIG.format(major=version[0], minor=version[1])
    (folder / "py/mpconfig.h").write_text(config)
    (folder / ".gitignore").write_text("build-*\nusr\n")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "t@example.org" for role in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")}  # fmt: skip
    subprocess.run(
        ["git", "-C", folder, "-c", "commit.gpgsign=false", *arguments],
        env=os.environ | who,
        check=True,
        capture_output=True,
        timeout=20,
    )


def commit(folder: Path, tag: str | None) -> None:
    """Make it a repository of one commit, with a tag."""
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "sources")
    if tag:
        git(folder, "tag", tag)
