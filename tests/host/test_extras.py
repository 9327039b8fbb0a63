"""What needs an extra says in one line how it is added; what does not need it works."""

from __future__ import annotations

import importlib
import random
import sys

import pytest

from contracts import image
from host.extras import ExtraNotInstalledError, of_extra
from host.label.label import Label
from host.label.store import LabelStore
from host.micropython import build
from host.micropython.sources import MicroPythonSources
from tests.host.flash.conftest import dormouse

LINE = "is not installed here: pip install 'dormouse-home[flash]'"


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """As if the extra `flash` were not installed."""
    for name in ("esptool", "PIL"):
        monkeypatch.setitem(sys.modules, name, None)
    for package, name in (("host.flash", "chip"), ("host.label", "sheet")):
        monkeypatch.delitem(sys.modules, f"{package}.{name}", raising=False)
        # What was loaded before is the package's attribute, too.
        monkeypatch.delattr(importlib.import_module(package), name, raising=False)


def test_a_board_is_planned_without_and_written_with_it(tmp_path):
    (tmp_path / "app.bin").write_bytes(image.build_application(random.Random(3).randbytes(9000)))
    words = ("flash", str(tmp_path / "app.bin"), "--board", "nodemcu", "--keep-bootloader")
    planned = dormouse(*words, "--dry-run")
    assert (planned.status, "nothing was written" in planned.output) == (0, True), planned.output
    # Before anybody looks for a port.
    refused = dormouse(*words, "--port", "/dev/nowhere")
    assert refused.status == 1
    assert f"esptool {LINE}" in refused.output


def test_a_label_is_shown_without_and_drawn_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    LabelStore().keep(Label("esp8266_15c5d000", "dormouse-15c5d0", "abcdefghj2"))
    shown = dormouse("label", "esp8266_15c5d000")
    assert (shown.status, "dormouse-15c5d0" in shown.output) == (0, True), shown.output
    refused = dormouse("label", "-o", str(tmp_path / "sheet.pdf"))
    assert refused.status == 1
    assert LINE in refused.output


def test_an_image_is_not_begun_without_it(tmp_path):
    sources = MicroPythonSources(tmp_path, "1.28", 0)
    with pytest.raises(ExtraNotInstalledError) as caught:
        build.run(sources, tmp_path, "", {}, log=tmp_path / "log", progress=print)
    assert LINE in str(caught.value)
    assert not (tmp_path / "log").exists()


def test_what_is_missing_of_ours_is_no_extra():
    with pytest.raises(ModuleNotFoundError), of_extra("flash", "esptool"):
        import host.nowhere  # noqa: F401, PLC0415
