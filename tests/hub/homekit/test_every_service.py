"""Every service there is: each characteristic at its bounds and beyond, read by a controller."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES, Characteristic
from contracts.homekit.values import parse
from hub.homekit.model import shown
from tests.support.controller import Refused

PRESS = "ProgrammableSwitchEvent"


def allowed(kind: Characteristic) -> Iterator[str]:
    """Payloads at the bounds."""
    match kind.format:
        case "bool":
            yield from ("1", "0", "true", "false")
        case "tlv8" | "data":
            yield base64.b64encode(b"\x01\x01\x05").decode()
        case "string" if kind.name.endswith("Revision"):
            yield "1.22.333"
        case "string":
            yield from ("ab", "Ä" * 64)
        case _ if kind.valid:
            yield from (str(kind.valid[0]), str(kind.valid[-1]))
        case "float":
            low = -1e9 if kind.minimum is None else kind.minimum
            high = 1e9 if kind.maximum is None else kind.maximum
            yield from (str(low), str(high), str(low + (high - low) / 3))
        case _:
            yield from (str(int(kind.minimum)), str(int(kind.maximum)))


def beyond(kind: Characteristic) -> Iterator[str]:
    """Payloads that must change nothing."""
    yield from ("nan", "-inf", "1e999", "teapot", "\N{MOUSE}")
    match kind.format:
        case "bool":
            yield from ("2", "-1", "1.5")
        case "tlv8" | "data":
            yield "AQ=="
        case "string" if kind.name not in {"Name", "ConfiguredName"}:
            yield "a" * 65
        case "string":
            yield "\N{MOUSE}" * 65
        case _ if kind.valid:
            yield from (str(kind.valid[0] - 1), str(kind.valid[-1] + 1), "0.5")


def limits(kind: Characteristic) -> Iterator[tuple[str, float]]:
    """Payloads a little beyond the widest limits, and what is shown instead: the limit."""
    if not kind.valid and (kind.integral or kind.format == "float"):
        for limit, step in ((kind.least, -1), (kind.most, 1)):
            if limit is not None:
                yield str(limit + step), limit


@pytest.mark.parametrize("service", sorted(SERVICES))
async def test_a_controller_reads_exactly_what_is_allowed(home, service):
    known = SERVICES[service]
    device = f"dev_{service}"
    if service == INFORMATION:
        home.hear(f"HomeKit/{device}/Switch/On", "1")
    names = sorted({*known.required, *known.optional}, key=lambda c: c != known.main)
    for name in names:
        home.hear(f"HomeKit/{device}/{service}/{name}", next(allowed(CHARACTERISTICS[name])))
    phone = await home.phone()
    for name in names:
        kind = CHARACTERISTICS[name]
        place = await phone.wait_for(device, service, name)
        for payload in allowed(kind):
            home.hear(f"HomeKit/{device}/{service}/{name}", payload)
            expected = shown(kind, parse(service, name, payload))
            if name == PRESS:
                expected = None
            elif not kind.readable:
                with pytest.raises(Refused) as refused:
                    await phone.read(place)
                assert refused.value.status == -70405
                continue
            elif service == INFORMATION and name in {"Name", "SerialNumber"}:
                continue  # names are made unique, serial numbers are ours: other tests
            got = await phone.read(place)
            assert got == expected
            assert isinstance(got, bool) == isinstance(expected, bool)
        before = dict(home.problems.total)
        value = await phone.read(place) if kind.readable else None
        for payload in beyond(kind):
            if kind.format != "string" or len(payload) > 64:
                home.hear(f"HomeKit/{device}/{service}/{name}", payload)
                assert dict(home.problems.total) != before, (name, payload)
                before = dict(home.problems.total)
        if kind.readable:
            assert await phone.read(place) == value
        for payload, limit in limits(kind):
            home.hear(f"HomeKit/{device}/{service}/{name}", payload)
            assert home.problems.total["range"] > before.get("range", 0), (name, payload)
            before = dict(home.problems.total)
            await home.settled()
            if kind.readable and name != PRESS:
                assert await phone.read(place) == limit
        home.check()
