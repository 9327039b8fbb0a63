"""Many virtual devices against one hub."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from host.twin.firmware import Build
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind, equip
from host.twin.register import chip_ids
from host.twin.rom import Bootloader, Rom
from host.twin.twin import CONNECTION, Twin

__all__ = ["Fleet", "Totals"]

# All at once would be a stampede that no drawer of real boards makes: seconds between two, and
# for all of them.
_APART_S, _RAMP_S = 0.03, 5.0


@dataclass(frozen=True, slots=True)
class Totals:
    """What a fleet did in `seconds`."""

    seconds: float
    cycles: int
    resets: int
    failures: int
    complaints: int
    states: Counter[str]

    @property
    def failed(self) -> int:
        """Wakes that failed in any way."""
        return self.failures + self.complaints

    @property
    def rate(self) -> float:
        """Wake cycles a second since the start."""
        return self.cycles / self.seconds if self.seconds > 0 else 0.0


class Fleet:
    """`kinds` says what each device is; their folders lie in `folder`, which stop() removes.

    With `keep` the folders stay, so that the devices are the same ones the next time; then
    `renewed` names the settings that are provisioned all the same. With a `bootloader` they start
    through it from the `image` and can be updated over the air, each at an address of its own.
    """

    def __init__(
        self,
        hub: HubAddress,
        firmware: Build,
        folder: Path,
        kinds: Sequence[TwinKind],
        *,
        interval: float = 5.0,
        pace: float = 1.0,
        first_chip: int = 0,
        keep: bool = False,
        renewed: Collection[str] = CONNECTION,
        bootloader: Bootloader | None = None,
        image: bytes = b"",
    ) -> None:
        self.folder = folder
        self.keep = keep
        self.twins: list[Twin] = []
        for chip, kind in zip(chip_ids(first_chip, kinds), kinds, strict=True):
            settings, world = equip(kind, hub, interval=interval, seed=chip)
            place = folder / f"{chip:08x}"
            self.twins.append(
                Twin(
                    place,
                    firmware,
                    chip_id=chip,
                    settings=settings,
                    world=world,
                    rom=Rom(place, bootloader, image, own=True) if bootloader else None,
                    pace=pace,
                    keep=keep,
                    renewed=renewed,
                )
            )
        self._began: float | None = None
        self._ended: float | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Switch the devices on, one shortly after the other."""
        self._began, self._ended = time.monotonic(), None
        try:
            for twin in self.twins:
                await twin.start()
                await asyncio.sleep(min(_APART_S, _RAMP_S / len(self.twins)))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Switch all off; returns when nothing of them runs any more."""
        self._ended = time.monotonic()
        ended = await asyncio.gather(*(twin.stop() for twin in self.twins), return_exceptions=True)
        if not self.keep:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        for error in ended:
            if error is not None:
                raise error

    def totals(self) -> Totals:
        """The sum of the devices' statistics. Raises what went wrong in running one."""
        for twin in self.twins:
            twin.check()
        now = self._ended or time.monotonic()
        seconds = 0.0 if self._began is None else now - self._began
        all_of_them = [twin.statistics for twin in self.twins]
        return Totals(
            seconds,
            sum(one.cycles for one in all_of_them),
            sum(one.resets for one in all_of_them),
            sum(one.failures for one in all_of_them),
            sum(one.complaints for one in all_of_them),
            Counter(str(one.state) for one in all_of_them),
        )
