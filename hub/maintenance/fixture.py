"""A home to begin with: tenants with places, devices and readings, from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import (
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
from hub.api.parameters import DeviceKey, Name
from hub.database.database import Database, TenantDatabase
from hub.database.errors import DatabaseError
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.places.repository import PlaceRepository

__all__ = ["FIXTURE", "Fixture", "FixtureError", "load_fixture", "read_fixture"]

FIXTURE = Path(__file__).parent / "fixtures" / "home.json"
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
_Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class FixtureDevice(BaseModel, extra="forbid"):
    """A device; `place` is a path, `readings` are [age in seconds, value] by series."""

    name: Name | None = None
    place: str | None = None
    readings: dict[_Series, list[tuple[_Age, _Value]]] = {}


class FixtureTenant(BaseModel, extra="forbid"):
    """What a tenant begins with."""

    places: FixturePlaces = FixturePlaces({})
    devices: dict[DeviceKey, FixtureDevice] = {}

    @model_validator(mode="after")
    def _places_are_there(self) -> FixtureTenant:
        paths = set(self.places.paths())
        for device, facts in self.devices.items():
            if facts.place is not None and facts.place not in paths:
                raise ValueError(f"{device} is in {facts.place!r}, which is no place of it")
        return self


Fixture = Mapping[_Tenant, FixtureTenant]
"""What tenants begin with, by name."""


class _File(RootModel[dict[_Tenant, FixtureTenant]]):
    """The form of a fixture's file."""


def read_fixture(file: Path = FIXTURE) -> Fixture:
    """What a file has, all of it checked. Raises FixtureError.

    The form is that of fixtures/home.json: by tenant, places as a tree of names, devices with the
    path of their place and readings as [age in seconds, value].
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


async def load_fixture(database: Database, fixture: Fixture | None = None) -> None:
    """Load tenants with places, devices and readings; those of fixtures/home.json otherwise."""
    for tenant, parts in (read_fixture() if fixture is None else fixture).items():
        await database.ensure_tenant(tenant)
        places = await _places(PlaceRepository(database.of(tenant)), parts.places)
        devices = DeviceRepository(database.of(tenant))
        for device, facts in parts.devices.items():
            place = None if facts.place is None else places[facts.place]
            await devices.add(device, facts.name, place)
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
            service, characteristic = name.split("/")
            key = SeriesKey(device, service, 0, characteristic)
            found = [Reading(key, value, now - timedelta(seconds=age)) for age, value in rows]
            ingest.put(found, lambda: None)
    await ingest.stop(timeout=60)
