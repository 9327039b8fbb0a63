"""Labels: what a phone reads from them, by another program's reader of QR codes."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from host.label import sheet
from host.label.errors import LabelStoreError, NoLabelError, SheetError
from host.label.label import Label, shown, wifi_text
from host.label.store import LabelStore
from tests.host.flash.conftest import dormouse

ONE = Label("esp8266_15c5d000", "dormouse-15c5d0", "abcdefghj2")


def understood(text: str) -> dict[str, str]:
    """The fields as a phone takes them apart: at semicolons that no backslash precedes."""
    assert text.startswith("WIFI:")
    assert text.endswith(";;")
    fields = re.findall(r"([A-Z]):((?:[^\\;]|\\.)*);", text.removeprefix("WIFI:"))
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in fields}


@pytest.mark.parametrize(
    ("network", "password", "text"),
    [
        ("dormouse-15c5d0", "abcdefghj2", "WIFI:T:WPA;S:dormouse-15c5d0;P:abcdefghj2;;"),
        # The example that ZXing's description of the format has.
        ('"foo;bar\\baz"', "12345678", 'WIFI:T:WPA;S:\\"foo\\;bar\\\\baz\\";P:12345678;;'),
        ("a,b:c", 'p;w\\:"x,y', 'WIFI:T:WPA;S:a\\,b\\:c;P:p\\;w\\\\\\:\\"x\\,y;;'),
        ("café 📶", "12345678", "WIFI:T:WPA;S:café 📶;P:12345678;;"),
        ("open", "", "WIFI:T:nopass;S:open;;"),
    ],
)
def test_what_a_phone_reads_is_the_network(network, password, text):
    assert wifi_text(network, password) == text
    fields = understood(text)
    assert fields["S"] == network
    assert fields.get("P", "") == password


class Console(io.StringIO):
    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_terminal_shows_it_with_what_can_be_typed_instead(encoding):
    said = shown(ONE, Console(encoding))
    said.encode(encoding)
    assert said.endswith(
        f"\n{ONE.text}\nesp8266_15c5d000\nWiFi dormouse-15c5d0\npassword abcdefghj2"
    )
    code = said.splitlines()[:-4]
    per_line = 2 if encoding == "utf-8" else 1
    dark = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    rows = []
    for line in code:
        if per_line == 2:
            rows += [[dark[one][row] for one in line] for row in (0, 1)]
        else:
            rows.append([int(one == " ") for one in line[::2]])
    picture = Image.new("L", (len(rows[0]), len(rows)), 255)
    picture.putdata([255 * (1 - module) for row in rows for module in row])
    picture = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    (read,) = zxingcpp.read_barcodes(picture)
    assert read.text == ONE.text


def many(count: int) -> list[Label]:
    return [
        Label(f"esp8266_{n:06x}00", f"dormouse-{n:06x}", f"password;{n:03}") for n in range(count)
    ]


def test_a_sheet_has_every_label_where_the_paper_is_cut(tmp_path):
    labels = many(sheet.PER_SHEET + 3)
    names = sheet.write(tmp_path / "labels.png", labels)
    assert [name.name for name in names] == ["labels-1.png", "labels-2.png"]
    read: list[str] = []
    for name in names:
        assert stat.S_IMODE(name.stat().st_mode) == 0o600
        with Image.open(name) as picture:
            # A4 at 300 dots an inch.
            assert picture.size == (2480, 3508)
            for code in zxingcpp.read_barcodes(picture):
                read.append(code.text)
                # Within its own label of 70 x 37 mm, clear of the edge that printers leave out.
                dots = 300 / 25.4
                left, right = code.position.top_left.x / dots, code.position.bottom_right.x / dots
                assert int(left // 70) == int(right // 70)
                assert left % 70 > 4
    assert sorted(read) == sorted(label.text for label in labels)


def test_text_on_a_label_stays_on_it():
    """The longest there is: the widest letters, in the network's and the password's own lengths."""
    widest = Label("esp8266_dddddd00", "dormouse-dddddd", "mmmmmmmmmm")
    (page,) = sheet.pages([widest])
    inside = page.crop((0, 0, round(70 / 25.4 * 300), round(37 / 25.4 * 300)))
    outside = page.copy()
    outside.paste(255, (0, 0, *inside.size))
    assert outside.getextrema() == (255, 255)
    assert inside.getextrema() == (0, 255)


def test_a_pdf_has_all_pages(tmp_path):
    (name,) = sheet.write(tmp_path / "labels.pdf", many(sheet.PER_SHEET * 2 + 1))
    data = name.read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", data)) == 3
    # A4 in points.
    assert re.search(rb"/MediaBox \[ 0 0 595\.\d+ 84[12]\.\d+ \]", data)


@pytest.mark.parametrize("name", ["labels", "labels.svg", "labels.txt"])
def test_other_files_are_no_sheets(tmp_path, name):
    with pytest.raises(SheetError, match=r"a \.pdf or a \.png"):
        sheet.write(tmp_path / name, [ONE])


def test_labels_are_remembered_by_device_and_privately(tmp_path):
    store = LabelStore(tmp_path / "state")
    assert store.all() == []
    for label in (ONE, *many(2), Label(ONE.device, ONE.network, "another one")):
        store.keep(label)
    assert [label.password for label in store.all()][-1] == "another one"
    assert len(store.all()) == 3
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert store.chosen([ONE.device])[0].password == "another one"
    with pytest.raises(NoLabelError, match="no label of esp8266_ffffff00"):
        store.chosen(["esp8266_ffffff00"])
    for damaged in ("{", "[5]", '[{"device": 1, "x": 2}]'):
        store.path.write_text(damaged)
        with pytest.raises(LabelStoreError, match="damaged"):
            store.all()


def test_the_command_makes_sheets_of_what_was_flashed_from_here(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    output = tmp_path / "labels.pdf"
    assert "no label is known here" in dormouse("label", "--output", str(output)).output
    for label in many(3):
        LabelStore().keep(label)
    # Where devices are connected, for the other commands: a sheet is of all all the same.
    monkeypatch.setenv("DORMOUSE_PORT", "/dev/ttyUSB99")
    said = dormouse("label", "--output", str(output))
    assert (said.status, said.output.strip()) == (0, f"{output}: 3 labels")
    said = dormouse("label", "--output", str(output), "--port", "/dev/ttyUSB98")
    assert "/dev/ttyUSB98: there is no such port" in said.output
    said = dormouse("label", "esp8266_00000100")
    assert said.status == 0
    assert "WIFI:T:WPA;S:dormouse-000001;P:password\\;001;;" in said.output
    assert json.loads(Path(LabelStore().path).read_text())
