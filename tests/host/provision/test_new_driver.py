"""A driver made from the templates: it runs on the VM as it stands."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from host.errors import TableError
from host.newdriver.copied import copied
from host.newdriver.make import Bus, DriverNameError, TreeError, make
from host.provision import drivers
from host.sources import INSTALLED, Sources

ROOT = Path(__file__).resolve().parents[3]
_COPIED = ("contracts", "examples", "firmware", "host", "hub", "tests", "pyproject.toml", "VERSION")


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the source tree, so that no other test meets the new driver."""
    for name in _COPIED:
        source, target = ROOT / name, tmp_path / "tree" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "corpus"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    return tmp_path / "tree"


def contents(tree: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


LISTS = (
    "firmware/dormouse/sensors/__init__.py",
    "host/provision/drivers.toml",
    "host/boards/boards.toml",
)
MADE = {
    # name: what is asked for, what lists the stand-in, whether there is one
    "lm75": (("--address", "0x4a"), "host/twin/shims/machine.py", True),
    "max6675": (("--bus", "spi", "--select", "15"), "host/twin/shims/machine.py", True),
    "ds2438": (("--bus", "onewire", "--family", "0x26"), "host/twin/shims/_onewire.py", True),
    "talker": (("--bus", "serial", "--speed", "19200"), None, True),
    "tmp36": (("--bus", "adc"), None, False),
}


def test_new_drivers_of_every_bus_pass_their_own_tests_on_the_vm(tree):
    for name, (options, listing, chip) in MADE.items():
        before = contents(tree)
        made = run(tree, "-m", "host", "new-driver", name, *options)
        assert made.returncode == 0, made.stderr
        after = contents(tree)
        changed = {
            path.relative_to(tree).as_posix() for path in after if before.get(path) != after[path]
        }
        assert changed == {
            f"firmware/dormouse/sensors/{name}.py",
            f"tests/firmware/programs/check_{name}.py",
            *LISTS,
            *([listing] if listing else []),
            *([f"host/twin/shims/{name}_chip.py"] if chip else []),
        }
    # Their tests, other drivers' (the buses are the same), and what a person may then ask for.
    checks = " or ".join(f"check_{name}" for name in (*MADE, "bme280", "onewire"))
    tested = run(
        tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/firmware/test_programs.py",
        "-k", checks, "-o", "addopts=",
    )  # fmt: skip
    assert f"{len(MADE) + 2} passed" in tested.stdout, tested.stdout + tested.stderr
    allowed = (
        "from host import boards; from host.provision.plan import check_sensors as check; "
        "print(check([{'driver': 'lm75', 'scl': 'D1', 'sda': 'D2'}], boards.get('nodemcu')))"
    )
    assert "'scl': 5, 'sda': 4" in run(tree, "-c", allowed).stdout
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["tests.lint.micropython", "firmware"],
    ):
        styled = run(tree, "-m", *command)
        assert styled.returncode == 0, styled.stdout
    assert not (ROOT / "firmware/dormouse/sensors/lm75.py").exists()


def test_numbers_that_a_bus_does_not_have_change_nothing(tree):
    before = contents(tree)
    for bus, number, problem in (
        (Bus.SPI, 16, "select pin 0x10: a GPIO from 0 to 15"),
        (Bus.ONEWIRE, 0x28, "family 0x28 is ds18b20's: choose yours with --family"),
        (Bus.ONEWIRE, 0, "a family code"),
        (Bus.SERIAL, 50, "from 300 to 115200 baud"),
        (Bus.ADC, 1, "there is one ADC"),
    ):
        with pytest.raises(DriverNameError, match=problem):
            make(tree, "mine", number, bus)
    assert contents(tree) == before


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--bus", "spi", "--address", "0x48"), "--address is for --bus i2c"),
        (("--bus", "onewire", "--family", "DS"), "family 'DS' is no number like 0x3b"),
    ],
)
def test_options_of_another_bus_are_refused(tmp_path, options, problem):
    made = run(ROOT, "-m", "host", "new-driver", "mine", *options, "--source", str(tmp_path / "x"))
    assert made.returncode == 70
    assert problem in made.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("name", "address", "problem"),
    [
        ("Lm75", 0x48, "lower-case letters"),
        ("../x", 0x48, "lower-case letters"),
        ("class", 0x48, "no word of Python's"),
        ("x", 0x48, "2 to 24"),
        ("bme280", 0x48, "'bme280' is taken"),
        ("battery", 0x48, "'battery' is taken"),
        ("lm75", 0x76, "0x76 is bme280's"),
        ("lm75", 0x80, "from 0x8 to 0x77"),
    ],
)
def test_bad_or_taken_names_change_nothing(tree, name, address, problem):
    before = contents(tree)
    with pytest.raises(DriverNameError, match=problem):
        make(tree, name, address)
    assert contents(tree) == before


def test_only_in_a_source_tree(tmp_path):
    with pytest.raises(TreeError, match="no Dormouse source tree"):
        make(tmp_path, "lm75")


def test_an_unfamiliar_list_of_drivers_changes_nothing(tree):
    machine = tree / "host/twin/shims/machine.py"
    machine.write_text(machine.read_text().replace("CHIPS = {", "PARTS = {"))
    before = contents(tree)
    with pytest.raises(TreeError, match=r"machine\.py: not as it was"):
        make(tree, "lm75")
    assert contents(tree) == before


def test_a_copy_has_what_a_driver_needs_and_takes_several(tmp_path):
    folder = tmp_path / "new" / "mine"
    with copied(folder) as draft:
        make(draft, "lm75", 0x48)
        assert not folder.exists()
    make(folder, "lm76", 0x49)
    mine = Sources.at(folder)
    assert set(drivers.known(mine.drivers)) == {*drivers.known(), "lm75", "lm76"}
    names = {path.relative_to(mine.firmware) for path in mine.firmware.rglob("*.py")}
    ours = {path.relative_to(INSTALLED.firmware) for path in INSTALLED.firmware.rglob("*.py")}
    own = {Path(f"dormouse/sensors/{name}.py") for name in ("lm75", "lm76")}
    assert names == ours | own
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["bme280", "Lm75"])
def test_nothing_is_left_of_a_copy_that_fails(tmp_path, name):
    with pytest.raises(DriverNameError), copied(tmp_path / "mine") as draft:
        make(draft, name, 0x48)
    assert not [*tmp_path.iterdir()]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    for taken in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(TreeError, match="neither empty nor"), copied(taken):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[lm75", "not a list in TOML"),
        ("lm75 = 3", "not a list in TOML"),
        ("[lm75]\nname = 'LM75'\n", "Driver pins: Field required"),
    ],
)
def test_a_damaged_list_is_one_line(tmp_path, text, problem):
    file = tmp_path / "drivers.toml"
    file.write_text(text)
    with pytest.raises(TableError, match=problem) as error:
        drivers.known(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
