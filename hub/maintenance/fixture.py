"""A home to begin with: tenants with places, devices and readings, from a file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    RootModel,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from contracts.reading import Reading, SeriesKey
from contracts.zones import UnknownZoneError, zone_of
from hub.api.parameters import DeviceKey, Name
from hub.database.database import Database, TenantDatabase
from hub.database.errors import DatabaseError
from hub.devices.attributes import AttributesRefusedError, merged
from hub.devices.changes import DeviceChanges
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.places.repository import PlaceRepository
from hub.readings.repository import ReadingRepository
from hub.readings.service import calibratable
from hub.searches.repository import SearchRepository
from hub.zones.repository import ZoneRepository

__all__ = [
    "FIXTURE",
    "Fixture",
    "FixtureError",
    "load_fixture",
    "read_fixture",
    "searched",
    "zones_of",
]

FIXTURE = Path(__file__).parent / "fixtures" / "home.json"
_WHO = "fixture"  # in the history of what it notes
_LEAST_GAIN = 1e-9  # as the database has it
_SHORTEST_S = 0.001  # of a calibration: instants are of microseconds
_OLDEST_S = 10 * 365 * 24 * 3600.0  # what is older is a mistake of the file's


class FixtureError(DatabaseError):
    """A file that is no fixture; `file` says which."""

    http_status = 422

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"fixture {file}: {reason}")


class FixturePlaces(RootModel[dict[Name, "FixturePlaces"]]):
    """Places by name, with those in each."""

    def paths(self, above: str = "") -> Iterator[str]:
        """Each place's path, "House/Kitchen"."""
        for name, below in self.root.items():
            path = f"{above}/{name}" if above else name
            yield path
            yield from below.paths(path)


_Age = Annotated[float, Field(ge=0, le=_OLDEST_S)]
_Value = StrictBool | StrictInt | StrictFloat | StrictStr
_Series = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}/[A-Za-z0-9.]{1,64}$")]


def _gain(number: float) -> float:
    if not _LEAST_GAIN <= abs(number) <= 1 / _LEAST_GAIN:
        raise ValueError(f"a gain lies between {_LEAST_GAIN:g} and {1 / _LEAST_GAIN:g}, or below 0")
    return number


_Gain = Annotated[float, AfterValidator(_gain)]
_Offset = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
_Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


def _zone(name: str) -> str:
    try:
        return zone_of(name).key
    except UnknownZoneError as error:
        raise ValueError(str(error)) from None


_Zone = Annotated[str, AfterValidator(_zone)]


class FixtureCalibration(BaseModel, extra="forbid"):
    """gain * value + offset holds from one age to a lower one, in seconds; null: without end."""

    gain: _Gain = 1.0
    offset: _Offset = 0.0
    since: _Age | None = None
    until: _Age | None = None

    def ages(self) -> tuple[float, float]:
        """The younger end and the older one; -inf and inf where it has none."""
        return (
            -math.inf if self.until is None else self.until,
            math.inf if self.since is None else self.since,
        )

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> FixtureCalibration:
        younger, older = self.ages()
        if older - younger < _SHORTEST_S:
            raise ValueError("`since` is an age that must be greater than `until`")
        return self


class FixtureDevice(BaseModel, extra="forbid"):
    """A device; `place` is a path, `readings` are [age in seconds, value] by series.

    `attributes` is what people note about it: names with any JSON. `calibrations` are of series
    that have readings, no two of them at once.
    """

    name: Name | None = None
    place: str | None = None
    attributes: dict[str, Any] = {}
    readings: dict[_Series, list[tuple[_Age, _Value]]] = {}
    calibrations: dict[_Series, list[FixtureCalibration]] = {}

    @model_validator(mode="after")
    def _calibrations_are_of_its_series(self) -> FixtureDevice:
        for name, several in self.calibrations.items():
            if not self.readings.get(name):
                raise ValueError(f"{name} is calibrated and has no readings")
            if not calibratable(_key("device", name)):
                raise ValueError(f"{name} is not measured on a scale: it cannot be calibrated")
            for (_, older), (younger, _) in pairwise(sorted(one.ages() for one in several)):
                if younger < older:
                    raise ValueError(f"{name} is calibrated twice at a time")
        return self


