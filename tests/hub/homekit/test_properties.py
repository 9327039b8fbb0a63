"""Whatever comes in: the bridge stays paired, the checklist holds, known ids never change.

`DORMOUSE_MESSAGES` sets how many messages are tried in all (default 4,000).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from contracts.homekit.definitions import CHARACTERISTICS, SERVICES
from tests.hub.homekit.conftest import Home

PER_RUN = 200
RUNS = max(1, int(os.environ.get("DORMOUSE_MESSAGES", "4000")) // PER_RUN)

DEVICES = ["esp_1", "esp_2", "_", "a" * 64, "a" * 65, "", "ü", "x y"]
SERVICE_NAMES = [*SERVICES, "NoSuch", "", "$report", "$batch", "$online", "#", "Switch\x00"]
CHARACTERISTIC_NAMES = [*CHARACTERISTICS, "NoSuch", "", "set", "$"]
PAYLOADS = [
    "0", "1", "true", "false", "20.125", "-40", "100", "101", "255", "nan", "inf", "-inf", "1e9",
    "1e999", "9" * 400, "", "ON", "\N{MOUSE}" * 300, "Attic", "A" * 64, "AQEF", "0x10", " 1", "1\n",
    '{"next_wake_s": 1}', '{"readings": []}', "null", "[]", "{", "\x00", "1.2.3", "-0",
]  # fmt: skip


@st.composite
def message(draw) -> tuple[str, bytes, bool]:
    """A topic, a payload, retained or not: two of three right or nearly so, the others hostile."""
    retained = draw(st.integers(0, 4)) == 0
    if draw(st.integers(0, 2)):
        device = draw(st.sampled_from(["esp_1", "esp_2", "esp_3", "_"]))
        known = SERVICES[draw(st.sampled_from(sorted(SERVICES)))]
        names = [known.main, known.main, *known.required, *known.optional]
        kind = CHARACTERISTICS[draw(st.sampled_from(names))]
        right = [str(value) for value in kind.valid] or ["0", "1", "20", "ab", "1.5", "AQEF"]
        payload = draw(st.sampled_from(right) | st.sampled_from(PAYLOADS))
        index = draw(st.sampled_from(["", "", "", "/0", "/1", "/99"]))
        return f"HomeKit/{device}/{known.name}{index}/{kind.name}", payload.encode(), retained
    device = draw(st.sampled_from(DEVICES) | st.text(max_size=8))
    if draw(st.integers(0, 3)) == 0:
        return f"HomeKit/{device}/$batch", batch(draw), retained
    service = draw(st.sampled_from(SERVICE_NAMES) | st.text(max_size=8))
    index = draw(st.sampled_from(["", "", "/0", "/1", "/99", "/100", "/-1", "/x"]))
    name = draw(st.sampled_from(CHARACTERISTIC_NAMES) | st.text(max_size=8))
    payload = draw(st.sampled_from(PAYLOADS).map(str.encode) | st.binary(max_size=16))
    return f"HomeKit/{device}/{service}{index}/{name}", payload, retained


def batch(draw) -> bytes:
    """Right for one characteristic and wrong for its neighbour."""
    value = draw(st.sampled_from(["1", "true", '"1"', "1e400", "null", "[1]", '"ON"', "20.5"]))
    name = draw(st.sampled_from(["Switch/On", "TemperatureSensor/CurrentTemperature", "Nix/Nix"]))
    age = draw(st.sampled_from(["0", "3600", "-1", '"x"']))
    return (
        f'{{"boot": "9f3a61c2", "up": 5000, "lost": 0, "readings": ['
        f'[1, 0, "TemperatureSensor/CurrentTemperature", 20.125], [2, {age}, "{name}", {value}]]}}'
    ).encode()


def ids(home: Home) -> dict[str, tuple[int, int, dict[str, int]]]:
    records = home.bridge.tree.identities.accessories.values()
    return {r.device: (r.bridge, r.aid, dict(r.iids)) for r in records}


def unchanged(before, after) -> bool:
    """Every id given stays what it was; more may have been given."""
    return all(
        after[device][:2] == (bridge, aid) and iids.items() <= after[device][2].items()
        for device, (bridge, aid, iids) in before.items()
    )


async def scenario(messages: list[tuple[str, bytes, bool]]) -> None:
    home = Home(settle=0)
    await home.bridge.start()
    try:
        phone = await home.phone()
        paired = home.bridge.pairings()[0].controllers
        before = ids(home)
        for count, (topic, payload, retained) in enumerate(messages):
            home.hear(topic, payload, retained=retained)
            if count % 20 == 0:
                await asyncio.sleep(0)  # lets the tree grow in between
                home.check()
                after = ids(home)
                assert unchanged(before, after)
                before = after
        await settled(home)
        home.check()
        assert unchanged(before, ids(home))
        assert home.bridge.pairings()[0].controllers == paired
        tree = await phone.tree()
        known = ids(home)
        await home.restart()
        assert ids(home) == known
        assert await home.phones[0].tree() == tree
        assert home.problems.total["defect"] == 0
    finally:
        for phone in home.phones:
            await phone.close()
        await home.bridge.stop()


async def settled(home: Home) -> None:
    async with asyncio.timeout(60):
        while home.bridge.growth.busy:
            await asyncio.sleep(0)


def test_whatever_comes_in(caplog):
    """The seed is hypothesis's own: it prints how to repeat a failure."""

    @settings(
        max_examples=RUNS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        # Shrinking takes minutes and the blob repeats the failure.
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )
    @given(st.lists(message(), min_size=20, max_size=40), st.integers(0, 2**32))
    @example([("HomeKit/esp_1/Switch/On", b"1", False)] * 20, 0)
    def run(messages, seed):
        # Repeated in another order: hypothesis's own lists stay short enough to be shrunk.
        shuffled = random.Random(seed)
        many = [shuffled.choice(messages) for _ in range(PER_RUN)]
        asyncio.run(scenario(many))

    for noisy in ("aiohomekit", "hub.runtime.problems"):
        caplog.set_level(logging.CRITICAL, noisy)
    run()
