"""One account that publishes for many devices: what it may, what others may not, whose they are."""

from __future__ import annotations

import pytest

from contracts.messages import Problem
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from hub.mqtt.access import Foreign, acl_lines, may_use
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.accounts import speaks_for, tenant_by_account
from tests.support.broker import until
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2
RULES = Mapping.model_validate(
    {"presets": ["tasmota"], "gateways": {"z2m": {"speaks": ["zigbee2mqtt"]}}}
)


class Accounts:
    """Who has an account, by name, in which tenant."""

    def __init__(self, **tenants: str) -> None:
        self._tenants = tenants

    def tenant(self, device: str) -> str | None:
        return self._tenants.get(device)


def foreign(translator: Translator) -> Foreign:
    reports, commands = translator.acl()
    filters = [*translator.filters, *translator.command_filters]
    return Foreign(filters, reports, commands, gateways=translator.gateways())


@pytest.mark.parametrize(
    ("account", "action", "topic", "allowed"),
    [
        ("z2m", "publish", "zigbee2mqtt/Living Room/Lamp", True),
        ("z2m", "publish", "zigbee2mqtt/bridge/state", True),
        ("z2m", "subscribe", "zigbee2mqtt/#", True),
        ("z2m", "publish", "tele/z2m/SENSOR", True),
        ("z2m", "publish", "tele/plug/SENSOR", False),
        ("plug", "publish", "zigbee2mqtt/plug", False),
        ("plug", "publish", "zigbee2mqtt/Lamp", False),
        ("plug", "publish", "zigbee2mqtt/bridge/state", False),
        ("plug", "subscribe", "zigbee2mqtt/Lamp/set", False),
        ("plug", "publish", "tele/plug/SENSOR", True),
        # It says of others what they are: for a gateway, not for whoever has an account.
        ("plug", "publish", "tasmota/discovery/A4CF129D0B15/config", False),
    ],
)
def test_what_a_gateway_may(account, action, topic, allowed):
    may = foreign(Translator(RULES))
    patterns = may.writable(account) if action == "publish" else may.readable(account)
    assert may_use(patterns, account, action, topic) is allowed


def test_the_acl_file_has_it_once_for_an_account_that_is_there():
    z2m = Account("home", "z2m", "hash", AccountState.ACTIVE)
    lines = "".join(acl_lines([z2m], foreign(Translator(RULES))))
    assert "user z2m\ntopic write zigbee2mqtt/#\ntopic read zigbee2mqtt/#\n" in lines
    # A user's own lines must come before the patterns, which hold for everybody.
    assert lines.index("user z2m") < lines.index("user hub") < lines.index("pattern")
    assert "user z2m" not in "".join(acl_lines([], foreign(Translator(RULES))))


async def test_on_a_real_broker(accounts, broker, monkeypatch):
    monkeypatch.setattr(broker.accounts, "_foreign", lambda: foreign(Translator(RULES)))
    await accounts.provision("z2m", "home", PASSWORD)
    await accounts.provision("plug", "home", PASSWORD)
    port, hub = broker.main.ports["mqtt"], broker.endpoint
    gateway = await Client.connect("127.0.0.1", port, "z2m", "z2m", PASSWORD)
    plug = await Client.connect("127.0.0.1", port, "plug", "plug", PASSWORD)
    watcher = await Client.connect("127.0.0.1", port, "hub", hub.user, hub.password)
    assert (gateway.code, plug.code, watcher.code) == (0, 0, 0)
    await watcher.subscribe("zigbee2mqtt/#")
    await plug.publish("zigbee2mqtt/Living Room/Lamp", b"forged")
    await gateway.publish("zigbee2mqtt/Living Room/Lamp", b"said")
    await until(lambda: watcher.got)
    assert [(topic, payload) for topic, payload, _ in watcher.got] == [
        ("zigbee2mqtt/Living Room/Lamp", b"said")
    ]
    for client in (gateway, plug, watcher):
        await client.close()


def test_a_gateways_devices_are_its_tenants():
    book = Accounts(z2m="school", esp="home")
    translator = Translator(RULES)
    translator.translate("zigbee2mqtt/Lamp", b'{"state": "ON"}')
    tenant_of = tenant_by_account(book, "home", translator.gateway_of)
    assert tenant_of("Lamp") == "school"
    assert tenant_of("esp") == "home"
    assert tenant_of("stranger") == "home"


def test_a_gateway_speaks_for_no_other_tenants_device():
    book = Accounts(z2m="school", esp="home", board="school")
    translator = Translator(RULES, speaks_for=lambda *who: speaks_for(book, *who))
    [refused] = translator.translate("zigbee2mqtt/esp", b'{"temperature": 20}')
    assert isinstance(refused, Problem)
    assert "z2m may not speak for esp" in refused.detail
    assert len(translator.translate("zigbee2mqtt/board", b'{"temperature": 20}')) == 1
    assert len(translator.translate("zigbee2mqtt/new", b'{"temperature": 20}')) == 1
