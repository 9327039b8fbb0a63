import pytest

from host import boards
from host.errors import UnknownBoardError
from host.firmware import SOURCE

DRIVERS = {path.stem for path in (SOURCE / "dormouse/sensors").glob("[a-z]*.py")}


@pytest.mark.parametrize("board", boards.known().values(), ids=lambda board: board.id)
def test_every_board_is_complete(board):
    assert board.flash_size in {1 << n for n in range(19, 23)}
    assert board.auto_reset != bool(board.loader)
    assert set(board.sensors) <= DRIVERS
    assert set(board.pins.values()) <= set(range(6)) | set(range(12, 17))  # 6..11 are the flash's
    wired = {*board.onewire, *([board.i2c.scl, board.i2c.sda] if board.i2c else [])}
    assert wired <= set(board.pins.values())
    # An update slot needs the map of 1 MiB at the least.
    assert bool(board.ota) == (board.flash_size < 1 << 20)
    # Without a divider on the board what is measured is asked for.
    assert board.battery_mv is None or "battery" in board.sensors


def test_what_the_field_notes_say():
    for name in ("sonoff-basic", "sonoff-s20"):
        sonoff = boards.get(name)
        assert (sonoff.flash_mode, sonoff.auto_reset) == ("dout", False)
        assert "button" in sonoff.loader
        assert sonoff.switch == boards.Relay(relay=12, button=0, led=13)
    assert "512 KiB" in boards.get("ESP-01").ota


def test_pins_by_label_and_number():
    board = boards.get("nodemcu")
    assert [board.gpio(text) for text in ("D2", "d2", "GPIO4", "4")] == [4] * 4
    assert [board.gpio(text) for text in ("D12", "GPIO6", "x", "", "-1", "²")] == [None] * 6
    assert board.label(4) == "D2 (GPIO4)"
    assert boards.get("sonoff-s20").label(12) == "GPIO12"


def test_an_unknown_board_names_the_known():
    with pytest.raises(
        UnknownBoardError, match=r"'esp99'.*nodemcu, d1-mini, .*sonoff-s20"
    ) as error:
        boards.get("esp99")
    assert error.value.exit_status == 25
