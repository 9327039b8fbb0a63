"""A small program in the application's place, linked by our own linker scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

TOP = Path(__file__).parents[2]
BOARD = TOP / "firmware/boards/DORMOUSE"

PROGRAM = """
#ifndef MAP
#define MAP ""
#endif
#ifndef BALLAST
#define BALLAST 4
#endif
int wanted(void);
static volatile char heap[38 * 1024];
__attribute__((section(".irom.data"), aligned(4))) const char map[] = MAP;
__attribute__((section(".irom.data"), aligned(4))) const char ballast[BALLAST] = {1};
__attribute__((section(".irom0.text"))) void mp_init(void) {
    heap[wanted()] = map[0] + ballast[0];
}
int wanted(void) { return 7; }
void firmware_start(void) { mp_init(); }
"""

# What the port's boards/esp8266_common.ld is for: where sections lie, then the ROM's addresses.
COMMON = """
ENTRY(firmware_start)
SECTIONS {
  .irom0.text : { *(.irom0.text .irom0.text.* .irom.data) } > irom0_0_seg
  .text : {
    *(.UserEnter.text) . = ALIGN(16); *(.DebugExceptionVector.text)
    . = ALIGN(16); *(.NMIExceptionVector.text) . = ALIGN(16); *(.KernelExceptionVector.text)
    . = ALIGN(16); QUAD(0) QUAD(0) *(.UserExceptionVector.text)
    . = ALIGN(16); QUAD(0) QUAD(0) *(.DoubleExceptionVector.text)
    . = ALIGN(16); *(.literal .text .literal.* .text.*)
  } > iram1_0_seg
  .data : { *(.data .data.*) LONG(1) } > dram0_0_seg
  .rodata : { *(.rodata .rodata.*) LONG(1) } > dram0_0_seg
  .bss (NOLOAD) : { *(.bss .bss.*) } > dram0_0_seg
}
PROVIDE(call_user_start = 0x40000000);
PROVIDE(start_sdk = 0x40100400);
PROVIDE(_DebugExceptionVector = 0x40000010);
PROVIDE(_NMIExceptionVector = 0x40000020);
PROVIDE(_KernelExceptionVector = 0x40000030);
PROVIDE(_UserExceptionVector = 0x40000050);
PROVIDE(_DoubleExceptionVector = 0x40000070);
"""


def write_common(port: Path) -> None:
    """`boards/esp8266_common.ld` below a folder, for our linker scripts to include."""
    (port / "boards").mkdir(parents=True, exist_ok=True)
    (port / "boards/esp8266_common.ld").write_text(COMMON)


def write_sdk(usr: Path) -> Path:
    """An SDK's folder with the vectors in libmain.a, as a toolchain's sysroot has it."""
    (usr / "lib").mkdir(parents=True)
    (usr / "include").mkdir()
    (usr / "include/user_interface.h").touch()
    vectors = usr / "vectors.o"
    _run("gcc", "-c", "-o", vectors, TOP / "emulator/sdk/vectors.S")
    _run("ar", "rc", usr / "lib/libmain.a", vectors)
    _run("ar", "rc", usr / "lib/liblwip_open.a")
    return usr


def link_app(folder: Path, *defines: str, script: str | None = None) -> Path:
    """The linked program. `script` is in place of app_1m.ld."""
    write_common(folder)
    usr = folder / "usr" if (folder / "usr").exists() else write_sdk(folder / "usr")
    (folder / "app.c").write_text(PROGRAM)
    (folder / "app.ld").write_text(script or (BOARD / "app_1m.ld").read_text())
    flags = ("-Os", "-mlongcalls", "-mtext-section-literals", *defines)
    _run("gcc", *flags, "-c", "-o", folder / "app.o", folder / "app.c")
    command = ("-nostdlib", "-T", "app.ld", f"-L{usr}/lib", "-o", "app.elf", "app.o")
    _run("ld", *command, cwd=folder)
    return folder / "app.elf"


def _run(tool: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [f"xtensa-lx106-elf-{tool}", *arguments],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
