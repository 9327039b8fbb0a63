"""docs/porting.md: its example is a server, and it names all that a port gives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.bootloader.conftest import Signer
from tests.support.bootloader import TOP, NativeBootloader

PAGE = (TOP / "docs/porting.md").read_text()

LEFT_TO_WRITE = """
#include <stdint.h>
uint32_t clock_ms(void);
uint32_t receive(uint8_t *into, uint32_t most);
void send_back(const uint8_t *answer, uint32_t length);
_Noreturn void restart(void);
void serve(void);
"""


def undefined_names(program: Path) -> set[str]:
    listing = subprocess.run(
        ["nm", "--undefined-only", program], capture_output=True, text=True, check=True, timeout=20
    ).stdout
    return {line.split()[-1] for line in listing.splitlines()}


def test_the_example_compiles_and_needs_what_the_page_says(
    native_bootloader: NativeBootloader, signer: Signer, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```c\n(.*?)```", PAGE, re.DOTALL)
    source, built = tmp_path / "main.c", tmp_path / "main.o"
    source.write_text(LEFT_TO_WRITE + example)
    (tmp_path / "config.h").write_bytes(signer.config.read_bytes())
    done = subprocess.run(
        [
            *("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-c", source, "-o", built),
            *("-I", tmp_path, "-I", TOP / "bootloader/core", "-I", native_bootloader.folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ours = {"clock_ms", "receive", "send_back", "restart"}
    assert undefined_names(built) - {"_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"} == {
        *ours,
        *("ota_begin", "ota_receive", "ota_tick"),
    }


def test_the_page_names_every_function_of_a_port() -> None:
    functions = re.findall(r"\b(port_\w+)\(", (TOP / "bootloader/core/port.h").read_text())
    assert len(functions) == 7
    assert not [function for function in functions if f"`{function}`" not in PAGE]
