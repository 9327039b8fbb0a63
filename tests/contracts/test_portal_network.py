"""The network of a device's own is called after what tells chips apart."""

from __future__ import annotations

import pytest

from contracts.portal_network import network_name, tells

# system_get_chip_id() of the chip with the hardware address 5c:cf:7f:d0:c5:15 is 0x00d0c515; the
# port's machine.unique_id() is that number's 4 bytes, lowest first.
CHIP = 0x00D0C515
ID = "esp8266_" + CHIP.to_bytes(4, "little").hex()


def test_it_has_all_of_the_chips_bits():
    assert ID == "esp8266_15c5d000"
    assert network_name(ID) == "dormouse-15c5d0"
    reel = {f"esp8266_{(CHIP + n).to_bytes(4, 'little').hex()}" for n in range(1000)}
    assert len({network_name(one) for one in reel}) == 1000


@pytest.mark.parametrize("device", ["esp_12", "esp8266_15c5d0", "esp8266_15C5D000", "shelly1-1a2b"])
def test_an_id_of_another_form_has_none(device):
    assert network_name(device) is None
    assert tells(device.upper(), device)
    assert not tells("", device)


@pytest.mark.parametrize("typed", ["dormouse-15c5d0", " Dormouse-15C5D0 ", "15c5d0", ID])
def test_what_stands_on_the_label_tells(typed):
    assert tells(typed, ID)


@pytest.mark.parametrize("typed", ["", "d000", "00", "c5d000", "dormouse-", "15c5d1", "5c5d0"])
def test_what_many_chips_have_in_common_does_not(typed):
    assert not tells(typed, ID)