class FixtureTenant(BaseModel, extra="forbid"):
    """What a tenant begins with; `searches` are everybody's, a jsonpath by name.

    `zone` is the tenant's time zone, `zones` are those of places by their paths.
    """

    zone: _Zone | None = None
    places: FixturePlaces = FixturePlaces({})
    zones: dict[str, _Zone] = {}
    devices: dict[DeviceKey, FixtureDevice] = {}
    searches: Annotated[dict[Name, str], Field(max_length=100)] = {}

    @model_validator(mode="after")
    def _places_are_there(self) -> FixtureTenant:
        paths = set(self.places.paths())
        for place in self.zones:
            if place not in paths:
                raise ValueError(f"{place!r} has a zone, and is no place of it")
        for device, facts in self.devices.items():
            if facts.place is not None and facts.place not in paths:
                raise ValueError(f"{device} is in {facts.place!r}, which is no place of it")
            try:
                merged({}, facts.attributes)
            except AttributesRefusedError as error:
                raise ValueError(f"{device}: {error}") from None
        return self


Fixture = Mapping[_Tenant, FixtureTenant]
"""What tenants begin with, by name."""


class _File(RootModel[dict[_Tenant, FixtureTenant]]):
    """The form of a fixture's file."""


def read_fixture(file: Path = FIXTURE) -> Fixture:
    """What a file has, all of it checked. Raises FixtureError.

    The form is that of fixtures/home.json: by tenant, places as a tree of names, devices with the
    path of their place and readings as [age in seconds, value]; zones of the tenant and of places,
    and what series are calibrated by, where they are given.
    """
    try:
        return _File.model_validate_json(file.read_bytes()).root
    except OSError as error:
        raise FixtureError(file, error.strerror or str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise FixtureError(file, f"{where}: {said}" if where else said) from None


def searched(fixture: Fixture) -> list[str]:
    """The questions of all its searches: only a database can say whether it can read them."""
    return [path for parts in fixture.values() for path in parts.searches.values()]


def zones_of(fixture: Fixture) -> set[str]:
    """All its time zones: only a database can say whether it knows them too."""
    own = {parts.zone for parts in fixture.values() if parts.zone is not None}
    return own.union(*(parts.zones.values() for parts in fixture.values()))


async def load_fixture(database: Database, fixture: Fixture | None = None) -> None:
    """Load tenants with all that a fixture has; those of fixtures/home.json otherwise."""
    for tenant, parts in (read_fixture() if fixture is None else fixture).items():
        await database.ensure_tenant(tenant)
        places = await _places(PlaceRepository(database.of(tenant)), parts.places)
        zones = ZoneRepository(database.of(tenant))
        await zones.set_tenant(parts.zone)
        for path, zone in parts.zones.items():
            await zones.set_place(places[path], zone)
        devices = DeviceRepository(database.of(tenant))
        for device, facts in parts.devices.items():
            place = None if facts.place is None else places[facts.place]
            await devices.add(device, facts.name, place)
            if facts.attributes:
                changes = DeviceChanges(database.of(tenant), _WHO)
                await changes.attributes(device, facts.attributes)
        searches = SearchRepository(database.of(tenant), 0)
        for name, path in parts.searches.items():
            await searches.save(name, path, _WHO, shared=True)
        await _readings(database.of(tenant), parts.devices)


async def _places(
    places: PlaceRepository, names: FixturePlaces, parent: int | None = None, path: str = ""
) -> dict[str, int]:
    found = {}
    for name, below in names.root.items():
        here = f"{path}/{name}" if path else name
        found[here] = await places.add(name, parent)
        found |= await _places(places, below, found[here], here)
    return found


async def _readings(database: TenantDatabase, devices: Mapping[str, FixtureDevice]) -> None:
    now = datetime.now(UTC)
    ingest = Ingest(database)
    await ingest.start()
    for device, facts in devices.items():
        for name, rows in facts.readings.items():
            key = _key(device, name)
            found = [Reading(key, value, now - timedelta(seconds=age)) for age, value in rows]
            ingest.put(found, lambda: None)
    await ingest.stop(timeout=60)
    readings = ReadingRepository(database)
    for device, facts in devices.items():
        for name, several in facts.calibrations.items():
            for one in several:
                since, until = (
                    None if age is None else now - timedelta(seconds=age)
                    for age in (one.since, one.until)
                )  # fmt: skip
                await readings.calibrate(
                    _key(device, name), gain=one.gain, offset=one.offset, since=since, until=until,
                    who=_WHO,
                )  # fmt: skip


def _key(device: str, name: str) -> SeriesKey:
    service, characteristic = name.split("/")
    return SeriesKey(device, service, 0, characteristic)
