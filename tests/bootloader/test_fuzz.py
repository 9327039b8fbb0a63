"""The OTA server's core with sanitizers, over the inputs that fuzzing found worth keeping."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.bootloader import make

CORPUS = Path(__file__).parent / "corpus"


def test_the_kept_corpus() -> None:
    program = make("fuzz") / "fuzz-server"
    inputs = sorted(CORPUS.iterdir())
    assert len(inputs) > 100
    done = subprocess.run(
        [program, *inputs], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(re.findall(r"^Executed ", done.stderr, re.MULTILINE)) == len(inputs)


def test_the_sanitizers_and_the_harness_see_what_is_wrong(tmp_path: Path) -> None:
    """A core that takes the length in a datagram for granted is caught by the same corpus."""
    trusting = tmp_path / "bootloader"
    source = Path(__file__).parents[2] / "bootloader"
    for file in source.rglob("*.[ch]"):
        copy = trusting / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (trusting / "Makefile").write_bytes((source / "Makefile").read_bytes())
    core = trusting / "core/ota.c"
    check = "d->signed_length != padded_length(d->length)"
    text = core.read_text()
    assert text.count(check) == 1
    core.write_text(text.replace(check, "d->signed_length < BLOCK_SIZE"))
    program = make("fuzz", source=trusting, folder=tmp_path / "build") / "fuzz-server"
    done = subprocess.run(
        [program, *sorted(CORPUS.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr
